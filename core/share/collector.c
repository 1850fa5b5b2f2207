#include "share/collector.h"

#include <assert.h>

#include "parapack/collect.h"

#include "base/clock.h"
#include "share/audit.h"
#include "share/collector_find.h"
#include "share/pause.h"
#include "share/refcount.h"
#include "share/stats.h"

/* How long a collection waits for threads that the last pause turned away (pause.h). */
#define GRACE (5 * PP_MILLISECOND)

/* Containers cleared or given up between two chances for others to pause and to reclaim. */
enum { PIECE = 64 };

/* ---- when ------------------------------------------------------------------------- */

_Atomic bool pp_collector_due_;

/* Relaxed all: hints, but for `growth` in a pause, where nobody else is at work. */
static _Atomic int64_t growth; /* containers made minus gone since the last collection, as told */
static _Atomic int64_t limit = PP_COLLECTOR_LEAST; /* of growth */
static _Atomic bool disabled;
static _Atomic bool starting; /* a thread is on its way to a collection that was due */

static int64_t limit_for(size_t alive)
{
    int64_t quarter = (int64_t)(alive / 4);
    return quarter > PP_COLLECTOR_LEAST ? quarter : PP_COLLECTOR_LEAST;
}

static void judge(int64_t grown)
{
    bool due = grown > atomic_load_explicit(&limit, memory_order_relaxed) &&
               !atomic_load_explicit(&disabled, memory_order_relaxed);
    if (due != atomic_load_explicit(&pp_collector_due_, memory_order_relaxed))
        atomic_store_explicit(&pp_collector_due_, due, memory_order_relaxed);
}

void pp_collector_tell_(pp_thread *thread)
{
    int64_t change = thread->containers_made;
    thread->containers_made = 0;
    judge(atomic_fetch_add_explicit(&growth, change, memory_order_relaxed) + change);
}

void pp_collector_scope_ended_slow_(pp_thread *thread)
{
    if (thread->collecting || atomic_exchange_explicit(&starting, true, memory_order_relaxed))
        return;
    (void)pp_collect(thread);
    atomic_store_explicit(&starting, false, memory_order_relaxed);
}

void pp_collect_enable(bool enabled)
{
    atomic_store_explicit(&disabled, !enabled, memory_order_relaxed);
    judge(atomic_load_explicit(&growth, memory_order_relaxed));
}

bool pp_collect_enabled(void)
{
    return !atomic_load_explicit(&disabled, memory_order_relaxed);
}

bool pp_collect_wanted(void)
{
    return atomic_load_explicit(&pp_collector_due_, memory_order_relaxed);
}

/* In a pause: `left` containers that are dead already will be told of as gone. */
static void start_over(size_t alive, size_t left)
{
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        thread->containers_made = 0;
    atomic_store_explicit(&growth, (int64_t)left, memory_order_relaxed);
    atomic_store_explicit(&limit, limit_for(alive), memory_order_relaxed);
    judge(0);
}

void pp_collector_reset_for_tests(void)
{
    atomic_store_explicit(&growth, 0, memory_order_relaxed);
    atomic_store_explicit(&limit, PP_COLLECTOR_LEAST, memory_order_relaxed);
    judge(0);
}

/* ---- the pause --------------------------------------------------------------------- */

/* Puts the list `from` at the end of `to`. */
static void adopt(pp_object **to, pp_object **from)
{
    while (*to != NULL)
        to = &(*to)->link;
    *to = *from;
    *from = NULL;
}

/* Merges every queue. What dies of it is left on `self`'s dying list, because `clear` takes locks
 * and gives memory up. */
static void drain_queues(pp_thread *self)
{
    assert(!self->clearing);
    self->clearing = true;
#if !defined(PP_MUTANT_COLLECT_UNDRAINED)
    for (pp_thread *owner = pp_thread_list(); owner != NULL; owner = owner->next)
        pp_ref_merge_queue(self, owner);
#endif
    self->clearing = false;
}

/* Leaves what was found with `self`. It has none from before, but for what it took over in the
 * child of a fork. */
static size_t find_garbage(pp_thread *self)
{
    (void)pp_pause_begin(self, GRACE);
    drain_queues(self);
#if defined(PP_AUDIT)
    (void)pp_audit();
#endif
    pp_found found;
    pp_collector_find(&found);
    start_over(found.alive - found.garbage, found.garbage);
    adopt(&self->condemned, &found.condemned);
    pp_stats_collection(found.garbage);
    pp_pause_end(self);
    return found.garbage;
}

/* ---- after it ---------------------------------------------------------------------- */

/* Memory is given up only after all were cleared: `clear` looks at the headers of the condemned
 * that it refers to. */
static void finish_garbage(pp_thread *self)
{
    unsigned done = 0;
    while (self->condemned != NULL) {
        pp_object *object = self->condemned;
        pp_object *next = object->link;
        pp_object_clear(self, object);
        self->condemned = next;
        object->link = self->cleared;
        self->cleared = object;
        if (++done % PIECE == 0)
            (void)pp_thread_checkpoint(self);
    }
    while (self->cleared != NULL) {
        pp_object *object = self->cleared;
        self->cleared = object->link;
        pp_object_bury(self, object);
        if (++done % PIECE == 0)
            (void)pp_thread_checkpoint(self);
    }
}

size_t pp_collect(pp_thread *thread)
{
    assert(thread->depth == 0 && !thread->collecting);
    thread->collecting = true;
    size_t garbage = find_garbage(thread);
    pp_thread_enter(thread);
    pp_object_end_dying(thread);
    finish_garbage(thread);
    pp_thread_leave(thread);
    thread->collecting = false;
    return garbage;
}

void pp_collector_after_fork(pp_thread *survivor)
{
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        if (thread != survivor) {
            adopt(&survivor->condemned, &thread->condemned);
            adopt(&survivor->cleared, &thread->cleared);
            adopt(&survivor->dying, &thread->ending);
            adopt(&survivor->dying, &thread->dying);
            thread->clearing = false;
            thread->collecting = false;
        }
    atomic_store_explicit(&starting, false, memory_order_relaxed);
}
