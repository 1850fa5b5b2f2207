/* The queue among threads: waits, time-outs, signals, shutdown, fork; nothing lost, nothing
 * doubled, each producer's items in order. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crew.h"

#include "base/clock.h"
#include "parapack/collect.h"
#include "share/queue.h"

static pp_queue *make(size_t limit)
{
    pp_thread *self = pp_thread_self();
    pp_queue *queue;
    pp_thread_enter(self);
    assert_status(PP_OK, pp_queue_new(self, limit, &queue));
    pp_thread_leave(self);
    return queue;
}

static void drop(pp_queue *queue)
{
    pp_thread *self = pp_thread_self();
    pp_thread_enter(self);
    pp_release(self, pp_queue_object(queue));
    pp_thread_leave(self);
}

/* A number that fits the word, so that its making needs no scope. */
static pp_value number(uint64_t n)
{
    pp_value value = PP_NO_VALUE;
    if (pp_int(pp_thread_self(), (int64_t)n, &value) != PP_OK)
        abort();
    return value;
}

static uint64_t number_of(pp_value value)
{
    int64_t n = -1;
    if (!pp_value_int(value, &n))
        abort();
    return (uint64_t)n;
}

/* How many wait for `role`. */
static size_t waiting(pp_queue *queue, unsigned role)
{
    pp_thread *self = pp_thread_self();
    size_t count = 0;
    pp_thread_enter(self);
    if (!pp_object_lock(self, &queue->object))
        abort();
    for (const pp_waiter *w = queue->waiters[role].first; w != NULL; w = w->next)
        count++;
    pp_object_unlock(&queue->object);
    pp_thread_leave(self);
    return count;
}

static pp_status get(pp_queue *queue, uint64_t deadline, uint64_t *n)
{
    pp_value value;
    pp_status status = pp_queue_wait_get(pp_thread_self(), queue, &value, deadline, false);
    if (status == PP_OK)
        *n = number_of(value);
    return status;
}

static pp_status put(pp_queue *queue, uint64_t n, uint64_t deadline)
{
    return pp_queue_wait_put(pp_thread_self(), queue, number(n), deadline, false);
}

/* ---- one wait -------------------------------------------------------------------- */

typedef struct scene {
    pp_queue *queue;
    _Atomic uint64_t got[CREW_MAX];
    pp_status expected;
    _Atomic bool go_on;
} scene;

static void get_one(crew *c, int index)
{
    scene *s = c->context;
    uint64_t n = 0;
    pp_status status = get(s->queue, PP_FOREVER, &n);
    crew_check(c, status == s->expected);
    atomic_store(&s->got[index], n);
}

static void put_one(crew *c, int index)
{
    scene *s = c->context;
    crew_check(c, put(s->queue, 100 + (uint64_t)index, PP_FOREVER) == s->expected);
}

static void wait_done(crew *c, int index)
{
    scene *s = c->context;
    (void)index;
    crew_check(c, pp_queue_wait_done(pp_thread_self(), s->queue, PP_FOREVER, false) == s->expected);
}

/* Consumers get what was put in the order in which they came. */
static void who_waits_longest_is_served_first(void **state)
{
    (void)state;
    enum { N = 6 };
    scene s = {.queue = make(0)};
    crew crews[N];
    for (int i = 0; i < N; i++) {
        crew_start(&crews[i], 1, get_one, &s);
        wait_until(waiting(s.queue, PP_WAIT_GET) == (size_t)i + 1);
    }
    for (uint64_t i = 0; i < N; i++) {
        assert_status(PP_OK, put(s.queue, 10 + i, PP_AT_ONCE));
        assert_int_equal(pp_queue_count(s.queue), 0);
        crew_join(&crews[i]);
        assert_true(s.got[0] == 10 + i);
    }
    drop(s.queue);
}

