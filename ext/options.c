#include "options.h"

PyObject *options_names(const option_spec *specs)
{
    Py_ssize_t n = 0;
    while (specs[n].name)
        n++;
    PyObject *names = PyTuple_New(n);
    for (Py_ssize_t i = 0; names && i < n; i++) {
        PyObject *name = PyUnicode_InternFromString(specs[i].name);
        if (!name)
            Py_CLEAR(names);
        else
            PyTuple_SET_ITEM(names, i, name);
    }
    return names;
}

static const option_spec *find(const option_spec *specs, PyObject *names, PyObject *key)
{
    Py_ssize_t n = PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < n; i++)
        if (PyTuple_GET_ITEM(names, i) == key)
            return &specs[i];
    for (Py_ssize_t i = 0; i < n; i++)
        if (PyUnicode_Compare(PyTuple_GET_ITEM(names, i), key) == 0)
            return &specs[i];
    return NULL;
}

static int set_bool(bool *field, PyObject *value)
{
    int truth = PyObject_IsTrue(value);
    if (truth < 0)
        return -1;
    *field = truth;
    return 0;
}

static int set_int(int *field, PyObject *value)
{
    long v = PyLong_AsLong(value);
    if (v == -1 && PyErr_Occurred())
        return -1;
    if (v < INT_MIN || v > INT_MAX) {
        PyErr_SetString(PyExc_OverflowError, "the option's value does not fit a C int");
        return -1;
    }
    *field = (int)v;
    return 0;
}

static int set_ssize(Py_ssize_t *field, PyObject *value)
{
    Py_ssize_t v = PyNumber_AsSsize_t(value, PyExc_OverflowError);
    if (v == -1 && PyErr_Occurred())
        return -1;
    *field = v;
    return 0;
}

static int set_callable(PyObject **field, PyObject *value, const char *name)
{
    if (value != Py_None && !PyCallable_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be a callable.", name);
        return -1;
    }
    *field = value == Py_None ? NULL : value;
    return 0;
}

static int set_text(PyObject **field, PyObject *value, const char *name)
{
    if (value != Py_None && !PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be str or None, not '%.200s'", name,
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    *field = value == Py_None ? NULL : value;
    return 0;
}

int options_set(void *options, const option_spec *specs, PyObject *names, PyObject *key,
                PyObject *value, const char *function)
{
    const option_spec *spec = PyUnicode_Check(key) ? find(specs, names, key) : NULL;
    if (!spec) {
        PyErr_Format(PyExc_TypeError, "%s got an unexpected keyword argument %R", function, key);
        return -1;
    }
    void *field = (char *)options + spec->offset;
    switch (spec->kind) {
    case OPTION_BOOL:
        return set_bool(field, value);
    case OPTION_INT:
        return set_int(field, value);
    case OPTION_SSIZE:
        return set_ssize(field, value);
    case OPTION_CALLABLE:
        return set_callable(field, value, spec->name);
    case OPTION_TEXT:
        return set_text(field, value, spec->name);
    case OPTION_OBJECT:
        *(PyObject **)field = value;
        return 0;
    }
    Py_UNREACHABLE();
}

int options_set_vector(void *options, const option_spec *specs, PyObject *names,
                       PyObject *const *values, PyObject *kwnames, const char *function)
{
    Py_ssize_t n = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; i < n; i++)
        if (options_set(options, specs, names, PyTuple_GET_ITEM(kwnames, i), values[i], function))
            return -1;
    return 0;
}

int options_set_dict(void *options, const option_spec *specs, PyObject *names, PyObject *dict,
                     const char *function)
{
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    while (dict && PyDict_Next(dict, &pos, &key, &value))
        if (options_set(options, specs, names, key, value, function))
            return -1;
    return 0;
}
