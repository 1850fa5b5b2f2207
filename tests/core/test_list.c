/* Lists: every function, against a naive model, without memory, and among threads. */
#include "crew.h"
#include "nodes.h"
#include "values.h"

#include "share/list.h"

static pp_list *make(pp_thread *self)
{
    pp_list *list;
    assert_status(PP_OK, pp_list_new(self, 0, &list));
    return list;
}

static void drop(pp_thread *self, pp_list *list)
{
    pp_list_type.check(pp_list_object(list));
    pp_release(self, pp_list_object(list));
}

/* A list of the numbers from 0 to n - 1. */
static pp_list *count_up(pp_thread *self, int64_t n)
{
    pp_list *list = make(self);
    for (int64_t i = 0; i < n; i++)
        assert_status(PP_OK, pp_list_append(self, list, value_numbered(i)));
    return list;
}

static int64_t get(pp_thread *self, const pp_list *list, int64_t index)
{
    return value_number(pp_list_get(self, list, index));
}

static void expect(pp_thread *self, pp_list *list, const int64_t *numbers, size_t count)
{
    pp_values all;
    assert_int_equal(pp_list_count(list), count);
    assert_status(PP_OK, pp_list_snapshot(self, list, 0, INT64_MAX, &all));
    assert_int_equal(all.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(value_number(all.items[i]), numbers[i]);
        assert_int_equal(get(self, list, (int64_t)i), numbers[i]);
        assert_int_equal(get(self, list, (int64_t)i - (int64_t)count), numbers[i]);
    }
    pp_values_release(self, &all);
    assert_int_equal(get(self, list, (int64_t)count), -1);
    assert_int_equal(get(self, list, -(int64_t)count - 1), -1);
}

#define EXPECT(list, ...)                                                                          \
    expect(self, list, (const int64_t[]){__VA_ARGS__},                                             \
           sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* ---- one function after the other ------------------------------------------------------ */

static void empty(void **state)
{
    pp_thread *self = *state;
    pp_list *list = make(self);
    pp_value value = PP_NO_VALUE;
    bool flag = true;
    assert_ptr_equal(pp_object_list(pp_list_object(list)), list);
    expect(self, list, NULL, 0);
    assert_status(PP_ERR_RANGE, pp_list_pop(self, list, 0, &value));
    assert_status(PP_ERR_RANGE, pp_list_pop(self, list, -1, &value));
    assert_status(PP_OK, pp_list_remove(self, list, value_int(1), &flag));
    assert_false(flag);
    assert_status(PP_OK, pp_list_clear(self, list));
    assert_status(PP_OK, pp_list_reverse(self, list));
    assert_status(PP_OK, pp_list_extend(self, list, NULL, 0));
    assert_status(PP_OK, pp_list_splice(self, list, 0, 0, NULL, 0));
    expect(self, list, NULL, 0);
    drop(self, list);
    assert_status(PP_OK, pp_list_new(self, 100, &list));
    expect(self, list, NULL, 0);
    drop(self, list);
    assert_status(PP_ERR_NOMEM, pp_list_new(self, SIZE_MAX, &list));
}

static void indexes_out_of_range(void **state)
{
    pp_thread *self = *state;
    static const int64_t indexes[] = {3,         -4,         INT64_MAX,
                                      INT64_MIN, UINT32_MAX, -(int64_t)UINT32_MAX};
    pp_list *list = count_up(self, 3);
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        pp_value value = PP_NO_VALUE;
        bool flag = false;
        assert_true(pp_list_get(self, list, indexes[i]).word == 0);
        assert_status(PP_ERR_RANGE, pp_list_set(self, list, indexes[i], value_text(7)));
        assert_status(PP_ERR_RANGE, pp_list_pop(self, list, indexes[i], &value));
        assert_status(PP_ERR_RANGE, pp_list_add(self, list, indexes[i], value_int(7), &value));
        assert_status(PP_ERR_RANGE, pp_list_compare_and_set(self, list, indexes[i], value_int(0),
                                                            value_text(7), &flag));
        assert_true(value.word == 0 && !flag);
    }
    EXPECT(list, 0, 1, 2);
    drop(self, list);
}

