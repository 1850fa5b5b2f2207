/* Status codes, versions, buffers, timestamps. */
#include "test.h"

#include "parapack/parapack.h"

/* Numbers and names are an ABI: this list is written out, not derived. */
static void status_numbers_are_pinned(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *name;
    } pinned[] = {
        {0, "PP_OK"},           {1, "PP_ERR_NOMEM"},      {2, "PP_ERR_FULL"},
        {3, "PP_ERR_EOF"},      {4, "PP_ERR_FORMAT"},     {5, "PP_ERR_DEPTH"},
        {6, "PP_ERR_UTF8"},     {7, "PP_ERR_TYPE"},       {8, "PP_ERR_RANGE"},
        {9, "PP_ERR_TOO_LONG"}, {10, "PP_ERR_TIMESTAMP"}, {11, "PP_ERR_EXTRA"},
        {12, "PP_ERR_SINK"},    {13, "PP_ERR_ARGUMENT"},
    };
    for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++) {
        pp_status status = (pp_status)pinned[i].number;
        assert_string_equal(pp_status_name(status), pinned[i].name);
        assert_true(strlen(pp_status_text(status)) > 3);
    }
    assert_string_equal(pp_status_name((pp_status)999), "PP_ERR_?");
    assert_string_equal(pp_status_text((pp_status)999), "unknown status");
}

static void version_is_one(void **state)
{
    (void)state;
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", PP_VERSION_MAJOR, PP_VERSION_MINOR,
             PP_VERSION_PATCH);
    assert_string_equal(pp_version(), expected);
    assert_string_equal(PP_VERSION_STRING, expected);
    assert_string_equal(PP_PROJECT_VERSION, expected);
}

static void big_endian(void **state)
{
    (void)state;
    uint8_t bytes[9] = {0};
    pp_store_be16(bytes + 1, 0x0102);
    assert_memory_equal(bytes, "\0\1\2", 3);
    pp_store_be32(bytes + 1, 0x01020304);
    assert_memory_equal(bytes, "\0\1\2\3\4", 5);
    pp_store_be64(bytes + 1, UINT64_C(0x0102030405060708));
    assert_memory_equal(bytes, "\0\1\2\3\4\5\6\7\10", 9);
    assert_int_equal(pp_load_be16(bytes + 1), 0x0102);
    assert_int_equal(pp_load_be32(bytes + 1), 0x01020304);
    assert_true(pp_load_be64(bytes + 1) == UINT64_C(0x0102030405060708));
}

static void raw_headers_know_no_str8(void **state)
{
    (void)state;
    uint8_t p[8];
    assert_ptr_equal(pp_put_raw_header(p, 31), p + 1);
    assert_int_equal(p[0], 0xbf);
    assert_ptr_equal(pp_put_raw_header(p, 32), p + 3);
    assert_memory_equal(p, "\xda\x00\x20", 3);
    assert_ptr_equal(pp_put_raw_header(p, 255), p + 3);
    assert_memory_equal(p, "\xda\x00\xff", 3);
    assert_ptr_equal(pp_put_raw_header(p, 65536), p + 5);
    assert_memory_equal(p, "\xdb\x00\x01\x00\x00", 5);
}

/* ---- buffers ------------------------------------------------------------------- */

/* Refuses to shrink, and anything beyond a limit. */
static void *stubborn_resize(void *context, void *block, size_t old_size, size_t new_size)
{
    const size_t *limit = context;
    if (new_size < old_size || new_size > *limit)
        return NULL;
    return realloc(block, new_size);
}

