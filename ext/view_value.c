/* Values of a document as Python objects, and Python objects as keys of a document. */
#include "parapack/format.h"
#include "timestamp.h"
#include "unpack_leaf.h"
#include "unpack_options.h"
#include "view.h"

/* ---- out -------------------------------------------------------------------------------- */

static PyObject *new_str(module_state *st, const uint8_t *p, size_t size)
{
    if (size >= 2 && size <= 32) {
        bool ascii = true;
        PyObject *str = short_ascii(p, size, &ascii);
        if (ascii)
            return str;
    }
    if (size == 1 && *p < 0x80)
        return Py_NewRef(st->ascii[*p]);
    return PyUnicode_DecodeUTF8((const char *)p, (Py_ssize_t)size, NULL);
}

static PyObject *new_bin(PyObject *document, const uint8_t *p, size_t size)
{
    Py_buffer whole;
    if (size < VIEW_BODY_MIN)
        return PyBytes_FromStringAndSize((const char *)p, (Py_ssize_t)size);
    PyObject *all = PyMemoryView_FromObject(document);
    if (!all || PyObject_GetBuffer(document, &whole, PyBUF_SIMPLE)) {
        Py_XDECREF(all);
        return NULL;
    }
    Py_ssize_t at = (const char *)p - (const char *)whole.buf;
    PyBuffer_Release(&whole);
    PyObject *part = PySequence_GetSlice(all, at, at + (Py_ssize_t)size);
    Py_DECREF(all);
    return part;
}

static PyObject *new_ext(module_state *st, const pp_token *t)
{
    pp_timestamp time;
    if (t->ext_type == PP_EXT_TIMESTAMP) {
        pp_status status = pp_timestamp_decode(t->as.data, t->count, &time);
        if (status == PP_OK)
            return timestamp_new(st, time.seconds, time.nanoseconds);
        return PyErr_Format(PyExc_ValueError, "%s", pp_status_text(status));
    }
    return PyObject_CallFunction(st->exttype_type, "iy#", (int)t->ext_type,
                                 (const char *)t->as.data, (Py_ssize_t)t->count);
}

PyObject *view_scalar(module_state *st, PyObject *document, const pp_token *t)
{
    switch (t->type) {
    case PP_TYPE_NIL:
        Py_RETURN_NONE;
    case PP_TYPE_BOOL:
        return PyBool_FromLong(t->as.boolean);
    case PP_TYPE_UINT:
        return t->as.uint < 128 ? Py_NewRef(st->small_int[32 + t->as.uint])
                                : PyLong_FromUnsignedLongLong(t->as.uint);
    case PP_TYPE_INT:
        return PyLong_FromLongLong(t->as.sint);
    case PP_TYPE_FLOAT32:
        return PyFloat_FromDouble((double)t->as.float32);
    case PP_TYPE_FLOAT64:
        return PyFloat_FromDouble(t->as.float64);
    case PP_TYPE_STR:
        return new_str(st, t->as.data, t->count);
    case PP_TYPE_BIN:
        return new_bin(document, t->as.data, t->count);
    case PP_TYPE_EXT:
        return new_ext(st, t);
    case PP_TYPE_ARRAY:
    case PP_TYPE_MAP:
        break;
    }
    PyErr_SetString(PyExc_SystemError, "a container is no scalar");
    return NULL;
}

/* ---- all of it ----------------------------------------------------------------------------- */

PyObject *view_decode(module_state *st, const uint8_t *data, size_t size, PyObject *const *values,
                      PyObject *kwnames)
{
    static const char *const parameters[] = {NULL};
    unpack_options options;
    unpack_options_init(&options);
    options.strict_map_key = false;
    if (kwnames && unpack_options_vector(st, &options, parameters, values, kwnames, "unpack"))
        return NULL;
    unpack_options_limits(&options, (Py_ssize_t)size);
    return unpack_whole(st, &options, data, size);
}

PyObject *view_unpack(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    if (nargs > 0) {
        PyErr_Format(PyExc_TypeError, "unpack() takes no positional arguments (%zd given)", nargs);
        return NULL;
    }
    pp_view bytes = pp_node_bytes(as_view(self)->node);
    return view_decode(as_view(self)->state, bytes.data, bytes.size, args, kwnames);
}

/* ---- in ---------------------------------------------------------------------------------------
 */

static void set_text(pp_token *t, pp_type type, const void *data, Py_ssize_t size)
{
    t->type = type;
    t->count = (uint32_t)size;
    t->as.data = data;
}

