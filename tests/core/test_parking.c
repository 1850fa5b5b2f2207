/* The clock, the parking lot and the sleep under it. */
#include "crew.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parking.h"

/* ---- clock ------------------------------------------------------------------- */

static void deadlines_saturate(void **state)
{
    (void)state;
    uint64_t before = pp_clock_now();
    uint64_t deadline = pp_deadline_after(PP_SECOND);
    uint64_t after = pp_clock_now();
    assert_in_range(deadline, before + PP_SECOND, after + PP_SECOND);
    assert_true(pp_deadline_after(PP_NO_WAIT) == PP_NO_WAIT);
    assert_true(pp_deadline_after(PP_FOREVER) == PP_FOREVER);
    assert_true(pp_deadline_after(PP_FOREVER - 1) == PP_FOREVER);
    assert_true(pp_deadline_after(PP_FOREVER - before / 2) == PP_FOREVER);

    assert_true(pp_deadline_passed(PP_NO_WAIT));
    assert_true(pp_deadline_passed(before));
    assert_false(pp_deadline_passed(PP_FOREVER));
    assert_false(pp_deadline_passed(after + 1000 * PP_SECOND));
    assert_true(pp_deadline_left(PP_NO_WAIT) == 0);
    assert_true(pp_deadline_left(before) == 0);
    assert_true(pp_deadline_left(PP_FOREVER) == PP_FOREVER);
    assert_in_range(pp_deadline_left(after + 1000 * PP_SECOND), 900 * PP_SECOND, 1000 * PP_SECOND);
}

/* ---- one thread -------------------------------------------------------------- */

static bool say(void *context)
{
    return *(bool *)context;
}

static void the_check_decides(void **state)
{
    (void)state;
    bool answer = false;
    pp_park_request request = {.check = say, .context = &answer, .deadline = PP_FOREVER};
    assert_int_equal(pp_park(&answer, &request), PP_PARK_MISMATCH);
    assert_int_equal(pp_parked_count(&answer), 0);
    answer = true;
    request.deadline = PP_NO_WAIT;
    assert_int_equal(pp_park(&answer, &request), PP_PARK_TIMEOUT);
    assert_int_equal(pp_parked_count(&answer), 0);
}

static void timeouts_are_kept(void **state)
{
    (void)state;
    static const uint64_t timeouts[] = {0, 1, PP_MICROSECOND, 100 * PP_MICROSECOND,
                                        3 * PP_MILLISECOND};
    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        uint64_t start = pp_clock_now();
        pp_park_request request = {.deadline = pp_deadline_after(timeouts[i])};
        assert_int_equal(pp_park(&start, &request), PP_PARK_TIMEOUT);
        assert_true(pp_clock_now() - start >= timeouts[i]);
    }
    /* A deadline that has passed is no reason to sleep. */
    pp_park_request request = {.deadline = 1};
    assert_int_equal(pp_park(&request, &request), PP_PARK_TIMEOUT);
}

static void unpark_before_sleeping(void *context)
{
    assert_int_equal(pp_parked_count(context), 1);
    assert_true(pp_unpark_one(context, NULL, NULL));
    assert_int_equal(pp_parked_count(context), 0);
}

static void a_thread_can_be_woken_before_it_sleeps(void **state)
{
    (void)state;
    int address = 0;
    pp_park_request request = {
        .before_sleep = unpark_before_sleeping, .context = &address, .deadline = PP_FOREVER};
    assert_int_equal(pp_park(&address, &request), PP_PARK_WOKEN);
    /* Also where the deadline has passed: it was woken, and the waker counts on it. */
    request.deadline = PP_NO_WAIT;
    assert_int_equal(pp_park(&address, &request), PP_PARK_WOKEN);
}

typedef struct seen {
    void *token;
    bool more;
    int calls;
} seen;

static void remember(void *context, void *token, bool more)
{
    seen *s = context;
    s->token = token;
    s->more = more;
    s->calls++;
}

