/* Reclamation by quiescent states (core/share/qsbr.h).
 *
 * The steps are those of qsbr.c and of entering and leaving, one step for each atomic operation. There is one
 * slot, which leads to a block. A writer replaces the block, inside scopes of its own in which it has
 * borrowed it, retires the old one, closes its chunk and polls now and then, and when it leaves. Two
 * readers follow the slot and look at the block until their scope ends, and pass checkpoints. One of them has to
 * register first. Other writers would only advance the epoch. A thread may read an epoch that is old.
 *
 * Shown: Q1 (no block is freed while a scope may look at it), with Q2 as the reason; and that all is freed
 * when nobody reads any more.
 *
 * Orders weaker than sequential consistency are not this model's matter: see pp_barrier_after_rmw()
 * in base/cpu.h, and the stress tests under ThreadSanitizer.
 *
 * mutants: READ_BEFORE_ENTERING LEAVE_BEFORE_LAST_READ BLOCK_GIVES_UP_EPOCH ENTER_UNLISTED
 *          GOAL_BEFORE_UNLINKING GOAL_IS_NOW ADD_TO_CLOSED SCAN_BEFORE_CLOSING SCAN_SKIPS_SELF
 *          ENTER_WITH_ZERO FREE_BELOW
 *
 *   READ_BEFORE_ENTERING   the epoch is published after the first read
 *   LEAVE_BEFORE_LAST_READ
 *   BLOCK_GIVES_UP_EPOCH   a blocked thread counts as outside
 *   ENTER_UNLISTED         a thread enters before its record is on the list
 *   GOAL_BEFORE_UNLINKING  the epoch advances before the block is unlinked
 *   GOAL_IS_NOW            the goal is the epoch before the step
 *   ADD_TO_CLOSED          a block joins those that have a goal already
 *   SCAN_BEFORE_CLOSING    the scan comes before the goal, and a thread that comes online meanwhile is
 *                          missed
 *   SCAN_SKIPS_SELF        a poll inside a scope forgets that scope
 *   ENTER_WITH_ZERO        a scope that is entered says that it is outside
 *   FREE_BELOW             a goal of one more than the oldest epoch will do
 */
#define WRITER  0
#define READER  1
#define LATE    2 /* the reader that registers first */
#define THREADS 3
#ifndef CHANGES
#define CHANGES 2 /* by the writer */
#endif
#define BLOCKS  3 /* never fewer than are needed */
#define ROOM    2 /* retired at a time: CHANGES */
#define NONE    255
#define OPEN    0 /* no goal yet */

byte epoch = 1;
byte state[THREADS]; /* the epoch of the scope, 0 outside */
bool listed[THREADS];
byte slot = 0;
bool in_use[BLOCKS];
byte freed[BLOCKS]; /* how often */
byte retired[ROOM];
byte goal[ROOM];
byte finished;

/* The epoch, or the one before: what is read may be old. */
inline read_epoch(e)
{
    atomic {
        if
        :: true -> e = epoch
        :: epoch > 1 -> e = epoch - 1
        fi
    }
}

inline enter(me, e)
{
    read_epoch(e);
#ifdef MUTANT_ENTER_WITH_ZERO
    state[me] = 0
#else
    state[me] = e
#endif
}

inline look(p, was)
{
    atomic { p = slot; was = freed[p] }
}

/* Whoever looks sees what it saw before. */
inline look_again(p, was)
{
    assert(freed[p] == was)
}

proctype reader(byte me)
{
    byte e, p, was;
    if
    :: me == LATE ->
#ifdef MUTANT_ENTER_UNLISTED
        enter(me, e);
        look(p, was);
        listed[me] = true;
        look_again(p, was);
        state[me] = 0
#else
        listed[me] = true
#endif
    :: else
    fi;
#ifdef MUTANT_READ_BEFORE_ENTERING
    look(p, was);
    enter(me, e);
#else
    enter(me, e);
    look(p, was);
#endif
    if
    :: true
    :: true -> /* a checkpoint: what was borrowed is not looked at again */
        read_epoch(e);
        state[me] = e;
        look(p, was)
#ifdef MUTANT_BLOCK_GIVES_UP_EPOCH
    :: true ->
        state[me] = 0;
        state[me] = e
#endif
    fi;
#ifdef MUTANT_LEAVE_BEFORE_LAST_READ
    state[me] = 0;
    look_again(p, was);
#else
    look_again(p, was);
    state[me] = 0;
#endif
    finished = finished + 1
}

