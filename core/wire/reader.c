#include "parapack/reader.h"
#include "parapack/utf8.h"

#include "wire/header.h"

static size_t left(const pp_reader *r)
{
    return (size_t)(r->end - r->cursor);
}

void pp_reader_init(pp_reader *reader, const uint8_t *data, size_t size, uint32_t max_depth,
                    unsigned flags)
{
    reader->base = data;
    reader->cursor = data;
    reader->end = size == 0 ? data : data + size;
    reader->owed = 0;
    reader->depth = 0;
    reader->max_depth = max_depth;
    reader->flags = flags;
    reader->status = PP_OK;
    reader->error_offset = 0;
}

void pp_reader_fail(pp_reader *reader, pp_status status)
{
    if (reader->status == PP_OK) {
        reader->status = status;
        reader->error_offset = (size_t)(reader->cursor - reader->base);
    }
}

pp_status pp_reader_finish(pp_reader *reader)
{
    if (reader->depth > 0)
        pp_reader_fail(reader, PP_ERR_ARGUMENT);
    if (reader->cursor != reader->end)
        pp_reader_fail(reader, PP_ERR_EXTRA);
    return reader->status;
}

bool pp_reader_at_end(const pp_reader *reader)
{
    return reader->status != PP_OK || reader->cursor == reader->end;
}

/* ---- decoding, without moving --------------------------------------------- */

static void set_int(pp_token *t, int64_t v)
{
    if (v < 0) {
        t->type = PP_TYPE_INT;
        t->as.sint = v;
    } else {
        t->type = PP_TYPE_UINT;
        t->as.uint = (uint64_t)v;
    }
}

static void set_uint(pp_token *t, uint64_t v)
{
    t->type = PP_TYPE_UINT;
    t->as.uint = v;
}

/* A value without a length; `p` holds all of it. */
static void decode_plain(const uint8_t *p, pp_token *t)
{
    switch (p[0]) {
    case PP_NIL:
        t->type = PP_TYPE_NIL;
        return;
    case PP_FALSE:
    case PP_TRUE:
        t->type = PP_TYPE_BOOL;
        t->as.boolean = p[0] == PP_TRUE;
        return;
    case PP_FLOAT32:
        t->type = PP_TYPE_FLOAT32;
        t->as.float32 = pp_load_f32(p + 1);
        return;
    case PP_FLOAT64:
        t->type = PP_TYPE_FLOAT64;
        t->as.float64 = pp_load_f64(p + 1);
        return;
    case PP_UINT8:
        set_uint(t, p[1]);
        return;
    case PP_UINT16:
        set_uint(t, pp_load_be16(p + 1));
        return;
    case PP_UINT32:
        set_uint(t, pp_load_be32(p + 1));
        return;
    case PP_UINT64:
        set_uint(t, pp_load_be64(p + 1));
        return;
    case PP_INT8:
        set_int(t, (int8_t)p[1]);
        return;
    case PP_INT16:
        set_int(t, (int16_t)pp_load_be16(p + 1));
        return;
    case PP_INT32:
        set_int(t, (int32_t)pp_load_be32(p + 1));
        return;
    case PP_INT64:
        set_int(t, (int64_t)pp_load_be64(p + 1));
        return;
    default:
        set_int(t, (int8_t)p[0]); /* both kinds of fixint */
    }
}

/* Whether another container of `items` values, behind a header of `header`
 * bytes, may be opened here. */
static pp_status may_open(const pp_reader *r, size_t header, uint64_t items)
{
    if (r->depth >= r->max_depth)
        return PP_ERR_DEPTH;
    /* The container itself is one of the items owed, if any are. */
    uint64_t owed = r->owed - (r->owed > 0) + items;
    return owed > left(r) - header ? PP_ERR_EOF : PP_OK;
}

/* Decodes the value at the cursor, or says what is wrong with it. `*size` is how
 * many bytes it takes (a container: its header). */
