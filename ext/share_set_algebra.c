/* Set's operators and the methods of their names: computed with plain sets. */
#include "share_set.h"

#include "share_call.h"

/* A plain set for a Set; anything else as it is. New reference. */
static PyObject *plain(PyObject *o)
{
    return share_is_set(o) ? share_set_plain(o) : Py_NewRef(o);
}

static PyObject *of_plain(PyObject *a, PyObject *b, binaryfunc operation)
{
    PyObject *x = plain(a), *y = x ? plain(b) : NULL;
    PyObject *result = y ? operation(x, y) : NULL;
    Py_XDECREF(x);
    Py_XDECREF(y);
    return result;
}

PyObject *share_set_or(PyObject *a, PyObject *b)
{
    return of_plain(a, b, PyNumber_Or);
}

PyObject *share_set_and(PyObject *a, PyObject *b)
{
    return of_plain(a, b, PyNumber_And);
}

PyObject *share_set_subtract(PyObject *a, PyObject *b)
{
    return of_plain(a, b, PyNumber_Subtract);
}

PyObject *share_set_xor(PyObject *a, PyObject *b)
{
    return of_plain(a, b, PyNumber_Xor);
}

PyObject *share_set_richcompare(PyObject *self, PyObject *other, int op)
{
    if (share_is_proxy(other) && !share_is_set(other))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *x = plain(self), *y = x ? plain(other) : NULL;
    PyObject *result = y ? PyObject_RichCompare(x, y, op) : NULL;
    Py_XDECREF(x);
    Py_XDECREF(y);
    return result;
}

/* ---- in place: a step for each member -------------------------------------------------------- */

static int keep_only(PyObject *self, PyObject *others)
{
    PyObject *members = share_set_plain(self);
    PyObject *gone = members ? PyNumber_Subtract(members, others) : NULL;
    int failed = gone ? share_set_discard_all(self, gone) : -1;
    Py_XDECREF(members);
    Py_XDECREF(gone);
    return failed;
}

/* `others` is a plain set: what is in both goes, what is in it alone comes. */
static int toggle(PyObject *self, PyObject *others)
{
    PyObject *members = share_set_plain(self);
    PyObject *gone = members ? PyNumber_And(members, others) : NULL;
    PyObject *come = gone ? PyNumber_Subtract(others, members) : NULL;
    int failed = -1;
    if (come && share_set_discard_all(self, gone) == 0)
        failed = share_set_add_all(self, come);
    Py_XDECREF(members);
    Py_XDECREF(gone);
    Py_XDECREF(come);
    return failed;
}

static int add_all(PyObject *self, PyObject *others)
{
    return share_set_add_all(self, others);
}

/* Applies `change` to a plain set of `other`; operators take sets only, as those of set do. */
static PyObject *in_place(PyObject *self, PyObject *other, int (*change)(PyObject *, PyObject *))
{
    if (!PyAnySet_Check(other) && !share_is_set(other) && !PyDictViewSet_Check(other))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *items = share_is_set(other) ? share_set_plain(other) : PySet_New(other);
    int failed = items ? change(self, items) : -1;
    Py_XDECREF(items);
    return failed ? NULL : Py_NewRef(self);
}

PyObject *share_set_inplace_or(PyObject *self, PyObject *other)
{
    return in_place(self, other, add_all);
}

PyObject *share_set_inplace_and(PyObject *self, PyObject *other)
{
    return in_place(self, other, keep_only);
}

PyObject *share_set_inplace_subtract(PyObject *self, PyObject *other)
{
    return in_place(self, other, share_set_discard_all);
}

PyObject *share_set_inplace_xor(PyObject *self, PyObject *other)
{
    return in_place(self, other, toggle);
}

/* ---- methods: any iterable ----------------------------------------------------------------------
 */

/* Calls the method of a plain set of the members. */
static PyObject *of_snapshot(PyObject *self, const char *method, PyObject *const *args,
                             Py_ssize_t nargs)
{
    PyObject *members = share_set_plain(self);
    PyObject *result = members ? share_call_method(members, method, args, nargs) : NULL;
    Py_XDECREF(members);
    return result;
}

#define OF_SNAPSHOT(name)                                                                          \
    SHARE_METHOD(share_set_##name)                                                                 \
    {                                                                                              \
        return of_snapshot(self, #name, args, nargs);                                              \
    }

OF_SNAPSHOT(union)
OF_SNAPSHOT(intersection)
OF_SNAPSHOT(difference)
OF_SNAPSHOT(symmetric_difference)
OF_SNAPSHOT(issubset)
OF_SNAPSHOT(issuperset)
OF_SNAPSHOT(isdisjoint)

SHARE_METHOD(share_set_update)
{
    for (Py_ssize_t i = 0; i < nargs; i++) {
        if (share_set_add_all(self, args[i]))
            return NULL;
    }
    Py_RETURN_NONE;
}

SHARE_METHOD(share_set_difference_update)
{
    for (Py_ssize_t i = 0; i < nargs; i++) {
        if (share_set_discard_all(self, args[i]))
            return NULL;
    }
    Py_RETURN_NONE;
}

SHARE_METHOD(share_set_intersection_update)
{
    for (Py_ssize_t i = 0; i < nargs; i++) {
        PyObject *items = PySet_New(args[i]);
        int failed = items ? keep_only(self, items) : -1;
        Py_XDECREF(items);
        if (failed)
            return NULL;
    }
    Py_RETURN_NONE;
}

SHARE_METHOD(share_set_symmetric_difference_update)
{
    if (!share_count_fits("symmetric_difference_update", nargs, 1, 1))
        return NULL;
    PyObject *items = PySet_New(args[0]);
    int failed = items ? toggle(self, items) : -1;
    Py_XDECREF(items);
    return failed ? NULL : Py_NewRef(Py_None);
}
