/* parapack.share.List. */
#include "share_list.h"

#include "share_call.h"
#include "share_copy.h"
#include "share_repr.h"

/* ---- one item ------------------------------------------------------------------------------- */

static PyObject *out_of_range(const char *what)
{
    PyErr_Format(PyExc_IndexError, "%s out of range", what);
    return NULL;
}

/* An index as an int64; IndexError for one that no list has. 0 or -1. */
PP_INLINE int index_of(PyObject *o, int64_t *index)
{
    if (PP_LIKELY(PyLong_CheckExact(o) && long_small_value(o, index)))
        return 0;
    *index = PyNumber_AsSsize_t(o, PyExc_IndexError);
    return *index == -1 && PyErr_Occurred() ? -1 : 0;
}

PP_INLINE PyObject *get_item(PyObject *self, int64_t index)
{
    PyObject *result = NULL;
    for (;;) {
        pp_thread *t = share_begin();
        if (PP_UNLIKELY(!t))
            return NULL;
        pp_value value = pp_list_get(t, share_list_of_proxy(self), index);
        if (PP_UNLIKELY(!value.word)) {
            share_end(t);
            return out_of_range("list index");
        }
        if (PP_LIKELY(share_leave_with(share_state_of(self), t, value, &result)))
            return result;
    }
}

static PyObject *List_item(PyObject *self, Py_ssize_t index)
{
    return index < 0 ? out_of_range("list index") : get_item(self, index);
}

static PyObject *List_subscript(PyObject *self, PyObject *key)
{
    int64_t index;
    if (PP_UNLIKELY(PySlice_Check(key)))
        return share_list_slice(self, key);
    if (PP_UNLIKELY(!PyIndex_Check(key))) {
        PyErr_Format(PyExc_TypeError, "list indices must be integers or slices, not %.200s",
                     Py_TYPE(key)->tp_name);
        return NULL;
    }
    return index_of(key, &index) ? NULL : get_item(self, index);
}

static Py_ssize_t List_length(PyObject *self)
{
    return (Py_ssize_t)pp_list_count(share_list_of_proxy(self));
}

/* One step that takes one value: set, append, insert. */
typedef pp_status list_step(pp_thread *t, pp_list *list, int64_t index, pp_value value);

PP_INLINE int take_value(PyObject *self, PyObject *object, int64_t index, list_step *step,
                         const char *what)
{
    share_input in;
    if (share_input_of(share_state_of(self), object, &in))
        return -1;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = share_begin();
    if (PP_LIKELY(t != NULL)) {
        pp_value value;
        status = share_input_make(t, &in, &value);
        if (PP_LIKELY(status == PP_OK))
            SHARE_FINISH(t, status, step(t, share_list_of_proxy(self), index, value));
        else
            share_end(t);
    }
    share_input_clear(&in);
    if (PP_LIKELY(status == PP_OK))
        return 0;
    if (status == PP_ERR_RANGE)
        out_of_range(what);
    else if (t)
        share_raise(status);
    return -1;
}

static pp_status append_step(pp_thread *t, pp_list *list, int64_t index, pp_value value)
{
    (void)index;
    return pp_list_append(t, list, value);
}

static pp_status insert_step(pp_thread *t, pp_list *list, int64_t index, pp_value value)
{
    return pp_list_splice(t, list, index, index, &value, 1);
}

/* Removes the item, and gives it, counted. 0 or -1. */
static int take_item(PyObject *self, int64_t index, pp_value *value, const char *what)
{
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    pp_status status;
    SHARE_FINISH(t, status, pp_list_pop(t, share_list_of_proxy(self), index, value));
    if (status == PP_OK)
        return 0;
    if (status == PP_ERR_RANGE)
        out_of_range(what);
    else
        share_raise(status);
    return -1;
}

static int List_ass_subscript(PyObject *self, PyObject *key, PyObject *object)
{
    int64_t index;
    if (PySlice_Check(key))
        return share_list_set_slice(self, key, object);
    if (!PyIndex_Check(key)) {
        PyErr_Format(PyExc_TypeError, "list indices must be integers or slices, not %.200s",
                     Py_TYPE(key)->tp_name);
        return -1;
    }
    if (index_of(key, &index))
        return -1;
    if (object)
        return take_value(self, object, index, pp_list_set, "list assignment index");
    pp_value value = PP_NO_VALUE;
    if (take_item(self, index, &value, "list assignment index"))
        return -1;
    share_release(value);
    return 0;
}

