/* share/collector.h - cycles of containers.
 *
 * In a pause (pause.h), with every thread outside its scopes or blocked on a lock:
 *
 *   1  all merge queues are drained (counts only: what dies is put aside)
 *   2  each container that is alive gets gc_refs: all its references (pp_ref_total), less the
 *      collector's own on deferred ones, plus one for each handle
 *   3  each reference that a container holds is taken off its target's gc_refs
 *   4  from those with gc_refs > 0, everything that can be reached is marked
 *   5  the rest is garbage: nothing outside refers to it with a count. It is condemned: made
 *      dead (refcount.h), so that a thread that was stopped with a borrowed reference to it
 *      cannot revive it
 *
 * After the pause what was condemned is cleared and retired, as every dead object is;
 * references between condemned objects are not released (they were never counted
 * down, and both ends are dead), references to others are.
 *
 * CPython needs a second pause because finalizers run in between and may revive
 * what was found. Nothing runs here, and no reference can be made to what is dead,
 * so one pause is enough (tests/models/collector.pml shows both claims).
 *
 * The mark stack is threaded through the objects; a pause allocates nothing.
 * Steps 2 and 3 are one walk of the heap, 4 is one, and 5 is one more if less was
 * reached than is alive.
 */
#ifndef PP_SHARE_COLLECTOR_H
#define PP_SHARE_COLLECTOR_H

#include "share/object.h"

/* How many containers a thread makes or gives up before it tells the collector. */
#if defined(PP_HOSTILE)
enum { PP_COLLECTOR_STEP = 4, PP_COLLECTOR_LEAST = 64 };
#else
enum { PP_COLLECTOR_STEP = 256, PP_COLLECTOR_LEAST = 10000 };
#endif

/* Whether a collection is due: growth since the last one is above PP_COLLECTOR_LEAST and above a
 * quarter of what lived then, and collections are enabled. */
extern _Atomic bool pp_collector_due_;
void pp_collector_tell_(pp_thread *thread);
void pp_collector_scope_ended_slow_(pp_thread *thread);

/* To be called for each container made, and for each whose memory is given up. `thread` is the
 * caller's own. */
PP_INLINE void pp_collector_made(pp_thread *thread)
{
    if (PP_UNLIKELY(++thread->containers_made >= PP_COLLECTOR_STEP))
        pp_collector_tell_(thread);
}
PP_INLINE void pp_collector_gone(pp_thread *thread)
{
    if (PP_UNLIKELY(--thread->containers_made <= -PP_COLLECTOR_STEP))
        pp_collector_tell_(thread);
}

/* To be called when an outermost scope that may wait has ended (thread.c): collects if it is time.
 */
PP_INLINE void pp_collector_scope_ended(pp_thread *thread)
{
    /* Relaxed: a hint. */
    if (PP_UNLIKELY(atomic_load_explicit(&pp_collector_due_, memory_order_relaxed)))
        pp_collector_scope_ended_slow_(thread);
}

/* In the child of fork: what threads that are gone had condemned and not yet cleared or given up
 * becomes the business of `survivor`, which finishes it with its next collection. */
void pp_collector_after_fork(pp_thread *survivor);

/* For tests: forgets growth, so that no collection is due until there is more. */
void pp_collector_reset_for_tests(void);

#endif /* PP_SHARE_COLLECTOR_H */