static void producers_get_their_place(void **state)
{
    (void)state;
    enum { N = 6 };
    scene s = {.queue = make(1)};
    crew c;
    uint64_t n, sum = 0;
    assert_status(PP_OK, put(s.queue, 1, PP_AT_ONCE));
    crew_start(&c, N, put_one, &s);
    wait_until(waiting(s.queue, PP_WAIT_PUT) == N);
    for (size_t left = N; left > 0; left--) {
        assert_status(PP_OK, get(s.queue, PP_AT_ONCE, &n));
        sum += n;
        assert_int_equal(pp_queue_count(s.queue), 1);
        assert_int_equal(waiting(s.queue, PP_WAIT_PUT), left - 1);
    }
    crew_join(&c);
    assert_status(PP_OK, get(s.queue, PP_AT_ONCE, &n));
    assert_true(sum + n == 1 + 6 * 100 + 15);
    drop(s.queue);
}

static void shutdown_wakes_all(void **state)
{
    (void)state;
    for (int immediate = 0; immediate < 2; immediate++) {
        scene empty = {.queue = make(0), .expected = PP_ERR_SHUT_DOWN};
        scene full = {.queue = make(1), .expected = PP_ERR_SHUT_DOWN};
        scene joined = {.queue = full.queue};
        crew getters, putters, joiners;
        pp_thread *self = pp_thread_self();
        assert_status(PP_OK, put(full.queue, 1, PP_AT_ONCE));
        crew_start(&getters, 5, get_one, &empty);
        crew_start(&putters, 5, put_one, &full);
        crew_start(&joiners, 5, wait_done, &joined);
        wait_until(waiting(empty.queue, PP_WAIT_GET) == 5);
        wait_until(waiting(full.queue, PP_WAIT_PUT) == 5);
        wait_until(waiting(full.queue, PP_WAIT_DONE) == 5);
        pp_thread_enter(self);
        assert_status(PP_OK, pp_queue_shutdown(self, empty.queue, immediate != 0));
        assert_status(PP_OK, pp_queue_shutdown(self, full.queue, immediate != 0));
        pp_thread_leave(self);
        crew_join(&getters);
        crew_join(&putters);
        if (!immediate) {
            assert_int_equal(waiting(full.queue, PP_WAIT_DONE), 5);
            pp_thread_enter(self);
            assert_status(PP_OK, pp_queue_task_done(self, full.queue));
            pp_thread_leave(self);
        }
        crew_join(&joiners);
        drop(empty.queue);
        drop(full.queue);
    }
}

static void a_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    static const uint64_t waits[] = {0, 1, 5 * PP_MICROSECOND, 50 * PP_MICROSECOND,
                                     3 * PP_MILLISECOND};
    pp_queue *queue = make(1);
    uint64_t n;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        uint64_t start = pp_clock_now();
        assert_status(PP_ERR_TIMEOUT, get(queue, pp_deadline_after(waits[i]), &n));
        assert_true(pp_clock_now() - start >= waits[i]);
    }
    assert_status(PP_OK, put(queue, 1, PP_AT_ONCE));
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        uint64_t start = pp_clock_now();
        assert_status(PP_ERR_TIMEOUT, put(queue, 2, pp_deadline_after(waits[i])));
        assert_true(pp_clock_now() - start >= waits[i]);
        assert_status(PP_ERR_TIMEOUT, pp_queue_wait_done(pp_thread_self(), queue,
                                                         pp_deadline_after(waits[i]), false));
    }
    assert_int_equal(waiting(queue, PP_WAIT_GET) + waiting(queue, PP_WAIT_PUT), 0);
    assert_status(PP_OK, get(queue, PP_AT_ONCE, &n));
    drop(queue);
}

/* ---- signals ------------------------------------------------------------------------ */

static _Atomic int handled;

static void handler(int signal)
{
    (void)signal;
    atomic_fetch_add(&handled, 1);
}

static void be_interrupted(crew *c, int index)
{
    scene *s = c->context;
    pp_value value;
    (void)index;
    crew_check(c, pp_queue_wait_get(pp_thread_self(), s->queue, &value, PP_FOREVER, true) ==
                      PP_ERR_INTERRUPTED);
    atomic_store(&s->go_on, true);
    crew_check(c,
               pp_queue_wait_get(pp_thread_self(), s->queue, &value, PP_FOREVER, false) == PP_OK);
}

