/* parapack/queue.h - a queue, bounded or not, that hands items over directly.
 *
 * First in, first out. A waiting consumer is given its item by the producer, and a
 * waiting producer its place by the consumer: nothing polls, and who waits longest is
 * served first. Items are counted references.
 *
 * Functions whose names begin with try_ and the others without "wait" run inside a scope and never wait for
 * items or room (PP_ERR_BUSY as in dict.h). Those that wait are called outside of scopes, hold a counted reference to
 * the queue, and enter scopes of their own. All are thread-safe.
 */
#ifndef PARAPACK_QUEUE_H
#define PARAPACK_QUEUE_H

#include "parapack/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_queue pp_queue;

/* A queue for at most `limit` items (0: any number): a new reference. Inside a scope. PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_queue_new(pp_thread *thread, size_t limit, pp_queue **queue);

/* Items in it now. Any time. */
PP_API size_t pp_queue_count(const pp_queue *queue);
PP_API size_t pp_queue_limit(const pp_queue *queue);

/* Puts `value`, which it takes on PP_OK only. PP_ERR_FULL; PP_ERR_SHUT_DOWN; PP_ERR_NOMEM; PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_queue_try_put(pp_thread *thread, pp_queue *queue, pp_value value);

/* Takes the oldest item: counted. PP_ERR_EMPTY; PP_ERR_SHUT_DOWN (and empty); PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_queue_try_get(pp_thread *thread, pp_queue *queue, pp_value *value);

/* A deadline that never comes; and one that has passed. Others are times of the monotonic clock in nanoseconds
 * (pp_deadline_in). */
#define PP_FOREVER UINT64_MAX
#define PP_AT_ONCE UINT64_C(0)

/* The deadline `seconds` from now: PP_AT_ONCE for 0 and less, PP_FOREVER for infinity and NaN. */
PP_API uint64_t pp_deadline_in(double seconds);

/* Wait until there is room, or an item, or the deadline has passed (PP_ERR_TIMEOUT), or the queue is shut down
 * (PP_ERR_SHUT_DOWN). PP_ERR_INTERRUPTED where a signal's handler ran in this thread meanwhile, if `interruptible`.
 * Whatever the outcome: an item was put or not, given or not, never both and never half. wait_put takes
 * `value` on PP_OK only; it is a counted reference. */
PP_API PP_NODISCARD pp_status pp_queue_wait_put(pp_thread *thread, pp_queue *queue, pp_value value, uint64_t deadline,
                                                bool interruptible);
PP_API PP_NODISCARD pp_status pp_queue_wait_get(pp_thread *thread, pp_queue *queue, pp_value *value, uint64_t deadline,
                                                bool interruptible);

/* As queue.Queue.shutdown: no more puts; gets go on until it is empty, or, where `immediate`, it is emptied now (its
 * items released and their tasks done). Who waits is told. PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_queue_shutdown(pp_thread *thread, pp_queue *queue, bool immediate);

/* One item that was taken is dealt with. PP_ERR_RANGE where more are done than were put. PP_ERR_BUSY. */
PP_API PP_NODISCARD pp_status pp_queue_task_done(pp_thread *thread, pp_queue *queue);

/* Waits until every item that was put is done. As the waits above. */
PP_API PP_NODISCARD pp_status pp_queue_wait_done(pp_thread *thread, pp_queue *queue, uint64_t deadline,
                                                 bool interruptible);

/* ---- waiting without a thread, for event loops ---- */

/* A wait that is under way. The caller owns the memory and keeps it until it is finished or cancelled. */
typedef struct pp_waiter {
    void (*notify)(void *context); /* called once when the wait is finished, by whichever thread finished it, in the middle of
                                      its call: it must not wait, nor call this library, nor need a lock
                                      (writing to an eventfd or pipe is what it is for) */
    void *context;
    /* Private. */
    struct pp_waiter *next, *previous;
    pp_queue *queue;
    pp_value value;
    uint32_t role;
    _Atomic uint32_t state;
} pp_waiter;

/* Begins to wait. PP_OK: done at once, nothing was begun (*value is the item). PP_ERR_WAITING: it was begun;
 * `waiter` is filled in (notify and context by the caller) and holds a reference to the queue; start_put
 * has then taken `value`. Others as try_put and try_get. Inside a scope. */
PP_API PP_NODISCARD pp_status pp_queue_start_put(pp_thread *thread, pp_queue *queue, pp_value value, pp_waiter *waiter);
PP_API PP_NODISCARD pp_status pp_queue_start_get(pp_thread *thread, pp_queue *queue, pp_value *value,
                                                 pp_waiter *waiter);

/* The outcome of a wait: PP_ERR_WAITING while it lasts; PP_OK (*value is the item of a get, counted; once);
 * PP_ERR_SHUT_DOWN (*value is what a put did not put). Inside a scope. */
PP_API PP_NODISCARD pp_status pp_waiter_finish(pp_thread *thread, pp_waiter *waiter, pp_value *value);

/* Ends the wait. PP_OK: cancelled, nothing was given or put; *value is what a put had taken, counted. PP_ERR_DONE: too
 * late, it is finished (notify was or is about to be called): pp_waiter_finish tells how. PP_ERR_BUSY. Inside a scope. */
PP_API PP_NODISCARD pp_status pp_waiter_cancel(pp_thread *thread, pp_waiter *waiter, pp_value *value);

/* Puts an item that a cancelled consumer was given, but could not deliver, back to the front, as if it had never
 * been taken; takes `value`. Goes beyond the limit if it must, and works after a shutdown. PP_ERR_NOMEM, PP_ERR_BUSY: `value` is
 * still the caller's. */
PP_API PP_NODISCARD pp_status pp_queue_put_back(pp_thread *thread, pp_queue *queue, pp_value value);

PP_INLINE pp_object *pp_queue_object(pp_queue *queue) {
    return (pp_object *)queue;
}
PP_API pp_queue *pp_object_queue(pp_object *object);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_QUEUE_H */
