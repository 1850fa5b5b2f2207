/* The walk over the objects.
 *
 * What may change under the walk, and when
 *
 *   With the GIL nothing changes while a loop below runs from one item to the
 *   next: no code of anybody's runs. Without it, a loop holds the lock of its
 *   container, so that items cannot leave it and are borrowed from it.
 *
 *   Anything may have changed after slice_checkpoint(), after a hook, and (on
 *   free-threaded builds) whenever the container's lock was let go. Every loop
 *   therefore begins by comparing the container's size with what its header
 *   promised, and a dict also counts its pairs. Items are read again each time.
 *
 *   Where a container has changed and no hook has run, the pack starts over and
 *   holds the GIL to the end, as msgpack-python always does. After a hook has
 *   run it raises RuntimeError.
 */
#include "pack_walk.h"

#include "pack_run.h"

/* How often a pack starts over before it gives up. With the GIL, which the
 * second attempt holds throughout, once is enough. */
enum { RESTARTS_MAX = FREE_THREADED ? 8 : 1 };

/* How many containers deep the C stack is used; deeper ones wait on the frames. */
enum { RECURSION_MAX = 24 };

/* ---- frames -------------------------------------------------------------------- */

static int grow_frames(pack *pk)
{
    int capacity = pk->frames_capacity * 4;
    pack_frame *frames = pk->frames == pk->first_frames ? NULL : pk->frames;
    frames = PyMem_Realloc(frames, (size_t)capacity * sizeof *frames);
    if (!frames) {
        PyErr_NoMemory();
        return FAILED;
    }
    if (pk->frames == pk->first_frames)
        memcpy(frames, pk->first_frames, sizeof pk->first_frames);
    pk->frames = frames;
    pk->frames_capacity = capacity;
    return DONE;
}

/* Takes over the frame's references, also on failure. */
static int push(pack *pk, const pack_frame *frame)
{
    if (PP_UNLIKELY(pk->depth == pk->frames_capacity) && grow_frames(pk)) {
        if (frame->owned)
            Py_DECREF(frame->container);
        Py_XDECREF(frame->pending);
        return FAILED;
    }
    pk->frames[pk->depth++] = *frame;
    return DONE;
}

static void pop(pack *pk)
{
    pack_frame *f = &pk->frames[--pk->depth];
    PyObject *container = f->owned ? f->container : NULL;
    PyObject *pending = f->pending;
    Py_XDECREF(pending);
    Py_XDECREF(container);
}

/* Makes every container on the stack a strong reference of its frame: before
 * anything that lets other code run. */
void pack_pin_frames(pack *pk)
{
    for (int i = 0; i < pk->depth; i++) {
        if (!pk->frames[i].owned) {
            Py_INCREF(pk->frames[i].container);
            pk->frames[i].owned = true;
        }
    }
}

static int changed(pack *pk, const char *what)
{
    if (!pk->hook_ran && pk->restarts < RESTARTS_MAX)
        return RESTART;
    return pack_fail(pk, PyExc_RuntimeError, "%s changed size during packing", what);
}

/* Everything that may run code of the caller's comes after this. */
void pack_before_hook(pack *pk)
{
    pack_pin_frames(pk);
    pk->hook_ran = true;
}

/* ---- headers ------------------------------------------------------------------- */

int pack_array_header(pack *pk, uint32_t size)
{
    if (pack_header_room(pk))
        return FAILED;
    pk->cursor = pp_put_array_header(pk->cursor, size);
    return DONE;
}

int pack_map_header(pack *pk, uint32_t size)
{
    if (pack_header_room(pk))
        return FAILED;
    pk->cursor = pp_put_map_header(pk->cursor, size);
    return DONE;
}

