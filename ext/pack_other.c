/* Values that are neither leaves nor plain containers: subclasses, buffers, ext,
 * timestamps, and what only a hook knows. */
#include "datetimes.h"
#include "pack_native.h"
#include "pack_walk.h"
#include "share_proxy.h"
#include "timestamp.h"
#include "view.h"

static bool overrides(PyTypeObject *type, PyObject *name, PyObject *original)
{
    PyObject *found = PyObject_GetAttr((PyObject *)type, name);
    bool same = found == original;
    if (!found)
        PyErr_Clear();
    Py_XDECREF(found);
    return !same;
}

/* A subclass of dict. One that keeps dict's items() is read as a dict; from any
 * other (OrderedDict, say, whose order is its own) the pairs are asked for. */
static int enter_dict_like(pack *pk, PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    pack_pin_frames(pk); /* a metaclass or a descriptor may run code in overrides() */
    if (PyDict_Check(o) && Py_IS_TYPE(type, &PyType_Type) &&
        !overrides(type, pk->state->str_items, pk->state->dict_items))
        return pack_open_dict(pk, Py_NewRef(o), true);
    if (!PyODict_CheckExact(o))
        pack_before_hook(pk);
    PyObject *items = PyMapping_Items(o);
    if (!items)
        return FAILED;
    return pack_open_pairs(pk, items);
}

/* A subclass of list or tuple; one with an __iter__ of its own is iterated. */
static int enter_list_like(pack *pk, PyObject *o)
{
    bool list = PyList_Check(o);
    getiterfunc iter = list ? PyList_Type.tp_iter : PyTuple_Type.tp_iter;
    if (Py_TYPE(o)->tp_iter == iter)
        return (list ? pack_open_list : pack_open_tuple)(pk, Py_NewRef(o), true);
    pack_before_hook(pk);
    PyObject *items = PySequence_List(o);
    if (!items)
        return FAILED;
    return pack_open_list(pk, items, true);
}

int pack_ext(pack *pk, int8_t type, PyObject *data)
{
    if (!PyBytes_Check(data))
        return pack_fail(pk, PyExc_TypeError, "ext data must be bytes, not '%.200s'",
                         Py_TYPE(data)->tp_name);
    size_t size = (size_t)PyBytes_GET_SIZE(data);
    if (size > PACK_LENGTH_MAX)
        return pack_fail(pk, PyExc_ValueError, "EXT data is too large");
    if (pack_header_room(pk))
        return FAILED;
    pk->cursor = pp_put_ext_header(pk->cursor, type, (uint32_t)size);
    return pack_body_of(pk, data, PyBytes_AS_STRING(data), size);
}

static int enter_ext(pack *pk, PyObject *o)
{
    PyObject *code, *data;
    if (Py_IS_TYPE(o, (PyTypeObject *)pk->state->exttype_type) && PyTuple_GET_SIZE(o) == 2) {
        code = Py_NewRef(PyTuple_GET_ITEM(o, 0));
        data = Py_NewRef(PyTuple_GET_ITEM(o, 1));
    } else {
        pack_before_hook(pk);
        code = PyObject_GetAttr(o, pk->state->str_code);
        data = code ? PyObject_GetAttr(o, pk->state->str_data) : NULL;
    }
    int failed = FAILED;
    if (data) {
        long type = PyLong_AsLong(code);
        if (type == -1 && PyErr_Occurred())
            failed = FAILED;
        else if (type < INT8_MIN || type > INT8_MAX)
            failed = pack_fail(pk, PyExc_ValueError, "ext code must be -128~127, not %ld", type);
        else
            failed = pack_ext(pk, (int8_t)type, data);
    }
    Py_XDECREF(code);
    Py_XDECREF(data);
    return failed;
}

static int put_timestamp(pack *pk, int64_t seconds, uint32_t nanoseconds)
{
    if ((size_t)(pk->end - pk->cursor) < PP_TIMESTAMP_MAX && pack_grow(pk, PP_TIMESTAMP_MAX))
        return FAILED;
    pk->cursor = pp_put_timestamp(pk->cursor, seconds, nanoseconds);
    return DONE;
}

static int enter_timestamp(pack *pk, PyObject *o)
{
    int64_t seconds;
    uint32_t nanoseconds;
    if (timestamp_get(o, &seconds, &nanoseconds))
        return FAILED;
    return put_timestamp(pk, seconds, nanoseconds);
}

static int enter_datetime(pack *pk, PyObject *o)
{
    int64_t seconds;
    uint32_t nanoseconds;
    if (!datetime_is_plain(pk->state, o))
        pack_before_hook(pk); /* tzinfo is a class of the caller's */
    if (timestamp_from_datetime(pk->state, o, &seconds, &nanoseconds))
        return FAILED;
    return put_timestamp(pk, seconds, nanoseconds);
}

static int bin_header(pack *pk, size_t size, const char *what)
{
    if (size > PACK_LENGTH_MAX)
        return pack_fail(pk, PyExc_ValueError, "%.200s is too large", what);
    if (pack_header_room(pk))
        return FAILED;
    pk->cursor = pk->options->use_bin_type ? pp_put_bin_header(pk->cursor, (uint32_t)size)
                                           : pp_put_raw_header(pk->cursor, (uint32_t)size);
    return DONE;
}

/* bytearray and memoryview: the export keeps the memory where it is, whatever
 * other threads do, until it has been copied. Its contents may still change. */
