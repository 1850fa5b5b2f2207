/* str, bin and ext: the values that have a body. */
#include "unpack.h"

#include "datetimes.h"
#include "error_note.h"
#include "parapack/utf8.h"
#include "timestamp.h"

/* Is a body better filled at the end? A message that is nothing but the body gains
 * nothing by it unless the GIL is given up for it. */
static bool worth_filling(const decoder *d, size_t size, bool now)
{
    return !now && size >= (d->depth ? UNPACK_FILL_MIN : UNPACK_RELEASE_MIN);
}

PyObject *decode_too_long(decoder *d, const uint8_t *p, size_t size, const char *limit,
                          Py_ssize_t most)
{
    return PyErr_Format(PyExc_ValueError, "%zu exceeds %s(%zd) at offset %llu", size, limit, most,
                        (unsigned long long)decoder_position(d, p));
}

/* ---- str --------------------------------------------------------------------------- */

/* Ill-formed UTF-8, or an error handler: CPython raises or replaces. */
static PyObject *decode_with_handler(decoder *d, const uint8_t *p, size_t size)
{
    const char *handler = NULL;
    if (d->options->unicode_errors) {
        handler = PyUnicode_AsUTF8(d->options->unicode_errors);
        if (!handler)
            return NULL;
    }
    if (decoder_leave(d))
        return NULL;
    PyObject *str = PyUnicode_DecodeUTF8((const char *)p, (Py_ssize_t)size, handler);
    if (!str)
        error_note("in the str of %zu bytes at offset %llu", size,
                   (unsigned long long)decoder_position(d, p));
    decoder_return(d);
    return str;
}

/* Looks at a body; where it is large without the GIL, since nothing can change it. */
static pp_status scan(decoder *d, const uint8_t *p, size_t size, pp_utf8_info *info)
{
    if (size < UNPACK_RELEASE_MIN || d->options->atomic)
        return pp_utf8_scan(p, size, info);
    pp_status status;
    decoder_flush(d);
    bool suspended = d->slice.gc_suspended;
    slice_resume_gc(&d->slice);
    Py_BEGIN_ALLOW_THREADS
        status = pp_utf8_scan(p, size, info);
    Py_END_ALLOW_THREADS
    if (suspended)
        slice_suspend_gc(&d->slice);
    return status;
}

static int fill_str(decoder *d, PyObject *str, const uint8_t *p, size_t size, bool ascii, bool now)
{
    void *to = PyUnicode_DATA(str);
    fill_kind kind = ascii                                         ? FILL_COPY
                     : PyUnicode_KIND(str) == PyUnicode_1BYTE_KIND ? FILL_UCS1
                     : PyUnicode_KIND(str) == PyUnicode_2BYTE_KIND ? FILL_UCS2
                                                                   : FILL_UCS4;
    if (worth_filling(d, size, now))
        return decoder_add_fill(d, str, kind, to, p, size);
    switch (kind) {
    case FILL_COPY:
        memcpy(to, p, size);
        break;
    case FILL_UCS1:
        pp_utf8_to_ucs1(p, size, to);
        break;
    case FILL_UCS2:
        pp_utf8_to_ucs2(p, size, to);
        break;
    case FILL_UCS4:
        pp_utf8_to_ucs4(p, size, to);
        break;
    }
    return 0;
}

static PyObject *new_bytes(decoder *d, const uint8_t *p, size_t size, bool now)
{
    if (!worth_filling(d, size, now))
        return PyBytes_FromStringAndSize((const char *)p, (Py_ssize_t)size);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (bytes && decoder_add_fill(d, bytes, FILL_COPY, PyBytes_AS_STRING(bytes), p, size))
        Py_CLEAR(bytes);
    return bytes;
}

PyObject *decode_str(decoder *d, const uint8_t *p, size_t size, bool is_key)
{
    pp_utf8_info info;
    if ((Py_ssize_t)size > d->options->max_str_len)
        return decode_too_long(d, p, size, "max_str_len", d->options->max_str_len);
    if (d->options->raw)
        return new_bytes(d, p, size, is_key);
    if (scan(d, p, size, &info) != PP_OK)
        return decode_with_handler(d, p, size);
    if (size == 1)
        return Py_NewRef(d->state->ascii[*p]);
    PyObject *str = PyUnicode_New((Py_ssize_t)info.code_points, info.max_code_point_class);
    if (str && size && fill_str(d, str, p, size, info.max_code_point_class == 0x7f, is_key))
        Py_CLEAR(str);
    return str;
}

