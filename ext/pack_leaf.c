#include "pack_leaf.h"

#include <math.h>

#include "parapack/utf8.h"

static int room(pack *pk, size_t need)
{
    return (size_t)(pk->end - pk->cursor) < need ? pack_grow(pk, need) : 0;
}

static uint8_t *put_text_header(const pack *pk, uint8_t *p, size_t size)
{
    return pk->options->use_bin_type ? pp_put_str_header(p, (uint32_t)size)
                                     : pp_put_raw_header(p, (uint32_t)size);
}

static uint8_t *put_blob_header(const pack *pk, uint8_t *p, size_t size)
{
    return pk->options->use_bin_type ? pp_put_bin_header(p, (uint32_t)size)
                                     : pp_put_raw_header(p, (uint32_t)size);
}

/* Can a body of `size` bytes and its header be written at `p`, by the fast path? */
static bool fits(const uint8_t *p, const uint8_t *end, size_t size)
{
    return size < PACK_BODY_MIN && (size_t)(end - p) >= size + PP_HEADER_MAX;
}

static int write_str_header(pack *pk, size_t size)
{
    if (size > PACK_LENGTH_MAX)
        return pack_fail(pk, PyExc_ValueError, "unicode string is too large");
    if (room(pk, PP_HEADER_MAX))
        return -1;
    pk->cursor = put_text_header(pk, pk->cursor, size);
    return 0;
}

static int write_utf8(pack *pk, PyObject *o, const void *data, size_t size)
{
    if (write_str_header(pk, size) || pack_body_of(pk, o, data, size))
        return -1;
    return 1;
}

/* How a str without a UTF-8 form gets one, and its size. False for a surrogate. */
static bool ucs_size(PyObject *o, pack_copy *copy, size_t *size)
{
    const void *data = PyUnicode_DATA(o);
    size_t count = (size_t)PyUnicode_GET_LENGTH(o);
    switch (PyUnicode_KIND(o)) {
    case PyUnicode_1BYTE_KIND:
        *copy = COPY_UCS1;
        return pp_utf8_size_ucs1(data, count, size, NULL) == PP_OK;
    case PyUnicode_2BYTE_KIND:
        *copy = COPY_UCS2;
        return pp_utf8_size_ucs2(data, count, size, NULL) == PP_OK;
    default:
        *copy = COPY_UCS4;
        return pp_utf8_size_ucs4(data, count, size, NULL) == PP_OK;
    }
}

/* A str without a UTF-8 form. It is not given one, as PyUnicode_AsUTF8 would:
 * that doubles the memory of every str packed, and takes its lock. */
