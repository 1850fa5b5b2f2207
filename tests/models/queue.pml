/* The queue: hand-over, time-outs that race with it, shutdown, items put back.
 *
 * What core/share/queue.h calls W1 to W3, and that nobody sleeps for ever. The steps are those of
 * queue.c and queue_wait.c: what they do under the lock, the one exchange that tells a waiter its
 * outcome, the wake-up after unlocking, and a waiter that first watches and then sleeps.
 *
 * Two runs, chosen at the start. In one the queue is shut down at some moment, threads may be
 * impatient, and a consumer may put back what it got. In the other nobody is impatient and nothing
 * is shut down: as many gets as puts, so everybody must come to an end without help.
 *
 * mutants: TIMEOUT_TRUSTS_ITSELF LOAD_THEN_STORE VALUE_AFTER_STATE ALWAYS_SIGNAL
 *          ENLIST_AFTER_UNLOCK PLACE_KEPT SHUTDOWN_FORGETS_PRODUCERS TIMEOUT_STAYS_IN_LIST
 *          PUT_BACK_PAST_WAITERS SLEEP_WITHOUT_LOOKING SERVED_WITHOUT_DELISTING
 *
 *   TIMEOUT_TRUSTS_ITSELF     a time-out does not look whether it was served meanwhile
 *   LOAD_THEN_STORE           the outcome is told by a load and a store instead of an exchange
 *   VALUE_AFTER_STATE         the item is given after the outcome was told
 *   ALWAYS_SIGNAL             wakes also who watches: a thread that may be gone by then
 *   ENLIST_AFTER_UNLOCK       begins to wait after unlocking: the item comes in between
 *   PLACE_KEPT                a consumer does not let a waiting producer in
 *   SHUTDOWN_FORGETS_PRODUCERS
 *   TIMEOUT_STAYS_IN_LIST     who gives up stays where others serve it
 *   PUT_BACK_PAST_WAITERS     an item is put back into the ring while consumers wait
 *   SLEEP_WITHOUT_LOOKING     asks to be woken by a plain store
 *   SERVED_WITHOUT_DELISTING  who was served can be served again
 */
#define PRODUCERS 2
#define CONSUMERS 2
#define THREADS   4 /* 0 and 1 put the items 1 and 2, 2 and 3 get one each */
#define LIMIT     1
#define PLACES    4 /* the limit, and what may be put back beyond it */
#define NOBODY    255

/* States of a waiter. */
#define WATCHING 0
#define ASLEEP   1
#define SERVED   2
#define SHUT_OUT 3

/* What happens under the lock is one step: all that others can see of it without the lock is
 * the one exchange in serve(). Not so where a mutant makes two steps of that. */
#if defined(MUTANT_LOAD_THEN_STORE) || defined(MUTANT_VALUE_AFTER_STATE)
#define LOCKED {
#else
#define LOCKED atomic {
#endif

bool locked;
bool shut;
bool calm; /* the second run */
byte finished;
chan ring = [PLACES] of { byte };
chan getters = [THREADS] of { byte };
chan putters = [THREADS] of { byte };

byte state[THREADS];
byte value[THREADS];
bool wakeup[THREADS]; /* its semaphore */
bool alive[THREADS];  /* its waiter's memory is in use */
byte fate[3];         /* of items: times consumed, handed back to the producer, or dropped */

inline lock() { atomic { !locked -> locked = true } }

/* W1, whenever the lock is given back. */
inline unlock()
{
    d_step {
        assert(len(getters) == 0 || (len(ring) == 0 && !shut));
        assert(len(putters) == 0 || (len(ring) >= LIMIT && !shut));
        locked = false
    }
}

/* pp_waiter_serve: `notice` becomes whom to wake. */
inline serve(who, outcome)
{
    assert(alive[who]);
#ifdef MUTANT_LOAD_THEN_STORE
    seen = state[who];
    state[who] = outcome;
#else
    d_step { seen = state[who]; state[who] = outcome }
#endif
    if
    :: seen == ASLEEP -> notice = who
#ifdef MUTANT_ALWAYS_SIGNAL
    :: seen == WATCHING -> notice = who
#else
    :: seen == WATCHING -> skip
#endif
    :: else -> assert(false) /* served twice */
    fi;
    seen = 0
}

inline give(item)
{
#ifdef MUTANT_SERVED_WITHOUT_DELISTING
    getters?<other>;
#else
    getters?other;
#endif
#ifdef MUTANT_VALUE_AFTER_STATE
    serve(other, SERVED);
    value[other] = item;
#else
    value[other] = item;
    serve(other, SERVED);
#endif
    other = 0
}

/* After unlocking. Only who sleeps is touched: it stays until it is woken. */
inline wake()
{
    if
    :: notice != NOBODY ->
        d_step { assert(alive[notice]); wakeup[notice] = true; notice = NOBODY }
    :: else
    fi
}

inline enlist(list)
{
    d_step { state[me] = WATCHING; wakeup[me] = false; alive[me] = true; list!me }
}

