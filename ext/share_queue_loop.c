/* Waiting for a Queue in an event loop: QueueNotifier and QueueWait, which parapack._share_loop
 * makes coroutines of.
 *
 * An event loop has one QueueNotifier: a file descriptor that the loop watches, and the waits that
 * have been finished since it was last looked at, by their tokens. A QueueWait is one wait under
 * way. Whoever finishes it, in whatever thread and interpreter, pushes it to its notifier's list
 * and writes to the descriptor, without a lock, a GIL, or a Python object. So what both sides need
 * is not part of the Python objects but has counts of its own. */
#include "share_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/eventfd.h>
#endif

#include "share_call.h"
#include "share_value.h"

/* ---- what is shared with those who finish waits ---------------------------------------------- */

typedef struct bell {
    _Atomic uint32_t holders; /* the QueueNotifier, and each wait */
    int read_end;             /* becomes readable when a wait is finished */
    int write_end;            /* the same where it is an eventfd */
    _Atomic(struct wait *) finished;
} bell;

typedef struct wait {
    pp_waiter waiter;
    _Atomic uint32_t
        holders; /* the QueueWait; from start to the notification's end, who notifies */
    bell *bell;
    struct wait *next; /* in the list of finished ones */
    uint64_t token;
} wait;

static bool open_bell(bell *b)
{
#if defined(__linux__)
    b->read_end = b->write_end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return b->read_end >= 0;
#else
    int ends[2];
    if (pipe(ends) < 0)
        return false;
    b->read_end = ends[0];
    b->write_end = ends[1];
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    return true;
#endif
}

/* Who drops it as the last sees what the others did (acq_rel). */
static bool is_last(_Atomic uint32_t *holders)
{
    return atomic_fetch_sub_explicit(holders, 1, memory_order_acq_rel) == 1;
}

static void drop_bell(bell *b)
{
    if (!is_last(&b->holders))
        return;
    close(b->read_end);
    if (b->write_end != b->read_end)
        close(b->write_end);
    PyMem_RawFree(b);
}

static void drop_wait(wait *w)
{
    if (!is_last(&w->holders))
        return;
    drop_bell(w->bell);
    PyMem_RawFree(w);
}

/* Called by the runtime in the thread that finished the wait; without a GIL, or with that of
 * another interpreter. */
static void notify(void *context)
{
    wait *w = context;
    bell *b = w->bell;
    uint64_t one = 1;
    /* Once it is in the list the loop may drop the wait, and its hold on the bell. Relaxed: the
     * wait holds it now. */
    atomic_fetch_add_explicit(&b->holders, 1, memory_order_relaxed);
    wait *newest = atomic_load_explicit(&b->finished, memory_order_relaxed);
    do
        w->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&b->finished, &newest, w, memory_order_release,
                                                  memory_order_relaxed));
    if (!newest) {
        /* The loop looks at the list after it has emptied the descriptor. Full is as good as
         * written. */
        ssize_t written;
        do
            written = write(b->write_end, &one, sizeof one);
        while (written < 0 && errno == EINTR);
    }
    drop_bell(b);
}

/* ---- QueueNotifier ------------------------------------------------------------------------------
 */

typedef struct notifier_object {
    PyObject_HEAD bell *bell;
} notifier_object;

static PyObject *QueueNotifier_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":QueueNotifier", names))
        return NULL;
    bell *b = PyMem_RawCalloc(1, sizeof *b);
    if (!b)
        return PyErr_NoMemory();
    atomic_init(&b->holders, 1);
    if (!open_bell(b)) {
        PyMem_RawFree(b);
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    notifier_object *self = PyObject_New(notifier_object, type);
    if (!self) {
        drop_bell(b);
        return NULL;
    }
    self->bell = b;
    return (PyObject *)self;
}

static void QueueNotifier_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    drop_bell(((notifier_object *)self)->bell);
    PyObject_Free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(fileno_doc, "fileno($self, /)\n--\n\nThe descriptor to watch for reading.");

static PyObject *QueueNotifier_fileno(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromLong(((notifier_object *)self)->bell->read_end);
}

