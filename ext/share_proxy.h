/* share_proxy.h - what the Python types of parapack.share have in common.
 *
 * Dict, List, Set, Counter and Queue are final heap types whose instances are
 * proxies: a counted reference to an object of the runtime, and nothing else.
 * Proxies never change, so they need no lock, and hold no Python objects, so they
 * need no place in Python's garbage collector.
 */
#ifndef PARAPACK_EXT_SHARE_PROXY_H
#define PARAPACK_EXT_SHARE_PROXY_H

#include "state.h"

#include <structmember.h>

#include "parapack/object.h"
#include "parapack/value.h"
#include "share_scope.h"

typedef struct share_proxy {
    PyObject_HEAD pp_object *object; /* a counted reference, never NULL */
    module_state *state;             /* of the type's module, which the type keeps alive */
    PyObject *weakrefs;
} share_proxy;

/* A new proxy of `type`, one of the types above, for the counted reference `object`, which it takes
 * over in any case. NULL with MemoryError. Outside of scopes. */
PyObject *share_proxy_new(module_state *st, PyTypeObject *type, pp_object *object);

/* The same with the type that goes with the object's kind; a View for a document. */
PyObject *share_proxy_of(module_state *st, pp_object *object);

void share_proxy_dealloc(PyObject *self);

/* Is `o` a proxy? */
PP_INLINE bool share_is_proxy(PyObject *o)
{
    return Py_TYPE(o)->tp_dealloc == share_proxy_dealloc;
}

/* The object of a proxy: borrowed from it. */
PP_INLINE pp_object *share_object(PyObject *proxy)
{
    return ((share_proxy *)proxy)->object;
}

PP_INLINE module_state *share_state_of(PyObject *proxy)
{
    return ((share_proxy *)proxy)->state;
}

/* Gives up a counted reference. Outside of scopes. */
void share_release(pp_value value);

/* For the types' tables of slots: Py_tp_members with the weak references' place, and the methods
 * and attributes that all have: __reduce__, __class_getitem__, id. (share_proxy.c, share_pickle.c)
 */
extern PyMemberDef share_proxy_members[];
extern PyGetSetDef share_proxy_getset[];

PyObject *share_proxy_reduce(PyObject *self, PyObject *ignored);
extern const char share_proxy_reduce_doc[];

#define SHARE_PROXY_METHODS                                                                        \
    {"__reduce__", share_proxy_reduce, METH_NOARGS, share_proxy_reduce_doc},                       \
    {                                                                                              \
        "__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,                                 \
            "__class_getitem__($type, item, /)\n--\n\nFor annotations."                            \
    }

#endif /* PARAPACK_EXT_SHARE_PROXY_H */
