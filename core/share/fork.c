#include <pthread.h>

#include "base/parking.h"
#include "share/collector.h"
#include "share/fork.h"
#include "share/heap.h"
#include "share/object.h"
#include "share/pause.h"
#include "share/registry.h"
#include "share/thread.h"

static void before_fork(void)
{
    pp_pause_begin(pp_thread_known(), 0);
}

static void in_parent(void)
{
    pp_pause_end(pp_thread_known());
}

/* A thread that was blocked may have been given the lock it waited for, before it could know;
 * one that is outside of scopes holds none. */
static void put_right(void *context, pp_object *object)
{
    (void)context;
    pp_mutex_init(&object->lock);
    pp_kind kind = (pp_kind)atomic_load_explicit(&object->kind, memory_order_relaxed);
    const pp_object_type *type = pp_object_type_of(kind);
    if (type->after_fork != NULL)
        type->after_fork(object);
}

static void in_child(void)
{
    pp_thread *self = pp_thread_known();
    pp_parking_after_fork_child(); /* first: everything below may park or unpark */
    pp_thread_after_fork_child(self);
    pp_registry_after_fork();
    pp_heap_walk(PP_HEAP_CONTAINERS, put_right, NULL);
    pp_pause_end(self);
    if (self == NULL)
        self = pp_thread_self();
    if (self != NULL)
        pp_collector_after_fork(self);
}

bool pp_fork_start(void)
{
    return pthread_atfork(before_fork, in_parent, in_child) == 0;
}
