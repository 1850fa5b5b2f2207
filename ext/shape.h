/* shape.h - maps with the same keys in the same order, as records have.
 *
 * A decoder that has met a sequence of keys twice expects it from then on where a
 * map of that size begins with that key. Such a map begins as a copy of a
 * template, a dict with all the keys and None for values: its keys are compared
 * with the ones expected instead of being hashed and looked up, and its pairs
 * replace values instead of being inserted. Where a key is another one than
 * expected the map goes on as an ordinary dict, and the shape is forgotten.
 *
 * A table belongs to a key cache and so to one call at a time; nothing here is
 * atomic. Shapes are counted because a frame may still use one that the table
 * has dropped; no frame uses one between two calls.
 */
#ifndef PARAPACK_EXT_SHAPE_H
#define PARAPACK_EXT_SHAPE_H

#include "pycompat.h"

#include "short_text.h"

enum {
    SHAPE_SIZE_MIN = 6,  /* pairs: smaller dicts are made faster than copied */
    SHAPE_SIZE_MAX = 24, /* pairs */
    SHAPE_KEY_MAX = 31,  /* bytes of ASCII: what fixstr holds */
    SHAPE_SLOTS = 64,    /* shapes a table keeps; a power of two */
    SHAPE_BAN = 64,      /* maps to wait after a wrong expectation */
};

typedef struct shape {
    PyObject *template; /* dict: its keys are those of `key`, in that order */
    uint32_t references;
    uint32_t size;                 /* pairs, SHAPE_SIZE_MIN to SHAPE_SIZE_MAX */
    PyObject *key[SHAPE_SIZE_MAX]; /* compact ASCII str; borrowed from the template */
} shape;

typedef struct shape_table {
    shape *slot[SHAPE_SLOTS];
    uint8_t seen[SHAPE_SLOTS]; /* a mark of the last sequence that was no shape yet */
    uint8_t ban[SHAPE_SLOTS];  /* maps to wait until a shape may be learnt here */
} shape_table;

PP_INLINE void shape_release(shape *s)
{
    if (--s->references == 0) {
        Py_DECREF(s->template);
        PyMem_Free(s);
    }
}

/* Does the fixstr at `p`, with `have` bytes of input, say the ASCII str `key`, which
 * is not empty? */
PP_INLINE bool shape_key_is(PyObject *key, const uint8_t *p, size_t have)
{
    size_t n = (size_t)((PyASCIIObject *)key)->length;
    return PP_LIKELY(have > n && *p == (0xa0 | n)) &&
           short_equal((const uint8_t *)((PyASCIIObject *)key + 1), p + 1, n);
}

/* The shape to expect of a map of `size` pairs whose first key is at `p`, or NULL.
 * A new reference of the shape. */
shape *shape_expect(shape_table *table, uint32_t size, const uint8_t *p, size_t have);

/* A finished map of an unknown shape: remembers it, the second time as a shape.
 * Never fails: where memory is short nothing is learnt. */
void shape_learn(shape_table *table, PyObject *dict, uint32_t size);

/* The shape was wrong from pair `done` on: forgets it, and returns a new dict
 * with the pairs of `dict` before that. NULL with an exception. */
PyObject *shape_abandon(shape_table *table, const shape *s, PyObject *dict, uint32_t done);

/* As shape_abandon(), where the shape was not wrong. */
PyObject *shape_partial(const shape *s, PyObject *dict, uint32_t done);

void shape_table_clear(shape_table *table);

#endif /* PARAPACK_EXT_SHAPE_H */
