/* Dicts: every function, against a naive model, without memory, and among threads. */
#include <math.h>

#include "crew.h"
#include "nodes.h"
#include "values.h"

#include "share/dict.h"
#include "share/list.h"

static pp_dict *make(pp_thread *self)
{
    pp_dict *dict;
    assert_status(PP_OK, pp_dict_new(self, 0, &dict));
    return dict;
}

static void drop(pp_thread *self, pp_dict *dict)
{
    pp_table_check(pp_keyed_table(&dict->keyed));
    pp_release(self, pp_dict_object(dict));
}

static void set(pp_thread *self, pp_dict *dict, int64_t key, int64_t value)
{
    key_text text;
    pp_key k = key_numbered(key, &text);
    assert_status(PP_OK, pp_dict_set(self, dict, &k, value_numbered(value)));
}

static int64_t get(pp_thread *self, const pp_dict *dict, int64_t key)
{
    key_text text;
    pp_key k = key_numbered(key, &text);
    return value_number(pp_dict_get(self, dict, &k));
}

static int64_t pop(pp_thread *self, pp_dict *dict, int64_t key)
{
    key_text text;
    pp_key k = key_numbered(key, &text);
    pp_value value;
    assert_status(PP_OK, pp_dict_pop(self, dict, &k, &value));
    return value_take(self, value);
}

/* ---- one function after the other ------------------------------------------------------ */

static void empty(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    pp_value key, value;
    pp_values all;
    assert_int_equal(pp_dict_count(dict), 0);
    assert_int_equal(get(self, dict, 1), -1);
    assert_int_equal(pop(self, dict, 1), -1);
    assert_status(PP_OK, pp_dict_pop_last(self, dict, &key, &value));
    assert_true(key.word == 0 && value.word == 0);
    assert_status(PP_OK, pp_dict_clear(self, dict));
    assert_status(PP_OK, pp_dict_snapshot(self, dict, PP_DICT_ITEMS, &all));
    assert_int_equal(all.count, 0);
    pp_values_release(self, &all);
    assert_ptr_equal(pp_object_dict(pp_dict_object(dict)), dict);
    assert_null(pp_object_list(pp_dict_object(dict)));
    drop(self, dict);
    assert_status(PP_OK, pp_dict_new(self, 1000, &dict));
    assert_int_equal(pp_dict_count(dict), 0);
    drop(self, dict);
}

static void keys_of_all_kinds(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    enum { N = 2000 };
    for (int i = 0; i < N; i++)
        set(self, dict, i, i);
    assert_int_equal(pp_dict_count(dict), N);
    for (int i = 0; i < N; i++)
        assert_int_equal(get(self, dict, i), i);
    assert_int_equal(get(self, dict, N + 1), -1);
    for (int i = 0; i < N; i++) /* values replaced */
        set(self, dict, i, N - i);
    assert_int_equal(pp_dict_count(dict), N);
    for (int i = 0; i < N; i++)
        assert_int_equal(pop(self, dict, i), N - i);
    assert_int_equal(pp_dict_count(dict), 0);
    drop(self, dict);
}