static int enter_buffer(pack *pk, PyObject *o)
{
    Py_buffer view;
    if (!PyByteArray_CheckExact(o) && !PyMemoryView_Check(o))
        pack_before_hook(pk); /* a subclass may have a __buffer__ of its own */
    if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE))
        return FAILED;
    if (bin_header(pk, (size_t)view.len,
                   PyMemoryView_Check(o) ? "memoryview" : "bytearray object")) {
        PyBuffer_Release(&view);
        return FAILED;
    }
    return pack_body_of_view(pk, o, &view);
}

/* A str with an error handler other than 'strict'. */
static int enter_str_with_handler(pack *pk, PyObject *o)
{
    pack_before_hook(pk);
    const char *handler = PyUnicode_AsUTF8(pk->options->unicode_errors);
    PyObject *bytes = handler ? PyUnicode_AsEncodedString(o, "utf-8", handler) : NULL;
    if (!bytes)
        return FAILED;
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    int failed = FAILED;
    if (size > PACK_LENGTH_MAX) {
        pack_fail(pk, PyExc_ValueError, "unicode string is too large");
    } else if (!pack_header_room(pk)) {
        pk->cursor = pk->options->use_bin_type ? pp_put_str_header(pk->cursor, (uint32_t)size)
                                               : pp_put_raw_header(pk->cursor, (uint32_t)size);
        failed = pack_body_of(pk, bytes, PyBytes_AS_STRING(bytes), size);
    }
    Py_DECREF(bytes);
    return failed;
}

/* ---- dispatch ------------------------------------------------------------------ */

/* Packs a new reference in place of another object. What a class says of itself
 * may change from call to call, so that this may be entered again without end. */
int pack_enter_replacement(pack *pk, PyObject *o, bool may_default)
{
    int done = pack_leaf(pk, o);
    if (done || Py_EnterRecursiveCall(" while packing")) {
        Py_DECREF(o);
        return done > 0 ? DONE : FAILED;
    }
    int failed = pack_enter(pk, o, true, may_default);
    Py_LeaveRecursiveCall();
    return failed;
}

/* Takes over a bytes object that is one MessagePack value. */
static int enter_encoded(pack *pk, PyObject *bytes)
{
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    int failed = pack_body_of(pk, bytes, PyBytes_AS_STRING(bytes), size);
    Py_DECREF(bytes);
    return failed;
}

static int unsupported(pack *pk, PyObject *o)
{
    if (PyLong_Check(o) && !pk->options->strict_types)
        return pack_fail(pk, PyExc_OverflowError, "Integer value out of range");
    if (PyLong_CheckExact(o))
        return pack_fail(pk, PyExc_OverflowError, "Integer value out of range");
    if (pk->options->datetime && is_datetime(pk->state, o))
        return pack_fail(pk, PyExc_ValueError,
                         "can not serialize '%.200s' object where tzinfo=None",
                         Py_TYPE(o)->tp_name);
    if (pk->sharing && share_is_proxy(o))
        return pack_fail(pk, PyExc_TypeError,
                         "cannot freeze a live '%.200s' (share.deep keeps it live)",
                         Py_TYPE(o)->tp_name);
    return pack_fail(pk, PyExc_TypeError,
                     pk->sharing ? "cannot share a '%.200s' object"
                                 : "can not serialize '%.200s' object",
                     Py_TYPE(o)->tp_name);
}

static int enter_by_hook(pack *pk, PyObject *o, bool may_default)
{
    if (pk->options->native_mask) {
        PyObject *replacement = NULL;
        pack_before_hook(pk);
        int found = native_convert(pk->state, pk->options->native_mask, o, &replacement);
        if (found < 0) {
            pack_note_path(pk);
            return FAILED;
        }
        if (found == NATIVE_ENCODED)
            return enter_encoded(pk, replacement);
        if (found)
            return pack_enter_replacement(pk, replacement, may_default);
    }
    if (!may_default || !pk->options->on_default)
        return unsupported(pk, o);
    pack_before_hook(pk);
    PyObject *replacement = PyObject_CallOneArg(pk->options->on_default, o);
    return replacement ? pack_enter_replacement(pk, replacement, false) : FAILED;
}

/* Everything else. Borrows `o`, which stays alive. */
int pack_other(pack *pk, PyObject *o, bool may_default)
{
    module_state *st = pk->state;
    bool strict = pk->options->strict_types;
    if (strict ? PyByteArray_CheckExact(o) : PyByteArray_Check(o))
        return enter_buffer(pk, o);
    if (strict ? PyUnicode_CheckExact(o) : PyUnicode_Check(o))
        return enter_str_with_handler(pk, o);
#if PY_VERSION_HEX >= 0x030f0000
    if (strict ? PyFrozenDict_CheckExact(o) : PyAnyDict_Check(o))
        return enter_dict_like(pk, o);
#else
    if (!strict && PyDict_Check(o))
        return enter_dict_like(pk, o);
#endif
    if (strict ? Py_IS_TYPE(o, (PyTypeObject *)st->exttype_type)
               : PyObject_TypeCheck(o, (PyTypeObject *)st->exttype_type))
        return enter_ext(pk, o);
    if (Py_IS_TYPE(o, st->timestamp_type))
        return enter_timestamp(pk, o);
    pp_view encoded;
    if (view_bytes(st, o, &encoded))
        return pack_body_of(pk, o, encoded.data, encoded.size);
    if (!strict && (PyList_Check(o) || PyTuple_Check(o)))
        return enter_list_like(pk, o);
    if (PyMemoryView_Check(o))
        return enter_buffer(pk, o);
    if (pk->options->datetime) {
        pack_pin_frames(pk); /* may import the datetime module */
        int aware = is_aware_datetime(st, o);
        if (aware < 0)
            return FAILED;
        if (aware)
            return enter_datetime(pk, o);
    }
    return enter_by_hook(pk, o, may_default);
}
