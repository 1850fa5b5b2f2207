/* UTF-8 many bytes at a time, over the vector operations of the file that
 * includes this once: block_* (for checking, as wide as the processor has it), v16_*
 * (for converting, 16 bytes), and UTF8_TABLE for the result.
 *
 * Checking. For every byte b with the three bytes before it p1, p2, p3, text is
 * well-formed if and only if none of these holds anywhere (Unicode, table 3-7):
 *
 *   b is a continuation byte, but not (p1 >= C0 or p2 >= E0 or p3 >= F0); or not
 *     a continuation byte, but one of those        a sequence too long or short
 *   b is C0 or C1, or above F4                     no sequence begins so
 *   p1 is E0 and b < A0, p1 is F0 and b < 90       overlong
 *   p1 is ED and b > 9F                            surrogate
 *   p1 is F4 and b > 8F                            beyond U+10FFFF
 *
 * None of that needs more than comparisons and saturated subtraction, so it runs
 * on plain SSE2, without a table. Before the text and behind it zero bytes are
 * assumed, which are complete in themselves. Code points are counted as bytes
 * less continuation bytes, and the greatest byte gives the class.
 *
 * When anything is wrong the scalar reference finds out where.
 *
 * Decoding. In the byte lane where a sequence ends, its code point is computed
 * from that byte and the three before it; then the lanes that end a sequence are
 * moved together (shuffles by utf8_compress.h, eight lanes at a time). No
 * branch depends on the text, but for a short cut through ASCII. The stores are
 * whole vectors, of which only the first lanes count. They stay inside the
 * output because it has a unit for at least every MAX bytes of input left, MAX
 * being the longest sequence of that width.
 *
 * Encoding looks for runs of one sequence length, eight code points at a time.
 * Mixtures of one and two bytes are encoded with holes and moved together as above;
 * others are taken one code point at a time.
 */

#include "wire/utf8_compress.h"

enum {
    BLOCK = sizeof(block),
#ifdef PP_HOSTILE
    SUM_LIMIT = 3,
    FEW = 1
#else
    SUM_LIMIT = 255, /* blocks whose counts fit one byte per lane */
    FEW = 16         /* fewer bytes are checked faster one by one */
#endif
};

/* ---- checking ------------------------------------------------------------ */

typedef struct checker {
    block error;         /* highest bit of a byte: something is wrong */
    block max;           /* the greatest byte of each lane */
    block continuations; /* how many of each lane, since the last sum */
} checker;

PP_INLINE void check_block(checker *c, block b, block p1, block p2, block p3)
{
    block continuation = block_less_signed(b, block_set(0xc0));
    block expected = block_or(block_or(block_sub_saturated(p1, block_set(0xc0 - 0x80)),
                                       block_sub_saturated(p2, block_set(0xe0 - 0x80))),
                              block_sub_saturated(p3, block_set(0xf0 - 0x80)));
    block wrong = block_xor(expected, continuation);
    /* In the comparisons of b with a continuation byte, ASCII counts as above
     * it: wrong as well. */
    block low = block_or(
        block_and(block_equal(p1, block_set(0xe0)), block_less_signed(b, block_set(0xa0))),
        block_and(block_equal(p1, block_set(0xf0)), block_less_signed(b, block_set(0x90))));
    block high = block_or(
        block_and(block_equal(p1, block_set(0xed)), block_less_signed(block_set(0x9f), b)),
        block_and(block_equal(p1, block_set(0xf4)), block_less_signed(block_set(0x8f), b)));
    block never = block_equal(block_and(b, block_set(0xfe)), block_set(0xc0));
    c->error = block_or(block_or(c->error, wrong), block_or(block_or(low, high), never));
    c->max = block_max(c->max, b);
    c->continuations = block_sub(c->continuations, continuation);
}

/* The block at `p`, where the three bytes before it are text too. */
PP_INLINE void check_inner(checker *c, const uint8_t *p)
{
    check_block(c, block_load(p), block_load(p - 1), block_load(p - 2), block_load(p - 3));
}

/* Copies fewer than 64 bytes, without a call. */
PP_INLINE void copy_short(uint8_t *dst, const uint8_t *src, size_t n)
{
    size_t i = 0;
    for (; n - i >= 16; i += 16)
        memcpy(dst + i, src + i, 16);
    if (n & 8) {
        memcpy(dst + i, src + i, 8);
        i += 8;
    }
    if (n & 4) {
        memcpy(dst + i, src + i, 4);
        i += 4;
    }
    for (; i < n; i++)
        dst[i] = src[i];
}

