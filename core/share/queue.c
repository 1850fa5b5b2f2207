#include <stdio.h>
#include <stdlib.h>

#include "share/queue.h"

#include "share/heap.h"

/* ---- waiters ------------------------------------------------------------------- */

void pp_waiter_enlist(pp_queue *queue, pp_waiter *waiter)
{
    pp_waiter_list *list = &queue->waiters[waiter->role];
    waiter->next = NULL;
    waiter->previous = list->last;
    if (list->last != NULL)
        list->last->next = waiter;
    else
        list->first = waiter;
    list->last = waiter;
}

void pp_waiter_delist(pp_queue *queue, pp_waiter *waiter)
{
    pp_waiter_list *list = &queue->waiters[waiter->role];
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        list->first = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    else
        list->last = waiter->previous;
}

void pp_waiter_serve(pp_queue *queue, pp_waiter *waiter, uint32_t outcome, pp_notice *notice)
{
    pp_waiter_delist(queue, waiter);
    pp_notice wake = {waiter->notify, waiter->context};
    /* Release: pairs with the load in pp_waiter_waits. Acquire: pairs with fall_asleep in
     * queue_wait.c, which writes what `context` refers to. */
    if (atomic_exchange_explicit(&waiter->state, outcome, memory_order_acq_rel) == PP_WAITER_ASLEEP)
        *notice = wake;
}

/* Serves all of one list, each notified on the spot: only for what is rare. */
static void serve_all(pp_queue *queue, unsigned role, uint32_t outcome)
{
    while (queue->waiters[role].first != NULL) {
        pp_notice notice = {0};
        pp_waiter_serve(queue, queue->waiters[role].first, outcome, &notice);
        pp_notice_send(&notice);
    }
}

/* ---- the steps, under the lock --------------------------------------------------- */

static void add_unfinished(pp_queue *queue)
{
    /* Relaxed: written under the lock, and a number to those without it. */
    uint64_t unfinished = atomic_load_explicit(&queue->unfinished, memory_order_relaxed);
    atomic_store_explicit(&queue->unfinished, unfinished + 1, memory_order_relaxed);
}

/* `done` of them; wakes the joiners when none is left. */
static void subtract_unfinished(pp_queue *queue, uint64_t done)
{
    uint64_t unfinished = atomic_load_explicit(&queue->unfinished, memory_order_relaxed);
    unfinished -= done < unfinished ? done : unfinished;
    atomic_store_explicit(&queue->unfinished, unfinished, memory_order_relaxed);
    if (unfinished == 0)
        serve_all(queue, PP_WAIT_DONE, PP_WAITER_SERVED);
}

static pp_queue_stage stage(const pp_queue *queue)
{
    return (pp_queue_stage)atomic_load_explicit(&queue->stage, memory_order_relaxed);
}

static void give(pp_queue *queue, pp_waiter *consumer, pp_value value, pp_notice *notice)
{
    consumer->value = value;
    pp_waiter_serve(queue, consumer, PP_WAITER_SERVED, notice);
}

/* Why no item can be put, or PP_OK. */
static pp_status closed(const pp_queue *queue)
{
    if (PP_UNLIKELY(pp_object_is_dead(&queue->object)))
        return PP_ERR_GONE;
    return PP_LIKELY(stage(queue) == PP_QUEUE_OPEN) ? PP_OK : PP_ERR_SHUT_DOWN;
}

/* Into an open queue, whatever its limit says. */
static pp_status put_beyond(pp_thread *thread, pp_queue *queue, pp_value value, pp_notice *notice)
{
    pp_waiter *consumer = queue->waiters[PP_WAIT_GET].first;
    if (consumer != NULL)
        give(queue, consumer, value, notice);
    else if (PP_LIKELY(pp_ring_reserve(thread, queue)))
        pp_ring_push(queue, value);
    else
        return PP_ERR_NOMEM;
    add_unfinished(queue);
    return PP_OK;
}

pp_status pp_queue_put_step(pp_thread *thread, pp_queue *queue, pp_value value, pp_notice *notice)
{
    pp_status status = closed(queue);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    /* Who waits takes no place. */
    if (PP_UNLIKELY(pp_ring_taken(queue) >= queue->limit) &&
        queue->waiters[PP_WAIT_GET].first == NULL)
        return PP_ERR_FULL;
    return put_beyond(thread, queue, value, notice);
}

