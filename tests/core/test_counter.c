/* Counters. */
#include "crew.h"
#include "nodes.h"

#include "share/counter.h"

static pp_counter *make(pp_thread *self, int64_t number)
{
    pp_counter *counter;
    assert_status(PP_OK, pp_counter_new(self, number, &counter));
    return counter;
}

static void drop(pp_thread *self, pp_counter *counter)
{
    pp_release(self, pp_counter_object(counter));
}

static void functions(void **state)
{
    (void)state;
    pp_thread *self = test_thread();
    int64_t sum = 7;
    pp_thread_enter(self);
    pp_counter *counter = make(self, -3);
    assert_ptr_equal(pp_object_counter(pp_counter_object(counter)), counter);
    assert_true(pp_counter_get(counter) == -3);
    assert_status(PP_OK, pp_counter_add(counter, 5, &sum));
    assert_true(sum == 2 && pp_counter_get(counter) == 2);
    assert_true(pp_counter_exchange(counter, 10) == 2);
    assert_false(pp_counter_compare_and_set(counter, 2, 3));
    assert_true(pp_counter_compare_and_set(counter, 10, 3));
    pp_counter_set(counter, INT64_MIN);
    assert_true(pp_counter_get(counter) == INT64_MIN);
    drop(self, counter);
    pp_thread_leave(self);
    assert_all_gone();
}

static void it_does_not_overflow(void **state)
{
    (void)state;
    static const struct {
        int64_t number, delta;
        bool fits;
    } cases[] = {
        {INT64_MAX, 1, false},         {INT64_MAX, 0, true},          {INT64_MAX, INT64_MIN, true},
        {INT64_MAX, INT64_MAX, false}, {INT64_MIN, -1, false},        {INT64_MIN, 0, true},
        {INT64_MIN, INT64_MAX, true},  {INT64_MIN, INT64_MIN, false}, {0, INT64_MIN, true},
        {-1, INT64_MIN, false},        {INT64_MAX - 1, 1, true},      {INT64_MIN + 1, -1, true},
    };
    pp_thread *self = test_thread();
    pp_thread_enter(self);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pp_counter *counter = make(self, cases[i].number);
        int64_t sum = 7;
        assert_status(cases[i].fits ? PP_OK : PP_ERR_RANGE,
                      pp_counter_add(counter, cases[i].delta, &sum));
        int64_t expected = cases[i].fits ? cases[i].number + cases[i].delta : cases[i].number;
        assert_true(pp_counter_get(counter) == expected);
        assert_true(sum == (cases[i].fits ? expected : 7));
        drop(self, counter);
    }
    pp_thread_leave(self);
    assert_all_gone();
}

static void without_memory(void **state)
{
    (void)state;
    pp_thread *self = test_thread();
    pp_counter *counter;
    pp_thread_enter(self);
    pp_heap_fail_after(0);
    assert_status(PP_ERR_NOMEM, pp_counter_new(self, 1, &counter));
    pp_heap_fail_after(-1);
    pp_thread_leave(self);
    assert_all_gone();
}

enum { THREADS = 4, STEPS = 20000 };

/* Adds in two ways; each sum is seen once. */
static void count(crew *c, int index)
{
    pp_counter *counter = c->context;
    int64_t last = 0, sum;
    for (int i = 0; i < STEPS; i++) {
        if ((i + index) % 2 == 0) {
            crew_check(c, pp_counter_add(counter, 1, &sum) == PP_OK);
        } else {
            do {
                sum = pp_counter_get(counter) + 1;
            } while (!pp_counter_compare_and_set(counter, sum - 1, sum));
        }
        crew_check(c, sum > last);
        last = sum;
    }
}

static void nothing_is_lost(void **state)
{
    (void)state;
    pp_thread *self = test_thread();
    pp_thread_enter(self);
    pp_counter *counter = make(self, 0);
    pp_thread_leave(self);
    crew_run(THREADS, count, counter);
    assert_true(pp_counter_get(counter) == THREADS * STEPS);
    pp_thread_enter(self);
    drop(self, counter);
    pp_thread_leave(self);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions),
        cmocka_unit_test(it_does_not_overflow),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