/* The last bytes, fewer than a block, from `i` on: with zeros behind them, and
 * before them what is there, or zeros at the start of the text. */
PP_INLINE void check_rest(checker *c, const uint8_t *s, size_t i, size_t n)
{
    uint8_t padded[3 + BLOCK];
    memset(padded, 0, sizeof padded);
    if (i == 0)
        copy_short(padded + 3, s, n);
    else
        copy_short(padded, s + i - 3, n - i + 3);
    check_inner(c, padded + 3);
}

/* How many bytes, in whole blocks, are ASCII from `i` on. */
PP_INLINE size_t ascii_blocks(const uint8_t *s, size_t i, size_t n)
{
    size_t start = i;
    for (; n - i >= 4 * BLOCK; i += 4 * BLOCK) {
        block ab = block_or(block_load(s + i), block_load(s + i + BLOCK));
        block cd = block_or(block_load(s + i + 2 * BLOCK), block_load(s + i + 3 * BLOCK));
        if (block_any_high(block_or(ab, cd)))
            break;
    }
    for (; n - i >= BLOCK && !block_any_high(block_load(s + i)); i += BLOCK)
        continue;
    return i - start;
}

static bool is_ascii(const uint8_t *s, size_t n)
{
    if (n < BLOCK)
        return n <= PP_UTF8_SHORT && pp_utf8_is_ascii_short_(s, n);
    size_t i = ascii_blocks(s, 0, n);
    return n - i < BLOCK && !block_any_high(block_load(s + n - BLOCK));
}

/* Whether any byte is at least `byte`, which is above 0x80. */
PP_INLINE bool any_at_least(block v, uint8_t byte)
{
    return block_any_high(block_sub_saturated(v, block_set((uint8_t)(byte - 0x80))));
}

/* As pp__utf8_class, of the greatest byte of a vector. */
PP_INLINE uint32_t class_of(block max)
{
    if (!block_any_high(max))
        return 0x7f;
    if (!any_at_least(max, 0xc4))
        return 0xff;
    return any_at_least(max, 0xf0) ? 0x10ffff : 0xffff;
}

static pp_status scan(const uint8_t *s, size_t n, pp_utf8_info *info)
{
    if (n < FEW)
        return pp__utf8_scalar.scan(s, n, info);
    checker c = {block_set(0), block_set(0), block_set(0)};
    size_t continuations = 0;
    size_t i = ascii_blocks(s, 0, n);
    if (i == 0 && n >= BLOCK) {
        uint8_t padded[3 + BLOCK];
        memset(padded, 0, 3);
        block_store(padded + 3, block_load(s));
        check_inner(&c, padded + 3);
        i = BLOCK;
    }
    while (n - i >= BLOCK) {
        size_t blocks = (n - i) / BLOCK;
        if (blocks > SUM_LIMIT - 1)
            blocks = SUM_LIMIT - 1; /* the first block above may be in the lanes already */
        for (; blocks > 0; blocks--, i += BLOCK)
            check_inner(&c, s + i);
        continuations += block_sum(c.continuations);
        c.continuations = block_set(0);
    }
    check_rest(&c, s, i, n);
    continuations += block_sum(c.continuations);

    if (PP_UNLIKELY(block_any_high(c.error) || any_at_least(c.max, 0xf5)))
        return pp__utf8_scalar.scan(s, n, info);
    info->code_points = n - continuations;
    info->error_offset = n;
    info->max_code_point_class = class_of(c.max);
    return PP_OK;
}

/* ---- decoding ------------------------------------------------------------ */

enum {
    MAX_UCS1 = 2, /* longest sequences */
    MAX_UCS2 = 3,
    MAX_UCS4 = 4
};

/* The lowest bit that is set; `bits` is not 0. */
PP_INLINE size_t first_bit(unsigned bits)
{
    return (size_t)__builtin_ctz(bits);
}

#ifdef V16_HAS_SHUFFLE

enum {
    BEFORE = 3 /* bytes that are looked back at */
};

PP_INLINE size_t bit_count(unsigned bits)
{
    return (size_t)__builtin_popcount(bits);
}

/* The shuffle that moves the bytes named by the 8 bits of `mask` together. */
PP_INLINE v16 gather(unsigned mask)
{
    return v16_load_low(&pp__utf8_compress[mask & 0xff]);
}

PP_INLINE bool all_ascii(v16 v, unsigned ends)
{
    return ends == 0xffff && v16_high_bits(v) == 0;
}

/* Bit i: a sequence ends at s[i], for i < 16. Reads s[16]. */
PP_INLINE unsigned sequence_ends(const uint8_t *s)
{
    return ~v16_continuations(v16_load(s + 1)) & 0xffff;
}

