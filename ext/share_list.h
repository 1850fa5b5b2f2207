/* share_list.h - parapack.share.List, between the files of the extension. */
#ifndef PARAPACK_EXT_SHARE_LIST_H
#define PARAPACK_EXT_SHARE_LIST_H

#include "pycompat.h"

#include "parapack/list.h"
#include "share_snapshot.h"

int share_list_add_type(PyObject *module, module_state *st);

PP_INLINE pp_list *share_list_of_proxy(PyObject *self)
{
    return (pp_list *)share_object(self); /* every pp_list begins with its pp_object */
}

PP_INLINE bool share_is_list(PyObject *o)
{
    return share_is_proxy(o) && Py_TYPE(o) == share_state_of(o)->share.list_type;
}

/* The items from `start` to before `stop`, clamped, at one moment. 0, or -1 with an exception. */
int share_list_snapshot(PyObject *self, int64_t start, int64_t stop, pp_values *snapshot);

/* Appends values that the caller holds counted references to, and keeps, in one step. 0 or -1. */
int share_list_extend_held(PyObject *self, const pp_value *values, size_t count);

/* Counted values of what an iterable gives, or of a List's items. 0 or -1, as share_values_of(). */
int share_list_values(module_state *st, PyObject *iterable, share_values *values);

/* Items by int or slice: the slots of the type. (share_list_slice.c) */
PyObject *share_list_slice(PyObject *self, PyObject *slice);
int share_list_set_slice(PyObject *self, PyObject *slice, PyObject *iterable);

/* Sorts as list.sort does. (share_list_slice.c) */
PyObject *share_list_sort(PyObject *self, PyObject *args, PyObject *kwargs);
extern const char share_list_sort_doc[];

#endif /* PARAPACK_EXT_SHARE_LIST_H */
