/* Shuffles that move selected bytes of eight together.
 *
 * Byte k of pp__utf8_compress[mask] is the place of the k-th bit that is set in
 * `mask`, counted from 0 (bytes beyond the last are 0). In memory byte 0 comes first.
 */
#ifndef PP_WIRE_UTF8_COMPRESS_H
#define PP_WIRE_UTF8_COMPRESS_H

#include <stdint.h>

extern const uint64_t pp__utf8_compress[256];

#endif /* PP_WIRE_UTF8_COMPRESS_H */
