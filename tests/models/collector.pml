/* collector.pml - one pause is enough to collect cycles.
 *
 * core/share/collector.h in a small world: the immortal root with one slot, and
 * containers with two slots each, in any graph to begin with. Mutators work in scopes: they borrow what a
 * slot holds, make counted references of it, put them into slots, release them (at
 * once, or through a merge queue), hold deferred containers in handles, and are stopped by a
 * lock in the middle of a scope, with what they borrowed. The collector runs beside them, then, when
 * all have finished, until nothing more is found.
 *
 * Counts are atomic here: how they are kept is refcount.pml's matter; how scopes are stopped
 * is thread_pause.pml's.
 *
 * Shown: what a counted reference, a handle or the root leads to is never
 * condemned; what is condemned is never revived, written to or counted down; it is cleared once and
 * freed once, and not while somebody has borrowed it; what nothing leads to is freed
 * in the end; nothing is waited for in a pause.
 *
 * mutants: REVIVE RELEASE_CONDEMNED QUEUE_KEPT HANDLE_UNCOUNTED DEFERRED_COUNTED LOCK_IN_PAUSE
 *          RUN_BETWEEN WRITE_TO_DEAD CLEAR_UNLOCKED FREE_ONE_BY_ONE FREE_EARLY DEAD_COUNT
 *
 *   REVIVE             what is condemned can be made a counted reference of
 *   RELEASE_CONDEMNED  references between condemned containers are counted down
 *   QUEUE_KEPT         a merge queue's reference is left out of the count, and left in the queue
 *   HANDLE_UNCOUNTED   what a handle holds is not counted
 *   DEFERRED_COUNTED   the collector's own reference to a deferred container is
 *   LOCK_IN_PAUSE      the pause waits for locks (CPython gh-133130, gh-144513)
 *   RUN_BETWEEN        the world runs between counting and marking
 *   WRITE_TO_DEAD      who gets the lock of a container does not ask whether it died meanwhile
 *   CLEAR_UNLOCKED     dead containers are cleared without their lock
 *   FREE_ONE_BY_ONE    memory of the condemned is freed before all of them are cleared
 *   FREE_EARLY         memory is freed while it may be borrowed
 *   DEAD_COUNT         references that dead containers have not given up yet are taken off, too
 */

#ifndef OPS
#define OPS 2 /* steps that one mutator takes, but for entering and leaving; the other takes one less */
#endif
#define M     2
#define N     3 /* containers; 0 is the root */
#define NONE  N
#define SLOTS 2
#define SLOT(o, i) slot[(o) * SLOTS + (i)]
#define COLLECTOR M
#define FREE_LOCK 7

#define UNUSED  0
#define LIVE    1
#define DEAD    2 /* its count is gone, or condemned; not yet cleared */
#define CLEARED 3 /* waits for readers */
#define FREED   4

byte slot[N * SLOTS]; /* NONE or a container: each a counted reference */
byte life[N];
byte count[N];
byte queued[N];     /* of these, references that merge queues hold */
bool condemned[N];
bool deferred[N];
byte lock[N];       /* who has it */
byte readers[N];    /* threads in scopes when it was cleared, as bits */
bool cleared_once[N];

byte var[M];        /* a counted reference */
byte borrowed[M];
byte handle[M];
byte dying[M + 1];  /* dead containers that the thread has to clear, as bits */
bool attached[M];
bool in_scope[M];
byte wants[M];      /* the lock that it is parked on */
byte finished = 0;
bool paused = false;

/* ---- what the truth is: reachability from outside, without counts ---- */
byte reach;
byte k;
hidden byte before;

inline mark(o) {
    if
    :: (o) != NONE -> reach = reach | (1 << (o))
    :: else
    fi
}