static wait *oldest_first(wait *newest)
{
    wait *list = NULL;
    while (newest) {
        wait *next = newest->next;
        newest->next = list;
        list = newest;
        newest = next;
    }
    return list;
}

PyDoc_STRVAR(drain_doc, "drain($self, /)\n--\n\n"
                        "The tokens of the waits that were finished since the last call, a list.");

static PyObject *QueueNotifier_drain(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    bell *b = ((notifier_object *)self)->bell;
    uint64_t buffer[8];
    PyObject *tokens = PyList_New(0);
    if (!tokens)
        return NULL;
    while (read(b->read_end, buffer, sizeof buffer) > 0 && b->read_end != b->write_end)
        continue;
    wait *list = oldest_first(atomic_exchange_explicit(&b->finished, NULL, memory_order_acquire));
    while (list) {
        wait *w = list;
        PyObject *token = tokens ? PyLong_FromUnsignedLongLong(w->token) : NULL;
        if (tokens && (!token || PyList_Append(tokens, token)))
            Py_CLEAR(
                tokens); /* MemoryError: their waits are found finished when they are given up */
        Py_XDECREF(token);
        list = w->next;
        drop_wait(w);
    }
    return tokens;
}

static PyMethodDef notifier_methods[] = {
    SHARE_NOARGS(QueueNotifier, fileno),
    SHARE_NOARGS(QueueNotifier, drain),
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(QueueNotifier_doc, "QueueNotifier()\n--\n\n"
                                "Tells an event loop which of its waits for queues are finished.");

static PyType_Slot notifier_slots[] = {
    {Py_tp_doc, (void *)QueueNotifier_doc},
    {Py_tp_new, QueueNotifier_new},
    {Py_tp_dealloc, QueueNotifier_dealloc},
    {Py_tp_methods, notifier_methods},
    {0, NULL},
};

static PyType_Spec notifier_spec = {
    .name = "parapack._parapack.QueueNotifier",
    .basicsize = sizeof(notifier_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = notifier_slots,
};

/* ---- QueueWait
 * ------------------------------------------------------------------------------------ */

typedef enum role {
    ROLE_GET,
    ROLE_PUT, /* waits for a place: the item is put when the coroutine goes on */
    ROLE_JOIN
} role;

typedef enum phase {
    PHASE_NEW,
    PHASE_WAITING,
    PHASE_READY, /* has its item, its place, or nothing to wait for any more */
    PHASE_ENDED
} phase;

typedef struct wait_object {
    PyObject_HEAD PyObject *queue; /* a Queue */
    wait *wait;
    pp_value item; /* counted: what was got, or is to be put */
    role role;
    phase phase;
} wait_object;

static wait *new_wait(bell *b)
{
    static _Atomic uint64_t tokens;
    wait *w = PyMem_RawCalloc(1, sizeof *w);
    if (!w)
        return NULL;
    atomic_init(&w->holders, 1);
    atomic_fetch_add_explicit(&b->holders, 1, memory_order_relaxed);
    w->bell = b;
    w->token = atomic_fetch_add_explicit(&tokens, 1, memory_order_relaxed);
    w->waiter.notify = notify;
    w->waiter.context = w;
    return w;
}

static PyObject *QueueWait_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"notifier", "queue", NULL};
    module_state *st = state_of_type(type);
    PyObject *notifier, *queue;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!:QueueWait", names,
                                     st->share.queue_notifier_type, &notifier, st->share.queue_type,
                                     &queue))
        return NULL;
    wait *w = new_wait(((notifier_object *)notifier)->bell);
    if (!w)
        return PyErr_NoMemory();
    wait_object *self = PyObject_New(wait_object, type);
    if (!self) {
        drop_wait(w);
        return NULL;
    }
    self->queue = Py_NewRef(queue);
    self->wait = w;
    self->item = PP_NO_VALUE;
    self->role = ROLE_GET;
    self->phase = PHASE_NEW;
    return (PyObject *)self;
}

static pp_status start(pp_thread *t, wait_object *self, pp_value *got)
{
    pp_queue *queue = share_queue_of_proxy(self->queue);
    switch (self->role) {
    case ROLE_GET:
        return pp_queue_start_get(t, queue, got, &self->wait->waiter);
    case ROLE_PUT:
        return pp_queue_start_place(t, queue, &self->wait->waiter);
    case ROLE_JOIN:
        return pp_queue_start_done(t, queue, &self->wait->waiter);
    }
    return PP_ERR_ARGUMENT;
}

