/* container_lock.h - the lock of a list or dict that is read, item by item, without a GIL.
 *
 * It is the object's own lock, taken as a plain mutex. A critical section costs more
 * than twice as much, because it can be suspended while its thread waits for
 * something else. This one cannot: so between LOCK_CONTAINER and
 * UNLOCK_CONTAINER nothing may block, run code, take a lock or set an exception. Who
 * waits for it may be suspended: it holds no other such lock.
 *
 * Threads that pack the same object at the same time follow one after the other
 * through the same containers, and each write to a lock or a count takes the cache
 * line of the object from the other thread. Two things make that bearable
 * (bench/threads_free.py, "same"):
 *   - Who finds a container locked stays away for a moment. After that it is some
 *     containers behind, and meets the other no more.
 *   - The lines of the containers that follow are asked for ahead of time.
 *
 * With the GIL all of this is nothing.
 */
#ifndef PARAPACK_EXT_CONTAINER_LOCK_H
#define PARAPACK_EXT_CONTAINER_LOCK_H

#include "pycompat.h"

#if FREE_THREADED

enum {
    LOCK_STAY_AWAY = 12, /* pauses: the time of a few containers */
    LOCK_SPIN = 1000,    /* looks at the lock before the thread is parked: some 60 us */
    LOCK_PAUSES = 4,     /* between two looks */
};

PP_INLINE void container_lock_pause(int times)
{
    for (int i = 0; i < times; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ __volatile__("isb" : : : "memory");
#else
        __asm__ __volatile__("" : : : "memory");
#endif
    }
}

/* Acquire: pairs with the release in PyMutex_Unlock() of who has held the lock before. */
PP_INLINE bool container_try_lock(PyMutex *lock)
{
    uint8_t unlocked = 0;
    return __atomic_compare_exchange_n(&lock->_bits, &unlocked, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static PP_NOINLINE void container_lock_contended(PyMutex *lock)
{
    container_lock_pause(LOCK_STAY_AWAY);
    for (int i = 0; i < LOCK_SPIN; i++) {
        if (__atomic_load_n(&lock->_bits, __ATOMIC_RELAXED) == 0 && container_try_lock(lock))
            return;
        container_lock_pause(LOCK_PAUSES);
    }
    PyMutex_Lock(lock);
}

PP_INLINE void container_lock(PyMutex *lock)
{
    if (PP_UNLIKELY(!container_try_lock(lock)))
        container_lock_contended(lock);
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

#define LOCK_CONTAINER(object)   container_lock(&(object)->ob_mutex)
#define UNLOCK_CONTAINER(object) PyMutex_Unlock(&(object)->ob_mutex)

#else

#define LOCK_CONTAINER(object)   ((void)0)
#define UNLOCK_CONTAINER(object) ((void)0)

#endif

#endif /* PARAPACK_EXT_CONTAINER_LOCK_H */
