/* UTF-8: the reference against the standard's table, every instruction set
 * against the reference. */
#include "test.h"

#include "wire/utf8_internal.h"

enum {
    MARGIN = 80 /* more than the widest block and the bytes before it */
};

static const pp__utf8_ops *tables[PP__UTF8_TABLES];
static size_t table_count;

static int find_tables(void **state)
{
    (void)state;
    table_count = pp__utf8_available(tables);
    print_message("tables:");
    for (size_t i = 0; i < table_count; i++)
        print_message(" %s", tables[i]->name);
    print_message("\n");
    return 0;
}

/* ---- the reference ------------------------------------------------------- */

/* Encodes by arithmetic on the definition, for any number below 2**21. */
static size_t encode(uint32_t c, size_t length, uint8_t *out)
{
    static const uint8_t marks[5] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(marks[length] | c);
    return length;
}

static size_t shortest(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static void every_code_point(void **state)
{
    (void)state;
    uint8_t bytes[4];
    for (uint32_t c = 0; c < 0x110000; c++) {
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        size_t length = encode(c, shortest(c), bytes);
        pp_utf8_info info;
        assert_int_equal(pp_utf8_scan(bytes, length, &info), surrogate ? PP_ERR_UTF8 : PP_OK);
        size_t size = 0;
        assert_int_equal(pp_utf8_size_ucs4(&c, 1, &size, NULL), surrogate ? PP_ERR_UTF8 : PP_OK);
        if (surrogate)
            continue;
        assert_int_equal(info.code_points, 1);
        uint32_t expected = c < 0x80 ? 0x7f : c < 0x100 ? 0xff : c < 0x10000 ? 0xffff : 0x10ffff;
        assert_int_equal(info.max_code_point_class, expected);
        assert_int_equal(size, length);
        uint8_t again[4];
        assert_ptr_equal(pp_utf8_from_ucs4(again, &c, 1), again + length);
        assert_memory_equal(again, bytes, length);
        uint32_t decoded = 0;
        pp_utf8_to_ucs4(bytes, length, &decoded);
        assert_int_equal(decoded, c);
    }
}

static void overlong_and_beyond_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[4];
    for (uint32_t c = 0; c < 0x10000; c++) {
        for (size_t length = shortest(c) + 1; length <= 4; length++) {
            encode(c, length, bytes);
            assert_int_equal(pp__utf8_sequence(bytes, length), -1);
        }
    }
    for (uint32_t c = 0x110000; c < 0x200000; c += 0x3f) {
        encode(c, 4, bytes);
        assert_int_equal(pp__utf8_sequence(bytes, 4), -1);
    }
    const uint32_t beyond = 0x110000;
    size_t size, index = 7;
    assert_status(PP_ERR_UTF8, pp_utf8_size_ucs4(&beyond, 1, &size, &index));
    assert_int_equal(index, 0);
}

/* ---- instruction sets against the reference ------------------------------ */

static void compare_scan(const pp__utf8_ops *table, const uint8_t *s, size_t n)
{
    pp_utf8_info expected = {0}, actual = {0};
    pp_status status = pp__utf8_scalar.scan(s, n, &expected);
    assert_int_equal(table->scan(s, n, &actual), status);
    assert_int_equal(actual.error_offset, expected.error_offset);
    if (status == PP_OK) {
        assert_int_equal(actual.code_points, expected.code_points);
        assert_int_equal(actual.max_code_point_class, expected.max_code_point_class);
    }
    assert_int_equal(table->is_ascii(s, n), pp__utf8_scalar.is_ascii(s, n));
}

/* Every first two bytes, before every third byte where something changes, at every
 * kind of place: alone, at the start, across the border of two blocks, at the
 * end. */
static void three_bytes_everywhere(void **state)
{
    (void)state;
    static const uint8_t thirds[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                     0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff};
    static const struct {
        size_t at, n;
    } places[] = {{0, 3}, {0, 40}, {14, 64}, {31, 64}, {61, 64}, {63, 66}};
    uint8_t text[MARGIN];
    memset(text, 'a', sizeof text);
    for (uint32_t x = 0; x < 1u << 16; x++) {
        for (size_t k = 0; k < sizeof thirds; k++) {
            size_t place = (x + k) % (sizeof places / sizeof places[0]);
            uint8_t *p = text + places[place].at;
            p[0] = (uint8_t)(x >> 8);
            p[1] = (uint8_t)x;
            p[2] = thirds[k];
            for (size_t t = 0; t + 1 < table_count; t++)
                compare_scan(tables[t], text, places[place].n);
            memset(p, 'a', 3);
        }
    }
}

