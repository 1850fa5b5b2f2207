/* share/hash.h - hashes of keys.
 *
 * Seeded once per process at random, so that nobody can prepare keys that collide.
 * Equal numbers hash alike whatever their type (value.h).
 */
#ifndef PP_SHARE_HASH_H
#define PP_SHARE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "parapack/config.h"

/* Of `size` bytes at `data`. Thread safety: any. */
uint64_t pp_hash_bytes(const void *data, size_t size);

/* The seed, and two odd numbers made of it. Private: set before the program starts. */
extern struct pp_hash_secret {
    uint64_t seed, a, b;
} pp_hash_secret_;

/* The halves of the product of two numbers, one upon the other: every bit of the one changes
 * bits all over the result. */
PP_INLINE uint64_t pp_hash_mix_(uint64_t x, uint64_t y)
{
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)x * y;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t xl = x & UINT32_MAX, xh = x >> 32, yl = y & UINT32_MAX, yh = y >> 32;
    uint64_t low = xl * yl, cross = xh * yl + (low >> 32), other = xl * yh + (cross & UINT32_MAX);
    return ((other << 32) | (low & UINT32_MAX)) ^ (xh * yh + (cross >> 32) + (other >> 32));
#endif
}

/* One product leaves regular numbers regular: its low bits know the low bits best, and its high
 * bits only the high ones. A second one, whose high bits are brought down, evens that out. */
PP_INLINE uint64_t pp_hash_number_(uint64_t number, uint64_t first, uint64_t second)
{
    uint64_t product = pp_hash_mix_(number ^ pp_hash_secret_.seed, first) * second;
    return product ^ product >> 32;
}

/* Of a word that stands for itself: a str or bin in a value's word. */
PP_INLINE uint64_t pp_hash_word(uint64_t word)
{
    return pp_hash_number_(word, pp_hash_secret_.b, pp_hash_secret_.a);
}

/* Of an integer, and of whatever equals it; of one of 2**63 and more as what has the same bits. */
PP_INLINE uint64_t pp_hash_int(int64_t number)
{
    return pp_hash_number_((uint64_t)number, pp_hash_secret_.a, pp_hash_secret_.b);
}

/* Of a float: of the 64-bit integer that it equals, else of its bits; NaNs alike. */
uint64_t pp_hash_float(double number);

/* For tests: the seed of the next hashes. Only before the first key is hashed. */
void pp_hash_seed_for_tests(uint64_t seed);

#endif /* PP_SHARE_HASH_H */
