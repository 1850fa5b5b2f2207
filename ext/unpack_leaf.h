/* unpack_leaf.h - decoding one token, as inline code for the decoder's loops. */
#ifndef PARAPACK_EXT_UNPACK_LEAF_H
#define PARAPACK_EXT_UNPACK_LEAF_H

#include "unpack.h"

typedef enum token {
    TOKEN_ERROR = -1, /* an exception is set */
    TOKEN_LEAF,       /* *value is a new reference, *p is behind it */
    TOKEN_ARRAY,      /* *size items follow *p */
    TOKEN_MAP,        /* *size pairs follow *p */
    TOKEN_NEED,       /* the input ends within the token; *p is where it was */
} token;

/* The tokens with long or rare bodies: str 16 and 32, bin, ext, and 0xc1. */
token read_body_token(decoder *d, const uint8_t **p, const uint8_t *end, bool is_key,
                      PyObject **value);

/* A new str of `size` ASCII bytes, 2 to 32; NULL without an exception if they
 * are not ASCII, NULL with MemoryError. Short bodies are moved as overlapping
 * words: a call of memcpy would cost more than the copy. */
PP_INLINE PyObject *short_ascii(const uint8_t *p, size_t size, bool *ascii)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t a, b, c = 0, e = 0;
    if (size >= 8) {
        memcpy(&a, p, 8);
        memcpy(&b, p + size - 8, 8);
        if (size > 16) {
            memcpy(&c, p + 8, 8);
            memcpy(&e, p + size - 16, 8);
        }
        if (PP_UNLIKELY((a | b | c | e) & high)) {
            *ascii = false;
            return NULL;
        }
        PyObject *str = PyUnicode_New((Py_ssize_t)size, 127);
        if (PP_LIKELY(str != NULL)) {
            uint8_t *to = (uint8_t *)((PyASCIIObject *)str + 1);
            memcpy(to, &a, 8);
            if (size > 16) {
                memcpy(to + 8, &c, 8);
                memcpy(to + size - 16, &e, 8);
            }
            memcpy(to + size - 8, &b, 8);
        }
        return str;
    }
    if (size >= 4) {
        uint32_t x, y;
        memcpy(&x, p, 4);
        memcpy(&y, p + size - 4, 4);
        if (PP_UNLIKELY((x | y) & 0x80808080u)) {
            *ascii = false;
            return NULL;
        }
        PyObject *str = PyUnicode_New((Py_ssize_t)size, 127);
        if (PP_LIKELY(str != NULL)) {
            uint8_t *to = (uint8_t *)((PyASCIIObject *)str + 1);
            memcpy(to, &x, 4);
            memcpy(to + size - 4, &y, 4);
        }
        return str;
    }
    uint8_t x = p[0], y = p[size / 2], z = p[size - 1];
    if (PP_UNLIKELY((x | y | z) & 0x80)) {
        *ascii = false;
        return NULL;
    }
    PyObject *str = PyUnicode_New((Py_ssize_t)size, 127);
    if (PP_LIKELY(str != NULL)) {
        uint8_t *to = (uint8_t *)((PyASCIIObject *)str + 1);
        to[0] = x;
        to[size / 2] = y;
        to[size - 1] = z;
    }
    return str;
}

/* A str whose body lies within the input. */
PP_INLINE PyObject *leaf_str(decoder *d, const uint8_t *p, size_t size)
{
    if (PP_LIKELY(size - 2 <= 30 && !d->options->raw &&
                  (Py_ssize_t)size <= d->options->max_str_len)) {
        bool ascii = true;
        PyObject *str = short_ascii(p, size, &ascii);
        if (PP_LIKELY(ascii))
            return str;
    }
    if (size == 1 && *p < 0x80 && !d->options->raw && d->options->max_str_len > 0)
        return Py_NewRef(d->state->ascii[*p]);
    return decode_str(d, p, size, false);
}

/* A map key: a str that has been seen before costs no new object. */
PP_INLINE PyObject *leaf_key(decoder *d, const uint8_t *p, size_t size)
{
    if (PP_UNLIKELY(size - 1 >= KEY_CACHE_MAX_KEY || d->options->raw ||
                    (Py_ssize_t)size > d->options->max_str_len))
        return decode_str(d, p, size, true);
    if (PP_UNLIKELY(!d->keys)) {
        d->keys = key_cache_acquire(&d->state->key_caches);
        if (!d->keys)
            return leaf_str(d, p, size);
    }
    size_t slot = key_cache_slot(p, size);
    PyObject *key = key_cache_get(d->keys, slot, p, size);
    if (PP_LIKELY(key != NULL))
        return key;
    key = leaf_str(d, p, size);
    if (key && PyUnicode_IS_COMPACT_ASCII(key))
        key_cache_store(d->keys, slot, key);
    return key;
}

