/* parapack/reader.h - reads MessagePack that lies whole in memory.
 *
 *     pp_reader r;
 *     pp_reader_init(&r, data, size, PP_MAX_DEPTH, PP_CHECK_UTF8);
 *     size_t pairs = pp_read_map(&r);
 *     for (size_t i = 0; i < pairs && r.status == PP_OK; i++) {
 *         pp_view key = pp_read_str(&r);
 *         int64_t value = pp_read_int64(&r);
 *         ...
 *     }
 *     pp_read_end(&r);
 *     pp_status status = pp_reader_finish(&r);
 *
 * Errors are sticky: after the first one every read does nothing and returns zero
 * (0, false, an empty view), so checking once at the end is enough, except in
 * loops, which an error should end. `status` tells what was wrong and `error_offset`
 * the first byte of the value that was.
 *
 * The input is hostile until proven otherwise. Nothing is read beyond it. At most
 * max_depth containers are open at once. Every value takes at least one byte, so a container
 * that claims more items than bytes are left after what the other open containers still
 * need is PP_ERR_EOF at once, at its header: a count returned is safe to
 * allocate for (times the size of what one item becomes).
 *
 * Several values may follow each other; pp_reader_at_end tells when to stop.
 *
 * Ownership: the reader and every view and token borrow from the input, which must not
 * change while they are used. Thread safety: one thread at a time per reader;
 * several may read the same input.
 */
#ifndef PARAPACK_READER_H
#define PARAPACK_READER_H

#include "parapack/config.h"
#include "parapack/skip.h"
#include "parapack/status.h"
#include "parapack/timestamp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pp_type {
    PP_TYPE_NIL,
    PP_TYPE_BOOL,
    PP_TYPE_UINT, /* an integer not below 0, however it was written */
    PP_TYPE_INT,  /* an integer below 0 */
    PP_TYPE_FLOAT32,
    PP_TYPE_FLOAT64,
    PP_TYPE_STR, /* raw, in data from before 2013 */
    PP_TYPE_BIN,
    PP_TYPE_EXT,
    PP_TYPE_ARRAY,
    PP_TYPE_MAP
} pp_type;

/* One value, or the header of a container. */
typedef struct pp_token {
    pp_type type;
    int8_t ext_type; /* EXT */
    uint32_t count;  /* STR, BIN, EXT: bytes; ARRAY: items; MAP: pairs */
    union {
        bool boolean;        /* BOOL */
        uint64_t uint;       /* UINT */
        int64_t sint;        /* INT */
        float float32;       /* FLOAT32 */
        double float64;      /* FLOAT64 */
        const uint8_t *data; /* STR, BIN, EXT: `count` bytes of the input */
    } as;
} pp_token;

/* Some bytes of the input. */
typedef struct pp_view {
    const uint8_t *data; /* NULL only after an error */
    size_t size;
} pp_view;

/* The fields are for reading only. When a container is opened, owed <= end - cursor
 * behind its header. */
typedef struct pp_reader {
    const uint8_t *base;   /* the input */
    const uint8_t *cursor; /* the next value, or after an error the value it was in */
    const uint8_t *end;    /* behind the input */
    uint64_t owed;         /* items still to come in all open containers together */
    uint32_t depth;        /* containers open */
    uint32_t max_depth;
    unsigned flags;
    pp_status status;    /* PP_OK, or the first error */
    size_t error_offset; /* 0 until there is an error */
} pp_reader;

/* Prepares to read the `size` bytes at `data` (NULL for none). `flags`: with
 * PP_CHECK_UTF8 every str that is read must be UTF-8, else PP_ERR_UTF8. */
PP_API void pp_reader_init(pp_reader *reader, const uint8_t *data, size_t size, uint32_t max_depth,
                           unsigned flags);

/* The first error; or PP_ERR_EXTRA at the next value, if not all was read; or
 * PP_ERR_ARGUMENT if a container was left open. */
PP_NODISCARD PP_API pp_status pp_reader_finish(pp_reader *reader);

/* Makes `status` the error, at the next value, unless there is one. For callers that find a
 * value wrong; they call before they read on. */
PP_API void pp_reader_fail(pp_reader *reader, pp_status status);

/* Whether there is nothing more to read: the end of the input, or an error. */
PP_API bool pp_reader_at_end(const pp_reader *reader);

/* ---- one value, of whatever type ------------------------------------------ */

/* Reads the next value, or opens the next container, into `*token`. False (and
 * `*token` as it was): an error. A container must be closed with pp_read_end. */
PP_API bool pp_read_token(pp_reader *reader, pp_token *token);

/* Whether there is a next value, and if so its type, without reading it. A number's
 * type is told exactly, as pp_read_token does; bad input gives an error as there. */
PP_API bool pp_peek(pp_reader *reader, pp_type *type);

/* Passes over the next value with everything in it. Its structure is checked,
 * with PP_CHECK_UTF8 its strs too. At most PP_MAX_DEPTH levels inside it. */
PP_API void pp_read_skip(pp_reader *reader);

/* ---- one value, of the type expected -------------------------------------- */
/* Another type is PP_ERR_TYPE; the right type but not the range, PP_ERR_RANGE. */

PP_API void pp_read_nil(pp_reader *reader);
PP_API bool pp_read_bool(pp_reader *reader);

/* Any integer that fits. */
PP_API int64_t pp_read_int64(pp_reader *reader);
PP_API uint64_t pp_read_uint64(pp_reader *reader);

/* A float of either width, or an integer that a double holds exactly. */
PP_API double pp_read_double(pp_reader *reader);

PP_API pp_view pp_read_str(pp_reader *reader);
PP_API pp_view pp_read_bin(pp_reader *reader);

/* A str or a bin, its bytes unchecked: for data from before 2013, and for whoever
 * takes both. */
PP_API pp_view pp_read_raw(pp_reader *reader);

/* `*type` is written only on success. */
PP_API pp_view pp_read_ext(pp_reader *reader, int8_t *type);

/* PP_ERR_TYPE for an ext of another type than -1, PP_ERR_TIMESTAMP for a bad one. */
PP_API pp_timestamp pp_read_timestamp(pp_reader *reader);

/* ---- containers ------------------------------------------------------------ */

/* Opens an array, or a map, and returns how many items, or pairs, it has. They must all be
 * read (a pair is two values), and then the container closed; empty ones too. */
PP_API size_t pp_read_array(pp_reader *reader);
PP_API size_t pp_read_map(pp_reader *reader);

/* Closes the innermost open container. PP_ERR_ARGUMENT if none is open, or if the
 * outermost is closed before all items were read. */
PP_API void pp_read_end(pp_reader *reader);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_READER_H */