/* ---- bin --------------------------------------------------------------------------- */

PyObject *decode_bin(decoder *d, const uint8_t *p, size_t size, bool is_key)
{
    if ((Py_ssize_t)size > d->options->max_bin_len)
        return decode_too_long(d, p, size, "max_bin_len", d->options->max_bin_len);
    return new_bytes(d, p, size, is_key);
}

/* ---- ext --------------------------------------------------------------------------- */

static PyObject *decode_timestamp(decoder *d, const uint8_t *p, size_t size)
{
    int64_t seconds;
    uint32_t nanoseconds = 0;
    if (size == 4) {
        seconds = pp_load_be32(p);
    } else if (size == 8) {
        uint64_t v = pp_load_be64(p);
        nanoseconds = (uint32_t)(v >> 34);
        seconds = (int64_t)(v & 0x3ffffffff);
    } else if (size == 12) {
        nanoseconds = pp_load_be32(p);
        seconds = (int64_t)pp_load_be64(p + 4);
    } else {
        return PyErr_Format(PyExc_ValueError,
                            "invalid timestamp data (length %zu at offset %llu, not 4, 8 or 12)",
                            size, (unsigned long long)decoder_position(d, p));
    }
    if (nanoseconds > 999999999)
        return PyErr_Format(PyExc_ValueError,
                            "nanoseconds must be a non-negative integer not greater than "
                            "999999999, but are %u in the timestamp at offset %llu",
                            nanoseconds, (unsigned long long)decoder_position(d, p));
    switch (d->options->timestamp) {
    case TIMESTAMP_FLOAT:
        return timestamp_to_float(seconds, nanoseconds);
    case TIMESTAMP_INT:
        return timestamp_to_nanoseconds(seconds, nanoseconds);
    case TIMESTAMP_DATETIME: {
        if (decoder_leave(d)) /* may import datetime */
            return NULL;
        PyObject *datetime = datetime_from_timestamp(d->state, seconds, nanoseconds);
        decoder_return(d);
        return datetime;
    }
    default:
        return timestamp_new(d->state, seconds, nanoseconds);
    }
}

/* ExtType(code, data) without a call into Python: what its __new__ would check
 * holds already. */
static PyObject *new_exttype(decoder *d, int8_t type, PyObject *data)
{
    PyObject *code = PyLong_FromLong(type);
    PyObject *fields = code ? PyTuple_Pack(2, code, data) : NULL;
    PyObject *args = fields ? PyTuple_Pack(1, fields) : NULL;
    PyObject *ext = NULL;
    if (args)
        ext = PyTuple_Type.tp_new((PyTypeObject *)d->state->exttype_type, args, NULL);
    Py_XDECREF(code);
    Py_XDECREF(fields);
    Py_XDECREF(args);
    return ext;
}

static PyObject *call_ext_hook(decoder *d, int8_t type, PyObject *data)
{
    PyObject *hook = d->options->ext_hook ? d->options->ext_hook : d->state->exttype_type;
    PyObject *code = PyLong_FromLong(type);
    if (!code || decoder_leave(d)) {
        Py_XDECREF(code);
        return NULL;
    }
    PyObject *args[] = {code, data};
    PyObject *result = PyObject_Vectorcall(hook, args, 2, NULL);
    decoder_return(d);
    Py_DECREF(code);
    return result;
}

PyObject *decode_ext(decoder *d, int8_t type, const uint8_t *p, size_t size)
{
    if ((Py_ssize_t)size > d->options->max_ext_len)
        return decode_too_long(d, p, size, "max_ext_len", d->options->max_ext_len);
    if (type == PP_EXT_TIMESTAMP)
        return decode_timestamp(d, p, size);
    PyObject *data = new_bytes(d, p, size, false);
    if (!data)
        return NULL;
    bool plain = !d->options->ext_hook || d->options->ext_hook == d->state->exttype_type;
    PyObject *ext = plain && type >= 0 ? new_exttype(d, type, data) : call_ext_hook(d, type, data);
    Py_DECREF(data);
    return ext;
}
