/* The slow halves of base/mutex.h: waiting, and waking those who wait. */
#include "base/cpu.h"
#include "base/mutex.h"
#include "base/parking.h"
#include "base/yield_point.h"

enum {
    /* Turns of the loop before parking, each a little longer than the one before:
     * about two microseconds, which is what a sleep and a wake-up cost. */
    SPINS = 24,
};

/* A waiter older than this gets the lock handed over. */
#define FAIR_AFTER PP_MILLISECOND

/* What a parked thread tells the one that unlocks, and is told. */
typedef struct waiter {
    pp_mutex *mutex;
    uint64_t fair_at;
    bool owns; /* the lock was handed over */
} waiter;

static bool still_locked(void *context)
{
    const waiter *w = context;
    /* Relaxed: compared under the bucket's lock, which leave() also holds. */
    return atomic_load_explicit(&w->mutex->bits, memory_order_relaxed) ==
           (PP_MUTEX_LOCKED | PP_MUTEX_HAS_PARKED);
}

/* Makes sure that whoever unlocks looks for parked threads. False: the lock has
 * changed meanwhile. */
static bool announce(pp_mutex *mutex, uint8_t bits)
{
    if ((bits & PP_MUTEX_HAS_PARKED) != 0)
        return true;
    /* Relaxed: nothing is published; the check under the bucket's lock decides. */
    return atomic_compare_exchange_strong_explicit(&mutex->bits, &bits,
                                                   (uint8_t)(bits | PP_MUTEX_HAS_PARKED),
                                                   memory_order_relaxed, memory_order_relaxed);
}

static void spin(unsigned turn)
{
    for (unsigned i = 0; i <= turn / 4; i++)
        pp_cpu_relax();
}

bool pp_mutex_lock_slow_(pp_mutex *mutex, uint64_t deadline)
{
    waiter self = {mutex, 0, false};
    pp_park_request request = {
        .check = still_locked, .context = &self, .deadline = deadline, .token = &self};
    unsigned turn = deadline == PP_NO_WAIT ? SPINS : 0;
    for (;;) {
        uint8_t bits = atomic_load_explicit(&mutex->bits, memory_order_relaxed);
        if ((bits & PP_MUTEX_LOCKED) == 0) {
            /* Acquire: pairs with the release in pp_mutex_unlock() and leave(). */
            if (atomic_compare_exchange_weak_explicit(&mutex->bits, &bits,
                                                      (uint8_t)(bits | PP_MUTEX_LOCKED),
                                                      memory_order_acquire, memory_order_relaxed))
                return true;
            continue;
        }
        /* Where somebody is parked already the lock is held too long for spinning. */
        if ((bits & PP_MUTEX_HAS_PARKED) == 0 && turn < SPINS) {
            spin(turn++);
            continue;
        }
        if (deadline == PP_NO_WAIT)
            return false;
        PP_YIELD_POINT();
        if (!announce(mutex, bits))
            continue;
        if (self.fair_at == 0)
            self.fair_at = pp_clock_now() + FAIR_AFTER;
        pp_park_result result = pp_park(&mutex->bits, &request);
        if (result == PP_PARK_WOKEN && self.owns)
            return true; /* acquire: pp_park() happens after leave() */
        if (result == PP_PARK_TIMEOUT)
            return false;
    }
}

/* Under the bucket's lock. The bits are 11 and nobody changes them: who wants the lock finds
 * it taken, and who wants to park has to pass the bucket's lock. */
static void leave(void *context, void *token, bool more)
{
    pp_mutex *mutex = context;
    waiter *next = token;
    unsigned bits = more ? PP_MUTEX_HAS_PARKED : 0;
    if (next != NULL && pp_clock_now() >= next->fair_at) {
        next->owns = true;
        bits |= PP_MUTEX_LOCKED;
    }
    /* Release: pairs with the acquire of whoever locks next. */
    atomic_store_explicit(&mutex->bits, (uint8_t)bits, memory_order_release);
}

void pp_mutex_unlock_slow_(pp_mutex *mutex)
{
    assert(pp_mutex_is_locked(mutex));
    /* HAS_PARKED is set, and only leave() clears it. */
    pp_unpark_one(&mutex->bits, leave, mutex);
}