/* Takes whole sequences singly until at least BEFORE bytes are behind, or all. */
#define DECODE_FIRST(s, end, dst, unit)                                                            \
    for (const uint8_t *stop_ = (s) + BEFORE; (s) < stop_ && (s) < (end);)                         \
    *(dst)++ = (unit)pp__utf8_next(&(s))

/* Back to the lead of a sequence that has begun before `s` and not ended. */
PP_INLINE const uint8_t *unfinished(const uint8_t *s)
{
    while ((*s & 0xc0) == 0x80)
        s--;
    return s;
}

static void to_ucs1(const uint8_t *s, size_t n, uint8_t *dst)
{
    const uint8_t *end = n == 0 ? s : s + n;
    if (n >= 16 * MAX_UCS1 + BEFORE + 1) {
        DECODE_FIRST(s, end, dst, uint8_t);
        for (; (size_t)(end - s) >= 16 * MAX_UCS1; s += 16) {
            v16 b = v16_load(s);
            unsigned ends = sequence_ends(s);
            v16 low = v16_code_low(b, v16_load(s - 1));
            v16_store_low(dst, v16_shuffle(low, gather(ends)));
            dst += bit_count(ends & 0xff);
            v16_store_low(dst, v16_shuffle(v16_high_half(low), gather(ends >> 8)));
            dst += bit_count(ends >> 8);
        }
        s = unfinished(s);
    }
    while (s < end)
        *dst++ = (uint8_t)pp__utf8_next(&s);
}

static void to_ucs2(const uint8_t *s, size_t n, uint16_t *dst)
{
    const uint8_t *end = n == 0 ? s : s + n;
    if (n >= 16 * MAX_UCS2 + BEFORE + 2) {
        DECODE_FIRST(s, end, dst, uint16_t);
        for (; (size_t)(end - s) >= 16 * MAX_UCS2; s += 16) {
            v16 b = v16_load(s), p1 = v16_load(s - 1);
            unsigned ends = sequence_ends(s);
            if (all_ascii(b, ends)) {
                v16_store(dst, v16_widen8_low(b));
                v16_store(dst + 8, v16_widen8_high(b));
                dst += 16;
                continue;
            }
            v16 low = v16_code_low(b, p1);
            v16 middle = v16_code_middle(b, p1, v16_load(s - 2));
            v16 order = gather(ends);
            v16_store(dst, v16_zip8(v16_shuffle(low, order), v16_shuffle(middle, order)));
            dst += bit_count(ends & 0xff);
            order = gather(ends >> 8);
            low = v16_high_half(low);
            middle = v16_high_half(middle);
            v16_store(dst, v16_zip8(v16_shuffle(low, order), v16_shuffle(middle, order)));
            dst += bit_count(ends >> 8);
        }
        s = unfinished(s);
    }
    while (s < end)
        *dst++ = (uint16_t)pp__utf8_next(&s);
}

/* Eight lanes, gathered, as code points. */
PP_INLINE void store_ucs4(uint32_t *dst, v16 low, v16 middle, v16 high, v16 order)
{
    v16 lows = v16_zip8(v16_shuffle(low, order), v16_shuffle(middle, order));
    v16 highs = v16_widen8_low(v16_shuffle(high, order));
    v16_store(dst, v16_zip16_low(lows, highs));
    v16_store(dst + 4, v16_zip16_high(lows, highs));
}

static void to_ucs4(const uint8_t *s, size_t n, uint32_t *dst)
{
    const uint8_t *end = n == 0 ? s : s + n;
    if (n >= 16 * MAX_UCS4 + BEFORE + 3) {
        DECODE_FIRST(s, end, dst, uint32_t);
        for (; (size_t)(end - s) >= 16 * MAX_UCS4; s += 16) {
            v16 b = v16_load(s), p1 = v16_load(s - 1), p2 = v16_load(s - 2);
            unsigned ends = sequence_ends(s);
            v16 low = v16_code_low(b, p1);
            v16 middle = v16_code_middle(b, p1, p2);
            v16 high = v16_code_high(b, p1, p2, v16_load(s - 3));
            store_ucs4(dst, low, middle, high, gather(ends));
            dst += bit_count(ends & 0xff);
            store_ucs4(dst, v16_high_half(low), v16_high_half(middle), v16_high_half(high),
                       gather(ends >> 8));
            dst += bit_count(ends >> 8);
        }
        s = unfinished(s);
    }
    while (s < end)
        *dst++ = pp__utf8_next(&s);
}

