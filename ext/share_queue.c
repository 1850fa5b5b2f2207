/* parapack.share.Queue: queue.Queue for every thread of every interpreter. */
#include "share_queue.h"

#include "share_call.h"
#include "share_value.h"

/* ---- exceptions and results -------------------------------------------------------------- */

PyObject *share_queue_raise(pp_status status, const char *on_timeout)
{
    const char *name;
    switch (status) {
    case PP_ERR_EMPTY:
        name = "Empty";
        break;
    case PP_ERR_FULL:
        name = "Full";
        break;
    case PP_ERR_TIMEOUT:
        name = on_timeout;
        break;
    case PP_ERR_SHUT_DOWN:
        name = "ShutDown";
        break;
    default:
        return share_raise(status);
    }
    PyObject *module = PyImport_ImportModule("parapack._share_queue");
    PyObject *type = module ? PyObject_GetAttrString(module, name) : NULL;
    if (type)
        PyErr_SetNone(type);
    Py_XDECREF(type);
    Py_XDECREF(module);
    return NULL;
}

void share_queue_return(PyObject *queue, pp_value item)
{
    PyObject *type, *value, *traceback;
    pp_status status = PP_ERR_NOMEM;
    PyErr_Fetch(&type, &value, &traceback);
    pp_thread *t = share_begin();
    if (t)
        SHARE_FINISH(t, status, pp_queue_put_back(t, share_queue_of_proxy(queue), item));
    if (status != PP_OK) /* no memory for its place */
        share_release(item);
    PyErr_Restore(type, value, traceback);
}

PyObject *share_queue_deliver(PyObject *queue, pp_value item)
{
    PyObject *result = share_object_of_held(share_state_of(queue), item);
    if (result)
        share_release(item);
    else
        share_queue_return(queue, item);
    return result;
}

/* ---- arguments ---------------------------------------------------------------------------- */

/* Puts arguments, by position and by keyword, where `names` says. 0, or -1 with TypeError. */
static int read_arguments(const char *method, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames, const char *const *names, PyObject **values,
                          Py_ssize_t most)
{
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (!share_count_fits(method, nargs, 0, most))
        return -1;
    for (Py_ssize_t i = 0; i < nargs; i++)
        values[i] = args[i];
    for (Py_ssize_t k = 0; k < keywords; k++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, k);
        Py_ssize_t i = 0;
        while (i < most && PyUnicode_CompareWithASCIIString(name, names[i]) != 0)
            i++;
        if (i == most) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", method,
                         name);
            return -1;
        }
        if (values[i]) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument %R", method, name);
            return -1;
        }
        values[i] = args[nargs + k];
    }
    return 0;
}

/* How long a call may wait: *deadline. 0, or -1 with TypeError or ValueError. */
static int read_deadline(PyObject *block, PyObject *timeout, uint64_t *deadline)
{
    int may_wait = block ? PyObject_IsTrue(block) : 1;
    if (may_wait < 0)
        return -1;
    *deadline = may_wait ? PP_FOREVER : PP_AT_ONCE;
    if (!may_wait || !timeout || timeout == Py_None)
        return 0;
    double seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1 && PyErr_Occurred())
        return -1;
    if (!(seconds >= 0)) { /* NaN, too */
        PyErr_SetString(PyExc_ValueError, "'timeout' must be a non-negative number");
        return -1;
    }
    *deadline = pp_deadline_in(seconds);
    return 0;
}

/* ---- put ------------------------------------------------------------------------------------ */

/* Waits for room; takes `value` over in any case. */
static pp_status wait_put(PyObject *self, pp_value value, uint64_t deadline)
{
    pp_thread *t = pp_thread_self();
    pp_status status;
    do {
        Py_BEGIN_ALLOW_THREADS
            status = pp_queue_wait_put(t, share_queue_of_proxy(self), value, deadline, true);
        Py_END_ALLOW_THREADS
    } while (status == PP_ERR_INTERRUPTED && !PyErr_CheckSignals());
    if (status != PP_OK)
        share_release(value);
    return status;
}

