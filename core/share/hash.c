/* Hashes by multiplication: both halves of a 64 by 64 bit product are used, as in Wang Yi's
 * wyhash and its kin. Two products per 16 bytes at the most; keys of dicts are short. */
#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* getentropy */
#endif
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif

#include "share/hash.h"

struct pp_hash_secret pp_hash_secret_;

/* What three independent lanes start from: the fraction of the square roots of 2, 3 and 5. */
static const uint64_t LANE_1 = UINT64_C(0x6a09e667f3bcc909);
static const uint64_t LANE_2 = UINT64_C(0xbb67ae8584caa73b);
static const uint64_t LANE_3 = UINT64_C(0x3c6ef372fe94f82b);

static void set_seed(uint64_t seed)
{
    pp_hash_secret_.seed = seed;
    /* Odd, so that no product loses bits for good; about half of their bits set. */
    pp_hash_secret_.a = pp_hash_mix_(seed ^ LANE_1, LANE_2) | 1;
    pp_hash_secret_.b = pp_hash_mix_(seed ^ LANE_2, LANE_3) | 1;
}

/* Before main, and before anything of the library can be called. */
__attribute__((constructor)) static void seed_from_system(void)
{
    uint64_t seed;
    if (getentropy(&seed, sizeof seed) != 0) {
        /* A system without randomness: what differs from process to process. */
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = pp_hash_mix_((uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec,
                            LANE_1 ^ (uint64_t)(uintptr_t)&now ^ (uint64_t)getpid());
    }
    set_seed(seed);
}

void pp_hash_seed_for_tests(uint64_t seed)
{
    set_seed(seed);
}

static inline uint64_t load8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint32_t load4(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

uint64_t pp_hash_bytes(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t state = pp_hash_secret_.seed, a, b;
    if (PP_LIKELY(size <= 16)) {
        /* Two words that overlap where there are fewer bytes. */
        if (size >= 8) {
            a = load8(p);
            b = load8(p + size - 8);
        } else if (size >= 4) {
            a = load4(p);
            b = load4(p + size - 4);
        } else if (size > 0) {
            a = (uint64_t)p[0] << 16 | (uint64_t)p[size / 2] << 8 | p[size - 1];
            b = 0;
        } else {
            a = b = 0;
        }
    } else {
        size_t left = size;
        if (left > 48) {
            uint64_t second = state, third = state;
            do {
                state = pp_hash_mix_(load8(p) ^ LANE_1, load8(p + 8) ^ state);
                second = pp_hash_mix_(load8(p + 16) ^ LANE_2, load8(p + 24) ^ second);
                third = pp_hash_mix_(load8(p + 32) ^ LANE_3, load8(p + 40) ^ third);
                p += 48;
                left -= 48;
            } while (left > 48);
            state ^= second ^ third;
        }
        for (; left > 16; p += 16, left -= 16)
            state = pp_hash_mix_(load8(p) ^ LANE_1, load8(p + 8) ^ state);
        a = load8(p + left - 16);
        b = load8(p + left - 8);
    }
    a ^= pp_hash_secret_.a;
    b ^= state;
    return pp_hash_mix_(pp_hash_mix_(a, b) ^ size, pp_hash_secret_.b);
}

uint64_t pp_hash_float(double number)
{
    /* The comparisons are false for NaN. 2**63 and 2**64 are floats; whatever is below fits. */
    if (number >= -0x1p63 && number < 0x1p63) {
        int64_t whole = (int64_t)number;
        if ((double)whole == number)
            return pp_hash_int(whole);
    } else if (number >= 0x1p63 && number < 0x1p64) {
        return pp_hash_int((int64_t)(uint64_t)number);
    } else if (number != number) {
        return pp_hash_word(LANE_1);
    }
    uint64_t bits;
    memcpy(&bits, &number, 8);
    return pp_hash_word(bits);
}