static void single_items(void **state)
{
    pp_thread *self = *state;
    pp_list *list = count_up(self, 4);
    pp_value value;
    bool flag;
    assert_status(PP_OK, pp_list_set(self, list, 1, value_text(11)));
    assert_status(PP_OK, pp_list_set(self, list, -1, value_text(13)));
    EXPECT(list, 0, 11, 2, 13);
    pp_value expected = value_text(11);
    assert_status(PP_OK, pp_list_compare_and_set(self, list, 1, expected, value_text(21), &flag));
    assert_true(flag);
    assert_status(PP_OK, pp_list_compare_and_set(self, list, 1, expected, value_text(31), &flag));
    assert_false(flag);
    pp_value_release(self, expected);
    assert_status(PP_OK, pp_list_add(self, list, 2, value_int(40), &value));
    assert_int_equal(value_number(value), 42);
    assert_status(PP_ERR_TYPE, pp_list_add(self, list, 1, value_int(40), &value));
    EXPECT(list, 0, 21, 42, 13);
    assert_status(PP_OK, pp_list_pop(self, list, -3, &value));
    assert_int_equal(value_take(self, value), 21);
    assert_status(PP_OK, pp_list_pop(self, list, -1, &value));
    assert_int_equal(value_take(self, value), 13);
    assert_status(PP_OK, pp_list_pop(self, list, 0, NULL));
    EXPECT(list, 42);
    drop(self, list);
}

static void append_and_pop(void **state)
{
    pp_thread *self = *state;
    enum { N = 3000 };
    pp_list *list = count_up(self, N);
    pp_value value;
    for (int64_t i = 0; i < N; i++)
        assert_int_equal(get(self, list, i), i);
    for (int64_t i = N - 1; i >= 0; i--) {
        assert_int_equal(get(self, list, -1), i);
        assert_status(PP_OK, pp_list_pop(self, list, -1, &value));
        assert_int_equal(value_take(self, value), i);
        assert_int_equal(pp_list_count(list), i);
    }
    assert_in_range(atomic_load(&list->items)->capacity, 0, 32); /* memory was given back */
    drop(self, list);
}

/* Appending and popping in one place for long: the versions of a block's length never repeat. */
static void lengths_do_not_repeat(void **state)
{
    pp_thread *self = *state;
    pp_list *list = count_up(self, 2);
    for (int i = 0; i < 200; i++) {
        const pp_items *items = atomic_load(&list->items);
        uint64_t before = atomic_load(&items->length);
        assert_status(PP_OK, pp_list_append(self, list, value_int(i)));
        assert_status(PP_OK, pp_list_pop(self, list, -1, NULL));
        assert_true(atomic_load(&list->items) != items || atomic_load(&items->length) != before);
    }
    EXPECT(list, 0, 1);
    drop(self, list);
}

static void splice(pp_thread *self, pp_list *list, int64_t start, int64_t stop, int64_t first,
                   size_t count)
{
    pp_value values[8] = {{0}};
    for (size_t i = 0; i < count; i++)
        values[i] = value_numbered(first + (int64_t)i);
    assert_status(PP_OK, pp_list_splice(self, list, start, stop, values, count));
}

