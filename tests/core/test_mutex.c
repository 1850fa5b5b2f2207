/* One-byte mutexes and conditions. */
#include "crew.h"

#include "base/condition.h"
#include "base/mutex.h"
#include "base/parking.h"

static uint8_t bits(const pp_mutex *mutex)
{
    return atomic_load(&mutex->bits);
}

static void one_byte(void **state)
{
    (void)state;
    pp_mutex mutex = PP_MUTEX_INIT;
    assert_int_equal(sizeof mutex, 1);
    assert_false(pp_mutex_is_locked(&mutex));
    assert_true(pp_mutex_trylock(&mutex));
    assert_true(pp_mutex_is_locked(&mutex));
    assert_false(pp_mutex_trylock(&mutex));
    pp_mutex_unlock(&mutex);
    pp_mutex_lock(&mutex);
    assert_int_equal(bits(&mutex), PP_MUTEX_LOCKED);
    pp_mutex_unlock(&mutex);
    assert_int_equal(bits(&mutex), 0);
    assert_true(pp_mutex_lock_until(&mutex, PP_NO_WAIT));
    pp_mutex_init(&mutex);
    assert_false(pp_mutex_is_locked(&mutex));
}

static void timeouts(void **state)
{
    (void)state;
    pp_mutex mutex = PP_MUTEX_INIT;
    pp_mutex_lock(&mutex);
    assert_false(pp_mutex_lock_until(&mutex, PP_NO_WAIT));
    assert_false(pp_mutex_lock_until(&mutex, 1)); /* long ago */
    uint64_t start = pp_clock_now();
    assert_false(pp_mutex_lock_until(&mutex, pp_deadline_after(2 * PP_MILLISECOND)));
    assert_true(pp_clock_now() - start >= 2 * PP_MILLISECOND);
    /* The one that gave up has left its mark; whoever unlocks and locks next copes. */
    assert_int_equal(bits(&mutex), PP_MUTEX_LOCKED | PP_MUTEX_HAS_PARKED);
    pp_mutex_unlock(&mutex);
    assert_int_equal(bits(&mutex), 0);
    assert_true(pp_mutex_lock_until(&mutex, pp_deadline_after(PP_SECOND)));
    pp_mutex_unlock(&mutex);
}

/* ---- mutual exclusion -------------------------------------------------------- */

typedef struct shared {
    pp_mutex mutex;
    uint64_t plain; /* under mutex */
    _Atomic uint64_t expected;
    bool timed;
} shared;

enum { ROUNDS = 4000 };

static void count(crew *c, int index)
{
    shared *s = c->context;
    uint64_t random = (uint64_t)index + 1;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t timeout = s->timed ? test_below(&random, 30) * PP_MICROSECOND : PP_FOREVER;
        if (!pp_mutex_lock_until(&s->mutex, pp_deadline_after(timeout)))
            continue;
        uint64_t before = s->plain;
        if (test_below(&random, 64) == 0)
            sched_yield(); /* the others meet a lock that is held for long */
        crew_check(c, pp_mutex_is_locked(&s->mutex));
        s->plain = before + 1;
        atomic_fetch_add_explicit(&s->expected, 1, memory_order_relaxed);
        pp_mutex_unlock(&s->mutex);
    }
}

static void mutual_exclusion(void **state)
{
    (void)state;
    for (int timed = 0; timed < 2; timed++) {
        shared s = {.timed = timed != 0};
        crew_run(8, count, &s);
        assert_true(s.plain == s.expected);
        assert_true(timed || s.plain == 8 * ROUNDS);
        assert_true(s.plain > 0);
        assert_int_equal(pp_parked_count(&s.mutex), 0);
    }
}

static void lock_once(crew *c, int index)
{
    shared *s = c->context;
    (void)index;
    pp_mutex_lock(&s->mutex);
    s->plain++;
    pp_mutex_unlock(&s->mutex);
}

static void many_waiters(void **state)
{
    (void)state;
    shared s = {0};
    crew c;
    pp_mutex_lock(&s.mutex);
    crew_start(&c, CREW_MAX, lock_once, &s);
    wait_until(pp_parked_count(&s.mutex) == CREW_MAX);
    assert_true(s.plain == 0);
    pp_mutex_unlock(&s.mutex);
    crew_join(&c);
    assert_true(s.plain == CREW_MAX);
}

/* ---- fairness ---------------------------------------------------------------- */

typedef struct handover {
    pp_mutex mutex;
    _Atomic bool go_on;
    _Atomic bool mine;
} handover;

static void take_and_keep(crew *c, int index)
{
    handover *h = c->context;
    (void)index;
    pp_mutex_lock(&h->mutex);
    atomic_store(&h->mine, true);
    wait_until(atomic_load(&h->go_on));
    pp_mutex_unlock(&h->mutex);
}

static void an_old_waiter_gets_the_lock(void **state)
{
    (void)state;
    handover h = {0};
    crew c;
    pp_mutex_lock(&h.mutex);
    crew_start(&c, 1, take_and_keep, &h);
    wait_until(pp_parked_count(&h.mutex) == 1);
    uint64_t ripe = pp_deadline_after(2 * PP_MILLISECOND);
    wait_until(pp_deadline_passed(ripe));
    pp_mutex_unlock(&h.mutex);
    /* The lock was never free: it is the other's, whether that one has run or not. */
    assert_false(pp_mutex_trylock(&h.mutex));
    atomic_store(&h.go_on, true);
    crew_join(&c);
    assert_int_equal(bits(&h.mutex), 0);
}

