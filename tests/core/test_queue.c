/* The queue, by one thread: order, limits, shutdown, waits that need no thread, references. */
#include <math.h>

#include "test.h"

#include "base/clock.h"
#include "parapack/collect.h"
#include "share/heap.h"
#include "share/queue.h"

static pp_value number(int64_t n)
{
    pp_value value;
    assert_status(PP_OK, pp_int(pp_thread_self(), n, &value)); /* 61 bits: no object */
    return value;
}

/* A str object that says `n`: its own reference. */
static pp_value text(int64_t n)
{
    char digits[32];
    int size = snprintf(digits, sizeof digits, "text number %ld", (long)n);
    pp_value value;
    assert_status(PP_OK, pp_str(pp_thread_self(), digits, (size_t)size, &value));
    assert_non_null(pp_value_object(value));
    return value;
}

static uint64_t live(pp_kind kind)
{
    pp_stats stats;
    pp_stats_get(&stats);
    return stats.objects[kind];
}

static int begin(void **state)
{
    pp_thread *self = pp_thread_self();
    pp_thread_enter(self);
    *state = self;
    return 0;
}

static int end(void **state)
{
    pp_thread_leave(*state);
    return 0;
}

static pp_queue *make(pp_thread *self, size_t limit)
{
    pp_queue *queue;
    assert_status(PP_OK, pp_queue_new(self, limit, &queue));
    return queue;
}

static void drop(pp_thread *self, pp_queue *queue)
{
    pp_release(self, pp_queue_object(queue));
}

static void expect_get(pp_thread *self, pp_queue *queue, int64_t expected)
{
    pp_value value;
    int64_t n;
    assert_status(PP_OK, pp_queue_try_get(self, queue, &value));
    assert_true(pp_value_int(value, &n));
    assert_true(n == expected);
}

/* ---- order and limits ------------------------------------------------------------ */

static void first_in_first_out(void **state)
{
    pp_thread *self = *state;
    pp_queue *queue = make(self, 0);
    pp_value value;
    assert_ptr_equal(pp_object_queue(pp_queue_object(queue)), queue);
    assert_int_equal(pp_queue_limit(queue), 0);
    assert_status(PP_ERR_EMPTY, pp_queue_try_get(self, queue, &value));
    /* 2 in, 1 out: it wraps around and grows at every possible place. */
    int64_t in = 0, out = 0;
    for (int i = 0; i < 3000; i++) {
        assert_status(PP_OK, pp_queue_try_put(self, queue, number(in++)));
        assert_status(PP_OK, pp_queue_try_put(self, queue, number(in++)));
        expect_get(self, queue, out++);
        assert_int_equal(pp_queue_count(queue), in - out);
    }
    size_t largest = queue->capacity;
    while (out < in)
        expect_get(self, queue, out++);
    assert_status(PP_ERR_EMPTY, pp_queue_try_get(self, queue, &value));
    /* Memory was given back on the way. */
    assert_true(largest >= 3000 && queue->capacity <= largest / 32);
    drop(self, queue);
}

static void a_limit_is_kept(void **state)
{
    pp_thread *self = *state;
    static const size_t limits[] = {1, 2, 3, 7, 16, 17, 100};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        pp_queue *queue = make(self, limits[i]);
        assert_int_equal(pp_queue_limit(queue), limits[i]);
        for (int round = 0; round < 3; round++) {
            for (size_t n = 0; n < limits[i]; n++)
                assert_status(PP_OK, pp_queue_try_put(self, queue, number((int64_t)n)));
            assert_status(PP_ERR_FULL, pp_queue_try_put(self, queue, number(-1)));
            expect_get(self, queue, 0);
            assert_status(PP_OK, pp_queue_try_put(self, queue, number((int64_t)limits[i])));
            for (size_t n = 1; n <= limits[i]; n++)
                expect_get(self, queue, (int64_t)n);
        }
        drop(self, queue);
    }
}

