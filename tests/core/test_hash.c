/* Hashes: every byte counts, none collide where they should not, and buckets fill evenly. */
#include "test.h"

#include <math.h>

#include "share/hash.h"

static void every_bit_of_every_byte_counts(void **state)
{
    (void)state;
    uint8_t bytes[200];
    uint64_t random = 1;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)test_random(&random);
    for (size_t size = 0; size <= 150; size++) {
        uint64_t hash = pp_hash_bytes(bytes, size);
        assert_true(hash == pp_hash_bytes(bytes, size));
        assert_true(hash != pp_hash_bytes(bytes, size + 1));
        for (size_t i = 0; i < size; i++)
            for (int bit = 0; bit < 8; bit++) {
                bytes[i] ^= (uint8_t)(1 << bit);
                assert_true(hash != pp_hash_bytes(bytes, size));
                bytes[i] ^= (uint8_t)(1 << bit);
            }
    }
}

static void sizes_of_zeros_differ(void **state)
{
    (void)state;
    static const uint8_t zeros[300];
    uint64_t hashes[300];
    for (size_t i = 0; i < 300; i++) {
        hashes[i] = pp_hash_bytes(zeros, i);
        for (size_t j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
    }
}

/* It depends on no byte beyond the end, nor on alignment. */
static void only_the_bytes(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 120; size++) {
        uint8_t *block = test_block(size); /* a sanitizer sees a read beyond */
        memset(block, 0x5a, size);
        uint64_t hash = pp_hash_bytes(block, size);
        uint8_t moved[140];
        memset(moved, 0x33, sizeof moved);
        memset(moved + 3, 0x5a, size);
        assert_true(hash == pp_hash_bytes(moved + 3, size));
        free(block);
    }
}

/* Flipping one bit of the input flips each bit of the hash about every other time. */
static void avalanche(void **state)
{
    (void)state;
    enum { ROUNDS = 4000 };
    uint64_t random = 99;
    int flips[3][64] = {{0}};
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t x = test_random(&random), y = x ^ UINT64_C(1) << test_below(&random, 64);
        uint64_t pairs[3] = {pp_hash_int((int64_t)x) ^ pp_hash_int((int64_t)y),
                             pp_hash_word(x) ^ pp_hash_word(y),
                             pp_hash_bytes(&x, 8) ^ pp_hash_bytes(&y, 8)};
        for (int kind = 0; kind < 3; kind++)
            for (int bit = 0; bit < 64; bit++)
                flips[kind][bit] += (int)(pairs[kind] >> bit & 1);
    }
    for (int kind = 0; kind < 3; kind++)
        for (int bit = 0; bit < 64; bit++)
            assert_in_range(flips[kind][bit], kind == 2 ? ROUNDS * 42 / 100 : ROUNDS * 20 / 100,
                            kind == 2 ? ROUNDS * 58 / 100 : ROUNDS * 80 / 100);
}

/* `n` keys in `n` buckets, by low and by high bits: the square sum of a random function is about 2
 * n. */
static void check_spread(uint64_t (*hash)(uint64_t), const char *what)
{
    enum { N = 1 << 14 };
    static uint16_t low[N], high[N];
    memset(low, 0, sizeof low);
    memset(high, 0, sizeof high);
    for (uint64_t i = 0; i < N; i++) {
        uint64_t h = hash(i);
        low[h % N]++;
        high[h >> 32 & (N - 1)]++;
    }
    uint64_t sum_low = 0, sum_high = 0;
    for (int i = 0; i < N; i++) {
        sum_low += (uint64_t)low[i] * low[i];
        sum_high += (uint64_t)high[i] * high[i];
    }
    if (sum_low > 9 * N / 4 || sum_high > 9 * N / 4)
        fail_msg("%s: %llu and %llu of %d", what, (unsigned long long)sum_low,
                 (unsigned long long)sum_high, 2 * N);
}

static uint64_t of_int(uint64_t i)
{
    return pp_hash_int((int64_t)i);
}

static uint64_t of_multiple(uint64_t i)
{
    return pp_hash_int((int64_t)(i << 32));
}

static uint64_t of_short(uint64_t i)
{
    return pp_hash_word(i << 8 | 0x3b);
}

static uint64_t of_text(uint64_t i)
{
    char text[32];
    int size = snprintf(text, sizeof text, "customer:%llu", (unsigned long long)i);
    return pp_hash_bytes(text, (size_t)size);
}

static void regular_keys_spread(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        pp_hash_seed_for_tests(seed * UINT64_C(0x9e3779b97f4a7c15));
        check_spread(of_int, "integers");
        check_spread(of_multiple, "multiples of 2**32");
        check_spread(of_short, "short strings");
        check_spread(of_text, "texts");
    }
}

static void seeds_matter(void **state)
{
    (void)state;
    pp_hash_seed_for_tests(1);
    uint64_t number = pp_hash_int(5), text = pp_hash_bytes("text", 4);
    pp_hash_seed_for_tests(2);
    assert_true(number != pp_hash_int(5));
    assert_true(text != pp_hash_bytes("text", 4));
    pp_hash_seed_for_tests(1);
    assert_true(number == pp_hash_int(5) && text == pp_hash_bytes("text", 4));
}

static void equal_numbers_hash_alike(void **state)
{
    (void)state;
    static const double whole[] = {0.0, -0.0, 1.0, -1.0, 1e15, -0x1p63, 0x1p62};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        assert_true(pp_hash_float(whole[i]) == pp_hash_int((int64_t)whole[i]));
    assert_true(pp_hash_float(0x1p63) == pp_hash_int(INT64_MIN)); /* the bits of 2**63 */
    assert_true(pp_hash_float(0.5) != pp_hash_int(0));
    assert_true(pp_hash_float(0x1p64) != pp_hash_float(0x1p65));
    assert_true(pp_hash_float(NAN) == pp_hash_float(-NAN));
    assert_true(pp_hash_float(INFINITY) != pp_hash_float(-INFINITY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_of_every_byte_counts),
        cmocka_unit_test(sizes_of_zeros_differ),
        cmocka_unit_test(only_the_bytes),
        cmocka_unit_test(avalanche),
        cmocka_unit_test(regular_keys_spread),
        cmocka_unit_test(seeds_matter),
        cmocka_unit_test(equal_numbers_hash_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
