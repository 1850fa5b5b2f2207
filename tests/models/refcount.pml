/* Biased reference counts: core/share/refcount.c and the part of thread.c that it relies on.
 *
 * mutants: MERGED_BEFORE_OWNER OWNERLESS_NOT_MERGED OWNERLESS_IS_QUEUED NO_CLAIM LOOK_BEFORE_PUSH UNCLAIM_AND_GO
 *     LEAVE_AND_GO CLAIM_OF_ATTACHED TRY_RETAIN_IN_TWO_STEPS QUEUED_TWICE LAST_RELEASE_UNGUARDED
 *     QUEUE_REFERENCE_KEPT MERGED_IN_QUEUE_FORGOTTEN RETAIN_OF_DEAD RELEASE_BELOW_ZERO
 *
 * One object, three threads. X made it and owns it; X may be outside of scopes, come back,
 * or stay away for good. A and B are in a scope all the time. At first a reference is in a slot, where
 * anybody may borrow it, and X, or A, or both have one; X has counted them all. Everybody retains and
 * releases as it likes, X and B take out what they find in the slot, and A may put its own there: so
 * references change hands. A second object, of which only its place in the queue matters, is given
 * up by A.
 *
 * Upstream bugs among the mutants: MERGED_BEFORE_OWNER gh-119999, OWNERLESS_NOT_MERGED and OWNERLESS_IS_QUEUED gh-121794,
 * NO_CLAIM gh-157838.
 *
 * Each atomic operation of C, and each plain load or store of what others could see, is one step.
 * A loop around a compare-and-exchange is its last turn: those before it change nothing. Spin
 * executes steps in one order, as seq_cst does; what weaker orders permit is ThreadSanitizer's matter
 * (gh-118111, a missing acquire where the last reference is found, is of that kind).
 *
 * R1  it dies once                                        assertion in die()
 * R2  nobody writes the header of what may be free        assertion in look()
 * R3  it does not die while a reference is held;          assertion in die()
 *     when all are given up it has died                   assertion in the monitor
 * R4  no owner: merged, or a merge is on its way          assertion in the monitor
 */

#define NONE     0
#define DETACHED 0
#define ATTACHED 1
#define CLAIMED  2
#define DEFAULT  0
#define QUEUED   2
#define MERGED   3

/* The header. */
bool owned = true;   /* owner == X */
short own = 3;
short count = 0;     /* shared */
byte state = DEFAULT;

/* X's record. */
byte record = ATTACHED;
byte queue = 0;      /* how often the object is in the merge queue */
byte second = 0;     /* the same for the other object */

/* The world. */
bool slot = true;
byte borrowers = 0;  /* in whose scope the object was found: it is not freed */
bool dead = false, free = false;
byte held = 3;       /* references that nobody has begun to give up */
byte merging = 0;
byte finished = 0;

/* Whoever touches the header does so while its memory is the object's. */
#define look assert(!free)

#define queued (queue + second > 0)

inline reclaim() {
    if
    :: dead && borrowers == 0 -> free = true
    :: else
    fi
}

inline die() {
    assert(!dead && held == 0);
    dead = true;
    reclaim()
}

/* refcount.c: subtract */
inline subtract() {
    atomic {
        look;
        count--;
        if
        :: state == MERGED && count == 0 -> die()
        :: else
        fi
    }
}

/* refcount.c: merge. `l` is the owner's count, `minus` the queue's reference. */
inline merge(l, minus) {
#ifndef MUTANT_MERGED_BEFORE_OWNER
    atomic { look; owned = false; merging++ }
    atomic { look; own = 0 }
#endif
    atomic {
        look;
#ifdef MUTANT_QUEUE_REFERENCE_KEPT
        count = count + l;
#else
        count = count + l - minus;
#endif
        state = MERGED;
#ifndef MUTANT_MERGED_BEFORE_OWNER
        merging--;
#endif
        if
        :: count == 0 -> die()
        :: else
        fi
    }
#ifdef MUTANT_MERGED_BEFORE_OWNER
    atomic { look; owned = false }
    atomic { look; own = 0 }
#endif
}

