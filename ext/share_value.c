/* Values of the share runtime from Python objects, and Python objects from them. */
#include "share_value.h"

#include "parapack/utf8.h"
#include "share_bin.h"
#include "share_text.h"
#include "timestamp.h"
#include "unpack_leaf.h"
#include "view.h"

/* ---- in: looking --------------------------------------------------------------------------- */

static int look_at_int(PyObject *o, share_input *in)
{
    int overflow;
    in->form = SHARE_INT;
    in->integer = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (!overflow)
        return in->integer == -1 && PyErr_Occurred() ? -1 : 0;
    if (overflow > 0) {
        in->form = SHARE_UINT;
        in->large = PyLong_AsUnsignedLongLong(o);
        if (in->large != UINT64_MAX || !PyErr_Occurred())
            return 0;
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return -1;
    }
    PyErr_SetString(PyExc_OverflowError, "cannot share an int outside -2**63 to 2**64-1");
    return -1;
}

static int ready(share_input *in, pp_status status, pp_value value)
{
    if (status != PP_OK) {
        share_raise(status);
        return -1;
    }
    in->form = SHARE_READY;
    in->value = value;
    return 0;
}

/* Another reference to a value that somebody holds meanwhile. */
static int retained(share_input *in, pp_value value)
{
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    pp_value_retain(t, value);
    share_end(t);
    return ready(in, PP_OK, value);
}

/* A copy of many bytes is made without the GIL. */
static int make_ready(share_input *in,
                      pp_status (*make)(pp_thread *, const void *, size_t, pp_value *))
{
    pp_slice bytes = in->bytes;
    pp_value value = PP_NO_VALUE;
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    pp_status status;
    if (bytes.size < SHARE_RELEASE_MIN) {
        status = make(t, bytes.data, bytes.size, &value);
        share_end(t);
    } else {
        PyThreadState *saved = share_wait_begin(t);
        status = make(t, bytes.data, bytes.size, &value);
        share_wait_end(t, saved);
    }
    return ready(in, status, value);
}

static int look_at_str(PyObject *o, share_input *in)
{
    Py_ssize_t size;
    const char *utf8;
    in->form = SHARE_STR;
    if (PyUnicode_IS_COMPACT_ASCII(o)) {
        utf8 = (const char *)((PyASCIIObject *)o + 1);
        size = PyUnicode_GET_LENGTH(o);
    } else if (PyUnicode_GET_LENGTH(o) <= SHARE_UTF8_CACHE) {
        utf8 = PyUnicode_AsUTF8AndSize(o, &size);
        if (!utf8)
            return -1;
    } else {
        in->owner = PyUnicode_AsUTF8String(o);
        if (!in->owner)
            return -1;
        utf8 = PyBytes_AS_STRING(in->owner);
        size = PyBytes_GET_SIZE(in->owner);
    }
    in->bytes = (pp_slice){(const uint8_t *)utf8, (size_t)size};
    if (size < SHARE_RELEASE_MIN)
        return 0;
    int failed = make_ready(in, pp_str);
    Py_CLEAR(in->owner);
    return failed;
}

/* Bytes cannot change; a bin that came out of a container goes into the next one as it is; any
 * other buffer is copied while it is exported. */
static int look_at_bytes(PyObject *o, share_input *in)
{
    in->form = SHARE_BYTES;
    if (PyBytes_Check(o)) {
        in->bytes = (pp_slice){(const uint8_t *)PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o)};
        return in->bytes.size < SHARE_RELEASE_MIN ? 0 : make_ready(in, pp_bin);
    }
    Py_buffer view;
    if (PyObject_GetBuffer(o, &view, PyBUF_SIMPLE))
        return -1;
    int failed;
    in->bytes = (pp_slice){view.buf, (size_t)view.len};
    pp_value shared = share_bin_of(&view);
    if (shared.word)
        failed = retained(in, shared);
    else
        failed = make_ready(in, pp_bin);
    PyBuffer_Release(&view);
    return failed;
}

static int look_at_timestamp(PyObject *o, share_input *in)
{
    pp_timestamp timestamp;
    pp_value value = PP_NO_VALUE;
    if (timestamp_get(o, &timestamp.seconds, &timestamp.nanoseconds))
        return -1;
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    pp_status status = pp_timestamp_value(t, timestamp, &value);
    share_end(t);
    return ready(in, status, value);
}

