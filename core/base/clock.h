/* The monotonic clock and deadlines.
 *
 * Times are nanoseconds in 64 bits, never anything narrower. A deadline is a
 * point of the monotonic clock; a timeout is a length of time. */
#ifndef PP_BASE_CLOCK_H
#define PP_BASE_CLOCK_H

#include "parapack/config.h"

/* As a timeout and as a deadline: wait for ever. */
#define PP_FOREVER UINT64_MAX

/* As a timeout and as a deadline: do not wait at all. */
#define PP_NO_WAIT UINT64_C(0)

#define PP_MICROSECOND UINT64_C(1000)
#define PP_MILLISECOND UINT64_C(1000000)
#define PP_SECOND      UINT64_C(1000000000)

/* Nanoseconds since a fixed point in the past (CLOCK_MONOTONIC); never 0, never
 * PP_FOREVER. Thread safety: any thread; also after fork and in signal handlers. */
uint64_t pp_clock_now(void);

/* The deadline `timeout` nanoseconds from now. PP_NO_WAIT gives PP_NO_WAIT and
 * PP_FOREVER gives PP_FOREVER without a look at the clock; a sum beyond the
 * clock's range is PP_FOREVER. Thread safety: any thread. */
uint64_t pp_deadline_after(uint64_t timeout);

/* Has `deadline` come? Thread safety: any thread. */
bool pp_deadline_passed(uint64_t deadline);

/* The nanoseconds that are left until `deadline`: PP_FOREVER if it never comes, 0
 * once it has passed. Thread safety: any thread. */
uint64_t pp_deadline_left(uint64_t deadline);

#endif /* PP_BASE_CLOCK_H */