/* refcount.c: pp_ref_merge_queue, with the owner's rights. `n` and `l` are the caller's. */
inline merge_queue(n, l) {
    d_step { n = queue; queue = 0; second = 0 }
    if
    :: n == 0
    :: else ->
        atomic { look; l = own }
        if
        :: atomic { !owned -> look }
#ifndef MUTANT_MERGED_IN_QUEUE_FORGOTTEN
            subtract()
#endif
        :: atomic { owned -> look }
            merge(l, 1)
        fi
    fi;
    n = 0;
    l = 0
}

/* thread.c: pp_thread_merge_for */
inline merge_for(n, l) {
    do
#ifdef MUTANT_NO_CLAIM
    :: break
#endif
    :: !queued -> break
    :: queued ->
        if
#ifdef MUTANT_CLAIM_OF_ATTACHED
        :: atomic { record != CLAIMED -> n = record; record = CLAIMED }
#else
        :: atomic { record == DETACHED -> record = CLAIMED }
#endif
            merge_queue(n, l);
            record = DETACHED;
#ifdef MUTANT_UNCLAIM_AND_GO
            break
#endif
        :: record != DETACHED -> break
        fi
    od
}

/* refcount.c: enqueue. The owner may be gone: it gave up its last count after QUEUED was set. */
inline enqueue(n, l) {
    if
    :: atomic { !owned -> look }
#ifndef MUTANT_OWNERLESS_IS_QUEUED /* as if it were in a queue */
        subtract()
#endif
    :: atomic { owned -> look }
#ifdef MUTANT_LOOK_BEFORE_PUSH
        n = record;
        atomic { assert(queue == 0); queue++ }
        if
        :: n == DETACHED -> merge_for(n, l)
        :: else -> n = 0
        fi
#else
        atomic { assert(queue == 0); queue++ }
        merge_for(n, l)
#endif
    fi
}

/* refcount.c: pp_release_shared_. The last turn of its loop. */
inline release_shared(n, l) {
    held--;
    if
#ifdef MUTANT_QUEUED_TWICE
    :: atomic { state != MERGED && count == 0 -> look; state = QUEUED }
        enqueue(n, l)
    :: atomic { state == DEFAULT && count != 0 -> look; count-- }
    :: atomic { state == MERGED || (state == QUEUED && count != 0) -> look }
        subtract()
#elif defined(MUTANT_RELEASE_BELOW_ZERO)
    :: atomic { state == DEFAULT -> look; count-- } /* never queued */
    :: atomic { state != DEFAULT -> look }
        subtract()
#else
    :: atomic { state == DEFAULT && count == 0 -> look; state = QUEUED }
        enqueue(n, l)
    :: atomic { state == DEFAULT && count != 0 -> look; count-- }
    :: atomic { state != DEFAULT -> look }
        subtract()
#endif
    fi
}

/* refcount.c: pp_try_retain_shared_, with a borrowed pointer. */
inline try_retain_shared(mine) {
#ifdef MUTANT_TRY_RETAIN_IN_TWO_STEPS
    if
    :: atomic { state == MERGED && count == 0 -> look }
    :: atomic { !(state == MERGED && count == 0) -> look }
        atomic { look; count++; mine++; held++; assert(!dead) }
    fi
#elif defined(MUTANT_RETAIN_OF_DEAD)
    atomic { look; count++; mine++; held++; assert(!dead) }
#else
    if
    :: atomic { state == MERGED && count == 0 -> look }
    :: atomic { !(state == MERGED && count == 0) -> look; count++; mine++; held++; assert(!dead) }
    fi
#endif
}

inline end_borrow() {
    atomic { borrowers--; reclaim() }
}

/* ---- the owner --------------------------------------------------------------- */

