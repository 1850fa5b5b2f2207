/* The repr of live containers: bounded, and safe where they contain themselves. */
#include "share_repr.h"

#include "share_bin.h"
#include "share_dict.h"
#include "share_list.h"
#include "share_set.h"

enum { ITEM_MAX = 240 }; /* characters of one item */

/* What this thread is showing, from the innermost on. By object: each read of a container makes
 * another proxy. */
typedef struct shown {
    const pp_object *object;
    struct shown *outer;
    int depth;
} shown;

static _Thread_local shown *innermost;

static bool is_shown(const pp_object *object)
{
    const shown *s = innermost;
    if (s && s->depth >= SHARE_REPR_DEPTH)
        return true;
    while (s && s->object != object)
        s = s->outer;
    return s != NULL;
}

/* The items of one more than are shown. */
static int snapshot_of(PyObject *self, pp_values *snapshot)
{
    switch (pp_object_kind(share_object(self))) {
    case PP_KIND_DICT:
        return share_dict_snapshot(self, PP_DICT_ITEMS, snapshot);
    case PP_KIND_LIST:
        return share_list_snapshot(self, 0, SHARE_REPR_ITEMS + 1, snapshot);
    default:
        return share_set_snapshot(self, snapshot);
    }
}

static PyObject *short_repr(module_state *st, pp_value value)
{
    PyObject *object = share_bin_is_large(value) ? share_key_object_of_held(st, value)
                                                 : share_object_of_held(st, value);
    PyObject *text = object ? PyObject_Repr(object) : NULL;
    Py_XDECREF(object);
    if (!text || PyUnicode_GET_LENGTH(text) <= ITEM_MAX)
        return text;
    PyObject *head = PyUnicode_Substring(text, 0, ITEM_MAX);
    Py_SETREF(text, head ? PyUnicode_FromFormat("%U...", head) : NULL);
    Py_XDECREF(head);
    return text;
}

/* One item, or one pair, appended to the parts. */
static int append_item(module_state *st, PyObject *parts, const pp_value *at, bool pair)
{
    PyObject *text = short_repr(st, at[0]);
    PyObject *value = text && pair ? short_repr(st, at[1]) : NULL;
    if (pair && text)
        Py_SETREF(text, value ? PyUnicode_FromFormat("%U: %U", text, value) : NULL);
    Py_XDECREF(value);
    int failed = text ? PyList_Append(parts, text) : -1;
    Py_XDECREF(text);
    return failed;
}

/* The items with commas between them; takes the snapshot over. */
static PyObject *join(module_state *st, pp_values *snapshot, bool pairs)
{
    PyObject *parts = PyList_New(0), *comma = PyUnicode_FromString(", "), *result = NULL;
    size_t step = pairs ? 2 : 1, count = snapshot->count / step;
    bool cut = count > SHARE_REPR_ITEMS;
    int failed = !parts || !comma;
    for (size_t i = 0; !failed && i < (cut ? SHARE_REPR_ITEMS : count); i++)
        failed = append_item(st, parts, snapshot->items + i * step, pairs);
    if (cut && !failed) {
        PyObject *rest = PyUnicode_FromString("...");
        failed = rest ? PyList_Append(parts, rest) : -1;
        Py_XDECREF(rest);
    }
    if (!failed)
        result = PyUnicode_Join(comma, parts);
    Py_XDECREF(parts);
    Py_XDECREF(comma);
    share_values_release(snapshot);
    return result;
}

PyObject *share_repr(PyObject *self, const char *name)
{
    pp_values snapshot;
    pp_kind kind = pp_object_kind(share_object(self));
    if (is_shown(share_object(self)))
        return PyUnicode_FromFormat("%s(...)", name);
    if (snapshot_of(self, &snapshot))
        return NULL;
    shown here = {share_object(self), innermost, innermost ? innermost->depth + 1 : 1};
    innermost = &here;
    PyObject *items = join(share_state_of(self), &snapshot, kind == PP_KIND_DICT);
    innermost = here.outer;
    if (!items)
        return NULL;
    bool none = PyUnicode_GET_LENGTH(items) == 0;
    const char *format = none ? "%s(%U)" : kind == PP_KIND_LIST ? "%s([%U])" : "%s({%U})";
    PyObject *text = PyUnicode_FromFormat(format, name, items);
    Py_DECREF(items);
    return text;
}
