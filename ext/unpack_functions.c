/* unpackb and unpack. */
#include "functions.h"
#include "source.h"
#include "unpack_options.h"

static PyObject *extra_data(module_state *st, PyObject *value, const uint8_t *rest, Py_ssize_t size)
{
    PyObject *extra = PyBytes_FromStringAndSize((const char *)rest, size);
    PyObject *error = extra ? PyObject_CallFunctionObjArgs(st->ExtraData, value, extra, NULL) : NULL;
    Py_XDECREF(extra);
    Py_DECREF(value);
    if (error) {
        PyErr_SetObject(st->ExtraData, error);
        Py_DECREF(error);
    }
    return NULL;
}

static PyObject *unpack_source(module_state *st, const unpack_options *options, const source *s)
{
    decoder d;
    PyObject *result = NULL;
    decoder_init(&d, st, options);
    decoder_feed(&d, s->data, (size_t)s->size, 0);
    decode_status status = decoder_run(&d, &result);
    decoder_clear(&d);
    if (status == DECODE_NEED)
        PyErr_Format(PyExc_ValueError,
                     "Unpack failed: incomplete input (the value at offset %llu goes beyond the "
                     "%zd bytes given)",
                     (unsigned long long)decoder_position(&d, d.cursor), s->size);
    if (status == DECODE_DONE && d.cursor != d.end)
        return extra_data(st, result, d.cursor, d.end - d.cursor);
    return result;
}

PyObject *function_unpackb(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    module_state *st = state_of_module(module);
    unpack_options options;
    source s;
    PyObject *packed = nargs == 1 ? args[0] : NULL;
    PyObject *const *values = args + nargs;
    if (PP_UNLIKELY(nargs != 1))
        return PyErr_Format(PyExc_TypeError,
                            "unpackb() takes exactly 1 positional argument (%zd given)", nargs);
    unpack_options_init(&options);
    if (kwnames && unpack_options_vector(st, &options, values, kwnames, "unpackb"))
        return NULL;
    if (source_open(&s, packed))
        return NULL;
    unpack_options_limits(&options, s.size);
    PyObject *result = unpack_source(st, &options, &s);
    source_close(&s);
    return result;
}

PyObject *function_unpack(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames)
{
    if (nargs != 1)
        return PyErr_Format(PyExc_TypeError,
                            "unpack() takes exactly 1 positional argument (%zd given)", nargs);
    PyObject *data = PyObject_CallMethodNoArgs(args[0], state_of_module(module)->str_read);
    if (!data)
        return NULL;
    Py_ssize_t options = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    PyObject **all = PyMem_New(PyObject *, 1 + options);
    PyObject *result = NULL;
    if (all) {
        all[0] = data;
        memcpy(all + 1, args + 1, (size_t)options * sizeof *all);
        result = function_unpackb(module, all, 1, kwnames);
        PyMem_Free(all);
    } else {
        PyErr_NoMemory();
    }
    Py_DECREF(data);
    return result;
}
