/* pack_run.h - a run: the leaves of a container, one after the other, without leaving
 * its loop.
 *
 * Included by pack_walk.c alone, which says what may change under a run and when.
 *
 * A run ends where the container or the budget of the slice does, or at the first item
 * that its fast path does not know. On free-threaded builds it holds the container's
 * lock (container_lock.h), under which little is allowed: the loops call leaf_inline() and
 * what that calls, and nothing else; an item that needs more leaves the loop, as a
 * reference of its own.
 */
#ifndef PARAPACK_EXT_PACK_RUN_H
#define PARAPACK_EXT_PACK_RUN_H

#include "pack_small.h"
#include "pack_walk.h"

/* What ended a run, beside DONE, FAILED and RESTART. */
enum {
    DESCEND = 1, /* the value `*item` is not a leaf */
    SLOW = 2,    /* the leaf `*item` is one for pack_leaf() */
};

/* Is what a run ends at a reference of its own? A tuple keeps its items alive. */
PP_INLINE bool items_are_owned(pack_frame_kind kind)
{
    return FREE_THREADED && kind != FRAME_TUPLE;
}

/* Packs `o` at `p` with `fast`() where there is room. DONE, DESCEND or SLOW in `result`. */
#define LEAF(fast, o)                                                                              \
    do {                                                                                           \
        uint8_t *after_ = NULL;                                                                    \
        if (PP_LIKELY((size_t)(end - p) >= LEAF_ROOM))                                             \
            after_ = fast(pk, p, end, (o));                                                        \
        if (PP_LIKELY(after_ != NULL))                                                             \
            p = after_;                                                                            \
        else                                                                                       \
            result = is_container(o) ? DESCEND : SLOW;                                             \
    } while (0)

/* ---- loops ------------------------------------------------------------------------ */

/* How many items ahead a container is fetched into the cache. */
enum { PREFETCH = 4 };

PP_INLINE int run_items(pack *pk, pack_frame *f, PyObject **items, PyObject **item)
{
    Py_ssize_t i = f->position, begin = i;
    Py_ssize_t stop = f->size - i > pk->slice.budget ? i + pk->slice.budget : f->size;
    uint8_t *p = pk->cursor, *end = pk->end;
    int result = DONE;
    while (i < stop) {
        PyObject *o = items[i++];
        LEAF(leaf_inline, o);
        if (PP_UNLIKELY(result != DONE)) {
            *item = o;
            if (f->size - i > PREFETCH)
                __builtin_prefetch(items[i + PREFETCH]);
            break;
        }
    }
    f->position = i;
    pk->cursor = p;
    pk->slice.budget -= (int)(i - begin);
    return result;
}

/* The pair after `*pos`, of `pairs` or, where that is NULL, as PyDict_Next has it.
 * False where there is none. */
PP_INLINE bool next_pair(PyObject *dict, const dict_pair *pairs, Py_ssize_t count, Py_ssize_t *pos,
                         PyObject **key, PyObject **value)
{
    if (!pairs)
        return PyDict_Next(dict, pos, key, value);
    do {
        if (PP_UNLIKELY(*pos >= count))
            return false;
        *key = pairs[*pos].key;
        *value = pairs[*pos].value;
        ++*pos;
    } while (PP_UNLIKELY(!*value));
    return true;
}

/* Where a key ends the run its value waits in f->pending. RESTART: the dict has fewer
 * pairs than its header promised. */
PP_INLINE int run_pairs(pack *pk, pack_frame *f, const dict_pair *pairs, Py_ssize_t count,
                        PyObject **item)
{
    uint8_t *p = pk->cursor, *end = pk->end;
    Py_ssize_t pos = f->position, left = f->left, begin = left;
    Py_ssize_t stop = left > pk->slice.budget ? left - pk->slice.budget : 0;
    PyObject *key, *value;
    int result = DONE;
    while (left > stop) {
        if (PP_UNLIKELY(!next_pair(f->container, pairs, count, &pos, &key, &value))) {
            result = RESTART;
            break;
        }
        left--;
        if (pairs)
            LEAF(leaf_str_inline, key);
        else
            LEAF(leaf_inline, key);
        if (PP_UNLIKELY(result != DONE)) {
            *item = key;
            f->pending = Py_NewRef(value);
            break;
        }
        LEAF(leaf_inline, value);
        if (PP_UNLIKELY(result != DONE)) {
            *item = value;
            break;
        }
    }
    f->position = pos;
    f->left = left;
    pk->cursor = p;
    pk->slice.budget -= (int)(begin - left);
    return result;
}

/* ---- with the small containers in it ------------------------------------------------- */

/* With the GIL, or as one of a group of readers (container_lock.h), a run goes on behind a
 * small container. A lock that one thread at a time holds is given back instead. */
PP_INLINE bool goes_on(pack *pk, pack_frame *f, int result, bool group, PyObject *o)
{
    return result == DESCEND && (group || !FREE_THREADED) && small_in(pk, f, o);
}

static PP_NOINLINE int run_small_items(pack *pk, pack_frame *f, PyObject **items, PyObject **item)
{
    for (;;) {
        int result = run_items(pk, f, items, item);
        if (result != DESCEND)
            return result;
        for (;;) {
            if (!small_in(pk, f, *item))
                return DESCEND;
            if (f->position == f->size || pk->slice.budget <= 0)
                return DONE;
            if (!is_container(items[f->position]))
                break;
            *item = items[f->position++];
            pk->slice.budget--;
        }
    }
}

