/* Thread records: scopes, pauses, claims (core/share/thread.h, pause.h).
 *
 * The steps are those of thread_state.h, thread.c and pause.c, one step for each atomic operation.
 * Parking is one step with its check, as the parking lot has it (mutex.pml). Two threads take some
 * steps each, in any order: scopes, locks inside scopes, pushes to each other's merge queue, pauses from
 * inside. A third is born meanwhile, may pause from outside, and enters.
 *
 * Shown: P1 and T2 (nobody inside but the pausing one), P2 (nor a thread born meanwhile), P3 (who waits to
 * enter is passed by at most one pause), T1 (one at a time does an owner's work), T3 (no deadlock with
 * locks), T4 (every push is merged), T5 (no claim in a pause), T6 (nobody sleeps for ever).
 *
 * mutants: NO_TURN LEAVE_SILENTLY BORN_WITHOUT_LOCK LOCK_IN_PAUSE WAIT_ATTACHED ENTER_IN_TWO_STEPS
 *          PARK_UNCHECKED REFUSED_TOO_LATE RESUME_LOOKS_FIRST UNCLAIM_SILENTLY CLAIM_THE_ATTACHED
 *          LEAVE_LOOKS_FIRST CLAIMANT_LOOKS_ONCE PAUSE_LEAVES_WORK STATE_BEFORE_PUSH PAUSE_ATTACHED
 *          GIVE_UP_FORGETS
 *
 *   NO_TURN             a pause begins before those that the last one turned away (CPython gh-151518)
 *   LEAVE_SILENTLY      who leaves does not tell the pausing thread
 *   BORN_WITHOUT_LOCK   a record made during a pause is not paused
 *   LOCK_IN_PAUSE       the pause waits for a lock (CPython gh-133130, gh-144513)
 *   WAIT_ATTACHED       one thread waits for the lock without blocking
 *   ENTER_IN_TWO_STEPS  entering looks, then writes: what a missing fence comes to
 *   PARK_UNCHECKED      a refused thread parks without another look
 *   REFUSED_TOO_LATE    a refused thread says so only after that look
 *   RESUME_LOOKS_FIRST  a resuming thread looks who is parked, then lets them in
 *   UNCLAIM_SILENTLY    a claimant does not wake the owner
 *   CLAIM_THE_ATTACHED  a claim does not ask whether the owner is attached
 *   LEAVE_LOOKS_FIRST   a leaving thread looks at its merge queue only before it detaches
 *   CLAIMANT_LOOKS_ONCE a claimant does not look again after its claim
 *   PAUSE_LEAVES_WORK   the end of a pause does not look at the queues
 *   STATE_BEFORE_PUSH   who pushes looks at the owner's state first
 *   PAUSE_ATTACHED      a thread inside a scope waits for its turn to pause without blocking
 *   GIVE_UP_FORGETS     a pause that has waited in vain forgets that the thread may be parked
 */
#ifndef OPS
#define OPS 2 /* steps that each of the two threads takes */
#endif
#define BORN    2 /* the record of the third */
#define RECORDS 3

#define NOT        0
#define WAITED_FOR 1
#define GIVEN_UP   2

/* The state word, by bits. */
bool attached[RECORDS];
bool paused[RECORDS];
bool claimed[RECORDS];

bool published[RECORDS]; /* the record is on the list */
byte turned_away[RECORDS];
bool queue[RECORDS];     /* the merge queue is not empty */
bool parked[RECORDS];    /* on its own state */
bool waiting_pauser[RECORDS]; /* parked on pause_address */
bool list_lock;
bool object_lock;
byte finished;

/* Ghosts. */
bool at_work[RECORDS];   /* somebody does the owner's work */
byte passed_by[RECORDS]; /* pauses that have begun while it was waited for */
bool pause_on;

#define barred(i) (paused[i] || claimed[i])
#if defined(MUTANT_CLAIM_THE_ATTACHED)
#define may_claim(i) (!claimed[i] && !paused[i])
#else
#define may_claim(i) (!claimed[i] && !paused[i] && !attached[i])
#endif

inline tell()
{
    d_step { waiting_pauser[0] = false; waiting_pauser[1] = false; waiting_pauser[2] = false }
}

inline park_while_barred(i)
{
#ifdef MUTANT_REFUSED_TOO_LATE
    atomic { if :: barred(i) -> parked[i] = true :: else fi }
    atomic { turned_away[i] = WAITED_FOR; passed_by[i] = 0 }
#else
    atomic { turned_away[i] = WAITED_FOR; passed_by[i] = 0 }
#ifdef MUTANT_PARK_UNCHECKED
    parked[i] = true;
#else
    atomic { if :: barred(i) -> parked[i] = true :: else fi }
#endif
#endif
    !parked[i]
}