/* parapack/object.h and refcount.c: pp_release by the owner, or by X when it is the owner no more. */
inline release_by_x() {
    mine--;
    atomic { look; l = own }
    if
    :: atomic { !owned -> look }
        release_shared(n, l)
    :: atomic { owned -> look }
        held--;
        if
        :: l != 1 -> atomic { look; own = l - 1 }
        :: else ->
#if defined(MUTANT_OWNERLESS_NOT_MERGED)
            if
            :: atomic { count == 0 && state == DEFAULT -> look; owned = false; own = 0; die() }
            :: atomic { !(count == 0 && state == DEFAULT) -> look }
                merge(0, 0)
            fi
#elif defined(MUTANT_LAST_RELEASE_UNGUARDED)
            /* What is allowed only to what no container has held. */
            if
            :: atomic { count == 0 && state == DEFAULT -> look }
                owned = false;
                own = 0;
                atomic { look; state = MERGED; count = 0; die() }
            :: atomic { !(count == 0 && state == DEFAULT) -> look }
                merge(0, 0)
            fi
#else
            merge(0, 0)
#endif
        fi
    fi;
    l = 0
}

/* With a borrowed pointer. */
inline try_retain_by_x() {
    if
    :: atomic { !owned -> look }
        try_retain_shared(mine)
    :: atomic { owned -> look }
        atomic { look; l = own }
        atomic { look; own = l + 1; mine++; held++; assert(!dead) }
    fi;
    l = 0
}

/* thread.c: pp_thread_leave */
inline leave() {
    if
    :: queued -> merge_queue(n, l)
    :: !queued
    fi;
    record = DETACHED;
#ifndef MUTANT_LEAVE_AND_GO
    do /* merge_what_came_late */
    :: !queued -> break
    :: queued ->
        if
        :: atomic { record == DETACHED -> record = ATTACHED }
            merge_queue(n, l);
            record = DETACHED
        :: record != DETACHED -> break
        fi
    od
#endif
}

proctype X(byte mine) {
    byte n = 0, scopes = 0, tries = 0;
    short l = 0;
    do
    :: mine > 0 -> release_by_x()
    :: atomic { slot -> slot = false; mine++ }
    :: tries < 1 && slot -> tries++;
        if
        :: atomic { slot -> borrowers++ }
            try_retain_by_x();
            end_borrow()
        :: !slot
        fi
    :: scopes < 1 -> scopes++; leave();
        atomic { record == DETACHED -> record = ATTACHED } /* enter */
    :: mine == 0 -> leave(); break
    od;
    finished++
}

/* ---- the others --------------------------------------------------------------- */

proctype Other(byte mine; bool takes) {
    byte n = 0, tries = 0, puts = 0, pushes = 0;
    short l = 0;
    do
    :: mine > 0 -> mine--; release_shared(n, l)
    :: mine > 0 && tries < 1 -> tries++; /* retain: it holds one */
        atomic { look; count++; mine++; held++ }
    :: tries < 1 && slot -> tries++;
        if
        :: atomic { slot -> borrowers++ }
            try_retain_shared(mine);
            end_borrow()
        :: !slot
        fi
    :: atomic { takes && slot -> slot = false; mine++ }
    :: atomic { !takes && puts < 1 && mine > 0 && !slot -> puts++; mine--; slot = true }
    :: !takes && pushes < 1 -> pushes++;
        second++;
        merge_for(n, l)
    :: mine == 0 && !(takes && slot) -> break
    od;
    finished++
}

active proctype monitor() {
    byte n = 3;
    atomic {
        if
        :: run X(1); run Other(1, false)
        :: own = 2; held = 2; run X(0); run Other(1, false)
        :: own = 2; held = 2; run X(1); run Other(0, false)
        fi;
        run Other(0, true)
    }
    do
    :: finished == n ->
        if
        :: slot -> n++; run Other(0, true) /* put there when nobody was left to take it */
        :: else -> break
        fi
    :: atomic { !owned && state != MERGED && merging == 0 -> assert(false) }
    od;
    assert(dead && free && !queued && held == 0)
}
