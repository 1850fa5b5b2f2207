/* Proxies: made, found by the kind of their object, gone. */
#include "share_proxy.h"

#include <stddef.h>

#include "share_value.h"

void share_release(pp_value value)
{
    if (!pp_value_object(value))
        return;
    pp_thread *t =
        pp_thread_self(); /* this thread has made or held the reference: it has a record */
    while (t && !pp_thread_try_enter(t)) {
        Py_BEGIN_ALLOW_THREADS
            pp_thread_await(t);
        Py_END_ALLOW_THREADS
    }
    if (t) {
        pp_value_release(t, value);
        pp_thread_leave(t);
    }
}

PyObject *share_proxy_new(module_state *st, PyTypeObject *type, pp_object *object)
{
    share_proxy *self = PyObject_New(share_proxy, type);
    if (!self) {
        share_release(pp_object_value(object));
        return NULL;
    }
    self->object = object;
    self->state = st;
    self->weakrefs = NULL;
    return (PyObject *)self;
}

void share_proxy_dealloc(PyObject *self)
{
    share_proxy *proxy = (share_proxy *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (proxy->weakrefs)
        PyObject_ClearWeakRefs(self);
    share_release(pp_object_value(proxy->object));
    PyObject_Free(self);
    Py_DECREF(type);
}

PyObject *share_proxy_of(module_state *st, pp_object *object)
{
    switch (pp_object_kind(object)) {
    case PP_KIND_DICT:
        return share_proxy_new(st, st->share.dict_type, object);
    case PP_KIND_LIST:
        return share_proxy_new(st, st->share.list_type, object);
    case PP_KIND_SET:
        return share_proxy_new(st, st->share.set_type, object);
    case PP_KIND_COUNTER:
        return share_proxy_new(st, st->share.counter_type, object);
    case PP_KIND_QUEUE:
        return share_proxy_new(st, st->share.queue_type, object);
    case PP_KIND_DOC:
        return share_view_of(st, object);
    default:
        share_release(pp_object_value(object));
        PyErr_SetString(PyExc_SystemError, "an object of an unknown kind");
        return NULL;
    }
}

static PyObject *get_id(PyObject *self, void *Py_UNUSED(closure))
{
    uint64_t id = 0;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status = pp_object_id(t, share_object(self), &id);
    share_end(t);
    return status == PP_OK ? PyLong_FromUnsignedLongLong(id) : share_raise(status);
}

PyGetSetDef share_proxy_getset[] = {
    {"id", get_id, NULL,
     "The number of the shared object, an int: the same for all its proxies in all interpreters, "
     "never used again for another object of this process.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyMemberDef share_proxy_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(share_proxy, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
