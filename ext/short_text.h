/* short_text.h - hashing and comparing texts of at most 32 bytes as words.
 *
 * Loads overlap where the length is no multiple of a word, and never leave the
 * text. A call of memcmp() would cost more than the comparison.
 */
#ifndef PARAPACK_EXT_SHORT_TEXT_H
#define PARAPACK_EXT_SHORT_TEXT_H

#include <string.h>

#include "parapack/config.h"

enum { SHORT_TEXT_MAX = 32 }; /* bytes */

PP_INLINE uint64_t short_load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

PP_INLINE uint32_t short_load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* A hash of the `n` (1 to SHORT_TEXT_MAX) bytes at `p`, good in its upper bits. Not
 * for adversaries: a collision may only cost a miss. */
PP_INLINE uint64_t short_hash(const uint8_t *p, size_t n)
{
    uint64_t a, b = 0;
    if (n >= 8) {
        a = short_load64(p);
        b = short_load64(p + n - 8);
        if (n > 16) {
            a ^= short_load64(p + 8) * UINT64_C(0x9FB21C651E98DF25);
            b ^= short_load64(p + n - 16) * UINT64_C(0xD6E8FEB86659FD93);
        }
    } else if (n >= 4) {
        a = short_load32(p);
        b = short_load32(p + n - 4);
    } else {
        a = (uint64_t)p[0] | (uint64_t)p[n / 2] << 8 | (uint64_t)p[n - 1] << 16;
    }
    return (a ^ (b << 7 | b >> 57) ^ n) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Do the `n` (1 to SHORT_TEXT_MAX) bytes at `a` and `b` agree? */
PP_INLINE bool short_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    if (n >= 8) {
        uint64_t differ = (short_load64(a) ^ short_load64(b)) |
                          (short_load64(a + n - 8) ^ short_load64(b + n - 8));
        if (n > 16)
            differ |= (short_load64(a + 8) ^ short_load64(b + 8)) |
                      (short_load64(a + n - 16) ^ short_load64(b + n - 16));
        return differ == 0;
    }
    if (n >= 4)
        return ((short_load32(a) ^ short_load32(b)) |
                (short_load32(a + n - 4) ^ short_load32(b + n - 4))) == 0;
    return a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1];
}

#endif /* PARAPACK_EXT_SHORT_TEXT_H */