/* Begins to wait for `what`. True where there is nothing to wait for. */
static PyObject *begin(wait_object *self, role what)
{
    pp_value got = PP_NO_VALUE;
    pp_status status;
    if (self->phase != PHASE_NEW) {
        PyErr_SetString(PyExc_RuntimeError, "a QueueWait is used once");
        return NULL;
    }
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    self->role = what;
    /* Before it can be notified. */
    atomic_fetch_add_explicit(&self->wait->holders, 1, memory_order_relaxed);
    SHARE_FINISH(t, status, start(t, self, &got));
    if (status == PP_ERR_WAITING) {
        self->phase = PHASE_WAITING;
        Py_RETURN_FALSE;
    }
    drop_wait(self->wait);
    if (status != PP_OK)
        return share_queue_raise(status, "Empty");
    if (what == ROLE_GET)
        self->item = got;
    self->phase = PHASE_READY;
    Py_RETURN_TRUE;
}

PyDoc_STRVAR(start_get_doc, "start_get($self, /)\n--\n\n"
                            "Begin to wait for an item. True where finish() has one at once.");

static PyObject *QueueWait_start_get(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return begin((wait_object *)self, ROLE_GET);
}

PyDoc_STRVAR(start_put_doc, "start_put($self, item, /)\n--\n\n"
                            "Begin to wait for a place for the item, which finish() puts there.");

static PyObject *QueueWait_start_put(PyObject *o, PyObject *item)
{
    wait_object *self = (wait_object *)o;
    if (self->phase == PHASE_NEW && !self->item.word &&
        share_value_of(share_state_of(self->queue), item, &self->item))
        return NULL;
    return begin(self, ROLE_PUT);
}

PyDoc_STRVAR(start_join_doc, "start_join($self, /)\n--\n\nBegin to wait until all tasks are done.");

static PyObject *QueueWait_start_join(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return begin((wait_object *)self, ROLE_JOIN);
}

/* From WAITING to READY or ENDED, where the wait is finished. */
static pp_status take_outcome(wait_object *self)
{
    pp_value got = PP_NO_VALUE;
    pp_thread *t = share_begin();
    if (!t)
        return PP_ERR_NOMEM;
    pp_status status = pp_waiter_finish(t, &self->wait->waiter, &got);
    share_end(t);
    if (status == PP_ERR_WAITING)
        return status;
    if (status == PP_ERR_GONE) /* in the child of fork: nobody will notify */
        drop_wait(self->wait);
    self->phase = status == PP_OK ? PHASE_READY : PHASE_ENDED;
    if (self->role == ROLE_GET)
        self->item = got;
    return status;
}

