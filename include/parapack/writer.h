/* parapack/writer.h - writes MessagePack.
 *
 * A writer puts bytes at `cursor` and calls `grow` when fewer than it needs are
 * left before `end`. The common case, room enough, is inline. Three kinds are
 * ready-made: into a fixed array, into a growing pp_buffer, and through an array
 * of the caller's into a callback. Another kind is one `grow` function away.
 *
 *     uint8_t bytes[64];
 *     pp_writer w;
 *     pp_writer_init_fixed(&w, bytes, sizeof bytes);
 *     pp_write_map(&w, 1);
 *     pp_write_str(&w, "answer", 6);
 *     pp_write_int(&w, 42);
 *     size_t size;
 *     pp_status status = pp_writer_finish(&w, &size);
 *
 * Errors are sticky: after the first one every write does nothing, and
 * pp_writer_finish tells what it was. A value that does not fit is not begun: a
 * fixed array and a buffer hold whole values and headers only. The writer checks no
 * structure: a container of n items must be followed by n values (a map of n
 * pairs by 2n), and a str must be UTF-8; both are the caller's part.
 *
 * Ownership: a writer owns nothing, and needs no clean-up after
 * pp_writer_finish. Thread safety: one thread at a time per writer; different
 * writers are independent.
 */
#ifndef PARAPACK_WRITER_H
#define PARAPACK_WRITER_H

#include "parapack/buffer.h"
#include "parapack/config.h"
#include "parapack/format.h"
#include "parapack/status.h"
#include "parapack/timestamp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_writer pp_writer;

/* Makes room: on PP_OK cursor, end and base have been set so that
 * end - cursor >= need and the bytes from base to cursor are those not yet given
 * away. On any other status they are as they were; the writer fails with it.
 * `need` is never 0. A writer that has failed does not call. */
typedef pp_status (*pp_grow)(pp_writer *writer, size_t need);

/* Takes `size` bytes (never 0) out of the program: returns false if it cannot.
 * The bytes are valid during the call only. */
typedef bool (*pp_sink)(void *context, const uint8_t *data, size_t size);

/* Invariant: base <= cursor <= end. The fields may be read at any time; whoever
 * writes through `cursor` directly first calls pp_writer_reserve. */
struct pp_writer {
    uint8_t *cursor;  /* where the next byte goes */
    uint8_t *end;     /* behind the last byte there is room for; == cursor after an error */
    uint8_t *base;    /* the first byte not yet given away */
    pp_grow grow;     /* called when the room runs out */
    void *target;     /* what grow works on: a pp_buffer, or the context of a sink */
    pp_sink sink;     /* NULL for a writer without one */
    uint64_t flushed; /* bytes given to the sink */
    pp_status status; /* the first error, or PP_OK */
};

/* Writes into the `capacity` bytes at `data`, which the caller keeps; more is
 * PP_ERR_FULL. `data` may be NULL if capacity is 0. */
PP_API void pp_writer_init_fixed(pp_writer *writer, void *data, size_t capacity);

/* Appends to `buffer`, which must be left alone until pp_writer_finish; only
 * then is buffer->size up to date. Errors: PP_ERR_NOMEM. */
PP_API void pp_writer_init_buffer(pp_writer *writer, pp_buffer *buffer);

/* Collects bytes in the `capacity` bytes at `data` (at least 16; the caller's) and
 * gives them to `sink` when it is full and at the end. A body larger than
 * what is left is given straight from the caller's memory, uncopied. Errors: PP_ERR_SINK,
 * and PP_ERR_ARGUMENT for a capacity below 16. */
PP_API void pp_writer_init_sink(pp_writer *writer, void *data, size_t capacity, pp_sink sink,
                                void *context);

/* Ends the writing: gives the rest to the sink, or sets buffer->size (also after
 * an error: to what was written before it). Returns the first error. `*size`
 * (may be NULL) is how many bytes were written in all since init; for a sink, that
 * reached it. Without an error the writer may go on afterwards. */
PP_NODISCARD PP_API pp_status pp_writer_finish(pp_writer *writer, uint64_t *size);

