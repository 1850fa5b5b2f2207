/* The one-byte mutex on the parking lot (core/base/mutex.h, parking.h).
 *
 * What happens under a bucket's lock is one step, since nothing else looks at a bucket: the check with the
 * queueing, the taking out with the callback, the giving up. Every operation on the mutex's byte is one
 * step, and so is a wake-up. Two threads lock and unlock; a third gives up at any moment. Whether a waiter is old
 * enough to have the lock handed over is left open.
 *
 * Shown: M1 (one owner), M2 and P3 (nobody sleeps for ever), P1 (whoever gives up was either woken or not,
 * never both), P4 (a node is not touched when its thread is gone on).
 *
 * mutants: UNLOCK_WITHOUT_LOOKING CHECK_BEFORE_QUEUEING MORE_FORGOTTEN HANDED_OVER_FREE
 *          HANDED_OVER_UNSEEN TIMEOUT_TRUSTS_ITSELF TIMEOUT_DOES_NOT_WAIT ANNOUNCE_BLINDLY
 *          STORE_AFTER_WAKING TRYLOCK_CLEARS
 *
 *   UNLOCK_WITHOUT_LOOKING  unlock stores 0, whoever is parked
 *   CHECK_BEFORE_QUEUEING   the check is made before the bucket is locked
 *   MORE_FORGOTTEN          HAS_PARKED is cleared although others wait
 *   HANDED_OVER_FREE        the lock is handed over, but left free
 *   HANDED_OVER_UNSEEN      who was handed the lock tries to take it
 *   TIMEOUT_TRUSTS_ITSELF   a time-out does not look whether the thread was woken
 *   TIMEOUT_DOES_NOT_WAIT   it looks, but does not wait for the wake-up that is coming
 *   ANNOUNCE_BLINDLY        HAS_PARKED is stored, not compared and exchanged
 *   STORE_AFTER_WAKING      the byte is stored after the bucket was unlocked and the waiter woken
 *   TRYLOCK_CLEARS          taking a free lock forgets HAS_PARKED
 */
#define THREADS   3
#define IMPATIENT 2
#define ROUNDS    2
#define NOBODY    255

#define LOCKED     1
#define HAS_PARKED 2

#define WOKEN    0
#define TIMEOUT  1
#define MISMATCH 2

byte bits;
chan parked = [THREADS] of { byte }; /* the bucket's queue */
bool queued[THREADS];
bool signalled[THREADS];
bool owns[THREADS];  /* handed over */
bool alive[THREADS]; /* the node on its stack is in use */
byte owner = NOBODY; /* a ghost */

inline acquire(me)
{
    assert(owner == NOBODY);
    owner = me
}

inline give_up(me)
{
    atomic {
#ifdef MUTANT_TIMEOUT_TRUSTS_ITSELF
        if
        :: queued[me] -> parked ?? eval(me); queued[me] = false
        :: else
        fi;
        result = TIMEOUT
#else
        if
        :: queued[me] -> parked ?? eval(me); queued[me] = false; result = TIMEOUT
        :: else -> result = WOKEN
        fi
#endif
    }
#ifndef MUTANT_TIMEOUT_DOES_NOT_WAIT
    if
    :: result == WOKEN -> signalled[me]
    :: else
    fi
#endif
}

inline queue_up(me)
{
    parked ! me;
    queued[me] = true
}

inline park(me)
{
    atomic { alive[me] = true; signalled[me] = false; owns[me] = false }
#ifdef MUTANT_CHECK_BEFORE_QUEUEING
    if
    :: bits == (LOCKED | HAS_PARKED) -> atomic { queue_up(me); result = WOKEN }
    :: else -> result = MISMATCH
    fi;
#else
    atomic {
        if
        :: bits == (LOCKED | HAS_PARKED) -> queue_up(me); result = WOKEN
        :: else -> result = MISMATCH
        fi
    }
#endif
    if
    :: result == WOKEN ->
        if
        :: signalled[me]
        :: me == IMPATIENT -> give_up(me)
        fi
    :: else
    fi;
    alive[me] = false
}

/* Leaves `got` false where it gave up. */
inline lock(me)
{
    got = false;
    do
    :: true ->
        seen = bits;
        if
        :: (seen & LOCKED) == 0 ->
            atomic {
                if
                :: bits == seen ->
#ifdef MUTANT_TRYLOCK_CLEARS
                    bits = LOCKED;
#else
                    bits = seen | LOCKED;
#endif
                    acquire(me);
                    got = true
                :: else
                fi
            }
            if
            :: got -> break
            :: else
            fi
        :: (seen & LOCKED) != 0 ->
#ifdef MUTANT_ANNOUNCE_BLINDLY
            bits = LOCKED | HAS_PARKED;
            announced = true;
#else
            atomic { /* compare and exchange, where it is not set already */
                announced = ((seen & HAS_PARKED) != 0 || bits == seen);
                if
                :: announced && (seen & HAS_PARKED) == 0 -> bits = seen | HAS_PARKED
                :: else
                fi
            }
#endif
            if
            :: announced ->
                park(me);
                if
#ifndef MUTANT_HANDED_OVER_UNSEEN
                :: result == WOKEN && owns[me] -> acquire(me); got = true; break
                :: result == WOKEN && !owns[me]
#else
                :: result == WOKEN
#endif
                :: result == TIMEOUT -> break
                :: result == MISMATCH
                fi
            :: else
            fi
        fi
    od
}

/* The callback, under the bucket's lock. */
inline leave(next)
{
    after = 0;
    if
#ifndef MUTANT_MORE_FORGOTTEN
    :: len(parked) > 0 -> after = HAS_PARKED
#endif
    :: else
    fi;
    if
    :: next != NOBODY -> /* it is old enough */
        owns[next] = true;
#ifndef MUTANT_HANDED_OVER_FREE
        after = after | LOCKED
#endif
    :: true
    fi
}

inline unlock(me)
{
    assert(owner == me);
    owner = NOBODY;
#ifdef MUTANT_UNLOCK_WITHOUT_LOOKING
    bits = 0;
    fast = true;
#else
    atomic {
        fast = (bits == LOCKED);
        if
        :: fast -> bits = 0
        :: else
        fi
    }
#endif
    if
    :: fast
    :: else ->
        atomic {
            next = NOBODY;
            if
            :: len(parked) > 0 -> parked ? next; queued[next] = false
            :: else
            fi;
            leave(next);
#ifndef MUTANT_STORE_AFTER_WAKING
            bits = after
#endif
        }
        if
        :: next != NOBODY -> assert(alive[next]); signalled[next] = true
        :: else
        fi;
#ifdef MUTANT_STORE_AFTER_WAKING
        bits = after;
#endif
        skip
    fi
}

proctype thread(byte me)
{
    byte n, seen, result, next, after;
    bool got, announced, fast;
    for (n : 1 .. (me == IMPATIENT -> 1 : ROUNDS)) {
        lock(me);
        if
        :: got -> unlock(me)
        :: else
        fi;
        /* Leftovers would only make more states. */
        d_step { seen = 0; result = 0; next = 0; after = 0; announced = false; fast = false }
    }
}

init {
    atomic {
        run thread(0);
        run thread(1);
        run thread(IMPATIENT)
    }
    _nr_pr == 1;
    assert((bits & LOCKED) == 0 && len(parked) == 0)
}
