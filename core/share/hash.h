/* share/hash.h - hashes of keys.
 *
 * Seeded once per process at random, so that nobody can prepare keys that collide.
 * Equal numbers hash alike whatever their type (value.h).
 */
#ifndef PP_SHARE_HASH_H
#define PP_SHARE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of `size` bytes at `data`. Thread safety: any. */
uint64_t pp_hash_bytes(const void *data, size_t size);

/* Of an integer, and of whatever equals it. */
uint64_t pp_hash_int(int64_t number);

/* Of a float that equals no 64-bit integer: of its bits; NaNs alike. */
uint64_t pp_hash_float(double number);

/* For tests: the seed of the next hashes. Only before the first key is hashed. */
void pp_hash_seed_for_tests(uint64_t seed);

#endif /* PP_SHARE_HASH_H */
