/* share_set.h - parapack.share.Set, between the files of the extension. */
#ifndef PARAPACK_EXT_SHARE_SET_H
#define PARAPACK_EXT_SHARE_SET_H

#include "pycompat.h"

#include "parapack/set.h"
#include "share_snapshot.h"

int share_set_add_type(PyObject *module, module_state *st);

PP_INLINE pp_set *share_set_of_proxy(PyObject *self)
{
    return (pp_set *)share_object(self); /* every pp_set begins with its pp_object */
}

PP_INLINE bool share_is_set(PyObject *o)
{
    return share_is_proxy(o) && Py_TYPE(o) == share_state_of(o)->share.set_type;
}

/* The members at one moment. 0, or -1 with an exception. */
int share_set_snapshot(PyObject *self, pp_values *snapshot);

/* Adds each member of an iterable; removes each. 0 or -1. */
int share_set_add_all(PyObject *self, PyObject *iterable);
int share_set_discard_all(PyObject *self, PyObject *iterable);

/* A plain set of the members. */
PyObject *share_set_plain(PyObject *self);

/* Operators and the methods of their names. (share_set_algebra.c) */
PyObject *share_set_richcompare(PyObject *self, PyObject *other, int op);
PyObject *share_set_or(PyObject *a, PyObject *b);
PyObject *share_set_and(PyObject *a, PyObject *b);
PyObject *share_set_subtract(PyObject *a, PyObject *b);
PyObject *share_set_xor(PyObject *a, PyObject *b);
PyObject *share_set_inplace_or(PyObject *self, PyObject *other);
PyObject *share_set_inplace_and(PyObject *self, PyObject *other);
PyObject *share_set_inplace_subtract(PyObject *self, PyObject *other);
PyObject *share_set_inplace_xor(PyObject *self, PyObject *other);
PyObject *share_set_union(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_intersection(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_difference(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_symmetric_difference(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_issubset(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_issuperset(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_isdisjoint(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_intersection_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_difference_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *share_set_symmetric_difference_update(PyObject *self, PyObject *const *args,
                                                Py_ssize_t nargs);

/* Their part of the table of methods. */
#define SHARE_SET_METHOD(name, doc)                                                                \
    {                                                                                              \
#name, (PyCFunction)(void (*)(void))share_set_##name, METH_FASTCALL, doc                   \
    }
#define SHARE_SET_ALGEBRA                                                                          \
    SHARE_SET_METHOD(union, "union($self, /, *others)\n--\n\nReturn a plain set of the members "   \
                            "of this and all others."),                                            \
        SHARE_SET_METHOD(intersection, "intersection($self, /, *others)\n--\n\nReturn a plain "    \
                                       "set of the members that this and all others have."),       \
        SHARE_SET_METHOD(difference, "difference($self, /, *others)\n--\n\nReturn a plain set of " \
                                     "the members that none of the others has."),                  \
        SHARE_SET_METHOD(symmetric_difference,                                                     \
                         "symmetric_difference($self, other, /)\n--\n\nReturn a plain set of the " \
                         "members that one of both has."),                                         \
        SHARE_SET_METHOD(                                                                          \
            issubset, "issubset($self, other, /)\n--\n\nWhether every member is in the other."),   \
        SHARE_SET_METHOD(                                                                          \
            issuperset,                                                                            \
            "issuperset($self, other, /)\n--\n\nWhether every item of the other is a member."),    \
        SHARE_SET_METHOD(                                                                          \
            isdisjoint,                                                                            \
            "isdisjoint($self, other, /)\n--\n\nWhether no item of the other is a member."),       \
        SHARE_SET_METHOD(update, "update($self, /, *others)\n--\n\nAdd the items of all others."), \
        SHARE_SET_METHOD(intersection_update,                                                      \
                         "intersection_update($self, /, *others)\n--\n\nRemove the members that "  \
                         "are not in all others."),                                                \
        SHARE_SET_METHOD(                                                                          \
            difference_update,                                                                     \
            "difference_update($self, /, *others)\n--\n\nRemove the items of all others."),        \
        SHARE_SET_METHOD(symmetric_difference_update,                                              \
                         "symmetric_difference_update($self, other, /)\n--\n\nRemove the items "   \
                         "of the other that are members, add those that are not.")

#endif /* PARAPACK_EXT_SHARE_SET_H */
