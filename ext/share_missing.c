/* share.MISSING: "there is no such key", as an argument of compare_and_set(). */
#include "share_missing.h"

static PyObject *Missing_repr(PyObject *Py_UNUSED(self))
{
    return PyUnicode_FromString("share.MISSING");
}

/* By its name: the only one stays the only one. */
static PyObject *Missing_reduce(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    return PyUnicode_FromString("MISSING");
}

static PyObject *Missing_itself(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self);
}

static void Missing_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"__reduce__", Missing_reduce, METH_NOARGS, NULL},
    {"__copy__", Missing_itself, METH_NOARGS, NULL},
    {"__deepcopy__", Missing_itself, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(Missing_doc, "The type of share.MISSING.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)Missing_doc},
    {Py_tp_dealloc, Missing_dealloc},
    {Py_tp_repr, Missing_repr},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "parapack.share.MissingType",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int share_missing_add(PyObject *module, module_state *st)
{
    /* Not of the module: the collector cannot follow MISSING, which it does not track, to its type,
     * and from there would never find the module free. */
    st->share.missing_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!st->share.missing_type || PyModule_AddType(module, st->share.missing_type))
        return -1;
    st->share.missing = PyObject_New(PyObject, st->share.missing_type);
    return st->share.missing ? PyModule_AddObjectRef(module, "MISSING", st->share.missing) : -1;
}
