/* Plain containers as documents. */
#include "share_value.h"

int share_freeze(module_state *Py_UNUSED(st), PyObject *o, pp_value *Py_UNUSED(value))
{
    PyErr_Format(PyExc_TypeError, "cannot share a '%.200s' object", Py_TYPE(o)->tp_name);
    return -1;
}

PyObject *share_view_of(module_state *Py_UNUSED(st), pp_object *document)
{
    share_release(pp_object_value(document));
    PyErr_SetString(PyExc_TypeError, "a document has no Python type");
    return NULL;
}