static PP_NOINLINE int run_small_pairs(pack *pk, pack_frame *f, const dict_pair *pairs,
                                       Py_ssize_t count, PyObject **item)
{
    int result;
    do
        result = run_pairs(pk, f, pairs, count, item);
    while (result == DESCEND && small_in(pk, f, *item));
    return result;
}

/* ---- under the container's lock ------------------------------------------------------- */

PP_INLINE int run_list_once(pack *pk, pack_frame *f, PyObject **item)
{
    PyObject *list = f->container;
    int result = RESTART;
    bool group = container_lock(list, f->size - f->position);
    if (PP_LIKELY(PyList_GET_SIZE(list) == f->size))
        result = run_items(pk, f, ((PyListObject *)list)->ob_item, item);
    if (goes_on(pk, f, result, group, *item))
        result = run_small_items(pk, f, ((PyListObject *)list)->ob_item, item);
    if (FREE_THREADED && result > DONE)
        Py_INCREF(*item);
    container_unlock(list, group);
    return result;
}

/* A dict of another kind than dict_pairs() knows. */
static PP_NOINLINE int run_other_dict_once(pack *pk, pack_frame *f, PyObject **item)
{
    PyObject *dict = f->container;
    int result = RESTART;
    LOCK_OBJECT(dict);
    if (PyDict_GET_SIZE(dict) == f->size)
        result = run_pairs(pk, f, NULL, 0, item);
    if (FREE_THREADED && result > DONE)
        Py_INCREF(*item);
    UNLOCK_OBJECT();
    return result;
}

PP_INLINE int run_dict_once(pack *pk, pack_frame *f, PyObject **item)
{
    PyObject *dict = f->container;
    const dict_pair *pairs = NULL;
    int result = RESTART;
    bool group = container_lock(dict, f->left);
    if (PP_LIKELY(PyDict_GET_SIZE(dict) == f->size)) {
        Py_ssize_t count;
        pairs = dict_pairs(dict, &count);
        if (PP_LIKELY(pairs != NULL))
            result = run_pairs(pk, f, pairs, count, item);
        if (goes_on(pk, f, result, group, *item))
            result = run_small_pairs(pk, f, pairs, count, item);
    }
    if (FREE_THREADED && result > DONE)
        Py_INCREF(*item);
    container_unlock(dict, group);
    return PP_LIKELY(pairs != NULL) ? result : run_other_dict_once(pk, f, item);
}

/* Its items are there as long as the tuple is. */
PP_INLINE int run_tuple_once(pack *pk, pack_frame *f, PyObject **item)
{
    PyObject **items = ((PyTupleObject *)f->container)->ob_item;
    int result = run_items(pk, f, items, item);
    return goes_on(pk, f, result, true, *item) ? run_small_items(pk, f, items, item) : result;
}

PP_INLINE int run_once(pack *pk, pack_frame_kind kind, pack_frame *f, PyObject **item)
{
    return kind == FRAME_LIST    ? run_list_once(pk, f, item)
           : kind == FRAME_TUPLE ? run_tuple_once(pk, f, item)
                                 : run_dict_once(pk, f, item);
}

/* ---- a whole run ------------------------------------------------------------------------ */

/* The leaf `*item` that the fast path has left over and, where it is a key, the value that
 * waits behind it. DONE, FAILED, or DESCEND with an `*item` that is no leaf. */
static int slow_leaf(pack *pk, pack_frame_kind kind, pack_frame *f, PyObject **item)
{
    for (;;) {
        pk->running = f; /* for the path of an error */
        int done = pack_leaf(pk, *item);
        pk->running = NULL;
        if (done == 0)
            return DESCEND;
        if (items_are_owned(kind))
            Py_DECREF(*item);
        if (done < 0) {
            Py_CLEAR(f->pending);
            return FAILED;
        }
        if (!f->pending)
            return DONE;
        *item = f->pending;
        f->pending = NULL;
        if (!FREE_THREADED)
            Py_DECREF(*item); /* the dict has it, and nothing has changed */
    }
}

/* Has a run that returned DONE come to the end of the container? */
PP_INLINE bool at_end(pack_frame_kind kind, const pack_frame *f)
{
    return kind == FRAME_DICT ? f->left == 0 : f->position == f->size;
}

/* Goes on with a run that has ended at a slow leaf. */
static PP_NOINLINE int run_on(pack *pk, pack_frame_kind kind, pack_frame *f, PyObject **item)
{
    for (;;) {
        int result = slow_leaf(pk, kind, f, item);
        if (result != DONE || at_end(kind, f) || pk->slice.budget <= 0)
            return result;
        result = run_once(pk, kind, f, item);
        if (result != SLOW)
            return result;
    }
}

/* A run over what is left of a container: DONE, FAILED, RESTART where it has changed, or
 * DESCEND with `*item`: a new reference where items_are_owned(). */
PP_INLINE int run(pack *pk, pack_frame_kind kind, pack_frame *f, PyObject **item)
{
    int result = run_once(pk, kind, f, item);
    return PP_LIKELY(result != SLOW) ? result : run_on(pk, kind, f, item);
}

#endif /* PARAPACK_EXT_PACK_RUN_H */