static int List_ass_item(PyObject *self, Py_ssize_t index, PyObject *object)
{
    PyObject *key = PyLong_FromSsize_t(index < 0 ? PY_SSIZE_T_MAX : index);
    int failed = key ? List_ass_subscript(self, key, object) : -1;
    Py_XDECREF(key);
    return failed;
}

PyDoc_STRVAR(append_doc,
             "append($self, value, /)\n--\n\nAdd a value at the end, in one atomic step.");

static PyObject *List_append(PyObject *self, PyObject *object)
{
    return take_value(self, object, 0, append_step, "") ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(insert_doc, "insert($self, index, value, /)\n--\n\n"
                         "Insert a value before the index, in one atomic step.");

static SHARE_METHOD(List_insert)
{
    if (!share_count_fits("insert", nargs, 2, 2))
        return NULL;
    Py_ssize_t index = PyNumber_AsSsize_t(args[0], NULL); /* clamped */
    if (index == -1 && PyErr_Occurred())
        return NULL;
    return take_value(self, args[1], index, insert_step, "") ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(pop_doc,
             "pop($self, index=-1, /)\n--\n\n"
             "Remove the item and return it, in one atomic step. IndexError where there is none.");

static SHARE_METHOD(List_pop)
{
    int64_t index = -1;
    pp_value value = PP_NO_VALUE;
    if (!share_count_fits("pop", nargs, 0, 1) || (nargs && index_of(args[0], &index)))
        return NULL;
    if (take_item(self, index, &value, "pop index"))
        return NULL;
    return share_object_of(share_state_of(self), value);
}

PyDoc_STRVAR(remove_doc,
             "remove($self, value, /)\n--\n\n"
             "Remove the first item that equals *value*, in one atomic step; ValueError where\n"
             "there is none. Live containers are equal only if they are the same.");

static PyObject *List_remove(PyObject *self, PyObject *object)
{
    pp_value value;
    bool removed = false;
    if (share_value_of(share_state_of(self), object, &value))
        return NULL;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = share_begin();
    if (t)
        SHARE_FINISH(t, status, pp_list_remove(t, share_list_of_proxy(self), value, &removed));
    share_release(value);
    if (status != PP_OK)
        return t ? share_raise(status) : NULL;
    if (removed)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, "list.remove(x): x not in list");
    return NULL;
}

/* ---- single steps that read and write -----------------------------------------------------------
 */

PyDoc_STRVAR(compare_and_set_doc,
             "compare_and_set($self, index, expected, new, /)\n--\n\n"
             "If self[index] == *expected* make it *new*, in one atomic step; return whether it\n"
             "did. Live containers are equal only if they are the same.");

static SHARE_METHOD(List_compare_and_set)
{
    int64_t index;
    pp_value expected, desired;
    bool swapped = false;
    if (!share_count_fits("compare_and_set", nargs, 3, 3) || index_of(args[0], &index))
        return NULL;
    module_state *st = share_state_of(self);
    if (share_value_of(st, args[1], &expected))
        return NULL;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = NULL;
    if (share_value_of(st, args[2], &desired) == 0) {
        t = share_begin();
        if (t)
            SHARE_FINISH(t, status,
                         pp_list_compare_and_set(t, share_list_of_proxy(self), index, expected,
                                                 desired, &swapped));
        else
            share_release(desired);
    }
    share_release(expected);
    if (status == PP_OK)
        return PyBool_FromLong(swapped);
    if (status == PP_ERR_RANGE)
        return out_of_range("list index");
    return t ? share_raise(status) : NULL;
}

static pp_status add_number(pp_thread *t, pp_list *list, int64_t index, pp_value delta,
                            share_number *sum)
{
    pp_value value;
    pp_status status = pp_list_add(t, list, index, delta, &value);
    if (status == PP_OK)
        share_number_read(value, sum);
    return status;
}

PyDoc_STRVAR(add_doc,
             "add($self, index, delta, /)\n--\n\n"
             "Add the int or float *delta* to self[index], in one atomic step; return the\n"
             "sum. TypeError where there is no number, OverflowError where the sum of ints\n"
             "leaves 64 bits.");

static SHARE_METHOD(List_add)
{
    int64_t index;
    pp_value delta;
    share_number sum = {0};
    if (!share_count_fits("add", nargs, 2, 2) || index_of(args[0], &index) ||
        share_delta_of(share_state_of(self), args[1], &delta))
        return NULL;
    pp_list *list = share_list_of_proxy(self);
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = share_begin();
    if (t)
        SHARE_FINISH(t, status, add_number(t, list, index, delta, &sum));
    share_release(delta);
    if (!t)
        return NULL;
    /* PP_ERR_RANGE is a bad index or a sum too large. */
    int64_t count = (int64_t)pp_list_count(list);
    if (status == PP_ERR_RANGE && (index >= count || index < -count))
        return out_of_range("list index");
    return share_sum(status, &sum);
}

/* ---- the whole
 * ------------------------------------------------------------------------------------- */

int share_list_snapshot(PyObject *self, int64_t start, int64_t stop, pp_values *snapshot)
{
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    pp_status status;
    SHARE_FINISH(t, status, pp_list_snapshot(t, share_list_of_proxy(self), start, stop, snapshot));
    if (status == PP_OK)
        return 0;
    share_raise(status);
    return -1;
}

PyDoc_STRVAR(snapshot_doc, "snapshot($self, /)\n--\n\n"
                           "Return a plain list of the items as they were at one moment. Live\n"
                           "containers among them stay live.");

static PyObject *List_snapshot(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_values snapshot;
    if (share_list_snapshot(self, 0, INT64_MAX, &snapshot))
        return NULL;
    return share_list_of(share_state_of(self), &snapshot, SHARE_ALL);
}

static PyObject *List_iter(PyObject *self)
{
    PyObject *plain = List_snapshot(self, NULL);
    PyObject *iterator = plain ? PyObject_GetIter(plain) : NULL;
    Py_XDECREF(plain);
    return iterator;
}

/* Calls a method of a plain list of the items. */
static PyObject *of_snapshot(PyObject *self, const char *method, PyObject *const *args,
                             Py_ssize_t nargs)
{
    PyObject *plain = List_snapshot(self, NULL);
    PyObject *result = plain ? share_call_method(plain, method, args, nargs) : NULL;
    Py_XDECREF(plain);
    return result;
}

PyDoc_STRVAR(reversed_doc, "__reversed__($self, /)\n--\n\n"
                           "Iterate over the items as they were at one moment, the last first.");

static PyObject *List_reversed(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return of_snapshot(self, "__reversed__", NULL, 0);
}

PyDoc_STRVAR(index_doc, "index($self, value, start=0, stop=sys.maxsize, /)\n--\n\n"
                        "Return the first index of *value*; ValueError where there is none.");

static SHARE_METHOD(List_index)
{
    return of_snapshot(self, "index", args, nargs);
}

PyDoc_STRVAR(count_doc, "count($self, value, /)\n--\n\nReturn how many items equal *value*.");

static PyObject *List_count(PyObject *self, PyObject *value)
{
    return of_snapshot(self, "count", &value, 1);
}

static int List_contains(PyObject *self, PyObject *value)
{
    PyObject *plain = List_snapshot(self, NULL);
    int found = plain ? PySequence_Contains(plain, value) : -1;
    Py_XDECREF(plain);
    return found;
}

/* The items of another List, without Python objects in between. */
static int values_of_list(PyObject *list, share_values *values)
{
    pp_values items;
    if (share_list_snapshot(list, 0, INT64_MAX, &items))
        return -1;
    values->count = 0;
    values->items = PyMem_New(pp_value, items.count ? items.count : 1);
    pp_thread *t = NULL;
    if (!values->items)
        PyErr_NoMemory();
    else
        t = share_begin();
    if (t) {
        for (; values->count < items.count; values->count++) {
            values->items[values->count] = items.items[values->count];
            pp_value_retain(t, items.items[values->count]);
        }
        share_end(t);
    } else {
        PyMem_Free(values->items);
    }
    share_values_release(&items);
    return t ? 0 : -1;
}

int share_list_values(module_state *st, PyObject *iterable, share_values *values)
{
    if (share_is_list(iterable))
        return values_of_list(iterable, values);
    PyObject *items = PySequence_List(iterable);
    int failed = items ? share_values_of(st, items, values) : -1;
    Py_XDECREF(items);
    return failed;
}

int share_list_extend_held(PyObject *self, const pp_value *values, size_t count)
{
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    for (size_t i = 0; i < count; i++)
        pp_value_retain(t, values[i]);
    pp_status status;
    SHARE_FINISH(t, status, pp_list_extend(t, share_list_of_proxy(self), values, count));
    if (status == PP_OK)
        return 0;
    share_raise(status);
    return -1;
}

static int extend(PyObject *self, PyObject *iterable)
{
    share_values values;
    if (share_list_values(share_state_of(self), iterable, &values))
        return -1;
    int failed = share_list_extend_held(self, values.items, values.count);
    share_values_clear(&values);
    return failed;
}

PyDoc_STRVAR(extend_doc, "extend($self, iterable, /)\n--\n\n"
                         "Add the values at the end, all of them in one atomic step.");

static PyObject *List_extend(PyObject *self, PyObject *iterable)
{
    return extend(self, iterable) ? NULL : Py_NewRef(Py_None);
}

/* A step without arguments. */
static PyObject *whole_step(PyObject *self, pp_status (*step)(pp_thread *, pp_list *))
{
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status;
    SHARE_FINISH(t, status, step(t, share_list_of_proxy(self)));
    return status == PP_OK ? Py_NewRef(Py_None) : share_raise(status);
}

PyDoc_STRVAR(clear_doc, "clear($self, /)\n--\n\nRemove all items, in one atomic step.");

static PyObject *List_clear(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return whole_step(self, pp_list_clear);
}

PyDoc_STRVAR(reverse_doc, "reverse($self, /)\n--\n\nReverse the list, in one atomic step.");

static PyObject *List_reverse(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return whole_step(self, pp_list_reverse);
}

/* A new, empty List. */
static PyObject *new_list(module_state *st, PyTypeObject *type)
{
    pp_list *list = NULL;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status = pp_list_new(t, 0, &list);
    share_end(t);
    if (status != PP_OK)
        return share_raise(status);
    share_collect_if_wanted();
    return share_proxy_new(st, type, pp_list_object(list));
}

PyDoc_STRVAR(copy_doc,
             "copy($self, /)\n--\n\n"
             "Return a new List with the items as they were at one moment; live containers\n"
             "among them are the same ones.");

static PyObject *List_copy(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_values snapshot;
    if (share_list_snapshot(self, 0, INT64_MAX, &snapshot))
        return NULL;
    PyObject *copy = new_list(share_state_of(self), Py_TYPE(self));
    if (copy && share_list_extend_held(copy, snapshot.items, snapshot.count))
        Py_CLEAR(copy);
    share_values_release(&snapshot);
    return copy;
}

/* ---- operators
 * ------------------------------------------------------------------------------------------- */

static PyObject *List_richcompare(PyObject *self, PyObject *other, int op)
{
    if (share_is_list(other) && share_object(self) == share_object(other) &&
        (op == Py_EQ || op == Py_NE))
        return PyBool_FromLong(op == Py_EQ);
    if (share_is_proxy(other) && !share_is_list(other))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *right = share_is_list(other) ? List_snapshot(other, NULL) : Py_NewRef(other);
    PyObject *left = right ? List_snapshot(self, NULL) : NULL;
    /* With neither a list nor a List it is the other's class that decides. */
    PyObject *result = left ? PyObject_RichCompare(left, right, op) : NULL;
    Py_XDECREF(left);
    Py_XDECREF(right);
    return result;
}

/* + and * of plain lists of the operands that are Lists. */
static PyObject *of_plain(PyObject *a, PyObject *b, binaryfunc operation)
{
    PyObject *x = share_is_list(a) ? List_snapshot(a, NULL) : Py_NewRef(a);
    PyObject *y = !x ? NULL : share_is_list(b) ? List_snapshot(b, NULL) : Py_NewRef(b);
    PyObject *result = NULL;
    if (y)
        result = operation(x, y);
    Py_XDECREF(x);
    Py_XDECREF(y);
    return result;
}

static PyObject *List_add_operator(PyObject *a, PyObject *b)
{
    if ((!share_is_list(a) && !PyList_Check(a)) || (!share_is_list(b) && !PyList_Check(b)))
        Py_RETURN_NOTIMPLEMENTED;
    return of_plain(a, b, PyNumber_Add);
}

static PyObject *List_multiply(PyObject *a, PyObject *b)
{
    if (!PyIndex_Check(a) && !PyIndex_Check(b))
        Py_RETURN_NOTIMPLEMENTED;
    return of_plain(a, b, PyNumber_Multiply);
}

static PyObject *List_inplace_add(PyObject *self, PyObject *iterable)
{
    return extend(self, iterable) ? NULL : Py_NewRef(self);
}

static PyObject *List_repr(PyObject *self)
{
    return share_repr(self, "share.List");
}

/* ---- the type
 * ------------------------------------------------------------------------------------------------
 */

static PyObject *List_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *iterable = NULL;
    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "List() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_UnpackTuple(args, "List", 0, 1, &iterable))
        return NULL;
    PyObject *self = new_list(state_of_type(type), type);
    if (self && iterable && extend(self, iterable))
        Py_CLEAR(self);
    return self;
}

