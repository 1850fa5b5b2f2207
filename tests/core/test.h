/* What every C test includes: cmocka, and a source of reproducible randomness. */
#ifndef PP_TEST_H
#define PP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parapack/status.h"

/* xorshift64*: the same numbers everywhere, from any seed but 0. */
static inline uint64_t test_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* A number below `n`, which is not 0. */
static inline size_t test_below(uint64_t *state, size_t n)
{
    return (size_t)((test_random(state) >> 11) % n);
}

/* A heap block of exactly `size` bytes (a valid pointer also for 0), so that a
 * sanitizer sees the first byte beyond. */
static inline void *test_block(size_t size)
{
    void *p = malloc(size);
    if (p == NULL && size > 0)
        abort();
    return p;
}

/* As above, a copy of `data`. */
static inline uint8_t *test_copy(const void *data, size_t size)
{
    uint8_t *p = test_block(size);
    if (size > 0)
        memcpy(p, data, size);
    return p;
}

#define assert_status(expected, actual)                                                            \
    do {                                                                                           \
        pp_status status_ = (actual);                                                              \
        if (status_ != (expected))                                                                 \
            fail_msg("%s: expected %s, got %s", #actual, pp_status_name(expected),                 \
                     pp_status_name(status_));                                                     \
    } while (0)

#endif
