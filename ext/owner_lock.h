/* owner_lock.h - a lock for objects whose methods run code of the caller's.
 *
 * Another thread waits for it, without the GIL and interruptible by signals. The
 * thread that holds it gets RuntimeError instead of a deadlock: a hook has called
 * the object that called it.
 *
 * Invariant: `owner` is the identity of the thread that holds `lock`, or 0. A
 * thread reads its own identity there only if it wrote it, so that relaxed
 * accesses suffice.
 */
#ifndef PARAPACK_EXT_OWNER_LOCK_H
#define PARAPACK_EXT_OWNER_LOCK_H

#include "pycompat.h"

typedef struct owner_lock {
    PyThread_type_lock lock;
    unsigned long owner;
} owner_lock;

/* 0, or -1 with MemoryError. */
int owner_lock_init(owner_lock *lock);
void owner_lock_deinit(owner_lock *lock);

/* 0 when the lock is held; -1 with RuntimeError("<what> cannot be called while
 * unpacking is in progress") where the caller holds it already, or with the
 * exception of a signal handler. */
int owner_lock_acquire(owner_lock *lock, const char *what);
void owner_lock_release(owner_lock *lock);

#endif /* PARAPACK_EXT_OWNER_LOCK_H */