/* Reads the token at *p. `is_key` is a constant. */
PP_INLINE token read_token(decoder *d, const uint8_t **p, const uint8_t *end, bool is_key,
                           PyObject **value, uint32_t *size)
{
    const uint8_t *at = *p;
    if (PP_UNLIKELY(at == end))
        return TOKEN_NEED;
    size_t have = (size_t)(end - at);
    size_t n;
    uint8_t byte = *at;
    PyObject *v;

#define WANT(bytes)                                                                                \
    if (PP_UNLIKELY(have < (size_t)(bytes)))                                                       \
    return TOKEN_NEED
#define LEAF(bytes, expression)                                                                    \
    WANT(bytes);                                                                                   \
    v = (expression);                                                                              \
    n = (bytes);                                                                                   \
    break

    if ((byte & 0xe0) == PP_FIXSTR) {
        n = byte & 0x1f;
        WANT(1 + n);
        v = is_key ? leaf_key(d, at + 1, n) : leaf_str(d, at + 1, n);
        *p = at + 1 + n;
        *value = v;
        return PP_LIKELY(v != NULL) ? TOKEN_LEAF : TOKEN_ERROR;
    }
    if ((int8_t)byte >= -32) {
        *value = Py_NewRef(d->state->small_int[32 + (int8_t)byte]);
        *p = at + 1;
        return TOKEN_LEAF;
    }
    if (byte < PP_FIXARRAY) {
        *size = byte & 0x0f;
        *p = at + 1;
        return TOKEN_MAP;
    }
    if (byte < PP_FIXSTR) {
        *size = byte & 0x0f;
        *p = at + 1;
        return TOKEN_ARRAY;
    }
    switch (byte) {
    case PP_NIL:
        LEAF(1, Py_NewRef(Py_None));
    case PP_FALSE:
        LEAF(1, Py_NewRef(Py_False));
    case PP_TRUE:
        LEAF(1, Py_NewRef(Py_True));
    case PP_FLOAT64:
        LEAF(9, PyFloat_FromDouble(pp_load_f64(at + 1)));
    case PP_FLOAT32:
        LEAF(5, PyFloat_FromDouble((double)pp_load_f32(at + 1)));
    case PP_UINT8:
        LEAF(2, PyLong_FromLong(at[1]));
    case PP_UINT16:
        LEAF(3, PyLong_FromLong(pp_load_be16(at + 1)));
    case PP_UINT32:
        LEAF(5, PyLong_FromLong((long)pp_load_be32(at + 1)));
    case PP_UINT64:
        LEAF(9, PyLong_FromUnsignedLongLong(pp_load_be64(at + 1)));
    case PP_INT8:
        LEAF(2, PyLong_FromLong((int8_t)at[1]));
    case PP_INT16:
        LEAF(3, PyLong_FromLong((int16_t)pp_load_be16(at + 1)));
    case PP_INT32:
        LEAF(5, PyLong_FromLong((int32_t)pp_load_be32(at + 1)));
    case PP_INT64:
        LEAF(9, PyLong_FromLongLong((int64_t)pp_load_be64(at + 1)));
    case PP_STR8:
        WANT(2);
        n = 2 + (size_t)at[1];
        WANT(n);
        v = is_key ? leaf_key(d, at + 2, n - 2) : leaf_str(d, at + 2, n - 2);
        break;
    case PP_ARRAY16:
        WANT(3);
        *size = pp_load_be16(at + 1);
        *p = at + 3;
        return TOKEN_ARRAY;
    case PP_ARRAY32:
        WANT(5);
        *size = pp_load_be32(at + 1);
        *p = at + 5;
        return TOKEN_ARRAY;
    case PP_MAP16:
        WANT(3);
        *size = pp_load_be16(at + 1);
        *p = at + 3;
        return TOKEN_MAP;
    case PP_MAP32:
        WANT(5);
        *size = pp_load_be32(at + 1);
        *p = at + 5;
        return TOKEN_MAP;
    default:
        return read_body_token(d, p, end, is_key, value);
    }
#undef LEAF
#undef WANT
    *p = at + n;
    *value = v;
    return PP_LIKELY(v != NULL) ? TOKEN_LEAF : TOKEN_ERROR;
}

#endif /* PARAPACK_EXT_UNPACK_LEAF_H */