/* Against an array of which everybody sees that it is right. */
static void as_a_plain_array(void **state)
{
    pp_thread *self = *state;
    enum { MOST = 64 };
    int64_t items[MOST + 8];
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint64_t random = seed;
        size_t limit = test_below(&random, MOST) + 1, count = 0;
        pp_queue *queue = make(self, limit);
        for (int64_t n = 0; n < 400; n++) {
            pp_status expected = PP_OK;
            switch (test_below(&random, 5)) {
            case 0:
                if (count == MOST + 8)
                    break;
                assert_status(PP_OK, pp_queue_put_back(self, queue, number(n)));
                memmove(items + 1, items, count * sizeof items[0]);
                items[0] = n;
                count++;
                break;
            case 1:
            case 2:
                expected = count >= limit ? PP_ERR_FULL : PP_OK;
                assert_status(expected, pp_queue_try_put(self, queue, number(n)));
                if (expected == PP_OK)
                    items[count++] = n;
                break;
            default:
                if (count == 0) {
                    pp_value value;
                    assert_status(PP_ERR_EMPTY, pp_queue_try_get(self, queue, &value));
                    break;
                }
                expect_get(self, queue, items[0]);
                memmove(items, items + 1, --count * sizeof items[0]);
            }
            assert_int_equal(pp_queue_count(queue), count);
        }
        drop(self, queue);
    }
}

/* ---- shutdown and tasks ------------------------------------------------------------ */

static void shutdown(void **state)
{
    pp_thread *self = *state;
    pp_queue *queue = make(self, 3);
    pp_value value;
    for (int n = 0; n < 3; n++)
        assert_status(PP_OK, pp_queue_try_put(self, queue, number(n)));
    assert_false(pp_queue_is_shut_down(queue));
    assert_status(PP_OK, pp_queue_shutdown(self, queue, false));
    assert_true(pp_queue_is_shut_down(queue));
    assert_status(PP_ERR_SHUT_DOWN, pp_queue_try_put(self, queue, number(3)));
    expect_get(self, queue, 0);
    assert_status(PP_ERR_SHUT_DOWN, pp_queue_try_put(self, queue, number(3)));
    assert_status(PP_OK, pp_queue_put_back(self, queue, number(0)));
    expect_get(self, queue, 0);
    expect_get(self, queue, 1);
    expect_get(self, queue, 2);
    assert_status(PP_ERR_SHUT_DOWN, pp_queue_try_get(self, queue, &value));
    assert_status(PP_OK, pp_queue_shutdown(self, queue, false));
    assert_true(pp_queue_unfinished(queue) == 3);
    drop(self, queue);
}

static void immediate_shutdown(void **state)
{
    pp_thread *self = *state;
    uint64_t texts = live(PP_KIND_STR);
    pp_queue *queue = make(self, 0);
    pp_value value;
    for (int n = 0; n < 20; n++)
        assert_status(PP_OK, pp_queue_try_put(self, queue, text(n)));
    assert_status(PP_OK, pp_queue_try_get(self, queue, &value));
    assert_status(PP_OK, pp_queue_shutdown(self, queue, true));
    assert_int_equal(pp_queue_count(queue), 0);
    assert_true(pp_queue_unfinished(queue) == 1);
    assert_true(live(PP_KIND_STR) == texts + 1);
    /* As if it had never been taken: then it would be gone. */
    assert_status(PP_OK, pp_queue_put_back(self, queue, value));
    assert_int_equal(pp_queue_count(queue), 0);
    assert_true(pp_queue_unfinished(queue) == 0);
    assert_true(live(PP_KIND_STR) == texts);
    assert_status(PP_ERR_SHUT_DOWN, pp_queue_try_get(self, queue, &value));
    assert_status(PP_OK, pp_queue_shutdown(self, queue, false));
    assert_status(PP_ERR_SHUT_DOWN, pp_queue_try_get(self, queue, &value));
    drop(self, queue);
}

