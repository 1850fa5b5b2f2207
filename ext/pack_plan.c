/* The scratch area, the copy plan, and the one copy at the end. */
#include "pack.h"

#include "parapack/utf8.h"

enum {
    GROWTH_GUESS = 16 * 1024,  /* bytes: results above it are large */
    GROWTH_LEAP = 32,          /* times: as far as a guess is followed at once */
    GROWTH_SLACK = 64,         /* bytes: the fast paths want some room beyond the end */
    GROWTH_COPIED = 128 << 10, /* bytes: a scratch area of this size is not copied to grow ... */
    GROWTH_MAPPED = 33 << 20,  /* ... but moves once to a mapping of its own */
    SCRATCH_SHARE = 16,        /* of a result: less of it may be in memory twice */
};

/* A guess needs no order: any value that was ever stored will do. */
static size_t relaxed_load(const size_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void relaxed_store(size_t *p, size_t value)
{
    if (__atomic_load_n(p, __ATOMIC_RELAXED) != value)
        __atomic_store_n(p, value, __ATOMIC_RELAXED);
}

/* ---- scratch ----------------------------------------------------------------- */

/* Growing copies what is there, and then both copies are in memory, so it is done
 * rarely and early. A result that gets large is guessed to become as large as the
 * last such ones. Where that is not enough the scratch area moves to more than
 * malloc() ever serves from its heap (glibc: 32 MiB): a mapping, of which only
 * what is written takes memory, and which realloc() grows and shrinks without
 * copying. The allocator of free-threaded builds would copy. What is not used is
 * given back at the end. */
static size_t next_capacity(const pack *pk, size_t capacity)
{
    if (capacity < GROWTH_GUESS)
        return capacity * 4;
    size_t guess = relaxed_load(&pk->state->large_result);
    bool large = capacity >= GROWTH_COPIED;
    if (guess > capacity * 2 && (large || guess / GROWTH_LEAP < capacity))
        return guess;
    return !FREE_THREADED && large && capacity < GROWTH_MAPPED ? GROWTH_MAPPED : capacity * 2;
}

/* The next such guess: with room for a result that is somewhat larger, and slow to
 * forget that there are larger ones. */
static void learn_size(pack *pk, size_t size)
{
    size_t guess = relaxed_load(&pk->state->large_result);
    relaxed_store(&pk->state->large_result,
                  Py_MAX(size + size / 4 + GROWTH_SLACK, guess - guess / 4));
}

/* Makes a new spill of `capacity` bytes. False, and no exception, without memory. */
static bool move_to_spill(pack *pk, size_t capacity)
{
    PyObject *spill = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)capacity);
    if (!spill) {
        PyErr_Clear();
        return false;
    }
    memcpy(PyBytes_AS_STRING(spill), pk->base, (size_t)(pk->cursor - pk->base));
    Py_XSETREF(pk->spill, spill);
    return true;
}

/* Makes the spill `capacity` bytes large. False with MemoryError. */
static bool resize_spill(pack *pk, size_t capacity)
{
    if (!pk->spill)
        return move_to_spill(pk, capacity) || PyErr_NoMemory() != NULL;
    if (_PyBytes_Resize(&pk->spill, (Py_ssize_t)capacity) == 0)
        return true;
    /* The bytes are gone: leave a pack that can only be ended. */
    pk->base = pk->cursor = pk->scratch;
    pk->end = pk->scratch + PACK_SCRATCH;
    return false;
}

int pack_grow(pack *pk, size_t need)
{
    size_t used = (size_t)(pk->cursor - pk->base);
    size_t before = (size_t)(pk->end - pk->base);
    if (need > (size_t)PY_SSIZE_T_MAX / 2 || before > (size_t)PY_SSIZE_T_MAX / 4) {
        PyErr_NoMemory();
        return -1;
    }
    size_t capacity = Py_MAX(next_capacity(pk, before), used + need);
    bool moves = !pk->spill || (before < GROWTH_MAPPED && capacity >= GROWTH_MAPPED);
    if (!moves || !move_to_spill(pk, capacity)) {
        if (moves)
            capacity = Py_MAX(before * 2, used + need); /* there may be memory for this */
        if (!resize_spill(pk, capacity))
            return -1;
    }
    pk->base = (uint8_t *)PyBytes_AS_STRING(pk->spill);
    pk->cursor = pk->base + used;
    pk->end = pk->base + capacity;
    return 0;
}

/* ---- plan -------------------------------------------------------------------- */

