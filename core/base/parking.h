/* The parking lot: threads that wait, found by the address they wait for.
 *
 * So a lock can be one byte: whoever has to wait for it parks under its address, and
 * whoever lets go looks there. The lot is a fixed hash table of buckets; the nodes
 * of its queues lie on the stacks of the threads that wait. Each bucket has a lock
 * that is held for a few instructions and never while anything sleeps, wakes, or
 * takes a lock of its own.
 *
 * Invariants
 *   P1 A node is in its bucket's queue from the moment its check said yes until it is
 *      unparked or removes itself; both happen under the bucket's lock, so only one
 *      of them happens.
 *   P2 Nodes with the same address leave in the order in which they came, except for
 *      those that give up.
 *   P3 No wake-up is lost: the check and the queueing are one step under the bucket's
 *      lock. Whoever first changes what the check looks at and then unparks either finds
 *      the node, or its change was seen by the check.
 *   P4 A node is not touched after its thread was signalled. */
#ifndef PP_BASE_PARKING_H
#define PP_BASE_PARKING_H

#include "parapack/config.h"

typedef enum pp_park_result {
    PP_PARK_WOKEN,      /* unparked by another thread */
    PP_PARK_MISMATCH,   /* the check said no: the thread did not sleep */
    PP_PARK_TIMEOUT,    /* the deadline came first */
    PP_PARK_INTERRUPTED /* a signal handler ran first */
} pp_park_result;

typedef struct pp_park_request {
    /* Says, under the bucket's lock, whether to wait. It must only look at memory
     * and store: no locks, no parking, no unparking. NULL: always. */
    bool (*check)(void *context);
    /* Called before the thread sleeps, when it can already be unparked, without the
     * bucket's lock: a place to release a lock or to detach. NULL: nothing. */
    void (*before_sleep)(void *context);
    void *context;
    /* base/clock.h. With PP_NO_WAIT the thread queues and takes itself out again. */
    uint64_t deadline;
    /* For the thread that unparks: what the waiter wants or where to put it. Valid until
     * pp_park() returns; not NULL if an unpark callback is to tell it from nobody. */
    void *token;
    /* End when a handler without SA_RESTART has run in this thread. Systems other
     * than Linux do not tell: who depends on it waits in slices there. */
    bool interruptible;
} pp_park_request;

/* Parks the calling thread under `address`, which is never dereferenced. What the
 * unparking thread did before and in its callback happened before PP_PARK_WOKEN is
 * returned; there are no wake-ups without a reason. Thread safety: any thread. */
pp_park_result pp_park(const void *address, const pp_park_request *request);

/* What pp_unpark_one() has found: `token` of the thread that is about to be woken, or NULL
 * if none waits; `more`: others wait for the same address. Runs under the bucket's lock,
 * before the thread can run, with the rules of pp_park_request.check. A thread that gives
 * up is never seen here: either it was woken, or it was not there. */
typedef void (*pp_unpark_callback)(void *context, void *token, bool more);

/* Wakes the thread that has waited longest for `address`, if any. `callback` (NULL:
 * none) is always called, exactly once. Returns whether there was one. `address` may have
 * become invalid as soon as the callback has run. Thread safety: any thread. */
bool pp_unpark_one(const void *address, pp_unpark_callback callback, void *context);

/* Wakes all that wait for `address` at this moment. Returns how many.
 * Thread safety: any thread. */
size_t pp_unpark_all(const void *address);

/* How many threads wait for `address` at this moment: for tests and statistics.
 * Thread safety: any thread. */
size_t pp_parked_count(const void *address);

/* In the child of fork(), before anything else of this file: the threads that waited
 * are gone, and so are locks they may have held. Thread safety: the only thread. */
void pp_parking_after_fork_child(void);

#endif /* PP_BASE_PARKING_H */
