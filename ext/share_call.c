/* Arguments and results that several types of parapack.share have. */
#include "share_call.h"

#include "share_value.h"

int share_value_or_missing(module_state *st, PyObject *o, pp_value *value)
{
    *value = PP_NO_VALUE;
    return o == st->share.missing ? 0 : share_value_of(st, o, value);
}

void share_number_read(pp_value value, share_number *number)
{
    number->is_float = !pp_value_int(value, &number->integer);
    if (number->is_float && !pp_value_float(value, &number->number))
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
        return number->is_float ? PyFloat_FromDouble(number->number)
                                : PyLong_FromLongLong(number->integer);
    if (status == PP_ERR_TYPE)
        PyErr_SetString(PyExc_TypeError, "the value there is no number");
    else if (status == PP_ERR_RANGE)
        PyErr_SetString(PyExc_OverflowError, "the sum is outside -2**63 to 2**63-1");
    else
        share_raise(status);
    return NULL;
}
