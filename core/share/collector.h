/* share/collector.h - cycles of containers.
 *
 * In a pause (pause.h), with every thread outside its scopes or blocked on a lock:
 *
 *   1  all merge queues are drained (counts only: what dies is put aside)
 *   2  each live container gets gc_refs = all its references (pp_ref_total), minus the collector's own on deferred
 *      ones, plus one for each handle
 *   3  each reference from container to container is taken off its target's gc_refs
 *   4  from those with gc_refs > 0, everything that can be reached is marked
 *   5  the rest is garbage: nothing outside refers to it with a count. It is condemned: made dead (refcount.h), so
 *      that a thread that was stopped with a borrowed reference to it cannot revive it
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
 */
#ifndef PP_SHARE_COLLECTOR_H
#define PP_SHARE_COLLECTOR_H

#include "share/object.h"

/* Called for each container made: counts towards the trigger. */
void pp_collector_made(pp_thread *thread);

/* Called when a scope that may wait ended: collects if it is time. */
void pp_collector_scope_ended(pp_thread *thread);

/* In a pause, when built with PP_AUDIT (debug and sanitizer builds): recomputes what each object's count must be at
 * least, and that dead objects are held by no live one; aborts with both figures where they differ. */
void pp_audit(void);

#endif /* PP_SHARE_COLLECTOR_H */
