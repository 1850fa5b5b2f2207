/* The checker of linearizability: it accepts what is linearizable and nothing else. */
#include "linear.h"
#include "test.h"

/* ---- a register: write a, read -> result ------------------------------------------- */

enum { WRITE, READ };
static const char *const register_codes[] = {"write", "read"};

static bool register_step(void *state, const linear_op *op)
{
    uint64_t *value = state;
    if (op->code == WRITE)
        *value = (uint64_t)op->a;
    return op->code == WRITE || op->returned == LINEAR_PENDING || op->result == *value;
}

static const linear_spec register_spec = {"register", register_codes, sizeof(uint64_t),
                                          register_step};

static linear_op write_op(int64_t value, uint64_t called, uint64_t returned)
{
    return (linear_op){.code = WRITE, .a = value, .called = called, .returned = returned};
}

static linear_op read_op(uint64_t value, uint64_t called, uint64_t returned)
{
    return (linear_op){.code = READ, .result = value, .called = called, .returned = returned};
}

#define CHECK(...)                                                                                 \
    linear_check(&register_spec, (linear_op[]){__VA_ARGS__},                                       \
                 sizeof((linear_op[]){__VA_ARGS__}) / sizeof(linear_op))

static void one_after_the_other(void **state)
{
    (void)state;
    assert_true(linear_check(&register_spec, NULL, 0));
    assert_true(CHECK(read_op(0, 1, 2)));
    assert_false(CHECK(read_op(1, 1, 2)));
    assert_true(CHECK(write_op(1, 1, 2), read_op(1, 3, 4)));
    assert_false(CHECK(write_op(1, 1, 2), read_op(0, 3, 4)));
    assert_false(CHECK(write_op(1, 1, 2), write_op(2, 3, 4), read_op(1, 5, 6)));
}

static void at_the_same_time(void **state)
{
    (void)state;
    /* A read during a write may see it or not, but reads in turn do not go back. */
    assert_true(CHECK(write_op(1, 1, 6), read_op(0, 2, 3), read_op(1, 4, 5)));
    assert_false(CHECK(write_op(1, 1, 6), read_op(1, 2, 3), read_op(0, 4, 5)));
    assert_true(CHECK(write_op(1, 1, 6), read_op(1, 2, 4), read_op(0, 3, 5)));
    /* Two writes at once: everybody agrees on their order. */
    assert_true(CHECK(write_op(1, 1, 10), write_op(2, 2, 9), read_op(2, 3, 4), read_op(1, 5, 6)));
    assert_false(CHECK(write_op(1, 1, 10), write_op(2, 2, 9), read_op(2, 3, 4), read_op(1, 5, 6),
                       read_op(2, 7, 8)));
    assert_false(CHECK(write_op(1, 1, 4), write_op(2, 2, 3), read_op(1, 5, 6), read_op(2, 7, 8)));
}

static void what_has_not_returned(void **state)
{
    (void)state;
    assert_true(CHECK(write_op(1, 1, LINEAR_PENDING), read_op(0, 2, 3), read_op(0, 4, 5)));
    assert_true(CHECK(write_op(1, 1, LINEAR_PENDING), read_op(0, 2, 3), read_op(1, 4, 5)));
    assert_false(CHECK(write_op(1, 1, LINEAR_PENDING), read_op(1, 2, 3), read_op(0, 4, 5)));
    assert_false(CHECK(write_op(1, 4, LINEAR_PENDING), read_op(1, 2, 3)));
}

/* ---- against a search that tries every order ------------------------------------------- */

/* All orders of what is not done, without memory, deciding by pairs who may come first. */
static bool try_all(const linear_op *ops, size_t count, unsigned done, uint64_t value)
{
    if (done == (1u << count) - 1)
        return true;
    for (size_t i = 0; i < count; i++) {
        bool may = (done >> i & 1) == 0;
        for (size_t j = 0; may && j < count; j++)
            may = (done >> j & 1) != 0 || ops[j].returned > ops[i].called;
        uint64_t after = value;
        if (may && register_step(&after, &ops[i]) && try_all(ops, count, done | 1u << i, after))
            return true;
    }
    return false;
}

/* Histories of random calls and results; many are not linearizable. */
static size_t random_history(linear_op *ops, uint64_t *random)
{
    size_t count = 2 + test_below(random, 6);
    uint8_t moments[16];
    for (uint8_t i = 0; i < 2 * count; i++)
        moments[i] = i;
    for (size_t i = 2 * count - 1; i > 0; i--) {
        size_t j = test_below(random, 3) == 0 ? test_below(random, i + 1) : i;
        uint8_t swapped = moments[i];
        moments[i] = moments[j];
        moments[j] = swapped;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t a = moments[2 * i], b = moments[2 * i + 1];
        uint64_t value = test_below(random, 3);
        ops[i] = test_below(random, 2) == 0 ? write_op((int64_t)value, 0, 0) : read_op(value, 0, 0);
        ops[i].called = a < b ? a : b;
        ops[i].returned = a < b ? b : a;
    }
    return count;
}

static void agrees_with_trying_all(void **state)
{
    (void)state;
    uint64_t random = 7;
    unsigned linearizable = 0, rounds = 20000;
    for (unsigned round = 0; round < rounds; round++) {
        linear_op ops[8];
        size_t count = random_history(ops, &random);
        bool expected = try_all(ops, count, 0, 0);
        assert_int_equal(linear_check(&register_spec, ops, count), expected);
        linearizable += expected;
    }
    assert_in_range(linearizable, rounds / 20, rounds * 19 / 20);
}

/* ---- long ones ------------------------------------------------------------------------------- */

/* 64 operations that all overlap: without memory of what was tried there is no end. */
static void many_at_once(void **state)
{
    (void)state;
    linear_op ops[LINEAR_OPS];
    for (uint64_t i = 0; i < LINEAR_OPS; i++)
        ops[i] = i % 2 == 0 ? write_op((int64_t)(i / 2 % 3 + 1), i, 1000 + i)
                            : read_op(i / 2 % 3 + 1, i, 1000 + i);
    assert_true(linear_check(&register_spec, ops, LINEAR_OPS));
    for (uint64_t i = 0; i < 16; i++)
        ops[i] = write_op((int64_t)(i % 3 + 1), i, 1000 + i);
    ops[16] = read_op(4, 16, 1016); /* what nobody wrote */
    assert_false(linear_check(&register_spec, ops, 17));
}

/* ---- an object that is not linearizable
 * ---------------------------------------------------------- */

/* A counter whose increments are a load and a store. */
enum { ADD };
static const char *const counter_codes[] = {"add"};

static bool counter_step(void *state, const linear_op *op)
{
    uint64_t *value = state;
    return op->result == ++*value;
}

static const linear_spec counter_spec = {"counter", counter_codes, sizeof(uint64_t), counter_step};

static void lost_updates_are_found(void **state)
{
    (void)state;
    const linear_op lost[] = {{.code = ADD, .result = 1, .called = 1, .returned = 4},
                              {.code = ADD, .result = 1, .called = 2, .returned = 3}};
    const linear_op good[] = {{.code = ADD, .result = 2, .called = 1, .returned = 4},
                              {.code = ADD, .result = 1, .called = 2, .returned = 3}};
    assert_false(linear_check(&counter_spec, lost, 2));
    assert_true(linear_check(&counter_spec, good, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other),   cmocka_unit_test(at_the_same_time),
        cmocka_unit_test(what_has_not_returned), cmocka_unit_test(agrees_with_trying_all),
        cmocka_unit_test(many_at_once),          cmocka_unit_test(lost_updates_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
