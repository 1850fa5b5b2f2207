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
 * Converting looks for runs of one sequence length, 16 bytes at a time, and
 * takes one code point at a time between them. Vector stores may write beyond
 * what they are sure of (never beyond the output): the output has at least a unit for
 * every MAX bytes of input left, MAX being the longest sequence of that width.
 */

enum {
    BLOCK = sizeof(block),
    SUM_LIMIT = 255 /* blocks whose counts fit one byte per lane */
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
    block low = block_or(block_and(block_equal(p1, block_set(0xe0)),
                                   block_less_signed(b, block_set(0xa0))),
                         block_and(block_equal(p1, block_set(0xf0)),
                                   block_less_signed(b, block_set(0x90))));
    block high = block_or(block_and(block_equal(p1, block_set(0xed)),
                                    block_less_signed(block_set(0x9f), b)),
                          block_and(block_equal(p1, block_set(0xf4)),
                                    block_less_signed(block_set(0x8f), b)));
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

static pp_status scan(const uint8_t *s, size_t n, pp_utf8_info *info)
{
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

    uint8_t lanes[BLOCK];
    block_store(lanes, c.max);
    uint8_t max = 0;
    for (size_t k = 0; k < BLOCK; k++)
        max = lanes[k] > max ? lanes[k] : max;
    if (PP_UNLIKELY(block_any_high(c.error) || max > 0xf4))
        return pp__utf8_scalar.scan(s, n, info);
    info->code_points = n - continuations;
    info->error_offset = n;
    info->max_code_point_class = pp__utf8_class(max);
    return PP_OK;
}

/* ---- decoding ------------------------------------------------------------ */

enum {
    RUN_OF_2 = 0xaaaa, /* continuation bits of eight 2-byte sequences, if the next byte is a lead */
    RUN_OF_3 = 0x6db6, /* of five 3-byte sequences; bit 15, the next byte, is a lead */
    RETRY = 8,         /* bytes to take singly before looking for runs again */
    MAX_UCS1 = 2,      /* longest sequences */
    MAX_UCS2 = 3,
    MAX_UCS4 = 4
};

/* The lowest bit that is set; `bits` is not 0. */
PP_INLINE size_t first_bit(unsigned bits)
{
    return (size_t)__builtin_ctz(bits);
}

/* Whether `byte`, of well-formed text, begins a sequence. */
PP_INLINE bool is_lead(uint8_t byte)
{
    return (byte & 0xc0) != 0x80;
}

static void to_ucs1(const uint8_t *s, size_t n, uint8_t *dst)
{
    size_t i = 0;
    while (n - i >= 16 * MAX_UCS1) {
        v16 v = v16_load(s + i);
        unsigned high = v16_high_bits(v);
        v16_store(dst, v);
        size_t ascii = high == 0 ? 16 : first_bit(high);
        i += ascii;
        dst += ascii;
        for (; i < n && s[i] >= 0x80; i += 2)
            *dst++ = (uint8_t)((unsigned)s[i] << 6 | (s[i + 1] & 0x3fu));
    }
    while (i < n) {
        if (s[i] < 0x80) {
            *dst++ = s[i++];
        } else {
            *dst++ = (uint8_t)((unsigned)s[i] << 6 | (s[i + 1] & 0x3fu));
            i += 2;
        }
    }
}

static void to_ucs2(const uint8_t *s, size_t n, uint16_t *dst)
{
    const uint8_t *end = n == 0 ? s : s + n;
    while ((size_t)(end - s) >= 16 * MAX_UCS2) {
        v16 v = v16_load(s);
        unsigned continuations = v16_continuations(v);
        if (continuations == 0 && v16_high_bits(v) == 0) {
            v16_store(dst, v16_widen8_low(v));
            v16_store(dst + 8, v16_widen8_high(v));
            s += 16;
            dst += 16;
            continue;
        }
        if (continuations == RUN_OF_2 && is_lead(s[16])) {
            v16_store(dst, v16_decode2(v));
            s += 16;
            dst += 8;
            continue;
        }
#ifdef V16_HAS_SHUFFLE
        if (continuations == RUN_OF_3) {
            v16_store(dst, v16_decode3(v));
            s += 15;
            dst += 5;
            continue;
        }
#endif
        for (const uint8_t *stop = s + RETRY; s < stop;)
            *dst++ = (uint16_t)pp__utf8_next(&s);
    }
    while (s < end)
        *dst++ = (uint16_t)pp__utf8_next(&s);
}

/* Eight 16-bit lanes as eight code points. */
PP_INLINE void store_wide(uint32_t *dst, v16 v)
{
    v16_store(dst, v16_widen16_low(v));
    v16_store(dst + 4, v16_widen16_high(v));
}

static void to_ucs4(const uint8_t *s, size_t n, uint32_t *dst)
{
    const uint8_t *end = n == 0 ? s : s + n;
    while ((size_t)(end - s) >= 16 * MAX_UCS4) {
        v16 v = v16_load(s);
        unsigned continuations = v16_continuations(v);
        if (continuations == 0 && v16_high_bits(v) == 0) {
            store_wide(dst, v16_widen8_low(v));
            store_wide(dst + 8, v16_widen8_high(v));
            s += 16;
            dst += 16;
            continue;
        }
        if (continuations == RUN_OF_2 && is_lead(s[16])) {
            store_wide(dst, v16_decode2(v));
            s += 16;
            dst += 8;
            continue;
        }
#ifdef V16_HAS_SHUFFLE
        if (continuations == RUN_OF_3) {
            store_wide(dst, v16_decode3(v));
            s += 15;
            dst += 5;
            continue;
        }
#endif
        for (const uint8_t *stop = s + RETRY; s < stop;)
            *dst++ = pp__utf8_next(&s);
    }
    while (s < end)
        *dst++ = pp__utf8_next(&s);
}

/* ---- measuring ----------------------------------------------------------- */

/* These loops are plain C in a shape that compilers vectorise; CHUNK keeps the
 * counts in 32 bits, which fit more lanes. */
enum {
    CHUNK = 4096
};

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

static uint8_t *from_ucs1(uint8_t *dst, const uint8_t *src, size_t count)
{
    size_t i = 0;
    while (count - i >= 16) {
        v16 v = v16_load(src + i);
        unsigned high = v16_high_bits(v);
        v16_store(dst, v);
        size_t ascii = high == 0 ? 16 : first_bit(high);
        i += ascii;
        dst += ascii;
        for (; i < count && src[i] >= 0x80; i++) {
            *dst++ = (uint8_t)(0xc0 | src[i] >> 6);
            *dst++ = (uint8_t)(0x80 | (src[i] & 0x3f));
        }
    }
    for (; i < count; i++)
        dst = pp__utf8_put(dst, src[i]);
    return dst;
}

/* Encodes the eight code points in the 16-bit lanes of `v` if they all take the
 * same number of bytes; NULL otherwise. May write up to 4 bytes more than it
 * encodes: the caller has as many code points left. */
PP_INLINE uint8_t *encode_run(uint8_t *dst, v16 v)
{
    if (!v16_any16(v, 0xff80)) {
        v16_store_low(dst, v16_narrow16(v));
        return dst + 8;
    }
    if (!v16_any16(v, 0xf800)) {
        if (!v16_each16(v, 0x0780))
            return NULL;
        v16_store(dst, v16_encode2(v));
        return dst + 16;
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