static void tasks(void **state)
{
    pp_thread *self = *state;
    pp_queue *queue = make(self, 0);
    assert_status(PP_ERR_RANGE, pp_queue_task_done(self, queue));
    for (int n = 0; n < 3; n++)
        assert_status(PP_OK, pp_queue_try_put(self, queue, number(n)));
    expect_get(self, queue, 0);
    assert_status(PP_OK, pp_queue_put_back(self, queue, number(0)));
    assert_true(pp_queue_unfinished(queue) == 3);
    for (int n = 0; n < 3; n++)
        assert_status(PP_OK, pp_queue_task_done(self, queue)); /* getting is not asked for */
    assert_status(PP_ERR_RANGE, pp_queue_task_done(self, queue));
    /* More were done than will be: what is left may be drained all the same. */
    assert_status(PP_OK, pp_queue_shutdown(self, queue, true));
    assert_true(pp_queue_unfinished(queue) == 0);
    drop(self, queue);
}

/* ---- waits without a thread ---------------------------------------------------------- */

typedef struct listener {
    pp_waiter waiter;
    int notified;
} listener;

static void notify(void *context)
{
    ((listener *)context)->notified++;
}

static listener *listen(listener *l)
{
    *l = (listener){.waiter = {.notify = notify, .context = l}};
    return l;
}

static void expect_outcome(pp_thread *self, listener *l, pp_status expected, int64_t expected_item)
{
    pp_value value;
    int64_t n;
    assert_status(expected, pp_waiter_finish(self, &l->waiter, &value));
    assert_int_equal(l->notified, 1);
    if (expected_item >= 0) {
        assert_true(pp_value_int(value, &n));
        assert_true(n == expected_item);
    } else {
        assert_true(value.word == 0);
    }
}

static void consumers_are_given_their_items(void **state)
{
    pp_thread *self = *state;
    pp_queue *queue = make(self, 1);
    listener ready, first, second, third;
    pp_value value;
    int64_t n;
    assert_status(PP_OK, pp_queue_try_put(self, queue, number(7)));
    assert_status(PP_OK, pp_queue_start_get(self, queue, &value, &listen(&ready)->waiter));
    assert_true(pp_value_int(value, &n) && n == 7);
    assert_status(PP_ERR_WAITING, pp_queue_start_get(self, queue, &value, &listen(&first)->waiter));
    assert_status(PP_ERR_WAITING,
                  pp_queue_start_get(self, queue, &value, &listen(&second)->waiter));
    assert_status(PP_ERR_WAITING, pp_queue_start_get(self, queue, &value, &listen(&third)->waiter));
    assert_status(PP_ERR_WAITING, pp_waiter_finish(self, &first.waiter, &value));
    /* The middle one goes. */
    assert_status(PP_OK, pp_waiter_cancel(self, &second.waiter, &value));
    assert_true(value.word == 0);
    assert_status(PP_OK, pp_queue_try_put(self, queue, number(1)));
    assert_int_equal(pp_queue_count(queue), 0);
    assert_int_equal(first.notified, 1);
    assert_int_equal(third.notified, 0);
    assert_status(PP_ERR_DONE, pp_waiter_cancel(self, &first.waiter, &value));
    expect_outcome(self, &first, PP_OK, 1);
    /* An item that comes back goes to who waits. */
    assert_status(PP_OK, pp_queue_put_back(self, queue, number(1)));
    expect_outcome(self, &third, PP_OK, 1);
    assert_int_equal(second.notified + ready.notified, 0);
    assert_true(pp_queue_unfinished(queue) == 2);
    drop(self, queue);
}

