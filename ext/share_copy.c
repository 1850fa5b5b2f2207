/* Deep copies. Each object is copied once; a list of what is still to be filled takes the
 * place of recursion, so that depth and cycles do not matter. */
#include "share_copy.h"

#include "parapack/counter.h"
#include "share_dict.h"
#include "share_list.h"
#include "share_set.h"

const char share_deepcopy_doc[] =
    "__deepcopy__($self, memo, /)\n--\n\n"
    "Return a new live container, in which every live container that can be reached is a new one\n"
    "too. Frozen values and queues are the same.";

typedef struct copying {
    module_state *state;
    PyObject
        *copies; /* dict: the source's address -> (copy, source); the source stays alive with it */
    PyObject *todo; /* list of such tuples whose copy is still empty */
} copying;

/* An empty one of that kind, or a full one where nothing in it can need a copy of its own. */
static PyObject *new_like(module_state *st, PyObject *source)
{
    switch (pp_object_kind(share_object(source))) {
    case PP_KIND_DICT:
        return PyObject_CallNoArgs((PyObject *)st->share.dict_type);
    case PP_KIND_LIST:
        return PyObject_CallNoArgs((PyObject *)st->share.list_type);
    case PP_KIND_SET:
        return PyObject_CallOneArg((PyObject *)st->share.set_type, source);
    case PP_KIND_COUNTER: {
        const pp_counter *counter = (const pp_counter *)share_object(source);
        return PyObject_CallFunction((PyObject *)st->share.counter_type, "L",
                                     (long long)pp_counter_get(counter));
    }
    default:
        PyErr_SetString(PyExc_SystemError, "a kind that is not copied");
        return NULL;
    }
}

/* Takes the new reference `source` over and gives a borrowed one to its copy. */
static PyObject *copy_of(copying *c, PyObject *source)
{
    PyObject *address = source ? PyLong_FromVoidPtr(share_object(source)) : NULL;
    PyObject *pair = address ? PyDict_GetItemWithError(c->copies, address) : NULL;
    if (pair || !address || PyErr_Occurred()) {
        Py_XDECREF(address);
        Py_XDECREF(source);
        return pair ? PyTuple_GetItem(pair, 0) : NULL;
    }
    PyObject *copy = new_like(c->state, source);
    pair = copy ? PyTuple_Pack(2, copy, source) : NULL;
    int failed = pair ? PyDict_SetItem(c->copies, address, pair) : -1;
    if (!failed)
        failed = PyList_Append(c->todo, pair);
    Py_XDECREF(pair);
    Py_XDECREF(copy); /* the dict has it */
    Py_DECREF(address);
    Py_DECREF(source);
    return failed ? NULL : copy;
}

static bool is_copied(pp_value value)
{
    pp_kind kind = pp_value_kind(value);
    return kind == PP_KIND_DICT || kind == PP_KIND_LIST || kind == PP_KIND_SET ||
           kind == PP_KIND_COUNTER;
}

/* Replaces the counted `*value` by its copy, if it is a live container. 0 or -1. */
static int replace(copying *c, pp_value *value)
{
    if (!is_copied(*value))
        return 0;
    PyObject *copy = copy_of(c, share_object_of_held(c->state, *value));
    pp_thread *t = copy ? share_begin() : NULL;
    if (!t)
        return -1;
    pp_retain(t, share_object(copy));
    pp_value_release(t, *value);
    *value = pp_object_value(share_object(copy));
    share_end(t);
    return 0;
}

static int store(PyObject *dict, const pp_value *pair)
{
    pp_key key;
    pp_status status = pp_key_value(&pair[0], &key);
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    if (status == PP_OK) {
        pp_value_retain(t, pair[1]);
        SHARE_FINISH(t, status, pp_dict_set(t, share_dict_of_proxy(dict), &key, pair[1]));
    } else {
        share_end(t);
    }
    if (status == PP_OK)
        return 0;
    share_raise(status);
    return -1;
}

static int fill_dict(copying *c, PyObject *copy, PyObject *source)
{
    pp_values pairs;
    if (share_dict_snapshot(source, PP_DICT_ITEMS, &pairs))
        return -1;
    int failed = 0;
    for (size_t i = 0; !failed && i < pairs.count; i += 2) {
        failed = replace(c, &pairs.items[i + 1]);
        if (!failed)
            failed = store(copy, &pairs.items[i]);
    }
    share_values_release(&pairs);
    return failed;
}

static int fill_list(copying *c, PyObject *copy, PyObject *source)
{
    pp_values items;
    if (share_list_snapshot(source, 0, INT64_MAX, &items))
        return -1;
    int failed = 0;
    for (size_t i = 0; !failed && i < items.count; i++)
        failed = replace(c, &items.items[i]);
    if (!failed)
        failed = share_list_extend_held(copy, items.items, items.count);
    share_values_release(&items);
    return failed;
}

static int fill(copying *c, PyObject *pair)
{
    PyObject *copy = PyTuple_GetItem(pair, 0), *source = PyTuple_GetItem(pair, 1);
    switch (pp_object_kind(share_object(source))) {
    case PP_KIND_DICT:
        return fill_dict(c, copy, source);
    case PP_KIND_LIST:
        return fill_list(c, copy, source);
    default:
        return 0; /* made full */
    }
}

/* The last of the list, as a new reference; NULL where it is empty or with an exception. */
static PyObject *take_last(PyObject *list)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    PyObject *last = count ? Py_NewRef(PyList_GET_ITEM(list, count - 1)) : NULL;
    if (last && PyList_SetSlice(list, count - 1, count, NULL))
        Py_CLEAR(last);
    return last;
}

PyObject *share_deepcopy(PyObject *self, PyObject *Py_UNUSED(memo))
{
    copying c = {share_state_of(self), PyDict_New(), PyList_New(0)};
    PyObject *result = c.copies && c.todo ? copy_of(&c, Py_NewRef(self)) : NULL, *pair;
    Py_XINCREF(result);
    while (result && (pair = take_last(c.todo))) {
        if (fill(&c, pair))
            Py_CLEAR(result);
        Py_DECREF(pair);
    }
    if (result && PyErr_Occurred())
        Py_CLEAR(result);
    Py_XDECREF(c.copies);
    Py_XDECREF(c.todo);
    return result;
}
