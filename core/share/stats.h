/* share/stats.h - where pauses and collections are counted (parapack/collect.h: pp_stats). */
#ifndef PP_SHARE_STATS_H
#define PP_SHARE_STATS_H

#include "parapack/collect.h"

/* A pause, told by whoever made it and while it is on: nanoseconds until all had stopped, and from
 * then until now. */
void pp_stats_pause(uint64_t wait, uint64_t stopped);

/* A collection that condemned so many; in its pause. */
void pp_stats_collection(size_t garbage);

#endif /* PP_SHARE_STATS_H */
