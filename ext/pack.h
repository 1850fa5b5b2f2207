/* pack.h - packing: a walk over the objects, a copy plan, one copy.
 *
 * The walk writes headers and small bodies into a scratch area, on the C stack
 * until it overflows into a bytes object. A large body is not copied: the plan
 * records where it belongs and holds its owner. When the walk ends the exact
 * size is known, and everything is copied once, without the GIL where that
 * pays. Where nothing was deferred the scratch area becomes the result.
 *
 * The walk uses the C stack for the first containers, a bounded number deep, and a
 * stack of frames of its own for the rest.
 *
 * Invariants
 *   - cursor is within [base, end]; base..cursor is well-formed MessagePack up
 *     to the values that the frames still owe.
 *   - plan.body[i].at <= plan.body[i+1].at <= cursor - base.
 *   - A frame's container is alive: either `owned`, or the GIL has not been
 *     given up and no code of the caller's has run since its parent held it.
 *
 * Thread safety: a `pack` belongs to one call. What it reads may change under
 * it whenever the GIL is not held, or runs other code; see pack_walk.c.
 */
#ifndef PARAPACK_EXT_PACK_H
#define PARAPACK_EXT_PACK_H

#include "pycompat.h"

#include "parapack/format.h"
#include "slice.h"
#include "state.h"

enum {
    PACK_DEPTH_MAX = 1024,         /* containers within containers, as in msgpack-python */
    PACK_SCRATCH = 2048,           /* bytes of the C stack that most messages fit into */
    PACK_FRAMES = 16,              /* frames before the stack of frames moves to the heap */
    PACK_BODIES = 4,               /* deferred bodies before the plan moves to the heap */
    PACK_BODY_MIN = 4096,          /* bytes: a smaller body is copied at once */
    PACK_RELEASE_MIN = 192 * 1024, /* bytes: a smaller copy does not pay for giving up the GIL */
};

#define PACK_LENGTH_MAX UINT32_MAX /* the longest body and the largest count MessagePack has */

/* The options of packb and Packer. References are borrowed. */
typedef struct pack_options {
    PyObject *on_default;     /* callable, or NULL */
    PyObject *unicode_errors; /* str, or NULL for 'strict' */
    PyObject *native;         /* as given, or NULL; parsed into native_mask */
    Py_ssize_t buf_size;      /* accepted for compatibility */
    unsigned native_mask;     /* which kinds of native_convert() are on */
    bool use_single_float;
    bool autoreset;
    bool use_bin_type;
    bool strict_types;
    bool datetime;
    bool atomic; /* hold the GIL throughout */
} pack_options;

typedef enum pack_frame_kind {
    FRAME_LIST,
    FRAME_TUPLE,
    FRAME_DICT,
    FRAME_PAIRS, /* a list of our own, of (key, value) pairs */
} pack_frame_kind;

typedef struct pack_frame {
    PyObject *container;
    PyObject *pending;   /* owned: the value whose key is being packed, or NULL */
    Py_ssize_t position; /* index of the next item, or PyDict_Next's position */
    Py_ssize_t size;     /* items or pairs that the header promised */
    Py_ssize_t left;     /* of them still owed (FRAME_DICT) */
    uint8_t kind;
    bool owned;     /* container is a strong reference of this frame */
    bool has_large; /* an item of it was no small container (pack_small.h) */
} pack_frame;

/* How a deferred body gets from `data` into the result. */
typedef enum pack_copy {
    COPY_BYTES, /* as it is */
    COPY_UCS1,  /* as UTF-8, from code points of 1, 2 or 4 bytes */
    COPY_UCS2,
    COPY_UCS4,
} pack_copy;

typedef struct pack_body {
    size_t at; /* scratch bytes that precede it */
    const void *data;
    size_t size;     /* bytes in the result */
    size_t count;    /* code points (COPY_UCS*) */
    PyObject *owner; /* strong reference */
    Py_buffer *view; /* an export that pins the memory of a mutable owner, or NULL */
    pack_copy copy;
} pack_body;

typedef struct pack_plan {
    pack_body *body;
    size_t count, capacity;
    size_t bytes; /* sum of body[].size */
    pack_body first[PACK_BODIES];
} pack_plan;

