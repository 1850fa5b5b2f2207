/* share/value.h - what the core knows of values beyond the public header.
 *
 * Kinds of objects that a plain value can be:
 *
 *   INT, UINT, FLOAT   struct pp_number: numbers that do not fit the word
 *   STR, BIN, EXT      struct pp_string: more than 7 bytes (an ext always)
 *   TIMESTAMP          struct pp_time
 *
 * They never change after they were made, except for the cached hash.
 *
 * One value has one word: whatever fits the word is never an object, so that equal
 * words mean the same value, and different words of which at least one is a str or bin
 * in the word are different strings.
 */
#ifndef PP_SHARE_VALUE_H
#define PP_SHARE_VALUE_H

#include "share/object.h"

/* The low three bits of a word (parapack/value.h). */
enum {
    PP_TAG_OBJECT = 0,
    PP_TAG_INT = 1,
    PP_TAG_FLOAT = 2,
    PP_TAG_STR = 3,
    PP_TAG_BIN = 4,
    PP_TAG_CONSTANT = 6,
    PP_TAG_MASK = 7,
    PP_TAG_BITS = 3,
    PP_VALUE_SHORT = 7 /* bytes of a str or bin that fit the word */
};

/* The words with PP_TAG_CONSTANT. */
#define PP_WORD_NIL       UINT64_C(0x06)
#define PP_WORD_FALSE     UINT64_C(0x0e)
#define PP_WORD_TRUE      UINT64_C(0x16)
#define PP_WORD_ZERO      UINT64_C(0x1e) /* 0.0 */
#define PP_WORD_MINUS     UINT64_C(0x26) /* -0.0 */
#define PP_WORD_INFINITE  UINT64_C(0x2e)
#define PP_WORD_MINUS_INF UINT64_C(0x36)
#define PP_WORD_NAN       UINT64_C(0x3e) /* the quiet NaN 0x7ff8000000000000; others are objects */

typedef struct pp_number {
    pp_object base;
    union {
        int64_t signed_int;
        uint64_t unsigned_int;
        double real;
    };
} pp_number;

typedef struct pp_string {
    pp_object base;
    _Atomic uint64_t hash; /* of the bytes, as pp_key has it; 0: not yet computed. Relaxed: all
                              compute the same */
    uint32_t size;
    uint32_t code_points; /* of a str */
    uint32_t max;         /* of a str: pp_value_code_points */
    int8_t ext_type;
    uint8_t bytes[];
} pp_string;

typedef struct pp_time {
    pp_object base;
    pp_timestamp timestamp;
} pp_time;

extern const pp_object_type pp_int_type, pp_uint_type, pp_float_type, pp_str_type, pp_bin_type,
    pp_ext_type, pp_timestamp_type;

/* The words of values that fit one; else 0. */
uint64_t pp_word_of_int(int64_t number);
uint64_t pp_word_of_float(double number);

/* The word of a str or bin (`tag`) of at most PP_VALUE_SHORT bytes. */
uint64_t pp_word_of_bytes(unsigned tag, const void *bytes, size_t size);

/* The hash of the bytes of a str or bin object, cached in it. */
uint64_t pp_string_hash(pp_string *string);

/* A value of `key`: where it is none yet, a new object (for a str or bin longer than 7 bytes, a
 * number beyond the word); where it has one, one more reference to that. PP_ERR_NOMEM,
 * PP_ERR_TOO_LONG. `thread` is attached. */
PP_NODISCARD pp_status pp_key_make_value(pp_thread *thread, const pp_key *key, pp_value *value);

/* Whether `stored`, a value that was made of a key, is the same key as `key`. Reads only fields
 * that stay readable while the object is borrowed. */
bool pp_key_is_slow_(const pp_key *key, pp_value stored);
PP_INLINE PP_NODISCARD bool pp_key_is(const pp_key *key, pp_value stored)
{
    return PP_LIKELY(key->value.word == stored.word) || pp_key_is_slow_(key, stored);
}

/* The hash of a value that was made of a key: what pp_key.hash was. For tables that do not store it
 * whole. */
uint64_t pp_key_hash(pp_value stored);

#endif /* PP_SHARE_VALUE_H */