#else /* no shuffle: short cuts through ASCII only */

static void to_ucs1(const uint8_t *s, size_t n, uint8_t *dst)
{
    size_t i = 0;
    while (n - i >= 16 * MAX_UCS1) {
        v16 v = v16_load(s + i);
        unsigned high = v16_high_bits(v);
        v16_store(dst, v);
        if (high == 0) {
            i += 16;
            dst += 16;
            continue;
        }
        size_t ascii = first_bit(high);
        i += ascii;
        dst += ascii;
        for (; i < n && s[i] >= 0x80; i += 2)
            *dst++ = (uint8_t)((unsigned)s[i] << 6 | (s[i + 1] & 0x3fu));
    }
    if (i < n)
        pp__utf8_scalar.to_ucs1(s + i, n - i, dst);
}

static void to_ucs2(const uint8_t *s, size_t n, uint16_t *dst)
{
    const uint8_t *end = n == 0 ? s : s + n;
    while ((size_t)(end - s) >= 16 * MAX_UCS2) {
        v16 v = v16_load(s);
        if (v16_high_bits(v) == 0) {
            v16_store(dst, v16_widen8_low(v));
            v16_store(dst + 8, v16_widen8_high(v));
            s += 16;
            dst += 16;
            continue;
        }
        for (const uint8_t *stop = s + 16; s < stop;)
            *dst++ = (uint16_t)pp__utf8_next(&s);
    }
    while (s < end)
        *dst++ = (uint16_t)pp__utf8_next(&s);
}

static void to_ucs4(const uint8_t *s, size_t n, uint32_t *dst)
{
    pp__utf8_scalar.to_ucs4(s, n, dst);
}

#endif

/* ---- measuring ----------------------------------------------------------- */

/* These loops are plain C in a shape that compilers vectorise; CHUNK keeps the
 * counts in 32 bits, which fit more lanes. */
#ifdef PP_HOSTILE
enum { CHUNK = 5 };
#else
enum { CHUNK = 4096 };
#endif

static pp_status size_ucs1(const uint8_t *src, size_t count, size_t *size, size_t *error_index)
{
    (void)error_index;
    size_t sum = count;
    size_t i = 0;
    for (; count - i >= BLOCK;) {
        size_t blocks = (count - i) / BLOCK;
        if (blocks > SUM_LIMIT)
            blocks = SUM_LIMIT;
        block high = block_set(0);
        for (; blocks > 0; blocks--, i += BLOCK)
            high = block_sub(high, block_less_signed(block_load(src + i), block_set(0)));
        sum += block_sum(high);
    }
    for (; i < count; i++)
        sum += src[i] >> 7;
    *size = sum;
    return PP_OK;
}

static pp_status size_ucs2(const uint16_t *src, size_t count, size_t *size, size_t *error_index)
{
    size_t sum = count;
    for (size_t i = 0; i < count;) {
        size_t stop = count - i > CHUNK ? i + CHUNK : count;
        uint16_t more = 0, surrogates = 0; /* at most 2 * CHUNK */
        for (; i < stop; i++) {
            uint16_t c = src[i];
            more = (uint16_t)(more + (c > 0x7f) + (c > 0x7ff));
            surrogates |= (uint16_t)((c & 0xf800) == 0xd800);
        }
        if (PP_UNLIKELY(surrogates != 0))
            return pp__utf8_scalar.size_ucs2(src, count, size, error_index);
        sum += more;
    }
    *size = sum;
    return PP_OK;
}

static pp_status size_ucs4(const uint32_t *src, size_t count, size_t *size, size_t *error_index)
{
    size_t sum = count;
    for (size_t i = 0; i < count;) {
        size_t stop = count - i > CHUNK ? i + CHUNK : count;
        uint32_t more = 0, bad = 0;
        for (; i < stop; i++) {
            uint32_t c = src[i];
            more += (uint32_t)(c > 0x7f) + (c > 0x7ff) + (c > 0xffff);
            bad |= (uint32_t)((c & 0xfffff800u) == 0xd800) | (c > 0x10ffff);
        }
        if (PP_UNLIKELY(bad != 0))
            return pp__utf8_scalar.size_ucs4(src, count, size, error_index);
        sum += more;
    }
    *size = sum;
    return PP_OK;
}

/* ---- encoding ------------------------------------------------------------ */

#ifdef V16_HAS_SHUFFLE

/* Encodes the eight code points, all below 0x800, in the 16-bit lanes of `v`. May write up to
 * 4 bytes more than it encodes. */