/* Writes the header of a container of `size` items or pairs. */
PP_INLINE int open_header(pack *pk, bool map, Py_ssize_t size)
{
    if (PP_UNLIKELY(pk->depth == PACK_DEPTH_MAX))
        return pack_fail(pk, PyExc_ValueError, "recursion limit exceeded.");
    if (PP_UNLIKELY((size_t)size > PACK_LENGTH_MAX))
        return pack_fail(pk, PyExc_ValueError, map ? "dict is too large" : "list is too large");
    return map ? pack_map_header(pk, (uint32_t)size) : pack_array_header(pk, (uint32_t)size);
}

/* ---- dispatch ------------------------------------------------------------------ */

/* Packs a value that pack_leaf() does not handle: writes it, or writes its
 * header and pushes a frame. Takes over the reference where `owned`. */
int pack_enter(pack *pk, PyObject *o, bool owned, bool may_default)
{
    PyTypeObject *type = Py_TYPE(o);
    if (type == &PyDict_Type)
        return pack_open_dict(pk, o, owned);
    if (type == &PyList_Type)
        return pack_open_list(pk, o, owned);
    if (type == &PyTuple_Type && !pk->options->strict_types)
        return pack_open_tuple(pk, o, owned);
    if (!owned)
        Py_INCREF(o);
    int failed = pack_other(pk, o, may_default);
    Py_DECREF(o);
    return failed;
}

/* ---- loops ------------------------------------------------------------------------ */

/* A run, with what it means that the container has changed. */
PP_INLINE int run_checked(pack *pk, pack_frame_kind kind, pack_frame *f, PyObject **item)
{
    int result = run(pk, kind, f, item);
    if (PP_UNLIKELY(result == RESTART))
        return changed(pk, kind == FRAME_DICT ? "dictionary" : "list");
    return result;
}

/* After a value other than a leaf: may the loop over frame `at` go on? */
PP_INLINE bool still_on_top(const pack *pk, int at)
{
    return pk->depth == at + 1 && pk->slice.budget > 0;
}

static int walk_pending(pack *pk, pack_frame *f)
{
    PyObject *value = f->pending;
    f->pending = NULL;
    return pack_enter_replacement(pk, value, true);
}

/* A run ended at a container or another value that is no leaf. A tuple keeps its
 * items alive; what came out of a list or dict is owned without a GIL. */
PP_INLINE int descend(pack *pk, pack_frame_kind kind, int at, PyObject *o)
{
    bool owned = items_are_owned(kind);
    if (FREE_THREADED && small_in(pk, &pk->frames[at], o)) {
        if (owned)
            Py_DECREF(o);
        return DONE;
    }
    PyTypeObject *type = Py_TYPE(o);
    if (type == &PyDict_Type)
        return pack_open_dict(pk, o, owned);
    if (type == &PyList_Type)
        return pack_open_list(pk, o, owned);
    return pack_enter(pk, o, owned, true);
}

/* The end of a container, which the last value may have changed. */
PP_INLINE int leave(pack *pk, pack_frame_kind kind, const pack_frame *f)
{
    if (kind == FRAME_LIST && PP_UNLIKELY(PyList_GET_SIZE(f->container) != f->size))
        return changed(pk, "list");
    if (kind == FRAME_DICT && PP_UNLIKELY(PyDict_GET_SIZE(f->container) != f->size))
        return changed(pk, "dictionary");
    pop(pk);
    return DONE;
}

/* Each walk_*() works on the frame at `at`, which is on top when it begins. It
 * returns DONE when that frame is popped, when another is on top, or when the
 * budget is used up; walk() then goes on with whatever is on top. */
PP_INLINE int walk_container(pack *pk, pack_frame_kind kind, int at)
{
    for (;;) {
        pack_frame *f = &pk->frames[at];
        PyObject *item = NULL;
        if (kind == FRAME_DICT && PP_UNLIKELY(f->pending != NULL))
            return walk_pending(pk, f);
        if (at_end(kind, f))
            return leave(pk, kind, f);
        int result = run_checked(pk, kind, f, &item);
        if (result == DESCEND)
            result = descend(pk, kind, at, item);
        if (result != DONE || !still_on_top(pk, at))
            return result;
    }
}

