#include "wire/utf8_compress.h"

/* From the highest bit down: where bit `i` of `m` is set, the places found so far
 * move up by a byte and `i` comes first. `e` appears once, so the expansion
 * stays small. (Little-endian; the machines that use the table are.) */
/* clang-format off */
#define BIT(m, i)     ((uint64_t)((m) >> (i) & 1))
#define STEP(m, i, e) ((e) * (1 + 255 * BIT(m, i)) + (i) * BIT(m, i))
#define ENTRY(m)                                                                                 \
    STEP(m, 0,                                                                                   \
         STEP(m, 1,                                                                              \
              STEP(m, 2, STEP(m, 3, STEP(m, 4, STEP(m, 5, STEP(m, 6, STEP(m, 7, (uint64_t)0))))))))
/* clang-format on */

#define ROW4(m)  ENTRY(m), ENTRY(m + 1), ENTRY(m + 2), ENTRY(m + 3)
#define ROW16(m) ROW4(m), ROW4(m + 4), ROW4(m + 8), ROW4(m + 12)
#define ROW64(m) ROW16(m), ROW16(m + 16), ROW16(m + 32), ROW16(m + 48)

const uint64_t pp__utf8_compress[256] = {ROW64(0), ROW64(64), ROW64(128), ROW64(192)};
