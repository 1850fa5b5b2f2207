/* parapack.View: documents, views, and what arrays and maps have in common. */
#include "view.h"

#include <structmember.h>

#include "share_proxy.h"
#include "source.h"

enum { RELEASE_MIN = 192 * 1024 }; /* bytes: less is not worth giving the GIL up for */

/* ---- documents ---------------------------------------------------------------------- */

/* One of `source` and `object` keeps the bytes. */
typedef struct document_object {
    PyObject_HEAD const pp_tree *tree; /* `own`, or that of `object` */
    pp_tree own;
    source source;
    pp_object *object; /* a counted reference, or NULL */
} document_object;

static void document_dealloc(PyObject *self)
{
    document_object *d = (document_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (d->object)
        share_release(pp_object_value(d->object));
    else
        pp_tree_deinit(&d->own);
    source_close(&d->source);
    PyObject_Free(self);
    Py_DECREF(type);
}

static int document_getbuffer(PyObject *self, Py_buffer *buffer, int flags)
{
    const pp_tree *tree = ((document_object *)self)->tree;
    return PyBuffer_FillInfo(buffer, self, (void *)tree->data, (Py_ssize_t)tree->size, 1, flags);
}

static PyType_Slot document_slots[] = {
    {Py_tp_dealloc, document_dealloc},
    {Py_bf_getbuffer, document_getbuffer},
    {0, NULL},
};

static PyType_Spec document_spec = {
    .name = "parapack._parapack.Document",
    .basicsize = sizeof(document_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = document_slots,
};

static document_object *document_new(module_state *st)
{
    document_object *d = PyObject_New(document_object, st->views.document_type);
    if (!d)
        return NULL;
    d->tree = &d->own;
    d->own = (pp_tree){NULL, 0, NULL};
    d->source = (source){NULL, 0, NULL, NULL};
    d->object = NULL;
    return d;
}

/* What the decoder says of bytes that no tree can be made of. */
static void raise_bad_bytes(module_state *st, pp_status status, const source *s)
{
    if (status == PP_ERR_NOMEM) {
        PyErr_NoMemory();
        return;
    }
    PyObject *value =
        status == PP_ERR_TOO_LONG ? NULL : view_decode(st, s->data, (size_t)s->size, NULL, NULL);
    Py_XDECREF(value);
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "a View cannot be made: %s", pp_status_text(status));
}

/* A document of a bytes-like object's contents. */
static document_object *document_of_buffer(module_state *st, PyObject *buffer)
{
    pp_status status;
    document_object *d = document_new(st);
    if (!d)
        return NULL;
    if (source_open_owned(&d->source, buffer)) {
        d->source = (source){NULL, 0, NULL, NULL};
        Py_DECREF(d);
        return NULL;
    }
    const source *s = &d->source;
    if (s->size < RELEASE_MIN) {
        status = pp_tree_init(&d->own, s->data, (size_t)s->size, PP_MAX_DEPTH, NULL, NULL);
    } else {
        Py_BEGIN_ALLOW_THREADS
            status = pp_tree_init(&d->own, s->data, (size_t)s->size, PP_MAX_DEPTH, NULL, NULL);
        Py_END_ALLOW_THREADS
    }
    if (status == PP_OK)
        return d;
    d->own.index = NULL;
    raise_bad_bytes(st, status, s);
    Py_DECREF(d);
    return NULL;
}

/* ---- making views --------------------------------------------------------------------- */

static PyObject *new_view(module_state *st, PyObject *document, pp_node node, bool map)
{
    view_object *v = PyObject_New(view_object, map ? st->views.map_type : st->views.array_type);
    if (!v)
        return NULL;
    v->document = Py_NewRef(document);
    v->state = st;
    v->node = node;
    v->length = -1;
    return (PyObject *)v;
}

PyObject *view_value(module_state *st, PyObject *document, pp_node node)
{
    pp_token token;
    pp_node_token(node, &token);
    if (token.type == PP_TYPE_ARRAY || token.type == PP_TYPE_MAP)
        return new_view(st, document, node, token.type == PP_TYPE_MAP);
    return view_scalar(st, document, &token);
}

PyObject *pp_py_view_new(module_state *st, pp_doc *doc, uint32_t offset)
{
    document_object *d = document_new(st);
    if (!d) {
        share_release(pp_object_value(pp_doc_object(doc)));
        return NULL;
    }
    d->object = pp_doc_object(doc);
    d->tree = pp_doc_tree(doc);
    PyObject *value = view_value(st, (PyObject *)d, pp_tree_node(d->tree, offset));
    Py_DECREF(d);
    return value;
}

static PyObject *view_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"buffer", NULL};
    module_state *st = state_of_type(type);
    PyObject *buffer;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:View", names, &buffer))
        return NULL;
    document_object *d = document_of_buffer(st, buffer);
    if (!d)
        return NULL;
    pp_node root = pp_tree_root(d->tree);
    pp_type kind = pp_node_type(root);
    PyObject *result = NULL;
    if (kind != PP_TYPE_ARRAY && kind != PP_TYPE_MAP)
        PyErr_SetString(PyExc_ValueError, "a View shows an array or a map: unpackb() makes an "
                                          "object of any other value");
    else
        result = new_view(st, (PyObject *)d, root, kind == PP_TYPE_MAP);
    Py_DECREF(d);
    if (result && !PyObject_TypeCheck(result, type)) {
        PyErr_Format(PyExc_ValueError, "the value is not %s",
                     type == st->views.map_type ? "a map" : "an array");
        Py_CLEAR(result);
    }
    return result;
}

