/* Keys of maps in one form, so that equal ones have equal forms and equal hashes. */
#ifndef PP_DOC_KEY_H
#define PP_DOC_KEY_H

#include "parapack/tree.h"

typedef enum pp__key_class {
    PP__KEY_NEVER, /* equals nothing: a NaN, a container */
    PP__KEY_NIL,
    PP__KEY_INT,   /* an integer below 0; a float of that value */
    PP__KEY_UINT,  /* one not below 0; a float of that value; false and true */
    PP__KEY_FLOAT, /* a float that is no integer of 64 bits */
    PP__KEY_STR,
    PP__KEY_BIN,
    PP__KEY_TIMESTAMP,
    PP__KEY_EXT /* another ext; also one of type -1 that is no timestamp */
} pp__key_class;

typedef struct pp__key {
    pp__key_class class;
    uint32_t size;       /* STR, BIN, EXT: bytes */
    const uint8_t *data; /* STR, BIN, EXT */
    uint64_t bits;       /* the number; EXT: the type; TIMESTAMP: the seconds */
    uint32_t extra;      /* TIMESTAMP: the nanoseconds */
} pp__key;

pp__key pp__key_of(const pp_token *token);

/* The key of the value at `node`. */
pp__key pp__key_at(pp_node node);

/* Equal keys have equal hashes; the high bits are as good as the low ones. Keyed
 * with a secret of the process. */
uint64_t pp__key_hash(const pp__key *key);

bool pp__key_equal(const pp__key *a, const pp__key *b);

#endif /* PP_DOC_KEY_H */