static void four_byte_borders(void **state)
{
    (void)state;
    static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    uint8_t text[MARGIN];
    memset(text, 'a', sizeof text);
    for (size_t t = 0; t + 1 < table_count; t++) {
        for (unsigned lead = 0xe0; lead <= 0xff; lead++) {
            for (unsigned second = 0; second <= 0xff; second++) {
                for (size_t e = 0; e < 100; e++) {
                    for (size_t at = 27; at < 33; at++) {
                        uint8_t *p = text + at;
                        p[0] = (uint8_t)lead;
                        p[1] = (uint8_t)second;
                        p[2] = edges[e / 10];
                        p[3] = edges[e % 10];
                        compare_scan(tables[t], text, 64);
                        compare_scan(tables[t], text, at + 4);
                        memset(p, 'a', 4);
                    }
                }
            }
        }
    }
}

/* Writes a random text of runs below `limit` bytes and returns its size. */
static size_t random_text(uint64_t *seed, uint32_t top, size_t limit, uint8_t *out)
{
    size_t n = 0;
    while (n + 4 <= limit) {
        uint32_t kind = (uint32_t)test_below(seed, 5);
        size_t run = test_below(seed, 30) + 1;
        for (; run > 0 && n + 4 <= limit; run--) {
            uint32_t bound = kind == 0 || kind == 4 ? 0x80
                             : kind == 1            ? 0x800
                             : kind == 2            ? 0x10000
                                                    : 0x110000;
            uint32_t c = (uint32_t)test_below(seed, bound < top ? bound : top);
            if (kind == 2 && c < 0x800)
                c = c + 0x800 < top ? c + 0x800 : c;
            if (c >= 0xd800 && c <= 0xdfff)
                c = 0xfffd;
            n += encode(c, shortest(c), out + n);
        }
    }
    return n;
}

static void compare_conversions(const pp__utf8_ops *t, const uint8_t *s, size_t n)
{
    const pp__utf8_ops *ref = &pp__utf8_scalar;
    pp_utf8_info info = {0};
    assert_status(PP_OK, ref->scan(s, n, &info));
    size_t count = info.code_points, size = 0;
    uint32_t *wide = test_block(count * 4), *wide_ref = test_block(count * 4);
    uint16_t *half = test_block(count * 2), *half_ref = test_block(count * 2);
    uint8_t *narrow = test_block(count), *narrow_ref = test_block(count);
    uint8_t *again = test_block(n);

    t->to_ucs4(s, n, wide);
    ref->to_ucs4(s, n, wide_ref);
    assert_memory_equal(wide, wide_ref, count * 4);
    assert_status(PP_OK, t->size_ucs4(wide, count, &size, NULL));
    assert_int_equal(size, n);
    assert_ptr_equal(t->from_ucs4(again, wide, count), again + n);
    assert_memory_equal(again, s, n);
    if (info.max_code_point_class <= 0xffff) {
        t->to_ucs2(s, n, half);
        ref->to_ucs2(s, n, half_ref);
        assert_memory_equal(half, half_ref, count * 2);
        assert_status(PP_OK, t->size_ucs2(half, count, &size, NULL));
        assert_int_equal(size, n);
        memset(again, 0, n);
        assert_ptr_equal(t->from_ucs2(again, half, count), again + n);
        assert_memory_equal(again, s, n);
    }
    if (info.max_code_point_class <= 0xff) {
        t->to_ucs1(s, n, narrow);
        ref->to_ucs1(s, n, narrow_ref);
        assert_memory_equal(narrow, narrow_ref, count);
        assert_status(PP_OK, t->size_ucs1(narrow, count, &size, NULL));
        assert_int_equal(size, n);
        memset(again, 0, n);
        assert_ptr_equal(t->from_ucs1(again, narrow, count), again + n);
        assert_memory_equal(again, s, n);
    }
    free(wide);
    free(wide_ref);
    free(half);
    free(half_ref);
    free(narrow);
    free(narrow_ref);
    free(again);
}

/* Random texts of every width and many lengths, whole, cut and damaged, each in
 * a block of exactly its size. */
