/* share_scope.h - calls from Python into the share runtime.
 *
 * A call converts its arguments, begins a scope (parapack/thread.h), works, ends
 * the scope, and makes its result. Two rules keep the GIL and the runtime from
 * waiting for each other in a circle (docs/share.md):
 *
 *   1. Inside a scope the GIL is never waited for, and nothing is called that could
 *      run Python code or start a garbage collection. Making a str, bytes, int
 *      or float is allowed.
 *   2. While the GIL is held no other thread of the runtime is waited for: what
 *      would have to says PP_ERR_BUSY, and is called again without the GIL.
 *
 *     pp_thread *t = share_begin();
 *     if (!t)
 *         return NULL;
 *     pp_status status;
 *     SHARE_FINISH(t, status, pp_dict_clear(t, dict));
 *     if (status != PP_OK)
 *         return share_raise(status);
 */
#ifndef PARAPACK_EXT_SHARE_SCOPE_H
#define PARAPACK_EXT_SHARE_SCOPE_H

#include "pycompat.h"

#include "parapack/collect.h"
#include "parapack/status.h"
#include "parapack/thread.h"

/* share_begin() where the thread has no record yet or a pause is on. (share_scope.c) */
PP_COLD pp_thread *share_begin_slowly(void);

/* Begins a scope, in which nothing waits for another thread. Gives the GIL up for as long
 * as a pause is on. Returns the calling thread's record, or NULL with MemoryError. */
PP_INLINE pp_thread *share_begin(void)
{
    pp_thread *t = pp_thread_self();
    if (PP_LIKELY(t && pp_thread_try_enter(t)))
        return t;
    return share_begin_slowly();
}

/* Ends it. */
PP_INLINE void share_end(pp_thread *t)
{
    pp_thread_leave(t);
}

/* After PP_ERR_BUSY: ends the scope, gives the GIL up, and begins a scope that may wait. No Python
 * object may be touched, except for bytes of immutable ones that the caller holds. */
PP_COLD PyThreadState *share_wait_begin(pp_thread *t);

/* Ends that scope and takes the GIL back. */
PP_COLD void share_wait_end(pp_thread *t, PyThreadState *saved);

/* `status` = `call`, made again in a scope that may wait if it says PP_ERR_BUSY; ends the scope in
 * both cases. What the call gives out must be counted, or no reference. */
#define SHARE_FINISH(t, status, call)                                                              \
    do {                                                                                           \
        (status) = (call);                                                                         \
        if (PP_UNLIKELY((status) == PP_ERR_BUSY)) {                                                \
            PyThreadState *saved_ = share_wait_begin(t);                                           \
            (status) = (call);                                                                     \
            share_wait_end(t, saved_);                                                             \
        } else {                                                                                   \
            share_end(t);                                                                          \
        }                                                                                          \
    } while (0)

/* Raises the exception for a status that no caller expects: MemoryError, TypeError, ValueError,
 * OverflowError, RuntimeError. Returns NULL. */
PP_COLD PyObject *share_raise(pp_status status);

/* Collects without the GIL. (share_scope.c) */
size_t share_collect(void);

/* To be called where containers were made, outside of scopes: collects if it is time. */
PP_INLINE void share_collect_if_wanted(void)
{
    if (PP_UNLIKELY(pp_collect_wanted()))
        share_collect();
}

#endif /* PARAPACK_EXT_SHARE_SCOPE_H */
