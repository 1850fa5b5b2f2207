/* unpackb and unpack. */
#include "functions.h"
#include "source.h"
#include "unpack_options.h"

static PyObject *extra_data(module_state *st, PyObject *value, const uint8_t *rest, Py_ssize_t size)
{
    PyObject *extra = PyBytes_FromStringAndSize((const char *)rest, size);
    PyObject *error =
        extra ? PyObject_CallFunctionObjArgs(st->ExtraData, value, extra, NULL) : NULL;
    Py_XDECREF(extra);
    Py_DECREF(value);
    if (error) {
        PyErr_SetObject(st->ExtraData, error);
        Py_DECREF(error);
    }
    return NULL;
}

PyObject *unpack_whole(module_state *st, const unpack_options *options, const uint8_t *data,
                       size_t size)
{
    decoder d;
    PyObject *result = NULL;
    decoder_init(&d, st, options);
    decoder_feed(&d, data, size, 0);
    decode_status status = decoder_run(&d, &result);
    decoder_clear(&d);
    if (status == DECODE_NEED)
        PyErr_Format(PyExc_ValueError,
                     "Unpack failed: incomplete input (the value at offset %llu goes beyond the "
                     "%zd bytes given)",
                     (unsigned long long)decoder_position(&d, d.cursor), (Py_ssize_t)size);
    if (status == DECODE_DONE && d.cursor != d.end)
        return extra_data(st, result, d.cursor, d.end - d.cursor);
    return result;
}

/* Unpacks the contents of `packed`; the keywords are options. */
static PyObject *unpack_buffer(module_state *st, const char *function,
                               const char *const *parameters, PyObject *packed,
                               PyObject *const *values, PyObject *kwnames)
{
    unpack_options options;
    source s;
    unpack_options_init(&options);
    if (kwnames && unpack_options_vector(st, &options, parameters, values, kwnames, function))
        return NULL;
    if (source_open(&s, packed, options.atomic))
        return NULL;
    unpack_options_limits(&options, s.size);
    PyObject *result = unpack_whole(st, &options, s.data, (size_t)s.size);
    source_close(&s);
    return result;
}

/* A message of one byte that is a whole value needs no decoder. NULL, without an
 * exception, for any other. */
static PyObject *unpack_byte(module_state *st, PyObject *packed)
{
    if (!PyBytes_CheckExact(packed) || PyBytes_GET_SIZE(packed) != 1)
        return NULL;
    uint8_t byte = (uint8_t)PyBytes_AS_STRING(packed)[0];
    if ((int8_t)byte >= -32)
        return Py_NewRef(st->small_int[32 + (int8_t)byte]);
    return byte == PP_NIL     ? Py_NewRef(Py_None)
           : byte == PP_TRUE  ? Py_NewRef(Py_True)
           : byte == PP_FALSE ? Py_NewRef(Py_False)
                              : NULL;
}

PyObject *function_unpackb(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    static const char *const parameters[] = {"packed", NULL};
    module_state *st = state_of_module(module);
    PyObject *packed;
    if (PP_LIKELY(nargs == 1 && !kwnames)) {
        packed = args[0];
        PyObject *value = unpack_byte(st, packed);
        if (value)
            return value;
    } else if (arguments_bind("unpackb", parameters, 1, true, args, nargs, kwnames, &packed)) {
        return NULL;
    }
    return unpack_buffer(st, "unpackb", parameters, packed, args + nargs, kwnames);
}

PyObject *function_unpack(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames)
{
    static const char *const parameters[] = {"stream", NULL};
    module_state *st = state_of_module(module);
    PyObject *stream;
    if (arguments_bind("unpack", parameters, 1, true, args, nargs, kwnames, &stream))
        return NULL;
    PyObject *data = PyObject_CallMethodNoArgs(stream, st->str_read);
    if (!data)
        return NULL;
    PyObject *result = unpack_buffer(st, "unpack", parameters, data, args + nargs, kwnames);
    Py_DECREF(data);
    return result;
}