static PyMethodDef methods[] = {
    SHARE_ONE(List, append),
    SHARE_ONE(List, extend),
    SHARE_FAST(List, insert),
    SHARE_FAST(List, pop),
    SHARE_ONE(List, remove),
    SHARE_NOARGS(List, clear),
    SHARE_NOARGS(List, reverse),
    {"sort", (PyCFunction)(void (*)(void))share_list_sort, METH_VARARGS | METH_KEYWORDS,
     share_list_sort_doc},
    SHARE_FAST(List, index),
    SHARE_ONE(List, count),
    SHARE_FAST(List, compare_and_set),
    SHARE_FAST(List, add),
    SHARE_NOARGS(List, snapshot),
    SHARE_NOARGS(List, copy),
    {"__copy__", List_copy, METH_NOARGS, copy_doc},
    {"__deepcopy__", share_deepcopy, METH_O, share_deepcopy_doc},
    {"__reversed__", List_reversed, METH_NOARGS, reversed_doc},
    SHARE_PROXY_METHODS,
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    List_doc,
    "List(iterable=(), /)\n--\n\n"
    "A list that every thread and every interpreter of the process may read and change at\n"
    "once, without a GIL.\n\n"
    "Items are what MessagePack can say, frozen when they are stored (a list or dict becomes\n"
    "a View), and the types of this module, which stay live. Each method is one atomic step;\n"
    "at the end of the list steps are quick, in its middle they copy it. Iteration and slices\n"
    "show one moment; slices, + and * give plain lists.\n\n"
    "Thread safety: any thread of any interpreter. Reads of an item never wait.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)List_doc},
    {Py_tp_new, List_new},
    {Py_tp_dealloc, share_proxy_dealloc},
    {Py_tp_repr, List_repr},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_richcompare, List_richcompare},
    {Py_tp_iter, List_iter},
    {Py_tp_methods, methods},
    {Py_tp_getset, share_proxy_getset},
    {Py_tp_members, share_proxy_members},
    {Py_mp_length, List_length},
    {Py_mp_subscript, List_subscript},
    {Py_mp_ass_subscript, List_ass_subscript},
    {Py_sq_length, List_length},
    {Py_sq_item, List_item},
    {Py_sq_ass_item, List_ass_item},
    {Py_sq_contains, List_contains},
    {Py_nb_add, List_add_operator},
    {Py_nb_multiply, List_multiply},
    {Py_nb_inplace_add, List_inplace_add},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "parapack.share.List",
    .basicsize = sizeof(share_proxy),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_SEQUENCE,
    .slots = slots,
};

int share_list_add_type(PyObject *module, module_state *st)
{
    st->share.list_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return st->share.list_type ? PyModule_AddType(module, st->share.list_type) : -1;
}