/* As in Python: what is equal is one key, and the first one stays. */
static void equal_numbers_are_one_key(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    const pp_key ones[] = {pp_key_float(1.0), pp_key_int(1), pp_key_bool(true), pp_key_uint(1)};
    pp_values keys;
    for (int64_t i = 0; i < 4; i++)
        assert_status(PP_OK, pp_dict_set(self, dict, &ones[i], value_int(2 * i)));
    for (int i = 0; i < 4; i++)
        assert_int_equal(value_number(pp_dict_get(self, dict, &ones[i])), 6);
    assert_int_equal(pp_dict_count(dict), 1);
    assert_status(PP_OK, pp_dict_snapshot(self, dict, PP_DICT_KEYS, &keys));
    assert_int_equal(pp_value_kind(keys.items[0]), PP_KIND_FLOAT);
    pp_values_release(self, &keys);

    const pp_key others[] = {pp_key_float(NAN),     pp_key_float(-NAN),
                             pp_key_float(0.0),     pp_key_float(-0.0),
                             pp_key_str("1", 1),    pp_key_bin("1", 1),
                             pp_key_float(0x1p63),  pp_key_uint(UINT64_C(1) << 63),
                             pp_key_float(-0x1p63), pp_key_int(INT64_MIN),
                             pp_key_nil(),          pp_key_str("", 0),
                             pp_key_bin("", 0)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_status(PP_OK, pp_dict_set(self, dict, &others[i], value_int((int64_t)i)));
    assert_int_equal(pp_dict_count(dict), 1 + 9);
    drop(self, dict);
}

static void setdefault(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    pp_key key = pp_key_str("a key that is an object", 23);
    pp_value stored;
    bool was_there;
    assert_status(PP_OK, pp_dict_setdefault(self, dict, &key, value_text(1), &stored, &was_there));
    assert_false(was_there);
    assert_int_equal(value_number(stored), 1);
    assert_status(PP_OK, pp_dict_setdefault(self, dict, &key, value_text(2), &stored, &was_there));
    assert_true(was_there);
    assert_int_equal(value_number(stored), 1);
    drop(self, dict);
}

static bool cas(pp_thread *self, pp_dict *dict, int64_t key, pp_value expected, int64_t desired)
{
    key_text text;
    pp_key k = key_numbered(key, &text);
    bool swapped;
    pp_value value = desired < 0 ? PP_NO_VALUE : value_numbered(desired);
    assert_status(PP_OK, pp_dict_compare_and_set(self, dict, &k, expected, value, &swapped));
    pp_value_release(self, expected);
    return swapped;
}

static void compare_and_set(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    pp_value not_a_number;
    assert_false(cas(self, dict, 1, value_text(1), 3)); /* nothing is there */
    assert_true(cas(self, dict, 1, PP_NO_VALUE, -1));   /* and nothing is to be */
    assert_int_equal(pp_dict_count(dict), 0);
    assert_true(cas(self, dict, 1, PP_NO_VALUE, 1));
    assert_false(cas(self, dict, 1, PP_NO_VALUE, 3));
    assert_false(cas(self, dict, 1, value_text(2), 3));
    assert_int_equal(get(self, dict, 1), 1);
    assert_true(cas(self, dict, 1, value_text(1), 2)); /* equal, another object */
    assert_int_equal(get(self, dict, 1), 2);
    assert_true(cas(self, dict, 1, value_int(2), -1));
    assert_int_equal(get(self, dict, 1), -1);
    assert_int_equal(pp_dict_count(dict), 0);
    /* A NaN equals nothing, but is the same as itself. */
    assert_status(PP_OK, pp_float(self, NAN, &not_a_number));
    pp_key key = pp_key_int(0);
    assert_status(PP_OK, pp_dict_set(self, dict, &key, not_a_number));
    assert_true(cas(self, dict, 0, pp_dict_get(self, dict, &key), 4));
    assert_int_equal(get(self, dict, 0), 4);
    drop(self, dict);
}

static void add_expecting(pp_thread *self, pp_dict *dict, pp_value delta, pp_status expected)
{
    pp_key key = pp_key_str("sum", 3);
    pp_value sum = PP_NO_VALUE;
    assert_status(expected, pp_dict_add(self, dict, &key, delta, &sum));
    if (expected == PP_OK)
        assert_true(sum.word == pp_dict_get(self, dict, &key).word);
    else
        assert_true(sum.word == 0);
    pp_value_release(self, delta);
}

static pp_value large(pp_thread *self, uint64_t number)
{
    pp_value value;
    assert_status(PP_OK, pp_uint(self, number, &value));
    return value;
}

static pp_value negative(pp_thread *self, int64_t number)
{
    pp_value value;
    assert_status(PP_OK, pp_int(self, number, &value));
    return value;
}

static void add(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    pp_key key = pp_key_str("sum", 3);
    int64_t number;
    uint64_t unsigned_number;
    double real;
    pp_value half;
    add_expecting(self, dict, pp_bool(true), PP_ERR_TYPE);
    assert_int_equal(pp_dict_count(dict), 0);
    add_expecting(self, dict, value_int(5), PP_OK);
    add_expecting(self, dict, value_int(-7), PP_OK);
    assert_true(pp_value_int(pp_dict_get(self, dict, &key), &number) && number == -2);
    add_expecting(self, dict, negative(self, INT64_MIN), PP_ERR_RANGE);
    add_expecting(self, dict, negative(self, INT64_MIN + 2), PP_OK);
    assert_true(pp_value_int(pp_dict_get(self, dict, &key), &number) && number == INT64_MIN);
    add_expecting(self, dict, large(self, UINT64_MAX), PP_OK);
    assert_true(pp_value_int(pp_dict_get(self, dict, &key), &number) && number == INT64_MAX);
    add_expecting(self, dict, large(self, UINT64_C(1) << 63), PP_OK);
    assert_true(pp_value_uint(pp_dict_get(self, dict, &key), &unsigned_number));
    assert_true(unsigned_number == UINT64_MAX);
    add_expecting(self, dict, value_int(1), PP_ERR_RANGE);
    add_expecting(self, dict, negative(self, INT64_MIN), PP_OK);
    add_expecting(self, dict, negative(self, INT64_MIN + 1), PP_OK);
    assert_true(pp_value_int(pp_dict_get(self, dict, &key), &number) && number == 0);
    assert_status(PP_OK, pp_float(self, 0.5, &half));
    add_expecting(self, dict, half, PP_OK);
    add_expecting(self, dict, value_int(2), PP_OK);
    assert_true(pp_value_float(pp_dict_get(self, dict, &key), &real) && real == 2.5);
    add_expecting(self, dict, value_text(1), PP_ERR_TYPE);
    assert_status(PP_OK, pp_dict_set(self, dict, &key, value_text(1)));
    add_expecting(self, dict, value_int(1), PP_ERR_TYPE);
    drop(self, dict);
}

static void expect_order(pp_thread *self, pp_dict *dict, const int *keys, size_t count)
{
    pp_values all;
    assert_status(PP_OK, pp_dict_snapshot(self, dict, PP_DICT_KEYS, &all));
    assert_int_equal(all.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(key_number(all.items[i]), keys[i]);
    pp_values_release(self, &all);
    assert_true(all.items == NULL && all.count == 0);
}

static void order_is_that_of_insertion(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    for (int i = 9; i >= 0; i--)
        set(self, dict, i, i);
    expect_order(self, dict, (int[]){9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, 10);
    set(self, dict, 5, 50); /* keeps its place */
    assert_int_equal(pop(self, dict, 8), 8);
    assert_int_equal(pop(self, dict, 0), 0);
    set(self, dict, 8, 8); /* comes back at the end */
    expect_order(self, dict, (int[]){9, 7, 6, 5, 4, 3, 2, 1, 8}, 9);
    drop(self, dict);
}

static void pop_last(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    enum { N = 500 };
    pp_value keys[N] = {{0}}, value;
    for (int i = 0; i < N; i++)
        set(self, dict, i, i);
    for (int i = 0; i < N; i += 3)
        assert_int_equal(pop(self, dict, i), i);
    for (int i = N - 1; i >= 0; i--) {
        if (i % 3 == 0)
            continue;
        assert_status(PP_OK, pp_dict_pop_last(self, dict, &keys[i], &value));
        assert_int_equal(key_number(keys[i]), i);
        assert_int_equal(value_take(self, value), i);
    }
    assert_int_equal(pp_dict_count(dict), 0);
    drop(self, dict);
    /* The keys are the caller's, whatever becomes of the dict. */
    for (int i = 0; i < N; i++) {
        pp_object *object = pp_value_object(keys[i]);
        assert_true(object == NULL || pp_ref_total(object) == 1);
        pp_value_release(self, keys[i]);
    }
}

static void snapshots(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    pp_values keys, values, items;
    for (int i = 0; i < 7; i++)
        set(self, dict, i, 100 + i);
    assert_status(PP_OK, pp_dict_snapshot(self, dict, PP_DICT_KEYS, &keys));
    assert_status(PP_OK, pp_dict_snapshot(self, dict, PP_DICT_VALUES, &values));
    assert_status(PP_OK, pp_dict_snapshot(self, dict, PP_DICT_ITEMS, &items));
    drop(self, dict); /* they hold what they have */
    assert_true(keys.count == 7 && values.count == 7 && items.count == 14);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(key_number(keys.items[i]), i);
        assert_int_equal(value_number(values.items[i]), 100 + i);
        assert_int_equal(key_number(items.items[2 * i]), i);
        assert_int_equal(value_number(items.items[2 * i + 1]), 100 + i);
    }
    pp_values_release(self, &keys);
    pp_values_release(self, &values);
    pp_values_release(self, &items);
}

static void copies(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self), *copy;
    assert_status(PP_OK, pp_dict_copy(self, dict, &copy));
    assert_int_equal(pp_dict_count(copy), 0);
    drop(self, copy);
    for (int i = 0; i < 100; i++)
        set(self, dict, i, i);
    for (int i = 0; i < 100; i += 2)
        assert_int_equal(pop(self, dict, i), i);
    assert_status(PP_OK, pp_dict_copy(self, dict, &copy));
    set(self, dict, 1, 7);
    set(self, copy, 1000, 8);
    assert_int_equal(pp_dict_count(copy), 51);
    assert_int_equal(get(self, copy, 1), 1);
    assert_int_equal(get(self, dict, 1000), -1);
    for (int i = 3; i < 100; i += 2)
        assert_int_equal(get(self, copy, i), i);
    drop(self, dict);
    drop(self, copy);
}

/* ---- what a reader has borrowed ---------------------------------------------------------- */

static void borrowed_values_stay_readable(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    set(self, dict, 1, 11);
    key_text text;
    pp_key key = key_numbered(1, &text);
    pp_value borrowed = pp_dict_get(self, dict, &key);
    for (int i = 0; i < 200; i++) { /* replaced, and the table with it, many times */
        set(self, dict, 1, 13);
        set(self, dict, 2 + i, i);
    }
    assert_int_equal(value_number(borrowed), 11);
    assert_false(pp_value_try_retain(self, borrowed));
    drop(self, dict);
    assert_int_equal(value_number(borrowed), 11);
}

/* A key that is an object is kept as it is; one that died since it was borrowed is made anew. */
static void keys_that_are_objects(void **state)
{
    pp_thread *self = *state;
    pp_dict *dict = make(self);
    pp_value name = value_text(5);
    pp_values keys;
    pp_key key;
    assert_status(PP_OK, pp_key_value(&name, &key));
    assert_status(PP_OK, pp_dict_set(self, dict, &key, value_int(1)));
    assert_status(PP_OK, pp_dict_snapshot(self, dict, PP_DICT_KEYS, &keys));
    assert_true(keys.items[0].word == name.word);
    pp_values_release(self, &keys);
    assert_status(PP_OK, pp_dict_clear(self, dict));
    pp_object_publish(self, name);
    pp_value_release(self, name); /* dead, and borrowed until the scope ends */
    assert_false(pp_value_try_retain(self, name));
    assert_status(PP_OK, pp_dict_set(self, dict, &key, value_int(2)));
    assert_status(PP_OK, pp_dict_snapshot(self, dict, PP_DICT_KEYS, &keys));
    assert_true(keys.items[0].word != name.word);
    assert_int_equal(value_number(keys.items[0]), 5);
    pp_values_release(self, &keys);
    drop(self, dict);
}

/* ---- where a change cannot be done ----------------------------------------------------------- */

/* Every function that changes the dict or looks at all of it must say `expected` and do nothing. */
static void expect_refusal(pp_thread *self, pp_dict *dict, pp_status expected)
{
    pp_key key = pp_key_int(1), new_key = pp_key_int(2);
    pp_value value = value_text(77), out;
    pp_values all;
    pp_dict *copy;
    bool flag;
    for (int i = 0; i < 3; i++) /* each may take the value, except PP_ERR_BUSY */
        if (expected != PP_ERR_BUSY)
            pp_value_retain(self, value);
    assert_status(expected, pp_dict_set(self, dict, &key, value));
    assert_status(expected, pp_dict_setdefault(self, dict, &new_key, value, &out, &flag));
    assert_status(expected, pp_dict_compare_and_set(self, dict, &key, PP_NO_VALUE, value, &flag));
    assert_status(expected, pp_dict_add(self, dict, &key, value_int(1), &out));
    assert_status(expected, pp_dict_pop(self, dict, &key, &out));
    assert_status(expected, pp_dict_pop(self, dict, &key, NULL));
    assert_status(expected, pp_dict_pop_last(self, dict, &out, &out));
    assert_status(expected, pp_dict_clear(self, dict));
    assert_status(expected, pp_dict_snapshot(self, dict, PP_DICT_KEYS, &all));
    assert_status(expected, pp_dict_copy(self, dict, &copy));
    assert_int_equal(pp_ref_total(pp_value_object(value)), 1);
    pp_value_release(self, value);
}

static void busy(void **state)
{
    (void)state;
    pp_thread *self = test_thread();
    assert_true(pp_thread_try_enter(self));
    pp_dict *dict = make(self);
    pp_key key = pp_key_int(1);
    assert_status(PP_OK, pp_dict_set(self, dict, &key, value_int(4)));
    pp_mutex_lock(&dict->keyed.base.lock);
    expect_refusal(self, dict, PP_ERR_BUSY);
    assert_int_equal(value_number(pp_dict_get(self, dict, &key)), 4); /* reads go on */
    pp_mutex_unlock(&dict->keyed.base.lock);
    assert_int_equal(pp_dict_count(dict), 1);
    drop(self, dict);
    pp_thread_leave(self);
    assert_all_gone();
}

static void gone(void **state)
{
    pp_thread *self = *state;
    pp_dict *outer = make(self), *inner = make(self);
    pp_key key = pp_key_int(1);
    assert_status(PP_OK, pp_dict_set(self, inner, &key, value_int(4)));
    assert_status(PP_OK, pp_dict_set(self, outer, &key, pp_object_value(pp_dict_object(inner))));
    pp_dict *borrowed = pp_object_dict(pp_value_object(pp_dict_get(self, outer, &key)));
    assert_ptr_equal(borrowed, inner);
    assert_status(PP_OK, pp_dict_pop(self, outer, &key, NULL));
    expect_refusal(self, borrowed, PP_ERR_GONE);
    assert_int_equal(value_number(pp_dict_get(self, borrowed, &key)), 4); /* what it last was */
    drop(self, outer);
}

/* ---- against a naive model ----------------------------------------------------------------------
 */

enum { MODEL_KEYS = 48 };

/* Pairs in order; the dict must agree after every step. */
typedef struct model {
    size_t count;
    int64_t keys[MODEL_KEYS], values[MODEL_KEYS];
} model;

static size_t model_find(const model *m, int64_t key)
{
    size_t i = 0;
    while (i < m->count && m->keys[i] != key)
        i++;
    return i;
}

static void model_set(model *m, int64_t key, int64_t value)
{
    size_t i = model_find(m, key);
    m->count += i == m->count;
    m->keys[i] = key;
    m->values[i] = value;
}

static int64_t model_pop(model *m, int64_t key)
{
    size_t i = model_find(m, key);
    if (i == m->count)
        return -1;
    int64_t value = m->values[i];
    m->count--;
    memmove(&m->keys[i], &m->keys[i + 1], (m->count - i) * sizeof *m->keys);
    memmove(&m->values[i], &m->values[i + 1], (m->count - i) * sizeof *m->values);
    return value;
}

static void expect_same(pp_thread *self, pp_dict *dict, const model *m)
{
    pp_values all;
    assert_status(PP_OK, pp_dict_snapshot(self, dict, PP_DICT_ITEMS, &all));
    assert_int_equal(all.count, 2 * m->count);
    for (size_t i = 0; i < m->count; i++) {
        assert_int_equal(key_number(all.items[2 * i]), m->keys[i]);
        assert_int_equal(value_number(all.items[2 * i + 1]), m->values[i]);
    }
    pp_values_release(self, &all);
    pp_table_check(pp_keyed_table(&dict->keyed));
}

static void random_pop_last(pp_thread *self, pp_dict *dict, model *m)
{
    pp_value key, value;
    assert_status(PP_OK, pp_dict_pop_last(self, dict, &key, &value));
    if (m->count == 0) {
        assert_true(key.word == 0);
        return;
    }
    assert_int_equal(key_number(key), m->keys[m->count - 1]);
    assert_int_equal(value_take(self, value), m->values[m->count - 1]);
    pp_value_release(self, key);
    m->count--;
}

static void random_step(pp_thread *self, pp_dict *dict, model *m, uint64_t *random, int64_t serial)
{
    int64_t key = (int64_t)test_below(random, MODEL_KEYS);
    /* Times of growth and of decline. */
    size_t growing = serial / 500 % 2 == 0 ? 60 : 25;
    size_t choice = test_below(random, 100);
    size_t at = model_find(m, key);
    if (choice < growing) {
        set(self, dict, key, serial);
        model_set(m, key, serial);
    } else if (choice < 80) {
        assert_int_equal(pop(self, dict, key), model_pop(m, key));
    } else if (choice < 90) {
        random_pop_last(self, dict, m);
    } else if (choice < 99) {
        bool there = at < m->count;
        bool swapped =
            cas(self, dict, key, there ? value_numbered(m->values[at]) : PP_NO_VALUE, serial);
        assert_true(swapped);
        model_set(m, key, serial);
    } else if (test_below(random, 8) == 0) {
        assert_status(PP_OK, pp_dict_clear(self, dict));
        m->count = 0;
    }
    assert_int_equal(pp_dict_count(dict), m->count);
    key = (int64_t)test_below(random, MODEL_KEYS);
    at = model_find(m, key);
    assert_int_equal(get(self, dict, key), at < m->count ? m->values[at] : -1);
}

static void random_steps(void **state)
{
    pp_thread *self = *state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        pp_dict *dict = make(self);
        model m = {0};
        uint64_t random = seed;
        for (int64_t i = 0; i < 6000; i++) {
            random_step(self, dict, &m, &random, i);
            if (i % 64 == 0)
                expect_same(self, dict, &m);
            if (i % 512 == 0)
                pp_thread_checkpoint(self);
        }
        expect_same(self, dict, &m);
        drop(self, dict);
    }
}

