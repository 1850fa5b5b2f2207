/* Waiting for a queue: by a thread that sleeps, and without one. */
#include <assert.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/wakeup.h"
#include "base/yield_point.h"
#include "share/queue.h"

/* ---- deadlines ---------------------------------------------------------------------- */

_Static_assert(PP_AT_ONCE == PP_NO_WAIT, "public and internal names of one deadline");

uint64_t pp_deadline_in(double seconds)
{
    if (seconds <= 0)
        return PP_AT_ONCE;
    double nanoseconds = seconds * 1e9;
    /* 2**63 ns are 292 years. The negation takes NaN in. */
    if (!(nanoseconds < 9223372036854775808.0))
        return PP_FOREVER;
    uint64_t whole = (uint64_t)nanoseconds;
    return pp_deadline_after(whole + ((double)whole < nanoseconds)); /* rather late than early */
}

/* ---- a thread's wait ------------------------------------------------------------------ */

typedef struct thread_wait {
    pp_waiter waiter;
    pp_wakeup wakeup; /* once ASLEEP */
} thread_wait;

static void wake(void *context)
{
    thread_wait *wait = context;
    pp_wakeup_signal(&wait->wakeup);
}

/* How long a thread looks for itself before it sleeps. About what it costs to be put to sleep
 * and woken up, so that waiting so never takes more than twice what the best choice would have. */
#define SPIN_TIME (20 * PP_MICROSECOND)

/* After FUTILE_ENOUGH spins in vain in a row, about, waits of a queue go to sleep at once; but
 * after FUTILE_FORGET of them a few (FUTILE_PROBES) try again. */
enum { FUTILE_ENOUGH = 16, FUTILE_FORGET = 250, FUTILE_PROBES = 3 };

/* Whether to spin for once. Who is not first in line is not served soon. */
static bool worth_spinning(pp_queue *queue, const pp_waiter *waiter)
{
    if (waiter->previous != NULL)
        return false;
    uint8_t futile = atomic_load_explicit(&queue->futile, memory_order_relaxed);
    if (futile < FUTILE_ENOUGH)
        return true;
    uint8_t next = futile < FUTILE_FORGET ? (uint8_t)(futile + 1) : FUTILE_ENOUGH - FUTILE_PROBES;
    /* Relaxed, and lost updates do no harm: a guess. */
    atomic_store_explicit(&queue->futile, next, memory_order_relaxed);
    return false;
}

/* Looks for a moment, at the longest until `deadline`. True if the wait is over. */
static bool spin(pp_queue *queue, const pp_waiter *waiter, uint64_t deadline)
{
    uint64_t end = pp_clock_now() + SPIN_TIME;
    if (end > deadline)
        end = deadline;
    do {
        for (int i = 0; i < 16; i++) {
            if (!pp_waiter_waits(waiter)) {
                atomic_store_explicit(&queue->futile, 0, memory_order_relaxed);
                return true;
            }
            pp_cpu_relax();
        }
    } while (pp_clock_now() < end);
    uint8_t futile = atomic_load_explicit(&queue->futile, memory_order_relaxed);
    if (futile < FUTILE_ENOUGH)
        atomic_store_explicit(&queue->futile, (uint8_t)(futile + 1), memory_order_relaxed);
    return false;
}

/* Asks to be woken. False if the wait is over. */
static bool fall_asleep(thread_wait *wait)
{
    uint32_t watching = PP_WAITER_WATCHING;
    pp_wakeup_init(&wait->wakeup);
    /* Release: pairs with the exchange in pp_waiter_serve. */
    return atomic_compare_exchange_strong_explicit(&wait->waiter.state, &watching, PP_WAITER_ASLEEP,
                                                   memory_order_release, memory_order_acquire);
}

/* Ends a wait whose time is over: true if it was not served; then it is in no list. */
static bool give_up(pp_thread *thread, pp_queue *queue, thread_wait *wait)
{
    pp_thread_enter(thread);
    bool locked = pp_object_lock(thread, &queue->object);
    assert(locked); /* this scope may wait */
    (void)locked;
    bool waits = pp_waiter_waits(&wait->waiter);
    if (waits)
        pp_waiter_delist(queue, &wait->waiter);
    pp_object_unlock(&queue->object);
    pp_thread_leave(thread);
    return waits;
}

