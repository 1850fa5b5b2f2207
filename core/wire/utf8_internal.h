/* UTF-8 inside core/wire: one table of functions per instruction set.
 *
 * Every table obeys the contracts of parapack/utf8.h. pp__utf8_scalar is the
 * reference: it is written to be read, and the tests hold every other table
 * against it.
 */
#ifndef PP_WIRE_UTF8_INTERNAL_H
#define PP_WIRE_UTF8_INTERNAL_H

#include "parapack/utf8.h"

typedef struct pp__utf8_ops {
    const char *name;
    bool (*is_ascii)(const uint8_t *s, size_t n);
    pp_status (*scan)(const uint8_t *s, size_t n, pp_utf8_info *info);
    void (*to_ucs1)(const uint8_t *s, size_t n, uint8_t *dst);
    void (*to_ucs2)(const uint8_t *s, size_t n, uint16_t *dst);
    void (*to_ucs4)(const uint8_t *s, size_t n, uint32_t *dst);
    pp_status (*size_ucs1)(const uint8_t *src, size_t count, size_t *size, size_t *error_index);
    pp_status (*size_ucs2)(const uint16_t *src, size_t count, size_t *size, size_t *error_index);
    pp_status (*size_ucs4)(const uint32_t *src, size_t count, size_t *size, size_t *error_index);
    uint8_t *(*from_ucs1)(uint8_t *dst, const uint8_t *src, size_t count);
    uint8_t *(*from_ucs2)(uint8_t *dst, const uint16_t *src, size_t count);
    uint8_t *(*from_ucs4)(uint8_t *dst, const uint32_t *src, size_t count);
} pp__utf8_ops;

#if defined(__SSE2__)
#define PP__UTF8_SSE2 1
#elif defined(__aarch64__) && defined(__ARM_NEON) && !PP_BIG_ENDIAN
#define PP__UTF8_NEON 1
#endif

extern const pp__utf8_ops pp__utf8_scalar;
extern const pp__utf8_ops pp__utf8_sse2; /* with PP__UTF8_SSE2 */
extern const pp__utf8_ops pp__utf8_avx2; /* with PP_UTF8_AVX2, which the build defines */
extern const pp__utf8_ops pp__utf8_neon; /* with PP__UTF8_NEON */

enum { PP__UTF8_TABLES = 4 };

/* Fills `tables` with those that this machine can run, the best first, the last
 * always scalar; returns how many. */
size_t pp__utf8_available(const pp__utf8_ops *tables[PP__UTF8_TABLES]);

/* How many bytes the well-formed sequence at the start of `s` has; 0 if the
 * `n` bytes (at least 1) are a proper beginning of one; -1 if no well-formed
 * sequence begins so. */
int pp__utf8_sequence(const uint8_t *s, size_t n);

/* One code point of well-formed UTF-8; `*s` moves behind it. */
PP_INLINE uint32_t pp__utf8_next(const uint8_t **s)
{
    const uint8_t *p = *s;
    uint32_t c = p[0];
    if (c < 0x80) {
        *s = p + 1;
        return c;
    }
    if (c < 0xe0) {
        *s = p + 2;
        return (c & 0x1f) << 6 | (p[1] & 0x3fu);
    }
    if (c < 0xf0) {
        *s = p + 3;
        return (c & 0x0f) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    }
    *s = p + 4;
    return (c & 0x07) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
}

/* Writes one code point, neither a surrogate nor above U+10FFFF, and returns
 * the byte after it. */
PP_INLINE uint8_t *pp__utf8_put(uint8_t *p, uint32_t c)
{
    if (c < 0x80) {
        *p = (uint8_t)c;
        return p + 1;
    }
    if (c < 0x800) {
        p[0] = (uint8_t)(0xc0 | c >> 6);
        p[1] = (uint8_t)(0x80 | (c & 0x3f));
        return p + 2;
    }
    if (c < 0x10000) {
        p[0] = (uint8_t)(0xe0 | c >> 12);
        p[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        p[2] = (uint8_t)(0x80 | (c & 0x3f));
        return p + 3;
    }
    p[0] = (uint8_t)(0xf0 | c >> 18);
    p[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    p[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    p[3] = (uint8_t)(0x80 | (c & 0x3f));
    return p + 4;
}

/* The class of pp_utf8_info for text whose greatest byte is `max`. The greatest
 * byte is a lead byte or ASCII: continuation bytes come only after greater ones. */
PP_INLINE uint32_t pp__utf8_class(uint8_t max)
{
    return max < 0x80 ? 0x7f : max < 0xc4 ? 0xff : max < 0xf0 ? 0xffff : 0x10ffff;
}

#endif /* PP_WIRE_UTF8_INTERNAL_H */
