#include "slice.h"

#include <sched.h>
#include <time.h>

enum {
    NS_PER_SEC = 1000000000,
    LENGTH_MAX = 1000000, /* ns: a slice is at most this long */
    RETAKE_LONG = 20000,  /* ns: taking the GIL again took so long that somebody else had it */
    PAUSE = 20000,        /* ns: how long a contended release lets others come first */
    PAUSES = 32,          /* releases that pause after one contended one */
    PAUSE_EVERY = 4,      /* releases of which one pauses where nobody is known to wait */
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

/* A slice lasts a fifth of the switch interval, at most LENGTH_MAX. */
static int64_t slice_length(module_state *st)
{
    PyObject *interval = PyObject_CallNoArgs(st->getswitchinterval);
    if (!interval) {
        PyErr_Clear();
        return LENGTH_MAX;
    }
    double seconds = PyFloat_AsDouble(interval);
    Py_DECREF(interval);
    if (seconds < 0) {
        PyErr_Clear();
        return LENGTH_MAX;
    }
    double ns = seconds * NS_PER_SEC / 5;
    return ns < LENGTH_MAX ? (int64_t)ns : LENGTH_MAX;
}

/* A free-threaded build may have a GIL all the same: PYTHON_GIL=1, or an extension that wants one.
 */
static bool without_gil(module_state *st)
{
    if (!st->is_gil_enabled)
        return false;
    PyObject *enabled = PyObject_CallNoArgs(st->is_gil_enabled);
    if (!enabled)
        PyErr_Clear();
    Py_XDECREF(enabled);
    return enabled == Py_False;
}

static void give_way(slice *s)
{
    PyThreadState *thread = PyEval_SaveThread();
    if (s->no_gil) {
        PyEval_RestoreThread(thread);
        s->began = now();
        return;
    }
    if (s->pauses || s->releases++ % PAUSE_EVERY == 0) {
        struct timespec pause = {0, PAUSE};
        if (s->pauses)
            s->pauses--;
        nanosleep(&pause, NULL);
    }
    int64_t asked = now();
    PyEval_RestoreThread(thread);
    s->began = now();
    if (s->began - asked > RETAKE_LONG)
        s->pauses = PAUSES;
}

int slice_checkpoint(slice *s)
{
    s->budget = SLICE_BUDGET;
    if (s->hold)
        return 0;
    int64_t t = now();
    if (s->began == 0) {
        s->began = t;
        s->length = slice_length(s->state);
        s->no_gil = without_gil(s->state);
        return 0;
    }
    if (t - s->began < s->length)
        return 0;
    bool suspended = s->gc_suspended;
    slice_resume_gc(s);
    give_way(s);
    if (PyErr_CheckSignals() < 0)
        return -1;
    if (suspended)
        slice_suspend_gc(s);
    return 1;
}
