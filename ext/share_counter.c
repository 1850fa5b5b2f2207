/* parapack.share.Counter. Its operations need no scope: the proxy's reference keeps it. */
#include "share_counter.h"

#include "parapack/counter.h"
#include "share_call.h"
#include "share_copy.h"

static pp_counter *counter_of(PyObject *self)
{
    return (pp_counter *)share_object(self); /* every pp_counter begins with its pp_object */
}

static bool is_counter(PyObject *o)
{
    return share_is_proxy(o) && Py_TYPE(o) == share_state_of(o)->share.counter_type;
}

/* An int of 64 bits. 0, or -1 with TypeError or OverflowError. */
static int number_of(PyObject *o, int64_t *number)
{
    if (PP_LIKELY(PyLong_CheckExact(o) && long_small_value(o, number)))
        return 0;
    PyObject *index = PyNumber_Index(o);
    if (!index)
        return -1;
    int overflow;
    *number = PyLong_AsLongLongAndOverflow(index, &overflow);
    Py_DECREF(index);
    if (!overflow)
        return *number == -1 && PyErr_Occurred() ? -1 : 0;
    PyErr_SetString(PyExc_OverflowError, "a Counter holds -2**63 to 2**63-1");
    return -1;
}

/* Adds, and gives the sum. 0, or -1 with OverflowError. */
static int add_number(PyObject *self, int64_t delta, int64_t *sum)
{
    if (PP_LIKELY(pp_counter_add(counter_of(self), delta, sum) == PP_OK))
        return 0;
    PyErr_SetString(PyExc_OverflowError, "the sum is outside -2**63 to 2**63-1");
    return -1;
}

/* ---- methods --------------------------------------------------------------------------------- */

PyDoc_STRVAR(get_doc, "get($self, /)\n--\n\nReturn the number.");

static PyObject *Counter_get(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLongLong(pp_counter_get(counter_of(self)));
}

PyDoc_STRVAR(set_doc, "set($self, number, /)\n--\n\nSet the number.");

static PyObject *Counter_set(PyObject *self, PyObject *o)
{
    int64_t number;
    if (number_of(o, &number))
        return NULL;
    pp_counter_set(counter_of(self), number);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(add_doc, "add($self, delta=1, /)\n--\n\n"
                      "Add, in one atomic step, and return the sum. OverflowError, and nothing\n"
                      "added, where it would leave 64 bits.");

static SHARE_METHOD(Counter_add)
{
    int64_t delta = 1, sum;
    if (!share_count_fits("add", nargs, 0, 1) || (nargs && number_of(args[0], &delta)) ||
        add_number(self, delta, &sum))
        return NULL;
    return PyLong_FromLongLong(sum);
}

PyDoc_STRVAR(exchange_doc, "exchange($self, number, /)\n--\n\n"
                           "Set the number and return what it was, in one atomic step.");

static PyObject *Counter_exchange(PyObject *self, PyObject *o)
{
    int64_t number;
    if (number_of(o, &number))
        return NULL;
    return PyLong_FromLongLong(pp_counter_exchange(counter_of(self), number));
}

PyDoc_STRVAR(
    compare_and_set_doc,
    "compare_and_set($self, expected, new, /)\n--\n\n"
    "If the number is *expected* make it *new*, in one atomic step; return whether it did.");

static SHARE_METHOD(Counter_compare_and_set)
{
    int64_t expected, desired;
    if (!share_count_fits("compare_and_set", nargs, 2, 2) || number_of(args[0], &expected) ||
        number_of(args[1], &desired))
        return NULL;
    return PyBool_FromLong(pp_counter_compare_and_set(counter_of(self), expected, desired));
}

/* ---- operators
 * ------------------------------------------------------------------------------------ */

static PyObject *Counter_int(PyObject *self)
{
    return Counter_get(self, NULL);
}

static int Counter_bool(PyObject *self)
{
    return pp_counter_get(counter_of(self)) != 0;
}

/* self += o, or -= where `negative`. */
static PyObject *inplace(PyObject *self, PyObject *o, bool negative)
{
    int64_t delta, sum;
    if (!PyIndex_Check(o))
        Py_RETURN_NOTIMPLEMENTED;
    if (number_of(o, &delta))
        return NULL;
    if (negative && delta == INT64_MIN) {
        PyErr_SetString(PyExc_OverflowError, "a Counter holds -2**63 to 2**63-1");
        return NULL;
    }
    return add_number(self, negative ? -delta : delta, &sum) ? NULL : Py_NewRef(self);
}

static PyObject *Counter_inplace_add(PyObject *self, PyObject *o)
{
    return inplace(self, o, false);
}

static PyObject *Counter_inplace_subtract(PyObject *self, PyObject *o)
{
    return inplace(self, o, true);
}

static PyObject *Counter_richcompare(PyObject *self, PyObject *other, int op)
{
    if (!is_counter(other) && !PyLong_Check(other) && !PyFloat_Check(other))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *right = is_counter(other) ? Counter_get(other, NULL) : Py_NewRef(other);
    PyObject *left = right ? Counter_get(self, NULL) : NULL;
    PyObject *result = left ? PyObject_RichCompare(left, right, op) : NULL;
    Py_XDECREF(left);
    Py_XDECREF(right);
    return result;
}

static PyObject *Counter_repr(PyObject *self)
{
    return PyUnicode_FromFormat("share.Counter(%lld)", (long long)pp_counter_get(counter_of(self)));
}

/* ---- the type
 * --------------------------------------------------------------------------------------- */

static PyObject *new_counter(module_state *st, PyTypeObject *type, int64_t number)
{
    pp_counter *counter = NULL;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status = pp_counter_new(t, number, &counter);
    share_end(t);
    if (status != PP_OK)
        return share_raise(status);
    return share_proxy_new(st, type, pp_counter_object(counter));
}

static PyObject *Counter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *initial = NULL;
    int64_t number = 0;
    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Counter() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_UnpackTuple(args, "Counter", 0, 1, &initial) ||
        (initial && number_of(initial, &number)))
        return NULL;
    return new_counter(state_of_type(type), type, number);
}

