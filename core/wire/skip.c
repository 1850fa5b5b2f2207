/* Skipping and validating: one machine that can stop at any byte.
 *
 * Between two values of one container nothing is remembered but how many items
 * each open container still owes. An error is decided by the first byte that
 * makes it certain, which is why the outcome does not depend on the cuts:
 * too deep by a header's first byte, a bad sequence by the first byte that cannot
 * go on, a timestamp's length by its header, its nanoseconds by four bytes.
 */
#include "parapack/skip.h"
#include "parapack/timestamp.h"

#include "wire/header.h"
#include "wire/utf8_internal.h"

enum state {
    AT_VALUE,  /* the first byte of a value */
    IN_HEADER, /* a header, its beginning in `saved` */
    IN_BODY,   /* `body` bytes that nobody looks at */
    IN_TEXT,   /* `body` bytes of a str to check; a cut sequence in `saved` */
    IN_STAMP,  /* `body` bytes of a timestamp, its beginning in `saved` */
    COMPLETE   /* the value has ended; the next byte begins another */
};

enum {
    NANOSECONDS_SIZE = 4 /* leading bytes of a timestamp 64 or 96 that hold them */
};

/* The piece being fed. */
typedef struct piece {
    const uint8_t *p;
    const uint8_t *end;
} piece;

static size_t left(const piece *in)
{
    return (size_t)(in->end - in->p);
}

void pp_skipper_init(pp_skipper *skipper, uint64_t *open, uint32_t max_depth, unsigned flags)
{
    skipper->open = open;
    skipper->max_depth = max_depth;
    skipper->flags = flags;
    pp_skipper_reset(skipper);
}

void pp_skipper_reset(pp_skipper *skipper)
{
    skipper->offset = 0;
    skipper->body = 0;
    skipper->depth = 0;
    skipper->status = PP_OK;
    skipper->state = AT_VALUE;
    skipper->saved_size = 0;
}

/* Moves bytes into `saved` until it holds `size`; false if the piece ends first. */
static bool save(pp_skipper *s, piece *in, size_t size)
{
    while (s->saved_size < size) {
        if (in->p == in->end)
            return false;
        s->saved[s->saved_size++] = *in->p++;
    }
    return true;
}

/* Accounts for one complete value; true if that completes the outermost. */
static bool close_value(pp_skipper *s)
{
    while (s->depth > 0) {
        if (--s->open[s->depth - 1] > 0)
            return false;
        s->depth--;
    }
    return true;
}

/* What follows the complete header at `header`: sets state and body, or opens a
 * container. Returns PP_ERR_TIMESTAMP for a timestamp of an impossible length. */
static pp_status enter(pp_skipper *s, const uint8_t *header)
{
    pp__kind kind = pp__header_kind(header[0]);
    uint32_t length = pp__header_length(header);
    s->state = IN_BODY;
    s->body = length;
    if (pp__is_container(kind)) {
        s->body = 0;
        if (length > 0) {
            s->open[s->depth++] = kind == PP__KIND_MAP ? (uint64_t)length * 2 : length;
            s->state = AT_VALUE;
        }
    } else if (kind == PP__KIND_STR && s->flags & PP_CHECK_UTF8) {
        s->state = IN_TEXT;
    } else if (kind == PP__KIND_EXT && s->flags & PP_CHECK_TIMESTAMPS &&
               header[pp__header_size(header[0]) - 1] == (uint8_t)PP_EXT_TIMESTAMP) {
        if (length != 4 && length != 8 && length != 12)
            return PP_ERR_TIMESTAMP;
        if (length > NANOSECONDS_SIZE)
            s->state = IN_STAMP;
    }
    return PP_OK;
}

static pp_status pass_header(pp_skipper *s, piece *in)
{
    uint8_t first = s->saved_size > 0 ? s->saved[0] : *in->p;
    size_t size = pp__header_size(first);
    pp__kind kind = pp__header_kind(first);
    if (kind == PP__KIND_NEVER)
        return PP_ERR_FORMAT;
    if (pp__is_container(kind) && s->depth == s->max_depth)
        return PP_ERR_DEPTH;
    if (PP_LIKELY(s->saved_size == 0 && size <= left(in))) {
        const uint8_t *header = in->p;
        in->p += size;
        return enter(s, header);
    }
    s->state = IN_HEADER;
    if (!save(s, in, size))
        return PP_ERR_EOF;
    s->saved_size = 0;
    return enter(s, s->saved);
}

static pp_status pass_body(pp_skipper *s, piece *in)
{
    size_t take = s->body < left(in) ? (size_t)s->body : left(in);
    in->p += take;
    s->body -= take;
    return s->body == 0 ? PP_OK : PP_ERR_EOF;
}

/* Completes, byte by byte, a sequence that began in an earlier piece. On an
 * error in->p is not meaningful: the sequence began saved_size bytes before it. */
static pp_status pass_cut_sequence(pp_skipper *s, piece *in)
{
    while (s->saved_size > 0) {
        if (!save(s, in, s->saved_size + 1u))
            return PP_ERR_EOF;
        s->body--;
        int length = pp__utf8_sequence(s->saved, s->saved_size);
        if (length < 0 || (length == 0 && s->body == 0))
            return PP_ERR_UTF8;
        if (length > 0)
            s->saved_size = 0;
    }
    return PP_OK;
}

