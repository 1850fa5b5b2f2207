/* Values: what fits the word and what does not, what is read back, equality, keys. */
#include "crew.h"
#include "nodes.h"

#include <float.h>
#include <math.h>

#include "share/hash.h"

static pp_thread *thread;

static bool in_word(pp_value value)
{
    return pp_value_object(value) == NULL;
}

static double double_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, 8);
    return d;
}

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, 8);
    return bits;
}

/* ---- makers that cannot fail here --------------------------------------------- */

static pp_value of_int(int64_t n)
{
    pp_value v;
    assert_status(PP_OK, pp_int(thread, n, &v));
    return v;
}

static pp_value of_uint(uint64_t n)
{
    pp_value v;
    assert_status(PP_OK, pp_uint(thread, n, &v));
    return v;
}

static pp_value of_float(double d)
{
    pp_value v;
    assert_status(PP_OK, pp_float(thread, d, &v));
    return v;
}

static pp_value of_str(const char *s)
{
    pp_value v;
    assert_status(PP_OK, pp_str(thread, s, strlen(s), &v));
    return v;
}

static pp_value of_bin(const char *s)
{
    pp_value v;
    assert_status(PP_OK, pp_bin(thread, s, strlen(s), &v));
    return v;
}

static pp_value of_ext(int8_t type, const char *s)
{
    pp_value v;
    assert_status(PP_OK, pp_ext(thread, type, s, strlen(s), &v));
    return v;
}

static pp_value of_time(int64_t seconds, uint32_t nanoseconds)
{
    pp_value v;
    assert_status(PP_OK, pp_timestamp_value(thread, (pp_timestamp){seconds, nanoseconds}, &v));
    return v;
}

static void drop(pp_value value)
{
    pp_value_release(thread, value);
}

/* ---- scalars -------------------------------------------------------------------- */

static void constants(void **state)
{
    (void)state;
    bool b = false;
    assert_int_equal(pp_value_kind(PP_NO_VALUE), PP_KIND_NONE);
    assert_int_equal(pp_value_kind(pp_nil()), PP_KIND_NIL);
    assert_int_equal(pp_value_kind(pp_bool(true)), PP_KIND_BOOL);
    assert_int_equal(pp_value_kind(pp_bool(false)), PP_KIND_BOOL);
    assert_true(pp_value_bool(pp_bool(true), &b) && b);
    assert_true(pp_value_bool(pp_bool(false), &b) && !b);
    assert_false(pp_value_bool(pp_nil(), &b));
    assert_false(pp_value_bool(of_int(1), &b));
    assert_true(in_word(pp_nil()) && in_word(pp_bool(true)));
}

static void integers(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,
                                      1,
                                      -1,
                                      127,
                                      INT32_MAX,
                                      INT32_MIN,
                                      (INT64_C(1) << 60) - 1,
                                      -(INT64_C(1) << 60),
                                      INT64_C(1) << 60,
                                      -(INT64_C(1) << 60) - 1,
                                      INT64_MAX,
                                      INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t n = numbers[i], back = 0;
        uint64_t unsigned_back = 0;
        double d;
        pp_value value = of_int(n);
        bool fits = n >= -(INT64_C(1) << 60) && n < INT64_C(1) << 60;
        assert_true(in_word(value) == fits);
        assert_int_equal(pp_value_kind(value), PP_KIND_INT);
        assert_true(pp_value_int(value, &back) && back == n);
        assert_true(pp_value_uint(value, &unsigned_back) == (n >= 0));
        if (n >= 0)
            assert_true(unsigned_back == (uint64_t)n);
        assert_false(pp_value_float(value, &d));
        drop(value);
    }
    int64_t n;
    uint64_t u;
    pp_value value = of_uint((uint64_t)INT64_MAX + 1);
    assert_int_equal(pp_value_kind(value), PP_KIND_UINT);
    assert_false(pp_value_int(value, &n));
    assert_true(pp_value_uint(value, &u) && u == (uint64_t)INT64_MAX + 1);
    drop(value);
    value = of_uint(UINT64_MAX);
    assert_true(pp_value_uint(value, &u) && u == UINT64_MAX);
    drop(value);
    value = of_uint(7);
    assert_true(value.word == of_int(7).word);
    assert_int_equal(objects_alive(), 0);
}

