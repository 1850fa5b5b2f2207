/* Which values are equal, and which are the same key.
 *
 * Numbers are compared as what they are, never rounded: 2**53 + 1 is not 2.0**53. */
#include <assert.h>
#include <string.h>

#include "share/hash.h"
#include "share/value.h"

/* A number of any kind. */
typedef struct number {
    enum { NOT_A_NUMBER, INTEGER, BIG, REAL } kind; /* BIG: 2**63 and above */
    union {
        int64_t integer;
        uint64_t big;
        double real;
    };
} number;

static number number_of(pp_value value)
{
    number n = {.kind = INTEGER};
    bool b;
    if (pp_value_int(value, &n.integer))
        return n;
    if (pp_value_bool(value, &b)) {
        n.integer = b;
        return n;
    }
    n.kind = REAL;
    if (pp_value_float(value, &n.real))
        return n;
    n.kind = pp_value_uint(value, &n.big) ? BIG : NOT_A_NUMBER;
    return n;
}

/* Whether the float is an integer of exactly that value. */
static bool real_is_integer(double real, int64_t integer)
{
    /* From 2**63 on the conversion back would not be defined; NaN fails both comparisons. */
    return real >= -0x1p63 && real < 0x1p63 && (int64_t)real == integer &&
           (double)(int64_t)real == real;
}

static bool real_is_big(double real, uint64_t big)
{
    return real >= 0x1p63 && real < 0x1p64 && (uint64_t)real == big;
}

static bool numbers_equal(number a, number b)
{
    if (a.kind == REAL && b.kind != REAL) {
        number c = a;
        a = b;
        b = c;
    }
    switch (a.kind) {
    case INTEGER:
        return b.kind == INTEGER ? a.integer == b.integer
                                 : b.kind == REAL && real_is_integer(b.real, a.integer);
    case BIG:
        return b.kind == BIG ? a.big == b.big : b.kind == REAL && real_is_big(b.real, a.big);
    case REAL:
        return a.real == b.real;
    default:
        return false;
    }
}

static bool is_nan(number n)
{
    return n.kind == REAL && n.real != n.real;
}

bool pp_value_equal(pp_value a, pp_value b)
{
    uint64_t tag = a.word & PP_TAG_MASK;
    if (tag == PP_TAG_STR || tag == PP_TAG_BIN || a.word == PP_WORD_NIL)
        return a.word == b.word; /* one value has one word */
    number n = number_of(a);
    if (n.kind != NOT_A_NUMBER)
        return numbers_equal(n, number_of(b));
    if (a.word == b.word)
        return true;
    pp_timestamp s, t;
    if (pp_value_timestamp(a, &s))
        return pp_value_timestamp(b, &t) && s.seconds == t.seconds &&
               s.nanoseconds == t.nanoseconds;
    pp_object *x = pp_value_object(a), *y = pp_value_object(b);
    if (x == NULL || y == NULL || pp_object_kind(x) != pp_object_kind(y))
        return false;
    const pp_object_type *type = pp_object_type_of(pp_object_kind(x));
    return type->equal != NULL && type->equal(x, y);
}

/* ---- keys ---------------------------------------------------------------- */

/* What tells a long bin's hash from that of a str with the same bytes. */
static const uint64_t BIN = UINT64_C(0xa54ff53a5f1d36f1);

static pp_key key_of_bytes(pp_kind kind, unsigned tag, const void *bytes, size_t size)
{
    pp_key key = {.kind = (uint8_t)kind, .data = bytes, .size = size};
    if (size <= PP_VALUE_SHORT) {
        key.value.word = pp_word_of_bytes(tag, bytes, size);
        key.hash = pp_hash_word(key.value.word);
    } else {
        key.hash = pp_hash_bytes(bytes, size) ^ (kind == PP_KIND_BIN ? BIN : 0);
    }
    return key;
}

pp_key pp_key_str(const void *utf8, size_t size)
{
    return key_of_bytes(PP_KIND_STR, PP_TAG_STR, utf8, size);
}

pp_key pp_key_bin(const void *bytes, size_t size)
{
    return key_of_bytes(PP_KIND_BIN, PP_TAG_BIN, bytes, size);
}

pp_key pp_key_int(int64_t integer)
{
    return (pp_key){.hash = pp_hash_int(integer),
                    .value = {pp_word_of_int(integer)},
                    .kind = PP_KIND_INT,
                    .integer = (uint64_t)integer};
}

pp_key pp_key_uint(uint64_t integer)
{
    if (integer <= INT64_MAX)
        return pp_key_int((int64_t)integer);
    return (pp_key){
        .hash = pp_hash_int((int64_t)integer), .kind = PP_KIND_UINT, .integer = integer};
}

pp_key pp_key_float(double real)
{
    return (pp_key){.hash = pp_hash_float(real),
                    .value = {pp_word_of_float(real)},
                    .kind = PP_KIND_FLOAT,
                    .number = real};
}

