/* 16 bytes at a time on x86: SSE2, and SSSE3's shuffle where the file that
 * includes this is compiled for it. The names are those utf8_simd.h asks for. */
#ifndef PP_WIRE_UTF8_LANES_X86_H
#define PP_WIRE_UTF8_LANES_X86_H

#include <emmintrin.h>
#ifdef __SSSE3__
#include <tmmintrin.h>
#endif

#include "wire/utf8_internal.h"

typedef __m128i v16;

PP_INLINE v16 v16_load(const void *p)
{
    return _mm_loadu_si128(p);
}

PP_INLINE void v16_store(void *p, v16 v)
{
    _mm_storeu_si128(p, v);
}

PP_INLINE void v16_store_low(void *p, v16 v)
{
    _mm_storel_epi64(p, v);
}

/* Bit i: the highest bit of byte i. */
PP_INLINE unsigned v16_high_bits(v16 v)
{
    return (unsigned)_mm_movemask_epi8(v);
}

/* Bit i: byte i is 0x80 to 0xbf. */
PP_INLINE unsigned v16_continuations(v16 v)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmplt_epi8(v, _mm_set1_epi8(-64)));
}

PP_INLINE v16 v16_or(v16 a, v16 b)
{
    return _mm_or_si128(a, b);
}

/* The eight low, or high, bytes as 16-bit lanes; the same of 16 to 32. */
PP_INLINE v16 v16_widen8_low(v16 v)
{
    return _mm_unpacklo_epi8(v, _mm_setzero_si128());
}

PP_INLINE v16 v16_widen8_high(v16 v)
{
    return _mm_unpackhi_epi8(v, _mm_setzero_si128());
}

PP_INLINE v16 v16_widen16_low(v16 v)
{
    return _mm_unpacklo_epi16(v, _mm_setzero_si128());
}

PP_INLINE v16 v16_widen16_high(v16 v)
{
    return _mm_unpackhi_epi16(v, _mm_setzero_si128());
}

/* Eight 16-bit lanes, each below 0x80, to the eight low bytes. */
PP_INLINE v16 v16_narrow16(v16 v)
{
    return _mm_packus_epi16(v, v);
}

/* Two times four 32-bit lanes, each below 0x10000, to eight 16-bit lanes. SSE2 has
 * only the signed pack: shifting up and back makes every value fit it. */
PP_INLINE v16 v16_narrow32(v16 low, v16 high)
{
    low = _mm_srai_epi32(_mm_slli_epi32(low, 16), 16);
    high = _mm_srai_epi32(_mm_slli_epi32(high, 16), 16);
    return _mm_packs_epi32(low, high);
}

/* Whether any 16-bit lane has a bit of `bits`; the same of 32-bit lanes. */
PP_INLINE bool v16_any16(v16 v, uint16_t bits)
{
    v16 zero = _mm_cmpeq_epi16(_mm_and_si128(v, _mm_set1_epi16((short)bits)), _mm_setzero_si128());
    return _mm_movemask_epi8(zero) != 0xffff;
}

PP_INLINE bool v16_any32(v16 v, uint32_t bits)
{
    v16 zero = _mm_cmpeq_epi32(_mm_and_si128(v, _mm_set1_epi32((int)bits)), _mm_setzero_si128());
    return _mm_movemask_epi8(zero) != 0xffff;
}

/* Whether every 16-bit lane has a bit of `bits`. */
PP_INLINE bool v16_each16(v16 v, uint16_t bits)
{
    v16 zero = _mm_cmpeq_epi16(_mm_and_si128(v, _mm_set1_epi16((short)bits)), _mm_setzero_si128());
    return _mm_movemask_epi8(zero) == 0;
}

/* Eight code points of 0x80 to 0x7ff, to 2-byte sequences. */
PP_INLINE v16 v16_encode2(v16 v)
{
    v16 lead = _mm_srli_epi16(v, 6);
    v16 last = _mm_slli_epi16(_mm_and_si128(v, _mm_set1_epi16(0x3f)), 8);
    return _mm_or_si128(_mm_or_si128(lead, last), _mm_set1_epi16((short)0x80c0));
}

#ifdef __SSSE3__
#define V16_HAS_SHUFFLE 1

/* `v` with byte i taken from byte order[i] of it; `order` is below 16. */
PP_INLINE v16 v16_shuffle(v16 v, v16 order)
{
    return _mm_shuffle_epi8(v, order);
}

/* The high eight bytes, in the low ones. */
PP_INLINE v16 v16_high_half(v16 v)
{
    return _mm_unpackhi_epi64(v, v);
}

/* Eight bytes from memory; the rest is unspecified. */
PP_INLINE v16 v16_load_low(const void *p)
{
    return _mm_loadl_epi64(p);
}

/* The eight low bytes of both, alternating; the same of four, or the other four,
 * pairs of bytes. */
PP_INLINE v16 v16_zip8(v16 a, v16 b)
{
    return _mm_unpacklo_epi8(a, b);
}

PP_INLINE v16 v16_zip16_low(v16 a, v16 b)
{
    return _mm_unpacklo_epi16(a, b);
}

