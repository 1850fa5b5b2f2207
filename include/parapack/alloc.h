/* parapack/alloc.h - where memory comes from.
 *
 * Everything in the library that allocates takes a pp_allocator, so that a
 * program can count, limit, pool or fail allocations. NULL means malloc.
 */
#ifndef PARAPACK_ALLOC_H
#define PARAPACK_ALLOC_H

#include "parapack/config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Three functions and what they need to know. The struct must outlive
 * everything allocated through it.
 *
 * resize: gives a block of `new_size` bytes, aligned for any type.
 *   block == NULL, old_size == 0: a new one.
 *   otherwise: `block` (of `old_size` bytes, from this allocator), grown or
 *   shrunk, perhaps moved; the first min(old_size, new_size) bytes are kept.
 *   new_size is never 0. Returns NULL when there is no memory; `block` is then
 *   as it was.
 * release: takes back `block` of `size` bytes; never called with NULL.
 *
 * Thread safety: called from whichever thread uses the object that allocates. */
typedef struct pp_allocator {
    void *(*resize)(void *context, void *block, size_t old_size, size_t new_size);
    void (*release)(void *context, void *block, size_t size);
    void *context;
} pp_allocator;

/* The allocator on realloc and free. Never NULL; static.
 * Thread safety: safe from any thread. */
PP_API const pp_allocator *pp_malloc_allocator(void);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_ALLOC_H */