pp_key pp_key_bool(bool b)
{
    return (pp_key){
        .hash = pp_hash_int(b), .value = pp_bool(b), .kind = PP_KIND_BOOL, .integer = b};
}

pp_key pp_key_nil(void)
{
    return (pp_key){.hash = pp_hash_word(PP_WORD_NIL), .value = {PP_WORD_NIL}, .kind = PP_KIND_NIL};
}

/* The key of a str or bin: what it points to is the object's, or the word at `value`. */
static pp_key key_of_string(const pp_value *value, pp_kind kind)
{
    pp_slice bytes = {NULL, 0};
    bool has_bytes = pp_value_bytes(value, &bytes);
    assert(has_bytes);
    (void)has_bytes;
    pp_key key = {.value = *value, .kind = (uint8_t)kind, .data = bytes.data, .size = bytes.size};
    key.hash = pp_key_hash(*value);
    return key;
}

pp_status pp_key_value(const pp_value *value, pp_key *key)
{
    pp_kind kind = pp_value_kind(*value);
    number n;
    switch (kind) {
    case PP_KIND_STR:
    case PP_KIND_BIN:
        *key = key_of_string(value, kind);
        return PP_OK;
    case PP_KIND_NIL:
        *key = pp_key_nil();
        return PP_OK;
    case PP_KIND_BOOL:
        *key = pp_key_bool(value->word == PP_WORD_TRUE);
        return PP_OK;
    case PP_KIND_INT:
    case PP_KIND_UINT:
    case PP_KIND_FLOAT:
        n = number_of(*value);
        *key = n.kind == INTEGER ? pp_key_int(n.integer)
               : n.kind == BIG   ? pp_key_uint(n.big)
                                 : pp_key_float(n.real);
        key->value = *value; /* the object that it is, where there is one */
        return PP_OK;
    default:
        return PP_ERR_TYPE;
    }
}

/* The number that a key is, if it is one. */
static number number_of_key(const pp_key *key)
{
    number n = {.kind = NOT_A_NUMBER};
    switch (key->kind) {
    case PP_KIND_BOOL:
    case PP_KIND_INT:
        n.kind = INTEGER;
        n.integer = (int64_t)key->integer;
        break;
    case PP_KIND_UINT:
        n.kind = BIG;
        n.big = key->integer;
        break;
    case PP_KIND_FLOAT:
        n.kind = REAL;
        n.real = key->number;
        break;
    default:
        break;
    }
    return n;
}

bool pp_key_is_slow_(const pp_key *key, pp_value stored)
{
    if (key->kind == PP_KIND_STR || key->kind == PP_KIND_BIN) {
        const pp_object *object = pp_value_object(stored);
        if (key->size <= PP_VALUE_SHORT || object == NULL ||
            pp_object_kind(object) != (pp_kind)key->kind)
            return false;
        const pp_string *s = (const void *)object;
        return s->size == key->size && memcmp(s->bytes, key->data, key->size) == 0;
    }
    number a = number_of_key(key), b = number_of(stored);
    return numbers_equal(a, b) || (is_nan(a) && is_nan(b));
}

uint64_t pp_key_hash(pp_value stored)
{
    pp_object *object = pp_value_object(stored);
    pp_kind kind = pp_value_kind(stored);
    if (kind == PP_KIND_STR || kind == PP_KIND_BIN) {
        if (object == NULL)
            return pp_hash_word(stored.word);
        return pp_string_hash((pp_string *)(void *)object) ^ (kind == PP_KIND_BIN ? BIN : 0);
    }
    number n = number_of(stored);
    return n.kind == INTEGER ? pp_hash_int(n.integer)
           : n.kind == BIG   ? pp_hash_int((int64_t)n.big)
           : n.kind == REAL  ? pp_hash_float(n.real)
                             : pp_hash_word(stored.word);
}

pp_status pp_key_make_value(pp_thread *thread, const pp_key *key, pp_value *value)
{
    if (key->value.word != 0) {
        /* Of a str the caller vouches for; what others will decode without a check is looked at
         * once. */
        size_t count;
        uint32_t max;
        if (key->kind == PP_KIND_STR && !pp_value_code_points(&key->value, &count, &max))
            return PP_ERR_UTF8;
        pp_value_retain(thread, key->value);
        *value = key->value;
        return PP_OK;
    }
    switch (key->kind) {
    case PP_KIND_STR:
        return pp_str(thread, key->data, key->size, value);
    case PP_KIND_BIN:
        return pp_bin(thread, key->data, key->size, value);
    case PP_KIND_UINT:
        return pp_uint(thread, key->integer, value);
    case PP_KIND_FLOAT:
        return pp_float(thread, key->number, value);
    default:
        return pp_int(thread, (int64_t)key->integer, value);
    }
}
