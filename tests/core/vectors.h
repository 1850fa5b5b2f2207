/* The golden vectors of tests/vectors, read with jansson. */
#ifndef PP_TEST_VECTORS_H
#define PP_TEST_VECTORS_H

#include <jansson.h>

#include "parapack/buffer.h"

/* The list in tests/vectors/`name`; release with json_decref. Fails the test
 * if it cannot be read. */
json_t *vectors_load(const char *name);

/* The bytes of the notation "61*31 c0", in a block of exactly their number; free() it. */
uint8_t *vectors_bytes(const char *hex, size_t *size);

/* The member `key` of the vector, as text. */
const char *vectors_text(json_t *vector, const char *key);

#endif