/* Sleeps until it is served, at the longest until `deadline`. */
static pp_status sleep_until(pp_thread *thread, pp_queue *queue, thread_wait *wait,
                             uint64_t deadline, bool interruptible)
{
    pp_status given_up = PP_ERR_TIMEOUT;
#if defined(PP_WAKEUP_POSIX)
    uint64_t slice = pp_deadline_after(100 * PP_MILLISECOND);
    if (interruptible && slice < deadline) {
        deadline = slice;
        given_up = PP_ERR_INTERRUPTED;
    }
#endif
    switch (pp_wakeup_wait(&wait->wakeup, deadline, interruptible)) {
    case PP_WAKEUP_SIGNALLED:
        return PP_OK;
    case PP_WAKEUP_TIMEOUT:
        break;
    case PP_WAKEUP_INTERRUPTED:
        given_up = PP_ERR_INTERRUPTED;
        break;
    }
    PP_YIELD_POINT();
    if (give_up(thread, queue, wait))
        return given_up;
    /* Served at the last moment: whoever did it is about to wake this thread, and uses the wakeup
     * until then. */
    (void)pp_wakeup_wait(&wait->wakeup, PP_FOREVER, false);
    return PP_OK;
}

static pp_status outcome(const pp_waiter *waiter)
{
    switch (atomic_load_explicit(&waiter->state, memory_order_acquire)) {
    case PP_WAITER_SERVED:
        return PP_OK;
    case PP_WAITER_SHUT_OUT:
        return PP_ERR_SHUT_DOWN;
    case PP_WAITER_LEFT:
        return PP_ERR_GONE;
    default:
        return PP_ERR_WAITING;
    }
}

/* The waiter is in its list, the thread outside of scopes. */
static pp_status wait_for(pp_thread *thread, pp_queue *queue, thread_wait *wait, uint64_t deadline,
                          bool interruptible, bool may_spin)
{
    PP_YIELD_POINT();
    if (may_spin && spin(queue, &wait->waiter, deadline))
        return outcome(&wait->waiter);
    if (fall_asleep(wait)) {
        pp_status status = sleep_until(thread, queue, wait, deadline, interruptible);
        pp_wakeup_destroy(&wait->wakeup);
        if (status != PP_OK)
            return status;
    } else {
        pp_wakeup_destroy(&wait->wakeup);
    }
    return outcome(&wait->waiter);
}

/* One try under the lock, as far as it goes without waiting: for all three roles. */
static pp_status step(pp_thread *thread, pp_queue *queue, unsigned role, pp_value *value,
                      pp_notice *notice)
{
    switch (role) {
    case PP_WAIT_GET:
        return pp_queue_get_step(thread, queue, value, notice);
    case PP_WAIT_PUT:
        return value->word == 0 ? pp_queue_reserve_step(thread, queue)
                                : pp_queue_put_step(thread, queue, *value, notice);
    default:
        return pp_queue_unfinished(queue) == 0 ? PP_OK : PP_ERR_EMPTY;
    }
}

static void begin(pp_queue *queue, pp_waiter *waiter, unsigned role, pp_value value, uint32_t state)
{
    waiter->queue = queue;
    waiter->value = role == PP_WAIT_PUT ? value : PP_NO_VALUE;
    waiter->role = role;
    atomic_init(&waiter->state, state);
    pp_waiter_enlist(queue, waiter);
}

/* A try, and a wait where that is not enough. `*value` is what a put puts, or what a get got. */
static pp_status try_and_wait(pp_thread *thread, pp_queue *queue, unsigned role, pp_value *value,
                              uint64_t deadline, bool interruptible)
{
    assert(thread->depth == 0);
    thread_wait wait = {.waiter = {.notify = wake}};
    pp_notice notice = {0};
    bool may_spin = false;
    wait.waiter.context = &wait;
    pp_thread_enter(thread);
    if (role == PP_WAIT_PUT)
        pp_object_publish(thread, *value);
    bool locked = pp_object_lock(thread, &queue->object);
    assert(locked);
    (void)locked;
    pp_status status = step(thread, queue, role, value, &notice);
    if (status == PP_ERR_EMPTY || status == PP_ERR_FULL) {
        if (pp_deadline_passed(deadline)) {
            status = PP_ERR_TIMEOUT;
        } else {
            status = PP_ERR_WAITING;
            begin(queue, &wait.waiter, role, *value, PP_WAITER_WATCHING);
            may_spin = worth_spinning(queue, &wait.waiter);
        }
    }
    pp_object_unlock(&queue->object);
    pp_thread_leave(thread);
    pp_notice_send(&notice);
    if (status != PP_ERR_WAITING)
        return status;
    status = wait_for(thread, queue, &wait, deadline, interruptible, may_spin);
    if (status == PP_OK && role == PP_WAIT_GET)
        *value = wait.waiter.value;
    return status;
}

