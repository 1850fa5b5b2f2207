/* unpack.h - unpacking: a decoder that can stop anywhere and go on later.
 *
 * One engine serves unpackb, which has the whole message, and Unpacker, which
 * gets it in pieces: containers under construction are frames on a stack of the
 * decoder's own, so that a decoder that runs out of input keeps its place at the
 * token that it could not read. The C stack is used for a bounded number of them.
 *
 * Large bodies are allocated when they are met and filled later, all together,
 * with the GIL given up if there is enough to copy: at the end, or before
 * anything that lets other code see them.
 *
 * Memory follows the bytes that are there, not the lengths they claim: items
 * gather on a stack of values and become a list when the last one has come; a
 * long list is made at once only where as many bytes are left as items are
 * owed by it and all containers around it.
 *
 * Invariants
 *   - cursor is within [base, end], at the first byte of a token.
 *   - Every PyObject * in frames, values and fills is a strong reference.
 *   - A list that is not complete is not tracked by the collector, so that
 *     nobody else can see the NULLs in it.
 *   - fills is empty and the collector is as the user set it whenever other
 *     code may run.
 *
 * Thread safety: a decoder belongs to one call at a time. Its input must not
 * change or move; see source.h.
 */
#ifndef PARAPACK_EXT_UNPACK_H
#define PARAPACK_EXT_UNPACK_H

#include "pycompat.h"

#include "parapack/format.h"
#include "slice.h"
#include "state.h"

enum {
    UNPACK_DEPTH_MAX = 1024,
    UNPACK_FRAMES = 16,              /* frames before their stack moves to the heap */
    UNPACK_VALUES = 64,              /* values before theirs does */
    UNPACK_GATHER_MAX = 64,          /* longer arrays are made in place where the input allows */
    UNPACK_FILL_MIN = 4096,          /* bytes: a smaller body is copied at once */
    UNPACK_RELEASE_MIN = 192 * 1024, /* bytes: less does not pay for giving up the GIL */
    UNPACK_SUSPEND_MIN = 512, /* bytes: smaller input does not pay for suspending the collector */
};

typedef enum timestamp_form {
    TIMESTAMP_OBJECT = 0,
    TIMESTAMP_FLOAT = 1,    /* seconds */
    TIMESTAMP_INT = 2,      /* nanoseconds */
    TIMESTAMP_DATETIME = 3, /* aware, UTC */
} timestamp_form;

/* The options of unpackb and Unpacker. References are borrowed. */
typedef struct unpack_options {
    PyObject *object_hook; /* callables, or NULL */
    PyObject *object_pairs_hook;
    PyObject *list_hook;
    PyObject *ext_hook;       /* NULL: make an ExtType */
    PyObject *unicode_errors; /* str, or NULL for 'strict' */
    PyObject *file_like;      /* Unpacker only; object or NULL */
    Py_ssize_t max_str_len, max_bin_len, max_array_len, max_map_len, max_ext_len;
    Py_ssize_t read_size, max_buffer_size; /* Unpacker only */
    int timestamp;                         /* timestamp_form */
    bool use_list;
    bool raw;
    bool strict_map_key;
    bool atomic;
} unpack_options;

typedef enum unpack_frame_kind {
    UNPACK_GATHER, /* an array whose items are on the stack of values */
    UNPACK_PLACE,  /* an array whose list or tuple exists already */
    UNPACK_MAP,
    UNPACK_PAIRS, /* a map whose (key, value) tuples are on the stack of values */
} unpack_frame_kind;

typedef struct unpack_frame {
    PyObject *container; /* UNPACK_PLACE, UNPACK_MAP */
    PyObject *key;       /* the key whose value is to come, or NULL */
    shape *shape;        /* UNPACK_MAP: the keys that are expected, or NULL */
    uint32_t size;       /* items or pairs */
    uint32_t left;       /* of them still to come */
    uint8_t kind;
} unpack_frame;

/* How a body gets from the input into its object. */
typedef enum fill_kind {
    FILL_COPY,
    FILL_UCS1,
    FILL_UCS2,
    FILL_UCS4,
} fill_kind;

typedef struct unpack_fill {
    PyObject *owner;
    void *to;
    const uint8_t *from;
    size_t size; /* bytes of input */
    fill_kind kind;
} unpack_fill;

typedef struct decoder {
    const uint8_t *cursor, *end, *base;
    uint64_t offset; /* of base in the stream, for messages */
    const unpack_options *options;
    module_state *state;
    key_cache *keys;
    unpack_frame *frames;
    PyObject **values;
    unpack_fill *fills;
    PyObject *result;
    size_t values_count, values_capacity;
    size_t fills_count, fills_capacity, fills_bytes;
    int depth, frames_capacity;
    bool shaped;  /* maps may be expected to have the keys of earlier ones */
    bool hooks;   /* a hook may have made what is in the containers */
    bool suspend; /* automatic collection is suspended while decoding */
    slice slice;
    unpack_frame first_frames[UNPACK_FRAMES];
    PyObject *first_values[UNPACK_VALUES];
} decoder;

typedef enum decode_status {
    DECODE_ERROR = -1, /* an exception is set; the decoder can only be cleared */
    DECODE_NEED = 0,   /* the input ends within the value */
    DECODE_DONE = 1,
} decode_status;

/* Prepares `d`. Allocates nothing. */
void decoder_init(decoder *d, module_state *state, const unpack_options *options);

/* Lays [data, data + size) before the decoder; `offset` is where it begins in the stream. */
PP_INLINE void decoder_feed(decoder *d, const uint8_t *data, size_t size, uint64_t offset)
{
    d->base = d->cursor = data;
    d->end = data + size;
    d->offset = offset;
}

/* Decodes until one value is complete, or goes on with one that was not. On
 * DECODE_DONE `*result` is a new reference. The cursor tells what was used. */
decode_status decoder_run(decoder *d, PyObject **result);

/* Drops a value under construction; the decoder is as new. Keeps an exception
 * that is set. */
void decoder_clear(decoder *d);

PP_INLINE bool decoder_busy(const decoder *d)
{
    return d->depth > 0;
}

/* ---- between the files of the decoder ----------------------------------------------- */

/* Before and after anything that may run other code. decoder_leave() is 0, or
 * -1 with an exception. */
int decoder_leave(decoder *d);
void decoder_return(decoder *d);

/* Where the cursor is in the stream. */
PP_INLINE uint64_t decoder_position(const decoder *d, const uint8_t *p)
{
    return d->offset + (uint64_t)(p - d->base);
}

/* ValueError: `size` bytes or items, of what is at `p`, exceed a limit. Returns NULL.
 * (unpack_body.c) */
PyObject *decode_too_long(decoder *d, const uint8_t *p, size_t size, const char *limit,
                          Py_ssize_t most);

/* New objects for bodies at `p`, which lie within the input. NULL with an
 * exception. (unpack_body.c) */
/* A key is hashed at once, so its body is never left for later. */
PyObject *decode_str(decoder *d, const uint8_t *p, size_t size, bool is_key);
PyObject *decode_bin(decoder *d, const uint8_t *p, size_t size, bool is_key);
PyObject *decode_ext(decoder *d, int8_t type, const uint8_t *p, size_t size);

/* Fills all bodies that wait. (unpack_fill.c) */
void decoder_flush(decoder *d);
/* Adds one. 0, or -1 with MemoryError. */
int decoder_add_fill(decoder *d, PyObject *owner, fill_kind kind, void *to, const uint8_t *from,
                     size_t size);
/* Drops them unfilled. */
void decoder_drop_fills(decoder *d);

#endif /* PARAPACK_EXT_UNPACK_H */