static pp_status pass_text(pp_skipper *s, piece *in)
{
    pp_status status = pass_cut_sequence(s, in);
    if (status != PP_OK)
        return status;
    size_t size = s->body < left(in) ? (size_t)s->body : left(in);
    size_t good;
    status = pp_utf8_validate(in->p, size, &good);
    in->p += good;
    s->body -= good;
    if (status == PP_OK)
        return s->body == 0 ? PP_OK : PP_ERR_EOF;
    /* Bad, or only cut by the end of the piece? */
    size_t rest = size - good;
    if (rest == s->body || pp__utf8_sequence(in->p, rest) < 0)
        return PP_ERR_UTF8;
    s->body -= rest;
    (void)save(s, in, rest);
    return PP_ERR_EOF;
}

static pp_status pass_stamp(pp_skipper *s, piece *in)
{
    if (!save(s, in, NANOSECONDS_SIZE))
        return PP_ERR_EOF;
    uint32_t nanoseconds = pp_load_be32(s->saved);
    if (s->body == 8)
        nanoseconds >>= 2;
    if (nanoseconds > PP_NANOSECONDS_MAX)
        return PP_ERR_TIMESTAMP;
    s->saved_size = 0;
    s->body -= NANOSECONDS_SIZE;
    s->state = IN_BODY;
    return pass_body(s, in);
}

/* One step: a header, or what is left of a body. PP_OK with state AT_VALUE means
 * that a container was opened; with another state, that the value is complete
 * once `body` is 0. */
static pp_status step(pp_skipper *s, piece *in)
{
    switch ((enum state)s->state) {
    case AT_VALUE:
    case IN_HEADER:
        if (in->p == in->end)
            return PP_ERR_EOF;
        return pass_header(s, in);
    case IN_TEXT:
        return pass_text(s, in);
    case IN_STAMP:
        return pass_stamp(s, in);
    case IN_BODY:
    case COMPLETE:
        break;
    }
    return pass_body(s, in);
}

/* Whether the whole small value at `p` can be passed without a closer look. */
static bool plain_enough(const pp_skipper *s, const uint8_t *p, size_t size)
{
    if (s->flags == 0)
        return true;
    switch (pp__header_kind(p[0])) {
    case PP__KIND_STR:
        return !(s->flags & PP_CHECK_UTF8) || pp_utf8_is_ascii(p + 1, size - 1);
    case PP__KIND_EXT:
        return !(s->flags & PP_CHECK_TIMESTAMPS) || p[1] != (uint8_t)PP_EXT_TIMESTAMP;
    default:
        return true;
    }
}

/* The short cut: small values that lie whole in the piece, inside a container that
 * does not end with them. What it leaves, run() does step by step. */
static void pass_small_values(pp_skipper *s, piece *in)
{
    const uint8_t *p = in->p;
    uint64_t items = s->open[s->depth - 1];
    while (items > 1 && p < in->end) {
        size_t size = pp__whole_size[*p];
        if (size == 0 || size > (size_t)(in->end - p) || !plain_enough(s, p, size))
            break;
        p += size;
        items--;
    }
    in->p = p;
    s->open[s->depth - 1] = items;
}

static pp_status run(pp_skipper *s, piece *in)
{
    for (;;) {
        if (s->state == AT_VALUE && s->depth > 0)
            pass_small_values(s, in);
        bool was_body = s->state >= IN_BODY;
        pp_status status = step(s, in);
        if (status != PP_OK)
            return status;
        if (s->state == AT_VALUE || (!was_body && s->body > 0))
            continue;
        if (close_value(s)) {
            s->state = COMPLETE;
            return PP_OK;
        }
        s->state = AT_VALUE;
    }
}

pp_status pp_skipper_feed(pp_skipper *skipper, const uint8_t *data, size_t size, size_t *used)
{
    *used = 0;
    if (skipper->status != PP_OK)
        return skipper->status;
    if (skipper->state == COMPLETE)
        pp_skipper_reset(skipper);
    if (size == 0)
        return PP_ERR_EOF;
    piece in = {data, data + size};
    pp_status status = run(skipper, &in);
    skipper->offset += (size_t)(in.p - data);
    if (status == PP_OK || status == PP_ERR_EOF) {
        *used = (size_t)(in.p - data);
    } else {
        skipper->offset -= skipper->saved_size; /* the bad thing begins with what was saved */
        skipper->status = status;
    }
    return status;
}

pp_status pp_validate(const uint8_t *data, size_t size, uint32_t max_depth, unsigned flags,
                      size_t *end)
{
    uint64_t open[PP_MAX_DEPTH];
    pp_skipper skipper;
    size_t used;
    *end = 0;
    if (max_depth > PP_MAX_DEPTH)
        return PP_ERR_ARGUMENT;
    pp_skipper_init(&skipper, open, max_depth, flags);
    pp_status status = pp_skipper_feed(&skipper, data, size, &used);
    *end = (size_t)skipper.offset;
    return status;
}

pp_status pp_skip(const uint8_t *data, size_t size, uint32_t max_depth, size_t *end)
{
    return pp_validate(data, size, max_depth, 0, end);
}