/* Puts `item`; `deadline` PP_AT_ONCE does not wait for room. None, or NULL with an exception. */
static PyObject *put(PyObject *self, PyObject *item, uint64_t deadline)
{
    share_input in;
    pp_value value;
    pp_status status = PP_ERR_NOMEM;
    if (PP_UNLIKELY(share_input_of(share_state_of(self), item, &in)))
        return NULL;
    pp_thread *t = share_begin();
    if (PP_LIKELY(t != NULL)) {
        status = share_input_make(t, &in, &value);
        if (PP_LIKELY(status == PP_OK)) {
            SHARE_FINISH(t, status, pp_queue_try_put(t, share_queue_of_proxy(self), value));
            if (PP_UNLIKELY(status == PP_ERR_FULL && deadline != PP_AT_ONCE))
                status = wait_put(self, value, deadline);
            else if (PP_UNLIKELY(status != PP_OK))
                share_release(value);
        } else {
            share_end(t);
        }
    }
    share_input_clear(&in);
    if (PP_LIKELY(status == PP_OK))
        Py_RETURN_NONE;
    return PyErr_Occurred() ? NULL : share_queue_raise(status, "Full");
}

PyDoc_STRVAR(put_doc,
             "put($self, /, item, block=True, timeout=None)\n--\n\n"
             "Put an item into the queue. Where it is full wait for room, at the most *timeout*\n"
             "seconds (None: for ever), then raise queue.Full; at once where *block* is false.\n"
             "ShutDown where the queue was shut down, before or meanwhile. A waiting consumer is\n"
             "given the item directly.");

static PyObject *Queue_put(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    static const char *const names[] = {"item", "block", "timeout"};
    PyObject *values[3] = {0};
    uint64_t deadline;
    if (PP_LIKELY(nargs == 1 && !kwnames))
        return put(self, args[0], PP_FOREVER);
    if (read_arguments("put", args, nargs, kwnames, names, values, 3))
        return NULL;
    if (!values[0]) {
        PyErr_SetString(PyExc_TypeError, "put() missing required argument 'item'");
        return NULL;
    }
    return read_deadline(values[1], values[2], &deadline) ? NULL : put(self, values[0], deadline);
}

PyDoc_STRVAR(put_nowait_doc, "put_nowait($self, item, /)\n--\n\nput(item, block=False)");

static PyObject *Queue_put_nowait(PyObject *self, PyObject *item)
{
    return put(self, item, PP_AT_ONCE);
}

/* ---- get ------------------------------------------------------------------------------------ */

static PyObject *wait_get(PyObject *self, uint64_t deadline)
{
    pp_thread *t = pp_thread_self();
    pp_value item;
    pp_status status;
    do {
        Py_BEGIN_ALLOW_THREADS
            status = pp_queue_wait_get(t, share_queue_of_proxy(self), &item, deadline, true);
        Py_END_ALLOW_THREADS
    } while (status == PP_ERR_INTERRUPTED && !PyErr_CheckSignals());
    if (status == PP_OK)
        return share_queue_deliver(self, item);
    return PyErr_Occurred() ? NULL : share_queue_raise(status, "Empty");
}

/* Ends the scope in which `item` was taken. */
PP_INLINE PyObject *leave_with_item(PyObject *self, pp_thread *t, pp_value item)
{
    PyObject *result = NULL;
    if (PP_LIKELY(share_scalar(NULL, item, &result) && result)) {
        pp_value_release(t, item);
        share_end(t);
        return result;
    }
    share_end(t);
    PyErr_Clear(); /* of a failed attempt */
    return share_queue_deliver(self, item);
}

