/* parapack/queue.h - a queue, bounded or not, that hands items over directly.
 *
 * First in, first out. A waiting consumer is given its item by the producer, and a
 * waiting producer its place by the consumer: nothing polls, and who waits longest
 * is served first. Items are counted references.
 *
 * Every function is thread-safe. Those that wait for items, room or tasks
 * (pp_queue_wait_*) are called outside of scopes, with a counted reference to the queue
 * that the caller keeps during the call, and enter scopes of their own. The others run
 * inside a scope, also on a borrowed queue (PP_ERR_GONE where it has died since), and
 * wait at most for another call to end (PP_ERR_BUSY where the scope may not wait even
 * for that; nothing was done then).
 *
 * A queue that has been shut down (pp_queue_shutdown) takes no items any more.
 */
#ifndef PARAPACK_QUEUE_H
#define PARAPACK_QUEUE_H

#include "parapack/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_queue pp_queue;

/* A queue for at most `limit` items (0: any number): a new reference. PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_queue_new(pp_thread *thread, size_t limit, pp_queue **queue);

/* Items in it at this moment; its limit, 0 for none. With or without a scope. */
PP_API size_t pp_queue_count(const pp_queue *queue);
PP_API size_t pp_queue_limit(const pp_queue *queue);

/* Puts `value`, which it takes on PP_OK only. PP_ERR_FULL; PP_ERR_SHUT_DOWN;
 * PP_ERR_NOMEM; PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_queue_try_put(pp_thread *thread, pp_queue *queue, pp_value value);

/* Takes the oldest item: counted. PP_ERR_EMPTY; PP_ERR_SHUT_DOWN where it is empty for
 * good; PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_queue_try_get(pp_thread *thread, pp_queue *queue, pp_value *value);

/* Puts an item that was taken, but could not be delivered, back to the front, as if it
 * had never been taken; takes `value` on PP_OK only. Goes beyond the limit if it must.
 * After a shutdown it still works; after an immediate one the item is released and its
 * task done. PP_ERR_NOMEM; PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_queue_put_back(pp_thread *thread, pp_queue *queue, pp_value value);

/* As queue.Queue.shutdown: no more puts; gets go on until it is empty, or, where
 * `immediate`, it is emptied now (its items released and their tasks done). Consumers
 * and producers that wait are told (PP_ERR_SHUT_DOWN). May be called again. PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_queue_shutdown(pp_thread *thread, pp_queue *queue, bool immediate);
PP_API bool pp_queue_is_shut_down(const pp_queue *queue);

/* One item that was taken is dealt with. PP_ERR_RANGE where more would be done than were
 * put. PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_queue_task_done(pp_thread *thread, pp_queue *queue);

/* Items that were put and are not done. With or without a scope. */
PP_API uint64_t pp_queue_unfinished(const pp_queue *queue);

/* ---- waiting with a thread ---- */

/* A deadline that never comes; and one that has passed. Others are times of the
 * monotonic clock in nanoseconds (pp_deadline_in). */
#define PP_FOREVER UINT64_MAX
#define PP_AT_ONCE UINT64_C(0)

/* The deadline `seconds` from now: PP_AT_ONCE for 0 and less, PP_FOREVER for infinity,
 * NaN, and what the clock will not live to see. */
PP_API uint64_t pp_deadline_in(double seconds);

/* Wait until there is room, or an item, or the deadline has passed (PP_ERR_TIMEOUT), or
 * the queue is shut down (PP_ERR_SHUT_DOWN). PP_ERR_INTERRUPTED where a signal's handler
 * ran in this thread while it slept, if `interruptible` (on systems that do not tell:
 * every tenth of a second). Whatever the outcome: an item was put or not, given or not,
 * never both. wait_put takes `value` on PP_OK only. PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_queue_wait_put(pp_thread *thread, pp_queue *queue, pp_value value,
                                                uint64_t deadline, bool interruptible);
PP_API PP_NODISCARD pp_status pp_queue_wait_get(pp_thread *thread, pp_queue *queue, pp_value *value,
                                                uint64_t deadline, bool interruptible);

/* Waits until every item that was put is done. PP_ERR_TIMEOUT, PP_ERR_INTERRUPTED. */
PP_API PP_NODISCARD pp_status pp_queue_wait_done(pp_thread *thread, pp_queue *queue,
                                                 uint64_t deadline, bool interruptible);