/* A signal that comes before the thread sleeps is not seen, so signals come until it was. */
static void signals_interrupt_who_asks_for_it(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = handler}, before;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    scene s = {.queue = make(0)};
    crew c;
    crew_start(&c, 1, be_interrupted, &s);
    while (!atomic_load(&s.go_on)) {
        pthread_kill(c.threads[0], SIGUSR1);
        sched_yield();
    }
    wait_until(waiting(s.queue, PP_WAIT_GET) == 1);
    int seen = atomic_load(&handled);
    pthread_kill(c.threads[0], SIGUSR1);
    wait_until(atomic_load(&handled) > seen);
    assert_int_equal(waiting(s.queue, PP_WAIT_GET), 1);
    assert_status(PP_OK, put(s.queue, 1, PP_AT_ONCE));
    crew_join(&c);
    sigaction(SIGUSR1, &before, NULL);
    drop(s.queue);
}

/* ---- everything at once ----------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__)
enum { ITEMS = 3000 }; /* of each producer */
#else
enum { ITEMS = 20000 };
#endif
enum { PRODUCERS = 3, CONSUMERS = 3 };

typedef struct storm {
    pp_queue *queue;
    bool impatient; /* short time-outs */
    bool clumsy;    /* consumers cancel waits, and put items back */
    bool objects;   /* the items need memory */
    _Atomic uint8_t consumed[PRODUCERS][ITEMS];
    _Atomic uint64_t left; /* items not yet consumed */
} storm;

/* The item: who made it and which one, so that its consumer can tell. */
static pp_value make_item(const storm *s, int producer, int i)
{
    pp_thread *self = pp_thread_self();
    pp_value value = number((uint64_t)producer << 32 | (uint64_t)i);
    if (s->objects) {
        char digits[32];
        int size = snprintf(digits, sizeof digits, "item %d of %d", i, producer);
        pp_thread_enter(self);
        if (pp_str(self, digits, (size_t)size, &value) != PP_OK)
            abort();
        pp_thread_leave(self);
    }
    return value;
}

static uint64_t read_item(const storm *s, pp_value value)
{
    int i, producer;
    pp_slice bytes;
    char digits[32] = {0};
    if (!s->objects)
        return number_of(value);
    if (!pp_value_bytes(&value, &bytes) || bytes.size >= sizeof digits)
        abort();
    memcpy(digits, bytes.data, bytes.size);
    if (sscanf(digits, "item %d of %d", &i, &producer) != 2)
        abort();
    return (uint64_t)producer << 32 | (uint64_t)i;
}

static void release(pp_value value)
{
    pp_thread *self = pp_thread_self();
    pp_thread_enter(self);
    pp_value_release(self, value);
    pp_thread_leave(self);
}

static uint64_t some_deadline(const storm *s, uint64_t *random)
{
    if (!s->impatient)
        return PP_FOREVER;
    return pp_deadline_after(test_below(random, 3) * test_below(random, 40) * PP_MICROSECOND);
}

static void produce(crew *c, storm *s, int index)
{
    uint64_t random = (uint64_t)index + 1;
    for (int i = 0; i < ITEMS; i++) {
        pp_value item = make_item(s, index, i);
        pp_status status;
        do
            status = pp_queue_wait_put(pp_thread_self(), s->queue, item, some_deadline(s, &random),
                                       false);
        while (status == PP_ERR_TIMEOUT);
        crew_check(c, status == PP_OK);
    }
}

static void ring(void *context)
{
    /* Release: what the finisher did is there for who sees it. */
    atomic_store_explicit((_Atomic bool *)context, true, memory_order_release);
}

/* A wait as an event loop has it, which is cancelled now and then. */
static pp_status get_without_thread(crew *c, storm *s, uint64_t *random, pp_value *value)
{
    pp_thread *self = pp_thread_self();
    _Atomic bool rung = false;
    pp_waiter waiter = {.notify = ring, .context = &rung};
    pp_thread_enter(self);
    pp_status status = pp_queue_start_get(self, s->queue, value, &waiter);
    pp_thread_leave(self);
    if (status != PP_ERR_WAITING)
        return status;
    for (size_t patience = test_below(random, 200); patience > 0 && !rung; patience--)
        sched_yield();
    pp_thread_enter(self);
    status = pp_waiter_cancel(self, &waiter, value);
    if (status == PP_ERR_DONE) {
        status = pp_waiter_finish(self, &waiter, value);
        crew_check(c, status == PP_OK || status == PP_ERR_SHUT_DOWN);
        pp_thread_leave(self);
        wait_until(rung); /* `rung` is about to be written */
        return status;
    }
    pp_thread_leave(self);
    crew_check(c, status == PP_OK && value->word == 0 && !rung);
    return PP_ERR_TIMEOUT;
}

