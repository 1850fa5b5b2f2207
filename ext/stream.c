#include "stream.h"

#include "source.h"

enum { CAPACITY_MIN = 1024 };

/* Room for `size` bytes behind the tail; max_size allows them. */
static int reserve(stream *s, Py_ssize_t size)
{
    Py_ssize_t used = stream_size(s);
    if (size <= s->capacity - s->tail)
        return 0;
    if (used + size <= s->capacity) {
        memmove(s->data, s->data + s->head, (size_t)used);
    } else {
        Py_ssize_t capacity = Py_MAX(used + size, CAPACITY_MIN);
        capacity = capacity > s->max_size / 2 ? s->max_size : capacity * 2;
        uint8_t *data = PyMem_Malloc((size_t)capacity);
        if (!data) {
            PyErr_NoMemory();
            return -1;
        }
        if (used)
            memcpy(data, s->data + s->head, (size_t)used);
        PyMem_Free(s->data);
        s->data = data;
        s->capacity = capacity;
    }
    s->head = 0;
    s->tail = used;
    return 0;
}

int stream_append(stream *s, module_state *st, PyObject *object)
{
    Py_buffer view;
    if (source_view(object, &view))
        return -1;
    if (view.len > s->max_size - stream_size(s)) {
        PyErr_Format(st->BufferFull,
                     "%zd bytes wait to be unpacked, %zd more would exceed max_buffer_size (%zd)",
                     stream_size(s), view.len, s->max_size);
        PyBuffer_Release(&view);
        return -1;
    }
    if (view.len == 0) {
        PyBuffer_Release(&view);
        return 0;
    }
    int failed = reserve(s, view.len);
    if (!failed) {
        source_copy(s->data + s->tail, &view, s->hold);
        s->tail += view.len;
    }
    PyBuffer_Release(&view);
    return failed;
}

int stream_read(stream *s, module_state *st)
{
    Py_ssize_t room = s->max_size - stream_size(s);
    if (room <= 0) {
        PyErr_Format(st->BufferFull, "the value goes beyond max_buffer_size (%zd bytes)",
                     s->max_size);
        return -1;
    }
    PyObject *size = PyLong_FromSsize_t(Py_MIN(s->read_size, room));
    PyObject *read = Py_NewRef(s->read);
    PyObject *data = size ? PyObject_CallOneArg(read, size) : NULL;
    Py_XDECREF(size);
    Py_DECREF(read);
    if (!data)
        return -1;
    int more = PyObject_IsTrue(data);
    if (more == 0) {
        Py_CLEAR(s->read);
    } else if (more > 0 && !PyObject_CheckBuffer(data)) {
        PyErr_Format(PyExc_TypeError, "file_like.read() returned '%.200s', not bytes",
                     Py_TYPE(data)->tp_name);
        more = -1;
    } else if (more > 0 && stream_append(s, st, data)) {
        more = -1;
    }
    Py_DECREF(data);
    return more;
}

void stream_clear(stream *s)
{
    PyMem_Free(s->data);
    s->data = NULL;
    s->capacity = s->head = s->tail = 0;
    Py_CLEAR(s->read);
}