static void producers_are_let_in(void **state)
{
    pp_thread *self = *state;
    pp_queue *queue = make(self, 1);
    listener first, second, third;
    pp_value value;
    int64_t n;
    assert_status(PP_OK, pp_queue_start_put(self, queue, number(0), &listen(&first)->waiter));
    assert_status(PP_ERR_WAITING,
                  pp_queue_start_put(self, queue, number(1), &listen(&first)->waiter));
    assert_status(PP_ERR_WAITING,
                  pp_queue_start_put(self, queue, number(2), &listen(&second)->waiter));
    assert_status(PP_ERR_WAITING,
                  pp_queue_start_put(self, queue, number(3), &listen(&third)->waiter));
    assert_true(pp_queue_unfinished(queue) == 1);
    assert_status(PP_OK, pp_waiter_cancel(self, &first.waiter, &value));
    assert_true(pp_value_int(value, &n) && n == 1);
    expect_get(self, queue, 0);
    assert_int_equal(pp_queue_count(queue), 1);
    expect_outcome(self, &second, PP_OK, -1);
    /* Beyond the limit nobody is let in. */
    assert_status(PP_OK, pp_queue_put_back(self, queue, number(0)));
    assert_int_equal(pp_queue_count(queue), 2);
    expect_get(self, queue, 0);
    assert_int_equal(third.notified, 0);
    expect_get(self, queue, 2);
    expect_outcome(self, &third, PP_OK, -1);
    expect_get(self, queue, 3);
    drop(self, queue);
}

static void places_are_reserved(void **state)
{
    pp_thread *self = *state;
    pp_queue *queue = make(self, 2);
    listener first, second, third, fourth;
    pp_value value;
    assert_status(PP_OK, pp_queue_start_place(self, queue, &listen(&first)->waiter));
    assert_status(PP_OK, pp_queue_try_put(self, queue, number(1)));
    assert_status(PP_ERR_FULL, pp_queue_try_put(self, queue, number(2)));
    assert_int_equal(pp_queue_count(queue), 1);
    assert_status(PP_ERR_WAITING, pp_queue_start_place(self, queue, &listen(&second)->waiter));
    assert_status(PP_ERR_WAITING, pp_queue_start_place(self, queue, &listen(&third)->waiter));
    assert_status(PP_ERR_WAITING,
                  pp_queue_start_put(self, queue, number(4), &listen(&fourth)->waiter));
    /* A place that is left is the next one's; one that is used lets nobody in. */
    assert_status(PP_OK, pp_queue_leave_place(self, queue));
    expect_outcome(self, &second, PP_OK, -1);
    assert_status(PP_OK, pp_queue_put_reserved(self, queue, number(2)));
    assert_int_equal(third.notified, 0);
    expect_get(self, queue, 1);
    expect_outcome(self, &third, PP_OK, -1);
    expect_get(self, queue, 2);
    expect_outcome(self, &fourth, PP_OK, -1);
    assert_status(PP_ERR_FULL, pp_queue_try_put(self, queue, number(5)));
    /* With a consumer that waits, the item is its. */
    expect_get(self, queue, 4);
    assert_status(PP_ERR_WAITING, pp_queue_start_get(self, queue, &value, &listen(&first)->waiter));
    assert_status(PP_OK, pp_queue_put_reserved(self, queue, number(3)));
    expect_outcome(self, &first, PP_OK, 3);
    assert_true(pp_queue_unfinished(queue) == 4);
    /* It is a place also where items were put back beyond the limit. */
    assert_status(PP_OK, pp_queue_start_place(self, queue, &listen(&first)->waiter));
    assert_status(PP_OK, pp_queue_put_back(self, queue, number(8)));
    assert_status(PP_OK, pp_queue_put_back(self, queue, number(7)));
    assert_status(PP_OK, pp_queue_put_reserved(self, queue, number(9)));
    for (int i = 7; i < 10; i++)
        expect_get(self, queue, i);
    /* Shutdown is the end of reservations. */
    assert_status(PP_OK, pp_queue_start_place(self, queue, &listen(&first)->waiter));
    assert_status(PP_OK, pp_queue_start_place(self, queue, &listen(&second)->waiter));
    assert_status(PP_ERR_WAITING, pp_queue_start_place(self, queue, &listen(&third)->waiter));
    assert_status(PP_OK, pp_queue_shutdown(self, queue, false));
    expect_outcome(self, &third, PP_ERR_SHUT_DOWN, -1);
    assert_status(PP_ERR_SHUT_DOWN, pp_queue_put_reserved(self, queue, number(6)));
    assert_status(PP_OK, pp_queue_leave_place(self, queue));
    drop(self, queue);
}