#if FREE_THREADED
/* A list of containers would be locked and unlocked for every one of them. Instead
 * several are taken out at a time, each a strong reference. */
enum { BATCH = 32 };

/* The containers that follow, at most BATCH; 0 where the next item is none, or the
 * list has changed. */
static int take_batch(pack_frame *f, PyObject **batch)
{
    PyObject *list = f->container;
    int n = 0;
    bool group = container_lock(list, 0);
    if (PyList_GET_SIZE(list) == f->size) {
        PyObject **items = ((PyListObject *)list)->ob_item + f->position;
        Py_ssize_t left = f->size - f->position;
        int most = (int)Py_MIN(left, BATCH);
        for (int i = 0; i < BATCH && most + i < left; i++)
            prefetch_to_write(items[most + i]);
        while (n < most && is_container(items[n])) {
            batch[n] = items[n];
            n++;
        }
        for (int i = 0; i < n; i++)
            Py_INCREF(batch[i]);
    }
    container_unlock(list, group);
    return n;
}

/* Packs the containers that follow. DONE, also where there are none. */
static int walk_batch(pack *pk, int at)
{
    PyObject *batch[BATCH];
    int n = take_batch(&pk->frames[at], batch), i = 0, result = DONE;
    while (i < n && result == DONE && still_on_top(pk, at)) {
        pk->frames[at].position++;
        pk->slice.budget--;
        result = descend(pk, FRAME_LIST, at, batch[i++]);
    }
    while (i < n)
        Py_DECREF(batch[i++]);
    return result;
}
#else
/* The item that follows, if it is a container and the list has not changed. */
PP_INLINE PyObject *next_container(pack *pk, pack_frame *f)
{
    if (PyList_GET_SIZE(f->container) != f->size || f->position == f->size)
        return NULL;
    PyObject *o = PyList_GET_ITEM(f->container, f->position);
    if (!is_container(o))
        return NULL;
    f->position++;
    pk->slice.budget--;
    return o;
}

/* Packs the containers that follow. DONE, also where there are none. */
PP_INLINE int walk_batch(pack *pk, int at)
{
    PyObject *o;
    int result = DONE;
    while (result == DONE && still_on_top(pk, at) && (o = next_container(pk, &pk->frames[at])))
        result = descend(pk, FRAME_LIST, at, o);
    return result;
}
#endif

static int walk_list(pack *pk, int at)
{
    for (;;) {
        pack_frame *f = &pk->frames[at];
        PyObject *item = NULL;
        if (at_end(FRAME_LIST, f))
            return leave(pk, FRAME_LIST, f);
        int result = run_checked(pk, FRAME_LIST, f, &item);
        if (result == DESCEND) {
            result = descend(pk, FRAME_LIST, at, item);
            if (result == DONE && still_on_top(pk, at) && !at_end(FRAME_LIST, &pk->frames[at]))
                result = walk_batch(pk, at);
        }
        if (result != DONE || !still_on_top(pk, at))
            return result;
    }
}

static int walk_tuple(pack *pk, int at)
{
    return walk_container(pk, FRAME_TUPLE, at);
}

static int walk_dict(pack *pk, int at)
{
    return walk_container(pk, FRAME_DICT, at);
}

/* The next of a list of pairs that no other code can reach. */
static int walk_pairs(pack *pk, int at)
{
    pack_frame *f = &pk->frames[at];
    if (f->pending)
        return walk_pending(pk, f);
    if (f->position == f->size) {
        pop(pk);
        return DONE;
    }
    pk->slice.budget--;
    PyObject *pair = PyList_GET_ITEM(f->container, f->position++);
    PyObject *two;
    if (PyTuple_CheckExact(pair)) {
        two = Py_NewRef(pair);
    } else {
        pack_before_hook(pk);
        two = PySequence_Tuple(pair);
        if (!two)
            return FAILED;
    }
    if (PyTuple_GET_SIZE(two) != 2) {
        pack_fail(pk, PyExc_ValueError, "a pair has %zd items, not 2", PyTuple_GET_SIZE(two));
        Py_DECREF(two);
        return FAILED;
    }
    PyObject *key = Py_NewRef(PyTuple_GET_ITEM(two, 0));
    f->pending = Py_NewRef(PyTuple_GET_ITEM(two, 1));
    Py_DECREF(two);
    return pack_enter_replacement(pk, key, true);
}

