/* The module parapack._parapack: its functions, its state, its execution. */
#include "datetimes.h"
#include "functions.h"
#include "pack_native.h"
#include "pack_options.h"
#include "packer.h"
#include "share_module.h"
#include "state.h"
#include "timestamp.h"
#include "unpack_options.h"
#include "unpacker.h"
#include "view.h"

/* ---- functions ------------------------------------------------------------------------ */

PyDoc_STRVAR(packb_doc,
             "packb($module, o, **options)\n--\n\n"
             "Pack *o* and return it as bytes. The options are those of Packer.\n\n"
             "Raises TypeError for a type that cannot be packed, ValueError for nesting deeper\n"
             "than 1024 or a body longer than 2**32-1, OverflowError for an int outside 64\n"
             "bits, RuntimeError where a container changed while a hook ran, and whatever the\n"
             "hooks raise.\n\n"
             "Thread safety: any thread. A long call gives the GIL up; see Packer's *atomic*.");

PyDoc_STRVAR(pack_doc, "pack($module, o, stream, **options)\n--\n\n"
                       "Pack *o* and pass it to *stream*.write() in one piece; see packb().");

PyDoc_STRVAR(pack_parts_doc,
             "pack_parts($module, obj, **options)\n--\n\n"
             "Pack *obj* and return a list of bytes and memoryview objects that follow one\n"
             "another, as writelines() and sendmsg() take them. Bytes, bytearray and memoryview\n"
             "bodies of 4 KiB and more are not copied: what is written to them shows, and a\n"
             "bytearray cannot be resized, until the list is gone. See packb().");

PyDoc_STRVAR(pack_into_doc,
             "pack_into($module, buffer, obj, offset=0, **options)\n--\n\n"
             "Pack *obj* into the writable *buffer* from byte *offset* on (negative: from its\n"
             "end) and return how many bytes that took, as int. ValueError, with nothing\n"
             "written, where it does not fit. See packb().");

PyDoc_STRVAR(unpackb_doc,
             "unpackb($module, packed, **options)\n--\n\n"
             "Unpack the one object in the bytes-like *packed*. The options are those of\n"
             "Unpacker that do not concern streams.\n\n"
             "Raises ExtraData where bytes follow the object, ValueError where it is incomplete\n"
             "or exceeds a limit, FormatError where it is not MessagePack, StackError where it\n"
             "is nested more than 1024 deep, and whatever the hooks raise.\n\n"
             "Thread safety: any thread. *packed* may change meanwhile: anything but bytes is\n"
             "copied first.");

PyDoc_STRVAR(unpack_doc, "unpack($module, stream, **options)\n--\n\n"
                         "Unpack the one object that *stream*.read() returns; see unpackb().");

#define FUNCTION(name)                                                                             \
    {                                                                                              \
#name, (PyCFunction)(void (*)(void))function_##name, METH_FASTCALL | METH_KEYWORDS,        \
            name##_doc                                                                             \
    }

static PyMethodDef functions[] = {
    FUNCTION(packb),   FUNCTION(pack),   FUNCTION(pack_parts),  FUNCTION(pack_into),
    FUNCTION(unpackb), FUNCTION(unpack), {NULL, NULL, 0, NULL},
};

/* ---- execution ------------------------------------------------------------------------ */

static PyObject *import_attribute(const char *module, const char *name)
{
    PyObject *m = PyImport_ImportModule(module);
    PyObject *o = m ? PyObject_GetAttrString(m, name) : NULL;
    Py_XDECREF(m);
    return o;
}

static int import_names(module_state *st)
{
    const struct {
        PyObject **field;
        const char *module, *name;
    } wanted[] = {
        {&st->BufferFull, "parapack.exceptions", "BufferFull"},
        {&st->ExtraData, "parapack.exceptions", "ExtraData"},
        {&st->FormatError, "parapack.exceptions", "FormatError"},
        {&st->OutOfData, "parapack.exceptions", "OutOfData"},
        {&st->StackError, "parapack.exceptions", "StackError"},
        {&st->exttype_type, "parapack._exttype", "ExtType"},
        {&st->getswitchinterval, "sys", "getswitchinterval"},
#if FREE_THREADED
        {&st->is_gil_enabled, "sys", "_is_gil_enabled"},
#endif
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(wanted); i++) {
        *wanted[i].field = import_attribute(wanted[i].module, wanted[i].name);
        if (!*wanted[i].field)
            return -1;
    }
    if (!PyType_Check(st->exttype_type) ||
        !PyType_IsSubtype((PyTypeObject *)st->exttype_type, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "parapack._exttype.ExtType must be a subclass of tuple");
        return -1;
    }
    return 0;
}

