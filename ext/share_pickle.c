/* Pickles of live objects: (kind, number, the process's nonce). A pickle holds no reference. */
#include "share_pickle.h"

#include <stdatomic.h>
#include <sys/random.h>
#include <unistd.h>

#include "share_proxy.h"

/* ---- the nonce ---------------------------------------------------------------------------- */

/* Drawn once, by whichever interpreter comes first: 0 before. */
static _Atomic uint64_t drawn;

/* Tells this process from every other: the child of a fork has its parent's number drawn, but
 * another process id. 0 or -1 with OSError. */
static int process_nonce(uint64_t *nonce)
{
    uint64_t number = atomic_load_explicit(&drawn, memory_order_relaxed);
    if (!number) {
        uint64_t fresh;
        if (getentropy(&fresh, sizeof fresh)) {
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
        fresh |= 1;
        /* Whoever is first decides; the number itself is all there is to see. */
        if (atomic_compare_exchange_strong_explicit(&drawn, &number, fresh, memory_order_relaxed,
                                                    memory_order_relaxed))
            number = fresh;
    }
    *nonce = number ^ (uint64_t)getpid() << 32;
    return 0;
}

/* ---- pickle, open --------------------------------------------------------------------------- */

const char share_proxy_reduce_doc[] =
    "__reduce__($self, /)\n--\n\n"
    "For pickle: the object's number. The pickle opens in this process, in any interpreter, while\n"
    "the object lives, which it does not keep alive; otherwise it raises LookupError.";

PyObject *share_proxy_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    uint64_t id = 0, nonce;
    if (process_nonce(&nonce))
        return NULL;
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_status status = pp_object_id(t, share_object(self), &id);
    share_end(t);
    if (status != PP_OK)
        return share_raise(status);
    return Py_BuildValue("O(iKK)", share_state_of(self)->share.opener,
                         (int)pp_object_kind(share_object(self)), (unsigned long long)id,
                         (unsigned long long)nonce);
}

const char share_open_doc[] = "share_open($module, kind, id, nonce, /)\n--\n\n"
                              "Open what a pickle of a live object says.";

PyObject *share_open(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    uint64_t nonce;
    if (nargs != 3) {
        PyErr_SetString(PyExc_TypeError, "share_open() takes 3 arguments");
        return NULL;
    }
    long kind = PyLong_AsLong(args[0]);
    unsigned long long id = PyErr_Occurred() ? 0 : PyLong_AsUnsignedLongLong(args[1]);
    unsigned long long theirs = PyErr_Occurred() ? 0 : PyLong_AsUnsignedLongLong(args[2]);
    if (PyErr_Occurred() || process_nonce(&nonce))
        return NULL;
    if (theirs != nonce) {
        PyErr_SetString(PyExc_LookupError, "the shared object belongs to another process");
        return NULL;
    }
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_object *object = pp_object_from_id(t, id);
    share_end(t);
    if (object && (long)pp_object_kind(object) == kind)
        return share_proxy_of(state_of_module(module), object);
    if (object)
        share_release(pp_object_value(object));
    PyErr_Format(PyExc_LookupError, "the shared %s %llu is gone", pp_kind_name((pp_kind)kind), id);
    return NULL;
}
