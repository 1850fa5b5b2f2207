/* What waiting code tells the processor. */
#ifndef PP_BASE_CPU_H
#define PP_BASE_CPU_H

#include "parapack/config.h"

/* Data that different threads write is kept this many bytes apart. */
#define PP_CACHE_LINE 64

/* In a loop that waits for another thread: takes a few dozen cycles, leaves the
 * core's resources to its other hardware thread, and does not flood the memory
 * bus. */
PP_INLINE void pp_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#elif defined(__GNUC__)
    __asm__ __volatile__("" ::: "memory");
#endif
}

#endif /* PP_BASE_CPU_H */
