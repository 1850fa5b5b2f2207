/* source.h - input bytes that hold still.
 *
 * A decoder reads every byte that decides something and may give the GIL up in
 * between, so its input must not change. Bytes objects cannot, nor what comes out
 * of a live container; the bytes behind any other buffer can, by another thread or
 * another process, and are copied first. What was validated is then what is used.
 */
#ifndef PARAPACK_EXT_SOURCE_H
#define PARAPACK_EXT_SOURCE_H

#include "pycompat.h"

enum { SOURCE_SMALL = 256 };

typedef struct source {
    const uint8_t *data;
    Py_ssize_t size;
    PyObject *owner; /* strong reference that keeps data alive, or NULL: copied or borrowed */
    void *copy;      /* PyMem block that data lies in, or NULL */
} source;

/* Opens the contents of a bytes-like object, to which the caller has a reference until the
 * source is closed: what threads share is counted no more often than need be. With `hold`
 * the GIL is not given up for a large copy. 0, or -1 with an exception: TypeError without the
 * buffer protocol, BufferError for items of several bytes. */
int source_open(source *s, PyObject *object, bool hold);

/* The same for a source that outlives the caller's reference; a large copy gives the GIL up. */
int source_open_owned(source *s, PyObject *object);

/* Copies the contents of a view, a large one without the GIL unless `hold` is true. */
void source_copy(void *to, const Py_buffer *view, bool hold);

/* Appends nothing, frees everything. */
void source_close(source *s);

/* What a view that is not released shows the contents of, borrowed; NULL where it does not tell. */
PyObject *source_exporter(const Py_buffer *view);

/* A contiguous view of an object with items of one byte. 0, or -1 with an
 * exception. On success `view` is to be released. */
int source_view(PyObject *object, Py_buffer *view);

#endif /* PARAPACK_EXT_SOURCE_H */