static void put_back(crew *c, storm *s, pp_value value)
{
    pp_thread *self = pp_thread_self();
    pp_thread_enter(self);
    crew_check(c, pp_queue_put_back(self, s->queue, value) == PP_OK);
    pp_thread_leave(self);
}

static void consume_item(crew *c, storm *s, pp_value value, int64_t *newest)
{
    uint64_t n = read_item(s, value);
    int producer = (int)(n >> 32), i = (int)(n & UINT32_MAX);
    pp_thread *self = pp_thread_self();
    crew_check(c, atomic_fetch_add(&s->consumed[producer][i], 1) == 0);
    crew_check(c, s->clumsy || newest[producer] < i);
    newest[producer] = i;
    release(value);
    pp_thread_enter(self);
    crew_check(c, pp_queue_task_done(self, s->queue) == PP_OK);
    if (atomic_fetch_sub(&s->left, 1) == 1)
        crew_check(c, pp_queue_shutdown(self, s->queue, false) == PP_OK);
    pp_thread_leave(self);
}

static void consume(crew *c, storm *s, int index)
{
    uint64_t random = (uint64_t)index + 100;
    int64_t newest[PRODUCERS] = {-1, -1, -1};
    for (;;) {
        pp_value value;
        pp_status status;
        if (s->clumsy && test_below(&random, 3) == 0)
            status = get_without_thread(c, s, &random, &value);
        else
            status = pp_queue_wait_get(pp_thread_self(), s->queue, &value,
                                       some_deadline(s, &random), false);
        if (status == PP_ERR_SHUT_DOWN)
            return;
        if (status == PP_ERR_TIMEOUT)
            continue;
        crew_check(c, status == PP_OK);
        if (s->clumsy && test_below(&random, 5) == 0)
            put_back(c, s, value);
        else
            consume_item(c, s, value, newest);
    }
}

static void take_part(crew *c, int index)
{
    storm *s = c->context;
    if (index < PRODUCERS)
        produce(c, s, index);
    else if (index < PRODUCERS + CONSUMERS)
        consume(c, s, index);
    else if (index == PRODUCERS + CONSUMERS)
        while (atomic_load(&s->left) > 0) { /* pauses come at any moment */
            pp_collect(pp_thread_self());
            sched_yield();
        }
}

static void rage(storm *s, size_t limit)
{
    pp_stats before, after;
    pp_stats_get(&before);
    memset((void *)s->consumed, 0, sizeof s->consumed);
    s->queue = make(limit);
    s->left = (uint64_t)PRODUCERS * ITEMS;
    crew_run(PRODUCERS + CONSUMERS + 1, take_part, s);
    for (int producer = 0; producer < PRODUCERS; producer++)
        for (int i = 0; i < ITEMS; i++)
            assert_int_equal(s->consumed[producer][i], 1);
    assert_int_equal(pp_queue_count(s->queue), 0);
    assert_true(pp_queue_unfinished(s->queue) == 0);
    drop(s->queue);
    pp_collect(pp_thread_self());
    pp_stats_get(&after);
    assert_true(after.objects[PP_KIND_STR] == before.objects[PP_KIND_STR]);
    assert_true(after.objects[PP_KIND_QUEUE] == before.objects[PP_KIND_QUEUE]);
}

static storm the_storm; /* too large for a stack */

static void nothing_lost_nothing_doubled(void **state)
{
    (void)state;
    static const size_t limits[] = {1, 4, 0};
    for (unsigned kind = 0; kind < 8; kind++) {
        the_storm.impatient = (kind & 1) != 0;
        the_storm.clumsy = (kind & 2) != 0;
        the_storm.objects = (kind & 4) != 0;
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
            rage(&the_storm, limits[i]);
    }
}

