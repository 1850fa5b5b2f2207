/* share/pause.h - stopping every thread's scopes for a moment.
 *
 * pp_pause_begin takes the list lock, sets PAUSED in every record (thread.h) and
 * waits until none but the caller's is ATTACHED. It waits for calls in flight,
 * not for idle threads. While the pause is on the caller alone may look at all
 * objects and all records. It takes no lock, allocates nothing from the runtime's
 * heaps and runs no code of others: whoever was stopped may hold any lock
 * (CPython gh-133130, gh-144513).
 *
 * Threads that a pause turned away enter before the next one begins, so that
 * pauses one after the other starve nobody (CPython gh-151518).
 *
 * Invariants (tests/models/thread_pause.pml):
 *   P1  Between begin and end no thread is inside a scope but the caller.
 *   P2  A thread that was made meanwhile cannot enter.
 *   P3  Every thread that waits to enter does so after finitely many pauses.
 */
#ifndef PP_SHARE_PAUSE_H
#define PP_SHARE_PAUSE_H

#include "share/thread.h"

/* Stops all others. `thread` is the caller's own, or NULL if it has none. The caller is outside of
 * scopes or in one that may wait, holds no lock of the runtime, and holds no lock of its own that a
 * thread inside a scope could want. `grace` says how long to wait for threads that the last pause
 * turned away, in nanoseconds (0: not at all; fork cannot wait for them). Pauses of several threads
 * queue up. Returns the time it took until all had stopped, in nanoseconds. */
uint64_t pp_pause_begin(pp_thread *thread, uint64_t grace);

/* Lets them go on; then does the work that was left to the end of the pause
 * (pp_thread_help_others). */
void pp_pause_end(pp_thread *thread);

/* Whether the caller is in a pause of its own. */
bool pp_pause_is_mine(void);

/* What pauses have cost so far, in nanoseconds. */
typedef struct pp_pause_figures {
    uint64_t count;
    uint64_t wait_last, wait_max;                   /* from the wish until all had stopped */
    uint64_t length_last, length_max, length_total; /* from then until all could go on */
} pp_pause_figures;

/* Each figure is right at some moment of the call. Thread safety: any thread. */
void pp_pause_figures_get(pp_pause_figures *figures);

#endif /* PP_SHARE_PAUSE_H */
