/* A lock of one byte.
 *
 *      bit 0  LOCKED      somebody holds the lock
 *      bit 1  HAS_PARKED  threads may be parked under its address (base/parking.h)
 *
 *      00 --lock--> 01 --a waiter parks--> 11 --unlock--> 00 or 10 (or 11 or 01: handed over)
 *
 * Invariants
 *   M1 LOCKED is set by exactly one thread, or handed to exactly one, at a time.
 *   M2 While a thread is parked, HAS_PARKED is set or a thread has been woken that will
 *      look again. (HAS_PARKED may be set with nobody parked: waiters that give up leave
 *      it.)
 *   M3 Whoever has been parked for a millisecond gets the lock handed over by the next
 *      unlock instead of competing for it, so nobody starves.
 *
 * Not recursive; an unlock may come from another thread than the lock. The unlocking thread
 * does not touch the mutex after others can take it: it may be freed by the next owner.
 * These functions know nothing of pp_thread: whoever waits inside a scope blocks around
 * the wait (share/thread.h). */
#ifndef PP_BASE_MUTEX_H
#define PP_BASE_MUTEX_H

#include <assert.h>
#include <stdatomic.h>

#include "parapack/config.h"

#include "base/clock.h"

#define PP_MUTEX_LOCKED     1u
#define PP_MUTEX_HAS_PARKED 2u

typedef struct pp_mutex {
    _Atomic uint8_t bits;
} pp_mutex;

/* clang-format off */
#define PP_MUTEX_INIT {0}
/* clang-format on */

/* An unlocked mutex that nobody uses: also what becomes of a mutex in the child of
 * fork() when a thread that is gone may hold it. */
PP_INLINE void pp_mutex_init(pp_mutex *mutex)
{
    atomic_init(&mutex->bits, 0);
}

/* The slow halves of the functions below. */
bool pp_mutex_lock_slow_(pp_mutex *mutex, uint64_t deadline);
void pp_mutex_unlock_slow_(pp_mutex *mutex);

/* Takes the lock if nobody has it. What its last owner did before unlocking happened
 * before this returns true. Thread safety: any thread. */
PP_INLINE PP_NODISCARD bool pp_mutex_trylock(pp_mutex *mutex)
{
    uint8_t bits = 0;
    /* Acquire: pairs with the release in pp_mutex_unlock() and leave(). */
    if (PP_LIKELY(atomic_compare_exchange_strong_explicit(
            &mutex->bits, &bits, PP_MUTEX_LOCKED, memory_order_acquire, memory_order_relaxed)))
        return true;
    while ((bits & PP_MUTEX_LOCKED) == 0) /* 10: free, but not empty */
        if (atomic_compare_exchange_weak_explicit(&mutex->bits, &bits,
                                                  (uint8_t)(bits | PP_MUTEX_LOCKED),
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

/* Takes the lock; waits until it can. Thread safety: any thread that does not hold it. */
PP_INLINE void pp_mutex_lock(pp_mutex *mutex)
{
    uint8_t bits = 0;
    /* Acquire: pairs with the release in pp_mutex_unlock() and leave(). */
    if (PP_UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &mutex->bits, &bits, PP_MUTEX_LOCKED, memory_order_acquire, memory_order_relaxed)))
        (void)pp_mutex_lock_slow_(mutex, PP_FOREVER);
}

/* Takes the lock if it can have it before `deadline` (base/clock.h; PP_NO_WAIT: now).
 * Thread safety: any thread that does not hold it. */
PP_INLINE PP_NODISCARD bool pp_mutex_lock_until(pp_mutex *mutex, uint64_t deadline)
{
    return pp_mutex_trylock(mutex) || pp_mutex_lock_slow_(mutex, deadline);
}

/* Gives the lock back, or hands it on. Thread safety: whoever may act for the holder. */
PP_INLINE void pp_mutex_unlock(pp_mutex *mutex)
{
    uint8_t bits = PP_MUTEX_LOCKED;
    /* Release: pairs with the acquire of whoever locks next. */
    if (PP_UNLIKELY(!atomic_compare_exchange_strong_explicit(
            &mutex->bits, &bits, 0, memory_order_release, memory_order_relaxed)))
        pp_mutex_unlock_slow_(mutex);
}

/* Does anybody hold the lock at this moment? For assertions of the holder, where the answer
 * cannot change. Thread safety: any thread. */
PP_INLINE bool pp_mutex_is_locked(const pp_mutex *mutex)
{
    /* Relaxed: the holder reads what it wrote itself. */
    return (atomic_load_explicit(&mutex->bits, memory_order_relaxed) & PP_MUTEX_LOCKED) != 0;
}

#endif /* PP_BASE_MUTEX_H */