/* ---- waiting without a thread, for event loops ---- */

/* A wait that is under way. The caller owns the memory, fills in `notify` and `context`,
 * and keeps it in place until pp_waiter_finish or pp_waiter_cancel has ended the wait. */
typedef struct pp_waiter {
    /* Called once when the wait is finished, by whichever thread finished it, in the
     * middle of its call: it must not wait, nor call this library, nor take a lock
     * (writing to an eventfd or a pipe is what it is for). It may be called a moment
     * after pp_waiter_finish can tell the outcome, so `context` lives until then: until
     * notify was called or pp_waiter_cancel returned PP_OK, of which exactly one
     * happens. */
    void (*notify)(void *context);
    void *context;
    /* Private. */
    struct pp_waiter *next, *previous;
    pp_queue *queue;
    pp_value value;
    uint32_t role;
#if defined(__cplusplus)
    uint32_t state;
#else
    _Atomic uint32_t state;
#endif
} pp_waiter;

/* Begins to wait. PP_OK: done at once, nothing was begun (*value is the item).
 * PP_ERR_WAITING: it was begun, and `waiter` holds a reference to the queue; start_put has
 * then taken `value`. start_done waits as pp_queue_wait_done does. Others as try_put and
 * try_get, with nothing begun. */
PP_API PP_NODISCARD pp_status pp_queue_start_put(pp_thread *thread, pp_queue *queue, pp_value value,
                                                 pp_waiter *waiter);
PP_API PP_NODISCARD pp_status pp_queue_start_get(pp_thread *thread, pp_queue *queue,
                                                 pp_value *value, pp_waiter *waiter);
PP_API PP_NODISCARD pp_status pp_queue_start_done(pp_thread *thread, pp_queue *queue,
                                                  pp_waiter *waiter);

/* Waits for a place instead of putting an item: for who must be able to give up a put until the
 * very moment at which it knows that it was made. As start_put; where it is PP_OK, or finishes so,
 * a place is the caller's, and nobody else's item comes there. The caller uses it by
 * pp_queue_put_reserved (as try_put, but never PP_ERR_FULL; PP_ERR_NOMEM and PP_ERR_BUSY keep the
 * place) or gives it up by pp_queue_leave_place (PP_ERR_BUSY), soon: others wait for it. */
PP_API PP_NODISCARD pp_status pp_queue_start_place(pp_thread *thread, pp_queue *queue,
                                                   pp_waiter *waiter);
PP_API PP_NODISCARD pp_status pp_queue_put_reserved(pp_thread *thread, pp_queue *queue,
                                                    pp_value value);
PP_API PP_NODISCARD pp_status pp_queue_leave_place(pp_thread *thread, pp_queue *queue);

/* The outcome of a wait: PP_ERR_WAITING while it lasts; PP_OK (*value is the item of a
 * get, counted, else PP_NO_VALUE); PP_ERR_SHUT_DOWN (*value is what a put did not put,
 * counted); PP_ERR_GONE likewise, in the child of fork, which does not wait for what its
 * parent waited for (notify is not called then). Ends the wait unless it lasts: not to be
 * called again after that. */
PP_API PP_NODISCARD pp_status pp_waiter_finish(pp_thread *thread, pp_waiter *waiter,
                                               pp_value *value);

/* Ends the wait. PP_OK: cancelled, nothing was given or put; *value is what a put had
 * taken, counted, else PP_NO_VALUE. PP_ERR_DONE: too late, pp_waiter_finish tells the
 * outcome at once. PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_waiter_cancel(pp_thread *thread, pp_waiter *waiter,
                                               pp_value *value);

PP_INLINE pp_object *pp_queue_object(pp_queue *queue)
{
    return (pp_object *)queue;
}

/* The queue of an object that is one, else NULL. */
PP_API pp_queue *pp_object_queue(pp_object *object);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_QUEUE_H */
