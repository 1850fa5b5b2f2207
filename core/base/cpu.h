/* What waiting code tells the processor. */
#ifndef PP_BASE_CPU_H
#define PP_BASE_CPU_H

#include <stdatomic.h>

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

/* After a seq_cst read-modify-write: no later load of any kind is performed before its
 * store is visible to all. On x86 the operation is a full barrier by itself; elsewhere
 * its store may still be on its way when a later plain load is done. ThreadSanitizer does not
 * know fences, and needs none: it does not reorder. */
PP_INLINE void pp_barrier_after_rmw(void)
{
#if !defined(__x86_64__) && !defined(__i386__) && !defined(__SANITIZE_THREAD__)
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif /* PP_BASE_CPU_H */
