/* The reference implementation of UTF-8, one code point at a time. */
#include "wire/utf8_internal.h"

/* Table 3-7 of the Unicode Standard, "Well-Formed UTF-8 Byte Sequences": only
 * the second byte has a range that depends on the first. */
int pp__utf8_sequence(const uint8_t *s, size_t n)
{
    uint8_t lead = s[0];
    uint8_t low = 0x80, high = 0xbf;
    int length;
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return -1;
    if (lead < 0xe0) {
        length = 2;
    } else if (lead < 0xf0) {
        length = 3;
        if (lead == 0xe0)
            low = 0xa0; /* below: overlong */
        else if (lead == 0xed)
            high = 0x9f; /* above: surrogates */
    } else {
        length = 4;
        if (lead == 0xf0)
            low = 0x90; /* below: overlong */
        else if (lead == 0xf4)
            high = 0x8f; /* above: beyond U+10FFFF */
    }
    for (int i = 1; i < length; i++) {
        if ((size_t)i == n)
            return 0;
        if (s[i] < low || s[i] > high)
            return -1;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

static bool is_ascii(const uint8_t *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] >= 0x80)
            return false;
    }
    return true;
}

static pp_status scan(const uint8_t *s, size_t n, pp_utf8_info *info)
{
    size_t i = 0, count = 0;
    uint8_t max = 0;
    while (i < n) {
        int length = pp__utf8_sequence(s + i, n - i);
        if (length <= 0) {
            info->error_offset = i;
            return PP_ERR_UTF8;
        }
        if (s[i] > max)
            max = s[i];
        i += (size_t)length;
        count++;
    }
    info->code_points = count;
    info->error_offset = n;
    info->max_code_point_class = pp__utf8_class(max);
    return PP_OK;
}

static void to_ucs1(const uint8_t *s, size_t n, uint8_t *dst)
{
    for (const uint8_t *end = n == 0 ? s : s + n; s < end;)
        *dst++ = (uint8_t)pp__utf8_next(&s);
}

static void to_ucs2(const uint8_t *s, size_t n, uint16_t *dst)
{
    for (const uint8_t *end = n == 0 ? s : s + n; s < end;)
        *dst++ = (uint16_t)pp__utf8_next(&s);
}

static void to_ucs4(const uint8_t *s, size_t n, uint32_t *dst)
{
    for (const uint8_t *end = n == 0 ? s : s + n; s < end;)
        *dst++ = pp__utf8_next(&s);
}

static size_t encoded_size(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static bool encodable(uint32_t c)
{
    return c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

static pp_status refuse(size_t index, size_t *error_index)
{
    if (error_index != NULL)
        *error_index = index;
    return PP_ERR_UTF8;
}

static pp_status size_ucs1(const uint8_t *src, size_t count, size_t *size, size_t *error_index)
{
    (void)error_index;
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += encoded_size(src[i]);
    *size = sum;
    return PP_OK;
}

static pp_status size_ucs2(const uint16_t *src, size_t count, size_t *size, size_t *error_index)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (!encodable(src[i]))
            return refuse(i, error_index);
        sum += encoded_size(src[i]);
    }
    *size = sum;
    return PP_OK;
}

static pp_status size_ucs4(const uint32_t *src, size_t count, size_t *size, size_t *error_index)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (!encodable(src[i]))
            return refuse(i, error_index);
        sum += encoded_size(src[i]);
    }
    *size = sum;
    return PP_OK;
}

static uint8_t *from_ucs1(uint8_t *dst, const uint8_t *src, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst = pp__utf8_put(dst, src[i]);
    return dst;
}

static uint8_t *from_ucs2(uint8_t *dst, const uint16_t *src, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst = pp__utf8_put(dst, src[i]);
    return dst;
}

static uint8_t *from_ucs4(uint8_t *dst, const uint32_t *src, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst = pp__utf8_put(dst, src[i]);
    return dst;
}

const pp__utf8_ops pp__utf8_scalar = {
    .name = "scalar",
    .is_ascii = is_ascii,
    .scan = scan,
    .to_ucs1 = to_ucs1,
    .to_ucs2 = to_ucs2,
    .to_ucs4 = to_ucs4,
    .size_ucs1 = size_ucs1,
    .size_ucs2 = size_ucs2,
    .size_ucs4 = size_ucs4,
    .from_ucs1 = from_ucs1,
    .from_ucs2 = from_ucs2,
    .from_ucs4 = from_ucs4,
};