static void view_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(as_view(self)->document);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* ---- the bytes -------------------------------------------------------------------------- */

bool view_bytes(module_state *st, PyObject *o, pp_view *bytes)
{
    if (!Py_IS_TYPE(o, st->views.array_type) && !Py_IS_TYPE(o, st->views.map_type))
        return false;
    *bytes = pp_node_bytes(as_view(o)->node);
    return true;
}

pp_object *view_shared_document(module_state *st, PyObject *o)
{
    if (!Py_IS_TYPE(o, st->views.array_type) && !Py_IS_TYPE(o, st->views.map_type))
        return NULL;
    return as_view(o)->node.offset == 0 ? ((document_object *)as_view(o)->document)->object : NULL;
}

static int view_getbuffer(PyObject *self, Py_buffer *buffer, int flags)
{
    pp_view bytes = pp_node_bytes(as_view(self)->node);
    return PyBuffer_FillInfo(buffer, self, (void *)bytes.data, (Py_ssize_t)bytes.size, 1, flags);
}

PyDoc_STRVAR(reduce_doc,
             "__reduce__($self, /)\n--\n\nPickle as the bytes, without the rest of the document.");

static PyObject *view_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_view bytes = pp_node_bytes(as_view(self)->node);
    return Py_BuildValue("O(y#)", as_view(self)->state->views.view_type, (const char *)bytes.data,
                         (Py_ssize_t)bytes.size);
}

PyDoc_STRVAR(copy_doc, "__copy__($self, /)\n--\n\nThe view itself, which cannot change.");

static PyObject *view_copy(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self);
}

/* ---- comparing -------------------------------------------------------------------------- */

static int equals(view_object *a, PyObject *b)
{
    view_state *views = &a->state->views;
    if (PyObject_TypeCheck(b, views->view_type))
        return pp_node_equal(a->node, as_view(b)->node);
    int equal = -1;
    if (Py_EnterRecursiveCall(" in comparison"))
        return -1;
    if (Py_IS_TYPE(a, views->map_type))
        equal = view_equals_dict(a, b);
    else
        equal = view_equals_sequence(a, b);
    Py_LeaveRecursiveCall();
    return equal;
}

