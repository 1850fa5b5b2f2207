/* Values: the word's forms, numbers and timestamps, references.
 *
 * A float in the word: its exponent is between -127 and 128, so 8 of the 11 bits are enough:
 *
 *     double   s eee eeeeeeee mmmm...m        (1, 11, 52 bits)
 *     word     s     eeeeeeee mmmm...m 010    (1,  8, 52,  3 bits)
 *
 * which covers magnitudes from 5.9e-39 to 6.8e38 with full precision. */
#include <assert.h>
#include <string.h>

#include "parapack/timestamp.h"
#include "share/refcount.h"
#include "share/value.h"

/* 1023 - 127, at its place in a double. */
static const uint64_t FLOAT_BIAS = UINT64_C(896) << 52;

_Static_assert(sizeof(double) == 8, "IEEE 754");

static uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, 8);
    return bits;
}

uint64_t pp_word_of_float(double number)
{
    uint64_t bits = bits_of(number), sign = bits >> 63 << 63, rest = bits ^ sign;
    if (PP_LIKELY(rest - FLOAT_BIAS < UINT64_C(1) << 60))
        return sign | (rest - FLOAT_BIAS) << PP_TAG_BITS | PP_TAG_FLOAT;
    if (rest == 0)
        return sign == 0 ? PP_WORD_ZERO : PP_WORD_MINUS;
    if (rest == UINT64_C(0x7ff) << 52)
        return sign == 0 ? PP_WORD_INFINITE : PP_WORD_MINUS_INF;
    return bits == UINT64_C(0x7ff8) << 48 ? PP_WORD_NAN : 0;
}

/* The float in a word that has one. */
static double float_of_word(uint64_t word)
{
    uint64_t bits;
    if ((word & PP_TAG_MASK) == PP_TAG_FLOAT) {
        uint64_t sign = word >> 63 << 63;
        bits = sign | (((word ^ sign) >> PP_TAG_BITS) + FLOAT_BIAS);
    } else {
        bits = word == PP_WORD_ZERO        ? 0
               : word == PP_WORD_MINUS     ? UINT64_C(1) << 63
               : word == PP_WORD_INFINITE  ? UINT64_C(0x7ff) << 52
               : word == PP_WORD_MINUS_INF ? UINT64_C(0xfff) << 52
                                           : UINT64_C(0x7ff8) << 48;
    }
    double number;
    memcpy(&number, &bits, 8);
    return number;
}

uint64_t pp_word_of_int(int64_t number)
{
    uint64_t word = (uint64_t)number << PP_TAG_BITS;
    /* Shifting back gives the same number where three bits of it were sign. */
    return (int64_t)word >> PP_TAG_BITS == number ? word | PP_TAG_INT : 0;
}

/* ---- making them --------------------------------------------------------- */

static size_t number_size(const pp_object *object)
{
    (void)object;
    return sizeof(pp_number);
}

static size_t time_size(const pp_object *object)
{
    (void)object;
    return sizeof(pp_time);
}

const pp_object_type pp_int_type = {.kind = PP_KIND_INT, .size = number_size};
const pp_object_type pp_uint_type = {.kind = PP_KIND_UINT, .size = number_size};
const pp_object_type pp_float_type = {.kind = PP_KIND_FLOAT, .size = number_size};
const pp_object_type pp_timestamp_type = {.kind = PP_KIND_TIMESTAMP, .size = time_size};

/* A number whose 64 bits are `bits` as an object. */
static pp_status box(pp_thread *thread, pp_kind kind, uint64_t bits, pp_value *value)
{
    pp_number *number = (pp_number *)(void *)pp_object_new(thread, kind, sizeof(pp_number));
    if (number == NULL)
        return PP_ERR_NOMEM;
    number->unsigned_int = bits;
    *value = pp_object_value(&number->base);
    return PP_OK;
}

pp_value pp_nil(void)
{
    return (pp_value){PP_WORD_NIL};
}

pp_value pp_bool(bool b)
{
    return (pp_value){b ? PP_WORD_TRUE : PP_WORD_FALSE};
}

