/* Places where a thread that loses the processor may show a bug.
 *
 * Between two steps that other threads can tell apart stands PP_YIELD_POINT().
 * It is nothing, except in hostile builds (PARAPACK_HOSTILE): there it gives up
 * the processor now and then, or holds the thread up for a moment, by the
 * thread's own reproducible sequence of random numbers. */
#ifndef PP_BASE_YIELD_POINT_H
#define PP_BASE_YIELD_POINT_H

#include "parapack/config.h"

#if defined(PP_HOSTILE)
#define PP_YIELD_POINT() pp_yield_point_()
/* The macro's function. Thread safety: any thread. Keeps errno. */
void pp_yield_point_(void);
#else
#define PP_YIELD_POINT() ((void)0)
#endif

#endif /* PP_BASE_YIELD_POINT_H */
