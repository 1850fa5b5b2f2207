/* parapack/format.h - the bytes of MessagePack.
 *
 * Format bytes, big-endian loads and stores, and the smallest encoding of
 * every header. Nothing here checks room: a pp_put_* function writes at most
 * the number of bytes its comment names, starting at `p`, and returns the
 * first byte after what it wrote. writer.h and reader.h add the checks.
 *
 * Source: the MessagePack specification,
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 *
 * Thread safety: pure functions of their arguments.
 */
#ifndef PARAPACK_FORMAT_H
#define PARAPACK_FORMAT_H

#include <string.h>

#include "parapack/config.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PP_FIXMAP = 0x80,   /* 0x80..0x8f */
    PP_FIXARRAY = 0x90, /* 0x90..0x9f */
    PP_FIXSTR = 0xa0,   /* 0xa0..0xbf */
    PP_NIL = 0xc0,
    PP_NEVER_USED = 0xc1,
    PP_FALSE = 0xc2,
    PP_TRUE = 0xc3,
    PP_BIN8 = 0xc4,
    PP_BIN16 = 0xc5,
    PP_BIN32 = 0xc6,
    PP_EXT8 = 0xc7,
    PP_EXT16 = 0xc8,
    PP_EXT32 = 0xc9,
    PP_FLOAT32 = 0xca,
    PP_FLOAT64 = 0xcb,
    PP_UINT8 = 0xcc,
    PP_UINT16 = 0xcd,
    PP_UINT32 = 0xce,
    PP_UINT64 = 0xcf,
    PP_INT8 = 0xd0,
    PP_INT16 = 0xd1,
    PP_INT32 = 0xd2,
    PP_INT64 = 0xd3,
    PP_FIXEXT1 = 0xd4,
    PP_FIXEXT2 = 0xd5,
    PP_FIXEXT4 = 0xd6,
    PP_FIXEXT8 = 0xd7,
    PP_FIXEXT16 = 0xd8,
    PP_STR8 = 0xd9,
    PP_STR16 = 0xda,
    PP_STR32 = 0xdb,
    PP_ARRAY16 = 0xdc,
    PP_ARRAY32 = 0xdd,
    PP_MAP16 = 0xde,
    PP_MAP32 = 0xdf,
    PP_NEGFIXINT = 0xe0, /* 0xe0..0xff */
};

enum {
    PP_HEADER_MAX = 9,     /* the longest of: a number, a header of str, bin, array, map, ext */
    PP_TIMESTAMP_MAX = 15, /* ext 8 header and 12 bytes */
    PP_EXT_TIMESTAMP = -1, /* the ext type of timestamps */
};

/* ---- big-endian access ------------------------------------------------- */

/* memcpy and a byte swap: two instructions, or one movbe, at -O2. Shifts and ors
 * become that only where the compiler recognises the idiom. */

PP_INLINE uint16_t pp_be16_(uint16_t v)
{
    return PP_BIG_ENDIAN ? v : (uint16_t)(v << 8 | v >> 8);
}

PP_INLINE uint32_t pp_be32_(uint32_t v)
{
    return PP_BIG_ENDIAN ? v : PP_BSWAP32(v);
}

PP_INLINE uint64_t pp_be64_(uint64_t v)
{
    return PP_BIG_ENDIAN ? v : PP_BSWAP64(v);
}

PP_INLINE uint16_t pp_load_be16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return pp_be16_(v);
}

PP_INLINE uint32_t pp_load_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return pp_be32_(v);
}

PP_INLINE uint64_t pp_load_be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return pp_be64_(v);
}

PP_INLINE void pp_store_be16(uint8_t *p, uint16_t v)
{
    v = pp_be16_(v);
    memcpy(p, &v, sizeof v);
}

PP_INLINE void pp_store_be32(uint8_t *p, uint32_t v)
{
    v = pp_be32_(v);
    memcpy(p, &v, sizeof v);
}

PP_INLINE void pp_store_be64(uint8_t *p, uint64_t v)
{
    v = pp_be64_(v);
    memcpy(p, &v, sizeof v);
}

