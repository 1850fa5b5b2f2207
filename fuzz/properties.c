#include "properties.h"
#include "require.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parapack/parapack.h"

static uint8_t *exact_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = calloc(size, 1);
    REQUIRE(copy != NULL || size == 0);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

/* ---- decode any -------------------------------------------------------------- */

/* Touches every byte of a view, so that a sanitizer sees one that is not there. */
static unsigned touch(pp_view view)
{
    unsigned sum = 0;
    for (size_t i = 0; i < view.size; i++)
        sum += view.data[i];
    return sum;
}

/* Reads one whole value token by token, closing containers as they end. */
static void read_tokens(pp_reader *r)
{
    uint64_t open[DEPTH];
    uint32_t depth = 0;
    do {
        pp_token t;
        if (!pp_read_token(r, &t))
            return;
        if (t.type == PP_TYPE_ARRAY || t.type == PP_TYPE_MAP) {
            REQUIRE(depth < DEPTH);
            REQUIRE(t.count <= (size_t)(r->end - r->cursor));
            open[depth++] = (t.type == PP_TYPE_MAP ? UINT64_C(2) : 1) * t.count + 1;
        } else if (t.type == PP_TYPE_STR || t.type == PP_TYPE_BIN || t.type == PP_TYPE_EXT) {
            (void)touch((pp_view){t.as.data, t.count});
        }
        while (depth > 0 && --open[depth - 1] == 0) {
            pp_read_end(r);
            depth--;
        }
        /* One is taken for the container itself when it opens. */
    } while (depth > 0);
}

/* Every typed read, on a reader that has just begun: it succeeds for one type only
 * (two for raw), and where it does, it ends where the skip ended. */
static void read_typed(const pp_reader *fresh, bool well_formed, size_t end)
{
    enum { KINDS = 10 };
    for (int kind = 0; kind < KINDS; kind++) {
        pp_reader r = *fresh;
        int8_t type;
        pp_timestamp t = {0, 0};
        switch (kind) {
        case 0:
            pp_read_nil(&r);
            break;
        case 1:
            (void)pp_read_bool(&r);
            break;
        case 2:
            (void)pp_read_int64(&r);
            break;
        case 3:
            (void)pp_read_uint64(&r);
            break;
        case 4:
            (void)pp_read_double(&r);
            break;
        case 5:
            (void)touch(pp_read_str(&r));
            break;
        case 6:
            (void)touch(pp_read_bin(&r));
            break;
        case 7:
            (void)touch(pp_read_raw(&r));
            break;
        case 8:
            (void)touch(pp_read_ext(&r, &type));
            break;
        default:
            t = pp_read_timestamp(&r);
            break;
        }
        REQUIRE(t.nanoseconds <= PP_NANOSECONDS_MAX);
        size_t at = (size_t)(r.cursor - r.base);
        if (r.status != PP_OK)
            REQUIRE(at == 0 && r.error_offset == 0);
        else if (kind != 7 && well_formed) /* raw does not look at UTF-8 */
            REQUIRE(at == end);
    }
}

void property_decode_any(const uint8_t *data, size_t size)
{
    uint8_t *input = exact_copy(data, size);
    size_t skip_end, end;
    pp_status skipped = pp_skip(input, size, DEPTH, &skip_end);
    pp_status status = pp_validate(input, size, DEPTH, PP_CHECK_UTF8, &end);
    REQUIRE(skip_end <= size && end <= size);
    if (status == PP_OK)
        REQUIRE(skipped == PP_OK && skip_end == end && end > 0);
    if (skipped == PP_OK)
        REQUIRE(status == PP_OK || status == PP_ERR_UTF8);
    if (status == PP_ERR_EOF)
        REQUIRE(end == size);

    pp_reader fresh, r;
    pp_reader_init(&fresh, input, size, DEPTH, PP_CHECK_UTF8);
    r = fresh;
    read_tokens(&r);
    /* The reader may find that a claim exceeds the input before it gets to
     * something else that is wrong. */
    REQUIRE(r.status == status || (r.status == PP_ERR_EOF && status != PP_OK));
    if (status == PP_OK)
        REQUIRE((size_t)(r.cursor - r.base) == end && r.depth == 0 && r.owed == 0);

    r = fresh;
    pp_read_skip(&r);
    REQUIRE(r.status == status);
    if (status == PP_OK)
        REQUIRE((size_t)(r.cursor - r.base) == end);
    read_typed(&fresh, status == PP_OK, end);
    free(input);
}

/* ---- round trip -------------------------------------------------------------- */

static void write_token(pp_writer *w, const pp_token *t)
{
    switch (t->type) {
    case PP_TYPE_NIL:
        pp_write_nil(w);
        break;
    case PP_TYPE_BOOL:
        pp_write_bool(w, t->as.boolean);
        break;
    case PP_TYPE_UINT:
        pp_write_uint(w, t->as.uint);
        break;
    case PP_TYPE_INT:
        pp_write_int(w, t->as.sint);
        break;
    case PP_TYPE_FLOAT32:
        pp_write_float(w, t->as.float32);
        break;
    case PP_TYPE_FLOAT64:
        pp_write_double(w, t->as.float64);
        break;
    case PP_TYPE_STR:
        pp_write_str(w, (const char *)t->as.data, t->count);
        break;
    case PP_TYPE_BIN:
        pp_write_bin(w, t->as.data, t->count);
        break;
    case PP_TYPE_EXT:
        pp_write_ext(w, t->ext_type, t->as.data, t->count);
        break;
    case PP_TYPE_ARRAY:
        pp_write_array(w, t->count);
        break;
    case PP_TYPE_MAP:
        pp_write_map(w, t->count);
        break;
    }
}

/* Reads token by token and writes each. Containers stay open in the reader, whose
 * depth is only a bound here. */
