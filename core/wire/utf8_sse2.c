/* UTF-8 with SSE2, which every x86-64 has. */
#include "wire/utf8_internal.h"

#ifdef PP__UTF8_SSE2

#include "wire/utf8_lanes_x86.h"

typedef v16 block;

PP_INLINE block block_load(const void *p)
{
    return v16_load(p);
}

PP_INLINE void block_store(void *p, block v)
{
    v16_store(p, v);
}

PP_INLINE block block_set(uint8_t byte)
{
    return _mm_set1_epi8((char)byte);
}

PP_INLINE block block_or(block a, block b)
{
    return _mm_or_si128(a, b);
}

PP_INLINE block block_and(block a, block b)
{
    return _mm_and_si128(a, b);
}

PP_INLINE block block_xor(block a, block b)
{
    return _mm_xor_si128(a, b);
}

PP_INLINE block block_sub(block a, block b)
{
    return _mm_sub_epi8(a, b);
}

PP_INLINE block block_sub_saturated(block a, block b)
{
    return _mm_subs_epu8(a, b);
}

PP_INLINE block block_max(block a, block b)
{
    return _mm_max_epu8(a, b);
}

PP_INLINE block block_equal(block a, block b)
{
    return _mm_cmpeq_epi8(a, b);
}

PP_INLINE block block_less_signed(block a, block b)
{
    return _mm_cmpgt_epi8(b, a);
}

PP_INLINE bool block_any_high(block v)
{
    return _mm_movemask_epi8(v) != 0;
}

PP_INLINE size_t block_sum(block v)
{
    __m128i sums = _mm_sad_epu8(v, _mm_setzero_si128());
    return (size_t)_mm_cvtsi128_si32(sums) + (size_t)_mm_extract_epi16(sums, 4);
}

#define UTF8_TABLE      pp__utf8_sse2
#define UTF8_TABLE_NAME "sse2"
#include "wire/utf8_simd.h"

#endif