static void splices(void **state)
{
    pp_thread *self = *state;
    pp_list *list = count_up(self, 6);
    splice(self, list, 0, 0, 10, 1);
    EXPECT(list, 10, 0, 1, 2, 3, 4, 5);
    splice(self, list, 2, 4, 20, 3);
    EXPECT(list, 10, 0, 20, 21, 22, 3, 4, 5);
    splice(self, list, -2, INT64_MAX, 0, 0);
    EXPECT(list, 10, 0, 20, 21, 22, 3);
    splice(self, list, 100, -100, 30, 2); /* empty, and at the end */
    EXPECT(list, 10, 0, 20, 21, 22, 3, 30, 31);
    splice(self, list, INT64_MIN, 2, 0, 0);
    EXPECT(list, 20, 21, 22, 3, 30, 31);
    splice(self, list, 4, 1, 40, 1); /* stop before start: inserted at start */
    EXPECT(list, 20, 21, 22, 3, 40, 30, 31);
    splice(self, list, 2, 2, 0, 0);
    EXPECT(list, 20, 21, 22, 3, 40, 30, 31);
    splice(self, list, 0, 7, 50, 1);
    EXPECT(list, 50);
    splice(self, list, 0, 1, 0, 0);
    expect(self, list, NULL, 0);
    splice(self, list, -5, 5, 60, 2);
    EXPECT(list, 60, 61);
    drop(self, list);
}

static void reverse_remove_clear(void **state)
{
    pp_thread *self = *state;
    pp_list *list = count_up(self, 5);
    bool removed;
    assert_status(PP_OK, pp_list_reverse(self, list));
    EXPECT(list, 4, 3, 2, 1, 0);
    assert_status(PP_OK, pp_list_set(self, list, 3, value_text(3)));
    pp_value three = value_text(3);
    assert_status(PP_OK, pp_list_remove(self, list, three, &removed)); /* the first of two */
    assert_true(removed);
    EXPECT(list, 4, 2, 3, 0);
    assert_status(PP_OK, pp_list_remove(self, list, three, &removed));
    assert_status(PP_OK, pp_list_remove(self, list, value_int(0), &removed)); /* at the end */
    assert_true(removed);
    assert_status(PP_OK, pp_list_remove(self, list, three, &removed));
    assert_false(removed);
    pp_value_release(self, three);
    EXPECT(list, 4, 2);
    assert_status(PP_OK, pp_list_clear(self, list));
    expect(self, list, NULL, 0);
    drop(self, list);
}

static void snapshots_of_ranges(void **state)
{
    pp_thread *self = *state;
    static const struct {
        int64_t start, stop, first;
        size_t count;
    } cases[] = {{0, 5, 0, 5},
                 {1, 3, 1, 2},
                 {-2, 5, 3, 2},
                 {2, -1, 2, 2},
                 {4, 2, 0, 0},
                 {9, 12, 0, 0},
                 {INT64_MIN, 1, 0, 1},
                 {-1, INT64_MAX, 4, 1},
                 {-9, -4, 0, 1},
                 {5, 5, 0, 0},
                 {INT64_MAX, INT64_MIN, 0, 0}};
    pp_list *list = count_up(self, 5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pp_values part;
        assert_status(PP_OK, pp_list_snapshot(self, list, cases[i].start, cases[i].stop, &part));
        assert_int_equal(part.count, cases[i].count);
        for (size_t j = 0; j < part.count; j++)
            assert_int_equal(value_number(part.items[j]), cases[i].first + (int64_t)j);
        pp_values_release(self, &part);
    }
    drop(self, list);
}

/* Changes that are computed outside. */
static void replace(void **state)
{
    pp_thread *self = *state;
    pp_list *list = count_up(self, 4);
    pp_values seen;
    bool replaced;
    assert_status(PP_OK, pp_list_snapshot(self, list, 0, 4, &seen));
    pp_value values[] = {value_text(21), value_int(22)};
    assert_status(PP_OK, pp_list_replace(self, list, &seen, values, 2, &replaced));
    assert_true(replaced);
    EXPECT(list, 21, 22);
    values[0] = value_text(31);
    assert_status(PP_OK, pp_list_replace(self, list, &seen, values, 1, &replaced));
    assert_false(replaced);
    pp_values_release(self, &seen);
    assert_status(PP_OK, pp_list_snapshot(self, list, 0, 4, &seen));
    /* Equal, but not the same object. */
    assert_status(PP_OK, pp_list_set(self, list, 0, value_text(21)));
    assert_status(PP_OK, pp_list_replace(self, list, &seen, NULL, 0, &replaced));
    assert_false(replaced);
    pp_values_release(self, &seen);
    assert_status(PP_OK, pp_list_snapshot(self, list, 0, 4, &seen));
    assert_status(PP_OK, pp_list_replace(self, list, &seen, NULL, 0, &replaced));
    assert_true(replaced);
    expect(self, list, NULL, 0);
    pp_values_release(self, &seen);
    drop(self, list);
}

