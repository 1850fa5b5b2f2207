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
        PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", function, key);
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

/* The index of `key` among the parameters, or -1. */
static Py_ssize_t parameter_index(const char *const *parameters, PyObject *key)
{
    for (Py_ssize_t i = 0; parameters && parameters[i]; i++)
        if (PyUnicode_CompareWithASCIIString(key, parameters[i]) == 0)
            return i;
    return -1;
}

int options_set_vector(void *options, const option_spec *specs, PyObject *names,
                       const char *const *parameters, PyObject *const *values, PyObject *kwnames,
                       const char *function)
{
    Py_ssize_t n = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *key = PyTuple_GET_ITEM(kwnames, i);
        if (parameter_index(parameters, key) < 0 &&
            options_set(options, specs, names, key, values[i], function))
            return -1;
    }
    return 0;
}

static int bind_keyword(const char *function, const char *const *parameters, bool options,
                        PyObject *key, PyObject *value, PyObject **bound)
{
    Py_ssize_t at = parameter_index(parameters, key);
    if (at < 0 && options)
        return 0;
    if (at < 0) {
        PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", function, key);
        return -1;
    }
    if (bound[at]) {
        PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%s'", function,
                     parameters[at]);
        return -1;
    }
    bound[at] = value;
    return 0;
}

int arguments_bind(const char *function, const char *const *parameters, Py_ssize_t required,
                   bool options, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                   PyObject **bound)
{
    Py_ssize_t n = 0, keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (; parameters[n]; n++)
        bound[n] = n < nargs ? args[n] : NULL;
    if (nargs > n) {
        PyErr_Format(PyExc_TypeError, "%s() takes %zd positional argument%s (%zd given)", function,
                     n, n == 1 ? "" : "s", nargs);
        return -1;
    }
    for (Py_ssize_t i = 0; i < keywords; i++)
        if (bind_keyword(function, parameters, options, PyTuple_GET_ITEM(kwnames, i),
                         args[nargs + i], bound))
            return -1;
    for (Py_ssize_t i = 0; i < required; i++) {
        if (!bound[i]) {
            PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s'", function,
                         parameters[i]);
            return -1;
        }
    }
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
