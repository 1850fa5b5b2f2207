/* Threads for tests: a crew that starts together, and what its members may check.
 *
 * cmocka's assertions end the test by a longjmp and so work in the main thread
 * alone. Members count failures instead; crew_join() asserts that there were none. */
#ifndef PP_TEST_CREW_H
#define PP_TEST_CREW_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "test.h"

enum { CREW_MAX = 64 };

typedef struct crew {
    pthread_t threads[CREW_MAX];
    struct crew_member {
        struct crew *crew;
        int index;
    } members[CREW_MAX];
    int size;
    pthread_barrier_t start;
    void (*work)(struct crew *crew, int index);
    void *context;
    _Atomic int failures;
    _Atomic int finished; /* members whose work has returned */
} crew;

/* In a member: counts a failure and says where, unless `condition` holds. */
#define crew_check(c, condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            atomic_fetch_add(&(c)->failures, 1);                                                   \
        }                                                                                          \
    } while (0)

/* Waits for what other threads are about to do. No sleep, no limit: a test that hangs
 * is ended by CTest. */
#define wait_until(condition)                                                                      \
    do {                                                                                           \
        while (!(condition))                                                                       \
            sched_yield();                                                                         \
    } while (0)

static inline void *crew_main_(void *argument)
{
    struct crew_member *member = argument;
    crew *c = member->crew;
    pthread_barrier_wait(&c->start);
    c->work(c, member->index);
    atomic_fetch_add(&c->finished, 1);
    return NULL;
}

/* Starts `size` threads, each of which calls work(crew, 0 .. size-1) when all exist. */
static inline void crew_start(crew *c, int size, void (*work)(crew *c, int index), void *context)
{
    assert_in_range(size, 1, CREW_MAX);
    c->size = size;
    c->work = work;
    c->context = context;
    atomic_init(&c->failures, 0);
    atomic_init(&c->finished, 0);
    assert_int_equal(pthread_barrier_init(&c->start, NULL, (unsigned)size), 0);
    for (int i = 0; i < size; i++) {
        c->members[i] = (struct crew_member){c, i};
        assert_int_equal(pthread_create(&c->threads[i], NULL, crew_main_, &c->members[i]), 0);
    }
}

static inline void crew_join(crew *c)
{
    for (int i = 0; i < c->size; i++)
        assert_int_equal(pthread_join(c->threads[i], NULL), 0);
    pthread_barrier_destroy(&c->start);
    assert_int_equal(atomic_load(&c->failures), 0);
}

static inline void crew_run(int size, void (*work)(crew *c, int index), void *context)
{
    crew c;
    crew_start(&c, size, work, context);
    crew_join(&c);
}

#endif
