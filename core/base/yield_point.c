#include "base/yield_point.h"

/* A file must not be empty, also where there is nothing to do. */
typedef int pp_yield_point_nothing;

#if defined(PP_HOSTILE)
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/cpu.h"

void pp_yield_point_(void)
{
    static _Atomic uint32_t threads;
    static _Thread_local uint64_t random;
    if (random == 0)
        random = UINT64_C(0x9e3779b97f4a7c15) *
                 (1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed));
    random ^= random >> 12;
    random ^= random << 25;
    random ^= random >> 27;
    unsigned choice = (unsigned)((random * UINT64_C(0x2545f4914f6cdd1d)) >> 58);
    if (choice == 0) {
        int saved = errno;
        sched_yield();
        errno = saved;
    } else if (choice < 4) {
        for (unsigned i = 0; i < 64 * choice; i++)
            pp_cpu_relax();
    }
}
#endif