/* Serves the producer that waits longest if there is a place for it. Tells whether it did. */
static bool admit(pp_queue *queue, pp_notice *notice)
{
    pp_waiter *producer = queue->waiters[PP_WAIT_PUT].first;
    if (producer == NULL || pp_ring_taken(queue) >= queue->limit)
        return false; /* items may have been put back beyond the limit */
    pp_waiter *consumer = queue->waiters[PP_WAIT_GET].first;
    pp_value value = producer->value;
    producer->value = PP_NO_VALUE;
    if (value.word == 0) {
        queue->reserved++;
    } else {
        add_unfinished(queue);
        if (consumer == NULL) {
            pp_ring_push(queue, value);
        } else { /* both waited for a place that was reserved: rare */
            pp_notice now = {0};
            give(queue, consumer, value, &now);
            pp_notice_send(&now);
        }
    }
    pp_waiter_serve(queue, producer, PP_WAITER_SERVED, notice);
    return true;
}

/* After a reservation has ended: as many producers as there are places for, each notified on
 * the spot. */
static void admit_all(pp_queue *queue)
{
    bool more = true;
    while (more) {
        pp_notice notice = {0};
        more = admit(queue, &notice);
        pp_notice_send(&notice);
    }
}

pp_status pp_queue_reserve_step(pp_thread *thread, pp_queue *queue)
{
    pp_status status = closed(queue);
    if (status != PP_OK)
        return status;
    if (pp_ring_taken(queue) >= queue->limit)
        return PP_ERR_FULL;
    if (!pp_ring_reserve(thread, queue))
        return PP_ERR_NOMEM;
    queue->reserved++;
    return PP_OK;
}

pp_status pp_queue_get_step(pp_thread *thread, pp_queue *queue, pp_value *value, pp_notice *notice)
{
    if (PP_UNLIKELY(pp_object_is_dead(&queue->object)))
        return PP_ERR_GONE;
    if (PP_UNLIKELY(pp_ring_count(queue) == 0))
        return stage(queue) == PP_QUEUE_OPEN ? PP_ERR_EMPTY : PP_ERR_SHUT_DOWN;
    *value = pp_ring_pop(queue);
    if (PP_UNLIKELY(queue->waiters[PP_WAIT_PUT].first != NULL))
        (void)admit(queue, notice);
    pp_ring_shrink(thread, queue);
    return PP_OK;
}

/* ---- what does not wait ----------------------------------------------------------- */

pp_status pp_queue_new(pp_thread *thread, size_t limit, pp_queue **queue)
{
    pp_queue *q = (pp_queue *)pp_object_new(thread, PP_KIND_QUEUE, sizeof *q);
    if (q == NULL)
        return PP_ERR_NOMEM;
    atomic_init(&q->count, 0);
    q->first = 0;
    q->capacity = 0;
    q->ring = NULL;
    q->limit = limit == 0 ? SIZE_MAX : limit;
    q->reserved = 0;
    for (unsigned role = 0; role < PP_WAIT_ROLES; role++)
        q->waiters[role] = (pp_waiter_list){0};
    atomic_init(&q->unfinished, 0);
    atomic_init(&q->stage, PP_QUEUE_OPEN);
    atomic_init(&q->futile, 0);
    *queue = q;
    return PP_OK;
}

size_t pp_queue_count(const pp_queue *queue)
{
    return atomic_load_explicit(&queue->count, memory_order_relaxed);
}

size_t pp_queue_limit(const pp_queue *queue)
{
    return queue->limit == SIZE_MAX ? 0 : queue->limit;
}

bool pp_queue_is_shut_down(const pp_queue *queue)
{
    return stage(queue) != PP_QUEUE_OPEN;
}

uint64_t pp_queue_unfinished(const pp_queue *queue)
{
    return atomic_load_explicit(&queue->unfinished, memory_order_relaxed);
}

pp_status pp_queue_try_put(pp_thread *thread, pp_queue *queue, pp_value value)
{
    pp_notice notice = {0};
    pp_object_publish(thread, value);
    if (PP_UNLIKELY(!pp_object_lock(thread, &queue->object)))
        return PP_ERR_BUSY;
    pp_status status = pp_queue_put_step(thread, queue, value, &notice);
    pp_object_unlock(&queue->object);
    pp_notice_send(&notice);
    return status;
}

