#include "properties.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/utf8_internal.h"

#define REQUIRE(table, condition)                                                                  \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s: %s does not hold\n", __FILE__, __LINE__, (table)->name,    \
                    #condition);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void *block(size_t size)
{
    void *p = malloc(size);
    if (p == NULL && size > 0)
        abort();
    return p;
}

/* Decodes to every width that fits, and back. */
static void convert(const pp__utf8_ops *t, const uint8_t *s, size_t n, const pp_utf8_info *info)
{
    size_t count = info->code_points, size;
    uint32_t *wide = block(count * 4), *expected = block(count * 4);
    uint8_t *again = block(n);
    pp__utf8_scalar.to_ucs4(s, n, expected);
    t->to_ucs4(s, n, wide);
    REQUIRE(t, memcmp(wide, expected, count * 4) == 0);
    REQUIRE(t, t->size_ucs4(wide, count, &size, NULL) == PP_OK && size == n);
    REQUIRE(t, t->from_ucs4(again, wide, count) == again + n && memcmp(again, s, n) == 0);
    if (info->max_code_point_class <= 0xffff) {
        uint16_t *half = block(count * 2);
        t->to_ucs2(s, n, half);
        for (size_t i = 0; i < count; i++)
            REQUIRE(t, half[i] == expected[i]);
        REQUIRE(t, t->size_ucs2(half, count, &size, NULL) == PP_OK && size == n);
        REQUIRE(t, t->from_ucs2(again, half, count) == again + n && memcmp(again, s, n) == 0);
        free(half);
    }
    if (info->max_code_point_class <= 0xff) {
        uint8_t *narrow = block(count);
        t->to_ucs1(s, n, narrow);
        for (size_t i = 0; i < count; i++)
            REQUIRE(t, narrow[i] == expected[i]);
        REQUIRE(t, t->size_ucs1(narrow, count, &size, NULL) == PP_OK && size == n);
        REQUIRE(t, t->from_ucs1(again, narrow, count) == again + n && memcmp(again, s, n) == 0);
        free(narrow);
    }
    free(wide);
    free(expected);
    free(again);
}

/* The bytes as code units: surrogates and numbers beyond Unicode among them. */
static void measure(const pp__utf8_ops *t, const uint8_t *s, size_t n)
{
    const pp__utf8_ops *ref = &pp__utf8_scalar;
    uint32_t *wide = block(n / 4 * 4);
    uint16_t *half = block(n / 2 * 2);
    memcpy(wide, s, n / 4 * 4);
    memcpy(half, s, n / 2 * 2);
    size_t a = 0, b = 0, at_a = 0, at_b = 0;
    REQUIRE(t, t->size_ucs1(s, n, &a, &at_a) == ref->size_ucs1(s, n, &b, &at_b) && a == b);
    a = b = 0;
    REQUIRE(t, t->size_ucs2(half, n / 2, &a, &at_a) == ref->size_ucs2(half, n / 2, &b, &at_b));
    REQUIRE(t, a == b && at_a == at_b);
    a = b = 0;
    REQUIRE(t, t->size_ucs4(wide, n / 4, &a, &at_a) == ref->size_ucs4(wide, n / 4, &b, &at_b));
    REQUIRE(t, a == b && at_a == at_b);
    free(wide);
    free(half);
}

void property_utf8(const uint8_t *data, size_t size)
{
    const pp__utf8_ops *tables[PP__UTF8_TABLES];
    size_t count = pp__utf8_available(tables);
    uint8_t *s = block(size);
    if (size > 0)
        memcpy(s, data, size);
    pp_utf8_info expected = {0}, actual = {0};
    pp_status status = pp__utf8_scalar.scan(s, size, &expected);
    for (size_t i = 0; i < count; i++) {
        const pp__utf8_ops *t = tables[i];
        REQUIRE(t, t->is_ascii(s, size) == pp__utf8_scalar.is_ascii(s, size));
        REQUIRE(t, t->scan(s, size, &actual) == status);
        REQUIRE(t, actual.error_offset == expected.error_offset);
        if (status == PP_OK) {
            REQUIRE(t, actual.code_points == expected.code_points);
            REQUIRE(t, actual.max_code_point_class == expected.max_code_point_class);
            if (size > 0)
                convert(t, s, size, &expected);
        }
        if (size > 0)
            measure(t, s, size);
    }
    free(s);
}