inline find_truth() {
    reach = 1; /* the root */
    mark(var[0]); mark(var[1]); mark(handle[0]); mark(handle[1]);
    before = 0;
    do
    :: before != reach ->
        before = reach;
        k = 0;
        do
        :: k < N * SLOTS ->
            if
            :: (reach & (1 << (k / SLOTS))) && slot[k] != NONE -> reach = reach | (1 << slot[k])
            :: else
            fi;
            k++
        :: else -> break
        od
    :: else -> break
    od;
    before = 0;
    k = 0
}

/* ---- steps of threads; `me` is a mutator or the collector ---- */

inline die(me, o) {
    life[o] = DEAD;
    dying[me] = dying[me] | (1 << (o))
}

/* A counted reference is given up, now or through a queue. */
inline release(me, o) {
    if
    :: (o) == NONE
    :: (o) == 0 /* immortal */
    :: else ->
        assert(life[o] == LIVE && count[o] > queued[o]);
        if
        :: count[o] = count[o] - 1;
            if
            :: count[o] == 0 -> die(me, o)
            :: else
            fi
        :: queued[o] == 0 -> queued[o] = 1
        fi
    fi
}

inline drain(me, o) {
    if
    :: queued[o] > 0 ->
        assert(life[o] == LIVE);
        count[o] = count[o] - queued[o];
        queued[o] = 0;
        if
        :: count[o] == 0 -> die(me, o)
        :: else
        fi
    :: else
    fi
}

inline unlock(o) {
    if /* handed to whoever is parked on it */
    :: wants[0] == (o) -> lock[o] = 0; wants[0] = NONE
    :: wants[1] == (o) -> lock[o] = 1; wants[1] = NONE
    :: wants[0] != (o) && wants[1] != (o) -> lock[o] = FREE_LOCK
    fi
}

/* One slot of a dead container is emptied. */
inline empty_slot(me, o, i) {
    if
    :: SLOT(o, i) == NONE
    :: SLOT(o, i) != NONE ->
        t = SLOT(o, i);
        SLOT(o, i) = NONE;
        assert(life[t] != FREED); /* its header is looked at */
        if
#ifndef MUTANT_RELEASE_CONDEMNED
        :: condemned[o] && condemned[t]
#endif
        :: else -> release(me, t)
        fi;
        t = NONE
    fi
}

inline become_cleared(o) {
    assert(life[o] == DEAD && !cleared_once[o]);
    cleared_once[o] = true;
    life[o] = CLEARED;
    readers[o] = in_scope[0] + 2 * in_scope[1]
}

/* ---- mutators ---- */

