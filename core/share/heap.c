/* What both backends of the heap share: the failures that tests ask for. */
#include "share/heap_internal.h"

_Atomic int64_t pp_heap_countdown_ = -1;

void pp_heap_fail_after(int64_t countdown)
{
    /* Relaxed: see pp_heap_must_fail(). */
    atomic_store_explicit(&pp_heap_countdown_, countdown, memory_order_relaxed);
}

bool pp_heap_count_down_(void)
{
    /* Relaxed: exactly one thread takes the step from 0, whatever the order. */
    return atomic_fetch_sub_explicit(&pp_heap_countdown_, 1, memory_order_relaxed) == 0;
}