static int walk_top(pack *pk)
{
    int at = pk->depth - 1;
    switch (pk->frames[at].kind) {
    case FRAME_DICT:
        return walk_dict(pk, at);
    case FRAME_LIST:
        return walk_list(pk, at);
    case FRAME_TUPLE:
        return walk_tuple(pk, at);
    default:
        return walk_pairs(pk, at);
    }
}

/* A container whose frame is not on the stack yet, and its header written: where it holds
 * nothing but leaves it never gets there. */
PP_INLINE int begin_frame(pack *pk, pack_frame_kind kind, pack_frame *f)
{
    PyObject *item = NULL;
    int at = pk->depth, result = DONE;
    if (PP_LIKELY(at < RECURSION_MAX))
        result = run_checked(pk, kind, f, &item);
    if (PP_LIKELY(result == DONE && at_end(kind, f)) || PP_UNLIKELY(result < DONE)) {
        if (f->owned)
            Py_DECREF(f->container);
        return result;
    }
    if (FREE_THREADED && !f->owned) {
        Py_INCREF(f->container);
        f->owned = true;
    }
    if (push(pk, f)) {
        if (items_are_owned(kind))
            Py_XDECREF(item);
        return FAILED;
    }
    if (result == DONE)
        return DONE;
    result = descend(pk, kind, at, item);
    if (result != DONE || !still_on_top(pk, at))
        return result;
    return kind == FRAME_LIST    ? walk_list(pk, at)
           : kind == FRAME_TUPLE ? walk_tuple(pk, at)
                                 : walk_dict(pk, at);
}

static PP_NOINLINE int begin_list(pack *pk, pack_frame *f)
{
    return begin_frame(pk, FRAME_LIST, f);
}

static PP_NOINLINE int begin_tuple(pack *pk, pack_frame *f)
{
    return begin_frame(pk, FRAME_TUPLE, f);
}

static PP_NOINLINE int begin_dict(pack *pk, pack_frame *f)
{
    return begin_frame(pk, FRAME_DICT, f);
}

static int begin_pairs(pack *pk, pack_frame *f)
{
    return push(pk, f);
}

/* Writes the header of a container, and goes on with begin(). Takes over the reference
 * where `owned`, also on failure. */
PP_INLINE int open_container(pack *pk, pack_frame_kind kind, PyObject *container, bool owned,
                             Py_ssize_t size, int (*begin)(pack *, pack_frame *))
{
    pack_frame f = {
        .container = container, .size = size, .left = size, .kind = kind, .owned = owned};
    if (PP_LIKELY(open_header(pk, kind == FRAME_DICT || kind == FRAME_PAIRS, size) == DONE))
        return begin(pk, &f);
    if (owned)
        Py_DECREF(container);
    return FAILED;
}

int pack_open_list(pack *pk, PyObject *list, bool owned)
{
    return open_container(pk, FRAME_LIST, list, owned, PyList_GET_SIZE(list), begin_list);
}

int pack_open_tuple(pack *pk, PyObject *tuple, bool owned)
{
    return open_container(pk, FRAME_TUPLE, tuple, owned, PyTuple_GET_SIZE(tuple), begin_tuple);
}

int pack_open_dict(pack *pk, PyObject *dict, bool owned)
{
    return open_container(pk, FRAME_DICT, dict, owned, PyDict_GET_SIZE(dict), begin_dict);
}

/* A list of pairs that no other code can reach; taken over. */
int pack_open_pairs(pack *pk, PyObject *pairs)
{
    return open_container(pk, FRAME_PAIRS, pairs, true, PyList_GET_SIZE(pairs), begin_pairs);
}