/* try_and_wait after its first step: `gave_up`, or the outcome is in state[me]. */
inline wait(list)
{
    if
    :: state[me] >= SERVED /* seen while watching */
    :: state[me] == WATCHING ->
#ifdef MUTANT_SLEEP_WITHOUT_LOOKING
        state[me] = ASLEEP;
        slept = true;
#else
        d_step {
            if
            :: state[me] == WATCHING -> state[me] = ASLEEP; slept = true
            :: else -> slept = false
            fi
        }
#endif
        if
        :: !slept
        :: else ->
            if
            :: wakeup[me]
            :: impatient ->
#ifdef MUTANT_TIMEOUT_TRUSTS_ITSELF
                lock();
                if
                :: list??[eval(me)] -> list??eval(me)
                :: else
                fi;
                gave_up = true;
                unlock()
#else
                LOCKED
                lock();
                gave_up = (state[me] <= ASLEEP);
                if
#ifndef MUTANT_TIMEOUT_STAYS_IN_LIST
                :: gave_up -> list??eval(me)
#endif
                :: else
                fi;
                unlock()
                };
                if
                :: !gave_up -> wakeup[me] /* the signal is on its way */
                :: else
                fi
#endif
            fi
        fi
    fi;
    alive[me] = false
}

/* Forgets what does not matter any more, so that fewer states differ. */
inline finish(who)
{
    d_step {
        state[who] = 0; value[who] = 0; wakeup[who] = false;
        item = 0; impatient = false; gave_up = false; slept = false; waits = false;
        finished++
    }
}

proctype producer(byte me)
{
    byte item = me + 1;
    byte notice = NOBODY;
    byte other, seen;
    bool impatient, gave_up, slept, waits;
    LOCKED
    lock();
    if
    :: !calm -> impatient = true
    :: true
    fi;
    if
    :: shut -> fate[item]++
    :: !shut && len(getters) > 0 -> give(item)
    :: !shut && len(getters) == 0 && len(ring) < LIMIT -> ring!item
    :: else ->
        waits = true;
        value[me] = item;
#ifndef MUTANT_ENLIST_AFTER_UNLOCK
        enlist(putters)
#endif
    fi;
    unlock()
    };
    wake();
    if
    :: waits ->
#ifdef MUTANT_ENLIST_AFTER_UNLOCK
        lock();
        enlist(putters);
        unlock();
#endif
        wait(putters);
        if
        :: gave_up || state[me] == SHUT_OUT -> fate[item]++
        :: else -> assert(state[me] == SERVED)
        fi
    :: else
    fi;
    finish(me)
}

/* pp_queue_put_back */
inline put_back(item)
{
    LOCKED
    lock();
    if
#ifndef MUTANT_PUT_BACK_PAST_WAITERS
    :: len(getters) > 0 -> give(item)
#endif
    :: else ->
        /* To the front: the channel's end is not the place, but order is no matter here. */
        ring!item
    fi;
    unlock()
    };
    wake()
}

proctype consumer(byte me)
{
    byte notice = NOBODY;
    byte item, other, seen;
    bool impatient, gave_up, slept, waits;
    LOCKED
    lock();
    if
    :: !calm -> impatient = true
    :: true
    fi;
    if
    :: len(ring) > 0 ->
        ring?item;
#ifndef MUTANT_PLACE_KEPT
        if
        :: len(putters) > 0 && len(ring) < LIMIT ->
            putters?other;
            ring!value[other];
            serve(other, SERVED);
            other = 0
        :: else
        fi
#endif
    :: len(ring) == 0 && shut
    :: else ->
        waits = true;
        value[me] = 0;
#ifndef MUTANT_ENLIST_AFTER_UNLOCK
        enlist(getters)
#endif
    fi;
    unlock()
    };
    wake();
    if
    :: waits ->
#ifdef MUTANT_ENLIST_AFTER_UNLOCK
        lock();
        enlist(getters);
        unlock();
#endif
        wait(getters);
        if
        :: !gave_up && state[me] == SERVED ->
            item = value[me];
            assert(item != 0)
        :: else
        fi
    :: else
    fi;
    if
    :: item != 0 && !calm -> put_back(item)
    :: item != 0 -> fate[item]++
    :: else
    fi;
    finish(me)
}

/* pp_queue_shutdown, immediate or not. */
active proctype closer()
{
    byte notice = NOBODY;
    byte other, seen, item;
    bool immediate;
    if
    :: calm = true; goto started
    :: calm = false
    fi;
started:
    atomic { run producer(0); run producer(1); run consumer(2); run consumer(3) }
    if
    :: calm -> goto end
    :: else
    fi;
    if
    :: immediate = true
    :: immediate = false
    fi;
    lock();
    shut = true;
    do
    :: immediate && len(ring) > 0 -> ring?item; fate[item]++
    :: else -> break
    od;
    do
    :: len(getters) > 0 -> getters?other; serve(other, SHUT_OUT); wake()
    :: else -> break
    od;
#ifndef MUTANT_SHUTDOWN_FORGETS_PRODUCERS
    do
    :: len(putters) > 0 -> putters?other; serve(other, SHUT_OUT); wake()
    :: else -> break
    od;
#endif
    unlock();
end:
    finished == THREADS;
    /* W3: each item once. */
    do
    :: len(ring) > 0 -> ring?item; fate[item]++
    :: else -> break
    od;
    assert(fate[1] == 1 && fate[2] == 1);
    assert(len(getters) == 0 && len(putters) == 0)
}