/* A young one competes: the thread that runs may take the lock again, which is what
 * makes short critical sections fast. */
static void a_young_waiter_competes(void **state)
{
    (void)state;
    bool barged = false;
    for (int i = 0; i < 5000 && !barged; i++) {
        handover h = {.go_on = true};
        crew c;
        pp_mutex_lock(&h.mutex);
        crew_start(&c, 1, take_and_keep, &h);
        wait_until(pp_parked_count(&h.mutex) == 1);
        pp_mutex_unlock(&h.mutex);
        if (pp_mutex_trylock(&h.mutex)) {
            barged = !atomic_load(&h.mine);
            pp_mutex_unlock(&h.mutex);
        }
        crew_join(&c);
    }
    assert_true(barged);
}

/* A thread that locks again as soon as it has unlocked starves nobody. */
static void hog(crew *c, int index)
{
    shared *s = c->context;
    if (index > 0) {
        for (int i = 0; i < 20; i++)
            lock_once(c, index);
        atomic_fetch_add(&s->expected, 1);
        return;
    }
    while (atomic_load(&s->expected) < (uint64_t)c->size - 1) {
        pp_mutex_lock(&s->mutex);
        uint64_t until = pp_deadline_after(20 * PP_MICROSECOND);
        while (!pp_deadline_passed(until))
            continue;
        pp_mutex_unlock(&s->mutex);
    }
}

static void a_hog_starves_nobody(void **state)
{
    (void)state;
    shared s = {0};
    crew_run(5, hog, &s);
    assert_true(s.plain == 80);
}

/* ---- conditions -------------------------------------------------------------- */

typedef struct table {
    pp_mutex mutex;
    pp_condition changed;
    int turn;
    int waiting;
    int woken;
} table;

enum { TURNS = 2000 };

static void take_turns(crew *c, int index)
{
    table *t = c->context;
    for (int i = 0; i < TURNS; i++) {
        pp_mutex_lock(&t->mutex);
        while (t->turn != index)
            crew_check(c, pp_condition_wait(&t->changed, &t->mutex, PP_FOREVER, false) ==
                              PP_WAIT_NOTIFIED);
        t->turn = (index + 1) % c->size;
        bool early = i % 2 == 0;
        if (early)
            pp_condition_notify_all(&t->changed);
        pp_mutex_unlock(&t->mutex);
        if (!early)
            pp_condition_notify_all(&t->changed);
    }
}

static void no_notification_is_lost(void **state)
{
    (void)state;
    for (int size = 2; size <= 4; size++) {
        table t = {0};
        crew_run(size, take_turns, &t);
        assert_int_equal(t.turn, 0);
        assert_int_equal(pp_parked_count(&t.changed), 0);
    }
}

static void wait_once(crew *c, int index)
{
    table *t = c->context;
    (void)index;
    pp_mutex_lock(&t->mutex);
    t->waiting++;
    crew_check(c, pp_condition_wait(&t->changed, &t->mutex, PP_FOREVER, false) == PP_WAIT_NOTIFIED);
    t->woken++;
    pp_mutex_unlock(&t->mutex);
}

static void one_or_all(void **state)
{
    (void)state;
    enum { N = 10 };
    table t = {0};
    crew c;
    pp_condition_notify_one(&t.changed); /* nobody there: forgotten */
    pp_condition_notify_all(&t.changed);
    crew_start(&c, N, wait_once, &t);
    wait_until(pp_parked_count(&t.changed) == N);
    pp_condition_notify_one(&t.changed);
    pp_condition_notify_one(&t.changed);
    wait_until(atomic_load(&c.finished) == 2);
    pp_mutex_lock(&t.mutex);
    assert_int_equal(t.woken, 2);
    assert_int_equal(t.waiting, N);
    pp_mutex_unlock(&t.mutex);
    pp_condition_notify_all(&t.changed);
    crew_join(&c);
    assert_int_equal(t.woken, N);
}

static void a_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    static const uint64_t waits[] = {0, 1, 50 * PP_MICROSECOND, 2 * PP_MILLISECOND};
    table t = {0};
    pp_mutex_lock(&t.mutex);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        uint64_t start = pp_clock_now();
        uint64_t deadline = pp_deadline_after(waits[i]);
        assert_int_equal(pp_condition_wait(&t.changed, &t.mutex, deadline, false), PP_WAIT_TIMEOUT);
        assert_true(pp_clock_now() - start >= waits[i]);
        assert_true(pp_mutex_is_locked(&t.mutex));
    }
    pp_mutex_unlock(&t.mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(mutual_exclusion),
        cmocka_unit_test(many_waiters),
        cmocka_unit_test(an_old_waiter_gets_the_lock),
        cmocka_unit_test(a_young_waiter_competes),
        cmocka_unit_test(a_hog_starves_nobody),
        cmocka_unit_test(no_notification_is_lost),
        cmocka_unit_test(one_or_all),
        cmocka_unit_test(a_wait_ends_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
