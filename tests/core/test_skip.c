/* Skipping and validating: nesting, pieces, reuse. What a single value does is in
 * test_vectors.c and test_damage.c. */
#include "test.h"

#include "parapack/format.h"
#include "parapack/skip.h"

enum { ALL = PP_CHECK_UTF8 | PP_CHECK_TIMESTAMPS };

static void depth_is_the_number_of_open_containers(void **state)
{
    (void)state;
    for (uint32_t levels = 1; levels <= PP_MAX_DEPTH + 1; levels += levels < 5 ? 1 : 51) {
        uint8_t *data = test_block(levels);
        size_t end;
        memset(data, PP_FIXARRAY | 1, levels);
        data[levels - 1] = PP_FIXARRAY; /* the innermost is empty and counts too */
        if (levels <= PP_MAX_DEPTH) {
            assert_status(PP_OK, pp_skip(data, levels, levels, &end));
            assert_int_equal(end, levels);
        }
        uint32_t less = levels - 1;
        assert_status(PP_ERR_DEPTH, pp_skip(data, levels, less, &end));
        assert_int_equal(end, levels - 1);
        free(data);
    }
}

static void siblings_do_not_nest(void **state)
{
    (void)state;
    uint8_t data[3 + 1000];
    size_t end;
    data[0] = PP_ARRAY16;
    pp_store_be16(data + 1, 1000);
    memset(data + 3, PP_FIXMAP, 1000);
    assert_status(PP_OK, pp_skip(data, sizeof data, 2, &end));
    assert_int_equal(end, sizeof data);
    assert_status(PP_ERR_DEPTH, pp_skip(data, sizeof data, 1, &end));
    assert_int_equal(end, 3);
}

static void depth_zero_allows_scalars(void **state)
{
    (void)state;
    const uint8_t scalar[] = {PP_UINT8, 200}, container[] = {PP_FIXMAP};
    size_t end;
    assert_status(PP_OK, pp_skip(scalar, 2, 0, &end));
    assert_status(PP_ERR_DEPTH, pp_skip(container, 1, 0, &end));
    pp_skipper s;
    pp_skipper_init(&s, NULL, 0, 0);
    assert_status(PP_OK, pp_skipper_feed(&s, scalar, 2, &end));
    assert_int_equal(end, 2);
}

static void one_call_has_a_limit(void **state)
{
    (void)state;
    const uint8_t nil[] = {PP_NIL};
    size_t end = 5;
    assert_status(PP_ERR_ARGUMENT, pp_skip(nil, 1, PP_MAX_DEPTH + 1, &end));
    assert_int_equal(end, 0);
}

/* With a stack of the caller's, as deep as anyone likes. */
static void deep_with_own_stack(void **state)
{
    (void)state;
    enum { LEVELS = 100000 };
    uint8_t *data = test_block(LEVELS);
    uint64_t *open = test_block(LEVELS * sizeof *open);
    size_t used;
    memset(data, PP_FIXMAP | 1, LEVELS); /* as keys: a map may have a map as its key */
    pp_skipper s;
    pp_skipper_init(&s, open, LEVELS, 0);
    assert_status(PP_ERR_EOF, pp_skipper_feed(&s, data, LEVELS, &used));
    assert_int_equal(s.depth, LEVELS);
    /* Each map now lacks the rest of its key (inside) and its value. */
    const uint8_t nil = PP_NIL;
    for (int i = 0; i < LEVELS; i++)
        assert_status(PP_ERR_EOF, pp_skipper_feed(&s, &nil, 1, &used));
    assert_status(PP_OK, pp_skipper_feed(&s, &nil, 1, &used));
    assert_int_equal(s.offset, 2 * LEVELS + 1);
    free(data);
    free(open);
}