static pp_status decode(const pp_reader *r, pp_token *t, size_t *size)
{
    const uint8_t *p = r->cursor;
    if (p == r->end)
        return PP_ERR_EOF;
    pp__kind kind = pp__header_kind(p[0]);
    size_t header = pp__header_size(p[0]);
    if (kind == PP__KIND_NEVER)
        return PP_ERR_FORMAT;
    if (left(r) < header)
        return PP_ERR_EOF;
    uint32_t length = pp__header_length(p);
    *size = header;
    if (pp__is_container(kind)) {
        t->type = kind == PP__KIND_ARRAY ? PP_TYPE_ARRAY : PP_TYPE_MAP;
        t->count = length;
        return may_open(r, header, kind == PP__KIND_MAP ? (uint64_t)length * 2 : length);
    }
    if (left(r) - header < length)
        return PP_ERR_EOF;
    *size += length;
    if (kind == PP__KIND_PLAIN) {
        decode_plain(p, t);
        return PP_OK;
    }
    t->type = kind == PP__KIND_STR ? PP_TYPE_STR : kind == PP__KIND_BIN ? PP_TYPE_BIN : PP_TYPE_EXT;
    t->ext_type = (int8_t)p[header - 1];
    t->count = length;
    t->as.data = p + header;
    return PP_OK;
}

/* ---- reading --------------------------------------------------------------- */

/* Decodes the next value; false after making what is wrong the reader's error. */
static bool look(pp_reader *r, pp_token *t, size_t *size)
{
    if (r->status != PP_OK)
        return false;
    pp_status status = decode(r, t, size);
    if (status != PP_OK)
        pp_reader_fail(r, status);
    return status == PP_OK;
}

/* Moves behind the value that look() has found. */
static void accept(pp_reader *r, const pp_token *t, size_t size)
{
    r->cursor += size;
    if (r->owed > 0)
        r->owed--;
    if (t->type == PP_TYPE_ARRAY || t->type == PP_TYPE_MAP) {
        r->owed += t->type == PP_TYPE_MAP ? (uint64_t)t->count * 2 : t->count;
        r->depth++;
    }
}

static bool checked(pp_reader *r, const pp_token *t)
{
    if (t->type != PP_TYPE_STR || !(r->flags & PP_CHECK_UTF8) ||
        pp_utf8_validate(t->as.data, t->count, NULL) == PP_OK)
        return true;
    pp_reader_fail(r, PP_ERR_UTF8);
    return false;
}

bool pp_read_token(pp_reader *reader, pp_token *token)
{
    pp_token t;
    size_t size;
    if (!look(reader, &t, &size) || !checked(reader, &t))
        return false;
    accept(reader, &t, size);
    *token = t;
    return true;
}

bool pp_peek(pp_reader *reader, pp_type *type)
{
    pp_token t;
    size_t size;
    if (!look(reader, &t, &size))
        return false;
    *type = t.type;
    return true;
}

void pp_read_skip(pp_reader *reader)
{
    size_t size;
    if (reader->status != PP_OK)
        return;
    uint32_t levels = reader->max_depth - reader->depth;
    pp_status status =
        pp_validate(reader->cursor, left(reader), levels < PP_MAX_DEPTH ? levels : PP_MAX_DEPTH,
                    reader->flags & PP_CHECK_UTF8, &size);
    if (status != PP_OK) {
        pp_reader_fail(reader, status);
        return;
    }
    reader->cursor += size;
    if (reader->owed > 0)
        reader->owed--;
}

/* The next value into `*t` if it is of type `type`. */
static bool expect(pp_reader *r, pp_token *t, pp_type type)
{
    size_t size;
    if (!look(r, t, &size))
        return false;
    if (t->type != type) {
        pp_reader_fail(r, PP_ERR_TYPE);
        return false;
    }
    if (!checked(r, t))
        return false;
    accept(r, t, size);
    return true;
}

static pp_view as_view(const pp_token *t)
{
    return (pp_view){t->as.data, t->count};
}

static pp_view no_view(void)
{
    return (pp_view){NULL, 0};
}

void pp_read_nil(pp_reader *reader)
{
    pp_token t;
    (void)expect(reader, &t, PP_TYPE_NIL);
}

bool pp_read_bool(pp_reader *reader)
{
    pp_token t;
    return expect(reader, &t, PP_TYPE_BOOL) && t.as.boolean;
}

