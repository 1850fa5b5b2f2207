/* share/fork.h - the runtime in the child of fork().
 *
 * fork() copies one thread and all memory, whatever the other threads were doing. So
 * before it, the forking thread pauses the runtime (pause.h), without waiting for anybody who
 * waits to enter: it may hold a lock they need. All other threads are then outside of scopes or
 * blocked in one, and what they own is as consistent as at any pause. Parent and child
 * end the pause, the child after putting right what belonged to those who are gone:
 *
 *   parking lot, mutexes  empty, unlocked: nobody waits, nobody holds
 *   thread records        detached, outside of scopes, free to be taken over
 *   merge queues, retired blocks    worked off at the end of the pause
 *   objects               unlocked, their waiters forgotten (pp_object_type.after_fork)
 *
 * A forking thread that is inside a scope is so in the child, too. */
#ifndef PP_SHARE_FORK_H
#define PP_SHARE_FORK_H

#include "parapack/config.h"

/* Has the three steps called at every fork(), from the first time on. False without memory.
 * Called once, by thread.c. */
PP_NODISCARD bool pp_fork_start(void);

#endif /* PP_SHARE_FORK_H */
