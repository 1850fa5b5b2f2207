#include "base/condition.h"
#include "base/parking.h"

typedef struct wait {
    pp_condition *condition;
    pp_mutex *mutex;
} wait;

/* Under the bucket's lock, as is clear_if_last(). */
static bool announce(void *context)
{
    wait *w = context;
    /* Relaxed: the notifier has locked the mutex after the waiter unlocked it, which
     * orders this before its load in pp_condition_notify_*(). */
    atomic_store_explicit(&w->condition->has_waiters, 1, memory_order_relaxed);
    return true;
}

static void unlock(void *context)
{
    wait *w = context;
    pp_mutex_unlock(w->mutex);
}

pp_wait_result pp_condition_wait(pp_condition *condition, pp_mutex *mutex, uint64_t deadline,
                                 bool interruptible)
{
    wait self = {condition, mutex};
    pp_park_request request = {.check = announce,
                               .before_sleep = unlock,
                               .context = &self,
                               .deadline = deadline,
                               .token = &self,
                               .interruptible = interruptible};
    pp_park_result result = pp_park(condition, &request);
    pp_mutex_lock(mutex);
    switch (result) {
    case PP_PARK_TIMEOUT:
        return PP_WAIT_TIMEOUT;
    case PP_PARK_INTERRUPTED:
        return PP_WAIT_INTERRUPTED;
    case PP_PARK_WOKEN:
    case PP_PARK_MISMATCH: /* announce() never says no */
        break;
    }
    return PP_WAIT_NOTIFIED;
}

static void clear_if_last(void *context, void *token, bool more)
{
    (void)token;
    pp_condition *condition = context;
    if (!more)
        atomic_store_explicit(&condition->has_waiters, 0, memory_order_relaxed);
}

static bool has_waiters(const pp_condition *condition)
{
    /* Relaxed: see announce(). */
    return atomic_load_explicit(&condition->has_waiters, memory_order_relaxed) != 0;
}

void pp_condition_notify_one(pp_condition *condition)
{
    if (has_waiters(condition))
        pp_unpark_one(condition, clear_if_last, condition);
}

void pp_condition_notify_all(pp_condition *condition)
{
    /* The flag stays: the next notification finds nobody and clears it. */
    if (has_waiters(condition))
        pp_unpark_all(condition);
}