static void random_texts(void **state)
{
    (void)state;
    static const uint32_t tops[] = {0x80, 0x100, 0x800, 0x10000, 0x110000};
    static uint8_t text[20000];
    uint64_t seed = 20260101;
    for (int round = 0; round < 12000; round++) {
        uint32_t top = tops[test_below(&seed, 5)];
        size_t limit = test_below(&seed, round % 100 == 0 ? sizeof text : 200);
        size_t n = random_text(&seed, top, limit, text);
        for (size_t t = 0; t < table_count; t++) {
            uint8_t *s = test_copy(text, n);
            compare_scan(tables[t], s, n);
            compare_conversions(tables[t], s, n);
            if (n > 0) {
                size_t at = test_below(&seed, n);
                s[at] = (uint8_t)test_random(&seed);
                compare_scan(tables[t], s, n);
                uint8_t *cut = test_copy(s, at);
                compare_scan(tables[t], cut, at);
                free(cut);
            }
            free(s);
        }
    }
}

static void surrogates_are_found_where_they_are(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (size_t t = 0; t < table_count; t++) {
        for (size_t count = 1; count < 9000; count += count < 100 ? 1 : 977) {
            uint16_t *half = test_block(count * 2);
            uint32_t *wide = test_block(count * 4);
            for (size_t i = 0; i < count; i++)
                wide[i] = half[i] = (uint16_t)(0x20 + test_below(&seed, 0x5000));
            size_t at = test_below(&seed, count), index = 0, size = 12345;
            wide[at] = half[at] = (uint16_t)(0xd800 + test_below(&seed, 0x800));
            assert_status(PP_ERR_UTF8, tables[t]->size_ucs2(half, count, &size, &index));
            assert_int_equal(index, at);
            assert_status(PP_ERR_UTF8, tables[t]->size_ucs4(wide, count, &size, &index));
            assert_int_equal(index, at);
            assert_status(PP_ERR_UTF8, tables[t]->size_ucs4(wide, count, &size, NULL));
            assert_int_equal(size, 12345);
            free(half);
            free(wide);
        }
    }
}

/* The inline decision about short strings, at every length, with the one byte
 * that is not ASCII at every place. */
static void short_ascii(void **state)
{
    (void)state;
    for (size_t n = 0; n <= PP_UTF8_SHORT + 1; n++) {
        uint8_t *s = test_block(n);
        memset(s, 'x', n);
        assert_true(pp_utf8_is_ascii(s, n));
        for (size_t i = 0; i < n; i++) {
            s[i] = 0x80;
            assert_false(pp_utf8_is_ascii(s, n));
            size_t offset = 99;
            assert_status(PP_ERR_UTF8, pp_utf8_validate(s, n, &offset));
            assert_int_equal(offset, i);
            s[i] = 'x';
        }
        free(s);
    }
}

static void nothing_at_all(void **state)
{
    (void)state;
    pp_utf8_info info = {9, 9, 9};
    size_t size = 9;
    assert_status(PP_OK, pp_utf8_scan(NULL, 0, &info));
    assert_int_equal(info.code_points, 0);
    assert_int_equal(info.error_offset, 0);
    assert_int_equal(info.max_code_point_class, 0x7f);
    assert_status(PP_OK, pp_utf8_validate(NULL, 0, NULL));
    pp_utf8_to_ucs1(NULL, 0, NULL);
    pp_utf8_to_ucs2(NULL, 0, NULL);
    pp_utf8_to_ucs4(NULL, 0, NULL);
    assert_status(PP_OK, pp_utf8_size_ucs1(NULL, 0, &size, NULL));
    assert_int_equal(size, 0);
    assert_null(pp_utf8_from_ucs1(NULL, NULL, 0));
    assert_null(pp_utf8_from_ucs2(NULL, NULL, 0));
    assert_null(pp_utf8_from_ucs4(NULL, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(overlong_and_beyond_are_refused),
        cmocka_unit_test(three_bytes_everywhere),
        cmocka_unit_test(four_byte_borders),
        cmocka_unit_test(random_texts),
        cmocka_unit_test(surrogates_are_found_where_they_are),
        cmocka_unit_test(short_ascii),
        cmocka_unit_test(nothing_at_all),
    };
    return cmocka_run_group_tests(tests, find_tables, NULL);
}