PP_INLINE v16 v16_zip16_high(v16 a, v16 b)
{
    return _mm_unpackhi_epi16(a, b);
}

/* Where a sequence ends at byte b, after p1, p2 and p3: its code point's bits 0 to
 * 7, 8 to 15 and 16 to 20, each in the byte lane of b. */
PP_INLINE v16 v16_code_low(v16 b, v16 p1)
{
    v16 continuation = _mm_cmplt_epi8(b, _mm_set1_epi8(-64));
    v16 top = _mm_and_si128(_mm_slli_epi16(p1, 6), _mm_set1_epi8((char)0xc0));
    v16 joined = _mm_or_si128(_mm_and_si128(b, _mm_set1_epi8(0x3f)), top);
    return _mm_or_si128(_mm_and_si128(continuation, joined), _mm_andnot_si128(continuation, b));
}

PP_INLINE v16 v16_code_middle(v16 b, v16 p1, v16 p2)
{
    v16 longer1 = _mm_cmplt_epi8(b, _mm_set1_epi8(-64));
    v16 longer2 = _mm_cmplt_epi8(p1, _mm_set1_epi8(-64));
    v16 low = _mm_and_si128(_mm_srli_epi16(p1, 2), _mm_set1_epi8(0x0f));
    v16 top = _mm_and_si128(_mm_slli_epi16(p2, 4), _mm_set1_epi8((char)0xf0));
    return _mm_and_si128(longer1, _mm_or_si128(low, _mm_and_si128(longer2, top)));
}

PP_INLINE v16 v16_code_high(v16 b, v16 p1, v16 p2, v16 p3)
{
    v16 limit = _mm_set1_epi8(-64);
    v16 longer3 = _mm_and_si128(_mm_cmplt_epi8(p2, limit),
                                _mm_and_si128(_mm_cmplt_epi8(p1, limit), _mm_cmplt_epi8(b, limit)));
    v16 low = _mm_and_si128(_mm_srli_epi16(p2, 4), _mm_set1_epi8(0x03));
    v16 top = _mm_and_si128(_mm_slli_epi16(p3, 2), _mm_set1_epi8(0x1c));
    return _mm_and_si128(longer3, _mm_or_si128(low, top));
}

/* Eight code points below 0x800 in 16-bit lanes, as bytes with holes: each lane's
 * second byte, and its first where bit 2 * lane of `*used` says so. */
PP_INLINE v16 v16_encode12(v16 v, unsigned *used)
{
    v16 two = _mm_cmpgt_epi16(v, _mm_set1_epi16(0x7f));
    v16 shifted = _mm_slli_epi16(v, 8);
    v16 lead = _mm_or_si128(_mm_srli_epi16(v, 6), _mm_set1_epi16((short)0x80c0));
    v16 ascii = _mm_andnot_si128(two, _mm_and_si128(shifted, _mm_set1_epi16(0x4000)));
    v16 bits = _mm_or_si128(_mm_and_si128(shifted, _mm_set1_epi16(0x3f00)), ascii);
    v16 high =
        _mm_or_si128(_mm_and_si128(two, _mm_set1_epi16(0x80)), _mm_set1_epi16((short)0x8000));
    *used = (unsigned)_mm_movemask_epi8(high);
    return _mm_or_si128(_mm_and_si128(two, lead), bits);
}

/* The four low, or high, code points of 0x800 to 0xffff, to 3-byte sequences in
 * the twelve low bytes. */
PP_INLINE v16 v16_encode3_half_(v16 lead, v16 tail, v16 order_lead, v16 order_tail)
{
    return _mm_or_si128(_mm_shuffle_epi8(lead, order_lead), _mm_shuffle_epi8(tail, order_tail));
}

PP_INLINE void v16_encode3(v16 v, v16 *low, v16 *high)
{
    v16 lead = _mm_or_si128(_mm_srli_epi16(v, 12), _mm_set1_epi16(0xe0));
    v16 middle = _mm_and_si128(_mm_srli_epi16(v, 6), _mm_set1_epi16(0x3f));
    v16 last = _mm_slli_epi16(_mm_and_si128(v, _mm_set1_epi16(0x3f)), 8);
    v16 tail = _mm_or_si128(_mm_or_si128(middle, last), _mm_set1_epi16((short)0x8080));
    *low = v16_encode3_half_(
        lead, tail, _mm_setr_epi8(0, -1, -1, 2, -1, -1, 4, -1, -1, 6, -1, -1, -1, -1, -1, -1),
        _mm_setr_epi8(-1, 0, 1, -1, 2, 3, -1, 4, 5, -1, 6, 7, -1, -1, -1, -1));
    *high = v16_encode3_half_(
        lead, tail, _mm_setr_epi8(8, -1, -1, 10, -1, -1, 12, -1, -1, 14, -1, -1, -1, -1, -1, -1),
        _mm_setr_epi8(-1, 8, 9, -1, 10, 11, -1, 12, 13, -1, 14, 15, -1, -1, -1, -1));
}
#endif

#endif /* PP_WIRE_UTF8_LANES_X86_H */