static void borrowed_items_stay_readable(void **state)
{
    pp_thread *self = *state;
    pp_list *list = count_up(self, 4);
    pp_value one = pp_list_get(self, list, 1), three = pp_list_get(self, list, -1);
    for (int i = 0; i < 100; i++) {
        assert_status(PP_OK, pp_list_set(self, list, 1, value_text(5)));
        splice(self, list, 0, 0, 7, 2);
        splice(self, list, 4, 6, 0, 0);
    }
    assert_status(PP_OK, pp_list_clear(self, list));
    assert_int_equal(value_number(one), 1);
    assert_int_equal(value_number(three), 3);
    assert_false(pp_value_try_retain(self, one));
    drop(self, list);
}

/* ---- where a change cannot be done ----------------------------------------------------------- */

static void expect_refusal(pp_thread *self, pp_list *list, pp_status expected)
{
    pp_value value = value_text(77), out;
    pp_values all, none = {0};
    bool flag;
    for (int i = 0; i < 6; i++) /* each may take the value, except PP_ERR_BUSY */
        if (expected != PP_ERR_BUSY)
            pp_value_retain(self, value);
    assert_status(expected, pp_list_set(self, list, 0, value));
    assert_status(expected, pp_list_append(self, list, value));
    assert_status(expected, pp_list_extend(self, list, &value, 1));
    assert_status(expected, pp_list_splice(self, list, 0, 0, &value, 1));
    assert_status(expected, pp_list_compare_and_set(self, list, 0, value, value, &flag));
    assert_status(expected, pp_list_replace(self, list, &none, &value, 1, &flag));
    assert_status(expected, pp_list_pop(self, list, 0, &out));
    assert_status(expected, pp_list_pop(self, list, -1, NULL));
    assert_status(expected, pp_list_add(self, list, 0, value_int(1), &out));
    assert_status(expected, pp_list_remove(self, list, value, &flag));
    assert_status(expected, pp_list_reverse(self, list));
    assert_status(expected, pp_list_clear(self, list));
    assert_status(expected, pp_list_snapshot(self, list, 0, 1, &all));
    assert_int_equal(pp_ref_total(pp_value_object(value)), 1);
    pp_value_release(self, value);
}

static void busy_and_gone(void **state)
{
    (void)state;
    pp_thread *self = test_thread();
    assert_true(pp_thread_try_enter(self));
    pp_list *list = count_up(self, 3);
    pp_mutex_lock(&list->base.lock);
    expect_refusal(self, list, PP_ERR_BUSY);
    assert_int_equal(get(self, list, 1), 1); /* reads go on */
    pp_mutex_unlock(&list->base.lock);
    EXPECT(list, 0, 1, 2);
    pp_object_publish(self, pp_object_value(pp_list_object(list)));
    drop(self, list); /* borrowed from here on */
    expect_refusal(self, list, PP_ERR_GONE);
    assert_int_equal(get(self, list, 2), 2); /* what it last was */
    pp_thread_leave(self);
    assert_all_gone();
}

/* ---- against a naive model ----------------------------------------------------------------------
 */

enum { MODEL_ITEMS = 64 };

typedef struct model {
    size_t count;
    int64_t items[MODEL_ITEMS + 8];
} model;

static void model_splice(model *m, size_t start, size_t stop, int64_t first, size_t count)
{
    memmove(m->items + start + count, m->items + stop, (m->count - stop) * sizeof *m->items);
    for (size_t i = 0; i < count; i++)
        m->items[start + i] = first + (int64_t)i;
    m->count += count - (stop - start);
}

