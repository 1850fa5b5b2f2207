/* Sets: what they do beyond dicts, with which they share the table. */
#include "crew.h"
#include "nodes.h"
#include "values.h"

#include "share/set.h"

static pp_set *make(pp_thread *self)
{
    pp_set *set;
    assert_status(PP_OK, pp_set_new(self, 0, &set));
    return set;
}

static void drop(pp_thread *self, pp_set *set)
{
    pp_table_check(pp_keyed_table(&set->keyed));
    pp_release(self, pp_set_object(set));
}

static bool add(pp_thread *self, pp_set *set, int64_t number)
{
    key_text text;
    pp_key key = key_numbered(number, &text);
    bool added;
    assert_status(PP_OK, pp_set_add(self, set, &key, &added));
    return added;
}

static bool remove_member(pp_thread *self, pp_set *set, int64_t number)
{
    key_text text;
    pp_key key = key_numbered(number, &text);
    bool removed;
    assert_status(PP_OK, pp_set_remove(self, set, &key, &removed));
    return removed;
}

static bool has(pp_thread *self, const pp_set *set, int64_t number)
{
    key_text text;
    pp_key key = key_numbered(number, &text);
    return pp_set_has(self, set, &key);
}

static void members(void **state)
{
    pp_thread *self = *state;
    pp_set *set = make(self);
    pp_value member;
    enum { N = 300 };
    assert_ptr_equal(pp_object_set(pp_set_object(set)), set);
    assert_false(remove_member(self, set, 1));
    assert_status(PP_OK, pp_set_pop(self, set, &member));
    assert_true(member.word == 0);
    for (int i = 0; i < N; i++) {
        assert_false(has(self, set, i));
        assert_true(add(self, set, i));
        assert_false(add(self, set, i));
        assert_true(has(self, set, i));
        assert_int_equal(pp_set_count(set), i + 1);
    }
    for (int i = 0; i < N; i += 2) {
        assert_true(remove_member(self, set, i));
        assert_false(remove_member(self, set, i));
        assert_false(has(self, set, i));
    }
    for (int i = N - 1; i > 0; i -= 2) {
        assert_true(has(self, set, i));
        assert_status(PP_OK, pp_set_pop(self, set, &member));
        assert_int_equal(key_number(member), i);
        pp_value_release(self, member);
    }
    assert_int_equal(pp_set_count(set), 0);
    drop(self, set);
}

static void copies_and_snapshots(void **state)
{
    pp_thread *self = *state;
    pp_set *set = make(self), *copy;
    pp_values all;
    for (int i = 0; i < 20; i++)
        add(self, set, i);
    assert_status(PP_OK, pp_set_copy(self, set, &copy));
    assert_status(PP_OK, pp_set_clear(self, set));
    assert_int_equal(pp_set_count(set), 0);
    assert_false(has(self, set, 3));
    drop(self, set);
    assert_status(PP_OK, pp_set_snapshot(self, copy, &all));
    drop(self, copy);
    assert_int_equal(all.count, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(key_number(all.items[i]), i);
    pp_values_release(self, &all);
}

static void expect_refusal(pp_thread *self, pp_set *set, pp_status expected)
{
    pp_key there = pp_key_int(1), missing = pp_key_int(2);
    pp_value member;
    pp_values all;
    pp_set *copy;
    bool flag;
    assert_status(expected, pp_set_add(self, set, &missing, &flag));
    assert_status(expected, pp_set_remove(self, set, &there, &flag));
    assert_status(expected, pp_set_pop(self, set, &member));
    assert_status(expected, pp_set_clear(self, set));
    assert_status(expected, pp_set_snapshot(self, set, &all));
    assert_status(expected, pp_set_copy(self, set, &copy));
}

static void busy_and_gone(void **state)
{
    (void)state;
    pp_thread *self = test_thread();
    pp_key there = pp_key_int(1);
    bool flag;
    assert_true(pp_thread_try_enter(self));
    pp_set *set = make(self);
    assert_status(PP_OK, pp_set_add(self, set, &there, &flag));
    pp_mutex_lock(&set->keyed.base.lock);
    expect_refusal(self, set, PP_ERR_BUSY);
    /* What would change nothing needs no lock. */
    assert_status(PP_OK, pp_set_add(self, set, &there, &flag));
    assert_false(flag);
    pp_mutex_unlock(&set->keyed.base.lock);
    assert_int_equal(pp_set_count(set), 1);
    pp_object_publish(self, pp_object_value(pp_set_object(set)));
    drop(self, set); /* borrowed from here on */
    expect_refusal(self, set, PP_ERR_GONE);
    assert_true(pp_set_has(self, set, &there));
    pp_thread_leave(self);
    assert_all_gone();
}

static void every_allocation_fails_once(void **state)
{
    pp_thread *self = *state;
    int failures = 0;
    for (int64_t n = 0; n < 60; n++) {
        pp_set *set = make(self), *copy;
        pp_status status = PP_OK;
        int64_t count = 0;
        key_text text;
        pp_heap_fail_after(n);
        while (count < 20 && status == PP_OK) {
            pp_key key = key_numbered(count, &text);
            bool added = false;
            status = pp_set_add(self, set, &key, &added);
            count += added;
        }
        if (status == PP_OK && (status = pp_set_copy(self, set, &copy)) == PP_OK)
            drop(self, copy);
        pp_heap_fail_after(-1);
        failures += status != PP_OK;
        assert_int_equal(pp_set_count(set), count);
        for (int64_t i = 0; i < 20; i++)
            assert_int_equal(has(self, set, i), i < count);
        drop(self, set);
    }
    assert_in_range(failures, 10, 59);
}

enum { THREADS = 4, NUMBERS = 400 };

typedef struct shared {
    pp_set *set;
    _Atomic int added[NUMBERS], removed[NUMBERS];
} shared;

static void add_and_remove(crew *c, int index)
{
    shared *s = c->context;
    pp_thread *self = test_thread();
    uint64_t random = (uint64_t)index + 1;
    key_text text;
    for (int i = 0; i < 6000; i++) {
        size_t number = test_below(&random, NUMBERS);
        pp_key key = key_numbered((int64_t)number, &text);
        bool changed = false;
        pp_thread_enter(self);
        if (test_below(&random, 2) == 0) {
            crew_check(c, pp_set_add(self, s->set, &key, &changed) == PP_OK);
            atomic_fetch_add(&s->added[number], changed);
        } else {
            crew_check(c, pp_set_remove(self, s->set, &key, &changed) == PP_OK);
            atomic_fetch_add(&s->removed[number], changed);
        }
        pp_thread_leave(self);
    }
}

static void every_addition_is_removed_once(void **state)
{
    (void)state;
    static shared s;
    pp_thread *self = test_thread();
    pp_thread_enter(self);
    s.set = make(self);
    pp_thread_leave(self);
    crew_run(THREADS, add_and_remove, &s);
    pp_thread_enter(self);
    for (int i = 0; i < NUMBERS; i++)
        assert_int_equal(s.added[i] - s.removed[i], has(self, s.set, i));
    drop(self, s.set);
    pp_thread_leave(self);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(members, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(copies_and_snapshots, begin_scope, end_scope),
        cmocka_unit_test(busy_and_gone),
        cmocka_unit_test_setup_teardown(every_allocation_fails_once, begin_scope, end_scope),
        cmocka_unit_test(every_addition_is_removed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
