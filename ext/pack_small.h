/* pack_small.h - small containers: packed in one go, without a frame of their own.
 *
 * Included by pack_run.h alone.
 *
 * A container of at most 15 items is packed together with all that is in it, as long as
 * that is such containers, to a few levels, and leaves of the fast path. Where anything
 * else turns up, what was written of it is forgotten, and it is packed in the ordinary way,
 * which also says what is wrong with it. Of the outermost container that a message consists
 * of, what was packed until then is kept.
 *
 * Without a GIL the locks of containers within each other are held at the same time here.
 * That cannot end in a deadlock, because nobody waits for the inner ones: who does not get
 * one after a short while gives up and lets go of the outer ones.
 */
#ifndef PARAPACK_EXT_PACK_SMALL_H
#define PARAPACK_EXT_PACK_SMALL_H

#include "container_lock.h"
#include "dict_pairs.h"
#include "pack_leaf.h"

PP_INLINE bool is_container(PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    return type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type;
}

enum {
    SMALL_SIZE = 15, /* items or pairs: what a header of one byte holds */
    SMALL_DEPTH = 3, /* levels of small containers within each other */
};

static uint8_t *small_container(pack *pk, uint8_t *p, PyObject *o, int levels, pack_frame *f);

/* A leaf, or a small container where so many `levels` are left. NULL: anything else. */
PP_INLINE uint8_t *small_value(pack *pk, uint8_t *p, PyObject *o, int levels)
{
    uint8_t *end = pk->end;
    if (PP_UNLIKELY((size_t)(end - p) < LEAF_ROOM))
        return NULL;
    uint8_t *after = leaf_inline(pk, p, end, o);
    if (PP_LIKELY(after != NULL))
        return after;
    return levels ? small_container(pk, p, o, levels - 1, NULL) : NULL;
}

/* What was packed of a container, up to `p`, ends before `next`. Kept in `f`, if it is not
 * NULL. Returns NULL. */
PP_INLINE uint8_t *small_ends(pack *pk, uint8_t *p, pack_frame *f, PyObject *next, Py_ssize_t size,
                              Py_ssize_t position, Py_ssize_t left)
{
    if (f) {
        f->size = size;
        f->position = position;
        f->left = left;
        f->has_large = is_container(next);
        pk->cursor = p;
    }
    return NULL;
}

PP_INLINE uint8_t *small_items(pack *pk, uint8_t *p, PyObject **item, Py_ssize_t size, int levels,
                               pack_frame *f)
{
    *p++ = (uint8_t)(PP_FIXARRAY | size);
    pk->slice.budget -= (int)size;
    for (Py_ssize_t i = 0; i < size; i++) {
        uint8_t *after = small_value(pk, p, item[i], levels);
        if (PP_UNLIKELY(!after))
            return small_ends(pk, p, f, item[i], size, i, size - i);
        p = after;
    }
    return p;
}

PP_INLINE uint8_t *small_pairs(pack *pk, uint8_t *p, PyObject *dict, int levels, pack_frame *f)
{
    Py_ssize_t count, size = PyDict_GET_SIZE(dict), left = size;
    const dict_pair *pair = dict_pairs(dict, &count);
    if (PP_UNLIKELY(!pair))
        return NULL;
    *p++ = (uint8_t)(PP_FIXMAP | size);
    pk->slice.budget -= (int)size;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PP_UNLIKELY(!pair[i].value))
            continue;
        uint8_t *after = NULL;
        if (PP_LIKELY((size_t)(pk->end - p) >= LEAF_ROOM))
            after = leaf_str_inline(pk, p, pk->end, pair[i].key);
        if (PP_LIKELY(after != NULL))
            after = small_value(pk, after, pair[i].value, levels);
        if (PP_UNLIKELY(!after))
            return small_ends(pk, p, f, pair[i].value, size, i, left);
        p = after;
        left--;
    }
    return p;
}

/* Packs `o` at `p`. NULL where it is no small container. Then `f`, if it is not NULL, is the
 * frame to go on with; its size stays as it is where nothing was packed. */
static PP_NOINLINE uint8_t *small_container(pack *pk, uint8_t *p, PyObject *o, int levels,
                                            pack_frame *f)
{
    PyTypeObject *type = Py_TYPE(o);
    if (type == &PyTuple_Type) {
        Py_ssize_t size = PyTuple_GET_SIZE(o);
        return size <= SMALL_SIZE && !pk->options->strict_types
                   ? small_items(pk, p, ((PyTupleObject *)o)->ob_item, size, levels, f)
                   : NULL;
    }
    if (!is_container(o))
        return NULL;
    /* Looked at once more under the lock. */
    Py_ssize_t size = type == &PyDict_Type ? PyDict_GET_SIZE(o) : PyList_GET_SIZE(o);
    if (size > SMALL_SIZE || !container_lock_briefly(o, f != NULL))
        return NULL;
    if (type == &PyDict_Type)
        p = PyDict_GET_SIZE(o) <= SMALL_SIZE ? small_pairs(pk, p, o, levels, f) : NULL;
    else
        p = PyList_GET_SIZE(o) <= SMALL_SIZE
                ? small_items(pk, p, ((PyListObject *)o)->ob_item, PyList_GET_SIZE(o), levels, f)
                : NULL;
    container_unlock(o, false);
    return p;
}

/* Packs `o` if it is a small container; `f` as above. */
PP_INLINE bool pack_small(pack *pk, PyObject *o, pack_frame *f)
{
    if (PP_UNLIKELY((size_t)(pk->end - pk->cursor) < LEAF_ROOM ||
                    pk->depth > PACK_DEPTH_MAX - SMALL_DEPTH - 1))
        return false;
    uint8_t *p = small_container(pk, pk->cursor, o, SMALL_DEPTH - 1, f);
    if (p)
        pk->cursor = p;
    return p != NULL;
}

/* The container `o` in frame `f`. A frame in which one was not small, and not for want of
 * room, asks no more. */
PP_INLINE bool small_in(pack *pk, pack_frame *f, PyObject *o)
{
    if (f->has_large || f->pending)
        return false;
    bool packed = pack_small(pk, o, NULL);
    if (!packed)
        f->has_large = pk->end - pk->cursor >= SMALL_SIZE * LEAF_ROOM;
    return packed;
}

#endif /* PARAPACK_EXT_PACK_SMALL_H */