pp_status pp_queue_try_get(pp_thread *thread, pp_queue *queue, pp_value *value)
{
    pp_notice notice = {0};
    if (PP_UNLIKELY(!pp_object_lock(thread, &queue->object)))
        return PP_ERR_BUSY;
    pp_status status = pp_queue_get_step(thread, queue, value, &notice);
    pp_object_unlock(&queue->object);
    pp_notice_send(&notice);
    return status;
}

/* Under the lock. Whoever comes first after the item was taken is served with it. */
static pp_status put_back_step(pp_thread *thread, pp_queue *queue, pp_value value,
                               pp_notice *notice)
{
    pp_waiter *consumer = queue->waiters[PP_WAIT_GET].first;
    if (pp_object_is_dead(&queue->object))
        return PP_ERR_GONE;
    if (stage(queue) == PP_QUEUE_EMPTIED)
        subtract_unfinished(queue, 1);
    else if (consumer != NULL)
        give(queue, consumer, value, notice);
    else if (pp_ring_reserve(thread, queue))
        pp_ring_push_front(queue, value);
    else
        return PP_ERR_NOMEM;
    return PP_OK;
}

pp_status pp_queue_put_back(pp_thread *thread, pp_queue *queue, pp_value value)
{
    pp_notice notice = {0};
    pp_object_publish(thread, value);
    if (!pp_object_lock(thread, &queue->object))
        return PP_ERR_BUSY;
    bool drop = stage(queue) == PP_QUEUE_EMPTIED;
    pp_status status = put_back_step(thread, queue, value, &notice);
    pp_object_unlock(&queue->object);
    pp_notice_send(&notice);
    if (drop && status == PP_OK)
        pp_value_release(thread, value);
    return status;
}

pp_status pp_queue_put_reserved(pp_thread *thread, pp_queue *queue, pp_value value)
{
    pp_notice notice = {0};
    pp_object_publish(thread, value);
    if (!pp_object_lock(thread, &queue->object))
        return PP_ERR_BUSY;
    bool reserved = queue->reserved > 0; /* or fork has left the reservation behind */
    queue->reserved -= reserved;
    pp_status status = closed(queue);
    if (status == PP_OK) /* there may be more items than places, where some were put back */
        status = put_beyond(thread, queue, value, &notice);
    if (status == PP_ERR_NOMEM)
        queue->reserved += reserved;
    else if (status == PP_OK)
        admit_all(queue); /* where a consumer was given the item, its place is free */
    pp_object_unlock(&queue->object);
    pp_notice_send(&notice);
    return status;
}

pp_status pp_queue_leave_place(pp_thread *thread, pp_queue *queue)
{
    if (!pp_object_lock(thread, &queue->object))
        return PP_ERR_BUSY;
    if (queue->reserved > 0) {
        queue->reserved--;
        admit_all(queue);
    }
    pp_object_unlock(&queue->object);
    return PP_OK;
}

pp_status pp_queue_task_done(pp_thread *thread, pp_queue *queue)
{
    if (!pp_object_lock(thread, &queue->object))
        return PP_ERR_BUSY;
    pp_status status = PP_OK;
    if (pp_queue_unfinished(queue) == 0)
        status = PP_ERR_RANGE;
    else
        subtract_unfinished(queue, 1);
    pp_object_unlock(&queue->object);
    return status;
}

/* ---- shutdown ---------------------------------------------------------------------- */

/* The items of a ring that is not the queue's any more. */
typedef struct emptied {
    pp_value *ring;
    size_t capacity;
    size_t first;
    size_t count;
} emptied;

/* Under the lock. */
static emptied take_ring(pp_queue *queue)
{
    emptied e = {queue->ring, queue->capacity, queue->first, pp_ring_count(queue)};
    queue->ring = NULL;
    queue->capacity = 0;
    queue->first = 0;
    atomic_store_explicit(&queue->count, 0, memory_order_relaxed);
    return e;
}

static void release_all(pp_thread *thread, const emptied *e)
{
    for (size_t i = 0; i < e->count; i++)
        pp_value_release(thread, e->ring[(e->first + i) & (e->capacity - 1)]);
    if (e->ring != NULL)
        pp_heap_free(thread, e->ring, e->capacity * sizeof(pp_value));
}

