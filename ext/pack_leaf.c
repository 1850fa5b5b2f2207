#include "pack_leaf.h"

#include <math.h>

#include "parapack/utf8.h"

static int room(pack *pk, size_t need)
{
    return (size_t)(pk->end - pk->cursor) < need ? pack_grow(pk, need) : 0;
}

static int write_str_header(pack *pk, size_t size)
{
    if (size > PACK_LENGTH_MAX)
        return pack_fail(pk, PyExc_ValueError, "unicode string is too large");
    if (room(pk, PP_HEADER_MAX))
        return -1;
    pk->cursor = pk->options->use_bin_type ? pp_put_str_header(pk->cursor, (uint32_t)size)
                                           : pp_put_raw_header(pk->cursor, (uint32_t)size);
    return 0;
}

static int write_utf8(pack *pk, PyObject *o, const void *data, size_t size)
{
    if (write_str_header(pk, size) || pack_body_of(pk, o, data, size))
        return -1;
    return 1;
}

/* A str without a UTF-8 form. It is not given one, as PyUnicode_AsUTF8 would:
 * that doubles the memory of every str packed, and takes its lock. */
static int write_ucs(pack *pk, PyObject *o)
{
    const void *data = PyUnicode_DATA(o);
    size_t count = (size_t)PyUnicode_GET_LENGTH(o), size;
    pp_status status;
    pack_copy copy;
    switch (PyUnicode_KIND(o)) {
    case PyUnicode_1BYTE_KIND:
        copy = COPY_UCS1;
        status = pp_utf8_size_ucs1(data, count, &size, NULL);
        break;
    case PyUnicode_2BYTE_KIND:
        copy = COPY_UCS2;
        status = pp_utf8_size_ucs2(data, count, &size, NULL);
        break;
    default:
        copy = COPY_UCS4;
        status = pp_utf8_size_ucs4(data, count, &size, NULL);
        break;
    }
    if (status != PP_OK) {
        /* A surrogate: let CPython raise its UnicodeEncodeError. */
        if (PyUnicode_AsUTF8AndSize(o, NULL) == NULL)
            return -1;
        return pack_fail(pk, PyExc_ValueError, "str with a surrogate");
    }
    if (write_str_header(pk, size) || pack_body_of_ucs(pk, o, copy, data, count, size))
        return -1;
    return 1;
}

/* The UTF-8 form that the str carries already, or NULL. On free-threaded
 * builds CPython publishes it with a release store after its length; the
 * acquire load pairs with that. */
static const char *carried_utf8(PyObject *o)
{
    PyCompactUnicodeObject *u = (PyCompactUnicodeObject *)o;
#if FREE_THREADED
    return __atomic_load_n(&u->utf8, __ATOMIC_ACQUIRE);
#else
    return u->utf8;
#endif
}

static int leaf_str(pack *pk, PyObject *o)
{
#if PY_VERSION_HEX < 0x030c0000
    if (PyUnicode_READY(o) < 0)
        return -1;
#endif
    if (PP_LIKELY(PyUnicode_IS_ASCII(o)))
        return write_utf8(pk, o, PyUnicode_DATA(o), (size_t)PyUnicode_GET_LENGTH(o));
    if (pk->options->unicode_errors)
        return 0;
    const char *utf8 = carried_utf8(o);
    if (utf8)
        return write_utf8(pk, o, utf8, (size_t)((PyCompactUnicodeObject *)o)->utf8_length);
    return write_ucs(pk, o);
}

static int leaf_bytes(pack *pk, PyObject *o)
{
    size_t size = (size_t)PyBytes_GET_SIZE(o);
    if (size > PACK_LENGTH_MAX)
        return pack_fail(pk, PyExc_ValueError, "%.200s object is too large",
                         Py_TYPE(o)->tp_name);
    if (room(pk, PP_HEADER_MAX))
        return -1;
    pk->cursor = pk->options->use_bin_type ? pp_put_bin_header(pk->cursor, (uint32_t)size)
                                           : pp_put_raw_header(pk->cursor, (uint32_t)size);
    return pack_body_of(pk, o, PyBytes_AS_STRING(o), size) ? -1 : 1;
}

/* 0 where the int does not fit 64 bits: that is for `default`, or an error. */
static int leaf_int(pack *pk, PyObject *o)
{
    int64_t small;
    if (room(pk, PP_HEADER_MAX))
        return -1;
    if (long_small_value(o, &small)) {
        pk->cursor = pp_put_int(pk->cursor, small);
        return 1;
    }
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (!overflow) {
        pk->cursor = pp_put_int(pk->cursor, v);
        return 1;
    }
    if (overflow < 0)
        return 0;
    unsigned long long u = PyLong_AsUnsignedLongLong(o);
    if (u == (unsigned long long)-1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    pk->cursor = pp_put_uint(pk->cursor, u);
    return 1;
}

static int leaf_float(pack *pk, PyObject *o)
{
    double d = PyFloat_AS_DOUBLE(o);
    if (room(pk, PP_HEADER_MAX))
        return -1;
    if (!pk->options->use_single_float) {
        pk->cursor = pp_put_float64(pk->cursor, d);
        return 1;
    }
    float f = (float)d;
    if (isinf(f) && !isinf(d))
        return pack_fail(pk, PyExc_OverflowError, "float too large to pack with f format");
    pk->cursor = pp_put_float32(pk->cursor, f);
    return 1;
}

static int leaf_constant(pack *pk, uint8_t byte)
{
    if (room(pk, 1))
        return -1;
    *pk->cursor++ = byte;
    return 1;
}

int pack_leaf(pack *pk, PyObject *o)
{
    if (PyUnicode_CheckExact(o))
        return leaf_str(pk, o);
    if (PyLong_CheckExact(o))
        return leaf_int(pk, o);
    if (PyBytes_CheckExact(o))
        return leaf_bytes(pk, o);
    if (PyFloat_CheckExact(o))
        return leaf_float(pk, o);
    if (o == Py_None)
        return leaf_constant(pk, PP_NIL);
    if (o == Py_True)
        return leaf_constant(pk, PP_TRUE);
    if (o == Py_False)
        return leaf_constant(pk, PP_FALSE);
    if (pk->options->strict_types)
        return 0;
    /* Subclasses are packed by what they hold; none of this runs their code. */
    if (PyLong_Check(o))
        return leaf_int(pk, o);
    if (PyUnicode_Check(o))
        return leaf_str(pk, o);
    if (PyBytes_Check(o))
        return leaf_bytes(pk, o);
    if (PyFloat_Check(o))
        return leaf_float(pk, o);
    return 0;
}
