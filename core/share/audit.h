/* share/audit.h - do the counts tell the truth?
 *
 * The true references that containers hold are found by visiting all containers. For
 * every object that is alive:
 *
 *     references counted (pp_ref_total) >= references found
 *
 * The rest are references of programs and of dead objects that are not cleared yet. No live
 * container refers to a dead object; outside of pauses no link is left behind in a
 * header; tables keep their own invariants (pp_object_type.check).
 */
#ifndef PP_SHARE_AUDIT_H
#define PP_SHARE_AUDIT_H

#include "share/object.h"

/* In a pause, merge queues drained. Gives the sum over all mortal objects of references counted,
 * but not found (nor the collector's own on deferred ones): where no dead object waits for its end,
 * what programs hold. Where something is wrong it says what, with both figures, on stderr, and
 * aborts. Every collection of builds with PP_AUDIT (CMake: PARAPACK_AUDIT) does it. */
int64_t pp_audit(void);

#endif /* PP_SHARE_AUDIT_H */
