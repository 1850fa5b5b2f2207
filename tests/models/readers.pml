/* Readers of one container (ext/container_lock.c): its lock, and the word of the table in which those who
 * read it together are counted.
 *
 * Every operation on a lock or on the word is one step. Two containers have the same word; two threads read
 * the first and one the second, over and over, and a thread changes the first. The lock itself is
 * taken as correct (mutex.pml has ours, CPython has its own): it is free or not.
 *
 * Shown: nobody reads a container while it is changed (R1), only a lock that is held is unlocked (R2), the word is
 * 0 when all have left (R3), and nobody is stuck.
 *
 * mutants: UNLOCK_FIRST JOIN_EMPTY JOIN_ANY JOIN_BLINDLY LEAVE_BLINDLY FOUND_BLINDLY FIRST_UNLOCKS
 *
 *   UNLOCK_FIRST   the last reader unlocks before it has cleared the word
 *   JOIN_EMPTY     whoever leaves last does not clear the word, and a group of nobody is joined
 *   JOIN_ANY       the word is not asked whose it is
 *   JOIN_BLINDLY   the new word is stored, not compared and exchanged
 *   LEAVE_BLINDLY  the same, by one that leaves
 *   FOUND_BLINDLY  the word of a founder is stored over whatever is there
 *   FIRST_UNLOCKS  the founder unlocks when it leaves, as if it were alone
 */
#define CONTAINERS 2
#define ROUNDS     3
#define MOST       3 /* readers that a word counts */

#define WORD(o, n)   (((o) + 1) * 8 + (n))
#define OWNER(w)     ((w) / 8 - 1)
#define COUNT(w)     ((w) % 8)

bool locked[CONTAINERS];
byte word;
byte reading[CONTAINERS]; /* ghosts */
bool writing[CONTAINERS];
byte done;

inline unlock(o)
{
    atomic {
        assert(locked[o]); /* R2 */
        locked[o] = false
    }
}

inline found_group(o)
{
    atomic {
#ifdef MUTANT_FOUND_BLINDLY
        word = WORD(o, 1);
        group = true
#else
        if
        :: word == 0 -> word = WORD(o, 1); group = true
        :: else -> group = false
        fi
#endif
        founder = group
    }
}

/* One try. */
inline join_group(o)
{
    seen = word;
    if
#ifdef MUTANT_JOIN_ANY
    :: seen != 0 && COUNT(seen) < MOST ->
#elif defined(MUTANT_JOIN_EMPTY)
    :: seen != 0 && OWNER(seen) == o && COUNT(seen) < MOST ->
#else
    :: seen != 0 && OWNER(seen) == o && COUNT(seen) > 0 && COUNT(seen) < MOST ->
#endif
        atomic {
#ifdef MUTANT_JOIN_BLINDLY
            word = seen + 1;
            group = true;
            joined = true
#else
            if
            :: word == seen -> word = seen + 1; group = true; joined = true
            :: else
            fi
#endif
            founder = false
        }
    :: else
    fi
}

inline leave_group(o)
{
    do
    :: seen = word;
       if
#ifdef MUTANT_JOIN_EMPTY
       :: left = seen - 1
#else
       :: COUNT(seen) == 1 -> left = 0
       :: else -> left = seen - 1
#endif
       fi;
#ifdef MUTANT_UNLOCK_FIRST
       if
       :: left == 0 && word == seen -> unlock(o)
       :: else
       fi;
#endif
       atomic {
#ifdef MUTANT_LEAVE_BLINDLY
           word = left;
           break
#else
           if
           :: word == seen -> word = left; break
           :: else
           fi
#endif
       }
    od;
#if defined(MUTANT_FIRST_UNLOCKS)
    if
    :: founder -> unlock(o)
    :: else
    fi
#elif !defined(MUTANT_UNLOCK_FIRST)
    if
    :: COUNT(left) == 0 -> unlock(o)
    :: else
    fi
#endif
}

proctype reader(byte o)
{
    byte round, seen, left;
    bool group, joined, founder;
    do
    :: round == ROUNDS -> break
    :: else ->
        round++;
        joined = false;
        do
        :: joined -> break
        :: atomic { !joined && !locked[o] -> locked[o] = true }; found_group(o); break
        :: !joined && locked[o] -> join_group(o)
        od;
        atomic { assert(!writing[o]); reading[o]++ }; /* R1 */
        atomic { assert(!writing[o]); reading[o]-- };
        if
        :: group -> leave_group(o)
        :: else -> unlock(o)
        fi;
        atomic { seen = 0; left = 0; group = false; founder = false } /* fewer states */
    od;
    done++
}

proctype writer(byte o)
{
    byte round;
    do
    :: round == ROUNDS -> break
    :: else ->
        round++;
        atomic { !locked[o] -> locked[o] = true };
        atomic { assert(reading[o] == 0 && !writing[o]); writing[o] = true }; /* R1 */
        writing[o] = false;
        unlock(o)
    od;
    done++
}

init
{
    atomic {
        run reader(0);
        run reader(0);
        run reader(1);
        run writer(0)
    };
    done == 4;
    assert(word == 0 && !locked[0] && !locked[1]) /* R3 */
}
