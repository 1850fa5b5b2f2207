/* parapack.share.Dict. */
#include "share_dict.h"

#include "share_call.h"
#include "share_copy.h"
#include "share_key.h"
#include "share_repr.h"

/* ---- one pair ------------------------------------------------------------------------------ */

/* The value of `key` as a new object, NULL without an exception where there is none. */
PP_INLINE PyObject *read_key(PyObject *self, const pp_key *key)
{
    for (;;) {
        PyObject *result;
        pp_thread *t = share_begin();
        if (PP_UNLIKELY(!t))
            return NULL;
        pp_value value = pp_dict_get(t, share_dict_of_proxy(self), key);
        if (PP_UNLIKELY(!value.word)) {
            share_end(t);
            return NULL;
        }
        if (PP_LIKELY(share_leave_with(share_state_of(self), t, value, &result)))
            return result;
    }
}

PP_INLINE PyObject *lookup(PyObject *self, PyObject *key)
{
#define READ(made) read_key(self, made)
    SHARE_WITH_FAST_KEY(key, READ);
#undef READ
    share_key k;
    if (share_key_of(key, &k) <= 0)
        return NULL;
    PyObject *result = read_key(self, &k.key);
    share_key_clear(&k);
    return result;
}

static PyObject *Dict_subscript(PyObject *self, PyObject *key)
{
    PyObject *value = lookup(self, key);
    return PP_LIKELY(value != NULL) ? value : share_no_such_key(key);
}

static Py_ssize_t Dict_length(PyObject *self)
{
    return (Py_ssize_t)pp_dict_count(share_dict_of_proxy(self));
}

PP_INLINE int has_key(PyObject *self, const pp_key *key)
{
    pp_thread *t = share_begin();
    if (PP_UNLIKELY(!t))
        return -1;
    int found = pp_dict_get(t, share_dict_of_proxy(self), key).word != 0;
    share_end(t);
    return found;
}

static int Dict_contains(PyObject *self, PyObject *key)
{
#define HAS(made) has_key(self, made)
    SHARE_WITH_FAST_KEY(key, HAS);
#undef HAS
    share_key k;
    int found = share_key_of(key, &k);
    if (found > 0)
        found = has_key(self, &k.key);
    share_key_clear(&k);
    return found;
}

PP_INLINE int store_key(PyObject *self, const pp_key *key, PyObject *value)
{
    share_input in;
    if (PP_UNLIKELY(share_input_of(share_state_of(self), value, &in)))
        return -1;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = share_begin();
    if (PP_LIKELY(t != NULL)) {
        pp_value made;
        status = share_input_make(t, &in, &made);
        if (PP_LIKELY(status == PP_OK))
            SHARE_FINISH(t, status, pp_dict_set(t, share_dict_of_proxy(self), key, made));
        else
            share_end(t);
    }
    share_input_clear(&in);
    if (PP_LIKELY(status == PP_OK))
        return 0;
    if (t)
        share_raise(status);
    return -1;
}

int share_dict_store(PyObject *self, PyObject *key, PyObject *value)
{
#define STORE(made) store_key(self, made, value)
    SHARE_WITH_FAST_KEY(key, STORE);
#undef STORE
    share_key k;
    if (share_key_to_store(key, &k))
        return -1;
    int failed = store_key(self, &k.key, value);
    share_key_clear(&k);
    return failed;
}

/* Removes the pair of `key`: 1 and its value, counted; 0 where there is none; or -1. */
static int take(PyObject *self, PyObject *key, pp_value *value)
{
    share_key k;
    int found = share_key_of(key, &k);
    if (found <= 0)
        return found;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = share_begin();
    if (t)
        SHARE_FINISH(t, status, pp_dict_pop(t, share_dict_of_proxy(self), &k.key, value));
    share_key_clear(&k);
    if (status == PP_OK)
        return value->word != 0;
    if (t)
        share_raise(status);
    return -1;
}