static void nobody_is_there(void **state)
{
    (void)state;
    seen s = {&s, true, 0};
    assert_false(pp_unpark_one(&s, remember, &s));
    assert_int_equal(s.calls, 1);
    assert_null(s.token);
    assert_false(s.more);
    assert_false(pp_unpark_one(&s, NULL, NULL));
    assert_int_equal(pp_unpark_all(&s), 0);
}

/* ---- several threads --------------------------------------------------------- */

typedef struct lane {
    _Atomic int next; /* who may park now */
    int tokens[CREW_MAX];
    int woken[CREW_MAX]; /* the order in which they were, by the waker */
} lane;

static bool let_next(void *context)
{
    lane *l = context;
    atomic_fetch_add(&l->next, 1);
    return true;
}

static void park_in_turn(crew *c, int index)
{
    lane *l = c->context;
    wait_until(atomic_load(&l->next) == index);
    l->tokens[index] = index;
    pp_park_request request = {
        .check = let_next, .context = l, .deadline = PP_FOREVER, .token = &l->tokens[index]};
    crew_check(c, pp_park(l, &request) == PP_PARK_WOKEN);
    crew_check(c, l->tokens[index] == -index); /* the callback's doing */
}

static void answer(void *context, void *token, bool more)
{
    remember(context, token, more);
    *(int *)token = -*(int *)token;
}

static void first_come_first_served(void **state)
{
    (void)state;
    enum { N = 20 };
    lane l = {0};
    crew c;
    crew_start(&c, N, park_in_turn, &l);
    wait_until(pp_parked_count(&l) == N);
    for (int i = 0; i < N; i++) {
        seen s = {0};
        assert_true(pp_unpark_one(&l, answer, &s));
        assert_ptr_equal(s.token, &l.tokens[i]);
        assert_int_equal(s.more, i < N - 1);
        assert_int_equal(pp_parked_count(&l), N - 1 - i);
    }
    assert_false(pp_unpark_one(&l, NULL, NULL));
    crew_join(&c);
}

static void park_at_own_address(crew *c, int index)
{
    char *addresses = c->context;
    pp_park_request request = {.deadline = PP_FOREVER};
    crew_check(c, pp_park(addresses + index % 16, &request) == PP_PARK_WOKEN);
}

static void addresses_are_apart(void **state)
{
    (void)state;
    char addresses[16];
    crew c;
    crew_start(&c, 48, park_at_own_address, addresses);
    for (int i = 0; i < 16; i++)
        wait_until(pp_parked_count(addresses + i) == 3);
    for (int i = 0; i < 16; i += 2)
        assert_int_equal(pp_unpark_all(addresses + i), 3);
    wait_until(atomic_load(&c.finished) == 24);
    for (int i = 1; i < 16; i += 2) {
        assert_int_equal(pp_parked_count(addresses + i), 3);
        assert_true(pp_unpark_one(addresses + i, NULL, NULL));
        assert_int_equal(pp_unpark_all(addresses + i), 2);
    }
    crew_join(&c);
}

/* Waiters that give up at the moment they are woken: every unpark that says it has woken
 * somebody has, and nobody else was. */
typedef struct race {
    _Atomic bool stop;
    _Atomic uint64_t woken, unparked;
    _Atomic int waiting;
} race;

enum { RACE_WAITERS = 4, RACE_WAKERS = 2, RACE_ROUNDS = 3000 };

static void give_up_or_be_woken(crew *c, int index)
{
    race *r = c->context;
    uint64_t random = (uint64_t)index + 1;
    if (index >= RACE_WAITERS) {
        while (atomic_load(&r->waiting) > 0) {
            if ((test_random(&random) >> 60) == 0)
                atomic_fetch_add(&r->unparked, pp_unpark_all(r));
            else
                atomic_fetch_add(&r->unparked, pp_unpark_one(r, NULL, NULL) ? 1 : 0);
        }
        return;
    }
    for (int i = 0; i < RACE_ROUNDS; i++) {
        pp_park_request request = {.deadline =
                                       pp_deadline_after(test_below(&random, 20) * PP_MICROSECOND)};
        pp_park_result result = pp_park(r, &request);
        crew_check(c, result == PP_PARK_WOKEN || result == PP_PARK_TIMEOUT);
        if (result == PP_PARK_WOKEN)
            atomic_fetch_add(&r->woken, 1);
    }
    atomic_fetch_sub(&r->waiting, 1);
}