static void check_float(double d, bool fits)
{
    pp_value value = of_float(d);
    double back = 1;
    int64_t n;
    if (in_word(value) != fits)
        fail_msg("%a %s the word", d, fits ? "does not fit" : "fits");
    assert_int_equal(pp_value_kind(value), PP_KIND_FLOAT);
    assert_true(pp_value_float(value, &back));
    assert_true(bits_of(back) == bits_of(d));
    assert_false(pp_value_int(value, &n));
    drop(value);
}

static void floats(void **state)
{
    (void)state;
    static const double in[] = {0.0, 1.0, 0.1, M_PI, 1e-38, 6e38, 0x1p-127, 0x1.fffffffffffffp128};
    static const double out[] = {
        0x1.fffffffffffffp-128, 0x1p129, 1e-40, 1e300, DBL_MAX, DBL_MIN, DBL_TRUE_MIN};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        check_float(in[i], true);
        check_float(-in[i], true);
    }
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        check_float(out[i], false);
        check_float(-out[i], false);
    }
    check_float(INFINITY, true);
    check_float(-INFINITY, true);
    check_float(double_of(UINT64_C(0x7ff8000000000000)), true);
    check_float(double_of(UINT64_C(0xfff8000000000000)), false); /* NaNs keep their bits */
    check_float(double_of(UINT64_C(0x7ff0000000000001)), false);
    uint64_t random = 7;
    for (int i = 0; i < 20000; i++) {
        double d = double_of(test_random(&random)), magnitude = fabs(d);
        bool fits = magnitude == 0 || isinf(d) ||
                    (magnitude >= 0x1p-127 && magnitude <= 0x1.fffffffffffffp128);
        check_float(d, fits || bits_of(d) == UINT64_C(0x7ff8000000000000));
    }
    assert_int_equal(objects_alive(), 0);
}

/* ---- bytes ------------------------------------------------------------------------ */

static void check_bytes(const char *bytes, size_t size, size_t code_points, uint32_t max)
{
    pp_value str, bin;
    pp_slice slice;
    size_t count = 0;
    uint32_t class = 0;
    assert_status(PP_OK, pp_str(thread, bytes, size, &str));
    assert_status(PP_OK, pp_bin(thread, bytes, size, &bin));
    assert_true(in_word(str) == (size <= 7) && in_word(bin) == (size <= 7));
    assert_int_equal(pp_value_kind(str), PP_KIND_STR);
    assert_int_equal(pp_value_kind(bin), PP_KIND_BIN);
    assert_true(pp_value_bytes(&str, &slice) && slice.size == size);
    assert_memory_equal(slice.data, bytes, size);
    assert_true(pp_value_bytes(&bin, &slice) && slice.size == size);
    assert_memory_equal(slice.data, bytes, size);
    assert_true(pp_value_code_points(&str, &count, &class));
    assert_int_equal(count, code_points);
    assert_int_equal(class, max);
    assert_false(pp_value_code_points(&bin, &count, &class));
    assert_false(pp_value_equal(str, bin));
    assert_true(pp_value_equal(str, str) && pp_value_equal(bin, bin));
    drop(str);
    drop(bin);
}