static int Dict_ass_subscript(PyObject *self, PyObject *key, PyObject *value)
{
    if (value)
        return share_dict_store(self, key, value);
    pp_value old = PP_NO_VALUE;
    int found = take(self, key, &old);
    if (found == 0)
        share_no_such_key(key);
    else if (found > 0)
        share_release(old);
    return found > 0 ? 0 : -1;
}

PyDoc_STRVAR(get_doc, "get($self, key, default=None, /)\n--\n\n"
                      "Return self[key], or *default* where there is no such key.");

static SHARE_METHOD(Dict_get)
{
    if (!share_count_fits("get", nargs, 1, 2))
        return NULL;
    PyObject *value = lookup(self, args[0]);
    if (PP_LIKELY(value != NULL) || PyErr_Occurred())
        return value;
    return Py_NewRef(nargs > 1 ? args[1] : Py_None);
}

PyDoc_STRVAR(pop_doc,
             "pop($self, key, default=<unrepresentable>, /)\n--\n\n"
             "Remove the key and return its value, in one atomic step. Where there is no such\n"
             "key return *default*, or raise KeyError without one.");

static SHARE_METHOD(Dict_pop)
{
    if (!share_count_fits("pop", nargs, 1, 2))
        return NULL;
    pp_value value = PP_NO_VALUE;
    int found = take(self, args[0], &value);
    if (found > 0)
        return share_object_of(share_state_of(self), value);
    if (found < 0)
        return NULL;
    return nargs > 1 ? Py_NewRef(args[1]) : share_no_such_key(args[0]);
}

PyDoc_STRVAR(popitem_doc, "popitem($self, /)\n--\n\n"
                          "Remove the newest pair and return it as a tuple, in one atomic step.\n"
                          "KeyError where the dict is empty.");

static PyObject *Dict_popitem(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_value key = PP_NO_VALUE, value = PP_NO_VALUE;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status;
    SHARE_FINISH(t, status, pp_dict_pop_last(t, share_dict_of_proxy(self), &key, &value));
    if (status != PP_OK)
        return share_raise(status);
    if (!key.word) {
        PyErr_SetString(PyExc_KeyError, "popitem(): the dict is empty");
        return NULL;
    }
    module_state *st = share_state_of(self);
    PyObject *k = share_key_object_of(st, key), *v = share_object_of(st, value);
    PyObject *pair = k && v ? PyTuple_Pack(2, k, v) : NULL;
    Py_XDECREF(k);
    Py_XDECREF(v);
    return pair;
}

/* ---- single steps that read and write -------------------------------------------------------- */

/* pp_dict_setdefault() with a counted result. Takes `value` except where it is busy. */
static pp_status setdefault_held(pp_thread *t, pp_dict *dict, const pp_key *key, pp_value value,
                                 pp_value *held)
{
    pp_status status;
    pp_value stored;
    bool was_there;
    do {
        pp_value_retain(t, value); /* one more for each attempt; the caller's is for the next */
        status = pp_dict_setdefault(t, dict, key, value, &stored, &was_there);
        if (status == PP_ERR_BUSY) {
            pp_value_release(t, value);
            return status;
        }
    } while (status == PP_OK && !pp_value_try_retain(t, stored));
    pp_value_release(t, value);
    *held = stored;
    return status;
}

PyDoc_STRVAR(setdefault_doc,
             "setdefault($self, key, default=None, /)\n--\n\n"
             "Return self[key]; where there is no such key set it to *default* first, in one\n"
             "atomic step.");

static SHARE_METHOD(Dict_setdefault)
{
    if (!share_count_fits("setdefault", nargs, 1, 2))
        return NULL;
    PyObject *found = lookup(self, args[0]);
    if (found || PyErr_Occurred())
        return found;
    share_key k;
    pp_value value, held = PP_NO_VALUE;
    if (share_key_to_store(args[0], &k))
        return NULL;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = NULL;
    if (share_value_of(share_state_of(self), nargs > 1 ? args[1] : Py_None, &value) == 0) {
        t = share_begin();
        if (t)
            SHARE_FINISH(t, status,
                         setdefault_held(t, share_dict_of_proxy(self), &k.key, value, &held));
        else
            share_release(value);
    }
    share_key_clear(&k);
    if (status == PP_OK)
        return share_object_of(share_state_of(self), held);
    return t ? share_raise(status) : NULL;
}