/* Makes `status` the writer's error unless it has one. For callers who find
 * their own data wrong, and for `grow` functions. */
PP_API void pp_writer_fail(pp_writer *writer, pp_status status);

/* ---- room --------------------------------------------------------------- */

/* What the inline functions below are made of: not to be used directly. */
typedef enum pp_header_kind_ {
    PP_HEADER_STR_,
    PP_HEADER_BIN_,
    PP_HEADER_RAW_,
    PP_HEADER_EXT_,
    PP_HEADER_ARRAY_,
    PP_HEADER_MAP_
} pp_header_kind_;

PP_API bool pp_writer_grow_(pp_writer *writer, size_t need);
PP_API void pp_write_uint_slow_(pp_writer *writer, uint64_t v);
PP_API void pp_write_int_slow_(pp_writer *writer, int64_t v);
PP_API void pp_write_bytes_slow_(pp_writer *writer, const void *data, size_t size);
PP_API void pp_write_header_slow_(pp_writer *writer, pp_header_kind_ kind, int8_t type,
                                  size_t size);
PP_API void pp_write_body_slow_(pp_writer *writer, pp_header_kind_ kind, int8_t type,
                                const void *data, size_t size);

/* At most PP_HEADER_MAX bytes. With a constant kind only one case remains. */
PP_INLINE uint8_t *pp_put_header_(uint8_t *p, pp_header_kind_ kind, int8_t type, uint32_t size)
{
    switch (kind) {
    case PP_HEADER_STR_:
        return pp_put_str_header(p, size);
    case PP_HEADER_BIN_:
        return pp_put_bin_header(p, size);
    case PP_HEADER_RAW_:
        return pp_put_raw_header(p, size);
    case PP_HEADER_EXT_:
        return pp_put_ext_header(p, type, size);
    case PP_HEADER_ARRAY_:
        return pp_put_array_header(p, size);
    case PP_HEADER_MAP_:
        return pp_put_map_header(p, size);
    }
    return p;
}

PP_INLINE size_t pp_writer_room(const pp_writer *writer)
{
    return (size_t)(writer->end - writer->cursor);
}

/* Whether at least `need` bytes can be written at `cursor`, making room if it
 * must. False: the writer has failed, now or before. A sink's writer cannot
 * give more room than its array has: PP_ERR_FULL. */
PP_INLINE bool pp_writer_reserve(pp_writer *writer, size_t need)
{
    return PP_LIKELY(pp_writer_room(writer) >= need) || pp_writer_grow_(writer, need);
}

/* ---- scalars ------------------------------------------------------------ */

PP_INLINE void pp_write_byte_(pp_writer *writer, uint8_t byte)
{
    if (pp_writer_reserve(writer, 1))
        *writer->cursor++ = byte;
}

PP_INLINE void pp_write_nil(pp_writer *writer)
{
    pp_write_byte_(writer, PP_NIL);
}

PP_INLINE void pp_write_bool(pp_writer *writer, bool v)
{
    pp_write_byte_(writer, v ? PP_TRUE : PP_FALSE);
}

/* In the fewest bytes. */
PP_INLINE void pp_write_uint(pp_writer *writer, uint64_t v)
{
    if (PP_LIKELY(pp_writer_room(writer) >= PP_HEADER_MAX))
        writer->cursor = pp_put_uint(writer->cursor, v);
    else
        pp_write_uint_slow_(writer, v);
}

/* In the fewest bytes; as unsigned unless negative. */
PP_INLINE void pp_write_int(pp_writer *writer, int64_t v)
{
    if (PP_LIKELY(pp_writer_room(writer) >= PP_HEADER_MAX))
        writer->cursor = pp_put_int(writer->cursor, v);
    else
        pp_write_int_slow_(writer, v);
}

PP_INLINE void pp_write_float(pp_writer *writer, float v)
{
    if (pp_writer_reserve(writer, 5))
        writer->cursor = pp_put_float32(writer->cursor, v);
}

