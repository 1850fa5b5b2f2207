/* share_queue.h - parapack.share.Queue, and what event loops wait with. */
#ifndef PARAPACK_EXT_SHARE_QUEUE_H
#define PARAPACK_EXT_SHARE_QUEUE_H

#include "share_proxy.h"

#include "parapack/queue.h"

/* Queue (share_queue.c); QueueNotifier and QueueWait (share_queue_loop.c). 0 or -1. */
int share_queue_add_type(PyObject *module, module_state *st);
int share_queue_loop_add_types(PyObject *module, module_state *st);

PP_INLINE pp_queue *share_queue_of_proxy(PyObject *self)
{
    return (pp_queue *)share_object(self); /* every pp_queue begins with its pp_object */
}

PP_INLINE bool share_is_queue(PyObject *o)
{
    return share_is_proxy(o) && Py_TYPE(o) == share_state_of(o)->share.queue_type;
}

/* Raises Empty, Full or ShutDown for PP_ERR_EMPTY, PP_ERR_FULL, PP_ERR_TIMEOUT (`on_timeout`) and
 * PP_ERR_SHUT_DOWN, and what share_raise() raises for others. Returns NULL. */
PP_COLD PyObject *share_queue_raise(pp_status status, const char *on_timeout);

/* A Python object for an item that was taken from `queue`, whose reference is taken over. Where
 * there is no memory for it the item goes back to the queue's front. Outside of scopes. */
PyObject *share_queue_deliver(PyObject *queue, pp_value item);

/* Puts an item back to the queue's front; takes it over. Keeps the exception that is set, if any.
 * Outside of scopes. */
void share_queue_return(PyObject *queue, pp_value item);

#endif /* PARAPACK_EXT_SHARE_QUEUE_H */