PyDoc_STRVAR(
    compare_and_set_doc,
    "compare_and_set($self, key, expected, new, /)\n--\n\n"
    "If self[key] == *expected* make it *new*, in one atomic step; return whether it did.\n"
    "share.MISSING as *expected* means that there is no such key, as *new* that it is removed.\n"
    "Live containers are equal only if they are the same.");

static SHARE_METHOD(Dict_compare_and_set)
{
    if (!share_count_fits("compare_and_set", nargs, 3, 3))
        return NULL;
    module_state *st = share_state_of(self);
    share_key k;
    pp_value expected, desired;
    if (share_key_to_store(args[0], &k))
        return NULL;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = NULL;
    bool swapped = false;
    if (share_value_or_missing(st, args[1], &expected) == 0) {
        if (share_value_or_missing(st, args[2], &desired) == 0) {
            t = share_begin();
            if (t)
                SHARE_FINISH(t, status,
                             pp_dict_compare_and_set(t, share_dict_of_proxy(self), &k.key, expected,
                                                     desired, &swapped));
            else
                share_release(desired);
        }
        share_release(expected);
    }
    share_key_clear(&k);
    if (status == PP_OK)
        return PyBool_FromLong(swapped);
    return t ? share_raise(status) : NULL;
}

static pp_status add_number(pp_thread *t, pp_dict *dict, const pp_key *key, pp_value delta,
                            share_number *sum)
{
    pp_value value;
    pp_status status = pp_dict_add(t, dict, key, delta, &value);
    if (status == PP_OK)
        share_number_read(value, sum);
    return status;
}

PyDoc_STRVAR(add_doc,
             "add($self, key, delta, /)\n--\n\n"
             "Add the int or float *delta* to self[key], where a missing key counts as 0, in one\n"
             "atomic step; return the sum. TypeError where there is no number, OverflowError\n"
             "where a sum of ints leaves -2**63 to 2**64-1.");