/* The object itself. Most messages are one small container. */
static int begin_root(pack *pk, PyObject *o)
{
    pack_frame f = {.container = o, .size = -1};
    if (pack_small(pk, o, &f))
        return DONE;
    if (f.size < 0)
        return pack_enter(pk, o, false, true);
    f.kind = PyDict_CheckExact(o) ? FRAME_DICT : PyList_CheckExact(o) ? FRAME_LIST : FRAME_TUPLE;
    return f.kind == FRAME_DICT   ? begin_dict(pk, &f)
           : f.kind == FRAME_LIST ? begin_list(pk, &f)
                                  : begin_tuple(pk, &f);
}

static int walk(pack *pk)
{
    while (pk->depth) {
        int result = walk_top(pk);
        if (PP_UNLIKELY(result != DONE))
            return result;
        if (PP_UNLIKELY(pk->slice.budget <= 0)) {
            if (!pk->slice.hold)
                pack_pin_frames(pk);
            if (slice_checkpoint(&pk->slice) < 0)
                return FAILED;
        }
    }
    return DONE;
}

/* ---- begin, run, end ------------------------------------------------------------------ */

void pack_begin(pack *pk, module_state *state, const pack_options *options)
{
    pk->base = pk->cursor = pk->scratch;
    pk->end = pk->scratch + PACK_SCRATCH;
    pk->spill = NULL;
    pk->options = options;
    pk->state = state;
    pk->frames = pk->first_frames;
    pk->depth = 0;
    pk->frames_capacity = PACK_FRAMES;
    pk->hook_ran = false;
    pk->keep_bodies = false;
    pk->sharing = false;
    pk->inline_float = !options->use_single_float;
    pk->restarts = 0;
    pk->running = NULL;
    slice_begin(&pk->slice, state, options->atomic);
    pk->plan.body = pk->plan.first;
    pk->plan.count = 0;
    pk->plan.capacity = PACK_BODIES;
    pk->plan.bytes = 0;
}

static void unwind(pack *pk)
{
    while (pk->depth)
        pop(pk);
    pack_plan_clear(&pk->plan);
    pk->cursor = pk->base;
}

static void start_over(pack *pk)
{
    unwind(pk);
    pk->restarts++;
    /* Without a GIL there is nothing to hold; the first attempts leave others alone. */
    pk->slice.hold = !FREE_THREADED || pk->restarts > RESTARTS_MAX / 2;
}

/* Begins with `begin` and walks, until it is done or failed. `begin` is a constant. */
PP_INLINE int begin_and_walk(pack *pk, int (*begin)(pack *pk, PyObject *o), PyObject *o)
{
    for (;;) {
        int result = begin(pk, o);
        if (result == DONE)
            result = walk(pk);
        if (result != RESTART)
            return result;
        start_over(pk);
    }
}

int pack_object(pack *pk, PyObject *object)
{
    int result = is_container(object) ? 0 : pack_leaf(pk, object);
    if (result)
        return result == 1 ? DONE : result;
    return begin_and_walk(pk, begin_root, object);
}

/* A list of pairs that stays the caller's. */
static int begin_kept_pairs(pack *pk, PyObject *list)
{
    return pack_open_pairs(pk, Py_NewRef(list));
}

int pack_pairs(pack *pk, PyObject *pairs)
{
    /* Whatever code this runs has ended before the walk, which can start over with the list. */
    PyObject *list = PySequence_List(pairs);
    if (!list)
        return FAILED;
    int result = begin_and_walk(pk, begin_kept_pairs, list);
    Py_DECREF(list);
    return result;
}

void pack_end(pack *pk)
{
    while (pk->depth)
        pop(pk);
    if (pk->frames != pk->first_frames)
        PyMem_Free(pk->frames);
    if (PP_UNLIKELY(pk->plan.count || pk->plan.body != pk->plan.first))
        pack_plan_clear(&pk->plan);
    Py_XDECREF(pk->spill);
}
