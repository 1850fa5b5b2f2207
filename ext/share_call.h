/* share_call.h - arguments of the methods of parapack.share, and their tables. */
#ifndef PARAPACK_EXT_SHARE_CALL_H
#define PARAPACK_EXT_SHARE_CALL_H

#include "share_proxy.h"

/* A method with METH_FASTCALL. */
#define SHARE_METHOD(name) PyObject *name(PyObject *self, PyObject *const *args, Py_ssize_t nargs)

#define SHARE_FAST(type, name)                                                                     \
    {                                                                                              \
#name, (PyCFunction)(void (*)(void))type##_##name, METH_FASTCALL, name##_doc               \
    }
#define SHARE_NOARGS(type, name)                                                                   \
    {                                                                                              \
#name, type##_##name, METH_NOARGS, name##_doc                                              \
    }
#define SHARE_ONE(type, name)                                                                      \
    {                                                                                              \
#name, type##_##name, METH_O, name##_doc                                                   \
    }

/* Are there `least` to `most` arguments? Otherwise TypeError. */
PP_INLINE bool share_count_fits(const char *method, Py_ssize_t nargs, Py_ssize_t least,
                                Py_ssize_t most)
{
    if (PP_LIKELY(nargs >= least && nargs <= most))
        return true;
    PyErr_Format(PyExc_TypeError, "%s() takes %s%zd argument%s (%zd given)", method,
                 least == most   ? ""
                 : nargs < least ? "at least "
                                 : "at most ",
                 nargs < least ? least : most, (nargs < least ? least : most) == 1 ? "" : "s",
                 nargs);
    return false;
}

/* object.name(*args), by an interned name: CPython's cache of methods keeps every name that it is
 * asked for. */
PyObject *share_call_method(PyObject *object, const char *name, PyObject *const *args,
                            Py_ssize_t nargs);

/* Raises KeyError(key), unless an exception is set. Returns NULL. */
PyObject *share_no_such_key(PyObject *key);

/* Makes a counted value of an argument that stands for "not there": PP_NO_VALUE for share.MISSING.
 * 0 or -1. */
int share_value_or_missing(module_state *st, PyObject *o, pp_value *value);

/* The result of adding to a number, taken out of its scope. */
typedef struct share_number {
    enum { SHARE_SUM_INT, SHARE_SUM_UINT, SHARE_SUM_FLOAT } form;
    int64_t integer;
    uint64_t large;
    double number;
} share_number;

/* Reads the number `value`. Inside its scope. */
void share_number_read(pp_value value, share_number *number);

/* Makes a counted value of a delta: an int of 64 bits or a float; TypeError, OverflowError. 0 or
 * -1. */
int share_delta_of(module_state *st, PyObject *o, pp_value *value);

/* The sum, or the exception for `status`. */
PyObject *share_sum(pp_status status, const share_number *number);

#endif /* PARAPACK_EXT_SHARE_CALL_H */
