/* share/thread.h - thread records, their states, and who may touch what.
 *
 * One record (struct pp_thread) per thread. Records are made, put on a list, and
 * never freed or unlinked, so the list is walked without a lock. A record whose
 * thread has ended is detached for good until a new thread takes it over, together
 * with its heap, its retired blocks, its merge queue, and the objects it owns: an
 * owner is a record, so no object ever has an owner that is gone.
 *
 * The state is one 64-bit word:
 *
 *     epoch << 3 | CLAIMED | PAUSED | ATTACHED
 *
 *   epoch      the epoch (qsbr.h) that the thread saw when its scope began; 0 when
 *              it is in none. Blocks retired at or after it are not reclaimed.
 *   ATTACHED   the thread runs inside a scope. Only it sets and clears this bit.
 *   PAUSED     a pause (pause.h) is on or wanted. Only the pausing thread sets and
 *              clears it.
 *   CLAIMED    another thread does this record's owner work for it (merges counts,
 *              refcount.h) while it is not attached. Only that thread clears it.
 *
 * Transitions, each one atomic read-modify-write, all seq_cst:
 *
 *   enter      0                -> epoch | ATTACHED   by the thread
 *   leave      epoch | ATTACHED -> 0                  by the thread; if PAUSED is set it stays
 *                                                     set, and the pausing thread is told
 *   block      epoch | ATTACHED -> epoch              by the thread, before it parks on a lock
 *                                                     inside a scope: a pause need not wait
 *                                                     for it, but what it borrowed stays
 *                                                     readable
 *   unblock    epoch            -> epoch | ATTACHED   by the thread
 *   pause      s                -> s | PAUSED         by the pausing thread
 *   resume     s | PAUSED       -> s                  by the pausing thread, which wakes who
 *                                                     waits
 *   claim      s without bits   -> s | CLAIMED        by any other attached thread
 *   unclaim    s | CLAIMED      -> s                  by the same, which wakes who waits
 *
 * enter and unblock succeed only where no bit is set; otherwise the thread parks on
 * its state word (parking.h) until PAUSED and CLAIMED are clear.
 *
 * Invariants (tests/models/thread_pause.pml):
 *   T1  A thread touches objects, and its record's owner-only fields, only while
 *       ATTACHED; another thread touches those fields only while it holds CLAIMED,
 *       or in a pause.
 *   T2  While a pause is on (pause.h) no record is ATTACHED but the pausing one's.
 *   T3  A lock of the runtime is never waited for by an ATTACHED thread beyond a
 *       bounded spin, and never taken inside a pause.
 *   T4  After a push to a record's merge queue either its thread is in a scope and
 *       will look at the queue when that ends, or a claimant does, or the pausing
 *       thread after the pause: push then load state, and store state then load
 *       queue, are all seq_cst.
 *   T5  A claimant is attached and does not block, so no record is CLAIMED while a
 *       pause is on.
 *   T6  A refused thread sets `turned_away`, then looks at its state again, then parks;
 *       resume and unclaim change the state, then look at `turned_away`: all seq_cst, so
 *       no wake-up is lost.
 */
#ifndef PP_SHARE_THREAD_H
#define PP_SHARE_THREAD_H

#include <stdatomic.h>

#include "base/cpu.h"
#include "parapack/thread.h"

#define PP_THREAD_ATTACHED    UINT64_C(1)
#define PP_THREAD_PAUSED      UINT64_C(2)
#define PP_THREAD_CLAIMED     UINT64_C(4)
#define PP_THREAD_FLAGS       UINT64_C(7)
#define PP_THREAD_EPOCH_SHIFT 3

typedef struct pp_object pp_object;

/* Blocks that wait for readers to leave; see qsbr.h. */
typedef struct pp_retired {
    struct pp_retired_chunk *first, *last; /* FIFO of chunks */
    struct pp_retired_chunk *spare;        /* an empty one, for when there is no memory; or NULL */
    _Atomic size_t count;                  /* blocks in it; relaxed, for statistics */
    _Atomic size_t bytes;                  /* and their size; relaxed, for statistics */
    size_t next_poll;                      /* `count` at which to poll again */
} pp_retired;

/* What a thread counts; statistics add the records up. Each figure is a pp_tally: written by the
 * owner, read by anybody. Differences may be negative in one record (modulo 2**64) but not in the
 * sum. */
typedef struct pp_thread_counters {
    _Atomic uint64_t objects[16]; /* made minus freed, by pp_kind */
    _Atomic uint64_t bytes;       /* allocated minus freed */
    _Atomic uint64_t lock_waits;  /* times this thread parked on an object's lock */
    _Atomic uint64_t merges;      /* objects whose counts it merged, its own and others' */
    _Atomic uint64_t reclaimed;   /* blocks it reclaimed */
} pp_thread_counters;

