/* Waiting, with a mutex, until something under that mutex becomes true.
 *
 * The waiter queues before it lets go of the mutex, so a thread that locks the mutex,
 * changes what is waited for and then notifies finds it: whether it notifies with the mutex
 * held or after unlocking. A waiter never wakes without a notification, but when it has the
 * mutex again the condition may be gone: always wait in a loop. */
#ifndef PP_BASE_CONDITION_H
#define PP_BASE_CONDITION_H

#include <stdatomic.h>

#include "base/mutex.h"

typedef struct pp_condition {
    _Atomic uint8_t has_waiters; /* 0: nobody is parked under its address; else perhaps */
} pp_condition;

/* clang-format off */
#define PP_CONDITION_INIT {0}
/* clang-format on */

typedef enum pp_wait_result {
    PP_WAIT_NOTIFIED,
    PP_WAIT_TIMEOUT,
    PP_WAIT_INTERRUPTED /* a signal handler ran; base/parking.h says where this is seen */
} pp_wait_result;

/* A condition that nobody waits for; also in the child of fork(). */
PP_INLINE void pp_condition_init(pp_condition *condition)
{
    atomic_init(&condition->has_waiters, 0);
}

/* Unlocks `mutex`, which the caller holds, sleeps until a notification or `deadline`
 * (base/clock.h), and locks it again, whatever the result. A notification that is
 * consumed is always reported as one. All waiters of one condition use one mutex. */
pp_wait_result pp_condition_wait(pp_condition *condition, pp_mutex *mutex, uint64_t deadline,
                                 bool interruptible);

/* Wakes the one that has waited longest; all of them. Thread safety: any thread. */
void pp_condition_notify_one(pp_condition *condition);
void pp_condition_notify_all(pp_condition *condition);

#endif /* PP_BASE_CONDITION_H */
