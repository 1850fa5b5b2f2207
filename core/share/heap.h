/* share/heap.h - where the runtime's memory comes from.
 *
 * One heap per thread record. Two backends with the same interface and the same
 * tests, chosen when the library is built (PARAPACK_HEAP): slabs of our own
 * (heap_slab.c), and mimalloc (heap_mimalloc.c; Leijen, Zorn, de Moura: "Mimalloc:
 * free list sharding in action", 2019).
 *
 * Blocks of containers (pp_object_type.container) are apart from all others, so that the
 * collector finds every container by walking the heap, and walks nothing else.
 * So an object is complete before its thread blocks or ends its scope.
 * A free block is told by its `kind` byte (object.h), which the heap keeps
 * PP_KIND_NONE while the block is free: a free list's link lies in the first word.
 */
#ifndef PP_SHARE_HEAP_H
#define PP_SHARE_HEAP_H

#include "share/object.h"

typedef enum pp_heap_part {
    PP_HEAP_CONTAINERS, /* objects that may refer to containers: walked by every collection */
    PP_HEAP_LEAVES,     /* other objects: walked by the audit of debug builds */
    PP_HEAP_TABLES      /* arrays and tables: never walked */
} pp_heap_part;

/* A block of `size` bytes, at least 1, aligned to 16, with its first 16 bytes zero. NULL without
 * memory. `thread` is attached, the caller's own. */
PP_NODISCARD void *pp_heap_alloc(pp_thread *thread, pp_heap_part part, size_t size);

/* Gives `block` back; any attached thread may, whoever allocated it. `size` as it was asked for. */
void pp_heap_free(pp_thread *thread, void *block, size_t size);

/* In a pause: calls `visit` for each live object of the part (CONTAINERS or LEAVES) in all heaps.
 * What `visit` may do: read and write objects. It must not allocate or free. */
void pp_heap_walk(pp_heap_part part, void (*visit)(void *context, pp_object *object),
                  void *context);

/* A thread takes a record over (false: no memory); a thread that has a record ends. Called by
 * thread.c on that very thread. */
PP_NODISCARD bool pp_heap_thread_begin(pp_thread *thread);
void pp_heap_thread_end(pp_thread *thread);

/* Takes back what other threads have freed of `thread`'s heap, and lets go of memory that is empty
 * then. The caller is its thread, attached, or has claimed its record: a heap whose thread does not
 * allocate, or has ended, would keep it. */
void pp_heap_drain(pp_thread *thread);

/* Whether that would find anything. A guess: other threads may be about to free more. Thread
 * safety: any. */
bool pp_heap_has_remote(const pp_thread *thread);

/* "slab" or "mimalloc". */
const char *pp_heap_name(void);

/* Bytes that all heaps have taken from the system, roughly. */
size_t pp_heap_reserved(void);

/* For tests: from now on the allocation that `countdown` reaches 0 at fails, once (-1: none), in
 * all threads. */
void pp_heap_fail_after(int64_t countdown);

#endif /* PP_SHARE_HEAP_H */
