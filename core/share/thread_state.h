/* share/thread_state.h - the transitions of a thread record's state word.
 *
 * One function for each line of the table in share/thread.h, and nothing else in the runtime
 * changes the word. All are seq_cst, so there is one order of
 *
 *     entering, leaving, pausing, claiming      these
 *     pushes to merge queues                    refcount.c
 *     the epoch's steps                         qsbr.c
 *     `turned_away`                             thread.c
 *
 * and the two-sided arguments of T4, T6 and Q2 (I write, then read yours; you write, then
 * read mine: one of us sees the other) hold. */
#ifndef PP_SHARE_THREAD_STATE_H
#define PP_SHARE_THREAD_STATE_H

#include "base/yield_point.h"
#include "share/qsbr.h"
#include "share/thread.h"

/* Bits that keep a thread from entering. */
#define PP_THREAD_BARRED (PP_THREAD_PAUSED | PP_THREAD_CLAIMED)

/* The word as it is now. */
PP_INLINE uint64_t pp_state_load(const pp_thread *thread)
{
    return atomic_load_explicit(&thread->state, memory_order_seq_cst);
}

PP_INLINE bool pp_state_is_attached(const pp_thread *thread)
{
    return (pp_state_load(thread) & PP_THREAD_ATTACHED) != 0;
}

PP_INLINE bool pp_state_change(pp_thread *thread, uint64_t from, uint64_t to)
{
    PP_YIELD_POINT();
    return atomic_compare_exchange_strong_explicit(&thread->state, &from, to, memory_order_seq_cst,
                                                   memory_order_seq_cst);
}

/* enter: acquires what was done in a pause (pairs with pp_state_resume) or under a claim
 * (pp_state_unclaim). Publishes the epoch before the first read (Q2). */
PP_INLINE bool pp_state_enter(pp_thread *thread)
{
    uint64_t epoch = pp_qsbr_epoch();
    bool entered = pp_state_change(thread, 0, epoch << PP_THREAD_EPOCH_SHIFT | PP_THREAD_ATTACHED);
    pp_barrier_after_rmw();
    return entered;
}

/* leave: releases what the scope has done to the pausing thread, claimants, and reclamation.
 * Returns whether a pausing thread has to be told. */
PP_INLINE bool pp_state_leave(pp_thread *thread)
{
    PP_YIELD_POINT();
    /* Only PAUSED can be set beside ATTACHED. */
    uint64_t old =
        atomic_fetch_and_explicit(&thread->state, PP_THREAD_PAUSED, memory_order_seq_cst);
    PP_YIELD_POINT();
    return (old & PP_THREAD_PAUSED) != 0;
}

/* block: as leave, but the epoch stays. */
PP_INLINE bool pp_state_block(pp_thread *thread)
{
    PP_YIELD_POINT();
    uint64_t old =
        atomic_fetch_and_explicit(&thread->state, ~PP_THREAD_ATTACHED, memory_order_seq_cst);
    PP_YIELD_POINT();
    return (old & PP_THREAD_PAUSED) != 0;
}

/* unblock: as enter, with the epoch that is there. */
PP_INLINE bool pp_state_unblock(pp_thread *thread)
{
    uint64_t blocked = pp_state_load(thread) & ~PP_THREAD_FLAGS;
    bool entered = pp_state_change(thread, blocked, blocked | PP_THREAD_ATTACHED);
    pp_barrier_after_rmw();
    return entered;
}

/* leave and enter in one step, where no pause is wanted. */
PP_INLINE bool pp_state_renew(pp_thread *thread)
{
    uint64_t attached = pp_state_load(thread) & ~PP_THREAD_PAUSED;
    uint64_t epoch = pp_qsbr_epoch();
    bool renewed =
        pp_state_change(thread, attached, epoch << PP_THREAD_EPOCH_SHIFT | PP_THREAD_ATTACHED);
    pp_barrier_after_rmw();
    return renewed;
}

/* pause: from here on the thread cannot enter. */
PP_INLINE void pp_state_pause(pp_thread *thread)
{
    PP_YIELD_POINT();
    atomic_fetch_or_explicit(&thread->state, PP_THREAD_PAUSED, memory_order_seq_cst);
}

/* resume: releases what was done in the pause. */
PP_INLINE void pp_state_resume(pp_thread *thread)
{
    PP_YIELD_POINT();
    atomic_fetch_and_explicit(&thread->state, ~PP_THREAD_PAUSED, memory_order_seq_cst);
    PP_YIELD_POINT();
}

/* claim: acquires what the thread did before it left (pairs with pp_state_leave and
 * pp_state_block) and what another claimant did (pp_state_unclaim). */
PP_INLINE bool pp_state_claim(pp_thread *thread)
{
    uint64_t detached = pp_state_load(thread);
    return (detached & PP_THREAD_FLAGS) == 0 &&
           pp_state_change(thread, detached, detached | PP_THREAD_CLAIMED);
}

/* unclaim: releases what was done under the claim. */
PP_INLINE void pp_state_unclaim(pp_thread *thread)
{
    PP_YIELD_POINT();
    atomic_fetch_and_explicit(&thread->state, ~PP_THREAD_CLAIMED, memory_order_seq_cst);
    PP_YIELD_POINT();
}

/* Where a thread that waits for others to leave or to enter is parked: the one that holds the
 * list's lock, or is about to take it. */
extern char pp_pause_address;

/* After pp_state_leave() or pp_state_block() has said so, or a refused thread has entered. */
PP_COLD void pp_pause_tell(void);

/* Wakes `thread` if it may be parked; after pp_state_resume() and pp_state_unclaim(). */
void pp_thread_wake(pp_thread *thread);

#endif /* PP_SHARE_THREAD_STATE_H */