/* Puts the item where a place is reserved for it. */
static PyObject *put_reserved(wait_object *self)
{
    pp_status status;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    SHARE_FINISH(t, status,
                 pp_queue_put_reserved(t, share_queue_of_proxy(self->queue), self->item));
    if (status == PP_ERR_NOMEM)
        return PyErr_NoMemory(); /* the place is still there */
    self->phase = PHASE_ENDED;
    if (status != PP_OK)
        return share_queue_raise(status, "Full");
    self->item = PP_NO_VALUE;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(finish_doc, "finish($self, /)\n--\n\n"
                         "End a wait that was notified, or needed none: the item that was got, or\n"
                         "None. ShutDown where the queue was shut down.");

static PyObject *QueueWait_finish(PyObject *o, PyObject *Py_UNUSED(ignored))
{
    wait_object *self = (wait_object *)o;
    if (self->phase == PHASE_WAITING) {
        pp_status status = take_outcome(self);
        if (status != PP_OK)
            return share_queue_raise(status, "Empty");
    }
    if (self->phase != PHASE_READY) {
        PyErr_SetString(PyExc_RuntimeError, "no wait is under way");
        return NULL;
    }
    if (self->role == ROLE_PUT)
        return put_reserved(self);
    self->phase = PHASE_ENDED;
    if (self->role == ROLE_JOIN)
        Py_RETURN_NONE;
    pp_value item = self->item;
    self->item = PP_NO_VALUE;
    return share_queue_deliver(self->queue, item);
}

/* Ends the wait where it is not finished: WAITING becomes ENDED. Otherwise takes the outcome. */
static void cancel(wait_object *self)
{
    pp_value none = PP_NO_VALUE;
    pp_status status;
    pp_thread *t = share_begin();
    if (!t)
        return;
    SHARE_FINISH(t, status, pp_waiter_cancel(t, &self->wait->waiter, &none));
    if (status == PP_OK) {
        self->phase = PHASE_ENDED;
        drop_wait(self->wait); /* for who will not notify */
    } else {
        (void)take_outcome(self);
    }
}

/* Gives up the place that was reserved. */
static void leave_place(wait_object *self)
{
    pp_status status;
    pp_thread *t = share_begin();
    if (!t)
        return;
    SHARE_FINISH(t, status, pp_queue_leave_place(t, share_queue_of_proxy(self->queue)));
    (void)status;
}

/* As if the wait had never been: nothing is taken or put, nothing kept. */
static void give_up(wait_object *self)
{
    if (self->phase == PHASE_WAITING)
        cancel(self);
    pp_value item = self->item;
    self->item = PP_NO_VALUE;
    if (self->phase == PHASE_READY && self->role == ROLE_PUT)
        leave_place(self);
    if (self->phase == PHASE_READY && self->role == ROLE_GET)
        share_queue_return(self->queue, item);
    else if (item.word)
        share_release(item);
    self->phase = PHASE_ENDED;
}

PyDoc_STRVAR(abandon_doc,
             "abandon($self, /)\n--\n\n"
             "End the wait, whether it is finished or not, as if it had never been: an\n"
             "item that was got goes back to the front. Does nothing after finish().");

static PyObject *QueueWait_abandon(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    give_up((wait_object *)self);
    Py_RETURN_NONE;
}

static void QueueWait_dealloc(PyObject *o)
{
    wait_object *self = (wait_object *)o;
    PyTypeObject *type = Py_TYPE(o);
    PyObject *exception, *value, *traceback;
    PyErr_Fetch(&exception, &value, &traceback);
    give_up(self);
    PyErr_Restore(exception, value, traceback);
    drop_wait(self->wait);
    Py_DECREF(self->queue);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *get_token(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(((wait_object *)self)->wait->token);
}

static PyMethodDef wait_methods[] = {
    SHARE_NOARGS(QueueWait, start_get),  SHARE_ONE(QueueWait, start_put),
    SHARE_NOARGS(QueueWait, start_join), SHARE_NOARGS(QueueWait, finish),
    SHARE_NOARGS(QueueWait, abandon),    {NULL, NULL, 0, NULL},
};

static PyGetSetDef wait_getset[] = {
    {"token", get_token, NULL, "What QueueNotifier.drain() tells it by, an int.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(
    QueueWait_doc,
    "QueueWait(notifier, queue)\n--\n\n"
    "One wait for a queue in the event loop that watches *notifier*: start_get, start_put or\n"
    "start_join, then finish or abandon. Used by one thread at a time.");

static PyType_Slot wait_slots[] = {
    {Py_tp_doc, (void *)QueueWait_doc}, {Py_tp_new, QueueWait_new},
    {Py_tp_dealloc, QueueWait_dealloc}, {Py_tp_methods, wait_methods},
    {Py_tp_getset, wait_getset},        {0, NULL},
};

static PyType_Spec wait_spec = {
    .name = "parapack._parapack.QueueWait",
    .basicsize = sizeof(wait_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = wait_slots,
};

int share_queue_loop_add_types(PyObject *module, module_state *st)
{
    PyTypeObject *notifier = (PyTypeObject *)PyType_FromModuleAndSpec(module, &notifier_spec, NULL);
    st->share.queue_notifier_type = notifier;
    if (!notifier || PyModule_AddType(module, notifier))
        return -1;
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &wait_spec, NULL);
    int failed = !type || PyModule_AddType(module, type);
    Py_XDECREF(type);
    return failed ? -1 : 0;
}