PyDoc_STRVAR(copy_doc, "__copy__($self, /)\n--\n\nReturn a new Counter with the same number.");

static PyObject *Counter_copy(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return new_counter(share_state_of(self), Py_TYPE(self), pp_counter_get(counter_of(self)));
}

static PyMethodDef methods[] = {
    SHARE_NOARGS(Counter, get),
    SHARE_ONE(Counter, set),
    SHARE_FAST(Counter, add),
    SHARE_ONE(Counter, exchange),
    SHARE_FAST(Counter, compare_and_set),
    {"__copy__", Counter_copy, METH_NOARGS, copy_doc},
    {"__deepcopy__", share_deepcopy, METH_O, share_deepcopy_doc},
    {"__reduce__", share_proxy_reduce, METH_NOARGS, share_proxy_reduce_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    Counter_doc,
    "Counter(number=0, /)\n--\n\n"
    "A number of -2**63 to 2**63-1 that every thread and every interpreter of the process may\n"
    "read and change at once. += and -= change the Counter itself, each in one atomic step.\n\n"
    "Thread safety: any thread of any interpreter. Nothing waits.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)Counter_doc},
    {Py_tp_new, Counter_new},
    {Py_tp_dealloc, share_proxy_dealloc},
    {Py_tp_repr, Counter_repr},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_richcompare, Counter_richcompare},
    {Py_tp_methods, methods},
    {Py_tp_getset, share_proxy_getset},
    {Py_tp_members, share_proxy_members},
    {Py_nb_int, Counter_int},
    {Py_nb_index, Counter_int},
    {Py_nb_bool, Counter_bool},
    {Py_nb_inplace_add, Counter_inplace_add},
    {Py_nb_inplace_subtract, Counter_inplace_subtract},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "parapack.share.Counter",
    .basicsize = sizeof(share_proxy),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int share_counter_add_type(PyObject *module, module_state *st)
{
    st->share.counter_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return st->share.counter_type ? PyModule_AddType(module, st->share.counter_type) : -1;
}
