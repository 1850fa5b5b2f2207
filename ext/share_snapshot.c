/* Snapshots as Python objects, and lists as arrays of values. */
#include "share_snapshot.h"

#include "slice.h"

void share_values_release(pp_values *snapshot)
{
    pp_thread *t = pp_thread_self();
    if (!t)
        return;
    while (!pp_thread_try_enter(t)) {
        Py_BEGIN_ALLOW_THREADS
            pp_thread_await(t);
        Py_END_ALLOW_THREADS
    }
    pp_values_release(t, snapshot);
    pp_thread_leave(t);
}

/* Adds the item, or the pair, at `at` to the result. 0 or -1. */
typedef int add_item(module_state *st, PyObject *result, const pp_value *at);

static PyObject *convert(module_state *st, PyObject *result, pp_values *snapshot, size_t step,
                         size_t limit, add_item *add)
{
    slice s;
    slice_begin(&s, st, false);
    size_t count = snapshot->count / step;
    for (size_t i = 0; result && i < count && i < limit; i++) {
        if (add(st, result, snapshot->items + i * step) ||
            (--s.budget == 0 && slice_checkpoint(&s) < 0))
            Py_CLEAR(result);
    }
    share_values_release(snapshot);
    return result;
}

static int add_to_list(module_state *st, PyObject *result, const pp_value *at)
{
    PyObject *item = share_object_of_held(st, *at);
    int failed = item ? PyList_Append(result, item) : -1;
    Py_XDECREF(item);
    return failed;
}

static int add_to_set(module_state *st, PyObject *result, const pp_value *at)
{
    PyObject *member = share_key_object_of_held(st, *at);
    int failed = member ? PySet_Add(result, member) : -1;
    Py_XDECREF(member);
    return failed;
}

static int add_to_keys(module_state *st, PyObject *result, const pp_value *at)
{
    PyObject *key = share_key_object_of_held(st, *at);
    int failed = key ? PyDict_SetItem(result, key, Py_None) : -1;
    Py_XDECREF(key);
    return failed;
}

static int add_to_dict(module_state *st, PyObject *result, const pp_value *at)
{
    PyObject *key = share_key_object_of_held(st, at[0]);
    PyObject *value = key ? share_object_of_held(st, at[1]) : NULL;
    int failed = value ? PyDict_SetItem(result, key, value) : -1;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return failed;
}

PyObject *share_list_of(module_state *st, pp_values *snapshot, size_t limit)
{
    return convert(st, PyList_New(0), snapshot, 1, limit, add_to_list);
}

PyObject *share_dict_of(module_state *st, pp_values *snapshot, size_t limit)
{
    return convert(st, PyDict_New(), snapshot, 2, limit, add_to_dict);
}

PyObject *share_keys_of(module_state *st, pp_values *snapshot)
{
    return convert(st, PyDict_New(), snapshot, 1, SHARE_ALL, add_to_keys);
}

PyObject *share_set_of(module_state *st, pp_values *snapshot, size_t limit)
{
    return convert(st, PySet_New(NULL), snapshot, 1, limit, add_to_set);
}

/* ---- in ---------------------------------------------------------------------------------- */

int share_values_of(module_state *st, PyObject *list, share_values *values)
{
    size_t count = (size_t)PyList_GET_SIZE(list);
    values->count = 0;
    values->items = PyMem_New(pp_value, count ? count : 1);
    if (!values->items) {
        PyErr_NoMemory();
        return -1;
    }
    slice s;
    slice_begin(&s, st, false);
    for (size_t i = 0; i < count; i++) {
        /* Conversion may run code, but nobody else has the list. */
        if (share_value_of(st, PyList_GET_ITEM(list, i), &values->items[i]) ||
            (values->count++, --s.budget == 0 && slice_checkpoint(&s) < 0)) {
            share_values_clear(values);
            return -1;
        }
    }
    return 0;
}

void share_values_clear(share_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        share_release(values->items[i]);
    PyMem_Free(values->items);
    values->items = NULL;
    values->count = 0;
}
