/* UTF-8 with AVX2. Compiled for it, and called only where the processor has it. */
#include "wire/utf8_internal.h"

#ifdef __AVX2__

#include <immintrin.h>

#include "wire/utf8_lanes_x86.h"

typedef __m256i block;

PP_INLINE block block_load(const void *p)
{
    return _mm256_loadu_si256(p);
}

PP_INLINE void block_store(void *p, block v)
{
    _mm256_storeu_si256(p, v);
}

PP_INLINE block block_set(uint8_t byte)
{
    return _mm256_set1_epi8((char)byte);
}

PP_INLINE block block_or(block a, block b)
{
    return _mm256_or_si256(a, b);
}

PP_INLINE block block_and(block a, block b)
{
    return _mm256_and_si256(a, b);
}

PP_INLINE block block_xor(block a, block b)
{
    return _mm256_xor_si256(a, b);
}

PP_INLINE block block_sub(block a, block b)
{
    return _mm256_sub_epi8(a, b);
}

PP_INLINE block block_sub_saturated(block a, block b)
{
    return _mm256_subs_epu8(a, b);
}

PP_INLINE block block_max(block a, block b)
{
    return _mm256_max_epu8(a, b);
}

PP_INLINE block block_equal(block a, block b)
{
    return _mm256_cmpeq_epi8(a, b);
}

PP_INLINE block block_less_signed(block a, block b)
{
    return _mm256_cmpgt_epi8(b, a);
}

PP_INLINE bool block_any_high(block v)
{
    return _mm256_movemask_epi8(v) != 0;
}

PP_INLINE size_t block_sum(block v)
{
    __m256i sums = _mm256_sad_epu8(v, _mm256_setzero_si256());
    __m128i halves = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    return (size_t)_mm_cvtsi128_si32(halves) + (size_t)_mm_extract_epi16(halves, 4);
}

#define UTF8_TABLE      pp__utf8_avx2
#define UTF8_TABLE_NAME "avx2"
#include "wire/utf8_simd.h"

#endif
