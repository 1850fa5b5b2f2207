/* share/stats.h - where collections are counted (parapack/collect.h: pp_stats). */
#ifndef PP_SHARE_STATS_H
#define PP_SHARE_STATS_H

#include "parapack/collect.h"

/* A collection that condemned so many; in its pause. */
void pp_stats_collection(size_t garbage);

#endif /* PP_SHARE_STATS_H */