static PyObject *view_richcompare(PyObject *self, PyObject *other, int op)
{
    view_object *v = as_view(self);
    bool map = Py_IS_TYPE(self, v->state->views.map_type);
    bool comparable = PyObject_TypeCheck(other, v->state->views.view_type) ||
                      (map ? PyDict_Check(other) : PyList_Check(other) || PyTuple_Check(other));
    if (!comparable || (op != Py_EQ && op != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    int equal = equals(v, other);
    return equal < 0 ? NULL : PyBool_FromLong(equal == (op == Py_EQ));
}

/* ---- what both have, for View.__getitem__ and the like ---------------------------------- */

/* There are no instances of View itself: these find the functions of the subclass. */
static Py_ssize_t base_length(PyObject *self)
{
    return Py_TYPE(self)->tp_as_mapping->mp_length(self);
}

static PyObject *base_subscript(PyObject *self, PyObject *key)
{
    return Py_TYPE(self)->tp_as_mapping->mp_subscript(self, key);
}

static int base_contains(PyObject *self, PyObject *o)
{
    return Py_TYPE(self)->tp_as_sequence->sq_contains(self, o);
}

static PyObject *base_iter(PyObject *self)
{
    return Py_TYPE(self)->tp_iter(self);
}

/* ---- the type ----------------------------------------------------------------------------- */

PyDoc_STRVAR(unpack_doc,
             "unpack($self, /, **options)\n--\n\n"
             "Return plain objects: a list or a dict with everything in it. The options are those\n"
             "of unpackb(), but *strict_map_key* is False unless given.\n\n"
             "Thread safety: any thread. A long call gives the GIL up; see unpackb().");

static PyMethodDef view_methods[] = {
    {"unpack", (PyCFunction)(void (*)(void))view_unpack, METH_FASTCALL | METH_KEYWORDS, unpack_doc},
    {"__reduce__", view_reduce, METH_NOARGS, reduce_doc},
    {"__copy__", view_copy, METH_NOARGS, copy_doc},
    {"__deepcopy__", view_copy, METH_O, copy_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    view_doc,
    "View(buffer)\n--\n\n"
    "An array or a map in MessagePack, as a read-only list (ArrayView) or dict (MapView)\n"
    "that decodes only what is touched. *buffer* is bytes, which are used where they\n"
    "lie, or another bytes-like object, which is copied. It is validated once, with\n"
    "the exceptions of unpackb(); ValueError for a scalar.\n\n"
    "Items are what unpackb() makes of them, but arrays and maps are views of the\n"
    "same document, and a bin of 4096 bytes or more is a read-only memoryview of it. As a\n"
    "buffer a view is its MessagePack.\n\n"
    "Thread safety: a view never changes; any thread may use it.");

static PyType_Slot view_slots[] = {
    {Py_tp_doc, (void *)view_doc},
    {Py_tp_new, view_new},
    {Py_tp_dealloc, view_dealloc},
    {Py_tp_richcompare, view_richcompare},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_repr, view_repr},
    {Py_tp_methods, view_methods},
    {Py_bf_getbuffer, view_getbuffer},
    {Py_mp_length, base_length},
    {Py_mp_subscript, base_subscript},
    {Py_sq_contains, base_contains},
    {Py_tp_iter, base_iter},
    {0, NULL},
};

static PyType_Spec view_spec = {
    .name = "parapack.View",
    .basicsize = sizeof(view_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_BASETYPE,
    .slots = view_slots,
};

/* ---- the module ----------------------------------------------------------------------------- */

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base, bool named)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
    if (type && named && PyModule_AddType(module, type))
        Py_CLEAR(type);
    return type;
}

static PyObject *attribute(PyObject *module, const char *name)
{
    return module ? PyObject_GetAttrString(module, name) : NULL;
}

/* isinstance(view, Sequence), isinstance(view, Mapping). */
static int join_abstract(PyObject *abc, const char *name, PyTypeObject *type)
{
    PyObject *abstract = attribute(abc, name);
    PyObject *result = abstract ? PyObject_CallMethod(abstract, "register", "O", type) : NULL;
    Py_XDECREF(abstract);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

int view_add_types(PyObject *module, module_state *st)
{
    view_state *v = &st->views;
    PyObject *abc = PyImport_ImportModule("collections.abc");
    PyObject *python = PyImport_ImportModule("parapack._views");
    v->view_type = add_type(module, &view_spec, NULL, true);
    if (v->view_type) {
        v->array_type = add_type(module, &view_array_spec, v->view_type, true);
        v->map_type = add_type(module, &view_map_spec, v->view_type, true);
        v->document_type = add_type(module, &document_spec, NULL, false);
        v->iterator_type = add_type(module, &view_iterator_spec, NULL, false);
    }
    v->keys = attribute(python, "Keys");
    v->values = attribute(python, "Values");
    v->items = attribute(python, "Items");
    int failed = !v->array_type || !v->map_type || !v->document_type || !v->iterator_type ||
                 !v->keys || !v->values || !v->items ||
                 join_abstract(abc, "Sequence", v->array_type) ||
                 join_abstract(abc, "Mapping", v->map_type);
    Py_XDECREF(abc);
    Py_XDECREF(python);
    return failed ? -1 : 0;
}

int view_traverse(view_state *v, visitproc visit, void *arg)
{
    Py_VISIT(v->view_type);
    Py_VISIT(v->array_type);
    Py_VISIT(v->map_type);
    Py_VISIT(v->document_type);
    Py_VISIT(v->iterator_type);
    Py_VISIT(v->keys);
    Py_VISIT(v->values);
    Py_VISIT(v->items);
    return 0;
}

void view_clear(view_state *v)
{
    Py_CLEAR(v->view_type);
    Py_CLEAR(v->array_type);
    Py_CLEAR(v->map_type);
    Py_CLEAR(v->document_type);
    Py_CLEAR(v->iterator_type);
    Py_CLEAR(v->keys);
    Py_CLEAR(v->values);
    Py_CLEAR(v->items);
}
