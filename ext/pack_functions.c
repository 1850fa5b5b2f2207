/* packb, pack, pack_parts, pack_into: the functions that pack. */
#include "functions.h"
#include "pack_options.h"

static int begin_call(pack *pk, pack_options *options, PyObject *module, PyObject *const *args,
                      Py_ssize_t nargs, Py_ssize_t wanted, PyObject *kwnames, const char *function)
{
    module_state *st = state_of_module(module);
    if (PP_UNLIKELY(nargs != wanted)) {
        PyErr_Format(PyExc_TypeError, "%s() takes exactly %zd positional argument%s (%zd given)",
                     function, wanted, wanted == 1 ? "" : "s", nargs);
        return -1;
    }
    pack_options_init(options);
    if (kwnames && pack_options_vector(st, options, args + nargs, kwnames, function))
        return -1;
    pack_begin(pk, st, options);
    return 0;
}

PyObject *function_packb(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames)
{
    pack pk;
    pack_options options;
    if (begin_call(&pk, &options, module, args, nargs, 1, kwnames, "packb"))
        return NULL;
    PyObject *result = pack_object(&pk, args[0]) ? NULL : pack_result(&pk);
    pack_end(&pk);
    return result;
}

PyObject *function_pack_parts(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                              PyObject *kwnames)
{
    pack pk;
    pack_options options;
    if (begin_call(&pk, &options, module, args, nargs, 1, kwnames, "pack_parts"))
        return NULL;
    PyObject *result = pack_object(&pk, args[0]) ? NULL : pack_result_parts(&pk);
    pack_end(&pk);
    return result;
}

PyObject *function_pack(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *kwnames)
{
    pack pk;
    pack_options options;
    if (begin_call(&pk, &options, module, args, nargs, 2, kwnames, "pack"))
        return NULL;
    PyObject *bytes = pack_object(&pk, args[0]) ? NULL : pack_result(&pk);
    pack_end(&pk);
    if (!bytes)
        return NULL;
    PyObject *write_args[2] = {args[1], bytes};
    PyObject *written = PyObject_VectorcallMethod(state_of_module(module)->str_write, write_args,
                                                  2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
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
    pack pk;
    pack_options options;
    module_state *st = state_of_module(module);
    PyObject *offset_object = NULL;
    if (nargs < 2 || nargs > 3) {
        PyErr_Format(PyExc_TypeError,
                     "pack_into() takes 2 or 3 positional arguments: buffer, obj, offset (%zd given)",
                     nargs);
        return NULL;
    }
    if (nargs == 3)
        offset_object = args[2];
    pack_options_init(&options);
    if (kwnames &&
        pack_into_options_vector(st, &options, &offset_object, args + nargs, kwnames))
        return NULL;
    Py_ssize_t offset = 0;
    if (offset_object) {
        offset = PyNumber_AsSsize_t(offset_object, PyExc_OverflowError);
        if (offset == -1 && PyErr_Occurred())
            return NULL;
    }
    pack_begin(&pk, st, &options);
    PyObject *result = pack_object(&pk, args[1]) ? NULL : copy_into(&pk, args[0], offset);
    pack_end(&pk);
    return result;
}