/* ASCII lies in the object; other text is encoded for the occasion. */
static int str_key(PyObject *o, view_key *key)
{
    if (PyUnicode_IS_COMPACT_ASCII(o)) {
        set_text(&key->token, PP_TYPE_STR, PyUnicode_1BYTE_DATA(o), PyUnicode_GET_LENGTH(o));
        return PyUnicode_GET_LENGTH(o) <= UINT32_MAX;
    }
    key->owner = PyUnicode_AsUTF8String(o);
    if (!key->owner) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            return -1;
        PyErr_Clear(); /* a surrogate, which no document has */
        return 0;
    }
    set_text(&key->token, PP_TYPE_STR, PyBytes_AS_STRING(key->owner), PyBytes_GET_SIZE(key->owner));
    if (PyBytes_GET_SIZE(key->owner) <= UINT32_MAX)
        return 1;
    Py_CLEAR(key->owner);
    return 0;
}

/* Beyond 64 bits an int can still equal a float. */
static int large_int_key(PyObject *o, view_key *key)
{
    double v = PyLong_AsDouble(o);
    if (v == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    PyObject *back = PyLong_FromDouble(v);
    int equal = back ? PyObject_RichCompareBool(back, o, Py_EQ) : -1;
    Py_XDECREF(back);
    key->token.type = PP_TYPE_FLOAT64;
    key->token.as.float64 = v;
    return equal;
}

static int int_key(PyObject *o, view_key *key)
{
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (v == -1 && PyErr_Occurred())
        return -1;
    if (overflow == 0) {
        key->token.type = v < 0 ? PP_TYPE_INT : PP_TYPE_UINT;
        key->token.as.sint = v;
        return 1;
    }
    if (overflow > 0) {
        unsigned long long u = PyLong_AsUnsignedLongLong(o);
        if (u != (unsigned long long)-1 || !PyErr_Occurred()) {
            key->token.type = PP_TYPE_UINT;
            key->token.as.uint = u;
            return 1;
        }
        PyErr_Clear();
    }
    return large_int_key(o, key);
}

static int stamp_key(PyObject *o, view_key *key)
{
    int64_t seconds;
    uint32_t nanoseconds;
    if (timestamp_get(o, &seconds, &nanoseconds)) {
        PyErr_Clear();
        return 0;
    }
    pp_store_be32(key->stamp, nanoseconds);
    pp_store_be64(key->stamp + 4, (uint64_t)seconds);
    set_text(&key->token, PP_TYPE_EXT, key->stamp, sizeof key->stamp);
    key->token.ext_type = PP_EXT_TIMESTAMP;
    return 1;
}

static int ext_key(PyObject *o, view_key *key)
{
    PyObject *data = PyTuple_GET_SIZE(o) == 2 ? PyTuple_GET_ITEM(o, 1) : NULL;
    if (!data || !PyBytes_Check(data) || !PyLong_Check(PyTuple_GET_ITEM(o, 0)))
        return 0;
    long code = PyLong_AsLong(PyTuple_GET_ITEM(o, 0));
    if (code == -1 && PyErr_Occurred())
        PyErr_Clear();
    if (code < 0 || code > INT8_MAX)
        return 0; /* those below 0 are not ExtTypes when they come out */
    set_text(&key->token, PP_TYPE_EXT, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data));
    key->token.ext_type = (int8_t)code;
    return 1;
}

int view_key_of(module_state *st, PyObject *o, view_key *key)
{
    key->owner = NULL;
    if (PyUnicode_Check(o))
        return str_key(o, key);
    if (PyBool_Check(o)) {
        key->token.type = PP_TYPE_BOOL;
        key->token.as.boolean = o == Py_True;
        return 1;
    }
    if (PyLong_Check(o))
        return int_key(o, key);
    if (PyBytes_Check(o)) {
        set_text(&key->token, PP_TYPE_BIN, PyBytes_AS_STRING(o), PyBytes_GET_SIZE(o));
        return PyBytes_GET_SIZE(o) <= UINT32_MAX;
    }
    if (PyFloat_Check(o)) {
        key->token.type = PP_TYPE_FLOAT64;
        key->token.as.float64 = PyFloat_AS_DOUBLE(o);
        return 1;
    }
    if (o == Py_None) {
        key->token.type = PP_TYPE_NIL;
        return 1;
    }
    if (Py_IS_TYPE(o, st->timestamp_type))
        return stamp_key(o, key);
    if (Py_IS_TYPE(o, (PyTypeObject *)st->exttype_type))
        return ext_key(o, key);
    return PyObject_Hash(o) == -1 && PyErr_Occurred() ? -1 : 0;
}