/* Consumers and producers may both wait for what a reserved place keeps apart. */
static void the_end_of_a_reservation_serves_both_sides(void **state)
{
    pp_thread *self = *state;
    for (int used = 0; used < 2; used++) {
        pp_queue *queue = make(self, 1);
        listener place, getters[3], putters[3];
        pp_value value;
        assert_status(PP_OK, pp_queue_start_place(self, queue, &listen(&place)->waiter));
        for (int i = 0; i < 3; i++)
            assert_status(PP_ERR_WAITING,
                          pp_queue_start_put(self, queue, number(i), &listen(&putters[i])->waiter));
        for (int i = 0; i < 3; i++)
            assert_status(PP_ERR_WAITING,
                          pp_queue_start_get(self, queue, &value, &listen(&getters[i])->waiter));
        if (used) {
            assert_status(PP_OK, pp_queue_put_reserved(self, queue, number(7)));
            expect_outcome(self, &getters[0], PP_OK, 7);
            for (int i = 0; i < 2; i++)
                expect_outcome(self, &getters[i + 1], PP_OK, i);
        } else {
            assert_status(PP_OK, pp_queue_leave_place(self, queue));
            for (int i = 0; i < 3; i++)
                expect_outcome(self, &getters[i], PP_OK, i);
        }
        for (int i = 0; i < 3; i++)
            expect_outcome(self, &putters[i], PP_OK, -1);
        assert_int_equal(pp_queue_count(queue), used);
        assert_true(pp_queue_unfinished(queue) == 3 + (uint64_t)used);
        drop(self, queue);
    }
}

static void shutdown_ends_waits(void **state)
{
    pp_thread *self = *state;
    for (int immediate = 0; immediate < 2; immediate++) {
        pp_queue *empty = make(self, 0), *full = make(self, 1);
        listener getters[3], putters[3], joiner;
        pp_value value;
        assert_status(PP_OK, pp_queue_try_put(self, full, number(0)));
        for (int i = 0; i < 3; i++) {
            pp_value item = number(i + 1);
            assert_status(PP_ERR_WAITING,
                          pp_queue_start_get(self, empty, &value, &listen(&getters[i])->waiter));
            assert_status(PP_ERR_WAITING,
                          pp_queue_start_put(self, full, item, &listen(&putters[i])->waiter));
        }
        assert_status(PP_ERR_WAITING, pp_queue_start_done(self, full, &listen(&joiner)->waiter));
        assert_status(PP_OK, pp_queue_shutdown(self, empty, immediate != 0));
        assert_status(PP_OK, pp_queue_shutdown(self, full, immediate != 0));
        for (int i = 0; i < 3; i++) {
            expect_outcome(self, &getters[i], PP_ERR_SHUT_DOWN, -1);
            expect_outcome(self, &putters[i], PP_ERR_SHUT_DOWN, i + 1);
        }
        assert_int_equal(joiner.notified, immediate);
        if (!immediate)
            assert_status(PP_OK, pp_queue_task_done(self, full));
        expect_outcome(self, &joiner, PP_OK, -1);
        drop(self, empty);
        drop(self, full);
    }
}

/* A wait keeps its queue, and the queue keeps no wait. */
static void a_wait_holds_the_queue(void **state)
{
    pp_thread *self = *state;
    uint64_t queues = live(PP_KIND_QUEUE);
    pp_queue *queue = make(self, 0);
    listener one, other;
    pp_value value;
    assert_status(PP_ERR_WAITING, pp_queue_start_get(self, queue, &value, &listen(&one)->waiter));
    assert_status(PP_ERR_WAITING, pp_queue_start_get(self, queue, &value, &listen(&other)->waiter));
    drop(self, queue);
    assert_true(live(PP_KIND_QUEUE) == queues + 1);
    assert_status(PP_OK, pp_queue_try_put(self, queue, number(1)));
    expect_outcome(self, &one, PP_OK, 1);
    assert_true(live(PP_KIND_QUEUE) == queues + 1);
    assert_status(PP_OK, pp_waiter_cancel(self, &other.waiter, &value));
    assert_true(pp_thread_checkpoint(self));
    assert_true(live(PP_KIND_QUEUE) == queues);
}

