#include "owner_lock.h"

int owner_lock_init(owner_lock *lock)
{
    lock->owner = 0;
    lock->lock = PyThread_allocate_lock();
    if (lock->lock)
        return 0;
    PyErr_NoMemory();
    return -1;
}

void owner_lock_deinit(owner_lock *lock)
{
    if (lock->lock)
        PyThread_free_lock(lock->lock);
}

static int wait_for(PyThread_type_lock lock)
{
    for (;;) {
        PyLockStatus status;
        Py_BEGIN_ALLOW_THREADS
            status = PyThread_acquire_lock_timed(lock, -1, 1);
        Py_END_ALLOW_THREADS
        if (status == PY_LOCK_ACQUIRED)
            return 0;
        if (PyErr_CheckSignals() < 0)
            return -1;
    }
}

int owner_lock_acquire(owner_lock *lock, const char *what)
{
    unsigned long me = PyThread_get_thread_ident();
    if (!PyThread_acquire_lock(lock->lock, NOWAIT_LOCK)) {
        if (__atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == me) {
            PyErr_Format(PyExc_RuntimeError, "%s cannot be called while unpacking is in progress",
                         what);
            return -1;
        }
        if (wait_for(lock->lock))
            return -1;
    }
    __atomic_store_n(&lock->owner, me, __ATOMIC_RELAXED);
    return 0;
}

void owner_lock_release(owner_lock *lock)
{
    __atomic_store_n(&lock->owner, 0, __ATOMIC_RELAXED);
    PyThread_release_lock(lock->lock);
}
