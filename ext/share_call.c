/* Arguments and results that several types of parapack.share have. */
#include "share_call.h"

#include "share_value.h"

PyObject *share_call_method(PyObject *object, const char *name, PyObject *const *args,
                            Py_ssize_t nargs)
{
    PyObject *interned = PyUnicode_InternFromString(name);
    PyObject *method = interned ? PyObject_GetAttr(object, interned) : NULL;
    PyObject *result = method ? PyObject_Vectorcall(method, args, (size_t)nargs, NULL) : NULL;
    Py_XDECREF(interned);
    Py_XDECREF(method);
    return result;
}

PyObject *share_no_such_key(PyObject *key)
{
    if (!PyErr_Occurred()) {
        /* In a tuple, so that a key that is a tuple is shown as it is. */
        PyObject *args = PyTuple_Pack(1, key);
        if (args)
            PyErr_SetObject(PyExc_KeyError, args);
        Py_XDECREF(args);
    }
    return NULL;
}

int share_value_or_missing(module_state *st, PyObject *o, pp_value *value)
{
    *value = PP_NO_VALUE;
    return o == st->share.missing ? 0 : share_value_of(st, o, value);
}

void share_number_read(pp_value value, share_number *number)
{
    number->form = pp_value_int(value, &number->integer)  ? SHARE_SUM_INT
                   : pp_value_uint(value, &number->large) ? SHARE_SUM_UINT
                                                          : SHARE_SUM_FLOAT;
    if (number->form == SHARE_SUM_FLOAT && !pp_value_float(value, &number->number))
        number->number = 0;
}

int share_delta_of(module_state *st, PyObject *o, pp_value *value)
{
    if (!PyLong_Check(o) && !PyFloat_Check(o)) {
        PyErr_Format(PyExc_TypeError, "what is added is an int or a float, not a '%.200s'",
                     Py_TYPE(o)->tp_name);
        return -1;
    }
    if (PyBool_Check(o))
        o = o == Py_True ? st->small_int[33] : st->small_int[32];
    return share_value_of(st, o, value);
}

PyObject *share_sum(pp_status status, const share_number *number)
{
    if (status == PP_OK)
        return number->form == SHARE_SUM_FLOAT  ? PyFloat_FromDouble(number->number)
               : number->form == SHARE_SUM_UINT ? PyLong_FromUnsignedLongLong(number->large)
                                                : PyLong_FromLongLong(number->integer);
    if (status == PP_ERR_TYPE)
        PyErr_SetString(PyExc_TypeError, "the value there is no number");
    else if (status == PP_ERR_RANGE)
        PyErr_SetString(PyExc_OverflowError, "the sum is outside -2**63 to 2**64-1");
    else
        share_raise(status);
    return NULL;
}