/* ---- references ------------------------------------------------------------------------ */

static void items_are_counted(void **state)
{
    pp_thread *self = *state;
    uint64_t texts = live(PP_KIND_STR);
    pp_queue *queue = make(self, 2);
    pp_value values[3] = {text(0), text(1), text(2)}, value;
    listener l;
    assert_status(PP_OK, pp_queue_try_put(self, queue, values[0]));
    assert_status(PP_OK, pp_queue_try_put(self, queue, values[1]));
    assert_status(PP_ERR_FULL, pp_queue_try_put(self, queue, values[2]));
    assert_status(PP_ERR_WAITING, pp_queue_start_put(self, queue, values[2], &listen(&l)->waiter));
    assert_status(PP_OK, pp_waiter_cancel(self, &l.waiter, &value));
    assert_true(value.word == values[2].word);
    pp_value_release(self, value);
    assert_status(PP_OK, pp_queue_try_get(self, queue, &value));
    assert_true(value.word == values[0].word);
    pp_value_release(self, value);
    (void)pp_thread_checkpoint(self);
    assert_true(live(PP_KIND_STR) == texts + 1);
    drop(self, queue); /* with one item in it */
    (void)pp_thread_checkpoint(self);
    assert_true(live(PP_KIND_STR) == texts);
}

/* A queue that holds itself is garbage for the collector alone. */
static void cycles_are_collected(void **state)
{
    pp_thread *self = *state;
    uint64_t queues = live(PP_KIND_QUEUE), texts = live(PP_KIND_STR);
    pp_queue *queue = make(self, 0), *other = make(self, 0);
    pp_retain(self, pp_queue_object(other));
    assert_status(PP_OK, pp_queue_try_put(self, queue, pp_object_value(pp_queue_object(other))));
    assert_status(PP_OK, pp_queue_try_put(self, queue, text(1)));
    assert_status(PP_OK, pp_queue_try_put(self, other, pp_object_value(pp_queue_object(queue))));
    pp_thread_leave(self);
    assert_int_equal(pp_collect(self), 0); /* `other` is still held */
    pp_thread_enter(self);
    drop(self, other);
    assert_true(live(PP_KIND_QUEUE) == queues + 2);
    pp_thread_leave(self);
    assert_true(pp_collect(self) >= 2);
    pp_thread_enter(self);
    assert_true(live(PP_KIND_QUEUE) == queues);
    assert_true(live(PP_KIND_STR) == texts);
}

/* Every allocation fails once: the caller keeps the value, the queue its items. */
static void out_of_memory(void **state)
{
    pp_thread *self = *state;
    uint64_t texts = live(PP_KIND_STR);
    pp_value values[40];
    for (int i = 0; i < 40; i++)
        values[i] = text(i);
    bool failed = true;
    for (int64_t countdown = 0; failed; countdown++) {
        pp_queue *queue = NULL;
        failed = false;
        pp_heap_fail_after(countdown);
        if (pp_queue_new(self, 0, &queue) == PP_ERR_NOMEM) {
            failed = true;
            continue;
        }
        for (int i = 0; i < 40; i++) {
            pp_value_retain(self, values[i]);
            pp_status status = pp_queue_try_put(self, queue, values[i]);
            if (status == PP_OK)
                continue;
            assert_status(PP_ERR_NOMEM, status);
            failed = true;
            assert_status(PP_OK, pp_queue_try_put(self, queue, values[i]));
        }
        for (int i = 0; i < 40; i++) { /* shrinking does without */
            pp_value value;
            assert_status(PP_OK, pp_queue_try_get(self, queue, &value));
            assert_true(value.word == values[i].word);
            pp_value_release(self, value);
        }
        pp_heap_fail_after(-1);
        drop(self, queue);
    }
    for (int i = 0; i < 40; i++)
        pp_value_release(self, values[i]);
    (void)pp_thread_checkpoint(self);
    assert_true(live(PP_KIND_STR) == texts);
}

