/* share/collector_find.h - finding garbage among the containers, in a pause.
 *
 * The steps of collector.h. What a container keeps in its header for it:
 *
 *   gc_refs   0 outside of pauses. Counting adds all references to the container and takes
 *             off those that containers hold, in one walk, in whatever order it meets
 *             them: both work on the sum that is there
 *   gc        PP_GC_REACHED once marking has reached it; then the word of gc_refs is the
 *             link of the mark stack until its references were followed. PP_GC_LEAF if
 *             counting found that it has none: marking does not look inside again
 *
 * References are followed a few at a time behind a window (struct window): the header
 * that is needed next was asked of memory a while ago.
 */
#ifndef PP_SHARE_COLLECTOR_FIND_H
#define PP_SHARE_COLLECTOR_FIND_H

#include "share/object.h"

typedef struct pp_found {
    size_t alive;         /* containers that had not died before, the immortal ones too */
    size_t garbage;       /* condemned now */
    pp_object *condemned; /* they, by their link */
} pp_found;

/* Condemns every container that no reference from outside the containers leads to. In a pause,
 * merge queues drained. Allocates nothing, does not recurse. */
void pp_collector_find(pp_found *found);

#endif /* PP_SHARE_COLLECTOR_FIND_H */