static int look_at_ext(PyObject *o, share_input *in)
{
    PyObject *code = PyTuple_GET_ITEM(o, 0), *data = PyTuple_GET_ITEM(o, 1);
    long type = PyLong_Check(code) ? PyLong_AsLong(code) : INT8_MAX + 1;
    if (type == -1 && PyErr_Occurred())
        return -1;
    if (type < INT8_MIN || type > INT8_MAX || !PyBytes_Check(data)) {
        PyErr_SetString(PyExc_ValueError, "ExtType takes a code of -128 to 127, and bytes");
        return -1;
    }
    pp_value value = PP_NO_VALUE;
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    pp_status status =
        pp_ext(t, (int8_t)type, PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data), &value);
    share_end(t);
    return ready(in, status, value);
}

int share_input_slowly(module_state *st, PyObject *o, share_input *in)
{
    if (o == Py_None) {
        in->form = SHARE_NIL;
        return 0;
    }
    if (PyBool_Check(o)) {
        in->form = SHARE_BOOL;
        in->truth = o == Py_True;
        return 0;
    }
    if (share_is_proxy(o)) {
        in->form = SHARE_OBJECT;
        in->object = share_object(o);
        return 0;
    }
    if (PyLong_Check(o))
        return look_at_int(o, in);
    if (PyUnicode_Check(o))
        return look_at_str(o, in);
    if (PyBytes_Check(o) || PyByteArray_Check(o) || PyMemoryView_Check(o))
        return look_at_bytes(o, in);
    if (PyFloat_Check(o)) {
        in->form = SHARE_FLOAT;
        in->number = PyFloat_AS_DOUBLE(o);
        return 0;
    }
    if (Py_IS_TYPE(o, st->timestamp_type))
        return look_at_timestamp(o, in);
    if (PyObject_TypeCheck(o, (PyTypeObject *)st->exttype_type) && PyTuple_GET_SIZE(o) == 2)
        return look_at_ext(o, in);
    in->object = view_shared_document(st, o);
    if (in->object) {
        in->form = SHARE_OBJECT; /* frozen already */
        return 0;
    }
    in->form = SHARE_READY;
    return share_freeze(st, o, &in->value);
}

/* ---- in: making ------------------------------------------------------------------------------ */

pp_status share_input_make(pp_thread *t, share_input *in, pp_value *value)
{
    switch (in->form) {
    case SHARE_NIL:
        *value = pp_nil();
        return PP_OK;
    case SHARE_BOOL:
        *value = pp_bool(in->truth);
        return PP_OK;
    case SHARE_INT:
        return pp_int(t, in->integer, value);
    case SHARE_UINT:
        return pp_uint(t, in->large, value);
    case SHARE_FLOAT:
        return pp_float(t, in->number, value);
    case SHARE_STR:
        return pp_str(t, in->bytes.data, in->bytes.size, value);
    case SHARE_BYTES:
        return pp_bin(t, in->bytes.data, in->bytes.size, value);
    case SHARE_OBJECT:
        pp_retain(t, in->object);
        *value = pp_object_value(in->object);
        return PP_OK;
    case SHARE_READY:
        *value = in->value;
        in->form = SHARE_NIL;
        return PP_OK;
    }
    return PP_ERR_ARGUMENT;
}

void share_input_clear_slowly(share_input *in)
{
    Py_CLEAR(in->owner);
    if (in->form == SHARE_READY)
        share_release(in->value);
    in->form = SHARE_NIL;
}

int share_value_of(module_state *st, PyObject *o, pp_value *value)
{
    share_input in;
    if (share_input_of(st, o, &in))
        return -1;
    pp_thread *t = share_begin();
    pp_status status = PP_ERR_NOMEM;
    if (t) {
        status = share_input_make(t, &in, value);
        share_end(t);
    }
    share_input_clear(&in);
    if (status == PP_OK)
        return 0;
    if (t)
        share_raise(status);
    return -1;
}

/* ---- out ---------------------------------------------------------------------------------------
 */

/* A str of UTF-8 that has been checked, whose code points were counted. */
static PyObject *str_of(pp_slice utf8, size_t count, uint32_t max)
{
    PyObject *str = PyUnicode_New((Py_ssize_t)count, max);
    if (!str || !count)
        return str;
    void *to = PyUnicode_DATA(str);
    PyThreadState *saved = utf8.size < SHARE_RELEASE_MIN ? NULL : PyEval_SaveThread();
    if (max == 0x7f)
        memcpy(to, utf8.data, utf8.size);
    else if (max == 0xff)
        pp_utf8_to_ucs1(utf8.data, utf8.size, to);
    else if (max == 0xffff)
        pp_utf8_to_ucs2(utf8.data, utf8.size, to);
    else
        pp_utf8_to_ucs4(utf8.data, utf8.size, to);
    if (saved)
        PyEval_RestoreThread(saved);
    return str;
}

