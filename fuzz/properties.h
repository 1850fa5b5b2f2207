/* What must hold for any input whatever. Each fuzz target is one of these; the C tests
 * run them too, on damaged vectors.
 *
 * A function returns if its property holds and aborts, after saying what was expected, if
 * not. The input is copied to blocks of exactly its size, so that a sanitizer sees a
 * read beyond it. */
#ifndef PP_FUZZ_PROPERTIES_H
#define PP_FUZZ_PROPERTIES_H

#include <stddef.h>
#include <stdint.h>

/* Skipping, validating and every kind of reading agree about where the first value ends and
 * whether it is well-formed; and none reads beyond the input. */
void property_decode_any(const uint8_t *data, size_t size);

/* What is decoded and encoded again decodes to the same, in no more bytes, and a third
 * time to the same bytes. */
void property_round_trip(const uint8_t *data, size_t size);

/* Fed in pieces, the skipper says what it says of the whole. The first two bytes of
 * `data` choose the pieces and the checks. */
void property_streaming(const uint8_t *data, size_t size);

/* A tree of the input says of it what the reader says; and every way to a value in it leads to
 * where skipping leads. */
void property_tree(const uint8_t *data, size_t size);

/* Every instruction set's UTF-8 does what the reference does. */
void property_utf8(const uint8_t *data, size_t size);

#endif