static void strings(void **state)
{
    (void)state;
    check_bytes("", 0, 0, 0x7f);
    check_bytes("a", 1, 1, 0x7f);
    check_bytes("a\0b", 3, 3, 0x7f);
    check_bytes("1234567", 7, 7, 0x7f);
    check_bytes("12345678", 8, 8, 0x7f);
    check_bytes("\xc3\xa9t\xc3\xa9", 5, 3, 0xff);
    check_bytes("na\xc3\xafvet\xc3\xa9s", 10, 8, 0xff);
    check_bytes("\xe2\x82\xac", 3, 1, 0xffff);
    check_bytes("\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 8, 2, 0x10ffff);
    static char large[100000];
    memset(large, 'x', sizeof large);
    check_bytes(large, sizeof large, sizeof large, 0x7f);
    pp_value value = PP_NO_VALUE;
    assert_status(PP_ERR_UTF8, pp_str(thread, "\xff", 1, &value));
    assert_status(PP_ERR_UTF8, pp_str(thread, "abcdefghi\xed\xa0\x80", 12, &value));
    assert_status(PP_ERR_TOO_LONG, pp_bin(thread, large, (size_t)UINT32_MAX + 1, &value));
    assert_status(PP_ERR_TOO_LONG, pp_str(thread, large, (size_t)UINT32_MAX + 1, &value));
    assert_status(PP_ERR_TOO_LONG, pp_ext(thread, 1, large, (size_t)UINT32_MAX + 1, &value));
    assert_int_equal(value.word, 0);
    pp_slice slice;
    value = of_int(5);
    assert_false(pp_value_bytes(&value, &slice));
    assert_int_equal(objects_alive(), 0);
}

static void exts_and_timestamps(void **state)
{
    (void)state;
    pp_value e = of_ext(-5, "body"), none = of_ext(127, ""), t = of_time(-1, 999999999);
    int8_t type = 0;
    pp_slice slice;
    pp_timestamp time;
    assert_int_equal(pp_value_kind(e), PP_KIND_EXT);
    assert_true(pp_value_ext_type(e, &type) && type == -5);
    assert_true(pp_value_bytes(&e, &slice) && slice.size == 4);
    assert_memory_equal(slice.data, "body", 4);
    assert_true(pp_value_bytes(&none, &slice) && slice.size == 0);
    assert_false(pp_value_ext_type(t, &type));
    assert_int_equal(pp_value_kind(t), PP_KIND_TIMESTAMP);
    assert_true(pp_value_timestamp(t, &time) && time.seconds == -1 &&
                time.nanoseconds == 999999999);
    assert_false(pp_value_timestamp(e, &time));
    assert_false(pp_value_timestamp(pp_nil(), &time));
    pp_value bad;
    assert_status(PP_ERR_TIMESTAMP,
                  pp_timestamp_value(thread, (pp_timestamp){0, 1000000000}, &bad));
    drop(e);
    drop(none);
    drop(t);
    assert_int_equal(objects_alive(), 0);
}

/* ---- equality and keys -------------------------------------------------------------- */

/* Values in groups: within one all are equal (and the same key), between two none. */
enum { GROUPS = 33, MEMBERS = 3 };

static void make_groups(pp_value groups[GROUPS * MEMBERS])
{
    pp_value all[GROUPS][MEMBERS] = {
        {pp_nil()},
        {pp_bool(true), of_int(1), of_float(1.0)},
        {pp_bool(false), of_float(0.0), of_float(-0.0)},
        {of_int(-7), of_float(-7.0)},
        {of_float(0.5)},
        {of_int(INT64_C(1) << 53), of_float(0x1p53)},
        {of_int((INT64_C(1) << 53) + 1)},
        {of_int(INT64_C(1) << 60), of_float(0x1p60), of_int(INT64_C(1) << 60)},
        {of_int(INT64_MAX), of_int(INT64_MAX)},
        {of_int(INT64_MIN), of_float(-0x1p63)},
        {of_uint(UINT64_C(1) << 63), of_float(0x1p63), of_uint(UINT64_C(1) << 63)},
        {of_uint(UINT64_MAX)},
        {of_uint(UINT64_MAX - 2047), of_float(0x1.fffffffffffffp63)},
        {of_float(0x1p64)},
        {of_float(1e300), of_float(1e300)},
        {of_float(INFINITY)},
        {of_float(-INFINITY)},
        {of_str("")},
        {of_str("a")},
        {of_str("abcdefg")},
        {of_str("abcdefgh"), of_str("abcdefgh")},
        {of_str("abcdefghi"), of_str("abcdefghi")},
        {of_bin("")},
        {of_bin("a")},
        {of_bin("abcdefgh"), of_bin("abcdefgh")},
        {of_ext(1, "abcdefgh"), of_ext(1, "abcdefgh")},
        {of_ext(2, "abcdefgh")},
        {of_ext(1, "abcdefgi")},
        {of_time(1, 2), of_time(1, 2)},
        {of_time(1, 3)},
        {of_time(2, 2)},
        {pp_object_value(node_new(thread, 0))},
        {pp_object_value(node_new(thread, 0))},
    };
    memcpy(groups, all, sizeof all);
}

static void drop_groups(pp_value groups[GROUPS * MEMBERS])
{
    for (int i = 0; i < GROUPS * MEMBERS; i++)
        drop(groups[i]);
    assert_int_equal(objects_alive(), 0);
}

static void equality(void **state)
{
    (void)state;
    pp_value groups[GROUPS * MEMBERS];
    make_groups(groups);
    for (int i = 0; i < GROUPS * MEMBERS; i++)
        for (int j = 0; j < GROUPS * MEMBERS; j++) {
            pp_value a = groups[i], b = groups[j];
            if (a.word == 0 || b.word == 0)
                continue;
            bool same = i / MEMBERS == j / MEMBERS;
            if (pp_value_equal(a, b) != same)
                fail_msg("group %d, %d and group %d, %d", i / MEMBERS, i % MEMBERS, j / MEMBERS,
                         j % MEMBERS);
        }
    drop_groups(groups);
    pp_value nan = of_float(NAN), other = of_float(double_of(UINT64_C(0x7ff0000000000001)));
    assert_false(pp_value_equal(nan, nan));
    assert_false(pp_value_equal(other, other));
    drop(other);
}

static void check_key_pair(pp_value a, pp_value b, bool same)
{
    pp_key x, y;
    assert_status(PP_OK, pp_key_value(&a, &x));
    assert_status(PP_OK, pp_key_value(&b, &y));
    assert_int_equal(x.hash, pp_key_hash(a));
    assert_true(pp_key_is(&x, b) == same);
    assert_true(pp_key_is(&y, a) == same);
    if (same)
        assert_true(x.hash == y.hash);
}

static void keys_of_values(void **state)
{
    (void)state;
    pp_value groups[GROUPS * MEMBERS];
    make_groups(groups);
    for (int i = 0; i < GROUPS * MEMBERS; i++) {
        pp_value a = groups[i];
        pp_key key;
        pp_kind kind = pp_value_kind(a);
        if (kind == PP_KIND_EXT || kind == PP_KIND_TIMESTAMP || kind == PP_KIND_LIST)
            assert_status(PP_ERR_TYPE, pp_key_value(&a, &key));
        for (int j = 0; j < GROUPS * MEMBERS; j++) {
            pp_value b = groups[j];
            pp_kind other = pp_value_kind(b);
            if (kind != PP_KIND_NONE && kind < PP_KIND_TIMESTAMP && other != PP_KIND_NONE &&
                other < PP_KIND_TIMESTAMP)
                check_key_pair(a, b, i / MEMBERS == j / MEMBERS);
        }
    }
    drop_groups(groups);
    pp_key key;
    pp_value none = PP_NO_VALUE;
    assert_status(PP_ERR_TYPE, pp_key_value(&none, &key));
}

/* A key made of what a caller has is the same as that of the value, which can be made of it. */
static void check_key(pp_key key, pp_value value)
{
    pp_key other;
    pp_value made = PP_NO_VALUE;
    assert_status(PP_OK, pp_key_value(&value, &other));
    assert_true(key.hash == other.hash);
    assert_int_equal(key.kind, other.kind);
    assert_true(pp_key_is(&key, value));
    assert_status(PP_OK, pp_key_make_value(thread, &key, &made));
    assert_int_equal(pp_value_kind(made), pp_value_kind(value));
    assert_true(pp_key_is(&other, made));
    assert_true(pp_key_hash(made) == key.hash);
    drop(made);
    drop(value);
}

static void keys_of_callers(void **state)
{
    (void)state;
    check_key(pp_key_nil(), pp_nil());
    check_key(pp_key_bool(true), pp_bool(true));
    check_key(pp_key_bool(false), pp_bool(false));
    check_key(pp_key_int(5), of_int(5));
    check_key(pp_key_int(INT64_MIN), of_int(INT64_MIN));
    check_key(pp_key_uint(5), of_uint(5));
    check_key(pp_key_uint(UINT64_MAX), of_uint(UINT64_MAX));
    check_key(pp_key_float(2.5), of_float(2.5));
    check_key(pp_key_float(1e300), of_float(1e300));
    check_key(pp_key_float(NAN), of_float(NAN));
    check_key(pp_key_str("abc", 3), of_str("abc"));
    check_key(pp_key_str("abcdefghijkl", 12), of_str("abcdefghijkl"));
    check_key(pp_key_bin("abc", 3), of_bin("abc"));
    check_key(pp_key_bin("abcdefghijkl", 12), of_bin("abcdefghijkl"));
    assert_int_equal(objects_alive(), 0);
    /* All NaNs are one key. */
    pp_key nan = pp_key_float(NAN), other = pp_key_float(double_of(UINT64_C(0xfff0000000000123)));
    assert_true(nan.hash == other.hash);
    pp_value stored = of_float(double_of(UINT64_C(0x7ff0000000000001)));
    assert_true(pp_key_is(&nan, stored) && pp_key_is(&other, stored));
    drop(stored);
    /* Bytes that are no UTF-8 do not become a str that others would decode unchecked. */
    pp_value made = PP_NO_VALUE;
    pp_key bad = pp_key_str("\xff\xfe", 2), long_bad = pp_key_str("abcdefgh\xff", 9);
    assert_status(PP_ERR_UTF8, pp_key_make_value(thread, &bad, &made));
    assert_status(PP_ERR_UTF8, pp_key_make_value(thread, &long_bad, &made));
    pp_heap_fail_after(0);
    pp_key key = pp_key_str("abcdefgh", 8);
    assert_status(PP_ERR_NOMEM, pp_key_make_value(thread, &key, &made));
    assert_int_equal(made.word, 0);
}

/* A key that is an object gives one more reference to that. */
static void keys_share_their_object(void **state)
{
    (void)state;
    pp_value value = of_str("a longer string"), made;
    pp_key key;
    assert_status(PP_OK, pp_key_value(&value, &key));
    assert_status(PP_OK, pp_key_make_value(thread, &key, &made));
    assert_true(made.word == value.word);
    assert_int_equal(pp_ref_total(pp_value_object(value)), 2);
    drop(made);
    drop(value);
}

/* ---- out of memory ------------------------------------------------------------------ */

static void no_memory(void **state)
{
    (void)state;
    pp_value v = PP_NO_VALUE;
    pp_heap_fail_after(0);
    assert_status(PP_ERR_NOMEM, pp_int(thread, INT64_MAX, &v));
    pp_heap_fail_after(0);
    assert_status(PP_ERR_NOMEM, pp_uint(thread, UINT64_MAX, &v));
    pp_heap_fail_after(0);
    assert_status(PP_ERR_NOMEM, pp_float(thread, 1e300, &v));
    pp_heap_fail_after(0);
    assert_status(PP_ERR_NOMEM, pp_str(thread, "12345678", 8, &v));
    pp_heap_fail_after(0);
    assert_status(PP_ERR_NOMEM, pp_bin(thread, "12345678", 8, &v));
    pp_heap_fail_after(0);
    assert_status(PP_ERR_NOMEM, pp_ext(thread, 0, "", 0, &v));
    pp_heap_fail_after(0);
    assert_status(PP_ERR_NOMEM, pp_timestamp_value(thread, (pp_timestamp){0, 0}, &v));
    pp_heap_fail_after(0); /* these need none */
    v = of_int(1);
    v = of_float(1.5);
    v = of_str("1234567");
    pp_heap_fail_after(-1);
    assert_int_equal(objects_alive(), 0);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(pp_kind_name(PP_KIND_NONE), "none");
    assert_string_equal(pp_kind_name(PP_KIND_UINT), "uint");
    assert_string_equal(pp_kind_name(PP_KIND_DICT), "dict");
    assert_string_equal(pp_kind_name(PP_KIND_COUNTER), "counter");
    assert_string_equal(pp_kind_name((pp_kind)16), "?");
    assert_string_equal(pp_kind_name((pp_kind)-1), "?");
}

static int begin(void **state)
{
    (void)state;
    thread = test_thread();
    pp_thread_enter(thread);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pp_thread_leave(thread);
    assert_all_gone();
    return 0;
}

#define each(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(constants),
        each(integers),
        each(floats),
        each(strings),
        each(exts_and_timestamps),
        each(equality),
        each(keys_of_values),
        each(keys_of_callers),
        each(keys_share_their_object),
        each(no_memory),
        each(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