static PyObject *bytes_of(pp_slice body)
{
    if (body.size < SHARE_RELEASE_MIN)
        return PyBytes_FromStringAndSize((const char *)body.data, (Py_ssize_t)body.size);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)body.size);
    if (bytes) {
        Py_BEGIN_ALLOW_THREADS
            memcpy(PyBytes_AS_STRING(bytes), body.data, body.size);
        Py_END_ALLOW_THREADS
    }
    return bytes;
}

/* share_scalar() for str and bin of less than `limit` bytes. */
PP_INLINE bool text_of(module_state *st, pp_kind kind, const pp_value *value, size_t limit,
                       PyObject **result)
{
    pp_slice body;
    size_t count;
    uint32_t max;
    if (!pp_value_bytes(value, &body) || body.size >= limit)
        return false;
    if (kind == PP_KIND_BIN) {
        *result = bytes_of(body);
        return true;
    }
    if (PP_LIKELY(body.size - 2 <= 30)) {
        bool ascii = true;
        *result = share_text(st, *value, body, &ascii);
        if (PP_LIKELY(ascii))
            return true;
    }
    if (!pp_value_code_points(value, &count, &max))
        return false;
    *result = str_of(body, count, max);
    return true;
}

bool share_scalar(module_state *st, pp_value value, PyObject **result)
{
    int64_t integer;
    uint64_t large;
    double number;
    bool truth;
    pp_kind kind = pp_value_kind(value);
    switch (kind) {
    case PP_KIND_INT:
        if (!pp_value_int(value, &integer))
            return false;
        *result = PyLong_FromLongLong(integer);
        return true;
    case PP_KIND_STR:
    case PP_KIND_BIN:
        return text_of(st, kind, &value, SHARE_SCOPE_COPY, result);
    case PP_KIND_FLOAT:
        if (!pp_value_float(value, &number))
            return false;
        *result = PyFloat_FromDouble(number);
        return true;
    case PP_KIND_NIL:
        *result = Py_NewRef(Py_None);
        return true;
    case PP_KIND_BOOL:
        if (!pp_value_bool(value, &truth))
            return false;
        *result = PyBool_FromLong(truth);
        return true;
    case PP_KIND_UINT:
        if (!pp_value_uint(value, &large))
            return false;
        *result = PyLong_FromUnsignedLongLong(large);
        return true;
    default:
        return false;
    }
}

static PyObject *ext_of(module_state *st, const pp_value *value)
{
    pp_slice body;
    int8_t type;
    if (!pp_value_ext_type(*value, &type) || !pp_value_bytes(value, &body))
        return share_raise(PP_ERR_TYPE);
    return PyObject_CallFunction(st->exttype_type, "iy#", (int)type, (const char *)body.data,
                                 (Py_ssize_t)body.size);
}

/* A new object for a value that is no container, borrowed from a counted one; all of a large bin is
 * copied. */
static PyObject *leaf_of(module_state *st, pp_kind kind, const pp_value *value)
{
    PyObject *result;
    pp_timestamp timestamp;
    if (share_scalar(NULL, *value, &result))
        return result;
    if (kind == PP_KIND_STR || kind == PP_KIND_BIN)
        return text_of(NULL, kind, value, SIZE_MAX, &result) ? result : share_raise(PP_ERR_TYPE);
    if (kind == PP_KIND_TIMESTAMP && pp_value_timestamp(*value, &timestamp))
        return timestamp_new(st, timestamp.seconds, timestamp.nanoseconds);
    return ext_of(st, value);
}

static bool is_leaf(pp_kind kind)
{
    return kind < PP_KIND_DOC;
}

/* Is a Python object of `value` one that keeps a reference to it? */
static bool is_kept(pp_kind kind, pp_value value)
{
    return !is_leaf(kind) || share_bin_is_large(value);
}

PyObject *share_object_of(module_state *st, pp_value value)
{
    pp_kind kind = pp_value_kind(value);
    if (!is_kept(kind, value))
        return share_key_object_of(st, value);
    return is_leaf(kind) ? share_bin_view(st, value) : share_proxy_of(st, pp_value_object(value));
}

PyObject *share_object_of_held(module_state *st, pp_value value)
{
    pp_kind kind = pp_value_kind(value);
    if (!is_kept(kind, value))
        return leaf_of(st, kind, &value);
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_value_retain(t, value);
    share_end(t);
    return share_object_of(st, value);
}

PyObject *share_key_object_of(module_state *st, pp_value key)
{
    PyObject *result = share_key_object_of_held(st, key);
    share_release(key);
    return result;
}

PyObject *share_key_object_of_held(module_state *st, pp_value key)
{
    return leaf_of(st, pp_value_kind(key), &key);
}

bool share_leave_with_object(module_state *st, pp_thread *t, pp_value value, PyObject **result)
{
    bool alive = pp_value_try_retain(t, value);
    share_end(t);
    if (alive)
        *result = share_object_of(st, value);
    return alive;
}
