/* Histories of queues under threads, checked for linearizability: tries, waits that are served
 * or time out, items put back, tasks, shutdown. */
#include "linear.h"
#include "values.h"

#include "base/clock.h"
#include "parapack/queue.h"
#include "share/thread.h"

/* ---- what a queue is --------------------------------------------------------------------- */

enum { LIMIT = 2 };

typedef struct model {
    uint8_t count;
    uint8_t unfinished;
    uint8_t shut; /* 2: immediately */
    uint8_t items[LINEAR_STATE - 3];
} model;

enum { TRY_PUT, TRY_GET, WAIT_PUT, WAIT_GET, PUT_BACK, DONE, COUNT, SHUTDOWN };
static const char *const codes[] = {"try_put",  "try_get", "wait_put", "wait_get",
                                    "put_back", "done",    "count",    "shutdown"};

/* Results: a pp_status; of a get that succeeded 256 and more, with its item. A wait that timed out
 * has found the queue full or empty when it began. */
static uint64_t put(model *m, uint8_t item, uint64_t full)
{
    if (m->shut)
        return PP_ERR_SHUT_DOWN;
    if (m->count >= LIMIT)
        return full;
    m->items[m->count++] = item;
    m->unfinished++;
    return PP_OK;
}

static uint64_t get(model *m, uint64_t empty)
{
    if (m->count == 0)
        return m->shut ? (uint64_t)PP_ERR_SHUT_DOWN : empty;
    uint64_t item = m->items[0];
    memmove(m->items, m->items + 1, --m->count);
    m->items[m->count] = 0;
    return 256 + item;
}

/* What is put back here is an item of its own: the queue cannot know that it was never put. */
static uint64_t put_back(model *m, uint8_t item)
{
    if (m->shut == 2) {
        m->unfinished -= m->unfinished > 0;
        return PP_OK;
    }
    memmove(m->items + 1, m->items, m->count++);
    m->items[0] = item;
    return PP_OK;
}

static uint64_t done(model *m)
{
    if (m->unfinished == 0)
        return PP_ERR_RANGE;
    m->unfinished--;
    return PP_OK;
}

static uint64_t shut_down(model *m, bool immediate)
{
    m->shut = immediate || m->shut == 2 ? 2 : 1;
    if (immediate) {
        m->unfinished -= m->count < m->unfinished ? m->count : m->unfinished;
        m->count = 0;
        memset(m->items, 0, sizeof m->items);
    }
    return PP_OK;
}

static bool step(void *state, const linear_op *op)
{
    model *m = state;
    uint64_t result;
    switch (op->code) {
    case TRY_PUT:
        result = put(m, (uint8_t)op->b, PP_ERR_FULL);
        break;
    case TRY_GET:
        result = get(m, PP_ERR_EMPTY);
        break;
    case WAIT_PUT:
        result = put(m, (uint8_t)op->b, PP_ERR_TIMEOUT);
        break;
    case WAIT_GET:
        result = get(m, PP_ERR_TIMEOUT);
        break;
    case PUT_BACK:
        result = put_back(m, (uint8_t)op->b);
        break;
    case DONE:
        result = done(m);
        break;
    case COUNT:
        result = m->count;
        break;
    default:
        result = shut_down(m, op->a != 0);
    }
    return result == op->result;
}

static const linear_spec queue_spec = {"queue", codes, sizeof(model), step};

/* ---- doing it ------------------------------------------------------------------------------ */

static void *make(pp_thread *self)
{
    pp_queue *queue;
    if (pp_queue_new(self, LIMIT, &queue) != PP_OK)
        abort();
    return queue;
}

static void drop(pp_thread *self, void *object)
{
    pp_release(self, pp_queue_object(object));
}

static void choose(linear_op *op, uint64_t *random, unsigned serial)
{
    static const uint8_t often[] = {TRY_PUT,  TRY_PUT,  TRY_GET,  TRY_GET, WAIT_PUT, WAIT_PUT,
                                    WAIT_GET, WAIT_GET, PUT_BACK, DONE,    COUNT};
    op->code = test_below(random, 40) == 0 ? SHUTDOWN : often[test_below(random, sizeof often)];
    op->b = serial + 1;
    op->a = (int64_t)test_below(random, 30); /* of a wait: microseconds */
    if (op->code == SHUTDOWN)
        op->a = op->a % 2;
}

