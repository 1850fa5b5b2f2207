/* parapack.share.Set. */
#include "share_set.h"

#include "share_call.h"
#include "share_copy.h"
#include "share_key.h"
#include "share_repr.h"

/* ---- one member ----------------------------------------------------------------------------- */

static Py_ssize_t Set_length(PyObject *self)
{
    return (Py_ssize_t)pp_set_count(share_set_of_proxy(self));
}

static int Set_contains(PyObject *self, PyObject *member)
{
    share_key k;
    int found = share_key_of(member, &k);
    if (found <= 0)
        return found;
    pp_thread *t = share_begin();
    if (t) {
        found = pp_set_has(t, share_set_of_proxy(self), &k.key);
        share_end(t);
    } else {
        found = -1;
    }
    share_key_clear(&k);
    return found;
}

/* Adds it: 1 if it was not there, 0 if it was, -1 with an exception. */
static int add(PyObject *self, PyObject *member)
{
    share_key k;
    bool added = false;
    if (share_key_to_store(member, &k))
        return -1;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = share_begin();
    if (t)
        SHARE_FINISH(t, status, pp_set_add(t, share_set_of_proxy(self), &k.key, &added));
    share_key_clear(&k);
    if (status == PP_OK)
        return added;
    if (t)
        share_raise(status);
    return -1;
}

/* Removes it: 1 if it was there, 0 if not, -1 with an exception. */
static int discard(PyObject *self, PyObject *member)
{
    share_key k;
    bool removed = false;
    int found = share_key_of(member, &k);
    if (found <= 0)
        return found;
    pp_status status = PP_ERR_NOMEM;
    pp_thread *t = share_begin();
    if (t)
        SHARE_FINISH(t, status, pp_set_remove(t, share_set_of_proxy(self), &k.key, &removed));
    share_key_clear(&k);
    if (status == PP_OK)
        return removed;
    if (t)
        share_raise(status);
    return -1;
}

PyDoc_STRVAR(add_doc, "add($self, member, /)\n--\n\nAdd a member, in one atomic step.");