typedef struct pack {
    uint8_t *cursor, *end, *base;
    PyObject *spill; /* the bytes object that base lies in, or NULL: base == scratch */
    const pack_options *options;
    module_state *state;
    pack_frame *frames;
    int depth, frames_capacity;
    pack_frame *running; /* the frame of the container whose leaf is being packed, or NULL */
    bool hook_ran;       /* code of the caller's has run: starting over could run it twice */
    bool inline_float;   /* floats are written by the fast path (not use_single_float) */
    bool keep_bodies;    /* the result is in parts: large bodies are never copied */
    bool sharing;        /* for parapack.share: errors speak of sharing */
    uint8_t restarts;
    slice slice;
    pack_plan plan;
    pack_frame first_frames[PACK_FRAMES];
    uint8_t scratch[PACK_SCRATCH];
} pack;

/* ---- a pack, from begin to end --------------------------------------------- */

/* Prepares `pk`. Allocates nothing; follow with pack_end(). */
void pack_begin(pack *pk, module_state *state, const pack_options *options);

/* Walks `object`. 0, or -1 with an exception. */
int pack_object(pack *pk, PyObject *object);

/* Writes the header of a map and walks the (key, value) pairs of a sequence. */
int pack_pairs(pack *pk, PyObject *pairs);

/* Appends a header and a body without a walk. 0, or -1 with an exception. */
int pack_ext(pack *pk, int8_t type, PyObject *data);
int pack_array_header(pack *pk, uint32_t size);
int pack_map_header(pack *pk, uint32_t size);

/* The size of the result. */
PP_INLINE size_t pack_size(const pack *pk)
{
    return (size_t)(pk->cursor - pk->base) + pk->plan.bytes;
}

/* The result as a new bytes object, or NULL with MemoryError. Ends the use of
 * the scratch area: only pack_end() may follow. */
PyObject *pack_result(pack *pk);

/* The result as a new list of bytes and memoryview objects, in order; large
 * bodies are not copied. */
PyObject *pack_result_parts(pack *pk);

/* Copies the result to `target`, which has room for pack_size() bytes and
 * stays where it is while the GIL is given up. */
void pack_gather(pack *pk, uint8_t *target);

/* Does a deferred body lie within the `size` bytes at `target`? */
bool pack_overlaps(const pack *pk, const uint8_t *target, size_t size);

/* Gives everything back. To be called on every path, with or without an exception. */
void pack_end(pack *pk);

/* ---- between the files of the packer ----------------------------------------- */

/* Room for `need` more bytes at the cursor. 0, or -1 with MemoryError. */
int pack_grow(pack *pk, size_t need);

/* Writes a leaf whose packing can neither run code nor give up the GIL.
 * 1 done, 0 not such a leaf, -1 with an exception. (pack_leaf.c) */
int pack_leaf(pack *pk, PyObject *o);

/* A body of a str, bytes or ext, copied or deferred; the header is written.
 * `owner` is immutable and owns `data`. (pack_plan.c) */
int pack_body_of(pack *pk, PyObject *owner, const void *data, size_t size);
/* The same for the contents of `owner`'s buffer, which it takes over and releases. */
int pack_body_of_view(pack *pk, PyObject *owner, Py_buffer *view);
/* Defers a str that is not ASCII and has no UTF-8 form yet. */
int pack_body_of_ucs(pack *pk, PyObject *owner, pack_copy copy, const void *data, size_t count,
                     size_t size);
/* Writes `count` code points as UTF-8. Returns the end. */
uint8_t *pack_copy_ucs(uint8_t *to, pack_copy copy, const void *data, size_t count);
/* Forgets all deferred bodies. */
void pack_plan_clear(pack_plan *plan);

/* Where the walk is, such as "$['users'][3]" ("value..." when sharing), as a new str; NULL with no
 * exception where it cannot be said. (pack_path.c) */
PyObject *pack_path(pack *pk);

/* Notes at the exception that is set which value it is about, unless that is the object itself.
 * (pack_path.c) */
void pack_note_path(pack *pk);

/* Raises `type` with the message and " at <path>". Returns -1. (pack_path.c) */
int pack_fail(pack *pk, PyObject *type, const char *format, ...);

#endif /* PARAPACK_EXT_PACK_H */
