/* A checker for linearizability, and what records the histories that it checks.
 *
 * A history is a set of operations, each with its result and the moments at which it was
 * called and returned. It is linearizable (Herlihy, Wing: "Linearizability: a correctness
 * condition for concurrent objects", 1990) if each operation can be given a moment inside its
 * call so that, done one after the other in this order, they have those very results.
 * The search is that of Wing and Gong (1993) with the memory of Lowe ("Testing for
 * linearizability", 2017): what was tried is the set of operations that are done and the state
 * they led to, and is not tried again.
 *
 * What the operations mean is said by a linear_spec; a linear_target says how they are done to
 * a real object. linear_stress() brings the two together. */
#ifndef PP_TEST_LINEAR_H
#define PP_TEST_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parapack/thread.h"

enum { LINEAR_OPS = 64, LINEAR_STATE = 160, LINEAR_THREADS = 4 };

#define LINEAR_PENDING UINT64_MAX

/* One operation. What code, arguments and results mean is the specification's business. */
typedef struct linear_op {
    unsigned thread;
    unsigned code;
    int64_t a, b;
    uint64_t result, result2;
    uint64_t called;   /* moments, all different */
    uint64_t returned; /* LINEAR_PENDING: it has not; it may have happened or not, its results say
                          nothing */
} linear_op;

typedef struct linear_spec {
    const char *name;
    const char *const *codes; /* their names */
    size_t state_size;        /* at most LINEAR_STATE; compared as bytes, so padding must be 0 */
    /* Does `op` to `state`, which starts as zeros. False if it has another result there (unless it
     * is pending); `state` does not matter then. */
    bool (*step)(void *state, const linear_op *op);
} linear_spec;

/* Whether the history of `count` operations, at most LINEAR_OPS, is linearizable. */
bool linear_check(const linear_spec *spec, const linear_op *ops, size_t count);

/* Prints a history, in order of the calls. */
void linear_print(const linear_spec *spec, const linear_op *ops, size_t count);

/* A kind of object under test. */
typedef struct linear_target {
    const linear_spec *spec;
    /* A new object; the last reference to it is given up by drop. Both inside a scope. */
    void *(*make)(pp_thread *thread);
    void (*drop)(pp_thread *thread, void *object);
    /* Chooses code and arguments of a thread's next operation; `serial` differs for all operations
     * of a history. */
    void (*choose)(linear_op *op, uint64_t *random, unsigned serial);
    /* Does it inside a scope and fills in the results. */
    void (*run)(pp_thread *thread, void *object, linear_op *op);
} linear_target;

/* `rounds` times: `threads` threads do `each` operations to one new object; fails the test with the
 * history where it is not linearizable. threads * each is at most LINEAR_OPS. In the main thread,
 * outside of scopes. PP_LINEAR_LONGER in the environment makes it that many times as many rounds.
 */
void linear_stress(const linear_target *target, unsigned threads, unsigned each, unsigned rounds,
                   uint64_t seed);

#endif