static void stubborn_release(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

static void buffers_fail_unchanged(void **state)
{
    (void)state;
    size_t limit = 200;
    const pp_allocator allocator = {stubborn_resize, stubborn_release, &limit};
    pp_buffer b;
    pp_buffer_init(&b, &allocator);
    assert_status(PP_OK, pp_buffer_append(&b, "abc", 3));
    assert_status(PP_OK, pp_buffer_reserve(&b, 100)); /* so that there is something to shrink */
    assert_status(PP_ERR_NOMEM, pp_buffer_reserve(&b, 500));
    assert_status(PP_ERR_NOMEM, pp_buffer_reserve(&b, SIZE_MAX));
    assert_status(PP_ERR_NOMEM, pp_buffer_reserve(&b, SIZE_MAX / 2));
    assert_status(PP_ERR_NOMEM, pp_buffer_shrink(&b));
    assert_int_equal(b.size, 3);
    assert_memory_equal(b.data, "abc", 3);
    assert_status(PP_OK, pp_buffer_append(&b, NULL, 0));
    pp_buffer_deinit(&b);
    assert_null(b.data);
    assert_int_equal(b.capacity, 0);
}

static void buffers_are_handed_over(void **state)
{
    (void)state;
    pp_buffer b;
    size_t size, capacity;
    pp_buffer_init(&b, NULL);
    assert_null(pp_buffer_detach(&b, NULL, NULL));
    assert_status(PP_OK, pp_buffer_shrink(&b));
    for (int i = 0; i < 1000; i++)
        assert_status(PP_OK, pp_buffer_append(&b, &(uint8_t){(uint8_t)i}, 1));
    assert_true(b.capacity >= 1000 && b.capacity < 2100);
    assert_status(PP_OK, pp_buffer_shrink(&b));
    assert_status(PP_ERR_NOMEM, pp_buffer_reserve(&b, SIZE_MAX - 1)); /* the sum would wrap */
    uint8_t *data = pp_buffer_detach(&b, &size, &capacity);
    assert_int_equal(size, 1000);
    assert_int_equal(capacity, 1000);
    assert_int_equal(data[999], 999 & 0xff);
    assert_int_equal(b.size, 0);
    pp_malloc_allocator()->release(pp_malloc_allocator()->context, data, capacity);
    assert_status(PP_OK, pp_buffer_reserve(&b, 10));
    assert_status(PP_OK, pp_buffer_shrink(&b));
    assert_null(b.data);
}

/* ---- timestamps ----------------------------------------------------------------- */

static void timespec_both_ways(void **state)
{
    (void)state;
    static const pp_timestamp times[] = {{0, 0}, {-1, 999999999}, {INT32_MAX, 1}, {INT32_MIN, 0}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct timespec spec;
        pp_timestamp back;
        assert_status(PP_OK, pp_timestamp_to_timespec(times[i], &spec));
        assert_true(spec.tv_sec == (time_t)times[i].seconds);
        assert_status(PP_OK, pp_timestamp_from_timespec(&spec, &back));
        assert_true(back.seconds == times[i].seconds);
        assert_int_equal(back.nanoseconds, times[i].nanoseconds);
    }
    struct timespec spec = {1, -1};
    pp_timestamp t;
    assert_status(PP_ERR_TIMESTAMP, pp_timestamp_from_timespec(&spec, &t));
    spec.tv_nsec = 1000000000;
    assert_status(PP_ERR_TIMESTAMP, pp_timestamp_from_timespec(&spec, &t));
    assert_status(PP_ERR_TIMESTAMP, pp_timestamp_to_timespec((pp_timestamp){0, 1000000000}, &spec));
    pp_status far = pp_timestamp_to_timespec((pp_timestamp){INT64_MAX, 0}, &spec);
    assert_status(sizeof(time_t) < 8 ? PP_ERR_RANGE : PP_OK, far);
}

/* Encoded and decoded, at the borders of the three forms and at random. */
static void timestamps_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 100000; i++) {
        int64_t seconds = (int64_t)(test_random(&seed) >> test_below(&seed, 64));
        if (i % 3 == 0)
            seconds = -seconds;
        if (i % 5 == 0)
            seconds = (INT64_C(1) << (i % 10 == 0 ? 32 : 34)) + (int64_t)test_below(&seed, 3) - 1;
        uint32_t nanoseconds = i % 2 ? (uint32_t)test_below(&seed, 1000000000) : 0;
        uint8_t bytes[PP_TIMESTAMP_MAX];
        size_t size = (size_t)(pp_put_timestamp(bytes, seconds, nanoseconds) - bytes);
        bool in34 = seconds >= 0 && seconds < INT64_C(1) << 34;
        bool in32 = seconds >= 0 && seconds <= UINT32_MAX && nanoseconds == 0;
        assert_int_equal(size, in32 ? 6 : in34 ? 10 : 15);
        pp_reader r;
        pp_reader_init(&r, bytes, size, 0, 0);
        pp_timestamp t = pp_read_timestamp(&r);
        assert_status(PP_OK, pp_reader_finish(&r));
        assert_true(t.seconds == seconds);
        assert_int_equal(t.nanoseconds, nanoseconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_numbers_are_pinned),
        cmocka_unit_test(version_is_one),
        cmocka_unit_test(big_endian),
        cmocka_unit_test(raw_headers_know_no_str8),
        cmocka_unit_test(buffers_fail_unchanged),
        cmocka_unit_test(buffers_are_handed_over),
        cmocka_unit_test(timespec_both_ways),
        cmocka_unit_test(timestamps_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
