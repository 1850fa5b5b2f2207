/* parapack.ArrayView: an array as a read-only list. */
#include "view.h"

static PyObject *value_of(view_object *v, pp_node node)
{
    return view_value(v->state, v->document, node);
}

static Py_ssize_t array_length(PyObject *self)
{
    return (Py_ssize_t)pp_node_count(as_view(self)->node);
}

static PyObject *array_item(PyObject *self, Py_ssize_t i)
{
    pp_node item;
    if (i < 0 || !pp_node_at(as_view(self)->node, (size_t)i, &item)) {
        PyErr_SetString(PyExc_IndexError, "view index out of range");
        return NULL;
    }
    return value_of(as_view(self), item);
}

static PyObject *slice_of(view_object *v, Py_ssize_t start, Py_ssize_t step, Py_ssize_t count)
{
    pp_node item;
    PyObject *list = PyList_New(count);
    if (!list || count == 0)
        return list;
    (void)pp_node_at(v->node, (size_t)start, &item);
    pp_cursor in_order = {item, (uint64_t)count};
    for (Py_ssize_t i = 0; i < count; i++) {
        if (step == 1)
            (void)pp_cursor_next(&in_order, &item);
        else
            (void)pp_node_at(v->node, (size_t)(start + i * step), &item);
        PyObject *value = value_of(v, item);
        if (!value) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, value);
    }
    return list;
}

static PyObject *array_subscript(PyObject *self, PyObject *index)
{
    Py_ssize_t length = array_length(self), start, stop, step;
    if (PyIndex_Check(index)) {
        Py_ssize_t i = PyNumber_AsSsize_t(index, PyExc_IndexError);
        if (i == -1 && PyErr_Occurred())
            return NULL;
        return array_item(self, i < 0 ? i + length : i);
    }
    if (!PySlice_Check(index)) {
        PyErr_Format(PyExc_TypeError, "view indices must be integers or slices, not %.200s",
                     Py_TYPE(index)->tp_name);
        return NULL;
    }
    if (PySlice_Unpack(index, &start, &stop, &step))
        return NULL;
    Py_ssize_t count = PySlice_AdjustIndices(length, &start, &stop, step);
    return slice_of(as_view(self), start, step, count);
}

static PyObject *array_iter(PyObject *self)
{
    return view_iterate(as_view(self), VIEW_ITEMS);
}

/* ---- searching --------------------------------------------------------------------------- */

/* What is looked for: a scalar is compared without making objects. */
typedef struct sought {
    PyObject *object;
    view_key key;
    bool scalar;
} sought;

static int sought_begin(view_object *v, PyObject *o, sought *s)
{
    s->object = o;
    s->scalar = false;
    s->key.owner = NULL;
    if (PyUnicode_CheckExact(o) || PyLong_CheckExact(o) || PyBytes_CheckExact(o) ||
        PyFloat_CheckExact(o) || PyBool_Check(o) || o == Py_None) {
        int known = view_key_of(v->state, o, &s->key);
        if (known < 0)
            return -1;
        s->scalar = known > 0;
    }
    return 0;
}

static int is_sought(view_object *v, const sought *s, pp_node item)
{
    pp_token token;
    if (s->scalar) {
        pp_node_token(item, &token);
        return pp_token_equal(&token, &s->key.token);
    }
    PyObject *value = value_of(v, item);
    int equal = value ? PyObject_RichCompareBool(value, s->object, Py_EQ) : -1;
    Py_XDECREF(value);
    return equal;
}

/* The first index in [start, stop) at which `o` is, -1 if none, -2 with an exception. With `count`,
 * all are counted instead. */
static Py_ssize_t search(view_object *v, PyObject *o, Py_ssize_t start, Py_ssize_t stop,
                         Py_ssize_t *count)
{
    sought s;
    pp_node item;
    Py_ssize_t found = -1;
    if (start >= stop)
        return -1;
    if (sought_begin(v, o, &s))
        return -2;
    (void)pp_node_at(v->node, (size_t)start, &item);
    pp_cursor cursor = {item, (uint64_t)(stop - start)};
    for (Py_ssize_t i = start; found == -1 && pp_cursor_next(&cursor, &item); i++) {
        int equal = is_sought(v, &s, item);
        if (equal < 0)
            found = -2;
        else if (equal && count)
            ++*count;
        else if (equal)
            found = i;
    }
    view_key_clear(&s.key);
    return found;
}

static int array_contains(PyObject *self, PyObject *o)
{
    Py_ssize_t at = search(as_view(self), o, 0, array_length(self), NULL);
    return at == -2 ? -1 : at >= 0;
}

PyDoc_STRVAR(count_doc, "count($self, value, /)\n--\n\nReturn how many items equal *value*.");

static PyObject *array_count(PyObject *self, PyObject *o)
{
    Py_ssize_t count = 0;
    if (search(as_view(self), o, 0, array_length(self), &count) == -2)
        return NULL;
    return PyLong_FromSsize_t(count);
}

PyDoc_STRVAR(index_doc, "index($self, value, start=0, stop=sys.maxsize, /)\n--\n\n"
                        "Return the first index at which *value* is. ValueError if there is none.");

static Py_ssize_t within(Py_ssize_t i, Py_ssize_t length)
{
    i = i < 0 ? i + length : i;
    return i < 0 ? 0 : i > length ? length : i;
}

static PyObject *array_index(PyObject *self, PyObject *args)
{
    PyObject *o;
    Py_ssize_t start = 0, stop = PY_SSIZE_T_MAX, length = array_length(self);
    if (!PyArg_ParseTuple(args, "O|nn:index", &o, &start, &stop))
        return NULL;
    Py_ssize_t at = search(as_view(self), o, within(start, length), within(stop, length), NULL);
    if (at == -1)
        PyErr_Format(PyExc_ValueError, "%R is not in the view", o);
    return at < 0 ? NULL : PyLong_FromSsize_t(at);
}

int view_equals_sequence(view_object *a, PyObject *b)
{
    pp_cursor cursor = pp_node_cursor(a->node);
    pp_node item;
    int equal = PySequence_Size(b) == (Py_ssize_t)pp_node_count(a->node);
    for (Py_ssize_t i = 0; equal == 1 && pp_cursor_next(&cursor, &item); i++) {
        /* A comparison may change the list meanwhile. */
        PyObject *other = PySequence_GetItem(b, i);
        if (!other && PyErr_ExceptionMatches(PyExc_IndexError)) {
            PyErr_Clear();
            return 0;
        }
        PyObject *value = other ? value_of(a, item) : NULL;
        equal = value ? PyObject_RichCompareBool(value, other, Py_EQ) : -1;
        Py_XDECREF(value);
        Py_XDECREF(other);
    }
    return equal;
}

/* ---- the type ------------------------------------------------------------------------------ */

static PyMethodDef methods[] = {
    {"count", array_count, METH_O, count_doc},
    {"index", array_index, METH_VARARGS, index_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(array_doc,
             "ArrayView(buffer)\n--\n\n"
             "A View of an array: a collections.abc.Sequence, equal to a list or tuple of equal\n"
             "items. A slice is a list.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)array_doc},
    {Py_tp_methods, methods},
    {Py_tp_iter, array_iter},
    {Py_sq_length, array_length},
    {Py_sq_item, array_item},
    {Py_sq_contains, array_contains},
    {Py_mp_length, array_length},
    {Py_mp_subscript, array_subscript},
    {0, NULL},
};

PyType_Spec view_array_spec = {
    .name = "parapack.ArrayView",
    .basicsize = sizeof(view_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_SEQUENCE,
    .slots = slots,
};