PP_INLINE double pp_load_f64(const uint8_t *p)
{
    uint64_t bits = pp_load_be64(p);
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

PP_INLINE float pp_load_f32(const uint8_t *p)
{
    uint32_t bits = pp_load_be32(p);
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* ---- scalars ------------------------------------------------------------ */

/* At most 9 bytes. */
PP_INLINE uint8_t *pp_put_uint(uint8_t *p, uint64_t v)
{
    if (v < 0x80) {
        *p = (uint8_t)v;
        return p + 1;
    }
    if (v <= UINT8_MAX) {
        p[0] = PP_UINT8;
        p[1] = (uint8_t)v;
        return p + 2;
    }
    if (v <= UINT16_MAX) {
        p[0] = PP_UINT16;
        pp_store_be16(p + 1, (uint16_t)v);
        return p + 3;
    }
    if (v <= UINT32_MAX) {
        p[0] = PP_UINT32;
        pp_store_be32(p + 1, (uint32_t)v);
        return p + 5;
    }
    p[0] = PP_UINT64;
    pp_store_be64(p + 1, v);
    return p + 9;
}

/* At most 9 bytes; a non-negative `v` is written as unsigned. */
PP_INLINE uint8_t *pp_put_int(uint8_t *p, int64_t v)
{
    if (v >= 0)
        return pp_put_uint(p, (uint64_t)v);
    if (v >= -32) {
        *p = (uint8_t)v;
        return p + 1;
    }
    if (v >= INT8_MIN) {
        p[0] = PP_INT8;
        p[1] = (uint8_t)v;
        return p + 2;
    }
    if (v >= INT16_MIN) {
        p[0] = PP_INT16;
        pp_store_be16(p + 1, (uint16_t)v);
        return p + 3;
    }
    if (v >= INT32_MIN) {
        p[0] = PP_INT32;
        pp_store_be32(p + 1, (uint32_t)v);
        return p + 5;
    }
    p[0] = PP_INT64;
    pp_store_be64(p + 1, (uint64_t)v);
    return p + 9;
}

/* 5 bytes. */
PP_INLINE uint8_t *pp_put_float32(uint8_t *p, float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    p[0] = PP_FLOAT32;
    pp_store_be32(p + 1, bits);
    return p + 5;
}

/* 9 bytes. */
PP_INLINE uint8_t *pp_put_float64(uint8_t *p, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    p[0] = PP_FLOAT64;
    pp_store_be64(p + 1, bits);
    return p + 9;
}

/* ---- headers ------------------------------------------------------------ */

/* str header, at most 5 bytes. */
PP_INLINE uint8_t *pp_put_str_header(uint8_t *p, uint32_t n)
{
    if (n < 32) {
        *p = (uint8_t)(PP_FIXSTR | n);
        return p + 1;
    }
    if (n <= UINT8_MAX) {
        p[0] = PP_STR8;
        p[1] = (uint8_t)n;
        return p + 2;
    }
    if (n <= UINT16_MAX) {
        p[0] = PP_STR16;
        pp_store_be16(p + 1, (uint16_t)n);
        return p + 3;
    }
    p[0] = PP_STR32;
    pp_store_be32(p + 1, n);
    return p + 5;
}

/* raw header of the format before 2013, which had no str 8 and no bin; at most 5 bytes. */
PP_INLINE uint8_t *pp_put_raw_header(uint8_t *p, uint32_t n)
{
    if (n < 32 || n > UINT8_MAX)
        return pp_put_str_header(p, n);
    p[0] = PP_STR16;
    pp_store_be16(p + 1, (uint16_t)n);
    return p + 3;
}

/* bin header, at most 5 bytes. */
PP_INLINE uint8_t *pp_put_bin_header(uint8_t *p, uint32_t n)
{
    if (n <= UINT8_MAX) {
        p[0] = PP_BIN8;
        p[1] = (uint8_t)n;
        return p + 2;
    }
    if (n <= UINT16_MAX) {
        p[0] = PP_BIN16;
        pp_store_be16(p + 1, (uint16_t)n);
        return p + 3;
    }
    p[0] = PP_BIN32;
    pp_store_be32(p + 1, n);
    return p + 5;
}

PP_INLINE uint8_t *pp_put_container_header_(uint8_t *p, uint32_t n, uint8_t fix, uint8_t wide)
{
    if (n < 16) {
        *p = (uint8_t)(fix | n);
        return p + 1;
    }
    if (n <= UINT16_MAX) {
        p[0] = wide;
        pp_store_be16(p + 1, (uint16_t)n);
        return p + 3;
    }
    p[0] = (uint8_t)(wide + 1);
    pp_store_be32(p + 1, n);
    return p + 5;
}

/* array header for `n` items, at most 5 bytes. */
PP_INLINE uint8_t *pp_put_array_header(uint8_t *p, uint32_t n)
{
    return pp_put_container_header_(p, n, PP_FIXARRAY, PP_ARRAY16);
}

/* map header for `n` pairs, at most 5 bytes. */
PP_INLINE uint8_t *pp_put_map_header(uint8_t *p, uint32_t n)
{
    return pp_put_container_header_(p, n, PP_FIXMAP, PP_MAP16);
}

/* ext header for `n` bytes of type `type`, at most 6 bytes. */
PP_INLINE uint8_t *pp_put_ext_header(uint8_t *p, int8_t type, uint32_t n)
{
    uint8_t fix = n == 1    ? PP_FIXEXT1
                  : n == 2  ? PP_FIXEXT2
                  : n == 4  ? PP_FIXEXT4
                  : n == 8  ? PP_FIXEXT8
                  : n == 16 ? PP_FIXEXT16
                            : 0;
    if (fix) {
        *p++ = fix;
    } else if (n <= UINT8_MAX) {
        *p++ = PP_EXT8;
        *p++ = (uint8_t)n;
    } else if (n <= UINT16_MAX) {
        *p++ = PP_EXT16;
        pp_store_be16(p, (uint16_t)n);
        p += 2;
    } else {
        *p++ = PP_EXT32;
        pp_store_be32(p, n);
        p += 4;
    }
    *p++ = (uint8_t)type;
    return p;
}

/* Timestamp ext in its shortest form, at most PP_TIMESTAMP_MAX bytes.
 * Precondition: nanoseconds < 1,000,000,000. */
PP_INLINE uint8_t *pp_put_timestamp(uint8_t *p, int64_t seconds, uint32_t nanoseconds)
{
    if ((uint64_t)seconds >> 34) {
        p = pp_put_ext_header(p, PP_EXT_TIMESTAMP, 12);
        pp_store_be32(p, nanoseconds);
        pp_store_be64(p + 4, (uint64_t)seconds);
        return p + 12;
    }
    uint64_t v = (uint64_t)nanoseconds << 34 | (uint64_t)seconds;
    if (v >> 32) {
        p = pp_put_ext_header(p, PP_EXT_TIMESTAMP, 8);
        pp_store_be64(p, v);
        return p + 8;
    }
    p = pp_put_ext_header(p, PP_EXT_TIMESTAMP, 4);
    pp_store_be32(p, (uint32_t)v);
    return p + 4;
}

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_FORMAT_H */