static pack_body *plan_add(pack *pk, size_t size)
{
    pack_plan *plan = &pk->plan;
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity * 2;
        pack_body *body = plan->body == plan->first ? NULL : plan->body;
        body = PyMem_Realloc(body, capacity * sizeof *body);
        if (!body) {
            PyErr_NoMemory();
            return NULL;
        }
        if (plan->body == plan->first)
            memcpy(body, plan->first, sizeof plan->first);
        plan->body = body;
        plan->capacity = capacity;
    }
    pack_body *body = &plan->body[plan->count];
    memset(body, 0, sizeof *body);
    body->at = (size_t)(pk->cursor - pk->base);
    body->size = size;
    plan->count++;
    plan->bytes += size;
    return body;
}

void pack_plan_clear(pack_plan *plan)
{
    while (plan->count) {
        pack_body *body = &plan->body[--plan->count];
        PyObject *owner = body->owner;
        Py_buffer *view = body->view;
        if (view) {
            PyBuffer_Release(view);
            PyMem_Free(view);
        }
        Py_XDECREF(owner);
    }
    plan->bytes = 0;
    if (plan->body != plan->first) {
        PyMem_Free(plan->body);
        plan->body = plan->first;
        plan->capacity = PACK_BODIES;
    }
}

/* What is deferred is copied once, but all of the scratch area is then copied
 * again: below the size that is worth giving the GIL up for, deferring pays only
 * where the bodies weigh more than what surrounds them. */
static bool worth_deferring(const pack *pk, size_t size)
{
    if (size < PACK_BODY_MIN)
        return false;
    if (pk->keep_bodies || size >= PACK_RELEASE_MIN)
        return true;
    size_t used = (size_t)(pk->cursor - pk->base);
    return used / 4 <= pk->plan.bytes + size;
}

int pack_body_of(pack *pk, PyObject *owner, const void *data, size_t size)
{
    if (worth_deferring(pk, size)) {
        pack_body *body = plan_add(pk, size);
        if (!body)
            return -1;
        body->copy = COPY_BYTES;
        body->data = data;
        body->owner = Py_NewRef(owner);
        return 0;
    }
    if ((size_t)(pk->end - pk->cursor) < size && pack_grow(pk, size))
        return -1;
    memcpy(pk->cursor, data, size);
    pk->cursor += size;
    return 0;
}

int pack_body_of_view(pack *pk, PyObject *owner, Py_buffer *view)
{
    size_t size = (size_t)view->len;
    if (worth_deferring(pk, size)) {
        Py_buffer *kept = PyMem_Malloc(sizeof *kept);
        if (!kept) {
            PyErr_NoMemory();
            goto error;
        }
        pack_body *body = plan_add(pk, size);
        if (!body) {
            PyMem_Free(kept);
            goto error;
        }
        *kept = *view;
        body->copy = COPY_BYTES;
        body->data = view->buf;
        body->owner = Py_NewRef(owner);
        body->view = kept;
        return 0;
    }
    if ((size_t)(pk->end - pk->cursor) < size && pack_grow(pk, size))
        goto error;
    memcpy(pk->cursor, view->buf, size);
    pk->cursor += size;
    PyBuffer_Release(view);
    return 0;
error:
    PyBuffer_Release(view);
    return -1;
}

uint8_t *pack_copy_ucs(uint8_t *to, pack_copy copy, const void *data, size_t count)
{
    switch (copy) {
    case COPY_UCS1:
        return pp_utf8_from_ucs1(to, data, count);
    case COPY_UCS2:
        return pp_utf8_from_ucs2(to, data, count);
    case COPY_UCS4:
        return pp_utf8_from_ucs4(to, data, count);
    case COPY_BYTES:
        break;
    }
    Py_UNREACHABLE();
}

int pack_body_of_ucs(pack *pk, PyObject *owner, pack_copy copy, const void *data, size_t count,
                     size_t size)
{
    if (worth_deferring(pk, size)) {
        pack_body *body = plan_add(pk, size);
        if (!body)
            return -1;
        body->copy = copy;
        body->data = data;
        body->count = count;
        body->owner = Py_NewRef(owner);
        return 0;
    }
    if ((size_t)(pk->end - pk->cursor) < size && pack_grow(pk, size))
        return -1;
    pk->cursor = pack_copy_ucs(pk->cursor, copy, data, count);
    return 0;
}

/* ---- the copy ---------------------------------------------------------------- */

static void copy_body(uint8_t *to, const pack_body *body)
{
    if (body->copy == COPY_BYTES)
        memcpy(to, body->data, body->size);
    else
        pack_copy_ucs(to, body->copy, body->data, body->count);
}

static void gather(const pack *pk, uint8_t *to)
{
    size_t at = 0;
    for (size_t i = 0; i < pk->plan.count; i++) {
        const pack_body *body = &pk->plan.body[i];
        memcpy(to, pk->base + at, body->at - at);
        to += body->at - at;
        at = body->at;
        copy_body(to, body);
        to += body->size;
    }
    memcpy(to, pk->base + at, (size_t)(pk->cursor - pk->base) - at);
}