pp_status pp_queue_shutdown(pp_thread *thread, pp_queue *queue, bool immediate)
{
    emptied e = {0};
    if (!pp_object_lock(thread, &queue->object))
        return PP_ERR_BUSY;
    pp_queue_stage now = immediate ? PP_QUEUE_EMPTIED : PP_QUEUE_SHUT;
    if (now > stage(queue))
        atomic_store_explicit(&queue->stage, (uint8_t)now, memory_order_relaxed);
    queue->reserved = 0;
    if (immediate && !pp_object_is_dead(&queue->object)) {
        e = take_ring(queue);
        subtract_unfinished(queue, e.count);
    }
    serve_all(queue, PP_WAIT_GET, PP_WAITER_SHUT_OUT);
    serve_all(queue, PP_WAIT_PUT, PP_WAITER_SHUT_OUT);
    pp_object_unlock(&queue->object);
    release_all(thread, &e);
    return PP_OK;
}

/* ---- as an object ------------------------------------------------------------------- */

pp_queue *pp_object_queue(pp_object *object)
{
    return pp_object_kind(object) == PP_KIND_QUEUE ? (pp_queue *)object : NULL;
}

/* With the lock. Nobody waits: a wait holds a reference. */
static void clear(pp_thread *thread, pp_object *object)
{
    pp_queue *queue = (pp_queue *)object;
    while (pp_ring_count(queue) > 0)
        pp_object_drop_value(thread, object, pp_ring_pop(queue));
    pp_ring_free(thread, queue);
}

static void visit(pp_object *object, pp_visit *visit_value, void *context)
{
    const pp_queue *queue = (const pp_queue *)object;
    for (size_t i = 0, count = pp_ring_count(queue); i < count; i++)
        visit_value(context, queue->ring[(queue->first + i) & (queue->capacity - 1)]);
}

static size_t size(const pp_object *object)
{
    (void)object;
    return sizeof(pp_queue);
}

static void check(const pp_object *object)
{
    const pp_queue *queue = (const pp_queue *)object;
    size_t count = pp_ring_count(queue);
    bool open = stage(queue) == PP_QUEUE_OPEN;
    bool sound = count <= queue->capacity &&
                 pp_ring_taken(queue) - count <= queue->capacity - count &&
                 (queue->first < queue->capacity || count == 0) &&
                 (queue->waiters[PP_WAIT_GET].first == NULL || (count == 0 && open)) &&
                 (queue->waiters[PP_WAIT_PUT].first == NULL ||
                  (pp_ring_taken(queue) >= queue->limit && open)) &&
                 (queue->waiters[PP_WAIT_DONE].first == NULL || pp_queue_unfinished(queue) > 0);
    if (!sound) {
        fprintf(stderr,
                "queue %p: %zu items in %zu places, unfinished %llu, stage %d, waiters %p %p %p\n",
                (const void *)object, count, queue->capacity,
                (unsigned long long)pp_queue_unfinished(queue), (int)stage(queue),
                (void *)queue->waiters[PP_WAIT_GET].first,
                (void *)queue->waiters[PP_WAIT_PUT].first,
                (void *)queue->waiters[PP_WAIT_DONE].first);
        abort();
    }
}

/* The memory of threads that are gone is still there, but may be used for other threads soon:
 * this is the last look at it. */
static void after_fork(pp_object *object)
{
    pp_queue *queue = (pp_queue *)object;
    for (unsigned role = 0; role < PP_WAIT_ROLES; role++) {
        for (pp_waiter *w = queue->waiters[role].first, *next; w != NULL; w = next) {
            next = w->next;
            atomic_store_explicit(&w->state, PP_WAITER_LEFT, memory_order_relaxed);
        }
        queue->waiters[role] = (pp_waiter_list){0};
    }
    queue->reserved = 0;
}

const pp_object_type pp_queue_type = {.kind = PP_KIND_QUEUE,
                                      .container = true,
                                      .clear = clear,
                                      .visit = visit,
                                      .reads_first = offsetof(pp_queue, ring),
                                      .size = size,
                                      .check = check,
                                      .after_fork = after_fork};
