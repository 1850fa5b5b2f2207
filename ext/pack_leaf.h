/* pack_leaf.h - the values that most messages are made of, as inline code.
 *
 * leaf_inline() is compiled into the loops over lists, tuples and dicts. It
 * handles short ASCII str, ints of up to 60 bits, float, None and bool, in the
 * order of how often they occur, and with a call larger ints, other str, and bytes of
 * less than PACK_BODY_MIN. It leaves to pack_leaf() what it does not know and what there is no
 * room for: it allocates nothing, takes no lock and sets no exception, because the
 * container may be locked (container_lock.h).
 */
#ifndef PARAPACK_EXT_PACK_LEAF_H
#define PARAPACK_EXT_PACK_LEAF_H

#include "pack.h"
#include "short_text.h"

enum {
    LEAF_ROOM = 48,    /* bytes leaf_inline() may write */
    LEAF_STR_MAX = 31, /* the longest str it writes: what fixstr holds */
};

PP_INLINE void store64(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

/* Copies the `n` (0 to 31) characters of a compact ASCII str to `to`, which has
 * room for 32, in at most two words and without a loop.
 *
 * Fewer than eight are moved as the word that ends with the last of them, shifted
 * down; it begins before the characters, in the header of the same object. */
PP_INLINE void copy_short_ascii(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n < 8) {
        store64(to, short_load64(from + n - 8) >> ((64 - 8 * n) & 63));
        return;
    }
    if (n <= 16) {
        uint64_t head = short_load64(from), tail = short_load64(from + n - 8);
        store64(to, head);
        store64(to + n - 8, tail);
        return;
    }
    memcpy(to, from, 16);
    memcpy(to + n - 16, from + n - 16, 16);
}

/* A str that leaf_inline() has no fast path for, or a bytes, if `end` leaves room for it.
 * They return as leaf_inline() does. (pack_leaf.c) */
uint8_t *leaf_text(const pack *pk, uint8_t *p, uint8_t *end, PyObject *o);
uint8_t *leaf_blob(const pack *pk, uint8_t *p, uint8_t *end, PyObject *o);

/* An int, which leaf_inline() calls for those of more than 60 bits. NULL: more than 64.
 * (pack_leaf.c) */
uint8_t *leaf_wide_int(uint8_t *p, PyObject *o);

/* leaf_inline() for what is known to be a str. */
PP_INLINE uint8_t *leaf_str_inline(const pack *pk, uint8_t *p, uint8_t *end, PyObject *o)
{
    if (PP_LIKELY(PyUnicode_IS_COMPACT_ASCII(o))) {
        size_t n = (size_t)((PyASCIIObject *)o)->length;
        if (PP_LIKELY(n <= LEAF_STR_MAX)) {
            *p = (uint8_t)(PP_FIXSTR | n);
            copy_short_ascii(p + 1, (const uint8_t *)((PyASCIIObject *)o + 1), n);
            return p + 1 + n;
        }
    }
    return leaf_text(pk, p, end, o);
}

/* Writes `o` at `p`, where LEAF_ROOM bytes are free. Returns the first byte
 * after it, or NULL for what it does not handle. */
PP_INLINE uint8_t *leaf_inline(const pack *pk, uint8_t *p, uint8_t *end, PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    if (type == &PyUnicode_Type)
        return leaf_str_inline(pk, p, end, o);
    if (type == &PyLong_Type) {
        int64_t v;
        return PP_LIKELY(long_small_value(o, &v)) ? pp_put_int(p, v) : leaf_wide_int(p, o);
    }
    if (type == &PyDict_Type || type == &PyList_Type)
        return NULL; /* the sooner the better: they occur often, too */
    if (type == &PyFloat_Type)
        return PP_LIKELY(pk->inline_float) ? pp_put_float64(p, PyFloat_AS_DOUBLE(o)) : NULL;
    if (o == Py_None) {
        *p = PP_NIL;
        return p + 1;
    }
    if (o == Py_True) {
        *p = PP_TRUE;
        return p + 1;
    }
    if (o == Py_False) {
        *p = PP_FALSE;
        return p + 1;
    }
    if (type == &PyBytes_Type)
        return leaf_blob(pk, p, end, o);
    return NULL;
}

#endif /* PARAPACK_EXT_PACK_LEAF_H */
