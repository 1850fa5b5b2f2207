/* Headers of MessagePack values: how long one is, and what it says.
 *
 * A header is the first byte, the length field if there is one, and the type of
 * an ext; a number's digits are its body. */
#ifndef PP_WIRE_HEADER_H
#define PP_WIRE_HEADER_H

#include "parapack/format.h"

typedef enum pp__kind {
    PP__KIND_NEVER, /* 0xc1 */
    PP__KIND_PLAIN, /* nil, a boolean, a number */
    PP__KIND_STR,
    PP__KIND_BIN,
    PP__KIND_EXT,
    PP__KIND_ARRAY,
    PP__KIND_MAP
} pp__kind;

/* One byte per first byte: the kind times 8, plus the size of the header (1 to
 * 6; for 0xc1 1). */
extern const uint8_t pp__header_table[256];

/* Per first byte: the size of the whole value, 1 to 32, where the first byte alone tells it;
 * else 0 (a length follows, a container, 0xc1). */
extern const uint8_t pp__whole_size[256];

PP_INLINE pp__kind pp__header_kind(uint8_t first)
{
    return (pp__kind)(pp__header_table[first] >> 3);
}

PP_INLINE size_t pp__header_size(uint8_t first)
{
    return pp__header_table[first] & 7;
}

PP_INLINE bool pp__is_container(pp__kind kind)
{
    return kind >= PP__KIND_ARRAY;
}

/* The length that a complete header at `p` tells: bytes of body, items of an
 * array, pairs of a map. The type of an ext is the header's last byte. */
PP_INLINE uint32_t pp__header_length(const uint8_t *p)
{
    uint8_t first = p[0];
    if (first < 0x80 || first >= PP_NEGFIXINT)
        return 0;
    if (first < PP_FIXSTR)
        return first & 15;
    if (first < PP_NIL)
        return first & 31;
    switch (first) {
    case PP_UINT8:
    case PP_INT8:
    case PP_FIXEXT1:
        return 1;
    case PP_UINT16:
    case PP_INT16:
    case PP_FIXEXT2:
        return 2;
    case PP_UINT32:
    case PP_INT32:
    case PP_FLOAT32:
    case PP_FIXEXT4:
        return 4;
    case PP_UINT64:
    case PP_INT64:
    case PP_FLOAT64:
    case PP_FIXEXT8:
        return 8;
    case PP_FIXEXT16:
        return 16;
    case PP_STR8:
    case PP_BIN8:
    case PP_EXT8:
        return p[1];
    case PP_STR16:
    case PP_BIN16:
    case PP_EXT16:
    case PP_ARRAY16:
    case PP_MAP16:
        return pp_load_be16(p + 1);
    case PP_STR32:
    case PP_BIN32:
    case PP_EXT32:
    case PP_ARRAY32:
    case PP_MAP32:
        return pp_load_be32(p + 1);
    default:
        return 0; /* nil, booleans, 0xc1 */
    }
}

#endif /* PP_WIRE_HEADER_H */
