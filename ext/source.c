#include "source.h"

#include "share_bin.h"

enum { RELEASE_MIN = 256 * 1024 }; /* bytes: a smaller copy does not pay for giving up the GIL */

int source_view(PyObject *object, Py_buffer *view)
{
    if (PyObject_GetBuffer(object, view, PyBUF_FULL_RO))
        return -1;
    if (view->itemsize != 1) {
        PyErr_Format(PyExc_BufferError, "cannot unpack from multi-byte object (items of %zd bytes)",
                     view->itemsize);
        PyBuffer_Release(view);
        return -1;
    }
    if (PyBuffer_IsContiguous(view, 'C'))
        return 0;
    PyBuffer_Release(view);
    PyObject *contiguous = PyMemoryView_GetContiguous(object, PyBUF_READ, 'C');
    if (!contiguous)
        return -1;
    int failed = PyObject_GetBuffer(contiguous, view, PyBUF_FULL_RO);
    Py_DECREF(contiguous); /* the view keeps it */
    return failed;
}

PyObject *source_exporter(const Py_buffer *view)
{
    PyObject *o = view->obj;
    return o && PyMemoryView_Check(o) ? PyMemoryView_GET_BUFFER(o)->obj : o;
}

/* The object whose contents a view shows, if those never change, or NULL. */
static PyObject *immutable_base(const Py_buffer *view)
{
    PyObject *o = source_exporter(view);
    return o && (PyBytes_CheckExact(o) || share_bin_is_exporter(o)) ? o : NULL;
}

void source_copy(void *to, const Py_buffer *view, bool hold)
{
    if (view->len < RELEASE_MIN || hold) {
        memcpy(to, view->buf, (size_t)view->len);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
        memcpy(to, view->buf, (size_t)view->len);
    Py_END_ALLOW_THREADS
}

static int copy_view(source *s, const Py_buffer *view, bool hold)
{
    s->copy = PyMem_Malloc(view->len ? (size_t)view->len : 1);
    if (!s->copy) {
        PyErr_NoMemory();
        return -1;
    }
    source_copy(s->copy, view, hold);
    s->data = s->copy;
    return 0;
}

int source_open(source *s, PyObject *object, bool hold)
{
    s->copy = NULL;
    s->owner = NULL;
    if (PyBytes_CheckExact(object)) {
        s->data = (const uint8_t *)PyBytes_AS_STRING(object);
        s->size = PyBytes_GET_SIZE(object);
        return 0;
    }
    Py_buffer view;
    if (source_view(object, &view))
        return -1;
    int failed = 0;
    s->size = view.len;
    s->owner = Py_XNewRef(immutable_base(&view));
    if (s->owner)
        s->data = view.buf;
    else
        failed = copy_view(s, &view, hold);
    PyBuffer_Release(&view);
    return failed;
}

int source_open_owned(source *s, PyObject *object)
{
    if (source_open(s, object, false))
        return -1;
    if (!s->owner && !s->copy)
        s->owner = Py_NewRef(object);
    return 0;
}

void source_close(source *s)
{
    Py_XDECREF(s->owner);
    PyMem_Free(s->copy);
}