static PyObject *get(PyObject *self, uint64_t deadline)
{
    pp_value item;
    pp_queue *queue = share_queue_of_proxy(self);
    pp_thread *t = share_begin();
    if (PP_UNLIKELY(!t))
        return NULL;
    pp_status status = pp_queue_try_get(t, queue, &item);
    if (PP_LIKELY(status == PP_OK))
        return leave_with_item(self, t, item);
    if (status == PP_ERR_BUSY) {
        PyThreadState *saved = share_wait_begin(t);
        status = pp_queue_try_get(t, queue, &item);
        share_wait_end(t, saved);
        if (status == PP_OK)
            return share_queue_deliver(self, item);
    } else {
        share_end(t);
    }
    if (status == PP_ERR_EMPTY && deadline != PP_AT_ONCE)
        return wait_get(self, deadline);
    return share_queue_raise(status, "Empty");
}

PyDoc_STRVAR(
    get_doc,
    "get($self, /, block=True, timeout=None)\n--\n\n"
    "Take the oldest item out and return it. Where the queue is empty wait for one, at\n"
    "the most *timeout* seconds (None: for ever), then raise queue.Empty; at once where\n"
    "*block* is false. ShutDown where it is empty and was shut down, before or meanwhile.");

static PyObject *Queue_get(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    static const char *const names[] = {"block", "timeout"};
    PyObject *values[2] = {0};
    uint64_t deadline;
    if (PP_LIKELY(nargs == 0 && !kwnames))
        return get(self, PP_FOREVER);
    if (read_arguments("get", args, nargs, kwnames, names, values, 2) ||
        read_deadline(values[0], values[1], &deadline))
        return NULL;
    return get(self, deadline);
}

PyDoc_STRVAR(get_nowait_doc, "get_nowait($self, /)\n--\n\nget(block=False)");

static PyObject *Queue_get_nowait(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return get(self, PP_AT_ONCE);
}

/* ---- for event loops ----------------------------------------------------------------------------
 */

/* A coroutine of parapack._share_loop, which does it. */
static PyObject *coroutine(const char *name, PyObject *self, PyObject *item)
{
    PyObject *module = PyImport_ImportModule("parapack._share_loop");
    PyObject *function = module ? PyObject_GetAttrString(module, name) : NULL;
    PyObject *result = function ? PyObject_CallFunctionObjArgs(function, self, item, NULL) : NULL;
    Py_XDECREF(function);
    Py_XDECREF(module);
    return result;
}

PyDoc_STRVAR(aput_doc,
             "aput($self, item, /)\n--\n\n"
             "A coroutine that puts an item, and waits for room in the running event loop. Where\n"
             "it is cancelled the item was not put, where it returns it was.");

static PyObject *Queue_aput(PyObject *self, PyObject *item)
{
    return coroutine("aput", self, item);
}

PyDoc_STRVAR(aget_doc,
             "aget($self, /)\n--\n\n"
             "A coroutine that takes the oldest item out, and waits for one in the running event\n"
             "loop. Where it is cancelled no item was taken: one that it was given already is put\n"
             "back to the front.");

static PyObject *Queue_aget(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return coroutine("aget", self, NULL);
}

PyDoc_STRVAR(ajoin_doc, "ajoin($self, /)\n--\n\njoin() as a coroutine.");

static PyObject *Queue_ajoin(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return coroutine("ajoin", self, NULL);
}

/* ---- tasks and shutdown -------------------------------------------------------------------------
 */

PyDoc_STRVAR(task_done_doc,
             "task_done($self, /)\n--\n\n"
             "Tell that an item that was taken is dealt with. ValueError where more are told so\n"
             "than were put.");

static PyObject *Queue_task_done(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_status status;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    SHARE_FINISH(t, status, pp_queue_task_done(t, share_queue_of_proxy(self)));
    if (status == PP_OK)
        Py_RETURN_NONE;
    if (status != PP_ERR_RANGE)
        return share_raise(status);
    PyErr_SetString(PyExc_ValueError, "task_done() called too many times");
    return NULL;
}

