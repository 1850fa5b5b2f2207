/* What both backends of the heap share: large blocks, and the failures that tests ask for. */
#include <stdlib.h>
#include <string.h>

#include "base/mutex.h"
#include "share/heap_internal.h"

_Atomic int64_t pp_heap_countdown_ = -1;

void pp_heap_fail_after(int64_t countdown)
{
    /* Relaxed: see pp_heap_must_fail(). */
    atomic_store_explicit(&pp_heap_countdown_, countdown, memory_order_relaxed);
}

bool pp_heap_count_down_(void)
{
    /* Relaxed: exactly one thread takes the step from 0, whatever the order. */
    return atomic_fetch_sub_explicit(&pp_heap_countdown_, 1, memory_order_relaxed) == 0;
}

/* ---- large blocks -------------------------------------------------------- */

typedef struct large {
    struct large *next, *previous;
    size_t size;
    size_t part;
} large;
_Static_assert(sizeof(large) % 16 == 0, "the block behind it is aligned to 16");
_Static_assert(_Alignof(max_align_t) >= 16, "malloc aligns to 16");

/* Relaxed: statistics. */
static _Atomic size_t large_bytes;

/* Those that are walked. The lock is a leaf: held for a few instructions, by a thread that stays
 * attached. */
static struct {
    pp_mutex lock;
    large *first[PP_HEAP_PARTS];
} larges;

void *pp_heap_large_alloc(pp_heap_part part, size_t size)
{
    if (size > PTRDIFF_MAX - sizeof(large))
        return NULL;
    large *l = malloc(sizeof(large) + size);
    if (l == NULL)
        return NULL;
    l->size = size;
    l->part = part;
    l->next = l->previous = NULL;
    memset(l + 1, 0, PP_HEAP_HEAD);
    if (part != PP_HEAP_TABLES) {
        pp_mutex_lock(&larges.lock);
        l->next = larges.first[part];
        if (l->next != NULL)
            l->next->previous = l;
        larges.first[part] = l;
        pp_mutex_unlock(&larges.lock);
    }
    atomic_fetch_add_explicit(&large_bytes, size, memory_order_relaxed);
    return l + 1;
}

void pp_heap_large_free(void *block)
{
    large *l = (large *)block - 1;
    if (l->part != PP_HEAP_TABLES) {
        pp_mutex_lock(&larges.lock);
        if (l->previous != NULL)
            l->previous->next = l->next;
        else
            larges.first[l->part] = l->next;
        if (l->next != NULL)
            l->next->previous = l->previous;
        pp_mutex_unlock(&larges.lock);
    }
    atomic_fetch_sub_explicit(&large_bytes, l->size, memory_order_relaxed);
    free(l);
}

void pp_heap_large_walk(pp_heap_part part, void (*visit)(void *context, pp_object *object),
                        void *context)
{
    for (large *l = larges.first[part]; l != NULL; l = l->next)
        if (pp_heap_is_object(l + 1))
            visit(context, (pp_object *)(void *)(l + 1));
}

size_t pp_heap_large_bytes(void)
{
    return atomic_load_explicit(&large_bytes, memory_order_relaxed);
}
