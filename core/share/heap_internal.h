/* share/heap_internal.h - what both backends of the heap have in common (heap.c). */
#ifndef PP_SHARE_HEAP_INTERNAL_H
#define PP_SHARE_HEAP_INTERNAL_H

#include "share/heap.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PP_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PP_ASAN 1
#endif

/* What a thread may touch of its blocks is known to AddressSanitizer: free blocks, and what lies
 * between two blocks, are poisoned. */
#if defined(PP_ASAN)
#include <sanitizer/asan_interface.h>
#define PP_HEAP_POISON(address, size)   ASAN_POISON_MEMORY_REGION(address, size)
#define PP_HEAP_UNPOISON(address, size) ASAN_UNPOISON_MEMORY_REGION(address, size)
#define PP_HEAP_LOOKS_AT_FREE           static __attribute__((unused, noinline, no_sanitize_address))
enum { PP_HEAP_REDZONE = 16 };
#else
#define PP_HEAP_POISON(address, size)   ((void)(address), (void)(size))
#define PP_HEAP_UNPOISON(address, size) ((void)(address), (void)(size))
#define PP_HEAP_LOOKS_AT_FREE           PP_INLINE
enum { PP_HEAP_REDZONE = 0 };
#endif

enum {
    PP_HEAP_PARTS = 3,
    PP_HEAP_HEAD = 16 /* bytes at the start of a block that hold a free list's link, and the kind */
};

/* pp_heap_fail_after's countdown, negative where no failure is due. Read at every allocation. */
extern _Atomic int64_t pp_heap_countdown_;
PP_COLD bool pp_heap_count_down_(void);

/* Whether this allocation is the one that is to fail. */
PP_INLINE bool pp_heap_must_fail(void)
{
    /* Relaxed: a test sets it before the allocations that it means. */
    return PP_UNLIKELY(atomic_load_explicit(&pp_heap_countdown_, memory_order_relaxed) >= 0) &&
           pp_heap_count_down_();
}

/* Sets the kind of a block that is free. */
PP_INLINE void pp_heap_mark_free(void *block)
{
    /* Relaxed: read by a walk, in a pause. */
    atomic_store_explicit(&((pp_object *)block)->kind, PP_KIND_NONE, memory_order_relaxed);
}

/* Whether a block is a live object. Reads free blocks too. */
PP_HEAP_LOOKS_AT_FREE bool pp_heap_is_object(void *block)
{
    return atomic_load_explicit(&((pp_object *)block)->kind, memory_order_relaxed) != PP_KIND_NONE;
}

/* Blocks too large for a backend's own ways, from malloc: as the functions of heap.h without the
 * prefix. A walk is told of them by a list. */
void *pp_heap_large_alloc(pp_heap_part part, size_t size);
void pp_heap_large_free(void *block);
void pp_heap_large_walk(pp_heap_part part, void (*visit)(void *context, pp_object *object),
                        void *context);
size_t pp_heap_large_bytes(void);

#endif /* PP_SHARE_HEAP_INTERNAL_H */
