/* What thread.c, pause.c, qsbr.c and fork.c need of the rest of the runtime, made for
 * testing them alone: a heap on malloc that counts and spoils, merge queues whose
 * objects are only counted. */
#ifndef PP_TEST_FAKE_RUNTIME_H
#define PP_TEST_FAKE_RUNTIME_H

#include "share/object.h"

/* Blocks that exist; blocks ever freed. */
extern _Atomic int64_t fake_heap_live, fake_heap_freed;

/* Heaps begun minus ended, and whether the next ones can begin. */
extern _Atomic int fake_heap_open;
extern _Atomic bool fake_heap_fails;

/* Objects that merges have taken out of queues; how often a scope's end asked for a collection
 * while pp_collector_due_ was set. */
extern _Atomic int64_t fake_merged;
extern _Atomic int fake_collections;

/* What the walk of the heap shows: one object, or NULL. */
extern pp_object *fake_container;
extern _Atomic int fake_after_fork_calls;

/* Failures of malloc in the parts under test: after this many calls, and how many times. */
void fake_malloc_fail(int64_t after, int64_t times);

/* As refcount.c does: puts a new object into `owner`'s merge queue, and sees to it that somebody
 * merges it. `self` is attached. */
void fake_push(pp_thread *self, pp_thread *owner);

#endif
