/* Scopes of the share runtime: what is rarely needed. */
#include "share_scope.h"

pp_thread *share_begin_slowly(void)
{
    pp_thread *t = pp_thread_self();
    if (!t) {
        PyErr_NoMemory();
        return NULL;
    }
    while (!pp_thread_try_enter(t)) {
        Py_BEGIN_ALLOW_THREADS
            pp_thread_await(t);
        Py_END_ALLOW_THREADS
    }
    return t;
}

PyThreadState *share_wait_begin(pp_thread *t)
{
    share_end(t);
    PyThreadState *saved = PyEval_SaveThread();
    pp_thread_enter(t);
    return saved;
}

void share_wait_end(pp_thread *t, PyThreadState *saved)
{
    pp_thread_leave(t);
    PyEval_RestoreThread(saved);
}

PyObject *share_raise(pp_status status)
{
    PyObject *type = PyExc_RuntimeError;
    switch (status) {
    case PP_ERR_NOMEM:
        return PyErr_NoMemory();
    case PP_ERR_TYPE:
        type = PyExc_TypeError;
        break;
    case PP_ERR_RANGE:
        type = PyExc_OverflowError;
        break;
    case PP_ERR_TOO_LONG:
    case PP_ERR_DEPTH:
    case PP_ERR_UTF8:
        type = PyExc_ValueError;
        break;
    default:
        break;
    }
    PyErr_SetString(type, pp_status_text(status));
    return NULL;
}

size_t share_collect(void)
{
    size_t garbage = 0;
    pp_thread *t = pp_thread_self();
    if (t) {
        Py_BEGIN_ALLOW_THREADS
            garbage = pp_collect(t);
        Py_END_ALLOW_THREADS
    }
    return garbage;
}
