/* share/qsbr.h - when memory that readers may still look at can be reused.
 *
 * Quiescent-state-based reclamation, as in Hart et al., "Performance of memory
 * reclamation for lockless synchronization" (2007), and FreeBSD's GUS. There is a
 * global epoch, which only grows. A thread's state carries the epoch it saw when
 * its scope began, 0 outside (thread.h). A block is retired after nothing
 * reachable leads to it any more; it gets the epoch `goal` that follows. When
 * every thread is outside of scopes or began its scope at `goal` or later, nobody
 * can hold a pointer to it.
 *
 * Invariants (tests/models/qsbr.pml):
 *   Q1  A thread in a scope that began at epoch e never sees the memory of a block
 *       with goal > e reused.
 *   Q2  The epoch is advanced after the block was unlinked (the retiring thread's
 *       stores, then a seq_cst add), and a thread's epoch is published before its
 *       first read (one seq_cst exchange with entering). So a scan that misses a
 *       thread comes, in the one order of seq_cst operations, before its entering,
 *       and what it reads then is newer than the unlinking.
 *   Q3  A reader that stays delays reclamation of everything retired after it
 *       began, and nothing else; pp_qsbr_oldest tells how far behind it is.
 *
 * Only memory is retired: an object has given up its references by then.
 */
#ifndef PP_SHARE_QSBR_H
#define PP_SHARE_QSBR_H

#include "share/thread.h"

/* pp_qsbr_epoch's, on a cache line of its own. */
extern struct pp_qsbr_global {
    _Alignas(PP_CACHE_LINE) _Atomic uint64_t epoch;
    char padding[PP_CACHE_LINE - sizeof(uint64_t)];
} pp_qsbr_global_;

/* The current epoch: at least 1. One that is too old only delays reclamation. One that is new
 * acquires the unlinking of what was retired before it (pairs with the add that closes a chunk,
 * qsbr.c): a scope with that epoch does not find those blocks. The entering thread publishes it
 * with seq_cst. */
PP_INLINE uint64_t pp_qsbr_epoch(void)
{
    return atomic_load_explicit(&pp_qsbr_global_.epoch, memory_order_acquire);
}

/* Takes over `block` (`size` bytes, from pp_heap_alloc), which nothing leads to any more, and gives
 * it to pp_heap_free when no reader is left. Never fails, never waits. A record has a spare chunk
 * for notes, so the first dozens of blocks need no memory that is not there already; where memory
 * is lacking for longer than that within one scope, the block is given up for good: leaked, not
 * risked. `thread` is the caller's own, attached. */
void pp_qsbr_retire(pp_thread *thread, void *block, size_t size);

/* Frees what of `thread`'s retired blocks no reader can hold. Called by retire now and then.
 * `thread` is the caller's own, attached: what it retired in its open scope stays. */
void pp_qsbr_poll(pp_thread *thread);

/* Gives what `thread`, the caller's own, has retired so far its goal: a scope that begins after
 * this call does not delay it. */
void pp_qsbr_close(pp_thread *thread);

/* pp_qsbr_poll for a thread that has finished reading: at the end of a scope, before it detaches.
 */
void pp_qsbr_poll_leaving(pp_thread *thread);

/* pp_qsbr_poll for `owner`, whose record the caller has claimed; `thread` is the caller's own,
 * attached. */
void pp_qsbr_poll_for(pp_thread *thread, pp_thread *owner);

/* A new record, before its first use: false without memory. */
PP_NODISCARD bool pp_qsbr_thread_init(pp_thread *thread);
void pp_qsbr_thread_deinit(pp_thread *thread);

/* For statistics and tests: the epoch of the oldest scope that is open, or the current one. */
uint64_t pp_qsbr_oldest(void);

#endif /* PP_SHARE_QSBR_H */
