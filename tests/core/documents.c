#include "test.h"

#include "documents.h"

static pp_buffer begin(pp_writer *w, pp_buffer *buffer)
{
    pp_buffer_init(buffer, NULL);
    pp_writer_init_buffer(w, buffer);
    return *buffer;
}

static pp_buffer end(pp_writer *w, pp_buffer *buffer)
{
    if (pp_writer_finish(w, NULL) != PP_OK)
        abort();
    return *buffer;
}

static void write_text(pp_writer *w, const char *prefix, size_t number)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s%zu", prefix, number);
    pp_write_str(w, text, (size_t)n);
}

/* Each maker is a loop over `scale` items between begin() and end(). */
#define MAKER(name, header, item)                                                                  \
    static pp_buffer name(size_t scale)                                                            \
    {                                                                                              \
        pp_buffer buffer;                                                                          \
        pp_writer w;                                                                               \
        begin(&w, &buffer);                                                                        \
        header(&w, scale);                                                                         \
        for (size_t i = 0; i < scale; i++) {                                                       \
            item;                                                                                  \
        }                                                                                          \
        return end(&w, &buffer);                                                                   \
    }

static void write_record(pp_writer *w, size_t i, size_t fields)
{
    pp_write_map(w, fields);
    for (size_t f = 0; f < fields; f++) {
        write_text(w, "field ", f);
        if (f % 3 == 2)
            pp_write_double(w, (double)i * 0.1);
        else if (f % 3 == 1)
            pp_write_uint(w, i * f);
        else
            write_text(w, "some value that says something ", i);
    }
}

static void write_array_of(pp_writer *w, size_t count)
{
    pp_write_array(w, count);
    for (size_t i = 0; i < count; i++)
        pp_write_uint(w, i % 300);
}

/* One map of `pairs` pairs in a map of one, with room between. */
static void write_map_in_map(pp_writer *w, size_t i, size_t pairs)
{
    pp_write_map(w, pairs);
    for (size_t k = 0; k < pairs; k++) {
        write_text(w, "k", k);
        pp_write_uint(w, (k + i) % 2 ? 1 : 100000);
    }
}

MAKER(ints, pp_write_array, pp_write_uint(&w, i))
MAKER(tiny_ints, pp_write_array, pp_write_uint(&w, i % 100))
MAKER(doubles, pp_write_array, pp_write_double(&w, (double)i / 3))
MAKER(strings, pp_write_array, write_text(&w, "a string of some length ", i))
MAKER(records, pp_write_array, write_record(&w, i, 5))
MAKER(large_records, pp_write_array, write_record(&w, i, 40))
MAKER(arrays, pp_write_array, write_array_of(&w, i % 700))
MAKER(maps_of_17, pp_write_array, write_map_in_map(&w, i, 17))
MAKER(maps_just_large, pp_write_array, write_map_in_map(&w, i, 125))
MAKER(tiny_pairs, pp_write_map, (pp_write_uint(&w, i), pp_write_nil(&w)))
MAKER(map_of_records, pp_write_map, (write_text(&w, "id ", i), write_record(&w, i, 6)))
MAKER(map_of_large, pp_write_map, (write_text(&w, "id ", i), write_record(&w, i, 50)))
MAKER(bodies, pp_write_array, pp_write_bin(&w, memset((char[700]){0}, 'x', 700), i % 700))
MAKER(equal_keys, pp_write_map, (pp_write_uint(&w, i % 7), pp_write_double(&w, (double)i)))
/* A thousand tiny items, then large ones: marks must not be spread evenly. */
MAKER(uneven, pp_write_array, i < scale / 2 ? pp_write_uint(&w, i % 50) : write_array_of(&w, 200))

pp_buffer document_map(size_t scale)
{
    pp_buffer buffer;
    pp_writer w;
    begin(&w, &buffer);
    pp_write_map(&w, scale);
    for (size_t i = 0; i < scale; i++) {
        write_text(&w, "key ", i);
        pp_write_uint(&w, i);
    }
    return end(&w, &buffer);
}

pp_buffer document_nested(size_t levels)
{
    pp_buffer buffer;
    pp_writer w;
    begin(&w, &buffer);
    for (size_t i = 0; i + 1 < levels; i++)
        pp_write_array(&w, 3);
    write_array_of(&w, 3);
    for (size_t i = 0; i + 1 < levels; i++) {
        write_text(&w, "after level ", i);
        pp_write_nil(&w);
    }
    return end(&w, &buffer);
}

/* As deep as may be, over and over: most of the bytes are headers. */
static pp_buffer chains(size_t scale)
{
    pp_buffer buffer;
    pp_writer w;
    begin(&w, &buffer);
    pp_write_array(&w, scale);
    for (size_t i = 0; i < scale; i++) {
        for (size_t level = 0; level < i % 60; level++) {
            pp_write_map(&w, 1);
            pp_write_nil(&w);
        }
        pp_write_nil(&w);
    }
    return end(&w, &buffer);
}

/* 900 levels, each with as many bytes behind as a record costs, and a few fewer. */
static pp_buffer towers(size_t scale)
{
    pp_buffer buffer;
    pp_writer w;
    begin(&w, &buffer);
    size_t levels = scale < 900 ? scale : 900, room = 500 + scale % 200;
    for (size_t level = 0; level < levels; level++) {
        pp_write_map(&w, 18);
        pp_write_nil(&w);
    }
    pp_write_nil(&w);
    for (size_t level = 0; level < levels; level++) {
        for (size_t i = 0; i < 17; i++) {
            pp_write_uint(&w, i);
            pp_write_bin(&w, memset((char[64]){0}, 0, 64), room / 17);
        }
    }
    return end(&w, &buffer);
}

