/* parapack/thread.h - threads as the share runtime knows them.
 *
 * Objects of the share runtime (lists, dicts, sets, queues, documents) belong to
 * the process. A thread works with them inside a scope: from pp_thread_enter to
 * pp_thread_leave. Inside a scope
 *
 *   - what a container hands out may be borrowed: it stays readable until the
 *     scope ends, without a count (see object.h for keeping it longer);
 *   - a collection's pause waits for the scope to end, so a scope is short: it
 *     does not wait for anything but this library's own calls. A long one calls
 *     pp_thread_checkpoint now and then.
 *
 * Outside of a scope a thread holds counted references only, and costs nobody
 * anything: pauses and reclamation do not wait for it.
 */
#ifndef PARAPACK_THREAD_H
#define PARAPACK_THREAD_H

#include "parapack/config.h"
#include "parapack/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the runtime knows of one thread. Opaque; used by that thread alone. Made
 * at its first pp_thread_self, given back when the thread ends (a thread that
 * ends inside a scope leaves it). Never freed: the next new thread takes it over
 * with its heap and whatever it still owns. */
typedef struct pp_thread pp_thread;

/* The calling thread's record; NULL when there is no memory for one.
 * Thread safety: any thread. A few nanoseconds after the first time. */
PP_API PP_NODISCARD pp_thread *pp_thread_self(void);

/* A number for this thread: never 0, never used again for another one. */
PP_API uint64_t pp_thread_id(const pp_thread *thread);

/* Begins a scope; scopes nest, and only the outermost counts. Waits while a pause
 * is on. `thread` is the caller's own. */
PP_API void pp_thread_enter(pp_thread *thread);

/* Ends the scope that pp_thread_enter began. What was borrowed is no longer to be
 * touched when the outermost ends. */
PP_API void pp_thread_leave(pp_thread *thread);

/* As pp_thread_enter, for a caller that holds a lock of its own which others may
 * want while it waits (CPython's GIL): returns false, and has begun nothing, where
 * it would wait. Then give up that lock, call pp_thread_await, take the lock back
 * and try again.
 *
 * Inside a scope that was begun so, calls that would have to wait for another
 * thread return PP_ERR_BUSY and have done nothing. */
PP_API PP_NODISCARD bool pp_thread_try_enter(pp_thread *thread);

/* Waits until a pause that turned this thread away is over; at once where none is
 * on. The next pause lets it enter first. Outside of scopes. */
PP_API void pp_thread_await(pp_thread *thread);

/* Ends the outermost scope and begins it again: lets a pause in, lets memory be
 * reclaimed. Borrowed references end with it. In a scope that pp_thread_try_enter
 * began it does nothing while a pause is wanted and returns false. */
PP_API bool pp_thread_checkpoint(pp_thread *thread);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_THREAD_H */