/* ---- joining ------------------------------------------------------------------------------ */

static void join_and_look(crew *c, int index)
{
    scene *s = c->context;
    if (index == 0) {
        for (uint64_t n = 0; n < 500; n++) {
            uint64_t got;
            pp_thread *self = pp_thread_self();
            crew_check(c, get(s->queue, PP_FOREVER, &got) == PP_OK && got == n);
            atomic_store(&s->got[0], n);
            pp_thread_enter(self);
            crew_check(c, pp_queue_task_done(self, s->queue) == PP_OK);
            pp_thread_leave(self);
        }
        return;
    }
    for (uint64_t n = 0; n < 500; n++) {
        crew_check(c, put(s->queue, n, PP_FOREVER) == PP_OK);
        crew_check(c, pp_queue_wait_done(pp_thread_self(), s->queue, PP_FOREVER, false) == PP_OK);
        crew_check(c, atomic_load(&s->got[0]) == n);
    }
}

static void joining_waits_for_the_last_task(void **state)
{
    (void)state;
    scene s = {.queue = make(0)};
    crew_run(2, join_and_look, &s);
    drop(s.queue);
}

/* ---- fork ------------------------------------------------------------------------------------ */

/* In the child nobody waits, and the queues work. Exits with 0. */
static void child(pp_queue *empty, pp_queue *full, pp_waiter *waiter)
{
    pp_thread *self = pp_thread_self();
    uint64_t n = 0;
    pp_value value;
    bool good = waiting(empty, PP_WAIT_GET) == 0 && waiting(full, PP_WAIT_PUT) == 0;
    good = good && put(empty, 5, PP_AT_ONCE) == PP_OK && pp_queue_count(empty) == 1;
    good = good && get(empty, PP_AT_ONCE, &n) == PP_OK && n == 5;
    good = good && get(full, PP_AT_ONCE, &n) == PP_OK && n == 1 && pp_queue_count(full) == 0;
    pp_thread_enter(self);
    good = good && pp_waiter_finish(self, waiter, &value) == PP_ERR_GONE && value.word == 0;
    pp_thread_leave(self);
    _exit(good ? 0 : 1);
}

static void fork_leaves_the_waits_behind(void **state)
{
    (void)state;
    scene empty = {.queue = make(0)}, full = {.queue = make(1)};
    crew getters, putters;
    pp_thread *self = pp_thread_self();
    pp_value value;
    _Atomic bool rung = false;
    pp_waiter waiter = {.notify = ring, .context = &rung};
    uint64_t n;
    assert_status(PP_OK, put(full.queue, 1, PP_AT_ONCE));
    crew_start(&getters, 3, get_one, &empty);
    crew_start(&putters, 3, put_one, &full);
    wait_until(waiting(empty.queue, PP_WAIT_GET) == 3 && waiting(full.queue, PP_WAIT_PUT) == 3);
    pp_thread_enter(self);
    assert_status(PP_ERR_WAITING, pp_queue_start_get(self, empty.queue, &value, &waiter));
    pp_thread_leave(self);
    pid_t pid = fork();
    if (pid == 0)
        child(empty.queue, full.queue, &waiter);
    int status;
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* The parent goes on. */
    for (int i = 0; i < 4; i++) {
        assert_status(PP_OK, put(empty.queue, 7, PP_AT_ONCE));
        assert_status(PP_OK, get(full.queue, PP_FOREVER, &n));
    }
    crew_join(&getters);
    crew_join(&putters);
    assert_true(rung);
    pp_thread_enter(self);
    assert_status(PP_OK, pp_waiter_finish(self, &waiter, &value));
    pp_thread_leave(self);
    drop(empty.queue);
    drop(full.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_longest_is_served_first),
        cmocka_unit_test(producers_get_their_place),
        cmocka_unit_test(shutdown_wakes_all),
        cmocka_unit_test(a_wait_ends_at_its_deadline),
        cmocka_unit_test(signals_interrupt_who_asks_for_it),
        cmocka_unit_test(nothing_lost_nothing_doubled),
        cmocka_unit_test(joining_waits_for_the_last_task),
        cmocka_unit_test(fork_leaves_the_waits_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
