/* The reader's rules on types, containers and errors; single values are in
 * test_vectors.c. */
#include "test.h"

#include "parapack/format.h"
#include "parapack/reader.h"

static pp_reader reader_of(const uint8_t *data, size_t size)
{
    pp_reader r;
    pp_reader_init(&r, data, size, 8, PP_CHECK_UTF8);
    return r;
}

#define READER(...)                                                                                \
    reader_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void a_map_with_a_loop(void **state)
{
    (void)state;
    pp_reader r = READER(0x82, 0xa1, 'a', 1, 0xa1, 'b', 0x92, 0xc0, 0xc3);
    assert_int_equal(pp_read_map(&r), 2);
    pp_view key = pp_read_str(&r);
    assert_memory_equal(key.data, "a", key.size);
    assert_int_equal(pp_read_int64(&r), 1);
    key = pp_read_str(&r);
    assert_memory_equal(key.data, "b", key.size);
    assert_int_equal(pp_read_array(&r), 2);
    assert_int_equal(r.depth, 2);
    pp_read_nil(&r);
    assert_true(pp_read_bool(&r));
    pp_read_end(&r);
    pp_read_end(&r);
    assert_true(pp_reader_at_end(&r));
    assert_status(PP_OK, pp_reader_finish(&r));
}

static void wrong_types_and_ranges(void **state)
{
    (void)state;
    pp_reader r = READER(0xc3);
    pp_read_nil(&r);
    assert_status(PP_ERR_TYPE, r.status);
    r = READER(0xc0);
    assert_false(pp_read_bool(&r));
    assert_status(PP_ERR_TYPE, r.status);
    r = READER(0xcb, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(pp_read_int64(&r), 0);
    assert_status(PP_ERR_TYPE, r.status);
    r = READER(0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(pp_read_int64(&r), 0);
    assert_status(PP_ERR_RANGE, r.status);
    r = READER(0xff);
    assert_int_equal(pp_read_uint64(&r), 0);
    assert_status(PP_ERR_RANGE, r.status);
    r = READER(0xa1, 'x');
    assert_true(pp_read_double(&r) == 0);
    assert_status(PP_ERR_TYPE, r.status);
    r = READER(0xc4, 0);
    assert_null(pp_read_str(&r).data);
    assert_status(PP_ERR_TYPE, r.status);
    r = READER(0xa0);
    assert_null(pp_read_bin(&r).data);
    assert_status(PP_ERR_TYPE, r.status);
    r = READER(0x90);
    assert_int_equal(pp_read_map(&r), 0);
    assert_status(PP_ERR_TYPE, r.status);
    r = READER(0x80);
    assert_int_equal(pp_read_array(&r), 0);
    assert_status(PP_ERR_TYPE, r.status);
    r = READER(0xd4, 5, 0);
    (void)pp_read_timestamp(&r);
    assert_status(PP_ERR_TYPE, r.status);
    r = READER(0xd4, 0xff, 0);
    (void)pp_read_timestamp(&r);
    assert_status(PP_ERR_TIMESTAMP, r.status);
}

/* After an error nothing moves, nothing is returned, and the error stays. */
static void errors_are_sticky(void **state)
{
    (void)state;
    pp_reader r = READER(0x93, 1, 0xc1, 3);
    int8_t type = 77;
    pp_type next = PP_TYPE_EXT;
    pp_token t = {.count = 88};
    assert_int_equal(pp_read_array(&r), 3);
    assert_int_equal(pp_read_int64(&r), 1);
    assert_int_equal(pp_read_int64(&r), 0);
    assert_status(PP_ERR_FORMAT, r.status);
    assert_int_equal(r.error_offset, 2);
    assert_int_equal(pp_read_uint64(&r), 0);
    assert_true(pp_read_double(&r) == 0);
    assert_null(pp_read_str(&r).data);
    assert_null(pp_read_raw(&r).data);
    assert_null(pp_read_ext(&r, &type).data);
    assert_int_equal(type, 77);
    assert_false(pp_peek(&r, &next));
    assert_int_equal(next, PP_TYPE_EXT);
    assert_false(pp_read_token(&r, &t));
    assert_int_equal(t.count, 88);
    pp_read_skip(&r);
    pp_read_end(&r);
    pp_reader_fail(&r, PP_ERR_NOMEM);
    assert_true(pp_reader_at_end(&r));
    assert_status(PP_ERR_FORMAT, pp_reader_finish(&r));
    assert_int_equal(r.error_offset, 2);
}

static void utf8_is_checked_where_asked(void **state)
{
    (void)state;
    const uint8_t data[] = {0x92, 0xa1, 0xff, 0};
    pp_reader r = reader_of(data, sizeof data);
    (void)pp_read_array(&r);
    pp_reader skip = r, token = r;
    pp_token t;
    assert_null(pp_read_str(&r).data);
    assert_status(PP_ERR_UTF8, r.status);
    assert_int_equal(r.error_offset, 1);
    pp_read_skip(&skip);
    assert_status(PP_ERR_UTF8, skip.status);
    assert_false(pp_read_token(&token, &t));
    assert_status(PP_ERR_UTF8, token.status);

    pp_reader_init(&r, data, sizeof data, 8, 0);
    (void)pp_read_array(&r);
    assert_int_equal(pp_read_str(&r).data[0], 0xff);
    assert_status(PP_OK, r.status);
}

static void peek_reads_nothing(void **state)
{
    (void)state;
    pp_reader r = READER(0x91, 0xcd, 1, 0);
    pp_type type = PP_TYPE_NIL;
    assert_true(pp_peek(&r, &type));
    assert_int_equal(type, PP_TYPE_ARRAY);
    assert_int_equal(pp_read_array(&r), 1);
    assert_true(pp_peek(&r, &type));
    assert_int_equal(type, PP_TYPE_UINT);
    assert_int_equal(pp_read_uint64(&r), 256);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    uint8_t data[9];
    memset(data, 0x91, sizeof data);
    pp_reader r = reader_of(data, sizeof data); /* 8 levels */
    for (int i = 0; i < 8; i++)
        assert_int_equal(pp_read_array(&r), 1);
    assert_int_equal(pp_read_array(&r), 0);
    assert_status(PP_ERR_DEPTH, r.status);
    assert_int_equal(r.error_offset, 8);
}

/* A skip counts the levels above it. */
static void skip_keeps_to_the_depth(void **state)
{
    (void)state;
    for (size_t levels = 7; levels <= 8; levels++) {
        uint8_t data[9];
        memset(data, 0x91, sizeof data);
        data[levels] = 0;
        pp_reader r = reader_of(data, levels + 1);
        assert_int_equal(pp_read_array(&r), 1);
        pp_read_skip(&r);
        assert_status(PP_OK, r.status);
    }
    uint8_t deeper[10];
    memset(deeper, 0x91, sizeof deeper);
    pp_reader r = reader_of(deeper, sizeof deeper);
    assert_int_equal(pp_read_array(&r), 1);
    pp_read_skip(&r);
    assert_status(PP_ERR_DEPTH, r.status);
}

/* What all open containers claim together must be there. */
static void claims_are_not_trusted(void **state)
{
    (void)state;
    pp_reader r = READER(0xdd, 0xff, 0xff, 0xff, 0xff, 0, 0, 0);
    assert_int_equal(pp_read_array(&r), 0);
    assert_status(PP_ERR_EOF, r.status);
    assert_int_equal(r.error_offset, 0);
    /* 8 items owed; the first claims 4, but 3 bytes would be left for the other 7. */
    r = READER(0x98, 0x94, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(pp_read_array(&r), 8);
    assert_int_equal(pp_read_array(&r), 0);
    assert_status(PP_ERR_EOF, r.status);
    assert_int_equal(r.error_offset, 1);
    /* The same with just enough. */
    r = READER(0x93, 0x92, 0, 0, 0, 0);
    assert_int_equal(pp_read_array(&r), 3);
    assert_int_equal(pp_read_array(&r), 2);
    r = READER(0xdf, 0x80, 0, 0, 0);
    assert_int_equal(pp_read_map(&r), 0);
    assert_status(PP_ERR_EOF, r.status);
}

static void misuse_is_told(void **state)
{
    (void)state;
    pp_reader r = READER(0xc0);
    pp_read_end(&r);
    assert_status(PP_ERR_ARGUMENT, r.status);
    r = READER(0x92, 0xc0, 0xc0);
    (void)pp_read_array(&r);
    pp_read_nil(&r);
    pp_read_end(&r); /* one item is unread */
    assert_status(PP_ERR_ARGUMENT, r.status);
    r = READER(0x90);
    (void)pp_read_array(&r);
    assert_status(PP_ERR_ARGUMENT, pp_reader_finish(&r)); /* not closed */
}

static void values_in_a_row(void **state)
{
    (void)state;
    pp_reader r = READER(1, 0x90, 2, 3);
    assert_int_equal(pp_read_int64(&r), 1);
    pp_read_skip(&r);
    assert_int_equal(pp_read_int64(&r), 2);
    assert_false(pp_reader_at_end(&r));
    assert_status(PP_ERR_EXTRA, pp_reader_finish(&r));
    assert_int_equal(r.error_offset, 3);
    pp_reader_init(&r, NULL, 0, 8, 0);
    assert_true(pp_reader_at_end(&r));
    assert_status(PP_OK, pp_reader_finish(&r));
    pp_read_nil(&r);
    assert_status(PP_ERR_EOF, r.status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_with_a_loop),       cmocka_unit_test(wrong_types_and_ranges),
        cmocka_unit_test(errors_are_sticky),       cmocka_unit_test(utf8_is_checked_where_asked),
        cmocka_unit_test(peek_reads_nothing),      cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(skip_keeps_to_the_depth), cmocka_unit_test(claims_are_not_trusted),
        cmocka_unit_test(misuse_is_told),          cmocka_unit_test(values_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