/* ---- without memory ---------------------------------------------------------------------------
 */

/* Does each function until one fails; a failure has changed nothing. */
static pp_status fallible(pp_thread *self, pp_dict *dict, model *m, int64_t serial)
{
    key_text text;
    pp_status status = PP_OK;
    for (int64_t i = 0; i < 20 && status == PP_OK; i++) {
        int64_t number = serial + i;
        pp_key key = key_numbered(number % MODEL_KEYS, &text);
        pp_value value = value_numbered(number);
        if (value.word == 0)
            return PP_ERR_NOMEM;
        status = pp_dict_set(self, dict, &key, value);
        if (status == PP_OK)
            model_set(m, number % MODEL_KEYS, number);
    }
    pp_dict *copy;
    pp_values all;
    if (status == PP_OK && (status = pp_dict_copy(self, dict, &copy)) == PP_OK)
        drop(self, copy);
    if (status == PP_OK && (status = pp_dict_snapshot(self, dict, PP_DICT_VALUES, &all)) == PP_OK)
        pp_values_release(self, &all);
    for (int64_t i = 0; i < 20 && status == PP_OK; i++) { /* never fails: shrinking is optional */
        pp_key key = key_numbered((serial + i) % MODEL_KEYS, &text);
        status = pp_dict_pop(self, dict, &key, NULL);
        assert_status(PP_OK, status);
        model_pop(m, (serial + i) % MODEL_KEYS);
    }
    return status;
}

