/* Iterators over views. */
#include "view.h"

typedef struct view_iterator {
    PyObject_HEAD PyObject *view;
    pp_cursor cursor; /* under the iterator's lock */
    view_order what;
    bool repeats; /* some key of the map comes twice: only the last counts */
} view_iterator;

PyObject *view_iterate(view_object *v, view_order what)
{
    view_iterator *it = PyObject_New(view_iterator, v->state->views.iterator_type);
    if (!it)
        return NULL;
    it->view = Py_NewRef((PyObject *)v);
    it->cursor = pp_node_cursor(v->node);
    it->what = what;
    it->repeats = what != VIEW_ITEMS && (size_t)view_map_length(v) < pp_node_count(v->node);
    return (PyObject *)it;
}

static void iterator_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(((view_iterator *)self)->view);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* Does a later pair of the map have an equal key? */
static bool overridden(pp_node map, pp_node key, pp_node value)
{
    pp_token token;
    pp_node last;
    pp_node_token(key, &token);
    return pp_node_find(map, &token, &last) && last.offset != value.offset;
}

/* The next item, or key and value. */
static bool advance(view_iterator *it, pp_node map, pp_node *first, pp_node *second)
{
    bool more;
    LOCK_OBJECT((PyObject *)it);
    do {
        more = pp_cursor_next(&it->cursor, first) &&
               (it->what == VIEW_ITEMS || pp_cursor_next(&it->cursor, second));
    } while (more && it->repeats && overridden(map, *first, *second));
    UNLOCK_OBJECT();
    return more;
}

static PyObject *iterator_next(PyObject *self)
{
    view_iterator *it = (view_iterator *)self;
    view_object *v = as_view(it->view);
    pp_node first, second;
    if (!advance(it, v->node, &first, &second))
        return NULL;
    if (it->what != VIEW_PAIRS)
        return view_value(v->state, v->document, it->what == VIEW_VALUES ? second : first);
    PyObject *key = view_value(v->state, v->document, first);
    PyObject *value = key ? view_value(v->state, v->document, second) : NULL;
    PyObject *pair = value ? PyTuple_Pack(2, key, value) : NULL;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return pair;
}

/* Exact without repeated keys, otherwise an upper bound. */
static PyObject *iterator_length_hint(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    view_iterator *it = (view_iterator *)self;
    uint64_t left;
    LOCK_OBJECT(self);
    left = it->cursor.left;
    UNLOCK_OBJECT();
    return PyLong_FromUnsignedLongLong(it->what == VIEW_ITEMS ? left : left / 2);
}

static PyMethodDef iterator_methods[] = {
    {"__length_hint__", iterator_length_hint, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot iterator_slots[] = {
    {Py_tp_dealloc, iterator_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, iterator_next},
    {Py_tp_methods, iterator_methods},
    {0, NULL},
};

PyType_Spec view_iterator_spec = {
    .name = "parapack._parapack.ViewIterator",
    .basicsize = sizeof(view_iterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = iterator_slots,
};