static int write_ucs(pack *pk, PyObject *o)
{
    size_t size;
    pack_copy copy;
    if (!ucs_size(o, &copy, &size)) {
        /* Let CPython raise its UnicodeEncodeError. */
        if (PyUnicode_AsUTF8AndSize(o, NULL) == NULL) {
            pack_note_path(pk);
            return -1;
        }
        return pack_fail(pk, PyExc_ValueError, "str with a surrogate");
    }
    if (write_str_header(pk, size) ||
        pack_body_of_ucs(pk, o, copy, PyUnicode_DATA(o), (size_t)PyUnicode_GET_LENGTH(o), size))
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

/* At most 32 bytes as overlapping words; `from` is read within its `n` bytes. */
static void copy_text(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n > 32) {
        memcpy(to, from, n);
    } else if (n >= 16) {
        memcpy(to, from, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else if (n) {
        to[0] = from[0];
        to[n / 2] = from[n / 2];
        to[n - 1] = from[n - 1];
    }
}

/* Few code points straight to UTF-8 behind a header of one byte. NULL for a surrogate. */
static uint8_t *short_ucs(uint8_t *p, int kind, const void *data, size_t count)
{
    uint8_t *to = p + 1;
    for (size_t i = 0; i < count; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        if (c < 0x80) {
            *to++ = (uint8_t)c;
        } else if (c < 0x800) {
            *to++ = (uint8_t)(0xc0 | c >> 6);
            *to++ = (uint8_t)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            if (c - 0xd800 < 0x800)
                return NULL;
            *to++ = (uint8_t)(0xe0 | c >> 12);
            *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
            *to++ = (uint8_t)(0x80 | (c & 0x3f));
        } else {
            *to++ = (uint8_t)(0xf0 | c >> 18);
            *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
            *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
            *to++ = (uint8_t)(0x80 | (c & 0x3f));
        }
    }
    *p = (uint8_t)(PP_FIXSTR | (to - p - 1));
    return to;
}

/* A compact str that is not ASCII and carries no UTF-8 form. */
static PP_NOINLINE uint8_t *leaf_ucs(const pack *pk, uint8_t *p, uint8_t *end, PyObject *o)
{
    int kind = PyUnicode_KIND(o);
    const void *data = PyUnicode_DATA(o);
    size_t count = (size_t)PyUnicode_GET_LENGTH(o), size;
    /* A code point of 1, 2 or 4 bytes becomes at most 2, 3 or 4. */
    if (count <= (size_t)LEAF_STR_MAX / (kind == 4 ? 4 : (unsigned)kind + 1))
        return short_ucs(p, kind, data, count);
    pack_copy copy;
    if (!ucs_size(o, &copy, &size) || !fits(p, end, size))
        return NULL;
    return pack_copy_ucs(put_text_header(pk, p, size), copy, data, count);
}

uint8_t *leaf_text(const pack *pk, uint8_t *p, uint8_t *end, PyObject *o)
{
    const uint8_t *data;
    size_t n;
    if (PyUnicode_IS_COMPACT_ASCII(o)) {
        data = (const uint8_t *)((PyASCIIObject *)o + 1);
        n = (size_t)((PyASCIIObject *)o)->length;
    } else if (pk->options->unicode_errors || !PyUnicode_IS_COMPACT(o)) {
        return NULL;
    } else {
        data = (const uint8_t *)carried_utf8(o);
        if (!data)
            return leaf_ucs(pk, p, end, o);
        n = (size_t)((PyCompactUnicodeObject *)o)->utf8_length;
    }
    if (!fits(p, end, n))
        return NULL;
    p = put_text_header(pk, p, n);
    copy_text(p, data, n);
    return p + n;
}

uint8_t *leaf_blob(const pack *pk, uint8_t *p, uint8_t *end, PyObject *o)
{
    size_t n = (size_t)PyBytes_GET_SIZE(o);
    if (!fits(p, end, n))
        return NULL;
    p = put_blob_header(pk, p, n);
    copy_text(p, (const uint8_t *)PyBytes_AS_STRING(o), n);
    return p + n;
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
        return pack_fail(pk, PyExc_ValueError, "%.200s object is too large", Py_TYPE(o)->tp_name);
    if (room(pk, PP_HEADER_MAX))
        return -1;
    pk->cursor = put_blob_header(pk, pk->cursor, size);
    return pack_body_of(pk, o, PyBytes_AS_STRING(o), size) ? -1 : 1;
}

/* 0 where the int does not fit 64 bits: that is for `default`, or an error. */
uint8_t *leaf_wide_int(uint8_t *p, PyObject *o)
{
    uint64_t magnitude;
    bool negative;
    if (!long_wide_value(o, &magnitude, &negative))
        return NULL;
    if (!negative)
        return pp_put_uint(p, magnitude);
    return magnitude <= (uint64_t)1 << 63 ? pp_put_int(p, (int64_t)(0 - magnitude)) : NULL;
}

static int leaf_int(pack *pk, PyObject *o)
{
    int64_t small;
    if (room(pk, PP_HEADER_MAX))
        return -1;
    if (long_small_value(o, &small)) {
        pk->cursor = pp_put_int(pk->cursor, small);
        return 1;
    }
    uint8_t *after = leaf_wide_int(pk->cursor, o);
    if (!after)
        return 0;
    pk->cursor = after;
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
