/* parapack.MapView: a map as a read-only dict. */
#include "view.h"

/* The value of `key`: 1, 0, or -1 with an exception. */
static int look_up(view_object *v, PyObject *key, pp_node *value)
{
    view_key k;
    int known = view_key_of(v->state, key, &k);
    if (known <= 0)
        return known;
    int found = pp_node_find(v->node, &k.token, value);
    view_key_clear(&k);
    return found;
}

PyObject *view_no_such_key(PyObject *key)
{
    /* In a tuple, so that a key that is a tuple is shown as it is. */
    PyObject *args = PyTuple_Pack(1, key);
    if (args)
        PyErr_SetObject(PyExc_KeyError, args);
    Py_XDECREF(args);
    return NULL;
}

static PyObject *map_subscript(PyObject *self, PyObject *key)
{
    pp_node value;
    view_object *v = as_view(self);
    int found = look_up(v, key, &value);
    if (found > 0)
        return view_value(v->state, v->document, value);
    return found < 0 ? NULL : view_no_such_key(key);
}

static int map_contains(PyObject *self, PyObject *key)
{
    pp_node value;
    return look_up(as_view(self), key, &value);
}

Py_ssize_t view_map_length(view_object *v)
{
    /* Relaxed: whoever finds -1 counts again and finds the same. */
    Py_ssize_t length = __atomic_load_n(&v->length, __ATOMIC_RELAXED);
    if (length < 0) {
        length = (Py_ssize_t)pp_node_distinct(v->node);
        __atomic_store_n(&v->length, length, __ATOMIC_RELAXED);
    }
    return length;
}

static Py_ssize_t map_length(PyObject *self)
{
    return view_map_length(as_view(self));
}

static PyObject *map_iter(PyObject *self)
{
    return view_iterate(as_view(self), VIEW_KEYS);
}

PyDoc_STRVAR(get_doc, "get($self, key, default=None, /)\n--\n\n"
                      "Return the value of *key*, or *default* if there is none.");

static PyObject *map_get(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    pp_node value;
    view_object *v = as_view(self);
    if (nargs < 1 || nargs > 2) {
        PyErr_Format(PyExc_TypeError, "get() takes 1 or 2 arguments (%zd given)", nargs);
        return NULL;
    }
    int found = look_up(v, args[0], &value);
    if (found > 0)
        return view_value(v->state, v->document, value);
    return found < 0 ? NULL : Py_NewRef(nargs > 1 ? args[1] : Py_None);
}

PyDoc_STRVAR(keys_doc, "keys($self, /)\n--\n\nThe keys, as a collections.abc.KeysView.");

static PyObject *map_keys(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyObject_CallOneArg(as_view(self)->state->views.keys, self);
}

PyDoc_STRVAR(values_doc, "values($self, /)\n--\n\nThe values, as a collections.abc.ValuesView.");

static PyObject *map_values(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyObject_CallOneArg(as_view(self)->state->views.values, self);
}

PyDoc_STRVAR(items_doc, "items($self, /)\n--\n\n"
                        "The pairs of key and value, as a collections.abc.ItemsView.");

static PyObject *map_items(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyObject_CallOneArg(as_view(self)->state->views.items, self);
}

/* For what values() and items() return. */
static PyObject *map_iterate_values(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return view_iterate(as_view(self), VIEW_VALUES);
}

static PyObject *map_iterate_items(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return view_iterate(as_view(self), VIEW_PAIRS);
}

/* A new reference to the dict's value; NULL, also with an exception. */
static PyObject *dict_value(PyObject *dict, PyObject *key)
{
#if PY_VERSION_HEX >= 0x030d0000
    PyObject *value = NULL;
    (void)PyDict_GetItemRef(dict, key, &value);
    return value;
#else
    return Py_XNewRef(PyDict_GetItemWithError(dict, key));
#endif
}

/* As many keys, and each of the view's in the dict with an equal value. */
int view_equals_dict(view_object *a, PyObject *b)
{
    PyObject *pairs = NULL, *pair;
    int equal = PyDict_Size(b) == view_map_length(a);
    if (equal)
        pairs = view_iterate(a, VIEW_PAIRS);
    if (equal && !pairs)
        return -1;
    while (equal == 1 && (pair = Py_TYPE(pairs)->tp_iternext(pairs))) {
        PyObject *key = PyTuple_GET_ITEM(pair, 0);
        PyObject *other = NULL;
        if (PyObject_Hash(key) == -1) {
            PyErr_Clear(); /* a container, which is the key of no dict */
            equal = 0;
        } else {
            other = dict_value(b, key);
            equal = other ? PyObject_RichCompareBool(PyTuple_GET_ITEM(pair, 1), other, Py_EQ)
                          : -(PyErr_Occurred() != NULL);
        }
        Py_XDECREF(other);
        Py_DECREF(pair);
    }
    Py_XDECREF(pairs);
    return PyErr_Occurred() ? -1 : equal;
}

/* ---- the type ------------------------------------------------------------------------------ */

static PyMethodDef methods[] = {
    {"get", (PyCFunction)(void (*)(void))map_get, METH_FASTCALL, get_doc},
    {"keys", map_keys, METH_NOARGS, keys_doc},
    {"values", map_values, METH_NOARGS, values_doc},
    {"items", map_items, METH_NOARGS, items_doc},
    {"_iterate_values", map_iterate_values, METH_NOARGS, NULL},
    {"_iterate_items", map_iterate_items, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    map_doc,
    "MapView(buffer)\n--\n\n"
    "A View of a map: a collections.abc.Mapping, equal to a dict of equal pairs. Where a\n"
    "key comes more than once the last counts, as in a dict.\n\n"
    "The first lookup in a map of many pairs makes a hash table, of about 5 bytes a pair;\n"
    "small maps are walked.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)map_doc},
    {Py_tp_methods, methods},
    {Py_tp_iter, map_iter},
    {Py_sq_contains, map_contains},
    {Py_mp_length, map_length},
    {Py_mp_subscript, map_subscript},
    {0, NULL},
};

PyType_Spec view_map_spec = {
    .name = "parapack.MapView",
    .basicsize = sizeof(view_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_MAPPING,
    .slots = slots,
};
