/* The lock of a container that several read: waiting for it, and groups of readers. */
#include "container_lock.h"

#if FREE_THREADED

enum {
    STAY_AWAY = 12, /* pauses: the time of a few containers */
    STAY_AWAY_WHOLE = 400,
    SPIN = 1000, /* looks at the lock before the thread is parked: some 60 us */
    PAUSES = 4,  /* between two looks */
    SPIN_BRIEFLY = 4,
    READERS_MAX = 15,
};

/* A cache line each; of all interpreters, since no two objects have the same address. */
static struct {
    _Alignas(64) uintptr_t word;
} groups[CONTAINER_GROUPS];

static uintptr_t *group_of(PyObject *o)
{
    /* Neighbours have different words, and so has the same place of the next page. */
    return &groups[((uintptr_t)o >> 4 ^ (uintptr_t)o >> 12) % CONTAINER_GROUPS].word;
}

static void back_off(int pauses)
{
    for (int i = 0; i < pauses; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ __volatile__("isb" : : : "memory");
#else
        __asm__ __volatile__("" : : : "memory");
#endif
    }
}

/* Makes the caller, who holds the lock of `o`, the first of its readers. False where the
 * word is another container's.
 *
 * Release: pairs with the acquire in join_group(), so that who joins sees what the founder
 * has seen under the lock. */
bool container_found_group(PyObject *o)
{
    uintptr_t none = 0;
    return ((uintptr_t)o & READERS_MAX) == 0 &&
           __atomic_compare_exchange_n(group_of(o), &none, (uintptr_t)o + 1, false,
                                       __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* Joins the readers of `o`, if there are any, room for one more, and nobody parked. */
static bool join_group(PyObject *o)
{
    uintptr_t *group = group_of(o);
    uintptr_t word = __atomic_load_n(group, __ATOMIC_RELAXED);
    uintptr_t readers = word - (uintptr_t)o;
    return readers - 1 < READERS_MAX - 1 &&
           __atomic_load_n(&o->ob_mutex._bits, __ATOMIC_RELAXED) == CONTAINER_LOCKED &&
           __atomic_compare_exchange_n(group, &word, word + 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* Release: who leaves has read what it wanted. Acquire, of all earlier ones' releases:
 * PyMutex_Unlock() by the last passes that on to the next who locks. */
void container_leave_group(PyObject *o)
{
    uintptr_t *group = group_of(o);
    uintptr_t word = __atomic_load_n(group, __ATOMIC_RELAXED), left;
    do
        left = word == (uintptr_t)o + 1 ? 0 : word - 1;
    while (!__atomic_compare_exchange_n(group, &word, left, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED));
    if (left == 0)
        PyMutex_Unlock(&o->ob_mutex);
}

/* Goes on trying for the time of a few containers, or of some dozen whole messages. */
bool container_retry_lock(PyObject *o, bool whole)
{
    for (int i = 0; i < SPIN_BRIEFLY; i++) {
        back_off(whole ? STAY_AWAY_WHOLE : STAY_AWAY);
        if (__atomic_load_n(&o->ob_mutex._bits, __ATOMIC_RELAXED) == 0 && container_try_lock(o))
            return true;
    }
    return false;
}

/* Waits for the lock or for a group to join. True: joined. */
bool container_lock_contended(PyObject *o)
{
    if (join_group(o))
        return true;
    back_off(STAY_AWAY);
    for (int i = 0; i < SPIN; i++) {
        if (join_group(o))
            return true;
        if (__atomic_load_n(&o->ob_mutex._bits, __ATOMIC_RELAXED) == 0 && container_try_lock(o))
            return false;
        back_off(PAUSES);
    }
    PyMutex_Lock(&o->ob_mutex);
    return false;
}

#else

typedef int container_lock_c_is_for_free_threaded_builds; /* no empty translation unit */

#endif