static void every_allocation_fails_once(void **state)
{
    pp_thread *self = *state;
    int failures = 0;
    for (int64_t n = 0; n < 120; n++) { /* more than there are allocations */
        pp_dict *dict = make(self);
        model m = {0};
        for (int i = 0; i < 5; i++) {
            set(self, dict, i, i);
            model_set(&m, i, i);
        }
        pp_heap_fail_after(n);
        failures += fallible(self, dict, &m, 100) != PP_OK;
        pp_heap_fail_after(-1);
        expect_same(self, dict, &m);
        drop(self, dict);
    }
    assert_in_range(failures, 20, 119);
    pp_dict *dict;
    for (int64_t n = 0; n < 2; n++) { /* the object, its table */
        pp_heap_fail_after(n);
        assert_status(PP_ERR_NOMEM, pp_dict_new(self, 100, &dict));
        pp_heap_fail_after(-1);
    }
}

/* ---- among threads
 * ------------------------------------------------------------------------------- */

enum { THREADS = 4, STEPS = 3000, STABLE = 8 };

typedef struct shared {
    pp_dict *dict;
    _Atomic int64_t added;
} shared;

/* Keys below STABLE are always there; the others come and go, and the table is replaced all the
 * time. */
static void churn(crew *c, int index)
{
    shared *s = c->context;
    pp_thread *self = test_thread();
    uint64_t random = (uint64_t)index + 1;
    key_text text;
    for (int i = 0; i < STEPS; i++) {
        pp_thread_enter(self);
        int64_t number = (int64_t)test_below(&random, STABLE);
        pp_key stable = key_numbered(number, &text);
        pp_value value = pp_dict_get(self, s->dict, &stable);
        crew_check(c, value.word != 0);
        crew_check(c, value_number(value) % STABLE == number);
        if (i % 4 == 0)
            crew_check(c, pp_dict_set(self, s->dict, &stable,
                                      value_numbered(number + STABLE * (int64_t)test_below(
                                                                           &random, 50))) == PP_OK);
        crew_check(c, value_number(value) % STABLE == number); /* also after it was replaced */
        key_text other_text;
        pp_key other = key_numbered(STABLE + (int64_t)test_below(&random, 64), &other_text);
        if (test_below(&random, 2) == 0)
            crew_check(c, pp_dict_set(self, s->dict, &other, value_numbered(i)) == PP_OK);
        else
            crew_check(c, pp_dict_pop(self, s->dict, &other, NULL) == PP_OK);
        pp_thread_leave(self);
    }
}

