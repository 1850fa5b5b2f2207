#include "share_bin.h"

#include "source.h"

typedef struct bin_exporter {
    PyObject_HEAD pp_value value; /* counted; a bin, and never one within the word */
} bin_exporter;

bool share_bin_is_large(pp_value value)
{
    pp_slice body;
    return pp_value_kind(value) == PP_KIND_BIN && pp_value_bytes(&value, &body) &&
           body.size >= SHARE_BIN_MIN;
}

PyObject *share_bin_view(module_state *st, pp_value value)
{
    bin_exporter *exporter = PyObject_New(bin_exporter, st->share.bin_type);
    if (!exporter) {
        share_release(value);
        return NULL;
    }
    exporter->value = value;
    PyObject *view = PyMemoryView_FromObject((PyObject *)exporter);
    Py_DECREF(exporter); /* the view has it */
    return view;
}

static int Bin_getbuffer(PyObject *self, Py_buffer *view, int flags)
{
    pp_slice body;
    if (!pp_value_bytes(&((bin_exporter *)self)->value, &body)) {
        view->obj = NULL;
        PyErr_SetString(PyExc_SystemError, "an exporter of something that is no bin");
        return -1;
    }
    return PyBuffer_FillInfo(view, self, (void *)body.data, (Py_ssize_t)body.size, 1, flags);
}

static void Bin_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    share_release(((bin_exporter *)self)->value);
    PyObject_Free(self);
    Py_DECREF(type);
}

bool share_bin_is_exporter(PyObject *o)
{
    return Py_TYPE(o)->tp_dealloc == Bin_dealloc;
}

pp_value share_bin_of(const Py_buffer *view)
{
    pp_slice body;
    PyObject *o = source_exporter(view);
    if (!o || !share_bin_is_exporter(o))
        return PP_NO_VALUE;
    pp_value value = ((bin_exporter *)o)->value;
    bool whole = pp_value_bytes(&value, &body) && (size_t)view->len == body.size;
    return whole ? value : PP_NO_VALUE;
}

PyDoc_STRVAR(Bin_doc,
             "A large bin of a live container: what the memoryview shows that came out of it.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)Bin_doc},
    {Py_tp_dealloc, Bin_dealloc},
    {Py_bf_getbuffer, Bin_getbuffer},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "parapack.share.Bin",
    .basicsize = sizeof(bin_exporter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int share_bin_add_type(PyObject *module, module_state *st)
{
    st->share.bin_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return st->share.bin_type ? 0 : -1;
}