/* Whether the copy is worth giving the GIL up for. */
static bool releases_gil(const pack *pk)
{
    return pack_size(pk) >= PACK_RELEASE_MIN && !pk->options->atomic;
}

void pack_gather(pack *pk, uint8_t *target)
{
    if (!releases_gil(pk)) {
        gather(pk, target);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
        gather(pk, target);
    Py_END_ALLOW_THREADS
}

bool pack_overlaps(const pack *pk, const uint8_t *target, size_t size)
{
    for (size_t i = 0; i < pk->plan.count; i++) {
        const pack_body *body = &pk->plan.body[i];
        uintptr_t from = (uintptr_t)body->data, to = (uintptr_t)target;
        if (body->view && from < to + size && to < from + body->size)
            return true;
    }
    return false;
}

/* Makes room for the deferred bodies where they belong, from the end on. `base` has room
 * for `size` bytes and holds the scratch area. */
static void spread(const pack *pk, uint8_t *base, size_t size)
{
    size_t used = (size_t)(pk->cursor - pk->base);
    uint8_t *to = base + size;
    for (size_t i = pk->plan.count; i-- > 0;) {
        const pack_body *body = &pk->plan.body[i];
        size_t after = used - body->at;
        to -= after;
        memmove(to, base + body->at, after);
        to -= body->size;
        copy_body(to, body);
        used = body->at;
    }
}

/* Much scratch: it becomes the result, so that there are never two copies of it. */
static PyObject *merge(pack *pk, size_t size)
{
    PyObject *result = pk->spill;
    pk->spill = NULL;
    if (_PyBytes_Resize(&result, (Py_ssize_t)size))
        return NULL;
    uint8_t *base = (uint8_t *)PyBytes_AS_STRING(result);
    if (!releases_gil(pk)) {
        spread(pk, base, size);
        return result;
    }
    Py_BEGIN_ALLOW_THREADS
        spread(pk, base, size);
    Py_END_ALLOW_THREADS
    return result;
}

PyObject *pack_result(pack *pk)
{
    size_t size = pack_size(pk), bodies = pk->plan.bytes;
    if (size > PY_SSIZE_T_MAX)
        return PyErr_NoMemory();
    PyObject *result;
    if (bodies == 0 && !pk->spill)
        return PyBytes_FromStringAndSize((const char *)pk->base, (Py_ssize_t)size);
    if (size > GROWTH_GUESS && bodies < size / 2)
        learn_size(pk, size);
    if (bodies == 0) {
        result = pk->spill;
        pk->spill = NULL;
        _PyBytes_Resize(&result, (Py_ssize_t)size); /* NULL on failure */
        return result;
    }
    if (pk->spill && size - bodies > size / SCRATCH_SHARE)
        return merge(pk, size);
    result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (result)
        pack_gather(pk, (uint8_t *)PyBytes_AS_STRING(result));
    return result;
}

static int append(PyObject *list, PyObject *item)
{
    if (!item)
        return -1;
    int failed = PyList_Append(list, item);
    Py_DECREF(item);
    return failed;
}

static int append_scratch(PyObject *list, const pack *pk, size_t from, size_t to)
{
    if (from == to)
        return 0;
    return append(
        list, PyBytes_FromStringAndSize((const char *)pk->base + from, (Py_ssize_t)(to - from)));
}

static PyObject *body_part(const pack *pk, const pack_body *body)
{
    if (body->copy != COPY_BYTES) {
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)body->size);
        uint8_t *to = bytes ? (uint8_t *)PyBytes_AS_STRING(bytes) : NULL;
        if (bytes && (body->size < PACK_RELEASE_MIN || pk->options->atomic)) {
            pack_copy_ucs(to, body->copy, body->data, body->count);
        } else if (bytes) {
            Py_BEGIN_ALLOW_THREADS
                pack_copy_ucs(to, body->copy, body->data, body->count);
            Py_END_ALLOW_THREADS
        }
        return bytes;
    }
    if (body->view)
        return PyMemoryView_FromObject(body->owner);
    if (PyBytes_CheckExact(body->owner))
        return Py_NewRef(body->owner);
    if (PyBytes_Check(body->owner))
        return PyMemoryView_FromObject(body->owner);
    /* The characters of a str have no buffer of their own to show. */
    return PyBytes_FromStringAndSize(body->data, (Py_ssize_t)body->size);
}

PyObject *pack_result_parts(pack *pk)
{
    PyObject *parts = PyList_New(0);
    size_t at = 0;
    for (size_t i = 0; parts && i < pk->plan.count; i++) {
        const pack_body *body = &pk->plan.body[i];
        if (append_scratch(parts, pk, at, body->at) || append(parts, body_part(pk, body)))
            Py_CLEAR(parts);
        at = body->at;
    }
    if (parts && append_scratch(parts, pk, at, (size_t)(pk->cursor - pk->base)))
        Py_CLEAR(parts);
    return parts;
}
