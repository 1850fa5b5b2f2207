/* Documents to test trees on, and an allocator that counts and fails. */
#ifndef PP_TEST_DOCUMENTS_H
#define PP_TEST_DOCUMENTS_H

#include "parapack/parapack.h"

/* A document of one shape that grows with `scale`; pp_buffer_deinit it. */
typedef struct document_shape {
    const char *name;
    pp_buffer (*make)(size_t scale);
} document_shape;

extern const document_shape document_shapes[];
extern const size_t document_shape_count;

/* {"key 0": 0, "key 1": 1, ...} */
pp_buffer document_map(size_t scale);

/* Arrays of one array and a few other items, so many levels deep. */
pp_buffer document_nested(size_t levels);

/* Values of all types, nested at random, about `size` bytes; keys and items repeat now and then. */
pp_buffer document_random(uint64_t *seed, size_t size);

/* Writes a scalar, or the header of a container of no items. */
void document_write_token(pp_writer *w, const pp_token *token);

/* What an allocator has given out, and which allocation it refuses. */
typedef struct test_limit {
    uint64_t fail_at; /* the first one to fail, from 0; UINT64_MAX: none */
    uint64_t count;   /* allocations so far */
    size_t live;      /* bytes */
    size_t peak;
} test_limit;

/* For one thread. */
pp_allocator test_allocator(test_limit *limit);

#endif