static SHARE_METHOD(Dict_add)
{
    if (!share_count_fits("add", nargs, 2, 2))
        return NULL;
    share_key k;
    pp_value delta;
    share_number sum = {0};
    if (share_key_to_store(args[0], &k))
        return NULL;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = NULL;
    if (share_delta_of(share_state_of(self), args[1], &delta) == 0) {
        t = share_begin();
        if (t)
            SHARE_FINISH(t, status, add_number(t, share_dict_of_proxy(self), &k.key, delta, &sum));
        share_release(delta);
    }
    share_key_clear(&k);
    return t ? share_sum(status, &sum) : NULL;
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

int share_dict_snapshot(PyObject *self, pp_dict_part part, pp_values *snapshot)
{
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    pp_status status;
    SHARE_FINISH(t, status, pp_dict_snapshot(t, share_dict_of_proxy(self), part, snapshot));
    if (status == PP_OK)
        return 0;
    share_raise(status);
    return -1;
}

PyDoc_STRVAR(snapshot_doc, "snapshot($self, /)\n--\n\n"
                           "Return a plain dict of the pairs as they were at one moment. Live\n"
                           "containers among the values stay live.");

static PyObject *Dict_snapshot(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_values snapshot;
    if (share_dict_snapshot(self, PP_DICT_ITEMS, &snapshot))
        return NULL;
    return share_dict_of(share_state_of(self), &snapshot, SHARE_ALL);
}

/* A view of a plain dict that nobody else has; takes the reference over. */
static PyObject *view_of(PyObject *dict, const char *method)
{
    PyObject *view = dict ? share_call_method(dict, method, NULL, 0) : NULL;
    Py_XDECREF(dict);
    return view;
}

static PyObject *key_dict(PyObject *self)
{
    pp_values snapshot;
    if (share_dict_snapshot(self, PP_DICT_KEYS, &snapshot))
        return NULL;
    return share_keys_of(share_state_of(self), &snapshot);
}

PyDoc_STRVAR(keys_doc,
             "keys($self, /)\n--\n\n"
             "The keys as they were at one moment, in order: the keys view of a plain dict.");

static PyObject *Dict_keys(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return view_of(key_dict(self), "keys");
}

PyDoc_STRVAR(values_doc, "values($self, /)\n--\n\n"
                         "The values as they were at one moment: the values view of a plain dict.");

static PyObject *Dict_values(PyObject *self, PyObject *ignored)
{
    return view_of(Dict_snapshot(self, ignored), "values");
}

PyDoc_STRVAR(items_doc, "items($self, /)\n--\n\n"
                        "The pairs as they were at one moment: the items view of a plain dict.");

static PyObject *Dict_items(PyObject *self, PyObject *ignored)
{
    return view_of(Dict_snapshot(self, ignored), "items");
}

static PyObject *Dict_iter(PyObject *self)
{
    return view_of(key_dict(self), "__iter__");
}

PyDoc_STRVAR(reversed_doc, "__reversed__($self, /)\n--\n\nIterate over the keys, newest first.");

static PyObject *Dict_reversed(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return view_of(key_dict(self), "__reversed__");
}

PyDoc_STRVAR(clear_doc, "clear($self, /)\n--\n\nRemove all pairs, in one atomic step.");

static PyObject *Dict_clear(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status;
    SHARE_FINISH(t, status, pp_dict_clear(t, share_dict_of_proxy(self)));
    return status == PP_OK ? Py_NewRef(Py_None) : share_raise(status);
}

PyDoc_STRVAR(update_doc,
             "update($self, other=(), /, **pairs)\n--\n\n"
             "Store the pairs of a mapping or of an iterable of pairs, and *pairs*; each in an\n"
             "atomic step of its own.");

static PyObject *Dict_update(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *other = NULL;
    if (!PyArg_UnpackTuple(args, "update", 0, 1, &other))
        return NULL;
    if ((other && share_dict_update(self, other)) || (kwargs && share_dict_update(self, kwargs)))
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(copy_doc, "copy($self, /)\n--\n\n"
                       "Return a new Dict with the pairs as they were at one moment; live\n"
                       "containers among the values are the same ones.");

static PyObject *Dict_copy(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_dict *copy = NULL;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status;
    SHARE_FINISH(t, status, pp_dict_copy(t, share_dict_of_proxy(self), &copy));
    if (status != PP_OK)
        return share_raise(status);
    share_collect_if_wanted();
    return share_proxy_new(share_state_of(self), Py_TYPE(self), pp_dict_object(copy));
}

/* ---- operators
 * ------------------------------------------------------------------------------------ */

static bool is_dict(PyObject *o)
{
    return share_is_proxy(o) && Py_TYPE(o) == share_state_of(o)->share.dict_type;
}

/* A plain dict of a Dict or dict, as a new reference; Py_NotImplemented for others. */
static PyObject *plain(PyObject *o)
{
    if (is_dict(o))
        return Dict_snapshot(o, NULL);
    return Py_NewRef(PyDict_Check(o) ? o : Py_NotImplemented);
}

static PyObject *Dict_richcompare(PyObject *self, PyObject *other, int op)
{
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    bool same = is_dict(other) && share_object(self) == share_object(other);
    if (same)
        return PyBool_FromLong(op == Py_EQ);
    if (share_is_proxy(other) && !is_dict(other))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *right = is_dict(other) ? Dict_snapshot(other, NULL) : Py_NewRef(other);
    PyObject *left = right ? Dict_snapshot(self, NULL) : NULL;
    /* With neither a dict nor a Dict it is the other's class that decides. */
    PyObject *result = left ? PyObject_RichCompare(left, right, op) : NULL;
    Py_XDECREF(left);
    Py_XDECREF(right);
    return result;
}

static PyObject *Dict_or(PyObject *left, PyObject *right)
{
    PyObject *a = plain(left), *b = a ? plain(right) : NULL, *result = NULL;
    if (b)
        result = a == Py_NotImplemented || b == Py_NotImplemented ? Py_NewRef(Py_NotImplemented)
                                                                  : PyNumber_Or(a, b);
    Py_XDECREF(a);
    Py_XDECREF(b);
    return result;
}

static PyObject *Dict_inplace_or(PyObject *self, PyObject *other)
{
    return share_dict_update(self, other) ? NULL : Py_NewRef(self);
}

static PyObject *Dict_repr(PyObject *self)
{
    return share_repr(self, "share.Dict");
}

/* ---- the type
 * ---------------------------------------------------------------------------------------- */

static PyObject *Dict_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    module_state *st = state_of_type(type);
    PyObject *other = NULL;
    pp_dict *dict = NULL;
    if (!PyArg_UnpackTuple(args, "Dict", 0, 1, &other))
        return NULL;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status = pp_dict_new(t, 0, &dict);
    share_end(t);
    if (status != PP_OK)
        return share_raise(status);
    share_collect_if_wanted();
    PyObject *self = share_proxy_new(st, type, pp_dict_object(dict));
    if (self &&
        ((other && share_dict_update(self, other)) || (kwargs && share_dict_update(self, kwargs))))
        Py_CLEAR(self);
    return self;
}

static PyMethodDef methods[] = {
    SHARE_FAST(Dict, get),
    SHARE_FAST(Dict, setdefault),
    SHARE_FAST(Dict, pop),
    SHARE_NOARGS(Dict, popitem),
    {"update", (PyCFunction)(void (*)(void))Dict_update, METH_VARARGS | METH_KEYWORDS, update_doc},
    SHARE_FAST(Dict, compare_and_set),
    SHARE_FAST(Dict, add),
    SHARE_NOARGS(Dict, keys),
    SHARE_NOARGS(Dict, values),
    SHARE_NOARGS(Dict, items),
    SHARE_NOARGS(Dict, snapshot),
    SHARE_NOARGS(Dict, clear),
    SHARE_NOARGS(Dict, copy),
    {"__copy__", Dict_copy, METH_NOARGS, copy_doc},
    {"__deepcopy__", share_deepcopy, METH_O, share_deepcopy_doc},
    {"__reversed__", Dict_reversed, METH_NOARGS, reversed_doc},
    SHARE_PROXY_METHODS,
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    Dict_doc,
    "Dict(other=(), /, **pairs)\n--\n\n"
    "A dict that every thread and every interpreter of the process may read and change at once,\n"
    "without a GIL.\n\n"
    "Keys are str, bytes, int (64 bits), float, bool and None, and keep the order of insertion.\n"
    "Values are what MessagePack can say, frozen when they are stored (a list or dict becomes a\n"
    "View), and the types of this module, which stay live. Each method is one atomic step, except\n"
    "update() and |=, which take one for each pair; iteration and views show one moment.\n\n"
    "Thread safety: any thread of any interpreter. Reads never wait.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)Dict_doc},
    {Py_tp_new, Dict_new},
    {Py_tp_dealloc, share_proxy_dealloc},
    {Py_tp_repr, Dict_repr},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_richcompare, Dict_richcompare},
    {Py_tp_iter, Dict_iter},
    {Py_tp_methods, methods},
    {Py_tp_getset, share_proxy_getset},
    {Py_tp_members, share_proxy_members},
    {Py_mp_length, Dict_length},
    {Py_mp_subscript, Dict_subscript},
    {Py_mp_ass_subscript, Dict_ass_subscript},
    {Py_sq_contains, Dict_contains},
    {Py_nb_or, Dict_or},
    {Py_nb_inplace_or, Dict_inplace_or},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "parapack.share.Dict",
    .basicsize = sizeof(share_proxy),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_MAPPING,
    .slots = slots,
};

int share_dict_add_type(PyObject *module, module_state *st)
{
    st->share.dict_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return st->share.dict_type ? PyModule_AddType(module, st->share.dict_type) : -1;
}
