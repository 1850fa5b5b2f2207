/* str, bin and ext: up to 7 bytes of str and bin in the word, everything else as an object.
 *
 * In the word the bytes lie together in memory, and the tag with the size in the byte of the lowest
 * bits: before them where that is the first byte, behind them where it is the last. */
#include <string.h>

#include "parapack/utf8.h"
#include "share/hash.h"
#include "share/refcount.h"
#include "share/value.h"

enum { SHORT_OFFSET = PP_BIG_ENDIAN ? 0 : 1 };

static size_t string_size(const pp_object *object)
{
    return sizeof(pp_string) + ((const pp_string *)(const void *)object)->size;
}

static bool string_equal(const pp_object *a, const pp_object *b)
{
    const pp_string *s = (const void *)a, *t = (const void *)b;
    return s->size == t->size && s->ext_type == t->ext_type &&
           memcmp(s->bytes, t->bytes, s->size) == 0;
}

const pp_object_type pp_str_type = {
    .kind = PP_KIND_STR, .size = string_size, .equal = string_equal};
const pp_object_type pp_bin_type = {
    .kind = PP_KIND_BIN, .size = string_size, .equal = string_equal};
const pp_object_type pp_ext_type = {
    .kind = PP_KIND_EXT, .size = string_size, .equal = string_equal};

uint64_t pp_word_of_bytes(unsigned tag, const void *bytes, size_t size)
{
    /* Loads that overlap: what memcpy would store in pieces cannot be forwarded to one load. */
    const uint8_t *p = bytes;
    uint64_t content = 0;
    if (PP_BIG_ENDIAN) {
        if (size > 0)
            memcpy((uint8_t *)&content + SHORT_OFFSET, bytes, size);
        return tag | (uint64_t)size << PP_TAG_BITS | content;
    }
    if (size >= 4) {
        uint32_t head, tail;
        memcpy(&head, p, 4);
        memcpy(&tail, p + size - 4, 4);
        content = head | (uint64_t)tail << 8 * (size - 4);
    } else if (size > 0) {
        content = p[0] | (uint64_t)p[size / 2] << 8 * (size / 2) |
                  (uint64_t)p[size - 1] << 8 * (size - 1);
    }
    return tag | (uint64_t)size << PP_TAG_BITS | content << 8;
}

/* An object with `size` bytes, copied. */
static pp_status new_string(pp_thread *thread, pp_kind kind, const void *bytes, size_t size,
                            pp_string **result)
{
    if (size > UINT32_MAX)
        return PP_ERR_TOO_LONG;
    pp_string *s = (pp_string *)(void *)pp_object_new(thread, kind, sizeof(pp_string) + size);
    if (s == NULL)
        return PP_ERR_NOMEM;
    atomic_init(&s->hash, 0);
    s->size = (uint32_t)size;
    s->code_points = 0;
    s->max = 0;
    s->ext_type = 0;
    if (size > 0)
        memcpy(s->bytes, bytes, size);
    *result = s;
    return PP_OK;
}

pp_status pp_str(pp_thread *thread, const void *utf8, size_t size, pp_value *value)
{
    pp_utf8_info info;
    if (size > UINT32_MAX)
        return PP_ERR_TOO_LONG;
    if (pp_utf8_scan(utf8, size, &info) != PP_OK)
        return PP_ERR_UTF8;
    if (size <= PP_VALUE_SHORT) {
        *value = (pp_value){pp_word_of_bytes(PP_TAG_STR, utf8, size)};
        return PP_OK;
    }
    pp_string *s;
    pp_status status = new_string(thread, PP_KIND_STR, utf8, size, &s);
    if (status != PP_OK)
        return status;
    s->code_points = (uint32_t)info.code_points;
    s->max = info.max_code_point_class;
    *value = pp_object_value(&s->base);
    return PP_OK;
}

pp_status pp_bin(pp_thread *thread, const void *bytes, size_t size, pp_value *value)
{
    if (size <= PP_VALUE_SHORT) {
        *value = (pp_value){pp_word_of_bytes(PP_TAG_BIN, bytes, size)};
        return PP_OK;
    }
    pp_string *s;
    pp_status status = new_string(thread, PP_KIND_BIN, bytes, size, &s);
    if (status == PP_OK)
        *value = pp_object_value(&s->base);
    return status;
}

pp_status pp_ext(pp_thread *thread, int8_t type, const void *body, size_t size, pp_value *value)
{
    pp_string *s;
    pp_status status = new_string(thread, PP_KIND_EXT, body, size, &s);
    if (status != PP_OK)
        return status;
    s->ext_type = type;
    *value = pp_object_value(&s->base);
    return PP_OK;
}

/* The object of a str, bin or ext that is one. */
static pp_string *string_of(pp_value value)
{
    pp_object *object = pp_value_object(value);
    if (object == NULL)
        return NULL;
    pp_kind kind = pp_object_kind(object);
    return kind == PP_KIND_STR || kind == PP_KIND_BIN || kind == PP_KIND_EXT
               ? (pp_string *)(void *)object
               : NULL;
}

bool pp_value_bytes(const pp_value *value, pp_slice *bytes)
{
    uint64_t tag = value->word & PP_TAG_MASK;
    if (tag == PP_TAG_STR || tag == PP_TAG_BIN) {
        bytes->data = (const uint8_t *)&value->word + SHORT_OFFSET;
        bytes->size = (value->word >> PP_TAG_BITS) & 7;
        return true;
    }
    const pp_string *s = string_of(*value);
    if (s == NULL)
        return false;
    bytes->data = s->bytes;
    bytes->size = s->size;
    return true;
}

bool pp_value_code_points(const pp_value *value, size_t *count, uint32_t *max)
{
    if ((value->word & PP_TAG_MASK) == PP_TAG_STR) {
        pp_slice bytes;
        pp_utf8_info info;
        if (!pp_value_bytes(value, &bytes) || pp_utf8_scan(bytes.data, bytes.size, &info) != PP_OK)
            return false;
        *count = info.code_points;
        *max = info.max_code_point_class;
        return true;
    }
    const pp_string *s = string_of(*value);
    if (s == NULL || pp_object_kind(&s->base) != PP_KIND_STR)
        return false;
    *count = s->code_points;
    *max = s->max;
    return true;
}

bool pp_value_ext_type(pp_value value, int8_t *type)
{
    const pp_string *s = string_of(value);
    if (s == NULL || pp_object_kind(&s->base) != PP_KIND_EXT)
        return false;
    *type = s->ext_type;
    return true;
}

uint64_t pp_string_hash(pp_string *s)
{
    /* Relaxed: whoever computes it stores the same. */
    uint64_t hash = atomic_load_explicit(&s->hash, memory_order_relaxed);
    if (PP_UNLIKELY(hash == 0)) {
        hash = pp_hash_bytes(s->bytes, s->size);
        atomic_store_explicit(&s->hash, hash, memory_order_relaxed);
    }
    return hash;
}