int64_t pp_read_int64(pp_reader *reader)
{
    pp_token t;
    size_t size;
    if (!look(reader, &t, &size))
        return 0;
    bool fits = t.type == PP_TYPE_INT || (t.type == PP_TYPE_UINT && t.as.uint <= INT64_MAX);
    if (!fits) {
        pp_reader_fail(reader, t.type == PP_TYPE_UINT ? PP_ERR_RANGE : PP_ERR_TYPE);
        return 0;
    }
    accept(reader, &t, size);
    return t.type == PP_TYPE_INT ? t.as.sint : (int64_t)t.as.uint;
}

uint64_t pp_read_uint64(pp_reader *reader)
{
    pp_token t;
    size_t size;
    if (!look(reader, &t, &size))
        return 0;
    if (t.type != PP_TYPE_UINT) {
        pp_reader_fail(reader, t.type == PP_TYPE_INT ? PP_ERR_RANGE : PP_ERR_TYPE);
        return 0;
    }
    accept(reader, &t, size);
    return t.as.uint;
}

/* Whether `*v` is the exact value of an integer token. 2**63 and 2**64 are as
 * doubles beyond the integers' ranges, so the way back is defined. */
static bool exact_double(const pp_token *t, double *v)
{
    if (t->type == PP_TYPE_INT) {
        *v = (double)t->as.sint;
        return (int64_t)*v == t->as.sint;
    }
    *v = (double)t->as.uint;
    return *v < 18446744073709551616.0 && (uint64_t)*v == t->as.uint;
}

double pp_read_double(pp_reader *reader)
{
    pp_token t;
    size_t size;
    double v = 0;
    if (!look(reader, &t, &size))
        return 0;
    if (t.type == PP_TYPE_FLOAT64) {
        v = t.as.float64;
    } else if (t.type == PP_TYPE_FLOAT32) {
        v = (double)t.as.float32;
    } else if (t.type != PP_TYPE_INT && t.type != PP_TYPE_UINT) {
        pp_reader_fail(reader, PP_ERR_TYPE);
        return 0;
    } else if (!exact_double(&t, &v)) {
        pp_reader_fail(reader, PP_ERR_RANGE);
        return 0;
    }
    accept(reader, &t, size);
    return v;
}

pp_view pp_read_str(pp_reader *reader)
{
    pp_token t;
    return expect(reader, &t, PP_TYPE_STR) ? as_view(&t) : no_view();
}

pp_view pp_read_bin(pp_reader *reader)
{
    pp_token t;
    return expect(reader, &t, PP_TYPE_BIN) ? as_view(&t) : no_view();
}

pp_view pp_read_raw(pp_reader *reader)
{
    pp_token t;
    size_t size;
    if (!look(reader, &t, &size))
        return no_view();
    if (t.type != PP_TYPE_STR && t.type != PP_TYPE_BIN) {
        pp_reader_fail(reader, PP_ERR_TYPE);
        return no_view();
    }
    accept(reader, &t, size);
    return as_view(&t);
}

pp_view pp_read_ext(pp_reader *reader, int8_t *type)
{
    pp_token t;
    if (!expect(reader, &t, PP_TYPE_EXT))
        return no_view();
    *type = t.ext_type;
    return as_view(&t);
}

pp_timestamp pp_read_timestamp(pp_reader *reader)
{
    pp_token t;
    size_t size;
    pp_timestamp timestamp = {0, 0};
    if (!look(reader, &t, &size))
        return timestamp;
    pp_status status = PP_ERR_TYPE;
    if (t.type == PP_TYPE_EXT && t.ext_type == PP_EXT_TIMESTAMP)
        status = pp_timestamp_decode(t.as.data, t.count, &timestamp);
    if (status == PP_OK)
        accept(reader, &t, size);
    else
        pp_reader_fail(reader, status);
    return timestamp;
}

size_t pp_read_array(pp_reader *reader)
{
    pp_token t;
    return expect(reader, &t, PP_TYPE_ARRAY) ? t.count : 0;
}

size_t pp_read_map(pp_reader *reader)
{
    pp_token t;
    return expect(reader, &t, PP_TYPE_MAP) ? t.count : 0;
}

void pp_read_end(pp_reader *reader)
{
    if (reader->status != PP_OK)
        return;
    if (reader->depth == 0 || (reader->depth == 1 && reader->owed > 0)) {
        pp_reader_fail(reader, PP_ERR_ARGUMENT);
        return;
    }
    reader->depth--;
}
