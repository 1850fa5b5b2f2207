/* List by slices, and changes that are computed outside: of a snapshot, put in place if the list
 * is still the same, begun again if not. */
#include "share_list.h"

#include "share_call.h"

PyObject *share_list_slice(PyObject *self, PyObject *slice)
{
    Py_ssize_t start, stop, step;
    pp_values items;
    if (PySlice_Unpack(slice, &start, &stop, &step))
        return NULL;
    bool part = step == 1 && start >= 0 && stop >= 0;
    if (share_list_snapshot(self, part ? start : 0, part ? stop : INT64_MAX, &items))
        return NULL;
    PyObject *plain = share_list_of(share_state_of(self), &items, SHARE_ALL);
    if (!part && plain)
        Py_SETREF(plain, PyObject_GetItem(plain, slice));
    return plain;
}

/* ---- read, compute, replace --------------------------------------------------------------------
 */

/* Replaces what was `seen` by the given values, which stay the caller's. 1 done, 0 the list has
 * changed, -1 with an exception (a signal's, too). */
static int replace(PyObject *self, const pp_values *seen, const pp_value *values, size_t count)
{
    bool replaced = false;
    pp_status status;
    if (PyErr_CheckSignals())
        return -1;
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    for (size_t i = 0; i < count; i++)
        pp_value_retain(t, values[i]);
    SHARE_FINISH(t, status,
                 pp_list_replace(t, share_list_of_proxy(self), seen, values, count, &replaced));
    if (status == PP_OK)
        return replaced;
    share_raise(status);
    return -1;
}

/* Computes the new values (borrowed from `seen` and the context) of a list that is `seen`. Returns
 * how many are in `to`, which has room for all that were seen, or -1 with an exception. */
typedef Py_ssize_t compute(void *context, const pp_values *seen, pp_value *to);

static int change(PyObject *self, compute *function, void *context)
{
    int done = 0;
    while (done == 0) {
        pp_values seen;
        if (share_list_snapshot(self, 0, INT64_MAX, &seen))
            return -1;
        pp_value *to = PyMem_New(pp_value, seen.count ? seen.count : 1);
        Py_ssize_t count = -1;
        if (to)
            count = function(context, &seen, to);
        else
            PyErr_NoMemory();
        done = count < 0 ? -1 : replace(self, &seen, to, (size_t)count);
        PyMem_Free(to);
        share_values_release(&seen);
    }
    return done > 0 ? 0 : -1;
}

/* ---- slices
 * --------------------------------------------------------------------------------------- */

typedef struct slice_change {
    Py_ssize_t start, stop, step;
    const share_values *values; /* NULL: the items are deleted */
} slice_change;

