/* container_lock.h - the lock of a list or dict that is read, item by item, without a GIL.
 *
 * It is the object's own lock, taken as a plain mutex. A critical section costs more
 * than twice as much, because it can be suspended while its thread waits for
 * something else. This one cannot: so between container_lock() and
 * container_unlock() nothing may block, run code, take a lock or set an exception. Who
 * waits for it may be suspended: it holds no other such lock.
 *
 * Threads that pack the same object at the same time follow one after the other
 * through the same containers, and each write to a lock or a count takes the cache
 * line of the object from the other thread. Three things make that bearable
 * (bench/threads_free.py, "same"):
 *   - A long container is read by all of them at once (below).
 *   - Who finds a short one locked stays away for a moment. After that it is some
 *     containers behind, and meets the other no more.
 *   - The lines of the containers that follow are asked for ahead of time.
 *
 * Readers
 *
 *   Who takes the lock of a long container founds a group of readers, which others
 *   join instead of waiting. The lock belongs to the group, and who leaves it last
 *   unlocks it. That any thread may do: a PyMutex has no owner.
 *
 *   The groups lie in a table of words, one for each of CONTAINER_GROUPS classes of
 *   addresses. A word is 0 or the address of the container, which is a multiple of
 *   16, plus the number of its readers, 1 to 15. Where another container's group
 *   is in the word, there is none for this one, and its lock is taken by one at a
 *   time.
 *
 *   Invariant: while a word is not 0, the lock of its container is held. For only
 *   who holds the lock turns 0 into a word, and only who turns the word into 0
 *   unlocks it. So a successful exchange of a word that names the container means that
 *   its lock is held by readers, and will be until this one leaves, too. It does not
 *   matter what the word was meanwhile.
 *
 *   Nobody joins once somebody waits for the lock in the parking lot of CPython: a
 *   writer waits for one run (slice.h) of those who read already, and no longer.
 *
 *   A fork finds every word 0: CPython stops all other threads before it (gh-116522), which
 *   they do not do while they hold such a lock.
 *
 * With the GIL all of this is nothing.
 */
#ifndef PARAPACK_EXT_CONTAINER_LOCK_H
#define PARAPACK_EXT_CONTAINER_LOCK_H

#include "pycompat.h"

#if FREE_THREADED

enum {
    CONTAINER_LOCKED = 1, /* PyMutex: locked, and nobody parked */
    CONTAINER_LONG = 64,  /* items that are worth a group */
    CONTAINER_GROUPS = 64,
};

/* Acquire: pairs with the release in PyMutex_Unlock() of who has held the lock before. */
PP_INLINE bool container_try_lock(PyObject *o)
{
    uint8_t unlocked = 0;
    return __atomic_compare_exchange_n(&o->ob_mutex._bits, &unlocked, CONTAINER_LOCKED, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* The cold halves of the functions below. (container_lock.c) */
bool container_lock_contended(PyObject *o);
bool container_retry_lock(PyObject *o, bool whole);
bool container_found_group(PyObject *o);
void container_leave_group(PyObject *o);

/* Locks `o` unless that takes long: also for who holds another such lock. Where it is a `whole`
 * message, whoever finds it locked stays away for longer: the other one will pack it again at
 * once, and two that take turns at each call are half as fast as one (threads_free.py). */
PP_INLINE bool container_lock_briefly(PyObject *o, bool whole)
{
    return PP_LIKELY(container_try_lock(o)) || container_retry_lock(o, whole);
}

/* Locks `o`, a list or dict of which `items` are to be read. True where the lock is held
 * together with other readers, which container_unlock() must be told. */
PP_INLINE bool container_lock(PyObject *o, Py_ssize_t items)
{
    if (PP_UNLIKELY(!container_try_lock(o)) && container_lock_contended(o))
        return true;
    return PP_UNLIKELY(items >= CONTAINER_LONG) && container_found_group(o);
}

PP_INLINE void container_unlock(PyObject *o, bool group)
{
    if (PP_UNLIKELY(group))
        container_leave_group(o);
    else
        PyMutex_Unlock(&o->ob_mutex);
}

/* Asks for the cache line of an object that is soon to be counted and locked. */
PP_INLINE void prefetch_to_write(const void *object)
{
#if defined(__x86_64__)
    /* No operation on processors that do not know it; the built-in function would only read. */
    __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)object));
#else
    __builtin_prefetch(object, 1);
#endif
}

#else

PP_INLINE bool container_lock_briefly(PyObject *o, bool whole)
{
    (void)o;
    (void)whole;
    return true;
}

PP_INLINE bool container_lock(PyObject *o, Py_ssize_t items)
{
    (void)o;
    (void)items;
    return false;
}

PP_INLINE void container_unlock(PyObject *o, bool group)
{
    (void)o;
    (void)group;
}

#endif

#endif /* PARAPACK_EXT_CONTAINER_LOCK_H */
