/* packb, pack, pack_parts, pack_into: the functions that pack. */
#include "functions.h"
#include "pack_options.h"

/* Binds the arguments, reads the options, begins the pack. */
static int begin_call(pack *pk, pack_options *options, PyObject *module, const char *function,
                      const char *const *parameters, Py_ssize_t required, PyObject *const *args,
                      Py_ssize_t nargs, PyObject *kwnames, PyObject **bound)
{
    module_state *st = state_of_module(module);
    if (PP_LIKELY(nargs == 1 && required == 1 && !kwnames))
        bound[0] = args[0];
    else if (arguments_bind(function, parameters, required, true, args, nargs, kwnames, bound))
        return -1;
    pack_options_init(options);
    if (kwnames && pack_options_vector(st, options, parameters, args + nargs, kwnames, function))
        return -1;
    pack_begin(pk, st, options);
    return 0;
}

PyObject *function_packb(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames)
{
    static const char *const parameters[] = {"o", NULL};
    pack pk;
    pack_options options;
    PyObject *object;
    int64_t small;
    if (nargs == 1 && !kwnames && PyLong_CheckExact(args[0]) && long_small_value(args[0], &small)) {
        uint8_t bytes[PP_HEADER_MAX];
        return PyBytes_FromStringAndSize((const char *)bytes, pp_put_int(bytes, small) - bytes);
    }
    if (begin_call(&pk, &options, module, "packb", parameters, 1, args, nargs, kwnames, &object))
        return NULL;
    PyObject *result = pack_object(&pk, object) ? NULL : pack_result(&pk);
    pack_end(&pk);
    return result;
}

PyObject *function_pack_parts(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                              PyObject *kwnames)
{
    static const char *const parameters[] = {"obj", NULL};
    pack pk;
    pack_options options;
    PyObject *object;
    if (begin_call(&pk, &options, module, "pack_parts", parameters, 1, args, nargs, kwnames,
                   &object))
        return NULL;
    pk.keep_bodies = true;
    PyObject *result = pack_object(&pk, object) ? NULL : pack_result_parts(&pk);
    pack_end(&pk);
    return result;
}

PyObject *function_pack(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *kwnames)
{
    static const char *const parameters[] = {"o", "stream", NULL};
    pack pk;
    pack_options options;
    PyObject *bound[2];
    if (begin_call(&pk, &options, module, "pack", parameters, 2, args, nargs, kwnames, bound))
        return NULL;
    PyObject *bytes = pack_object(&pk, bound[0]) ? NULL : pack_result(&pk);
    pack_end(&pk);
    if (!bytes)
        return NULL;
    PyObject *written =
        PyObject_CallMethodOneArg(bound[1], state_of_module(module)->str_write, bytes);
    Py_DECREF(bytes);
    if (!written)
        return NULL;
    Py_DECREF(written);
    Py_RETURN_NONE;
}

/* Copies the result into `target` from `offset` on. */
static PyObject *copy_into(pack *pk, PyObject *target, Py_ssize_t offset)
{
    Py_buffer view;
    size_t size = pack_size(pk);
    if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE))
        return NULL;
    if (offset < 0)
        offset += view.len;
    if (offset < 0 || offset > view.len || size > (size_t)(view.len - offset)) {
        PyErr_Format(PyExc_ValueError,
                     "the message takes %zu bytes, but the buffer has %zd from offset %zd on", size,
                     offset < 0 || offset > view.len ? 0 : view.len - offset, offset);
        PyBuffer_Release(&view);
        return NULL;
    }
    uint8_t *to = (uint8_t *)view.buf + offset;
    if (PP_LIKELY(!pack_overlaps(pk, to, size))) {
        pack_gather(pk, to);
    } else {
        PyObject *bytes = pack_result(pk);
        if (bytes)
            memcpy(to, PyBytes_AS_STRING(bytes), size);
        if (!bytes)
            size = 0;
        Py_XDECREF(bytes);
    }
    PyBuffer_Release(&view);
    return size ? PyLong_FromSize_t(size) : NULL;
}

PyObject *function_pack_into(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames)
{
    static const char *const parameters[] = {"buffer", "obj", "offset", NULL};
    pack pk;
    pack_options options;
    PyObject *bound[3];
    Py_ssize_t offset = 0;
    if (begin_call(&pk, &options, module, "pack_into", parameters, 2, args, nargs, kwnames, bound))
        return NULL;
    if (bound[2]) {
        offset = PyNumber_AsSsize_t(bound[2], PyExc_OverflowError);
        if (offset == -1 && PyErr_Occurred())
            return NULL;
    }
    PyObject *result = pack_object(&pk, bound[1]) ? NULL : copy_into(&pk, bound[0], offset);
    pack_end(&pk);
    return result;
}