proctype mutator(byte me; byte ops) {
    byte o = NONE, t = NONE, old = NONE, i = 0;

idle:
    atomic {
        if
        :: in_scope[me] -> goto inside /* from the beginning */
        :: !paused && ops > 0 -> attached[me] = true; in_scope[me] = true; goto inside
        :: !paused && ops == 0 && (var[me] != NONE || handle[me] != NONE) -> /* gives up what it has */
            attached[me] = true; in_scope[me] = true;
            handle[me] = NONE;
            o = var[me]; var[me] = NONE;
            release(me, o);
            goto inside
        :: ops == 0 && var[me] == NONE && handle[me] == NONE -> finished++; goto done
        fi
    }

inside: /* attached, holds no lock */
    atomic {
        o = NONE; t = NONE; i = 0;
        if
        :: dying[me] != 0 -> goto bury
        :: else
        fi;
        if
        :: true -> goto leave
        :: ops == 0 -> goto leave
        :: ops > 0 ->
            ops--;
            if
            /* a new container */
            :: var[me] == NONE ->
                if
                :: life[1] == UNUSED -> o = 1
                :: life[1] != UNUSED && life[2] == UNUSED -> o = 2
                :: life[1] != UNUSED && life[2] != UNUSED -> goto inside
                fi;
                life[o] = LIVE; count[o] = 1; var[me] = o
            /* borrow: from the root, from what is counted, from what is borrowed */
            :: borrowed[me] = SLOT(0, 0)
            :: var[me] != NONE -> borrowed[me] = SLOT(var[me], 0)
            :: borrowed[me] != NONE -> assert(life[borrowed[me]] != FREED);
                if
                :: borrowed[me] = SLOT(borrowed[me], 0)
                :: borrowed[me] = SLOT(borrowed[me], 1)
                fi
            /* count what is borrowed */
            :: borrowed[me] != NONE && borrowed[me] != 0 && var[me] == NONE ->
                assert(life[borrowed[me]] != FREED);
                if
#ifdef MUTANT_REVIVE
                :: life[borrowed[me]] == LIVE || (life[borrowed[me]] == DEAD && condemned[borrowed[me]]) ->
#else
                :: life[borrowed[me]] == LIVE ->
#endif
                    count[borrowed[me]] = count[borrowed[me]] + 1;
                    var[me] = borrowed[me];
                    assert(life[var[me]] == LIVE)
                :: else
                fi
            /* give it up */
            :: var[me] != NONE ->
                o = var[me]; var[me] = NONE;
                release(me, o)
            /* hold a deferred one, drop it */
            :: handle[me] == NONE && borrowed[me] != NONE && deferred[borrowed[me]] ->
                if
                :: life[borrowed[me]] == LIVE -> handle[me] = borrowed[me]
                :: else
                fi
            :: handle[me] != NONE -> assert(life[handle[me]] == LIVE); handle[me] = NONE
            /* be stopped for a moment with what is borrowed */
            :: goto block
            /* change a container: put `var` into it, or take a reference out of it */
            :: o = 0; goto change
            :: borrowed[me] != NONE -> o = borrowed[me]; goto change
            fi
        fi;
        goto inside
    }

block:
    atomic { attached[me] = false }
    atomic { !paused -> attached[me] = true; goto inside }

change: /* takes the lock of `o`: parks, stopped, where another has it */
    atomic {
        assert(life[o] != FREED);
        if
        :: o != 0 -> /* which slot */
            if
            :: i = 0
            :: i = 1
            fi
        :: else
        fi;
        if
        :: lock[o] == FREE_LOCK -> lock[o] = me; goto locked
        :: else -> wants[me] = o; attached[me] = false
        fi
    }
    atomic { wants[me] == NONE && !paused -> assert(lock[o] == me); attached[me] = true }

locked:
    atomic {
#ifndef MUTANT_WRITE_TO_DEAD
        if
        :: life[o] != LIVE -> unlock(o); goto inside /* PP_ERR_GONE */
        :: else
        fi;
#endif
        old = SLOT(o, i)
    }
    atomic {
        SLOT(o, i) = var[me];
        var[me] = NONE;
        unlock(o);
        if
        :: old != NONE && true -> var[me] = old; assert(old == 0 || life[old] == LIVE) /* pop */
        :: release(me, old)
        fi;
        old = NONE;
        if
        :: var[me] == 0 -> var[me] = NONE
        :: else
        fi;
        goto inside
    }

bury: /* clears one dead container under its lock */
    atomic {
        if
        :: dying[me] & 2 -> o = 1
        :: !(dying[me] & 2) -> o = 2
        fi;
        dying[me] = dying[me] & ~(1 << o);
#ifndef MUTANT_CLEAR_UNLOCKED
        if
        :: lock[o] == FREE_LOCK -> lock[o] = me; goto clear
        :: else -> wants[me] = o; attached[me] = false
        fi
#else
        goto clear
#endif
    }
    atomic { wants[me] == NONE && !paused -> attached[me] = true }

clear:
    atomic { empty_slot(me, o, 0) }
    atomic {
        empty_slot(me, o, 1);
#ifndef MUTANT_CLEAR_UNLOCKED
        unlock(o);
#endif
        become_cleared(o);
        goto inside
    }

leave:
    atomic {
        borrowed[me] = NONE;
        attached[me] = false;
        in_scope[me] = false;
        readers[1] = readers[1] & ~(1 << me);
        readers[2] = readers[2] & ~(1 << me);
        goto idle
    }

done:
    skip
}

/* ---- the collector ---- */