PyDoc_STRVAR(join_doc, "join($self, /)\n--\n\n"
                       "Wait until every item that was put is dealt with: task_done().");

static PyObject *Queue_join(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    pp_status status = PP_OK;
    pp_thread *t = pp_thread_self();
    if (!t)
        return PyErr_NoMemory();
    do {
        Py_BEGIN_ALLOW_THREADS
            status = pp_queue_wait_done(t, share_queue_of_proxy(self), PP_FOREVER, true);
        Py_END_ALLOW_THREADS
    } while (status == PP_ERR_INTERRUPTED && !PyErr_CheckSignals());
    if (status == PP_OK)
        Py_RETURN_NONE;
    return PyErr_Occurred() ? NULL : share_raise(status);
}

PyDoc_STRVAR(shutdown_doc,
             "shutdown($self, /, immediate=False)\n--\n\n"
             "Take no items any more: put() raises ShutDown, and so does get() once the queue is\n"
             "empty. Where *immediate* is true it is emptied now, and its items count as dealt\n"
             "with. Whoever waits is told.");

static PyObject *Queue_shutdown(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                PyObject *kwnames)
{
    static const char *const names[] = {"immediate"};
    PyObject *value = NULL;
    pp_status status;
    if (read_arguments("shutdown", args, nargs, kwnames, names, &value, 1))
        return NULL;
    int immediate = value ? PyObject_IsTrue(value) : 0;
    if (immediate < 0)
        return NULL;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    SHARE_FINISH(t, status, pp_queue_shutdown(t, share_queue_of_proxy(self), immediate != 0));
    if (status == PP_OK)
        Py_RETURN_NONE;
    return share_raise(status);
}

/* ---- looking
 * ------------------------------------------------------------------------------------- */

PyDoc_STRVAR(qsize_doc, "qsize($self, /)\n--\n\nHow many items are in it at this moment.");

static PyObject *Queue_qsize(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(pp_queue_count(share_queue_of_proxy(self)));
}

PyDoc_STRVAR(empty_doc, "empty($self, /)\n--\n\nWhether it is empty at this moment.");

static PyObject *Queue_empty(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(pp_queue_count(share_queue_of_proxy(self)) == 0);
}

PyDoc_STRVAR(full_doc, "full($self, /)\n--\n\nWhether it holds maxsize items at this moment.");

static PyObject *Queue_full(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    const pp_queue *queue = share_queue_of_proxy(self);
    size_t limit = pp_queue_limit(queue);
    return PyBool_FromLong(limit > 0 && pp_queue_count(queue) >= limit);
}

static PyObject *get_maxsize(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromSize_t(pp_queue_limit(share_queue_of_proxy(self)));
}

static PyObject *get_is_shutdown(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(pp_queue_is_shut_down(share_queue_of_proxy(self)));
}

static PyObject *get_unfinished_tasks(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(pp_queue_unfinished(share_queue_of_proxy(self)));
}

static PyObject *get_id(PyObject *self, void *closure)
{
    return share_proxy_getset[0].get(self, closure);
}

static PyObject *Queue_repr(PyObject *self)
{
    const pp_queue *queue = share_queue_of_proxy(self);
    return PyUnicode_FromFormat("<share.Queue maxsize=%zu qsize=%zu%s>", pp_queue_limit(queue),
                                pp_queue_count(queue),
                                pp_queue_is_shut_down(queue) ? " shut down" : "");
}

/* Proxies of one queue are equal; queues are what they are, not what is in them. */
static PyObject *Queue_richcompare(PyObject *self, PyObject *other, int op)
{
    if ((op != Py_EQ && op != Py_NE) || !share_is_queue(other))
        Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong((share_object(self) == share_object(other)) == (op == Py_EQ));
}

static Py_hash_t Queue_hash(PyObject *self)
{
    Py_hash_t hash = (Py_hash_t)((uintptr_t)share_object(self) >> 4);
    return hash == -1 ? -2 : hash;
}

