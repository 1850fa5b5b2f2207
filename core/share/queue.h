/* share/queue.h - a ring under a lock, and three lists of who waits.
 *
 * The lock is the object's (object.h). It is held for a few instructions, and for a
 * copy of the ring when that grows or shrinks; never while anything waits, wakes,
 * or is released. A thread inside a scope holds it without blocking, so in a pause
 * it is free, and the collector reads the ring as it is.
 *
 * Invariants, whenever the lock is free
 *   W1  Consumers wait only while the ring is empty, producers only while all places
 *       are taken, nobody for either after a shutdown, and joiners only while tasks
 *       are unfinished. Whoever changes one of these serves them before it unlocks: a
 *       producer gives its item to the first consumer, a consumer puts the first
 *       producer's item in the place it has freed.
 *   W2  A waiter is in one list of its queue from the moment it began to wait until
 *       it is finished or takes itself out. Both happen under the lock, so exactly
 *       one of them happens: a time-out or cancellation that finds itself out of
 *       the list has been served, and says so.
 *   W3  An item is in the ring, or with one waiter, or with one caller. Reserved
 *       places count as taken, and the ring has memory for them.
 *
 * A finished waiter's memory belongs to its owner from the very store that tells so
 * (`state`): whoever finishes one copies before it what it needs to wake it after
 * unlocking. (tests/models/queue.pml)
 */
#ifndef PP_SHARE_QUEUE_H
#define PP_SHARE_QUEUE_H

#include "parapack/queue.h"

#include "share/object.h"
#include "share/refcount.h"

/* `state` of a waiter. The first two: it is in a list. */
enum {
    PP_WAITER_WATCHING, /* looks at `state` itself: nobody to wake */
    PP_WAITER_ASLEEP,   /* to be notified when it is finished */
    PP_WAITER_SERVED,   /* was given its item, or its item was put, or all tasks are done */
    PP_WAITER_SHUT_OUT, /* the queue was shut down */
    PP_WAITER_LEFT      /* the fork left it behind */
};

/* What a waiter waits for: the list it is in. */
enum { PP_WAIT_GET, PP_WAIT_PUT, PP_WAIT_DONE, PP_WAIT_ROLES };

typedef struct pp_waiter_list {
    pp_waiter *first; /* waits longest */
    pp_waiter *last;
} pp_waiter_list;

typedef enum pp_queue_stage {
    PP_QUEUE_OPEN,
    PP_QUEUE_SHUT,   /* no more puts */
    PP_QUEUE_EMPTIED /* was shut down immediately: what comes back is released */
} pp_queue_stage;

/* All but the atomic fields under the lock. */
struct pp_queue {
    pp_object object;
    _Atomic size_t count; /* items in the ring; written under the lock */
    size_t first;         /* the place of the oldest */
    size_t capacity;      /* places in the ring: 0 or a power of two */
    pp_value *ring;       /* PP_HEAP_TABLES; NULL while capacity is 0 */
    size_t limit;         /* SIZE_MAX for none */
    size_t reserved;      /* places for items that are still to come: counted as items */
    pp_waiter_list waiters[PP_WAIT_ROLES];
    _Atomic uint64_t unfinished; /* put and not done; written under the lock */
    _Atomic uint8_t stage;       /* pp_queue_stage; written under the lock */
    _Atomic uint8_t futile;      /* spins in a row that ended in sleep, about; queue_wait.c */
};

/* ---- queue_ring.c: the ring, under the lock ---- */

/* Makes room for one more item beside those that are reserved. False without memory. */
PP_NODISCARD bool pp_ring_reserve(pp_thread *thread, pp_queue *queue);

/* Gives memory back where little of the ring is in use. */
void pp_ring_shrink(pp_thread *thread, pp_queue *queue);

/* Gives the ring's memory back. Its items are the caller's. */
void pp_ring_free(pp_thread *thread, pp_queue *queue);

PP_INLINE size_t pp_ring_count(const pp_queue *queue)
{
    return atomic_load_explicit(&queue->count, memory_order_relaxed); /* under the lock */
}

/* Places that are taken. */
PP_INLINE size_t pp_ring_taken(const pp_queue *queue)
{
    return pp_ring_count(queue) + queue->reserved;
}

/* There is room: pp_ring_reserve. */
PP_INLINE void pp_ring_push(pp_queue *queue, pp_value value)
{
    size_t count = pp_ring_count(queue);
    queue->ring[(queue->first + count) & (queue->capacity - 1)] = value;
    /* Relaxed: who reads it without the lock learns a number, nothing else. */
    atomic_store_explicit(&queue->count, count + 1, memory_order_relaxed);
}

PP_INLINE void pp_ring_push_front(pp_queue *queue, pp_value value)
{
    queue->first = (queue->first - 1) & (queue->capacity - 1);
    queue->ring[queue->first] = value;
    atomic_store_explicit(&queue->count, pp_ring_count(queue) + 1, memory_order_relaxed);
}

/* It is not empty. */
PP_INLINE pp_value pp_ring_pop(pp_queue *queue)
{
    pp_value value = queue->ring[queue->first];
    queue->first = (queue->first + 1) & (queue->capacity - 1);
    atomic_store_explicit(&queue->count, pp_ring_count(queue) - 1, memory_order_relaxed);
    return value;
}

/* ---- queue.c: the steps, under the lock ---- */

/* Whom to wake once the lock is free; notify is NULL for nobody. */
typedef struct pp_notice {
    void (*notify)(void *context);
    void *context;
} pp_notice;

PP_INLINE void pp_notice_send(const pp_notice *notice)
{
    if (PP_UNLIKELY(notice->notify != NULL))
        notice->notify(notice->context);
}

/* One put or get as far as it goes without waiting: PP_OK; PP_ERR_FULL or PP_ERR_EMPTY;
 * PP_ERR_SHUT_DOWN; PP_ERR_NOMEM. */
pp_status pp_queue_put_step(pp_thread *thread, pp_queue *queue, pp_value value, pp_notice *notice);
pp_status pp_queue_get_step(pp_thread *thread, pp_queue *queue, pp_value *value, pp_notice *notice);
pp_status pp_queue_reserve_step(pp_thread *thread, pp_queue *queue);

/* ---- waiters, under the lock ---- */

/* Whether `waiter` is still in a list. Acquire: where it is not, what it was given is there. Also
 * without the lock, by the waiter's owner. */
PP_INLINE bool pp_waiter_waits(const pp_waiter *waiter)
{
    /* Pairs with the exchange in pp_waiter_serve. */
    return atomic_load_explicit(&waiter->state, memory_order_acquire) <= PP_WAITER_ASLEEP;
}

void pp_waiter_enlist(pp_queue *queue, pp_waiter *waiter);
void pp_waiter_delist(pp_queue *queue, pp_waiter *waiter);

/* Takes `waiter` out of its list and tells it `outcome`, one of the states. The waiter's memory is
 * its owner's from then on. Fills *notice in where it is asleep; otherwise leaves it as it is. */
void pp_waiter_serve(pp_queue *queue, pp_waiter *waiter, uint32_t outcome, pp_notice *notice);

/* Listed in object_types.c. */
extern const pp_object_type pp_queue_type;

#endif /* PP_SHARE_QUEUE_H */
