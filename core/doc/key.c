#include <string.h>

#include "doc/key.h"
#include "share/hash.h"
#include "wire/header.h"

/* 2**63 and 2**64 are doubles; every double of these ranges converts to the integer it is. */
static const double TWO_63 = 9223372036854775808.0;
static const double TWO_64 = 18446744073709551616.0;

static pp__key number(pp__key_class class, uint64_t bits)
{
    return (pp__key){.class = class, .bits = bits};
}

static pp__key float_key(double v)
{
    uint64_t bits;
    if (v != v)
        return number(PP__KEY_NEVER, 0);
    if (v >= 0 && v < TWO_64 && (double)(uint64_t)v == v)
        return number(PP__KEY_UINT, (uint64_t)v);
    if (v < 0 && v >= -TWO_63 && (double)(int64_t)v == v)
        return number(PP__KEY_INT, (uint64_t)(int64_t)v);
    memcpy(&bits, &v, sizeof bits);
    return number(PP__KEY_FLOAT, bits);
}

static pp__key ext_key(const pp_token *t)
{
    pp_timestamp time;
    if (t->ext_type == PP_EXT_TIMESTAMP &&
        pp_timestamp_decode(t->as.data, t->count, &time) == PP_OK)
        return (pp__key){
            .class = PP__KEY_TIMESTAMP, .bits = (uint64_t)time.seconds, .extra = time.nanoseconds};
    return (pp__key){
        .class = PP__KEY_EXT, .size = t->count, .data = t->as.data, .bits = (uint8_t)t->ext_type};
}

pp__key pp__key_of(const pp_token *token)
{
    switch (token->type) {
    case PP_TYPE_NIL:
        return number(PP__KEY_NIL, 0);
    case PP_TYPE_BOOL:
        return number(PP__KEY_UINT, token->as.boolean);
    case PP_TYPE_UINT:
        return number(PP__KEY_UINT, token->as.uint);
    case PP_TYPE_INT:
        return number(PP__KEY_INT, (uint64_t)token->as.sint);
    case PP_TYPE_FLOAT32:
        return float_key((double)token->as.float32);
    case PP_TYPE_FLOAT64:
        return float_key(token->as.float64);
    case PP_TYPE_STR:
        return (pp__key){.class = PP__KEY_STR, .size = token->count, .data = token->as.data};
    case PP_TYPE_BIN:
        return (pp__key){.class = PP__KEY_BIN, .size = token->count, .data = token->as.data};
    case PP_TYPE_EXT:
        return ext_key(token);
    case PP_TYPE_ARRAY:
    case PP_TYPE_MAP:
        break;
    }
    return number(PP__KEY_NEVER, 0);
}

pp__key pp__key_at(pp_node node)
{
    const uint8_t *p = node.tree->data + node.offset;
    pp_token token;
    if (PP_LIKELY(pp__header_kind(*p) == PP__KIND_STR))
        return (pp__key){
            .class = PP__KEY_STR, .size = pp__header_length(p), .data = p + pp__header_size(*p)};
    pp_node_token(node, &token);
    return pp__key_of(&token);
}

uint64_t pp__key_hash(const pp__key *key)
{
    /* Told apart by the class after hashing: it is no secret what a key is. */
    uint64_t class = (uint64_t)key->class * UINT64_C(0x9e3779b97f4a7c15);
    if (key->class == PP__KEY_STR || key->class == PP__KEY_BIN || key->class == PP__KEY_EXT)
        return pp_hash_bytes(key->data, key->size) ^ class ^ key->bits;
    uint64_t words[2] = {key->bits, key->extra};
    return pp_hash_bytes(words, sizeof words) ^ class;
}

bool pp__key_equal(const pp__key *a, const pp__key *b)
{
    if (a->class != b->class || a->size != b->size || a->bits != b->bits || a->extra != b->extra)
        return false;
    return a->class != PP__KEY_NEVER && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

bool pp_token_equal(const pp_token *a, const pp_token *b)
{
    pp__key x = pp__key_of(a), y = pp__key_of(b);
    return pp__key_equal(&x, &y);
}