/* ---- the type
 * -------------------------------------------------------------------------------------- */

/* The limit that maxsize stands for: 0 for none. 0, or -1 with an exception. */
static int read_limit(PyObject *maxsize, size_t *limit)
{
    *limit = 0;
    if (!maxsize)
        return 0;
    PyObject *index = PyNumber_Index(maxsize);
    if (!index)
        return -1;
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(index, &overflow);
    Py_DECREF(index);
    if (number == -1 && PyErr_Occurred())
        return -1;
    if (number > 0 && (unsigned long long)number < SIZE_MAX)
        *limit = (size_t)number;
    return 0; /* more than memory can hold is no limit */
}

static PyObject *Queue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"maxsize", NULL};
    PyObject *maxsize = NULL;
    pp_queue *queue = NULL;
    size_t limit;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:Queue", names, &maxsize) ||
        read_limit(maxsize, &limit))
        return NULL;
    share_collect_if_wanted();
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status = pp_queue_new(t, limit, &queue);
    share_end(t);
    if (status != PP_OK)
        return share_raise(status);
    return share_proxy_new(state_of_type(type), type, pp_queue_object(queue));
}

#define WITH_KEYWORDS(name)                                                                        \
    {                                                                                              \
#name, (PyCFunction)(void (*)(void))Queue_##name, METH_FASTCALL | METH_KEYWORDS,           \
            name##_doc                                                                             \
    }

static PyMethodDef methods[] = {
    WITH_KEYWORDS(put),           WITH_KEYWORDS(get),
    SHARE_ONE(Queue, put_nowait), SHARE_NOARGS(Queue, get_nowait),
    SHARE_ONE(Queue, aput),       SHARE_NOARGS(Queue, aget),
    SHARE_NOARGS(Queue, ajoin),   SHARE_NOARGS(Queue, task_done),
    SHARE_NOARGS(Queue, join),    WITH_KEYWORDS(shutdown),
    SHARE_NOARGS(Queue, qsize),   SHARE_NOARGS(Queue, empty),
    SHARE_NOARGS(Queue, full),    SHARE_PROXY_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"maxsize", get_maxsize, NULL, "The most items that it may hold, an int; 0 for any number.",
     NULL},
    {"is_shutdown", get_is_shutdown, NULL, "Whether it was shut down.", NULL},
    {"unfinished_tasks", get_unfinished_tasks, NULL,
     "Items that were put and are not dealt with yet, an int.", NULL},
    {"id", get_id, NULL,
     "The number of the shared object, an int: the same for all its proxies in all interpreters, "
     "never used again for another object of this process.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(
    Queue_doc,
    "Queue(maxsize=0)\n--\n\n"
    "A first-in first-out queue that every thread and every interpreter of the process may use\n"
    "at once, with the methods of queue.Queue. Nothing polls: a waiting consumer is given its\n"
    "item by the producer, a waiting producer its place by the consumer, and who waits longest\n"
    "is served first. The GIL is given up while waiting; Ctrl-C interrupts.\n\n"
    "*maxsize* is the most items that it may hold; 0 or less: any number.\n\n"
    "Thread safety: any thread of any interpreter; aput, aget and ajoin any event loop.");

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)Queue_doc},
    {Py_tp_new, Queue_new},
    {Py_tp_dealloc, share_proxy_dealloc},
    {Py_tp_repr, Queue_repr},
    {Py_tp_hash, Queue_hash},
    {Py_tp_richcompare, Queue_richcompare},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_members, share_proxy_members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "parapack.share.Queue",
    .basicsize = sizeof(share_proxy),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int share_queue_add_type(PyObject *module, module_state *st)
{
    st->share.queue_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (!st->share.queue_type || PyModule_AddType(module, st->share.queue_type))
        return -1;
    return share_queue_loop_add_types(module, st);
}
