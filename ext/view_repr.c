/* The repr of a view: some of it. */
#include "view.h"

enum {
    ITEMS_MAX = 12, /* of one container */
    DEPTH_MAX = 3,  /* containers in one another */
    TEXT_MAX = 80   /* characters of one scalar */
};

static PyObject *repr_of(view_object *v, pp_node node, int depth);

static PyObject *scalar_repr(view_object *v, pp_node node)
{
    pp_token token;
    pp_node_token(node, &token);
    if (token.count > TEXT_MAX + 1 && token.type == PP_TYPE_BIN)
        token.count = TEXT_MAX + 1; /* no memoryview, which says nothing of its bytes */
    PyObject *value = view_scalar(v->state, v->document, &token);
    PyObject *text = value ? PyObject_Repr(value) : NULL;
    Py_XDECREF(value);
    if (!text || PyUnicode_GET_LENGTH(text) <= TEXT_MAX)
        return text;
    PyObject *head = PyUnicode_Substring(text, 0, TEXT_MAX);
    Py_SETREF(text, head ? PyUnicode_FromFormat("%U...", head) : NULL);
    Py_XDECREF(head);
    return text;
}

/* Takes `text` over. */
static int append(PyObject *parts, PyObject *text)
{
    int failed = text ? PyList_Append(parts, text) : -1;
    Py_XDECREF(text);
    return failed;
}

static PyObject *pair_repr(view_object *v, pp_cursor *cursor, pp_node key, int depth)
{
    pp_node value;
    (void)pp_cursor_next(cursor, &value);
    PyObject *left = repr_of(v, key, depth);
    PyObject *right = left ? repr_of(v, value, depth) : NULL;
    PyObject *pair = right ? PyUnicode_FromFormat("%U: %U", left, right) : NULL;
    Py_XDECREF(left);
    Py_XDECREF(right);
    return pair;
}

static PyObject *container_repr(view_object *v, pp_node node, bool map, int depth)
{
    pp_cursor cursor = pp_node_cursor(node);
    pp_node item;
    const char *format = map ? "{%U}" : "[%U]";
    PyObject *parts = PyList_New(0), *comma = PyUnicode_FromString(", ");
    int failed = !parts || !comma;
    for (int i = 0; !failed && i < ITEMS_MAX && depth < DEPTH_MAX && pp_cursor_next(&cursor, &item);
         i++)
        failed = append(parts,
                        map ? pair_repr(v, &cursor, item, depth + 1) : repr_of(v, item, depth + 1));
    if (!failed && cursor.left > 0)
        failed = append(parts, PyUnicode_FromString("..."));
    PyObject *joined = failed ? NULL : PyUnicode_Join(comma, parts);
    PyObject *text = joined ? PyUnicode_FromFormat(format, joined) : NULL;
    Py_XDECREF(joined);
    Py_XDECREF(parts);
    Py_XDECREF(comma);
    return text;
}

static PyObject *repr_of(view_object *v, pp_node node, int depth)
{
    pp_type type = pp_node_type(node);
    if (type == PP_TYPE_ARRAY || type == PP_TYPE_MAP)
        return container_repr(v, node, type == PP_TYPE_MAP, depth);
    return scalar_repr(v, node);
}

PyObject *view_repr(PyObject *self)
{
    PyObject *inner = repr_of(as_view(self), as_view(self)->node, 0);
    PyObject *text = inner ? PyUnicode_FromFormat("View(%U)", inner) : NULL;
    Py_XDECREF(inner);
    return text;
}
