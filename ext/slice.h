/* slice.h - bounded slices: how long a call may keep everyone else waiting.
 *
 * A pack or unpack of a large graph gives the GIL up at least once every
 * switch interval, as Python code would, and lets signal handlers run. Reading
 * the clock for every object would cost more than packing it, so a slice
 * counts objects down from SLICE_BUDGET and reads the clock when none are
 * left; the first reading of a call only starts its clock, so that small
 * messages never pay for one.
 *
 * Giving the GIL up is not enough for another thread to get it: who takes it
 * back at once wins against a thread that must first wake up, and worse, wakes it
 * every time before it has waited long enough to demand the GIL. So a release now
 * and then waits a moment before it asks for the GIL again; and where taking it
 * back took long, which means that somebody wants it, every one does for a while.
 *
 * On free-threaded builds the same points let a stop-the-world pause through.
 *
 * A slice also keeps automatic garbage collection suspended while it holds the
 * GIL: nothing that is being built can be garbage yet. It comes back before
 * the GIL is given up, before any code of the caller's runs, and on every path
 * out; where the user had switched it off it stays off. Never on free-threaded
 * builds, where other threads run meanwhile.
 */
#ifndef PARAPACK_EXT_SLICE_H
#define PARAPACK_EXT_SLICE_H

#include "state.h"

enum {
    /* Objects between two looks at the clock. Without a GIL a signal and a stop-the-world
     * pause have the time, and threads that read the same container meet less often. */
    SLICE_BUDGET = FREE_THREADED ? 1024 : 256,
};

typedef struct slice {
    int budget;          /* objects left before the clock is read */
    bool hold;           /* never give the GIL up */
    bool gc_suspended;   /* this slice has switched automatic collection off */
    bool no_gil;         /* there is no GIL to be waited for: a release never pauses */
    uint8_t pauses;      /* releases that still wait before taking the GIL again */
    uint8_t releases;    /* so far, modulo 256 */
    int64_t began;       /* monotonic clock, ns; 0 before the first reading */
    int64_t length;      /* ns */
    module_state *state; /* borrowed */
} slice;

PP_INLINE void slice_begin(slice *s, module_state *state, bool hold)
{
    s->budget = SLICE_BUDGET;
    s->hold = hold;
    s->gc_suspended = false;
    s->no_gil = false;
    s->pauses = 0;
    s->releases = 0;
    s->began = 0;
    s->length = 0;
    s->state = state;
}

/* To be called when the budget is used up. Returns 0 to go on, 1 where the GIL
 * was given up meanwhile, so that everything shared must be checked again, or
 * -1 with the exception of a signal handler. Call it outside critical
 * sections. */
int slice_checkpoint(slice *s);

/* Switch automatic collection off, and on again if slice_suspend_gc() did. */
PP_INLINE void slice_suspend_gc(slice *s)
{
#if !FREE_THREADED
    s->gc_suspended = PyGC_Disable();
#else
    (void)s;
#endif
}

PP_INLINE void slice_resume_gc(slice *s)
{
    if (s->gc_suspended) {
        s->gc_suspended = false;
        PyGC_Enable();
    }
}

#endif /* PARAPACK_EXT_SLICE_H */
