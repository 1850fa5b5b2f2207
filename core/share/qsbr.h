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

/* The current epoch: at least 1. Relaxed; the entering thread publishes it with seq_cst. */
uint64_t pp_qsbr_epoch(void);

/* Takes over `block` (`size` bytes, from pp_heap_alloc), which nothing leads to any more, and gives it to
 * pp_heap_free when no reader is left. Never fails: without memory for the note it waits for readers here and
 * now (as pp_qsbr_wait, allowed because it can only happen out of memory). `thread` is the caller's own,
 * attached. */
void pp_qsbr_retire(pp_thread *thread, void *block, size_t size);

/* Frees what of `thread`'s retired blocks no reader can hold. Called by retire now and then and when a scope
 * ends with much left. */
void pp_qsbr_poll(pp_thread *thread);

/* For statistics and tests: the epoch of the oldest scope that is open, or the current one. */
uint64_t pp_qsbr_oldest(void);

#endif /* PP_SHARE_QSBR_H */
