#include "fake_runtime.h"

#include <stdlib.h>
#include <string.h>

#include "share/collector.h"
#include "share/heap.h"
#include "share/registry.h"
#include "share/thread_state.h"

_Atomic int64_t fake_heap_live, fake_heap_freed, fake_merged;
_Atomic int fake_heap_open, fake_collections, fake_after_fork_calls;
_Atomic bool fake_heap_fails, pp_collector_due_;
pp_object *fake_container;

/* ---- malloc -------------------------------------------------------------------- */

static _Atomic int64_t calls_left = INT64_MAX, failures_left;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    if (atomic_fetch_sub(&calls_left, 1) <= 0 && atomic_fetch_sub(&failures_left, 1) > 0)
        return NULL;
    return __real_malloc(size);
}

void fake_malloc_fail(int64_t after, int64_t times)
{
    atomic_store(&failures_left, times);
    atomic_store(&calls_left, times > 0 ? after : INT64_MAX);
}

/* ---- heap ---------------------------------------------------------------------- */

bool pp_heap_thread_begin(pp_thread *thread)
{
    if (!pp_state_is_attached(thread))
        abort();
    if (atomic_load(&fake_heap_fails))
        return false;
    atomic_fetch_add(&fake_heap_open, 1);
    return true;
}

void pp_heap_thread_end(pp_thread *thread)
{
    if (!pp_state_is_attached(thread))
        abort();
    atomic_fetch_sub(&fake_heap_open, 1);
}

void *pp_heap_alloc(pp_thread *thread, pp_heap_part part, size_t size)
{
    (void)part;
    if (!pp_state_is_attached(thread))
        abort();
    atomic_fetch_add(&fake_heap_live, 1);
    return calloc(1, size);
}

void pp_heap_free(pp_thread *thread, void *block, size_t size)
{
    if (!pp_state_is_attached(thread))
        abort();
    memset(block, 0xdd, size);
    free(block);
    atomic_fetch_sub(&fake_heap_live, 1);
    atomic_fetch_add(&fake_heap_freed, 1);
}

void pp_heap_walk(pp_heap_part part, void (*visit)(void *context, pp_object *object), void *context)
{
    if (part == PP_HEAP_CONTAINERS && fake_container != NULL)
        visit(context, fake_container);
}

bool pp_heap_has_remote(const pp_thread *thread)
{
    (void)thread;
    return false;
}

void pp_heap_drain(pp_thread *thread)
{
    (void)thread;
}

/* ---- objects, collector, registry ------------------------------------------------ */

static void after_fork(pp_object *object)
{
    (void)object;
    atomic_fetch_add(&fake_after_fork_calls, 1);
}

const pp_object_type *pp_object_type_of(pp_kind kind)
{
    static const pp_object_type type = {
        .kind = PP_KIND_LIST, .container = true, .after_fork = after_fork};
    return kind == PP_KIND_LIST ? &type : NULL;
}

void pp_object_end_dying(pp_thread *thread)
{
    (void)thread;
    abort(); /* nothing of this runtime's ends in a merge */
}

void pp_collector_scope_ended_slow_(pp_thread *thread)
{
    if (pp_state_is_attached(thread))
        abort();
    atomic_fetch_add(&fake_collections, 1);
}

void pp_collector_after_fork(pp_thread *survivor)
{
    if (survivor == NULL)
        abort();
    atomic_fetch_add(&fake_after_fork_calls, 1);
}

void pp_registry_after_fork(void)
{
    atomic_fetch_add(&fake_after_fork_calls, 1);
}

/* ---- merge queues ----------------------------------------------------------------- */

static void merge_all(pp_thread *self, pp_thread *owner)
{
    if (!pp_state_is_attached(self))
        abort();
    pp_object *object = atomic_exchange(&owner->merge_queue, NULL);
    for (pp_object *next; object != NULL; object = next) {
        next = object->link;
        free(object);
        atomic_fetch_add(&fake_merged, 1);
        /* Owner-only fields are a merger's to write (T1): a race shows under ThreadSanitizer. */
        owner->containers_made++;
    }
}

__attribute__((constructor)) static void start(void)
{
    pp_thread_merge_hook = merge_all;
}

void fake_push(pp_thread *self, pp_thread *owner)
{
    pp_object *object = calloc(1, sizeof *object);
    if (object == NULL)
        abort();
    object->link = atomic_load(&owner->merge_queue);
    while (!atomic_compare_exchange_weak(&owner->merge_queue, &object->link, object))
        continue;
    if (owner != self)
        pp_thread_merge_for(self, owner);
}