/* ---- writers ---- */

/* One addition to the epoch, where there is something to close. */
inline close()
{
    d_step {
        if
        :: (retired[0] != NONE && goal[0] == OPEN) || (retired[1] != NONE && goal[1] == OPEN) ->
            epoch = epoch + 1
        :: else
        fi;
        k = 0;
        do
        :: k < ROOM ->
            if
            :: retired[k] != NONE && goal[k] == OPEN ->
#ifdef MUTANT_GOAL_IS_NOW
                goal[k] = epoch - 1
#else
                goal[k] = epoch
#endif
            :: else
            fi;
            k = k + 1
        :: else -> break
        od;
        k = 0
    }
}

/* The oldest scope, except for `but`'s; one step for each look at a state. */
inline scan(but)
{
    oldest = epoch;
    for (k : 0 .. THREADS - 1) {
        atomic {
            if
            :: k != but && listed[k] && state[k] != 0 && state[k] < oldest ->
                oldest = state[k]
            :: else
            fi
        }
    }
}

#ifdef MUTANT_FREE_BELOW
#define may_go(k) (goal[k] <= oldest + 1)
#else
#define may_go(k) (goal[k] <= oldest)
#endif

inline free_what_may_go()
{
    d_step {
        k = 0;
        do
        :: k < ROOM ->
            if
            :: retired[k] != NONE && goal[k] != OPEN && may_go(k) ->
                freed[retired[k]] = freed[retired[k]] + 1;
                in_use[retired[k]] = false;
                retired[k] = NONE;
                goal[k] = OPEN
            :: else
            fi;
            k = k + 1
        :: else -> break
        od;
        k = 0
    }
}

inline poll(but)
{
#ifdef MUTANT_SCAN_BEFORE_CLOSING
    scan(but);
    if
    :: oldest == epoch -> oldest = NONE /* nobody is inside: everything may go */
    :: else
    fi;
    close();
#else
    close();
    scan(but);
#endif
    free_what_may_go()
}

inline retire(p)
{
    d_step {
        k = 0;
        do
        :: retired[k] == NONE -> break
        :: else -> k = k + 1
        od;
        retired[k] = p;
#ifdef MUTANT_ADD_TO_CLOSED
        goal[k] = goal[1 - k];
#else
        goal[k] = OPEN;
#endif
        k = 0
    }
}

inline new_block(b)
{
    d_step {
        b = 0;
        do
        :: in_use[b] -> b = b + 1
        :: else -> break
        od;
        in_use[b] = true
    }
}

proctype writer()
{
    byte e, p, was, n, k, b, oldest;
    for (n : 1 .. CHANGES) {
        enter(WRITER, e);
        new_block(b);
#ifdef MUTANT_GOAL_BEFORE_UNLINKING
        epoch = epoch + 1;
        oldest = epoch;
        atomic { p = slot; was = freed[p]; slot = b }
        retire(p);
        goal[(retired[0] == p -> 0 : 1)] = oldest;
#else
        atomic { p = slot; was = freed[p]; slot = b } /* the old one is borrowed */
        retire(p);
#endif
        if
        :: true
        :: true -> close()
#ifdef MUTANT_SCAN_SKIPS_SELF
        :: true -> poll(WRITER)
#else
        :: true -> poll(NONE)
#endif
        fi;
        look_again(p, was);
        if
        :: true
        :: true -> poll(WRITER) /* leaving */
        fi;
        state[WRITER] = 0;
        d_step { e = 0; p = 0; was = 0; b = 0; oldest = 0 }
    }
    finished = finished + 1
}

init {
    byte k, oldest;
    atomic {
        in_use[0] = true;
        for (k : 0 .. ROOM - 1) {
            retired[k] = NONE
        }
        listed[WRITER] = true;
        listed[READER] = true;
        run writer();
        run reader(READER);
        run reader(LATE)
    }
    finished == THREADS;
    atomic {
        poll(NONE);
        for (k : 0 .. ROOM - 1) {
            assert(retired[k] == NONE)
        }
    }
}