static PyObject *Set_add(PyObject *self, PyObject *member)
{
    return add(self, member) < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(insert_doc, "insert($self, member, /)\n--\n\n"
                         "Add a member, in one atomic step; return whether it was not there.");

static PyObject *Set_insert(PyObject *self, PyObject *member)
{
    int added = add(self, member);
    return added < 0 ? NULL : PyBool_FromLong(added);
}

PyDoc_STRVAR(discard_doc, "discard($self, member, /)\n--\n\n"
                          "Remove a member if it is there, in one atomic step.");

static PyObject *Set_discard(PyObject *self, PyObject *member)
{
    return discard(self, member) < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(remove_doc, "remove($self, member, /)\n--\n\n"
                         "Remove a member, in one atomic step; KeyError where it is not there.");

static PyObject *Set_remove(PyObject *self, PyObject *member)
{
    int removed = discard(self, member);
    if (removed == 0)
        share_no_such_key(member);
    return removed > 0 ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(pop_doc, "pop($self, /)\n--\n\n"
                      "Remove the newest member and return it, in one atomic step; KeyError where\n"
                      "the set is empty.");

static PyObject *Set_pop(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_value member = PP_NO_VALUE;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status;
    SHARE_FINISH(t, status, pp_set_pop(t, share_set_of_proxy(self), &member));
    if (status != PP_OK)
        return share_raise(status);
    if (member.word)
        return share_key_object_of(share_state_of(self), member);
    PyErr_SetString(PyExc_KeyError, "pop from an empty set");
    return NULL;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

int share_set_add_all(PyObject *self, PyObject *iterable)
{
    PyObject *iterator = PyObject_GetIter(iterable), *member;
    if (!iterator)
        return -1;
    int failed = 0;
    while (!failed && (member = PyIter_Next(iterator))) {
        failed = add(self, member) < 0;
        Py_DECREF(member);
    }
    Py_DECREF(iterator);
    return failed || PyErr_Occurred() ? -1 : 0;
}

int share_set_discard_all(PyObject *self, PyObject *iterable)
{
    PyObject *iterator = PyObject_GetIter(iterable), *member;
    if (!iterator)
        return -1;
    int failed = 0;
    while (!failed && (member = PyIter_Next(iterator))) {
        failed = discard(self, member) < 0;
        Py_DECREF(member);
    }
    Py_DECREF(iterator);
    return failed || PyErr_Occurred() ? -1 : 0;
}

int share_set_snapshot(PyObject *self, pp_values *snapshot)
{
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    pp_status status;
    SHARE_FINISH(t, status, pp_set_snapshot(t, share_set_of_proxy(self), snapshot));
    if (status == PP_OK)
        return 0;
    share_raise(status);
    return -1;
}

PyObject *share_set_plain(PyObject *self)
{
    pp_values snapshot;
    if (share_set_snapshot(self, &snapshot))
        return NULL;
    return share_set_of(share_state_of(self), &snapshot, SHARE_ALL);
}

PyDoc_STRVAR(snapshot_doc, "snapshot($self, /)\n--\n\n"
                           "Return a plain set of the members as they were at one moment.");

static PyObject *Set_snapshot(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return share_set_plain(self);
}

/* In the order of insertion, which a plain set does not keep. */
static PyObject *Set_iter(PyObject *self)
{
    pp_values snapshot;
    if (share_set_snapshot(self, &snapshot))
        return NULL;
    PyObject *members = share_keys_of(share_state_of(self), &snapshot);
    PyObject *iterator = members ? PyObject_GetIter(members) : NULL;
    Py_XDECREF(members);
    return iterator;
}

PyDoc_STRVAR(clear_doc, "clear($self, /)\n--\n\nRemove all members, in one atomic step.");

static PyObject *Set_clear(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status;
    SHARE_FINISH(t, status, pp_set_clear(t, share_set_of_proxy(self)));
    return status == PP_OK ? Py_NewRef(Py_None) : share_raise(status);
}

PyDoc_STRVAR(copy_doc, "copy($self, /)\n--\n\n"
                       "Return a new Set with the members as they were at one moment.");

static PyObject *copy_as(PyTypeObject *type, PyObject *source)
{
    pp_set *copy = NULL;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status;
    SHARE_FINISH(t, status, pp_set_copy(t, share_set_of_proxy(source), &copy));
    if (status != PP_OK)
        return share_raise(status);
    share_collect_if_wanted();
    return share_proxy_new(share_state_of(source), type, pp_set_object(copy));
}

static PyObject *Set_copy(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return copy_as(Py_TYPE(self), self);
}

static PyObject *Set_repr(PyObject *self)
{
    return share_repr(self, "share.Set");
}

/* ---- the type -----------------------------------------------------------------------------------
 */

static PyObject *Set_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    module_state *st = state_of_type(type);
    PyObject *iterable = NULL;
    pp_set *set = NULL;
    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Set() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_UnpackTuple(args, "Set", 0, 1, &iterable))
        return NULL;
    if (iterable && share_is_set(iterable))
        return copy_as(type, iterable);
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status = pp_set_new(t, 0, &set);
    share_end(t);
    if (status != PP_OK)
        return share_raise(status);
    share_collect_if_wanted();
    PyObject *self = share_proxy_new(st, type, pp_set_object(set));
    if (self && iterable && share_set_add_all(self, iterable))
        Py_CLEAR(self);
    return self;
}

static PyMethodDef methods[] = {
    SHARE_ONE(Set, add),
    SHARE_ONE(Set, insert),
    SHARE_ONE(Set, discard),
    SHARE_ONE(Set, remove),
    SHARE_NOARGS(Set, pop),
    SHARE_NOARGS(Set, clear),
    SHARE_NOARGS(Set, snapshot),
    SHARE_NOARGS(Set, copy),
    {"__copy__", Set_copy, METH_NOARGS, copy_doc},
    {"__deepcopy__", share_deepcopy, METH_O, share_deepcopy_doc},
    SHARE_PROXY_METHODS,
    SHARE_SET_ALGEBRA,
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    Set_doc,
    "Set(iterable=(), /)\n--\n\n"
    "A set that every thread and every interpreter of the process may read and change at\n"
    "once, without a GIL.\n\n"
    "Members are str, bytes, int (64 bits), float, bool and None, and keep the order of\n"
    "insertion. Each method that changes one member is one atomic step; update() and the other\n"
    "methods and operators on many take one for each member. Iteration shows one moment. What\n"
    "makes a new set makes a plain one.\n\n"
    "Thread safety: any thread of any interpreter. Tests for members never wait.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)Set_doc},
    {Py_tp_new, Set_new},
    {Py_tp_dealloc, share_proxy_dealloc},
    {Py_tp_repr, Set_repr},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_richcompare, share_set_richcompare},
    {Py_tp_iter, Set_iter},
    {Py_tp_methods, methods},
    {Py_tp_getset, share_proxy_getset},
    {Py_tp_members, share_proxy_members},
    {Py_sq_length, Set_length},
    {Py_sq_contains, Set_contains},
    {Py_nb_or, share_set_or},
    {Py_nb_and, share_set_and},
    {Py_nb_subtract, share_set_subtract},
    {Py_nb_xor, share_set_xor},
    {Py_nb_inplace_or, share_set_inplace_or},
    {Py_nb_inplace_and, share_set_inplace_and},
    {Py_nb_inplace_subtract, share_set_inplace_subtract},
    {Py_nb_inplace_xor, share_set_inplace_xor},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "parapack.share.Set",
    .basicsize = sizeof(share_proxy),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int share_set_add_type(PyObject *module, module_state *st)
{
    st->share.set_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return st->share.set_type ? PyModule_AddType(module, st->share.set_type) : -1;
}
