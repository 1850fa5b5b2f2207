/* UTF-8 with NEON, which every 64-bit ARM has. */
#include "wire/utf8_internal.h"

#ifdef PP__UTF8_NEON

#include <arm_neon.h>

typedef uint8x16_t v16;
typedef uint8x16_t block;

PP_INLINE v16 v16_load(const void *p)
{
    return vld1q_u8(p);
}

PP_INLINE void v16_store(void *p, v16 v)
{
    vst1q_u8(p, v);
}

PP_INLINE void v16_store_low(void *p, v16 v)
{
    vst1_u8(p, vget_low_u8(v));
}

/* Bit i: byte i of `v`, which is 0 or 0xff. */
PP_INLINE unsigned v16_bits_(v16 v)
{
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t weighed = vandq_u8(v, vld1q_u8(weights));
    return (unsigned)vaddv_u8(vget_low_u8(weighed)) | (unsigned)vaddv_u8(vget_high_u8(weighed))
                                                          << 8;
}

PP_INLINE unsigned v16_high_bits(v16 v)
{
    return v16_bits_(vcltzq_s8(vreinterpretq_s8_u8(v)));
}

PP_INLINE unsigned v16_continuations(v16 v)
{
    return v16_bits_(vcltq_s8(vreinterpretq_s8_u8(v), vdupq_n_s8(-64)));
}

PP_INLINE v16 v16_or(v16 a, v16 b)
{
    return vorrq_u8(a, b);
}

PP_INLINE v16 v16_widen8_low(v16 v)
{
    return vreinterpretq_u8_u16(vmovl_u8(vget_low_u8(v)));
}

PP_INLINE v16 v16_widen8_high(v16 v)
{
    return vreinterpretq_u8_u16(vmovl_u8(vget_high_u8(v)));
}

PP_INLINE v16 v16_widen16_low(v16 v)
{
    return vreinterpretq_u8_u32(vmovl_u16(vget_low_u16(vreinterpretq_u16_u8(v))));
}

PP_INLINE v16 v16_widen16_high(v16 v)
{
    return vreinterpretq_u8_u32(vmovl_u16(vget_high_u16(vreinterpretq_u16_u8(v))));
}

PP_INLINE v16 v16_narrow16(v16 v)
{
    uint8x8_t low = vmovn_u16(vreinterpretq_u16_u8(v));
    return vcombine_u8(low, low);
}

PP_INLINE v16 v16_narrow32(v16 low, v16 high)
{
    return vreinterpretq_u8_u16(
        vcombine_u16(vmovn_u32(vreinterpretq_u32_u8(low)), vmovn_u32(vreinterpretq_u32_u8(high))));
}

PP_INLINE bool v16_any16(v16 v, uint16_t bits)
{
    return vmaxvq_u16(vandq_u16(vreinterpretq_u16_u8(v), vdupq_n_u16(bits))) != 0;
}

PP_INLINE bool v16_any32(v16 v, uint32_t bits)
{
    return vmaxvq_u32(vandq_u32(vreinterpretq_u32_u8(v), vdupq_n_u32(bits))) != 0;
}

PP_INLINE bool v16_each16(v16 v, uint16_t bits)
{
    return vminvq_u16(vandq_u16(vreinterpretq_u16_u8(v), vdupq_n_u16(bits))) != 0;
}

PP_INLINE v16 v16_encode2(v16 v)
{
    uint16x8_t lanes = vreinterpretq_u16_u8(v);
    uint16x8_t lead = vshrq_n_u16(lanes, 6);
    uint16x8_t last = vshlq_n_u16(vandq_u16(lanes, vdupq_n_u16(0x3f)), 8);
    return vreinterpretq_u8_u16(vorrq_u16(vorrq_u16(lead, last), vdupq_n_u16(0x80c0)));
}

#define V16_HAS_SHUFFLE 1

enum {
    NO = 0xff /* as an index of a shuffle: a zero byte */
};

PP_INLINE v16 v16_shuffle(v16 v, v16 order)
{
    return vqtbl1q_u8(v, order);
}

PP_INLINE v16 v16_high_half(v16 v)
{
    return vcombine_u8(vget_high_u8(v), vget_high_u8(v));
}

PP_INLINE v16 v16_load_low(const void *p)
{
    uint8x8_t half = vld1_u8(p);
    return vcombine_u8(half, half);
}

PP_INLINE v16 v16_zip8(v16 a, v16 b)
{
    return vzip1q_u8(a, b);
}

PP_INLINE v16 v16_zip16_low(v16 a, v16 b)
{
    return vreinterpretq_u8_u16(vzip1q_u16(vreinterpretq_u16_u8(a), vreinterpretq_u16_u8(b)));
}

PP_INLINE v16 v16_zip16_high(v16 a, v16 b)
{
    return vreinterpretq_u8_u16(vzip2q_u16(vreinterpretq_u16_u8(a), vreinterpretq_u16_u8(b)));
}