PP_INLINE uint8_t *encode_mixed(uint8_t *dst, v16 v)
{
    unsigned used;
    v16 encoded = v16_encode12(v, &used);
    v16_store_low(dst, v16_shuffle(encoded, gather(used)));
    dst += bit_count(used & 0xff);
    v16_store_low(dst, v16_shuffle(v16_high_half(encoded), gather(used >> 8)));
    return dst + bit_count(used >> 8);
}

static uint8_t *from_ucs1(uint8_t *dst, const uint8_t *src, size_t count)
{
    size_t i = 0;
    for (; count - i >= 16 + 4; i += 16) {
        v16 v = v16_load(src + i);
        if (v16_high_bits(v) == 0) {
            v16_store(dst, v);
            dst += 16;
        } else {
            dst = encode_mixed(dst, v16_widen8_low(v));
            dst = encode_mixed(dst, v16_widen8_high(v));
        }
    }
    for (; i < count; i++)
        dst = pp__utf8_put(dst, src[i]);
    return dst;
}

#else

static uint8_t *from_ucs1(uint8_t *dst, const uint8_t *src, size_t count)
{
    size_t i = 0;
    while (count - i >= 16) {
        v16 v = v16_load(src + i);
        unsigned high = v16_high_bits(v);
        v16_store(dst, v);
        if (high == 0) {
            i += 16;
            dst += 16;
            continue;
        }
        size_t ascii = first_bit(high);
        i += ascii;
        dst += ascii;
        for (; i < count && src[i] >= 0x80; i++)
            dst = pp__utf8_put(dst, src[i]);
    }
    for (; i < count; i++)
        dst = pp__utf8_put(dst, src[i]);
    return dst;
}

#endif

/* Encodes the eight code points in the 16-bit lanes of `v` if they all take the
 * same number of bytes, or at most two; NULL otherwise. May write up to 4 bytes more than it
 * encodes: the caller has as many code points left. */
PP_INLINE uint8_t *encode_run(uint8_t *dst, v16 v)
{
    if (!v16_any16(v, 0xff80)) {
        v16_store_low(dst, v16_narrow16(v));
        return dst + 8;
    }
    if (!v16_any16(v, 0xf800)) {
        if (v16_each16(v, 0x0780)) {
            v16_store(dst, v16_encode2(v));
            return dst + 16;
        }
#ifdef V16_HAS_SHUFFLE
        return encode_mixed(dst, v);
#else
        return NULL;
#endif
    }
#ifdef V16_HAS_SHUFFLE
    if (v16_each16(v, 0xf800)) {
        v16 low, high;
        v16_encode3(v, &low, &high);
        v16_store(dst, low);
        v16_store(dst + 12, high);
        return dst + 24;
    }
#endif
    return NULL;
}

static uint8_t *from_ucs2(uint8_t *dst, const uint16_t *src, size_t count)
{
    size_t i = 0;
    for (; count - i >= 8 + 4; i += 8) {
        uint8_t *next = encode_run(dst, v16_load(src + i));
        if (next == NULL) {
            next = dst;
            for (size_t k = 0; k < 8; k++)
                next = pp__utf8_put(next, src[i + k]);
        }
        dst = next;
    }
    for (; i < count; i++)
        dst = pp__utf8_put(dst, src[i]);
    return dst;
}

static uint8_t *from_ucs4(uint8_t *dst, const uint32_t *src, size_t count)
{
    size_t i = 0;
    for (; count - i >= 8 + 4; i += 8) {
        v16 low = v16_load(src + i), high = v16_load(src + i + 4);
        uint8_t *next = NULL;
        if (!v16_any32(v16_or(low, high), 0xffff0000u))
            next = encode_run(dst, v16_narrow32(low, high));
        if (next == NULL) {
            next = dst;
            for (size_t k = 0; k < 8; k++)
                next = pp__utf8_put(next, src[i + k]);
        }
        dst = next;
    }
    for (; i < count; i++)
        dst = pp__utf8_put(dst, src[i]);
    return dst;
}

const pp__utf8_ops UTF8_TABLE = {
    .name = UTF8_TABLE_NAME,
    .is_ascii = is_ascii,
    .scan = scan,
    .to_ucs1 = to_ucs1,
    .to_ucs2 = to_ucs2,
    .to_ucs4 = to_ucs4,
    .size_ucs1 = size_ucs1,
    .size_ucs2 = size_ucs2,
    .size_ucs4 = size_ucs4,
    .from_ucs1 = from_ucs1,
    .from_ucs2 = from_ucs2,
    .from_ucs4 = from_ucs4,
};
