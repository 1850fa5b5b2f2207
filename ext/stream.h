/* stream.h - the input of an Unpacker: bytes fed or read, not yet decoded.
 *
 * The memory is the Unpacker's own, so that what a decoder reads cannot change.
 *
 * Invariants: head <= tail <= capacity; tail - head <= max_size.
 * Guarded by the Unpacker's lock.
 */
#ifndef PARAPACK_EXT_STREAM_H
#define PARAPACK_EXT_STREAM_H

#include "state.h"

typedef struct stream {
    uint8_t *data;
    Py_ssize_t capacity, head, tail;
    Py_ssize_t max_size;
    Py_ssize_t read_size;
    uint64_t offset; /* of head, in bytes since the first one */
    PyObject *read;  /* the file's read method; NULL without a file or behind its end */
    bool is_file;    /* was made with a file: feed() is refused */
    bool hold;       /* never give the GIL up for a copy */
} stream;

PP_INLINE Py_ssize_t stream_size(const stream *s)
{
    return s->tail - s->head;
}

/* Marks `n` bytes as used. */
PP_INLINE void stream_advance(stream *s, Py_ssize_t n)
{
    s->head += n;
    s->offset += (uint64_t)n;
}

/* Appends the contents of a bytes-like object. 0, or -1: BufferFull where it
 * would hold more than max_size, TypeError or BufferError for what is no buffer. */
int stream_append(stream *s, module_state *st, PyObject *object);

/* Reads once from the file. 1 if there is more, 0 at its end, -1 with an
 * exception: BufferFull, TypeError where read() returned no bytes, what it raised. */
int stream_read(stream *s, module_state *st);

/* Frees everything. */
void stream_clear(stream *s);

#endif /* PARAPACK_EXT_STREAM_H */