pp_status pp_int(pp_thread *thread, int64_t number, pp_value *value)
{
    uint64_t word = pp_word_of_int(number);
    if (PP_UNLIKELY(word == 0))
        return box(thread, PP_KIND_INT, (uint64_t)number, value);
    *value = (pp_value){word};
    return PP_OK;
}

pp_status pp_uint(pp_thread *thread, uint64_t number, pp_value *value)
{
    if (number <= INT64_MAX)
        return pp_int(thread, (int64_t)number, value);
    return box(thread, PP_KIND_UINT, number, value);
}

pp_status pp_float(pp_thread *thread, double number, pp_value *value)
{
    uint64_t word = pp_word_of_float(number);
    if (PP_UNLIKELY(word == 0))
        return box(thread, PP_KIND_FLOAT, bits_of(number), value);
    *value = (pp_value){word};
    return PP_OK;
}

pp_status pp_timestamp_value(pp_thread *thread, pp_timestamp timestamp, pp_value *value)
{
    if (timestamp.nanoseconds > PP_NANOSECONDS_MAX)
        return PP_ERR_TIMESTAMP;
    pp_time *time = (pp_time *)(void *)pp_object_new(thread, PP_KIND_TIMESTAMP, sizeof(pp_time));
    if (time == NULL)
        return PP_ERR_NOMEM;
    time->timestamp = timestamp;
    *value = pp_object_value(&time->base);
    return PP_OK;
}

/* ---- looking at them ----------------------------------------------------- */

pp_kind pp_value_kind(pp_value value)
{
    switch (value.word & PP_TAG_MASK) {
    case PP_TAG_OBJECT:
        return value.word == 0 ? PP_KIND_NONE : pp_object_kind(pp_value_object(value));
    case PP_TAG_INT:
        return PP_KIND_INT;
    case PP_TAG_FLOAT:
        return PP_KIND_FLOAT;
    case PP_TAG_STR:
        return PP_KIND_STR;
    case PP_TAG_BIN:
        return PP_KIND_BIN;
    default:
        return value.word == PP_WORD_NIL    ? PP_KIND_NIL
               : value.word <= PP_WORD_TRUE ? PP_KIND_BOOL
                                            : PP_KIND_FLOAT;
    }
}

/* The object of `value` if it is one of `kind`. */
static const void *object_of_kind(pp_value value, pp_kind kind)
{
    pp_object *object = pp_value_object(value);
    return object != NULL && pp_object_kind(object) == kind ? object : NULL;
}

bool pp_value_bool(pp_value value, bool *b)
{
    if (value.word != PP_WORD_FALSE && value.word != PP_WORD_TRUE)
        return false;
    *b = value.word == PP_WORD_TRUE;
    return true;
}

bool pp_value_int(pp_value value, int64_t *number)
{
    if ((value.word & PP_TAG_MASK) == PP_TAG_INT) {
        *number = (int64_t)value.word >> PP_TAG_BITS;
        return true;
    }
    const pp_number *object = object_of_kind(value, PP_KIND_INT);
    if (object == NULL)
        return false;
    *number = object->signed_int;
    return true;
}

bool pp_value_uint(pp_value value, uint64_t *number)
{
    int64_t n;
    if (pp_value_int(value, &n)) {
        if (n < 0)
            return false;
        *number = (uint64_t)n;
        return true;
    }
    const pp_number *object = object_of_kind(value, PP_KIND_UINT);
    if (object == NULL)
        return false;
    *number = object->unsigned_int;
    return true;
}

bool pp_value_float(pp_value value, double *number)
{
    uint64_t tag = value.word & PP_TAG_MASK;
    if (tag == PP_TAG_FLOAT || (tag == PP_TAG_CONSTANT && value.word > PP_WORD_TRUE)) {
        *number = float_of_word(value.word);
        return true;
    }
    const pp_number *object = object_of_kind(value, PP_KIND_FLOAT);
    if (object == NULL)
        return false;
    *number = object->real;
    return true;
}

bool pp_value_timestamp(pp_value value, pp_timestamp *timestamp)
{
    const pp_time *object = object_of_kind(value, PP_KIND_TIMESTAMP);
    if (object == NULL)
        return false;
    *timestamp = object->timestamp;
    return true;
}