static pp_buffer nested(size_t scale)
{
    return document_nested(scale < 1000 ? scale + 1 : 1000);
}

static pp_buffer random_of(size_t scale)
{
    uint64_t seed = scale + 1;
    return document_random(&seed, scale * 8);
}

#define SHAPE(name)                                                                                \
    {                                                                                              \
#name, name                                                                                \
    }
const document_shape document_shapes[] = {
    SHAPE(ints),       SHAPE(tiny_ints),  SHAPE(doubles),         SHAPE(strings),
    SHAPE(records),    SHAPE(arrays),     SHAPE(large_records),   SHAPE(document_map),
    SHAPE(maps_of_17), SHAPE(tiny_pairs), SHAPE(maps_just_large), SHAPE(map_of_records),
    SHAPE(bodies),     SHAPE(equal_keys), SHAPE(map_of_large),    SHAPE(uneven),
    SHAPE(chains),     SHAPE(towers),     SHAPE(nested),          SHAPE(random_of),
};
const size_t document_shape_count = sizeof document_shapes / sizeof document_shapes[0];

/* ---- random ones ------------------------------------------------------------------------ */

static void write_random_scalar(pp_writer *w, uint64_t *seed)
{
    static const char filler[300];
    switch (test_below(seed, 12)) {
    case 0:
        pp_write_nil(w);
        break;
    case 1:
        pp_write_bool(w, test_below(seed, 2) == 1);
        break;
    case 2:
        pp_write_int(w, -(int64_t)test_below(seed, 100));
        break;
    case 3:
        pp_write_uint(w, test_random(seed) >> test_below(seed, 64));
        break;
    case 4:
        pp_write_float(w, (float)test_below(seed, 20));
        break;
    case 5:
        pp_write_double(w, (double)test_below(seed, 1000) / 8);
        break;
    case 6:
        pp_write_bin(w, filler, test_below(seed, 40));
        break;
    case 7:
        pp_write_ext(w, (int8_t)test_below(seed, 3), filler, test_below(seed, 20));
        break;
    case 8:
        pp_write_timestamp(w, (pp_timestamp){(int64_t)test_below(seed, 5), 0});
        break;
    case 9:
        pp_write_bin(w, filler, test_below(seed, 50) == 0 ? 300 : 0);
        break;
    default:
        write_text(w, test_below(seed, 2) ? "größe " : "", test_below(seed, 60));
    }
}

/* About `room` bytes, or one value. */
static void write_random(pp_writer *w, uint64_t *seed, size_t room, int level)
{
    if (room < 8 || level > 40) {
        write_random_scalar(w, seed);
        return;
    }
    bool map = test_below(seed, 2) == 0;
    size_t children =
        test_below(seed, 3) == 0 ? test_below(seed, 4) : 1 + test_below(seed, room / 6);
    if (map)
        pp_write_map(w, children);
    else
        pp_write_array(w, children);
    size_t share = children == 0 ? 0 : room / children;
    for (size_t i = 0; i < children; i++) {
        bool heavy = test_below(seed, 5) == 0;
        if (map && test_below(seed, 30) > 0)
            write_random_scalar(w, seed);
        else if (map)
            write_random(w, seed, 10, level + 1);
        write_random(w, seed, heavy ? share * 4 : share / 3, level + 1);
    }
}

pp_buffer document_random(uint64_t *seed, size_t size)
{
    pp_buffer buffer;
    pp_writer w;
    begin(&w, &buffer);
    pp_write_array(&w, 2);
    write_random(&w, seed, size / 2, 1);
    write_random(&w, seed, size / 2, 1);
    return end(&w, &buffer);
}

void document_write_token(pp_writer *w, const pp_token *token)
{
    switch (token->type) {
    case PP_TYPE_NIL:
        pp_write_nil(w);
        break;
    case PP_TYPE_BOOL:
        pp_write_bool(w, token->as.boolean);
        break;
    case PP_TYPE_UINT:
        pp_write_uint(w, token->as.uint);
        break;
    case PP_TYPE_INT:
        pp_write_int(w, token->as.sint);
        break;
    case PP_TYPE_FLOAT32:
        pp_write_float(w, token->as.float32);
        break;
    case PP_TYPE_FLOAT64:
        pp_write_double(w, token->as.float64);
        break;
    case PP_TYPE_STR:
        pp_write_str(w, (const char *)token->as.data, token->count);
        break;
    case PP_TYPE_BIN:
        pp_write_bin(w, token->as.data, token->count);
        break;
    case PP_TYPE_EXT:
        pp_write_ext(w, token->ext_type, token->as.data, token->count);
        break;
    case PP_TYPE_ARRAY:
        pp_write_array(w, 0);
        break;
    case PP_TYPE_MAP:
        pp_write_map(w, 0);
        break;
    }
}

/* ---- memory -------------------------------------------------------------------------------- */

static void *limited_resize(void *context, void *block, size_t old_size, size_t new_size)
{
    test_limit *limit = context;
    if (limit->count++ == limit->fail_at)
        return NULL;
    void *p = realloc(block, new_size);
    if (p == NULL)
        abort();
    limit->live += new_size - old_size;
    limit->peak = limit->live > limit->peak ? limit->live : limit->peak;
    return p;
}

static void limited_release(void *context, void *block, size_t size)
{
    test_limit *limit = context;
    limit->live -= size;
    free(block);
}

pp_allocator test_allocator(test_limit *limit)
{
    return (pp_allocator){limited_resize, limited_release, limit};
}
