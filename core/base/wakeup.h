/* The sleep of one thread: a place where it waits until another wakes it, once.
 *
 * A pp_wakeup lives on the waiting thread's stack. It is armed by init, signalled at
 * most once, and the waiter must have seen the signal (or nobody may be able to
 * send one any more) before it is destroyed. On Linux it is a futex, elsewhere a
 * POSIX mutex with its condition variable; PP_WAKEUP_POSIX chooses the latter
 * anywhere, for tests. */
#ifndef PP_BASE_WAKEUP_H
#define PP_BASE_WAKEUP_H

#include "parapack/config.h"

#if !defined(__linux__) && !defined(PP_WAKEUP_POSIX)
#define PP_WAKEUP_POSIX
#endif

#if defined(PP_WAKEUP_POSIX)
#include <pthread.h>
typedef struct pp_wakeup {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool signalled; /* under mutex */
} pp_wakeup;
#else
#include <stdatomic.h>
typedef struct pp_wakeup {
    _Atomic uint32_t signalled; /* 0 or 1 */
} pp_wakeup;
#endif

typedef enum pp_wakeup_result {
    PP_WAKEUP_SIGNALLED,
    PP_WAKEUP_TIMEOUT,    /* the deadline has come, and no signal */
    PP_WAKEUP_INTERRUPTED /* a signal handler of the process has run (Linux only) */
} pp_wakeup_result;

void pp_wakeup_init(pp_wakeup *wakeup);
void pp_wakeup_destroy(pp_wakeup *wakeup);

/* Sleeps until the signal, at the longest until `deadline` (base/clock.h). With
 * `interruptible` it also ends when a handler of the process's that was installed
 * without SA_RESTART has run in this thread; otherwise sleep goes on after one.
 * What the signaller did before pp_wakeup_signal() happened before a
 * PP_WAKEUP_SIGNALLED. Called by the owner alone. */
pp_wakeup_result pp_wakeup_wait(pp_wakeup *wakeup, uint64_t deadline, bool interruptible);

/* Wakes the owner. The wakeup may be gone when this returns. Called at most once,
 * by one thread. */
void pp_wakeup_signal(pp_wakeup *wakeup);

#endif /* PP_BASE_WAKEUP_H */