inline wake(i)
{
    if
    :: turned_away[i] != NOT -> parked[i] = false
    :: else
    fi
}

/* attach() and pp_thread_unblock() are the same here: they differ in the epoch. */
inline enter(i)
{
    do
#ifdef MUTANT_ENTER_IN_TWO_STEPS
    :: !barred(i) -> attached[i] = true; break
#else
    :: atomic { !barred(i) -> attached[i] = true; assert(!at_work[i]) }; break
#endif
    :: barred(i) -> park_while_barred(i)
    od;
    if
    :: turned_away[i] != NOT -> atomic { turned_away[i] = NOT; passed_by[i] = 0 }; tell()
    :: else
    fi
}

inline detach(i)
{
    atomic {
        attached[i] = false;
        if
        :: paused[i] -> must_tell = true
        :: else -> must_tell = false
        fi
    }
#ifndef MUTANT_LEAVE_SILENTLY
    if
    :: must_tell -> tell()
    :: else
    fi
#endif
}

inline merge(i)
{
    assert(!at_work[i]);
    at_work[i] = true;
    queue[i] = false;
    at_work[i] = false
}

inline leave(i)
{
    if
    :: queue[i] -> merge(i)
    :: else
    fi;
    detach(i);
#ifndef MUTANT_LEAVE_LOOKS_FIRST
    do
    :: queue[i] ->
        if
        :: atomic { !barred(i) -> attached[i] = true; assert(!at_work[i]) };
            merge(i);
            detach(i)
        :: barred(i) -> break
        fi
    :: !queue[i] -> break
    od
#endif
}

inline claim(j)
{
    atomic {
        if
        :: may_claim(j) -> claimed[j] = true; has_claim = true
        :: else -> has_claim = false
        fi
    }
}

inline merge_for(j)
{
    do
    :: queue[j] ->
        claim(j);
        if
        :: has_claim ->
            merge(j);
            claimed[j] = false;
#ifndef MUTANT_UNCLAIM_SILENTLY
            wake(j);
#endif
#ifdef MUTANT_CLAIMANT_LOOKS_ONCE
            break
#endif
        :: !has_claim -> break
        fi
    :: !queue[j] -> break
    od
}

inline push(j)
{
#ifdef MUTANT_STATE_BEFORE_PUSH
    claim(j);
    queue[j] = true;
    if
    :: has_claim -> merge(j); claimed[j] = false; wake(j); merge_for(j)
    :: else
    fi
#else
    queue[j] = true;
    merge_for(j)
#endif
}

/* ---- pausing ---- */

/* Waits for one that was turned away, or gives it up at any moment. */
inline let_in(me, j)
{
    do
    :: turned_away[j] == WAITED_FOR ->
        atomic { if :: turned_away[j] == WAITED_FOR -> waiting_pauser[me] = true :: else fi }
        if
        :: !waiting_pauser[me]
        :: waiting_pauser[me] = false; /* the grace is over */
#ifdef MUTANT_GIVE_UP_FORGETS
            atomic { if :: turned_away[j] == WAITED_FOR -> turned_away[j] = NOT :: else fi }
#else
            atomic { if :: turned_away[j] == WAITED_FOR -> turned_away[j] = GIVEN_UP :: else fi }
#endif
        fi
    :: turned_away[j] != WAITED_FOR -> break
    od
}

#define somebody_waits(me) ((me != 0 && turned_away[0] == WAITED_FOR) || \
                            (me != 1 && turned_away[1] == WAITED_FOR) || \
                            (me != 2 && turned_away[2] == WAITED_FOR))

inline lock_list_in_turn(me)
{
#ifdef MUTANT_NO_TURN
    atomic { !list_lock -> list_lock = true }
#else
    do
    :: somebody_waits(me) ->
        if
        :: me != 0 && turned_away[0] == WAITED_FOR -> let_in(me, 0)
        :: me != 1 && turned_away[1] == WAITED_FOR -> let_in(me, 1)
        :: me != 2 && turned_away[2] == WAITED_FOR -> let_in(me, 2)
        :: !somebody_waits(me)
        fi
    :: !somebody_waits(me) ->
        atomic { !list_lock -> list_lock = true }
        if
        :: somebody_waits(me) -> list_lock = false
        :: else -> break
        fi
    od
#endif
}