static void stable_keys_are_always_found(void **state)
{
    (void)state;
    shared s;
    pp_thread *self = test_thread();
    pp_thread_enter(self);
    s.dict = make(self);
    for (int64_t i = 0; i < STABLE; i++)
        set(self, s.dict, i, i);
    pp_thread_leave(self);
    crew_run(THREADS, churn, &s);
    pp_thread_enter(self);
    drop(self, s.dict);
    pp_thread_leave(self);
    assert_all_gone();
}

static void add_up(crew *c, int index)
{
    shared *s = c->context;
    pp_thread *self = test_thread();
    uint64_t random = (uint64_t)index + 1;
    key_text text;
    for (int i = 0; i < STEPS; i++) {
        pp_value sum;
        int64_t delta = (int64_t)test_below(&random, 1000);
        pp_key key = key_numbered((int64_t)test_below(&random, 3), &text);
        pp_thread_enter(self);
        crew_check(c, pp_dict_add(self, s->dict, &key, value_int(delta), &sum) == PP_OK);
        pp_thread_leave(self);
        atomic_fetch_add(&s->added, delta);
    }
}

static void no_addition_is_lost(void **state)
{
    (void)state;
    shared s = {0};
    pp_thread *self = test_thread();
    pp_thread_enter(self);
    s.dict = make(self);
    pp_thread_leave(self);
    crew_run(THREADS, add_up, &s);
    pp_thread_enter(self);
    int64_t sum = 0;
    for (int64_t i = 0; i < 3; i++)
        sum += get(self, s.dict, i);
    assert_true(sum == atomic_load(&s.added));
    drop(self, s.dict);
    pp_thread_leave(self);
    assert_all_gone();
}

