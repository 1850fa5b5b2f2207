#include "wire/header.h"

#define ROW(kind, size) (uint8_t)(PP__KIND_##kind << 3 | (size))
#define X4(row)         row, row, row, row
#define X16(row)        X4(row), X4(row), X4(row), X4(row)
#define X32(row)        X16(row), X16(row)

/* clang-format off */
const uint8_t pp__header_table[256] = {
    /* 00 */ X32(ROW(PLAIN, 1)), X32(ROW(PLAIN, 1)), X32(ROW(PLAIN, 1)), X32(ROW(PLAIN, 1)),
    /* 80 */ X16(ROW(MAP, 1)),
    /* 90 */ X16(ROW(ARRAY, 1)),
    /* a0 */ X32(ROW(STR, 1)),
    /* c0 */ ROW(PLAIN, 1), ROW(NEVER, 1), ROW(PLAIN, 1), ROW(PLAIN, 1),
    /* c4 */ ROW(BIN, 2), ROW(BIN, 3), ROW(BIN, 5),
    /* c7 */ ROW(EXT, 3), ROW(EXT, 4), ROW(EXT, 6),
    /* ca */ ROW(PLAIN, 1), ROW(PLAIN, 1),
    /* cc */ X4(ROW(PLAIN, 1)), X4(ROW(PLAIN, 1)),
    /* d4 */ X4(ROW(EXT, 2)), ROW(EXT, 2),
    /* d9 */ ROW(STR, 2), ROW(STR, 3), ROW(STR, 5),
    /* dc */ ROW(ARRAY, 3), ROW(ARRAY, 5),
    /* de */ ROW(MAP, 3), ROW(MAP, 5),
    /* e0 */ X32(ROW(PLAIN, 1)),
};

#define UP4(n)    n, n + 1, n + 2, n + 3
#define UP16(n)   UP4(n), UP4(n + 4), UP4(n + 8), UP4(n + 12)

const uint8_t pp__whole_size[256] = {
    /* 00 */ X32(1), X32(1), X32(1), X32(1),
    /* 80 */ X32(0),
    /* a0 */ UP16(1), UP16(17),
    /* c0 */ 1, 0, 1, 1,
    /* c4 */ 0, 0, 0, 0, 0, 0,
    /* ca */ 5, 9,
    /* cc */ 2, 3, 5, 9, 2, 3, 5, 9,
    /* d4 */ 3, 4, 6, 10, 18,
    /* d9 */ 0, 0, 0, 0, 0, 0, 0,
    /* e0 */ X32(1),
};
/* clang-format on */