pp_status pp_queue_wait_put(pp_thread *thread, pp_queue *queue, pp_value value, uint64_t deadline,
                            bool interruptible)
{
    return try_and_wait(thread, queue, PP_WAIT_PUT, &value, deadline, interruptible);
}

pp_status pp_queue_wait_get(pp_thread *thread, pp_queue *queue, pp_value *value, uint64_t deadline,
                            bool interruptible)
{
    return try_and_wait(thread, queue, PP_WAIT_GET, value, deadline, interruptible);
}

pp_status pp_queue_wait_done(pp_thread *thread, pp_queue *queue, uint64_t deadline,
                             bool interruptible)
{
    pp_value none = PP_NO_VALUE;
    return try_and_wait(thread, queue, PP_WAIT_DONE, &none, deadline, interruptible);
}

/* ---- waits without a thread ---------------------------------------------------------- */

static pp_status start(pp_thread *thread, pp_queue *queue, unsigned role, pp_value *value,
                       pp_waiter *waiter)
{
    pp_notice notice = {0};
    if (role == PP_WAIT_PUT)
        pp_object_publish(thread, *value);
    if (!pp_object_lock(thread, &queue->object))
        return PP_ERR_BUSY;
    pp_status status = step(thread, queue, role, value, &notice);
    if (status == PP_ERR_EMPTY || status == PP_ERR_FULL) {
        status = PP_ERR_GONE;
        if (pp_try_retain(thread, &queue->object)) {
            begin(queue, waiter, role, *value, PP_WAITER_ASLEEP);
            status = PP_ERR_WAITING;
        }
    }
    pp_object_unlock(&queue->object);
    pp_notice_send(&notice);
    return status;
}

pp_status pp_queue_start_put(pp_thread *thread, pp_queue *queue, pp_value value, pp_waiter *waiter)
{
    return start(thread, queue, PP_WAIT_PUT, &value, waiter);
}

pp_status pp_queue_start_place(pp_thread *thread, pp_queue *queue, pp_waiter *waiter)
{
    pp_value none = PP_NO_VALUE;
    return start(thread, queue, PP_WAIT_PUT, &none, waiter);
}

pp_status pp_queue_start_get(pp_thread *thread, pp_queue *queue, pp_value *value, pp_waiter *waiter)
{
    return start(thread, queue, PP_WAIT_GET, value, waiter);
}

pp_status pp_queue_start_done(pp_thread *thread, pp_queue *queue, pp_waiter *waiter)
{
    pp_value none = PP_NO_VALUE;
    return start(thread, queue, PP_WAIT_DONE, &none, waiter);
}

/* Hands out what the waiter holds and gives up its queue. */
static void end(pp_thread *thread, pp_waiter *waiter, pp_value *value)
{
    pp_queue *queue = waiter->queue;
    *value = waiter->value;
    waiter->value = PP_NO_VALUE;
    waiter->queue = NULL;
    pp_release(thread, &queue->object);
}

pp_status pp_waiter_finish(pp_thread *thread, pp_waiter *waiter, pp_value *value)
{
    pp_status status = outcome(waiter);
    if (status != PP_ERR_WAITING)
        end(thread, waiter, value);
    return status;
}

pp_status pp_waiter_cancel(pp_thread *thread, pp_waiter *waiter, pp_value *value)
{
    pp_queue *queue = waiter->queue;
    if (!pp_object_lock(thread, &queue->object))
        return PP_ERR_BUSY;
    bool waits = pp_waiter_waits(waiter);
    if (waits)
        pp_waiter_delist(queue, waiter);
    pp_object_unlock(&queue->object);
    if (!waits && outcome(waiter) != PP_ERR_GONE)
        return PP_ERR_DONE;
    end(thread, waiter, value);
    return PP_OK;
}