static void random_step(pp_thread *self, pp_list *list, model *m, uint64_t *random, int64_t serial)
{
    size_t at = test_below(random, m->count + 1);
    size_t stop = at + test_below(random, m->count - at + 1);
    size_t choice = m->count >= MODEL_ITEMS - 8 ? 9 : test_below(random, 10);
    pp_value value;
    if (choice < 3) {
        assert_status(PP_OK, pp_list_append(self, list, value_numbered(serial)));
        model_splice(m, m->count, m->count, serial, 1);
    } else if (choice < 5 && m->count > 0) {
        assert_status(PP_OK, pp_list_pop(self, list, -1, &value));
        assert_int_equal(value_take(self, value), m->items[--m->count]);
    } else if (choice < 6 && at < m->count) {
        assert_status(PP_OK, pp_list_pop(self, list, (int64_t)at, &value));
        assert_int_equal(value_take(self, value), m->items[at]);
        model_splice(m, at, at + 1, 0, 0);
    } else if (choice < 7 && at < m->count) {
        assert_status(PP_OK, pp_list_set(self, list, (int64_t)at, value_numbered(serial)));
        m->items[at] = serial;
    } else if (choice < 9) {
        size_t count = test_below(random, 8);
        splice(self, list, (int64_t)at, (int64_t)stop, serial, count);
        model_splice(m, at, stop, serial, count);
    } else {
        splice(self, list, (int64_t)at, (int64_t)stop, 0, 0);
        model_splice(m, at, stop, 0, 0);
    }
}

static void random_steps(void **state)
{
    pp_thread *self = *state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        pp_list *list = make(self);
        model m = {0};
        uint64_t random = seed;
        for (int64_t i = 0; i < 4000; i++) {
            random_step(self, list, &m, &random, i);
            assert_int_equal(pp_list_count(list), m.count);
            if (i % 16 == 0)
                expect(self, list, m.items, m.count);
            if (i % 512 == 0)
                pp_thread_checkpoint(self);
        }
        expect(self, list, m.items, m.count);
        drop(self, list);
    }
}

/* ---- without memory ---------------------------------------------------------------------------
 */

static bool fallible_step(pp_thread *self, pp_list *list, model *m, int64_t i)
{
    pp_value values[3] = {value_numbered(i), value_numbered(i + 1), value_numbered(i + 2)};
    pp_status status = PP_ERR_NOMEM;
    if (values[0].word == 0 || values[1].word == 0 || values[2].word == 0) {
        for (int j = 0; j < 3; j++)
            pp_value_release(self, values[j]);
        return false;
    }
    if (i % 2 == 0) {
        status = pp_list_extend(self, list, values, 3);
        if (status == PP_OK)
            model_splice(m, m->count, m->count, i, 3);
    } else {
        status = pp_list_splice(self, list, 1, 3, values, 3);
        if (status == PP_OK)
            model_splice(m, 1, 3, i, 3);
    }
    if (status == PP_OK && (status = pp_list_reverse(self, list)) == PP_OK)
        for (size_t j = 0; j < m->count / 2; j++) {
            int64_t item = m->items[j];
            m->items[j] = m->items[m->count - 1 - j];
            m->items[m->count - 1 - j] = item;
        }
    if (status == PP_OK && (status = pp_list_pop(self, list, 0, NULL)) == PP_OK)
        model_splice(m, 0, 1, 0, 0);
    return status == PP_OK;
}

static void every_allocation_fails_once(void **state)
{
    pp_thread *self = *state;
    int failures = 0;
    for (int64_t n = 0; n < 80; n++) {
        pp_list *list = count_up(self, 3);
        model m = {.count = 3, .items = {0, 1, 2}};
        pp_values all;
        bool fine = true;
        pp_heap_fail_after(n);
        for (int64_t i = 10; i < 20 && fine; i++)
            fine = fallible_step(self, list, &m, i);
        if (fine && (fine = pp_list_snapshot(self, list, 0, 100, &all) == PP_OK))
            pp_values_release(self, &all);
        pp_heap_fail_after(-1);
        failures += !fine;
        expect(self, list, m.items, m.count);
        drop(self, list);
    }
    assert_in_range(failures, 30, 79);
    pp_list *list;
    for (int64_t n = 0; n < 2; n++) { /* the object, its block */
        pp_heap_fail_after(n);
        assert_status(PP_ERR_NOMEM, pp_list_new(self, 10, &list));
        pp_heap_fail_after(-1);
    }
}