static void wakers_and_timeouts_agree(void **state)
{
    (void)state;
    race r = {.waiting = RACE_WAITERS};
    crew_run(RACE_WAITERS + RACE_WAKERS, give_up_or_be_woken, &r);
    assert_true(r.woken == r.unparked);
    assert_true(r.woken > 0);
    assert_int_equal(pp_parked_count(&r), 0);
}

/* ---- signals, fork ----------------------------------------------------------- */

#if defined(__linux__) && !defined(PP_WAKEUP_POSIX)
static void do_nothing(int number)
{
    (void)number;
}

typedef struct interruption {
    bool interruptible;
    _Atomic int returned;
    _Atomic int result;
} interruption;

static void park_for_ever(crew *c, int index)
{
    (void)index;
    interruption *in = c->context;
    pp_park_request request = {.deadline = PP_FOREVER, .interruptible = in->interruptible};
    atomic_store(&in->result, (int)pp_park(in, &request));
    atomic_store(&in->returned, 1);
}

static void signals_interrupt_those_who_want_it(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = do_nothing}, old; /* no SA_RESTART */
    assert_int_equal(sigaction(SIGUSR1, &action, &old), 0);
    for (int interruptible = 0; interruptible < 2; interruptible++) {
        interruption in = {.interruptible = interruptible != 0};
        crew c;
        crew_start(&c, 1, park_for_ever, &in);
        wait_until(pp_parked_count(&in) == 1);
        if (interruptible) {
            /* It may not sleep yet when the first comes. */
            while (!atomic_load(&in.returned)) {
                pthread_kill(c.threads[0], SIGUSR1);
                sched_yield();
            }
            assert_int_equal(atomic_load(&in.result), PP_PARK_INTERRUPTED);
        } else {
            for (int i = 0; i < 200; i++) {
                pthread_kill(c.threads[0], SIGUSR1);
                sched_yield();
            }
            assert_int_equal(atomic_load(&in.returned), 0);
            assert_int_equal(pp_unpark_all(&in), 1);
        }
        crew_join(&c);
        assert_int_equal(atomic_load(&in.result),
                         interruptible ? PP_PARK_INTERRUPTED : PP_PARK_WOKEN);
    }
    sigaction(SIGUSR1, &old, NULL);
}
#endif

static void after_fork_the_lot_is_empty(void **state)
{
    (void)state;
    char addresses[16];
    crew c;
    crew_start(&c, 16, park_at_own_address, addresses);
    for (int i = 0; i < 16; i++)
        wait_until(pp_parked_count(addresses + i) == 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pp_parking_after_fork_child();
        bool good = true;
        for (int i = 0; i < 16; i++)
            good = good && pp_parked_count(addresses + i) == 0 && pp_unpark_all(addresses + i) == 0;
        pp_park_request request = {.deadline = pp_deadline_after(PP_MICROSECOND)};
        good = good && pp_park(addresses, &request) == PP_PARK_TIMEOUT;
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 0; i < 16; i++)
        assert_int_equal(pp_unpark_all(addresses + i), 1);
    crew_join(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_saturate),
        cmocka_unit_test(the_check_decides),
        cmocka_unit_test(timeouts_are_kept),
        cmocka_unit_test(a_thread_can_be_woken_before_it_sleeps),
        cmocka_unit_test(nobody_is_there),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(addresses_are_apart),
        cmocka_unit_test(wakers_and_timeouts_agree),
#if defined(__linux__) && !defined(PP_WAKEUP_POSIX)
        cmocka_unit_test(signals_interrupt_those_who_want_it),
#endif
        cmocka_unit_test(after_fork_the_lot_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