/* Which bytes are continuation bytes. */
PP_INLINE v16 v16_longer_(v16 v)
{
    return vcltq_s8(vreinterpretq_s8_u8(v), vdupq_n_s8(-64));
}

PP_INLINE v16 v16_code_low(v16 b, v16 p1)
{
    v16 joined = vorrq_u8(vandq_u8(b, vdupq_n_u8(0x3f)), vshlq_n_u8(p1, 6));
    return vbslq_u8(v16_longer_(b), joined, b);
}

PP_INLINE v16 v16_code_middle(v16 b, v16 p1, v16 p2)
{
    v16 low = vandq_u8(vshrq_n_u8(p1, 2), vdupq_n_u8(0x0f));
    v16 top = vandq_u8(v16_longer_(p1), vshlq_n_u8(p2, 4));
    return vandq_u8(v16_longer_(b), vorrq_u8(low, top));
}

PP_INLINE v16 v16_code_high(v16 b, v16 p1, v16 p2, v16 p3)
{
    v16 longer3 = vandq_u8(v16_longer_(p2), vandq_u8(v16_longer_(p1), v16_longer_(b)));
    v16 low = vandq_u8(vshrq_n_u8(p2, 4), vdupq_n_u8(0x03));
    v16 top = vandq_u8(vshlq_n_u8(p3, 2), vdupq_n_u8(0x1c));
    return vandq_u8(longer3, vorrq_u8(low, top));
}

PP_INLINE v16 v16_encode12(v16 v, unsigned *used)
{
    uint16x8_t lanes = vreinterpretq_u16_u8(v);
    uint16x8_t two = vcgtq_u16(lanes, vdupq_n_u16(0x7f));
    uint16x8_t last = vshlq_n_u16(vandq_u16(lanes, vdupq_n_u16(0x3f)), 8);
    uint16x8_t lead = vorrq_u16(vshrq_n_u16(lanes, 6), vdupq_n_u16(0x80c0));
    uint16x8_t encoded = vbslq_u16(two, vorrq_u16(lead, last), vshlq_n_u16(lanes, 8));
    *used = v16_bits_(vreinterpretq_u8_u16(vorrq_u16(two, vdupq_n_u16(0xff00))));
    return vreinterpretq_u8_u16(encoded);
}

PP_INLINE void v16_encode3(v16 v, v16 *low, v16 *high)
{
    static const uint8_t low_order[16] = {0,  16, 17, 2,  18, 19, 4,  20,
                                          21, 6,  22, 23, NO, NO, NO, NO};
    static const uint8_t high_order[16] = {8,  24, 25, 10, 26, 27, 12, 28,
                                           29, 14, 30, 31, NO, NO, NO, NO};
    uint16x8_t lanes = vreinterpretq_u16_u8(v);
    uint16x8_t lead = vorrq_u16(vshrq_n_u16(lanes, 12), vdupq_n_u16(0xe0));
    uint16x8_t middle = vandq_u16(vshrq_n_u16(lanes, 6), vdupq_n_u16(0x3f));
    uint16x8_t last = vshlq_n_u16(vandq_u16(lanes, vdupq_n_u16(0x3f)), 8);
    uint16x8_t tail = vorrq_u16(vorrq_u16(middle, last), vdupq_n_u16(0x8080));
    uint8x16x2_t both = {{vreinterpretq_u8_u16(lead), vreinterpretq_u8_u16(tail)}};
    *low = vqtbl2q_u8(both, vld1q_u8(low_order));
    *high = vqtbl2q_u8(both, vld1q_u8(high_order));
}

PP_INLINE block block_load(const void *p)
{
    return vld1q_u8(p);
}

PP_INLINE void block_store(void *p, block v)
{
    vst1q_u8(p, v);
}

PP_INLINE block block_set(uint8_t byte)
{
    return vdupq_n_u8(byte);
}

PP_INLINE block block_or(block a, block b)
{
    return vorrq_u8(a, b);
}

PP_INLINE block block_and(block a, block b)
{
    return vandq_u8(a, b);
}

PP_INLINE block block_xor(block a, block b)
{
    return veorq_u8(a, b);
}

PP_INLINE block block_sub(block a, block b)
{
    return vsubq_u8(a, b);
}

PP_INLINE block block_sub_saturated(block a, block b)
{
    return vqsubq_u8(a, b);
}

PP_INLINE block block_max(block a, block b)
{
    return vmaxq_u8(a, b);
}

PP_INLINE block block_equal(block a, block b)
{
    return vceqq_u8(a, b);
}

PP_INLINE block block_less_signed(block a, block b)
{
    return vcltq_s8(vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b));
}

PP_INLINE bool block_any_high(block v)
{
    return vmaxvq_u8(v) >= 0x80;
}

PP_INLINE size_t block_sum(block v)
{
    return vaddlvq_u8(v);
}

#define UTF8_TABLE      pp__utf8_neon
#define UTF8_TABLE_NAME "neon"
#include "wire/utf8_simd.h"

#endif