/* ---- among threads
 * ------------------------------------------------------------------------------- */

enum { THREADS = 4, STEPS = 3000 };

/* The first two items are set to what they are again and again, while the list grows and shrinks
 * behind them. */
static void churn(crew *c, int index)
{
    pp_list *list = c->context;
    pp_thread *self = test_thread();
    uint64_t random = (uint64_t)index + 1;
    for (int i = 0; i < STEPS; i++) {
        pp_thread_enter(self);
        int64_t at = (int64_t)test_below(&random, 2);
        pp_value item = pp_list_get(self, list, at);
        crew_check(c, value_number(item) == at);
        switch (test_below(&random, 4)) {
        case 0:
        case 1:
            crew_check(c, pp_list_append(self, list, value_numbered(i)) == PP_OK);
            break;
        case 2:
            crew_check(c, pp_list_splice(self, list, 2, 4, NULL, 0) == PP_OK);
            break;
        default:
            crew_check(c, pp_list_set(self, list, at, value_numbered(at)) == PP_OK);
        }
        crew_check(c, value_number(item) == at); /* also after it was replaced */
        pp_thread_leave(self);
    }
}

static void the_front_is_always_there(void **state)
{
    (void)state;
    pp_thread *self = test_thread();
    pp_thread_enter(self);
    pp_list *list = count_up(self, 2);
    pp_thread_leave(self);
    crew_run(THREADS, churn, list);
    pp_thread_enter(self);
    drop(self, list);
    pp_thread_leave(self);
    assert_all_gone();
}

enum { ITEMS = 2000 };

typedef struct stack {
    pp_list *list;
    _Atomic int popped[THREADS * ITEMS];
} stack;

/* Every item is popped once, by anybody. */
static void push_and_pop(crew *c, int index)
{
    stack *s = c->context;
    pp_thread *self = test_thread();
    for (int i = 0; i < 2 * ITEMS; i++) {
        pp_value value;
        pp_thread_enter(self);
        if (i < ITEMS) {
            value = value_numbered(index * ITEMS + i);
            crew_check(c, pp_list_append(self, s->list, value) == PP_OK);
        }
        if (i % 2 == 0 || i >= ITEMS) {
            pp_status status = pp_list_pop(self, s->list, i % 3 == 0 ? 0 : -1, &value);
            crew_check(c, status == PP_OK || status == PP_ERR_RANGE);
            if (status == PP_OK)
                atomic_fetch_add(&s->popped[value_take(self, value)], 1);
        }
        pp_thread_leave(self);
    }
}

static void each_item_is_popped_once(void **state)
{
    (void)state;
    static stack s;
    pp_thread *self = test_thread();
    pp_thread_enter(self);
    s.list = make(self);
    pp_thread_leave(self);
    crew_run(THREADS, push_and_pop, &s);
    pp_thread_enter(self);
    assert_int_equal(pp_list_count(s.list), 0);
    for (int i = 0; i < THREADS * ITEMS; i++)
        assert_int_equal(s.popped[i], 1);
    drop(self, s.list);
    pp_thread_leave(self);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(indexes_out_of_range, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(single_items, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(append_and_pop, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(lengths_do_not_repeat, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(splices, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(reverse_remove_clear, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(snapshots_of_ranges, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(replace, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(borrowed_items_stay_readable, begin_scope, end_scope),
        cmocka_unit_test(busy_and_gone),
        cmocka_unit_test_setup_teardown(random_steps, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(every_allocation_fails_once, begin_scope, end_scope),
        cmocka_unit_test(the_front_is_always_there),
        cmocka_unit_test(each_item_is_popped_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