static pp_status transcode(const uint8_t *data, size_t size, pp_writer *w)
{
    pp_reader r;
    pp_token t;
    pp_reader_init(&r, data, size, UINT32_MAX, 0);
    while (!pp_reader_at_end(&r) && pp_read_token(&r, &t))
        write_token(w, &t);
    REQUIRE(r.status == PP_OK);
    return pp_writer_finish(w, NULL);
}

/* Floats compare by their bits: a NaN's payload must survive. */
static void require_equal(const pp_token *a, const pp_token *b)
{
    REQUIRE(a->type == b->type);
    switch (a->type) {
    case PP_TYPE_NIL:
        break;
    case PP_TYPE_BOOL:
        REQUIRE(a->as.boolean == b->as.boolean);
        break;
    case PP_TYPE_UINT:
    case PP_TYPE_INT:
        REQUIRE(a->as.uint == b->as.uint);
        break;
    case PP_TYPE_FLOAT32:
        REQUIRE(memcmp(&a->as.float32, &b->as.float32, sizeof(float)) == 0);
        break;
    case PP_TYPE_FLOAT64:
        REQUIRE(memcmp(&a->as.float64, &b->as.float64, sizeof(double)) == 0);
        break;
    case PP_TYPE_EXT:
        REQUIRE(a->ext_type == b->ext_type);
        /* fall through */
    case PP_TYPE_STR:
    case PP_TYPE_BIN:
        REQUIRE(a->count == b->count && memcmp(a->as.data, b->as.data, a->count) == 0);
        break;
    case PP_TYPE_ARRAY:
    case PP_TYPE_MAP:
        REQUIRE(a->count == b->count);
        break;
    }
}

static void require_same_values(const uint8_t *a, size_t a_size, const pp_buffer *b)
{
    pp_reader ra, rb;
    pp_token ta, tb;
    pp_reader_init(&ra, a, a_size, UINT32_MAX, 0);
    pp_reader_init(&rb, b->data, b->size, UINT32_MAX, 0);
    while (pp_read_token(&ra, &ta)) {
        REQUIRE(pp_read_token(&rb, &tb));
        require_equal(&ta, &tb);
    }
    REQUIRE(pp_reader_at_end(&rb));
}

/* A sink that compares with what is expected. */
typedef struct comparison {
    const pp_buffer *expected;
    size_t at;
} comparison;

static bool compare_sink(void *context, const uint8_t *data, size_t size)
{
    comparison *c = context;
    REQUIRE(size > 0 && size <= c->expected->size - c->at);
    REQUIRE(memcmp(c->expected->data + c->at, data, size) == 0);
    c->at += size;
    return true;
}

void property_round_trip(const uint8_t *data, size_t size)
{
    size_t end;
    if (pp_skip(data, size, PP_MAX_DEPTH, &end) != PP_OK)
        return;
    uint8_t *input = exact_copy(data, end);
    pp_buffer once, twice;
    pp_writer w;
    pp_buffer_init(&once, NULL);
    pp_buffer_init(&twice, NULL);

    pp_writer_init_buffer(&w, &once);
    REQUIRE(transcode(input, end, &w) == PP_OK);
    REQUIRE(once.size <= end);
    require_same_values(input, end, &once);

    pp_writer_init_buffer(&w, &twice);
    REQUIRE(transcode(once.data, once.size, &w) == PP_OK);
    REQUIRE(twice.size == once.size && memcmp(twice.data, once.data, once.size) == 0);

    /* The other two kinds of writer put out the same bytes. */
    uint8_t *fixed = exact_copy(once.data, once.size);
    memset(fixed, 0, once.size);
    pp_writer_init_fixed(&w, fixed, once.size);
    REQUIRE(transcode(input, end, &w) == PP_OK);
    REQUIRE(memcmp(fixed, once.data, once.size) == 0);
    uint8_t room[16];
    comparison c = {&once, 0};
    pp_writer_init_sink(&w, room, sizeof room, compare_sink, &c);
    REQUIRE(transcode(input, end, &w) == PP_OK);
    REQUIRE(c.at == once.size);

    free(fixed);
    pp_buffer_deinit(&once);
    pp_buffer_deinit(&twice);
    free(input);
}

/* ---- streaming --------------------------------------------------------------- */

void property_streaming(const uint8_t *data, size_t size)
{
    if (size < 2)
        return;
    size_t piece_max = (size_t)data[0] % 40 + 1;
    uint32_t mixer = data[0];
    unsigned flags = data[1] & (PP_CHECK_UTF8 | PP_CHECK_TIMESTAMPS);
    uint8_t *input = exact_copy(data + 2, size - 2);
    size -= 2;

    size_t end, at = 0, used;
    uint64_t open[DEPTH];
    pp_status whole = pp_validate(input, size, DEPTH, flags, &end);
    pp_skipper s;
    pp_skipper_init(&s, open, DEPTH, flags);
    pp_status status = PP_ERR_EOF;
    while (status == PP_ERR_EOF && at < size) {
        mixer = mixer * 1103515245u + 12345u;
        size_t n = (mixer >> 16) % piece_max + 1;
        n = n < size - at ? n : size - at;
        uint8_t *piece = exact_copy(input + at, n);
        status = pp_skipper_feed(&s, piece, n, &used);
        free(piece);
        REQUIRE(used <= n);
        REQUIRE(status != PP_ERR_EOF || used == n);
        at += used;
    }
    REQUIRE(status == whole);
    REQUIRE(s.offset == end);
    if (status == PP_OK) {
        REQUIRE(at == end);
    } else if (status != PP_ERR_EOF) {
        REQUIRE(pp_skipper_feed(&s, input, size, &used) == status && used == 0 && s.offset == end);
    }
    free(input);
}