inline stop(me)
{
    for (k : 0 .. RECORDS - 1) {
        if
        :: k != me && published[k] -> paused[k] = true
        :: else
        fi
    }
    for (k : 0 .. RECORDS - 1) {
        do
        :: k != me && published[k] && attached[k] ->
            atomic { if :: attached[k] -> waiting_pauser[me] = true :: else fi }
            !waiting_pauser[me]
        :: else -> break
        od
    }
}

inline resume(j)
{
#ifdef MUTANT_RESUME_LOOKS_FIRST
    if
    :: turned_away[j] != NOT -> paused[j] = false; parked[j] = false
    :: turned_away[j] == NOT -> paused[j] = false
    fi
#else
    paused[j] = false;
    wake(j)
#endif
}

inline nobody_but(me)
{
    atomic {
        assert(me == 0 || (!attached[0] && !at_work[0]));
        assert(me == 1 || (!attached[1] && !at_work[1]));
        assert(me == 2 || (!attached[2] && !at_work[2]));
        assert(!claimed[0] && !claimed[1] && !claimed[2]); /* T5 */
    }
}

inline note_passed(me)
{
    d_step {
        k = 0;
        do
        :: k < RECORDS ->
            if
            :: k != me && turned_away[k] == WAITED_FOR ->
                passed_by[k] = passed_by[k] + 1;
                assert(passed_by[k] <= 1)
            :: else
            fi;
            k = k + 1
        :: else -> break
        od;
        k = 0
    }
}

/* `inside`: the caller is in a scope. */
inline pause(me, inside)
{
#ifndef MUTANT_PAUSE_ATTACHED
    if
    :: inside -> detach(me)
    :: else
    fi;
#endif
    lock_list_in_turn(me);
    stop(me);
#ifndef MUTANT_PAUSE_ATTACHED
    if
    :: inside -> atomic { assert(!barred(me)); attached[me] = true }
    :: else
    fi;
#endif
    note_passed(me);
    pause_on = true;
    nobody_but(me);
#ifdef MUTANT_LOCK_IN_PAUSE
    atomic { !object_lock -> object_lock = true }
    object_lock = false;
#endif
    nobody_but(me);
    pause_on = false;
    for (k : 0 .. RECORDS - 1) {
        if
        :: k != me && published[k] -> resume(k)
        :: else
        fi
    }
    list_lock = false
}

/* pp_thread_help_others, by who is attached. */
inline help(me)
{
#ifndef MUTANT_PAUSE_LEAVES_WORK
    for (k : 0 .. RECORDS - 1) {
        if
        :: k != me && published[k] -> merge_for(k)
        :: else
        fi
    }
#endif
    skip
}

/* ---- who does all that ---- */

inline with_lock(me)
{
    if
    :: atomic { !object_lock -> object_lock = true }
    :: object_lock ->
        if
#ifdef MUTANT_WAIT_ATTACHED
        :: me == 1 -> atomic { !object_lock -> object_lock = true }
        :: me == 0 ->
#else
        :: true ->
#endif
            detach(me);
            atomic { !object_lock -> object_lock = true }
            enter(me) /* a pause may stop it here, with the lock */
        fi
    fi;
    assert(!pause_on);
    object_lock = false
}

proctype worker(byte me)
{
    byte k, done;
    bool must_tell, has_claim;
    for (done : 1 .. OPS) {
        enter(me);
        if
        :: assert(!pause_on)
        :: true -> with_lock(me)
        :: true -> push(1 - me)
        :: me == 0 -> pause(me, true); help(me)
        fi;
        leave(me)
    }
    finished = finished + 1
}

/* Registers, may pause from outside, enters. */
proctype born()
{
    byte k;
    bool must_tell, has_claim;
#ifndef MUTANT_BORN_WITHOUT_LOCK
    atomic { !list_lock -> list_lock = true }
#endif
    published[BORN] = true;
#ifndef MUTANT_BORN_WITHOUT_LOCK
    list_lock = false;
#endif
    if
    :: true ->
        pause(BORN, false);
        if /* it does not wait: if it is barred, another pause is on, whose end helps */
        :: atomic { !barred(BORN) -> attached[BORN] = true }; help(BORN); leave(BORN)
        :: barred(BORN)
        fi
    :: true
    fi;
    enter(BORN);
    assert(!pause_on);
    leave(BORN);
    finished = finished + 1
}

init {
    atomic {
        published[0] = true;
        published[1] = true;
        run worker(0);
        run worker(1);
        run born()
    }
    finished == 3;
    assert(!queue[0] && !queue[1] && !queue[2]) /* T4 */
}