static Py_ssize_t change_slice(void *context, const pp_values *seen, pp_value *to)
{
    const slice_change *c = context;
    Py_ssize_t start = c->start, stop = c->stop, size = (Py_ssize_t)seen->count;
    Py_ssize_t count = PySlice_AdjustIndices(size, &start, &stop, c->step), kept = 0;
    if (c->values && (size_t)count != c->values->count) {
        PyErr_Format(PyExc_ValueError,
                     "attempt to assign sequence of size %zu to extended slice of size %zd",
                     c->values->count, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        Py_ssize_t nth = (i - start) / c->step;
        bool hit = nth >= 0 && nth < count && start + nth * c->step == i;
        if (!hit)
            to[kept++] = seen->items[i];
        else if (c->values)
            to[kept++] = c->values->items[nth];
    }
    return kept;
}

/* One step of the runtime where the items lie side by side. */
static int splice(PyObject *self, int64_t start, int64_t stop, const share_values *values)
{
    size_t count = values ? values->count : 0;
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    for (size_t i = 0; i < count; i++)
        pp_value_retain(t, values->items[i]);
    pp_status status;
    SHARE_FINISH(t, status,
                 pp_list_splice(t, share_list_of_proxy(self), start, stop,
                                values ? values->items : NULL, count));
    if (status == PP_OK)
        return 0;
    share_raise(status);
    return -1;
}

int share_list_set_slice(PyObject *self, PyObject *slice, PyObject *iterable)
{
    slice_change c = {0};
    share_values values;
    if (PySlice_Unpack(slice, &c.start, &c.stop, &c.step))
        return -1;
    if (iterable) {
        if (share_list_values(share_state_of(self), iterable, &values))
            return -1;
        c.values = &values;
    }
    int failed =
        c.step == 1 ? splice(self, c.start, c.stop, c.values) : change(self, change_slice, &c);
    if (iterable)
        share_values_clear(&values);
    return failed;
}

/* ---- sorting
 * ------------------------------------------------------------------------------------------ */

const char share_list_sort_doc[] =
    "sort($self, /, *, key=None, reverse=False)\n--\n\n"
    "Sort as list.sort does, and put the result in place in one atomic step; where the list\n"
    "has changed meanwhile, sort again.";

typedef struct sorting {
    module_state *state;
    PyObject *key;     /* callable or None */
    PyObject *reverse; /* bool */
} sorting;

/* The indices of `keys`, sorted by key: sorted(range(n), key=keys.__getitem__, reverse=reverse). */
static PyObject *sorted_indices(PyObject *keys, PyObject *reverse)
{
    Py_ssize_t count = PyList_GET_SIZE(keys);
    PyObject *range = PyObject_CallFunction((PyObject *)&PyRange_Type, "n", count);
    PyObject *indices = range ? PySequence_List(range) : NULL;
    PyObject *get_name = indices ? PyUnicode_InternFromString("__getitem__") : NULL;
    PyObject *sort_name = get_name ? PyUnicode_InternFromString("sort") : NULL;
    PyObject *get = sort_name ? PyObject_GetAttr(keys, get_name) : NULL;
    PyObject *sort = get ? PyObject_GetAttr(indices, sort_name) : NULL;
    PyObject *args = sort ? PyTuple_New(0) : NULL;
    PyObject *options = args ? Py_BuildValue("{sOsO}", "key", get, "reverse", reverse) : NULL;
    PyObject *none = options ? PyObject_Call(sort, args, options) : NULL;
    if (!none)
        Py_CLEAR(indices);
    Py_XDECREF(none);
    Py_XDECREF(options);
    Py_XDECREF(args);
    Py_XDECREF(sort);
    Py_XDECREF(get);
    Py_XDECREF(sort_name);
    Py_XDECREF(get_name);
    Py_XDECREF(range);
    return indices;
}

/* A list of key(item) for the values seen, or of the items. */
static PyObject *keys_of(const sorting *s, const pp_values *seen)
{
    PyObject *keys = PyList_New(0);
    for (size_t i = 0; keys && i < seen->count; i++) {
        PyObject *item = share_object_of_held(s->state, seen->items[i]);
        if (item && s->key != Py_None)
            Py_SETREF(item, PyObject_CallOneArg(s->key, item));
        if (!item || PyList_Append(keys, item))
            Py_CLEAR(keys);
        Py_XDECREF(item);
    }
    return keys;
}

static Py_ssize_t change_order(void *context, const pp_values *seen, pp_value *to)
{
    const sorting *s = context;
    PyObject *keys = keys_of(s, seen);
    PyObject *indices = keys ? sorted_indices(keys, s->reverse) : NULL;
    for (size_t i = 0; indices && i < seen->count; i++) {
        size_t from = PyLong_AsSize_t(PyList_GET_ITEM(indices, i));
        to[i] = seen->items[from];
    }
    Py_XDECREF(keys);
    Py_XDECREF(indices);
    return indices ? (Py_ssize_t)seen->count : -1;
}

PyObject *share_list_sort(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"key", "reverse", NULL};
    sorting s = {share_state_of(self), Py_None, Py_False};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OO:sort", names, &s.key, &s.reverse))
        return NULL;
    return change(self, change_order, &s) ? NULL : Py_NewRef(Py_None);
}