/* Dicts within dicts: borrowed, changed while others take them out. */
static void nest(crew *c, int index)
{
    shared *s = c->context;
    pp_thread *self = test_thread();
    uint64_t random = (uint64_t)index + 1;
    pp_key name = pp_key_str("name", 4);
    for (int i = 0; i < STEPS; i++) {
        pp_key key = pp_key_int((int64_t)test_below(&random, 4));
        pp_thread_enter(self);
        pp_value borrowed = pp_dict_get(self, s->dict, &key);
        if (borrowed.word != 0) {
            pp_status status =
                pp_dict_set(self, pp_object_dict(pp_value_object(borrowed)), &name, value_text(i));
            crew_check(c, status == PP_OK || status == PP_ERR_GONE);
        }
        if (i % 3 == 0) {
            pp_dict *inner;
            crew_check(c, pp_dict_new(self, 0, &inner) == PP_OK);
            crew_check(c, pp_dict_set(self, s->dict, &key,
                                      pp_object_value(pp_dict_object(inner))) == PP_OK);
        }
        if (i % 7 == 0)
            crew_check(c, pp_dict_pop(self, s->dict, &key, NULL) == PP_OK);
        pp_thread_leave(self);
    }
}

static void inner_dicts_die_while_borrowed(void **state)
{
    (void)state;
    shared s = {0};
    pp_thread *self = test_thread();
    pp_thread_enter(self);
    s.dict = make(self);
    pp_thread_leave(self);
    crew_run(THREADS, nest, &s);
    pp_thread_enter(self);
    drop(self, s.dict);
    pp_thread_leave(self);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(keys_of_all_kinds, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(equal_numbers_are_one_key, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(setdefault, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(compare_and_set, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(add, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(order_is_that_of_insertion, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(pop_last, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(snapshots, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(copies, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(borrowed_values_stay_readable, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(keys_that_are_objects, begin_scope, end_scope),
        cmocka_unit_test(busy),
        cmocka_unit_test_setup_teardown(gone, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(random_steps, begin_scope, end_scope),
        cmocka_unit_test_setup_teardown(every_allocation_fails_once, begin_scope, end_scope),
        cmocka_unit_test(stable_keys_are_always_found),
        cmocka_unit_test(no_addition_is_lost),
        cmocka_unit_test(inner_dicts_die_while_borrowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
