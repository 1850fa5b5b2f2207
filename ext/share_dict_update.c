/* Dict.update: pairs from anything that a dict takes them from. */
#include "share_dict.h"

/* From another Dict: values as they are, without a Python object in between. */
static int update_from_dict(PyObject *self, PyObject *other)
{
    pp_values pairs;
    if (share_dict_snapshot(other, PP_DICT_ITEMS, &pairs))
        return -1;
    pp_status status = PP_OK;
    for (size_t i = 0; status == PP_OK && i < pairs.count; i += 2) {
        pp_key key;
        status = pp_key_value(&pairs.items[i], &key);
        pp_thread *t = status == PP_OK ? share_begin() : NULL;
        if (!t)
            break;
        pp_value value = pairs.items[i + 1];
        pp_value_retain(t, value);
        SHARE_FINISH(t, status, pp_dict_set(t, share_dict_of_proxy(self), &key, value));
    }
    share_values_release(&pairs);
    if (status != PP_OK)
        share_raise(status);
    return PyErr_Occurred() ? -1 : 0;
}

/* One item of an iterable of pairs. */
static int store_pair(PyObject *self, PyObject *item, Py_ssize_t index)
{
    PyObject *pair = PySequence_Fast(item, "");
    if (!pair) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "item %zd is no pair but a '%.200s'", index,
                         Py_TYPE(item)->tp_name);
        return -1;
    }
    int failed = -1;
    if (PySequence_Fast_GET_SIZE(pair) != 2) {
        PyErr_Format(PyExc_ValueError, "item %zd has length %zd; 2 is required", index,
                     PySequence_Fast_GET_SIZE(pair));
    } else {
        PyObject *key = Py_NewRef(PySequence_Fast_GET_ITEM(pair, 0));
        PyObject *value = Py_NewRef(PySequence_Fast_GET_ITEM(pair, 1));
        failed = share_dict_store(self, key, value);
        Py_DECREF(key);
        Py_DECREF(value);
    }
    Py_DECREF(pair);
    return failed;
}

static int update_from_pairs(PyObject *self, PyObject *pairs)
{
    PyObject *iterator = PyObject_GetIter(pairs), *item;
    if (!iterator)
        return -1;
    int failed = 0;
    for (Py_ssize_t i = 0; !failed && (item = PyIter_Next(iterator)); i++) {
        failed = store_pair(self, item, i);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return failed || PyErr_Occurred() ? -1 : 0;
}

static int update_from_mapping(PyObject *self, PyObject *mapping)
{
    PyObject *keys = PyMapping_Keys(mapping);
    PyObject *iterator = keys ? PyObject_GetIter(keys) : NULL, *key;
    Py_XDECREF(keys);
    if (!iterator)
        return -1;
    int failed = 0;
    while (!failed && (key = PyIter_Next(iterator))) {
        PyObject *value = PyObject_GetItem(mapping, key);
        failed = value ? share_dict_store(self, key, value) : -1;
        Py_XDECREF(value);
        Py_DECREF(key);
    }
    Py_DECREF(iterator);
    return failed || PyErr_Occurred() ? -1 : 0;
}

int share_dict_update(PyObject *self, PyObject *other)
{
    if (share_is_proxy(other) && Py_TYPE(other) == Py_TYPE(self))
        return update_from_dict(self, other);
    if (PyDict_CheckExact(other)) {
        PyObject *items =
            PyDict_Items(other); /* a list that nobody else has, while `other` may change */
        int failed = items ? update_from_pairs(self, items) : -1;
        Py_XDECREF(items);
        return failed;
    }
    PyObject *name = PyUnicode_InternFromString("keys");
    PyObject *keys = name ? PyObject_GetAttr(other, name) : NULL;
    Py_XDECREF(name);
    if (keys) {
        Py_DECREF(keys);
        return update_from_mapping(self, other);
    }
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    return update_from_pairs(self, other);
}