#ifdef MUTANT_QUEUE_KEPT
#define IN_QUEUE(o) queued[o]
#else
#define IN_QUEUE(o) 0
#endif
#ifdef MUTANT_DEFERRED_COUNTED
#define COLLECTORS(o) 0
#else
#define COLLECTORS(o) deferred[o]
#endif
#ifdef MUTANT_HANDLE_UNCOUNTED
#define HANDLES(o) 0
#else
#define HANDLES(o) ((handle[0] == o) + (handle[1] == o))
#endif

proctype collector() {
    byte rounds = 0;
    short refs[N];
    byte reached = 0;
    byte o = NONE, t = NONE;

next:
    atomic {
        if
        :: rounds == 0
        :: rounds > 0 && finished == M
        fi;
        if
        :: rounds == 1 -> /* the program lets go of the root's slot, too */
            t = SLOT(0, 0); SLOT(0, 0) = NONE;
            release(COLLECTOR, t); t = NONE
        :: else
        fi;
        rounds++;
        paused = true
    }
stopping:
    atomic { !attached[0] && !attached[1] }
#ifdef MUTANT_LOCK_IN_PAUSE
    atomic { lock[1] == FREE_LOCK && lock[0] == FREE_LOCK && lock[2] == FREE_LOCK }
#endif
    atomic {
        /* counting */
#ifndef MUTANT_QUEUE_KEPT
        drain(COLLECTOR, 1); drain(COLLECTOR, 2);
#endif
        o = 1;
        do
        :: o < N ->
            if
            :: life[o] == LIVE ->
                refs[o] = count[o] - IN_QUEUE(o) - COLLECTORS(o) + HANDLES(o)
            :: else -> refs[o] = 0
            fi;
            o++
        :: else -> break
        od;
        refs[0] = 100;
        o = 0;
        do
        :: o < N ->
            if
#ifdef MUTANT_DEAD_COUNT
            :: life[o] == LIVE || life[o] == DEAD ->
#else
            :: life[o] == LIVE ->
#endif
                if
                :: SLOT(o, 0) != NONE -> refs[SLOT(o, 0)] = refs[SLOT(o, 0)] - 1
                :: else
                fi;
                if
                :: SLOT(o, 1) != NONE -> refs[SLOT(o, 1)] = refs[SLOT(o, 1)] - 1
                :: else
                fi
            :: else
            fi;
            o++
        :: else -> break
        od;
        o = NONE
    }
#ifdef MUTANT_RUN_BETWEEN
    atomic { paused = false }
    atomic { paused = true }
    atomic { !attached[0] && !attached[1] }
#endif
    atomic {
        /* marking */
        reached = 1;
        o = 1;
        do
        :: o < N ->
            if
            :: life[o] == LIVE && refs[o] != 0 -> reached = reached | (1 << o)
            :: else
            fi;
            o++
        :: else -> break
        od;
        t = 0;
        do
        :: t != reached ->
            t = reached;
            o = 0;
            do
            :: o < N * SLOTS ->
                if
                :: (reached & (1 << (o / SLOTS))) && slot[o] != NONE -> reached = reached | (1 << slot[o])
                :: else
                fi;
                o++
            :: else -> break
            od
        :: else -> break
        od;
        t = NONE;
        /* condemning, and the truth beside it */
        find_truth();
        o = 1;
        do
        :: o < N ->
            if
            :: life[o] == LIVE && !(reached & (1 << o)) ->
                assert(!(reach & (1 << o)));
                condemned[o] = true;
                count[o] = 0;
                die(COLLECTOR, o)
            :: else
            fi;
            o++
        :: else -> break
        od;
        reach = 0; refs[0] = 0; refs[1] = 0; refs[2] = 0; reached = 0; o = NONE;
        paused = false
    }
    /* clearing: all, before any memory is given up */
    do
    :: dying[COLLECTOR] != 0 ->
        atomic {
            if
            :: dying[COLLECTOR] & 2 -> o = 1
            :: !(dying[COLLECTOR] & 2) -> o = 2
            fi;
#ifndef MUTANT_CLEAR_UNLOCKED
            lock[o] == FREE_LOCK -> lock[o] = COLLECTOR;
#endif
            dying[COLLECTOR] = dying[COLLECTOR] & ~(1 << o)
        }
        atomic { empty_slot(COLLECTOR, o, 0) }
        atomic {
            empty_slot(COLLECTOR, o, 1);
#ifndef MUTANT_CLEAR_UNLOCKED
            unlock(o);
#endif
            become_cleared(o)
        }
    :: else -> break
    od;
    atomic {
        o = NONE;
        if
        :: rounds < 4 -> goto next
        :: else
        fi
    }
    /* The end: everything that was ever made has gone. */
    (life[1] == FREED || life[1] == UNUSED) && (life[2] == FREED || life[2] == UNUSED)
}

