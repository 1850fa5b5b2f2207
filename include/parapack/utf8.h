/* parapack/utf8.h - UTF-8: validation, measuring and conversion to and from
 * arrays of code points of 1, 2 or 4 bytes.
 *
 * UTF-8 is what RFC 3629 says it is: the shortest form only, no surrogates,
 * nothing above U+10FFFF. U+0000 is an ordinary code point.
 *
 * The three widths are the ones CPython stores strings in: UCS-1 holds code
 * points up to U+00FF, UCS-2 up to U+FFFF, UCS-4 all. Converting is two steps,
 * so that the caller can allocate exactly once in between:
 *
 *     pp_utf8_scan, allocate code_points units, pp_utf8_to_ucsN
 *     pp_utf8_size_ucsN, allocate size bytes, pp_utf8_from_ucsN
 *
 * The second step trusts the first: its input must not have changed since.
 *
 * Pointers may be NULL where the length beside them is 0; otherwise they must
 * not be. No function allocates or writes beyond the length it is told.
 * Thread safety: pure functions of their arguments, safe from any thread.
 */
#ifndef PARAPACK_UTF8_H
#define PARAPACK_UTF8_H

#include <string.h>

#include "parapack/config.h"
#include "parapack/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What pp_utf8_scan found. */
typedef struct pp_utf8_info {
    size_t code_points;  /* how many; on PP_ERR_UTF8 unspecified */
    size_t error_offset; /* first byte of the first ill-formed sequence; else the length */
    uint32_t max_code_point_class; /* the least of 0x7f, 0xff, 0xffff, 0x10ffff that no code point
                                      exceeds; on PP_ERR_UTF8 unspecified */
} pp_utf8_info;

/* ---- out-of-line parts of the inline functions below: not to be called directly ---- */

PP_API pp_status pp_utf8_scan_(const uint8_t *s, size_t n, pp_utf8_info *info);
PP_API bool pp_utf8_is_ascii_(const uint8_t *s, size_t n);

enum {
    PP_UTF8_SHORT = 32 /* up to here the inline code below decides about ASCII */
};

/* Whether `n` <= PP_UTF8_SHORT bytes are all ASCII. Loads overlap rather than loop by byte. */
PP_INLINE bool pp_utf8_is_ascii_short_(const uint8_t *s, size_t n)
{
    uint64_t a, b, c = 0, d = 0;
    if (n >= 8) {
        memcpy(&a, s, 8);
        memcpy(&b, s + n - 8, 8);
        if (n > 16) {
            memcpy(&c, s + 8, 8);
            memcpy(&d, s + n - 16, 8);
        }
        return ((a | b | c | d) & UINT64_C(0x8080808080808080)) == 0;
    }
    if (n >= 4) {
        uint32_t x, y;
        memcpy(&x, s, 4);
        memcpy(&y, s + n - 4, 4);
        return ((x | y) & UINT32_C(0x80808080)) == 0;
    }
    if (n == 0)
        return true;
    return ((s[0] | s[n / 2] | s[n - 1]) & 0x80) == 0;
}

/* ---- UTF-8 that comes in ------------------------------------------------ */

/* Whether all `n` bytes at `s` are below 0x80 (true for none). */
PP_INLINE bool pp_utf8_is_ascii(const uint8_t *s, size_t n)
{
    return n <= PP_UTF8_SHORT ? pp_utf8_is_ascii_short_(s, n) : pp_utf8_is_ascii_(s, n);
}

/* Validates the `n` bytes at `s` and fills `*info` (always, see its fields).
 * Returns PP_OK or PP_ERR_UTF8. */
PP_NODISCARD PP_INLINE pp_status pp_utf8_scan(const uint8_t *s, size_t n, pp_utf8_info *info)
{
    if (n <= PP_UTF8_SHORT && PP_LIKELY(pp_utf8_is_ascii_short_(s, n))) {
        info->code_points = n;
        info->error_offset = n;
        info->max_code_point_class = 0x7f;
        return PP_OK;
    }
    return pp_utf8_scan_(s, n, info);
}

/* Validates only. On PP_ERR_UTF8 `*error_offset` is the first byte of the
 * first ill-formed sequence, on PP_OK it is `n`; `error_offset` may be NULL. */
PP_NODISCARD PP_API pp_status pp_utf8_validate(const uint8_t *s, size_t n, size_t *error_offset);

/* Decode `n` bytes that pp_utf8_scan accepted, exactly `code_points` units into
 * `dst`. The class must fit the unit: at most 0xff for ucs1, 0xffff for ucs2.
 * `dst` must not overlap `s`. */
PP_API void pp_utf8_to_ucs1(const uint8_t *s, size_t n, uint8_t *dst);
PP_API void pp_utf8_to_ucs2(const uint8_t *s, size_t n, uint16_t *dst);
PP_API void pp_utf8_to_ucs4(const uint8_t *s, size_t n, uint32_t *dst);

/* ---- UTF-8 that goes out ------------------------------------------------ */

/* `*size` is the number of bytes that `count` code points take in UTF-8.
 * PP_ERR_UTF8 if one of them is a surrogate (or, ucs4, above U+10FFFF); then
 * `*error_index` is the first such, and `*size` is not written. `error_index`
 * may be NULL. ucs1 cannot fail. */
PP_NODISCARD PP_API pp_status pp_utf8_size_ucs1(const uint8_t *src, size_t count, size_t *size,
                                                size_t *error_index);
PP_NODISCARD PP_API pp_status pp_utf8_size_ucs2(const uint16_t *src, size_t count, size_t *size,
                                                size_t *error_index);
PP_NODISCARD PP_API pp_status pp_utf8_size_ucs4(const uint32_t *src, size_t count, size_t *size,
                                                size_t *error_index);

/* Encode `count` code points that pp_utf8_size_ucsN accepted, exactly the size
 * it told, and return the first byte after them. `dst` must not overlap `src`. */
PP_API uint8_t *pp_utf8_from_ucs1(uint8_t *dst, const uint8_t *src, size_t count);
PP_API uint8_t *pp_utf8_from_ucs2(uint8_t *dst, const uint16_t *src, size_t count);
PP_API uint8_t *pp_utf8_from_ucs4(uint8_t *dst, const uint32_t *src, size_t count);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_UTF8_H */
