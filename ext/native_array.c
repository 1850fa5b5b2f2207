#include "native_array.h"

#include "parapack/format.h"

enum { ARRAY_HEADER_MAX = 5 };

typedef struct array {
    const Py_buffer *view;
    const uint8_t *in; /* the next element */
    uint8_t *out;      /* where it is written */
    int kind;
} array;

/* ---- elements --------------------------------------------------------------- */

/* Reads `n` elements of a C type and writes each; the compiler knows their size. */
#define WRITE_ALL(type, write)                                                                     \
    for (Py_ssize_t i = 0; i < n; i++) {                                                           \
        type value;                                                                                \
        memcpy(&value, in + (size_t)i * sizeof value, sizeof value);                               \
        write;                                                                                     \
    }                                                                                              \
    break

static uint8_t *write_signed(uint8_t *out, const uint8_t *in, Py_ssize_t n, Py_ssize_t itemsize)
{
    switch (itemsize) {
    case 1:
        WRITE_ALL(int8_t, out = pp_put_int(out, value));
    case 2:
        WRITE_ALL(int16_t, out = pp_put_int(out, value));
    case 4:
        WRITE_ALL(int32_t, out = pp_put_int(out, value));
    default:
        WRITE_ALL(int64_t, out = pp_put_int(out, value));
    }
    return out;
}

static uint8_t *write_unsigned(uint8_t *out, const uint8_t *in, Py_ssize_t n, Py_ssize_t itemsize)
{
    switch (itemsize) {
    case 1:
        WRITE_ALL(uint8_t, out = pp_put_uint(out, value));
    case 2:
        WRITE_ALL(uint16_t, out = pp_put_uint(out, value));
    case 4:
        WRITE_ALL(uint32_t, out = pp_put_uint(out, value));
    default:
        WRITE_ALL(uint64_t, out = pp_put_uint(out, value));
    }
    return out;
}

static uint8_t *write_float(uint8_t *out, const uint8_t *in, Py_ssize_t n, Py_ssize_t itemsize)
{
    switch (itemsize) {
    case 2:
        for (Py_ssize_t i = 0; i < n; i++) {
            double value = PyFloat_Unpack2((const char *)in + i * 2, PY_LITTLE_ENDIAN);
            out = pp_put_float32(out, (float)value);
        }
        break;
    case 4:
        WRITE_ALL(float, out = pp_put_float32(out, value));
    default:
        WRITE_ALL(double, out = pp_put_float64(out, value));
    }
    return out;
}

static uint8_t *write_bool(uint8_t *out, const uint8_t *in, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        *out++ = in[i] ? PP_TRUE : PP_FALSE;
    return out;
}

static void write_elements(array *a, Py_ssize_t n)
{
    Py_ssize_t itemsize = a->view->itemsize;
    switch (a->kind) {
    case 'b':
        a->out = write_bool(a->out, a->in, n);
        break;
    case 'i':
        a->out = write_signed(a->out, a->in, n, itemsize);
        break;
    case 'u':
        a->out = write_unsigned(a->out, a->in, n, itemsize);
        break;
    default:
        a->out = write_float(a->out, a->in, n, itemsize);
        break;
    }
    a->in += n * itemsize;
}

/* ---- dimensions --------------------------------------------------------------- */

/* Recursion is bounded by the dimensions of a buffer, PyBUF_MAX_NDIM. */
static void write_dimension(array *a, int dimension)
{
    Py_ssize_t n = a->view->shape[dimension];
    a->out = pp_put_array_header(a->out, (uint32_t)n);
    if (dimension + 1 == a->view->ndim) {
        write_elements(a, n);
        return;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        write_dimension(a, dimension + 1);
}

/* Is the export one that write_elements() can read? */
static bool is_readable(const Py_buffer *view, int kind)
{
    static const char foreign = PY_LITTLE_ENDIAN ? '>' : '<';
    Py_ssize_t size = view->itemsize;
    char order = view->format ? view->format[0] : '\0';
    if (order == foreign || (order == '!' && PY_LITTLE_ENDIAN))
        return false;
    if (kind == 'b')
        return size == 1;
    if (kind == 'f')
        return size == 2 || size == sizeof(float) || size == sizeof(double);
    return size == 1 || size == 2 || size == 4 || size == 8;
}

/* An upper bound of the encoded size in *bound. 0, or -1 with ValueError for a
 * dimension that no array header can say, or MemoryError. */
static int size_bound(const Py_buffer *view, Py_ssize_t *bound)
{
    Py_ssize_t arrays = 1, headers = 0, elements;
    for (int i = 0; i < view->ndim; i++) {
        if ((uint64_t)view->shape[i] > UINT32_MAX) {
            PyErr_SetString(PyExc_ValueError, "array has a dimension longer than 2**32-1");
            return -1;
        }
        if (__builtin_add_overflow(headers, arrays, &headers) ||
            __builtin_mul_overflow(arrays, view->shape[i], &arrays))
            goto too_large;
    }
    /* A format byte and the value; a float of 16 bits takes 32. */
    Py_ssize_t each = view->itemsize == 2 ? 5 : view->itemsize + 1;
    if (!__builtin_mul_overflow(arrays, each, &elements) &&
        !__builtin_mul_overflow(headers, ARRAY_HEADER_MAX, &headers) &&
        !__builtin_add_overflow(headers, elements, bound))
        return 0;
too_large:
    PyErr_NoMemory();
    return -1;
}

/* The bound costs address space only: what is not written to is given back. */
static PyObject *encode(array *a)
{
    Py_ssize_t bound;
    if (size_bound(a->view, &bound))
        return NULL;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, bound);
    if (!bytes)
        return NULL;
    uint8_t *base = (uint8_t *)PyBytes_AS_STRING(bytes);
    a->out = base;
    if (a->view->ndim == 0)
        write_elements(a, 1);
    else
        write_dimension(a, 0);
    _PyBytes_Resize(&bytes, a->out - base);
    return bytes;
}

/* The elements of a view with strides one after another, in C order. */
static PyObject *encode_copy(array *a)
{
    const Py_buffer *view = a->view;
    void *copy = PyMem_Malloc((size_t)view->len);
    if (!copy)
        return PyErr_NoMemory();
    PyObject *bytes = NULL;
    if (PyBuffer_ToContiguous(copy, view, view->len, 'C') == 0) {
        a->in = copy;
        bytes = encode(a);
    }
    PyMem_Free(copy);
    return bytes;
}

int native_encode_array(PyObject *o, int kind, PyObject **encoded)
{
    Py_buffer view;
    if (PyObject_GetBuffer(o, &view, PyBUF_FULL_RO))
        return -1;
    int result = 0;
    if (is_readable(&view, kind)) {
        array a = {.view = &view, .in = view.buf, .kind = kind};
        *encoded = PyBuffer_IsContiguous(&view, 'C') ? encode(&a) : encode_copy(&a);
        result = *encoded ? 1 : -1;
    }
    PyBuffer_Release(&view);
    return result;
}

PyObject *native_encode_float32(double value)
{
    uint8_t encoded[5];
    pp_put_float32(encoded, (float)value);
    return PyBytes_FromStringAndSize((char *)encoded, sizeof encoded);
}