/* ---- reclamation ---- */

#ifdef MUTANT_FREE_EARLY
#define NO_READERS(o) true
#else
#define NO_READERS(o) (readers[o] == 0)
#endif
/* What the collector condemned waits until all of it was cleared. */
#ifdef MUTANT_FREE_ONE_BY_ONE
#define ALL_CLEARED(o) true
#else
#define ALL_CLEARED(o) (!condemned[o] || !((condemned[1] && life[1] == DEAD) || (condemned[2] && life[2] == DEAD)))
#endif

inline check_unused(o) {
    assert(borrowed[0] != (o) && borrowed[1] != (o) && var[0] != (o) && var[1] != (o));
    assert(handle[0] != (o) && handle[1] != (o));
    assert(lock[o] == FREE_LOCK && wants[0] != (o) && wants[1] != (o));
    assert(queued[o] == 0)
}

proctype reclaimer() {
end:
    do
    :: atomic { life[1] == CLEARED && NO_READERS(1) && ALL_CLEARED(1) -> check_unused(1); life[1] = FREED }
    :: atomic { life[2] == CLEARED && NO_READERS(2) && ALL_CLEARED(2) -> check_unused(2); life[2] = FREED }
    od
}

/* ---- beginnings ---- */

inline put(o, i, target) {
    SLOT(o, i) = target;
    count[target] = count[target] + 1
}

inline give(me, target) {
    var[me] = target;
    count[target] = count[target] + 1
}

init {
    atomic {
        byte n;
        for (n : 0 .. N * SLOTS - 1) { slot[n] = NONE }
        for (n : 0 .. N - 1) { lock[n] = FREE_LOCK }
        for (n : 0 .. M - 1) { var[n] = NONE; borrowed[n] = NONE; handle[n] = NONE; wants[n] = NONE }
        n = 0;
        life[0] = LIVE; count[0] = 1;
        life[1] = LIVE; life[2] = LIVE;
        if
        :: put(0, 0, 1); put(1, 0, 2); put(2, 0, 1) /* a ring that the root leads to */
        :: put(1, 0, 2); put(2, 0, 1); give(1, 1)   /* that a thread holds */
        :: put(1, 0, 2); put(2, 0, 1); put(2, 1, 2) /* that is garbage */
        :: put(1, 0, 1); put(1, 1, 2); give(1, 2)   /* garbage that refers to what a thread holds */
        :: put(1, 0, 1); put(2, 0, 1); give(1, 2)   /* what a thread holds refers to a ring */
        :: put(1, 0, 1); give(0, 1); life[2] = UNUSED
        :: deferred[1] = true; count[1] = 1; put(0, 0, 1); put(1, 0, 2); put(2, 0, 1)
        fi;
        if
        :: true
        :: in_scope[0] = true; attached[0] = true; borrowed[0] = 1
        :: life[2] == LIVE -> in_scope[0] = true; attached[0] = true; borrowed[0] = 2
        fi;
        run mutator(0, OPS);
        run mutator(1, OPS - 1);
        run collector();
        run reclaimer()
    }
}