static uint64_t taken(pp_thread *self, pp_status status, pp_value value)
{
    if (status != PP_OK)
        return status;
    uint64_t item = (uint64_t)value_number(value);
    pp_value_release(self, value);
    return 256 + item;
}

static uint64_t given(pp_thread *self, pp_status status, pp_value value)
{
    if (status != PP_OK)
        pp_value_release(self, value);
    return status;
}

/* A wait is no business of a scope: those that are open end, and as many others begin. */
static unsigned leave_all(pp_thread *self)
{
    unsigned depth = self->depth;
    for (unsigned i = 0; i < depth; i++)
        pp_thread_leave(self);
    return depth;
}

static void enter_all(pp_thread *self, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        pp_thread_enter(self);
}

static uint64_t wait_put(pp_thread *self, pp_queue *queue, const linear_op *op)
{
    pp_value value = value_numbered(op->b);
    uint64_t deadline = pp_deadline_after((uint64_t)op->a * PP_MICROSECOND);
    unsigned depth = leave_all(self);
    pp_status status = pp_queue_wait_put(self, queue, value, deadline, false);
    enter_all(self, depth);
    return given(self, status, value);
}

static uint64_t wait_get(pp_thread *self, pp_queue *queue, const linear_op *op)
{
    pp_value value = PP_NO_VALUE;
    uint64_t deadline = pp_deadline_after((uint64_t)op->a * PP_MICROSECOND);
    unsigned depth = leave_all(self);
    pp_status status = pp_queue_wait_get(self, queue, &value, deadline, false);
    enter_all(self, depth);
    return taken(self, status, value);
}

static void run(pp_thread *self, void *object, linear_op *op)
{
    pp_queue *queue = object;
    pp_value value = PP_NO_VALUE;
    switch (op->code) {
    case TRY_PUT:
        value = value_numbered(op->b);
        op->result = given(self, pp_queue_try_put(self, queue, value), value);
        break;
    case TRY_GET:
        op->result = taken(self, pp_queue_try_get(self, queue, &value), value);
        break;
    case WAIT_PUT:
        op->result = wait_put(self, queue, op);
        break;
    case WAIT_GET:
        op->result = wait_get(self, queue, op);
        break;
    case PUT_BACK:
        value = value_numbered(op->b);
        op->result = given(self, pp_queue_put_back(self, queue, value), value);
        break;
    case DONE:
        op->result = pp_queue_task_done(self, queue);
        break;
    case COUNT:
        op->result = pp_queue_count(queue);
        break;
    default:
        op->result = pp_queue_shutdown(self, queue, op->a != 0);
    }
}

static const linear_target queue_target = {&queue_spec, make, drop, choose, run};

static void two_threads(void **state)
{
    (void)state;
    linear_stress(&queue_target, 2, 12, 1500, 1);
}

static void three_threads(void **state)
{
    (void)state;
    linear_stress(&queue_target, 3, 8, 1500, 2);
}

static void four_threads(void **state)
{
    (void)state;
    linear_stress(&queue_target, 4, 6, 1000, 3);
}

/* What the checker must not believe: an item that overtakes another, or is got twice. */
static void wrong_histories(void **state)
{
    (void)state;
    linear_op overtaking[] = {
        {.code = TRY_PUT, .b = 1, .result = PP_OK, .called = 1, .returned = 2},
        {.code = TRY_PUT, .b = 2, .result = PP_OK, .called = 3, .returned = 4},
        {.thread = 1, .code = WAIT_GET, .result = 256 + 2, .called = 5, .returned = 6},
        {.thread = 1, .code = WAIT_GET, .result = 256 + 1, .called = 7, .returned = 8},
    };
    assert_false(linear_check(&queue_spec, overtaking, 4));
    overtaking[1].called = 1; /* at the same time it may have been the first */
    overtaking[0].called = 2;
    overtaking[0].returned = 3;
    assert_true(linear_check(&queue_spec, overtaking, 4));
    overtaking[3].result = 256 + 2;
    assert_false(linear_check(&queue_spec, overtaking, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_threads),
        cmocka_unit_test(three_threads),
        cmocka_unit_test(four_threads),
        cmocka_unit_test(wrong_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
