#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <time.h>

#include "base/clock.h"
#include "base/wakeup.h"

static struct timespec as_timespec(uint64_t nanoseconds)
{
    struct timespec time = {(time_t)(nanoseconds / PP_SECOND), (long)(nanoseconds % PP_SECOND)};
    return time;
}

#if !defined(PP_WAKEUP_POSIX)

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void pp_wakeup_init(pp_wakeup *wakeup)
{
    atomic_init(&wakeup->signalled, 0);
}

void pp_wakeup_destroy(pp_wakeup *wakeup)
{
    (void)wakeup;
}

pp_wakeup_result pp_wakeup_wait(pp_wakeup *wakeup, uint64_t deadline, bool interruptible)
{
    /* pp_clock_now() is one ahead of the system's clock. */
    struct timespec time = as_timespec(deadline - (deadline != PP_NO_WAIT));
    /* Acquire: pairs with the store in pp_wakeup_signal(). */
    while (atomic_load_explicit(&wakeup->signalled, memory_order_acquire) == 0) {
        if (deadline == PP_NO_WAIT)
            return PP_WAKEUP_TIMEOUT;
        /* The bitset form takes a point of the monotonic clock, not a length. */
        long result =
            syscall(SYS_futex, &wakeup->signalled, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0,
                    deadline == PP_FOREVER ? NULL : &time, NULL, FUTEX_BITSET_MATCH_ANY);
        if (result == 0 || errno == EAGAIN)
            continue;
        /* A signal that came at the same moment counts. */
        bool signalled = atomic_load_explicit(&wakeup->signalled, memory_order_acquire) != 0;
        if (errno == ETIMEDOUT && !signalled)
            return PP_WAKEUP_TIMEOUT;
        if (errno == EINTR && interruptible && !signalled)
            return PP_WAKEUP_INTERRUPTED;
    }
    return PP_WAKEUP_SIGNALLED;
}

void pp_wakeup_signal(pp_wakeup *wakeup)
{
    /* Release: pairs with the load in pp_wakeup_wait(). From here on the owner may
     * return and its stack may hold something else. The kernel looks up the address
     * without touching what is there, and whoever waits for a futex at the same address
     * has to expect being woken without a reason. */
    atomic_store_explicit(&wakeup->signalled, 1, memory_order_release);
    syscall(SYS_futex, &wakeup->signalled, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

#else

/* Errors of init are those of a system without memory or with broken headers; the
 * wait functions then return at once, and waiting becomes polling. */
void pp_wakeup_init(pp_wakeup *wakeup)
{
    pthread_mutex_init(&wakeup->mutex, NULL);
    wakeup->signalled = false;
#if defined(__APPLE__)
    pthread_cond_init(&wakeup->condition, NULL);
#else
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&wakeup->condition, &attributes);
    pthread_condattr_destroy(&attributes);
#endif
}

void pp_wakeup_destroy(pp_wakeup *wakeup)
{
    pthread_cond_destroy(&wakeup->condition);
    pthread_mutex_destroy(&wakeup->mutex);
}

/* One wait of the condition variable. */
static void wait_once(pp_wakeup *wakeup, uint64_t deadline)
{
    if (deadline == PP_FOREVER) {
        pthread_cond_wait(&wakeup->condition, &wakeup->mutex);
        return;
    }
#if defined(__APPLE__)
    struct timespec left = as_timespec(pp_deadline_left(deadline));
    pthread_cond_timedwait_relative_np(&wakeup->condition, &wakeup->mutex, &left);
#else
    struct timespec time = as_timespec(deadline - 1); /* pp_clock_now() is one ahead */
    pthread_cond_timedwait(&wakeup->condition, &wakeup->mutex, &time);
#endif
}

pp_wakeup_result pp_wakeup_wait(pp_wakeup *wakeup, uint64_t deadline, bool interruptible)
{
    (void)interruptible; /* condition variables do not tell */
    pthread_mutex_lock(&wakeup->mutex);
    while (!wakeup->signalled && !pp_deadline_passed(deadline))
        wait_once(wakeup, deadline);
    bool signalled = wakeup->signalled;
    pthread_mutex_unlock(&wakeup->mutex);
    return signalled ? PP_WAKEUP_SIGNALLED : PP_WAKEUP_TIMEOUT;
}

void pp_wakeup_signal(pp_wakeup *wakeup)
{
    /* Signalled before unlocking: once unlocked, the owner may destroy both. */
    pthread_mutex_lock(&wakeup->mutex);
    wakeup->signalled = true;
    pthread_cond_signal(&wakeup->condition);
    pthread_mutex_unlock(&wakeup->mutex);
}

#endif
