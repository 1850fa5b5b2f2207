#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "base/clock.h"

uint64_t pp_clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    /* One more, so that the first instant of the clock is no PP_NO_WAIT. */
    return (uint64_t)now.tv_sec * PP_SECOND + (uint64_t)now.tv_nsec + 1;
}

uint64_t pp_deadline_after(uint64_t timeout)
{
    if (timeout == PP_NO_WAIT || timeout == PP_FOREVER)
        return timeout;
    uint64_t now = pp_clock_now();
    return timeout < PP_FOREVER - now ? now + timeout : PP_FOREVER;
}

bool pp_deadline_passed(uint64_t deadline)
{
    if (deadline == PP_NO_WAIT)
        return true;
    return deadline != PP_FOREVER && pp_clock_now() >= deadline;
}

uint64_t pp_deadline_left(uint64_t deadline)
{
    if (deadline == PP_NO_WAIT || deadline == PP_FOREVER)
        return deadline;
    uint64_t now = pp_clock_now();
    return now < deadline ? deadline - now : 0;
}