static int intern_names(module_state *st)
{
    const struct {
        PyObject **field;
        const char *text;
    } wanted[] = {
        {&st->str_read, "read"}, {&st->str_write, "write"}, {&st->str_items, "items"},
        {&st->str_code, "code"}, {&st->str_data, "data"},
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(wanted); i++) {
        *wanted[i].field = PyUnicode_InternFromString(wanted[i].text);
        if (!*wanted[i].field)
            return -1;
    }
    st->pack_option_names = options_names(pack_option_specs);
    st->unpack_option_names = options_names(unpack_option_specs);
    st->dict_items = PyObject_GetAttr((PyObject *)&PyDict_Type, st->str_items);
    return st->pack_option_names && st->unpack_option_names && st->dict_items ? 0 : -1;
}

static int make_small_values(module_state *st)
{
    for (int i = 0; i < (int)Py_ARRAY_LENGTH(st->small_int); i++) {
        st->small_int[i] = PyLong_FromLong(i - 32);
        if (!st->small_int[i])
            return -1;
    }
    for (int i = 0; i < (int)Py_ARRAY_LENGTH(st->ascii); i++) {
        st->ascii[i] = PyUnicode_FromOrdinal(i);
        if (!st->ascii[i])
            return -1;
    }
    return 0;
}

static int module_exec(PyObject *module)
{
    module_state *st = state_of_module(module);
    if (import_names(st) || intern_names(st) || make_small_values(st) ||
        timestamp_add_type(module, st) || packer_add_type(module, st) ||
        unpacker_add_type(module, st) || view_add_types(module, st) || share_add(module, st))
        return -1;
    return 0;
}

/* ---- the end ------------------------------------------------------------------------------ */

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    module_state *st = state_of_module(module);
    Py_VISIT(st->packer_type);
    Py_VISIT(st->unpacker_type);
    Py_VISIT(st->timestamp_type);
    Py_VISIT(st->exttype_type);
    Py_VISIT(st->BufferFull);
    Py_VISIT(st->ExtraData);
    Py_VISIT(st->FormatError);
    Py_VISIT(st->OutOfData);
    Py_VISIT(st->StackError);
    Py_VISIT(st->dict_items);
    Py_VISIT(st->getswitchinterval);
    Py_VISIT(st->is_gil_enabled);
    Py_VISIT(st->epoch);
    int stop = share_traverse(st, visit, arg);
    if (!stop)
        stop = view_traverse(&st->views, visit, arg);
    if (stop)
        return stop;
    return native_traverse(st, visit, arg);
}

static int module_clear(PyObject *module)
{
    module_state *st = state_of_module(module);
    Py_CLEAR(st->packer_type);
    Py_CLEAR(st->unpacker_type);
    Py_CLEAR(st->timestamp_type);
    Py_CLEAR(st->exttype_type);
    Py_CLEAR(st->BufferFull);
    Py_CLEAR(st->ExtraData);
    Py_CLEAR(st->FormatError);
    Py_CLEAR(st->OutOfData);
    Py_CLEAR(st->StackError);
    Py_CLEAR(st->pack_option_names);
    Py_CLEAR(st->unpack_option_names);
    Py_CLEAR(st->str_read);
    Py_CLEAR(st->str_write);
    Py_CLEAR(st->str_items);
    Py_CLEAR(st->str_code);
    Py_CLEAR(st->str_data);
    Py_CLEAR(st->dict_items);
    Py_CLEAR(st->getswitchinterval);
    Py_CLEAR(st->is_gil_enabled);
    Py_CLEAR(st->epoch);
    for (size_t i = 0; i < Py_ARRAY_LENGTH(st->small_int); i++)
        Py_CLEAR(st->small_int[i]);
    for (size_t i = 0; i < Py_ARRAY_LENGTH(st->ascii); i++)
        Py_CLEAR(st->ascii[i]);
    share_clear(st);
    view_clear(&st->views);
    native_clear(st);
    return 0;
}

static void module_free(void *module)
{
    module_state *st = state_of_module(module);
    if (!st)
        return;
    module_clear(module);
    key_cache_pool_clear(&st->key_caches);
}

PyDoc_STRVAR(module_doc, "The compiled part of parapack: import parapack instead.");

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

struct PyModuleDef parapack_module_def = {
    PyModuleDef_HEAD_INIT,          .m_name = "parapack._parapack", .m_doc = module_doc,
    .m_size = sizeof(module_state), .m_methods = functions,         .m_slots = slots,
    .m_traverse = module_traverse,  .m_clear = module_clear,        .m_free = module_free,
};

PyMODINIT_FUNC PyInit__parapack(void)
{
    return PyModuleDef_Init(&parapack_module_def);
}