/* One byte after another, and every way to cut a document in two. */
static void pieces_equal_whole(void **state)
{
    (void)state;
    static const uint8_t data[] = {
        0x86, 0xa3, 0xe2, 0x82, 0xac, 0xcd, 0x01, 0x02,                      /* "€": 258 */
        0xa1, 0x61, 0xd7, 0xff, 0,    0,    0,    4,    0,    0,    0,    0, /* "a": a timestamp 64
                                                                              */
        0xa1, 0x62, 0xc7, 12,   0xff, 0,    0,    0,    1,    0,    0,    0,    0,
        0,    0,    0,    1,                                                    /* 96 */
        0xa1, 0x63, 0xdc, 0,    2,    0xc0, 0xd9, 4,    0xf0, 0x9f, 0x8c, 0x8d, /* [nil, "🌍"] */
        0xa1, 0x64, 0xc9, 0,    0,    0,    2,    5,    9,    9,                /* ext 32 */
        0xc4, 0,    0xd6, 0xff, 0,    0,    0,    0, /* bin: timestamp 32 */
    };
    uint64_t open[4];
    size_t end, used;
    assert_status(PP_OK, pp_validate(data, sizeof data, 4, ALL, &end));
    assert_int_equal(end, sizeof data);
    for (size_t cut = 0; cut < sizeof data; cut++) {
        pp_skipper s;
        pp_skipper_init(&s, open, 4, ALL);
        assert_status(PP_ERR_EOF, pp_skipper_feed(&s, data, cut, &used));
        assert_int_equal(used, cut);
        assert_status(PP_OK, pp_skipper_feed(&s, data + cut, sizeof data - cut, &used));
        assert_int_equal(used, sizeof data - cut);
        assert_int_equal(s.offset, sizeof data);
    }
}

/* An error that the second piece makes certain began in the first. */
static void offsets_reach_back(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[8];
        size_t size, offset;
        pp_status status;
    } cases[] = {
        {{0xa4, 'x', 0xf0, 0x9f, 'x'}, 5, 2, PP_ERR_UTF8},
        {{0xa3, 'x', 0xe2, 0x82, 0xc0}, 5, 2, PP_ERR_UTF8},
        {{0x92, 0xd7, 0xff, 0xff, 0xff, 0xff, 0xff}, 7, 3, PP_ERR_TIMESTAMP},
    };
    uint64_t open[4];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pp_skipper s;
        size_t used = 9;
        pp_status status = PP_ERR_EOF;
        pp_skipper_init(&s, open, 4, ALL);
        for (size_t k = 0; k < cases[i].size && status == PP_ERR_EOF; k++)
            status = pp_skipper_feed(&s, cases[i].data + k, 1, &used);
        assert_status(cases[i].status, status);
        assert_int_equal(s.offset, cases[i].offset);
        assert_int_equal(used, 0);
    }
}

static void errors_stay_until_reset(void **state)
{
    (void)state;
    const uint8_t bad[] = {0x91, 0xc1}, nil[] = {PP_NIL};
    uint64_t open[2];
    size_t used;
    pp_skipper s;
    pp_skipper_init(&s, open, 2, 0);
    assert_status(PP_ERR_FORMAT, pp_skipper_feed(&s, bad, 2, &used));
    assert_int_equal(s.offset, 1);
    assert_status(PP_ERR_FORMAT, pp_skipper_feed(&s, nil, 1, &used));
    pp_skipper_reset(&s);
    assert_status(PP_OK, pp_skipper_feed(&s, nil, 1, &used));
    assert_int_equal(used, 1);
}

static void values_follow_each_other(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 0x91, 2, 0xa1, 'x', PP_NIL};
    const size_t sizes[] = {1, 2, 2, 1};
    uint64_t open[2];
    size_t at = 0, used;
    pp_skipper s;
    pp_skipper_init(&s, open, 2, ALL);
    for (size_t i = 0; i < 4; i++) {
        assert_status(PP_OK, pp_skipper_feed(&s, data + at, sizeof data - at, &used));
        assert_int_equal(used, sizes[i]);
        assert_int_equal(s.offset, sizes[i]);
        at += used;
    }
    assert_status(PP_ERR_EOF, pp_skipper_feed(&s, NULL, 0, &used));
    assert_int_equal(s.offset, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depth_is_the_number_of_open_containers),
        cmocka_unit_test(siblings_do_not_nest),
        cmocka_unit_test(depth_zero_allows_scalars),
        cmocka_unit_test(one_call_has_a_limit),
        cmocka_unit_test(deep_with_own_stack),
        cmocka_unit_test(pieces_equal_whole),
        cmocka_unit_test(offsets_reach_back),
        cmocka_unit_test(errors_stay_until_reset),
        cmocka_unit_test(values_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