/* Adds to a figure that only the caller writes: a plain load and store, not an atomic addition (so
 * never `+=`). Relaxed: the figures order nothing. */
#define pp_tally(figure, change)                                                                   \
    atomic_store_explicit((figure),                                                                \
                          atomic_load_explicit((figure), memory_order_relaxed) + (change),         \
                          memory_order_relaxed)

/* Whether a thread was refused, by a pause or a claimant, and has not entered since: then it may be
 * parked, and the next pause begins after it. */
typedef enum pp_turned_away {
    PP_TURNED_AWAY_NOT = 0,
    PP_TURNED_AWAY_WAITED_FOR = 1, /* the next pause waits for it */
    PP_TURNED_AWAY_GIVEN_UP = 2    /* a pause has waited for it in vain; no other one does */
} pp_turned_away;

#define PP_THREAD_HANDLES 16

struct pp_thread {
    /* Written by the thread at every scope, read by pauses and reclamation. */
    _Alignas(PP_CACHE_LINE) _Atomic uint64_t state;

    /* Owner-only fields (T1). */
    uint32_t depth;       /* nested scopes; the thread's alone */
    bool may_wait;        /* false inside a scope of pp_thread_try_enter; the thread's alone */
    bool refused;         /* `turned_away` may be set; the thread's alone */
    bool clearing;        /* inside pp_object_die (object.h): deaths queue up in `dying` */
    pp_object *dying;     /* dead objects still to be cleared, by their link */
    pp_object *ending;    /* taken off it and being cleared: for the child of a fork meanwhile */
    pp_retired retired;   /* blocks that wait for readers */
    struct pp_heap *heap; /* heap.h */
    pp_object *handles[PP_THREAD_HANDLES]; /* deferred objects held without a count, refcount.h */
    int64_t containers_made; /* minus died, not yet told to the collector (collector.h) */
    bool collecting;         /* inside pp_collect: its scopes start no other collection */
    pp_object *condemned; /* condemned objects still to be cleared (collector.c), by their link */
    pp_object *cleared;   /* and those that wait for the last of them, to be retired together */
    pp_thread_counters counters;
    uint64_t lock_met_at; /* when it last got an object's lock after finding it taken (clock.h) */
    uint64_t lock_stay;   /* nanoseconds that it stayed away then (object.c) */
    uint64_t id;          /* pp_thread_id; a new one for each thread that takes the record over */

    /* Written by other threads. */
    _Alignas(PP_CACHE_LINE) _Atomic(pp_object *)
        merge_queue;              /* objects to merge, by their link; refcount.h */
    _Atomic uint32_t turned_away; /* pp_turned_away */

    /* Set once, or under the list's lock. */
    pp_thread *next;       /* the list of all records: set before publication, never changed */
    _Atomic bool finished; /* its thread has ended: free to be taken over */
};

/* The newest record; follow `next`. Acquire: pairs with the publication in thread.c. */
pp_thread *pp_thread_list(void);

/* The lock that registration, a pause and fork hold: records are neither made nor taken over while
 * it is held. */
void pp_thread_list_lock(void);
void pp_thread_list_unlock(void);

/* block and unblock of the table above, around parking inside a scope. `thread` is the caller's
 * own, attached. */
void pp_thread_block(pp_thread *thread);
void pp_thread_unblock(pp_thread *thread);

/* Claims `other`, which is not attached, for the calling attached thread. False where it is
 * attached, paused or claimed already; never waits. */
PP_NODISCARD bool pp_thread_claim(pp_thread *other);
void pp_thread_unclaim(pp_thread *other);

/* Does the owner's work for `owner` after a push to its merge queue: merges until the queue is
 * empty, or until somebody else has to: its attached thread, another claimant, or the pausing
 * thread at the end of the pause (T4). `self` is the caller's own, attached, and not `owner`. */
void pp_thread_merge_for(pp_thread *self, pp_thread *owner);

/* The same for every record whose thread is not attached, and reclaims what they have retired:
 * nobody else may come by for a long time. `self` is the caller's own, attached. */
void pp_thread_help_others(pp_thread *self);

/* In the child of fork, in its pause: the threads of all records but `self` (NULL: the forking
 * thread has none) are gone, their records free to be taken over. */
void pp_thread_after_fork_child(pp_thread *self);

/* The calling thread's record if it has one, else NULL. */
pp_thread *pp_thread_known(void);

/* Called with the owner's rights over `thread`'s record, by itself before it leaves or by a
 * claimant: set by refcount.c at start-up so that thread.c need not know it. */
extern void (*pp_thread_merge_hook)(pp_thread *self, pp_thread *owner);

#endif /* PP_SHARE_THREAD_H */