/* In a scope that may not wait for the lock. */
static void busy(void **state)
{
    pp_thread *self = *state;
    pp_queue *queue = make(self, 0);
    listener l;
    pp_value value;
    assert_status(PP_ERR_WAITING, pp_queue_start_get(self, queue, &value, &listen(&l)->waiter));
    pp_thread_leave(self);
    assert_true(pp_thread_try_enter(self));
    pp_mutex_lock(&queue->object.lock);
    assert_status(PP_ERR_BUSY, pp_queue_try_put(self, queue, number(1)));
    assert_status(PP_ERR_BUSY, pp_queue_try_get(self, queue, &value));
    assert_status(PP_ERR_BUSY, pp_queue_put_back(self, queue, number(1)));
    assert_status(PP_ERR_BUSY, pp_queue_task_done(self, queue));
    assert_status(PP_ERR_BUSY, pp_queue_shutdown(self, queue, true));
    assert_status(PP_ERR_BUSY, pp_waiter_cancel(self, &l.waiter, &value));
    listener never;
    assert_status(PP_ERR_BUSY, pp_queue_start_get(self, queue, &value, &listen(&never)->waiter));
    pp_mutex_unlock(&queue->object.lock);
    assert_int_equal(l.notified, 0);
    assert_status(PP_OK, pp_queue_try_put(self, queue, number(5)));
    expect_outcome(self, &l, PP_OK, 5);
    drop(self, queue);
}

/* Borrowed inside the scope in which it dies. */
static void dead(void **state)
{
    pp_thread *self = *state;
    pp_queue *outer = make(self, 0), *queue = make(self, 0);
    pp_value value;
    listener l;
    assert_status(PP_OK, pp_queue_try_put(self, outer, pp_object_value(pp_queue_object(queue))));
    assert_status(PP_OK, pp_queue_shutdown(self, outer, true));
    assert_status(PP_ERR_GONE, pp_queue_try_put(self, queue, number(1)));
    assert_status(PP_ERR_GONE, pp_queue_try_get(self, queue, &value));
    assert_status(PP_ERR_GONE, pp_queue_put_back(self, queue, number(1)));
    assert_status(PP_ERR_GONE, pp_queue_start_get(self, queue, &value, &listen(&l)->waiter));
    drop(self, outer);
}

static void deadlines(void **state)
{
    (void)state;
    assert_true(pp_deadline_in(0) == PP_AT_ONCE);
    assert_true(pp_deadline_in(-1e300) == PP_AT_ONCE);
    assert_true(pp_deadline_in(-INFINITY) == PP_AT_ONCE);
    assert_true(pp_deadline_in(INFINITY) == PP_FOREVER);
    assert_true(pp_deadline_in(NAN) == PP_FOREVER);
    assert_true(pp_deadline_in(1e300) == PP_FOREVER);
    assert_true(pp_deadline_in(1e-300) > PP_AT_ONCE);
    uint64_t before = pp_clock_now();
    uint64_t deadline = pp_deadline_in(1.5);
    assert_true(deadline >= before + PP_SECOND + PP_SECOND / 2);
    assert_true(deadline <= pp_clock_now() + PP_SECOND + PP_SECOND / 2);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        test(first_in_first_out),
        test(a_limit_is_kept),
        test(as_a_plain_array),
        test(shutdown),
        test(immediate_shutdown),
        test(tasks),
        test(consumers_are_given_their_items),
        test(producers_are_let_in),
        test(places_are_reserved),
        test(the_end_of_a_reservation_serves_both_sides),
        test(shutdown_ends_waits),
        test(a_wait_holds_the_queue),
        test(items_are_counted),
        test(cycles_are_collected),
        test(out_of_memory),
        test(busy),
        test(dead),
        test(deadlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