PP_INLINE void pp_write_double(pp_writer *writer, double v)
{
    if (pp_writer_reserve(writer, 9))
        writer->cursor = pp_put_float64(writer->cursor, v);
}

/* ---- headers, to be followed by so many bytes or values ------------------ */

/* Lengths above 2**32-1 are PP_ERR_TOO_LONG. */

PP_INLINE void pp_write_header_(pp_writer *writer, pp_header_kind_ kind, size_t size)
{
    if (PP_LIKELY(pp_writer_room(writer) >= PP_HEADER_MAX && size <= UINT32_MAX))
        writer->cursor = pp_put_header_(writer->cursor, kind, 0, (uint32_t)size);
    else
        pp_write_header_slow_(writer, kind, 0, size);
}

PP_INLINE void pp_write_array(pp_writer *writer, size_t items)
{
    pp_write_header_(writer, PP_HEADER_ARRAY_, items);
}

PP_INLINE void pp_write_map(pp_writer *writer, size_t pairs)
{
    pp_write_header_(writer, PP_HEADER_MAP_, pairs);
}

PP_INLINE void pp_write_str_header(pp_writer *writer, size_t size)
{
    pp_write_header_(writer, PP_HEADER_STR_, size);
}

PP_INLINE void pp_write_bin_header(pp_writer *writer, size_t size)
{
    pp_write_header_(writer, PP_HEADER_BIN_, size);
}

PP_INLINE void pp_write_raw_header(pp_writer *writer, size_t size)
{
    pp_write_header_(writer, PP_HEADER_RAW_, size);
}

PP_INLINE void pp_write_ext_header(pp_writer *writer, int8_t type, size_t size)
{
    pp_write_header_slow_(writer, PP_HEADER_EXT_, type, size);
}

/* ---- bodies -------------------------------------------------------------- */

/* `size` bytes as they are: the body after a header, or values already encoded.
 * `data` may be NULL for none. */
PP_INLINE void pp_write_bytes(pp_writer *writer, const void *data, size_t size)
{
    if (size == 0)
        return;
    if (PP_LIKELY(pp_writer_room(writer) >= size)) {
        memcpy(writer->cursor, data, size);
        writer->cursor += size;
    } else {
        pp_write_bytes_slow_(writer, data, size);
    }
}

PP_INLINE void pp_write_body_(pp_writer *writer, pp_header_kind_ kind, const void *data,
                              size_t size)
{
    size_t room = pp_writer_room(writer);
    if (PP_LIKELY(room >= PP_HEADER_MAX && room - PP_HEADER_MAX >= size && size <= UINT32_MAX)) {
        writer->cursor = pp_put_header_(writer->cursor, kind, 0, (uint32_t)size);
        if (size != 0)
            memcpy(writer->cursor, data, size);
        writer->cursor += size;
    } else {
        pp_write_body_slow_(writer, kind, 0, data, size);
    }
}

/* Header and body. `data` may be NULL for size 0. */

/* UTF-8, which the caller vouches for (pp_utf8_validate tells). */
PP_INLINE void pp_write_str(pp_writer *writer, const char *data, size_t size)
{
    pp_write_body_(writer, PP_HEADER_STR_, data, size);
}

PP_INLINE void pp_write_bin(pp_writer *writer, const void *data, size_t size)
{
    pp_write_body_(writer, PP_HEADER_BIN_, data, size);
}

/* What was written before 2013, when there was one type for text and bytes:
 * readers of that time know no str 8 and no bin. */
PP_INLINE void pp_write_raw(pp_writer *writer, const void *data, size_t size)
{
    pp_write_body_(writer, PP_HEADER_RAW_, data, size);
}

PP_INLINE void pp_write_ext(pp_writer *writer, int8_t type, const void *data, size_t size)
{
    pp_write_body_slow_(writer, PP_HEADER_EXT_, type, data, size);
}

/* In the shortest form. PP_ERR_TIMESTAMP if nanoseconds exceed 999,999,999. */
PP_API void pp_write_timestamp(pp_writer *writer, pp_timestamp timestamp);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_WRITER_H */
