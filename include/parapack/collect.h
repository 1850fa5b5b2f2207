/* parapack/collect.h - the collector, and what the runtime tells about itself.
 *
 * Counts free everything but cycles of containers. The collector finds those: it
 * stops all scopes for a moment (a pause), looks at every container in the heap,
 * and lets go of what only garbage refers to, after the pause. It runs no foreign
 * code. It runs when containers have grown by a quarter since the last time (and by 10,000), in the
 * thread that made the last of them, at the end of its scope; or when it is called.
 */
#ifndef PARAPACK_COLLECT_H
#define PARAPACK_COLLECT_H

#include "parapack/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Collects now; gives the number of containers that were garbage. What they alone kept alive is
 * gone, too; memory that readers may still look at goes when they have left. Outside of scopes: a
 * caller with a lock that a thread inside a scope could want gives it up before. Several threads
 * may collect at once. Never fails. */
PP_API size_t pp_collect(pp_thread *thread);

/* Whether growth starts collections (true at first). */
PP_API void pp_collect_enable(bool enabled);
PP_API bool pp_collect_enabled(void);

/* Whether enough containers were made for a collection; for callers of pp_thread_try_enter, whose
 * scopes start none: call pp_collect when it tells so, outside and without your lock. Costs one
 * load. */
PP_API bool pp_collect_wanted(void);

typedef struct pp_stats {
    uint64_t objects[16];    /* live objects by pp_kind, of those that need memory */
    uint64_t bytes;          /* of objects and their tables */
    uint64_t reserved;       /* bytes taken from the system, roughly */
    uint64_t retired_blocks; /* waiting for readers */
    uint64_t retired_bytes;
    uint64_t epoch; /* of reclamation, and that of the oldest open scope: how far it is behind */
    uint64_t oldest_epoch;
    uint64_t threads; /* records in use, and ever made */
    uint64_t thread_records;
    uint64_t merges;     /* objects whose counts were merged from a queue */
    uint64_t lock_waits; /* times a thread parked on an object's lock */
    uint64_t collections;
    uint64_t collected;     /* containers found garbage, in all */
    uint64_t pauses;        /* for any reason (collection, fork) */
    uint64_t pause_ns_last; /* nanoseconds from the stop of the last thread until all go on */
    uint64_t pause_ns_max;
    uint64_t pause_ns_total;
    uint64_t pause_wait_ns_last; /* nanoseconds from the wish until all had stopped */
    uint64_t pause_wait_ns_max;
    const char *heap; /* "slab" or "mimalloc" */
} pp_stats;

/* The figures now; each is right at some moment during the call. Thread safety: any. */
PP_API void pp_stats_get(pp_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_COLLECT_H */
