/* parapack/value.h - one value: a word that is the value or refers to an object.
 *
 * nil, booleans, ints of 61 bits, most floats, and str and bin of up to 7 bytes are
 * in the word itself and need no memory and no count. Everything else is an object
 * (object.h), and the word a reference to it, counted or borrowed as the function
 * says that hands it out or takes it.
 *
 * "Takes" in a contract: the callee takes the caller's counted reference over, in
 * case of an error too (it releases it then). Values without an object have
 * nothing to take.
 */
#ifndef PARAPACK_VALUE_H
#define PARAPACK_VALUE_H

#include "parapack/config.h"
#include "parapack/object.h"
#include "parapack/status.h"
#include "parapack/thread.h"
#include "parapack/timestamp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The low three bits say what the rest is. Private: use the functions.
 *
 *   000  a pp_object; the word 0 is no value at all
 *   001  int, 61 bits signed
 *   010  float: sign, 8 exponent bits, 52 mantissa bits (value.c)
 *   011  str: size in bits 3 to 5, its bytes from bit 8 on
 *   100  bin, likewise
 *   110  nil, false, true; the floats 0.0, -0.0, both infinities, NaN */
typedef struct pp_value {
    uint64_t word;
} pp_value;

/* The bytes of a str or bin: not terminated. */
typedef struct pp_slice {
    const uint8_t *data;
    size_t size;
} pp_slice;

#define PP_NO_VALUE ((pp_value){0})

/* ---- making values: scopes not needed where no thread is asked for ---- */

PP_API pp_value pp_nil(void);
PP_API pp_value pp_bool(bool b);

/* Any number; an object where the word cannot hold it: a new reference. PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_int(pp_thread *thread, int64_t number, pp_value *value);
PP_API PP_NODISCARD pp_status pp_uint(pp_thread *thread, uint64_t number, pp_value *value);
PP_API PP_NODISCARD pp_status pp_float(pp_thread *thread, double number, pp_value *value);

/* A str of `size` bytes of UTF-8, which are copied: a new reference. PP_ERR_UTF8,
 * PP_ERR_TOO_LONG beyond 2**32-1 bytes, PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_str(pp_thread *thread, const void *utf8, size_t size,
                                     pp_value *value);
PP_API PP_NODISCARD pp_status pp_bin(pp_thread *thread, const void *bytes, size_t size,
                                     pp_value *value);

/* A timestamp; an ext of that type, -128 to 127 (-1 too), with its body copied. */
PP_API PP_NODISCARD pp_status pp_timestamp_value(pp_thread *thread, pp_timestamp timestamp,
                                                 pp_value *value);
PP_API PP_NODISCARD pp_status pp_ext(pp_thread *thread, int8_t type, const void *body, size_t size,
                                     pp_value *value);

/* `object` as a value: the same reference, counted or borrowed. */
PP_INLINE pp_value pp_object_value(pp_object *object)
{
    return (pp_value){(uint64_t)(uintptr_t)object};
}

/* ---- looking at them: inside the scope of a borrowed one, any time of a counted one ---- */

PP_API pp_kind pp_value_kind(pp_value value);

/* The object of a value that is one, else NULL. */
PP_INLINE pp_object *pp_value_object(pp_value value)
{
    return (value.word & 7) == 0 ? (pp_object *)(uintptr_t)value.word : NULL;
}

PP_API PP_NODISCARD bool pp_value_bool(pp_value value, bool *b);
/* False where it is not an int of that range. */
PP_API PP_NODISCARD bool pp_value_int(pp_value value, int64_t *number);
PP_API PP_NODISCARD bool pp_value_uint(pp_value value, uint64_t *number);
PP_API PP_NODISCARD bool pp_value_float(pp_value value, double *number);

/* The bytes of a str, bin or ext. For a short one they are in *value itself, so
 * they live as long as that variable. False for other kinds. */
PP_API PP_NODISCARD bool pp_value_bytes(const pp_value *value, pp_slice *bytes);

/* How many code points a str has, and (as pp_utf8_info) an upper bound of them: 0x7f, 0xff, 0xffff
 * or 0x10ffff. Counted once, when it was made. */
PP_API PP_NODISCARD bool pp_value_code_points(const pp_value *value, size_t *count, uint32_t *max);

PP_API PP_NODISCARD bool pp_value_timestamp(pp_value value, pp_timestamp *timestamp);
PP_API PP_NODISCARD bool pp_value_ext_type(pp_value value, int8_t *type);

/* Whether two values are equal: numbers by value (1 == 1.0 == true, as Python and keys of dicts
 * have it; NaN equals nothing), str, bin, ext and timestamps by content, documents by what they
 * say, mutable objects by identity. */
PP_API bool pp_value_equal(pp_value a, pp_value b);

/* ---- references ---- */

/* pp_retain, pp_try_retain, pp_release of the object, if there is one. */
PP_INLINE void pp_value_retain(pp_thread *thread, pp_value value)
{
    pp_object *object = pp_value_object(value);
    if (object != NULL)
        pp_retain(thread, object);
}

PP_NODISCARD PP_INLINE bool pp_value_try_retain(pp_thread *thread, pp_value value)
{
    pp_object *object = pp_value_object(value);
    return object == NULL || pp_try_retain(thread, object);
}

PP_INLINE void pp_value_release(pp_thread *thread, pp_value value)
{
    pp_object *object = pp_value_object(value);
    if (object != NULL)
        pp_release(thread, object);
}

/* Counted references to several values, as snapshots give them. */
typedef struct pp_values {
    pp_value *items;
    size_t count;
    size_t capacity; /* private */
} pp_values;

/* Releases them all and their array; *values is empty then. Inside a scope. */
PP_API void pp_values_release(pp_thread *thread, pp_values *values);

/* ---- keys of dicts, members of sets ---- */

/* What may be a key: str, bin, int, float, bool, nil. Numbers that are equal are the same
 * key (1, 1.0, true), NaN is equal to itself here. A key that is looked up is not an object: it
 * points to the caller's bytes and owns nothing. */
typedef struct pp_key {
    uint64_t hash;
    pp_value value; /* the key where it fits a word; else PP_NO_VALUE, or the object that it is */
    const uint8_t *data; /* of a str or bin, when value is none */
    size_t size;
    uint8_t kind;     /* pp_kind */
    double number;    /* of a float or a large int, when value is none */
    uint64_t integer; /* of an int beyond 61 bits */
} pp_key;

/* A str key: UTF-8 that the caller vouches for, or has been checked (`pp_utf8_validate`); it is
 * stored as it is. The bytes must stay while the key is used. */
PP_API pp_key pp_key_str(const void *utf8, size_t size);
PP_API pp_key pp_key_bin(const void *bytes, size_t size);
PP_API pp_key pp_key_int(int64_t number);
PP_API pp_key pp_key_uint(uint64_t number);
PP_API pp_key pp_key_float(double number);
PP_API pp_key pp_key_bool(bool b);
PP_API pp_key pp_key_nil(void);

/* A value as a key; what it refers to must stay while the key is used. PP_ERR_TYPE for kinds that
 * cannot be one. */
PP_API PP_NODISCARD pp_status pp_key_value(const pp_value *value, pp_key *key);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_VALUE_H */
