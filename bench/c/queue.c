/* Times the queue: put and get by one thread and by two, a stream from one thread to another, and
 * ping-pong through two queues, beside a ring under a pthread mutex and a bare futex.
 *
 * Usage: bench_queue [ROUNDS]   (default 7)
 * Prints the median of the rounds, which are interleaved, and ratios. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "parapack/parapack.h"
#include "parapack/queue.h"

enum { MOST_ROUNDS = 99, PAIRS = 300000, TRIPS = 30000, STREAM = 300000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void check(pp_status status)
{
    if (status != PP_OK) {
        fprintf(stderr, "%s\n", pp_status_text(status));
        exit(1);
    }
}

/* ---- two threads that start together ---------------------------------------------- */

typedef struct pair {
    pthread_barrier_t start;
    void (*work)(void *context, int index);
    void *context;
} pair;

typedef struct member {
    pair *pair;
    int index;
    double begun, ended;
} member;

static void *member_main(void *argument)
{
    member *m = argument;
    pthread_barrier_wait(&m->pair->start);
    m->begun = now();
    m->pair->work(m->pair->context, m->index);
    m->ended = now();
    return NULL;
}

/* The nanoseconds that `threads` calls of work take at once. */
static double timed(void (*work)(void *context, int index), void *context, int threads)
{
    pair p = {.work = work, .context = context};
    pthread_t ids[2];
    member members[2];
    double begun = 1e300, ended = 0;
    pthread_barrier_init(&p.start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        members[i] = (member){.pair = &p, .index = i};
        pthread_create(&ids[i], NULL, member_main, &members[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        begun = members[i].begun < begun ? members[i].begun : begun;
        ended = members[i].ended > ended ? members[i].ended : ended;
    }
    pthread_barrier_destroy(&p.start);
    return ended - begun;
}

/* ---- a ring under a mutex, for comparison -------------------------------------------- */

typedef struct plain {
    pthread_mutex_t mutex;
    uint64_t ring[1024];
    size_t first, count;
} plain;

static void plain_pairs(void *context, int index)
{
    plain *p = context;
    (void)index;
    for (uint64_t i = 0; i < PAIRS; i++) {
        pthread_mutex_lock(&p->mutex);
        p->ring[(p->first + p->count++) & 1023] = i;
        pthread_mutex_unlock(&p->mutex);
        pthread_mutex_lock(&p->mutex);
        p->first++;
        p->count--;
        pthread_mutex_unlock(&p->mutex);
    }
}

/* ---- the queue ------------------------------------------------------------------------ */

static pp_queue *make(void)
{
    pp_thread *self = pp_thread_self();
    pp_queue *queue;
    pp_thread_enter(self);
    check(pp_queue_new(self, 0, &queue));
    pp_thread_leave(self);
    return queue;
}

static void drop(pp_queue *queue)
{
    pp_thread *self = pp_thread_self();
    pp_thread_enter(self);
    pp_release(self, pp_queue_object(queue));
    pp_thread_leave(self);
}

static pp_value number(pp_thread *self, int64_t n)
{
    pp_value value;
    check(pp_int(self, n, &value));
    return value;
}

static void pairs_in_scopes(void *context, int index)
{
    pp_thread *self = pp_thread_self();
    pp_value item = number(self, index);
    for (int i = 0; i < PAIRS; i++) {
        pp_thread_enter(self);
        check(pp_queue_try_put(self, context, item));
        pp_thread_leave(self);
        pp_thread_enter(self);
        check(pp_queue_try_get(self, context, &item));
        pp_thread_leave(self);
    }
}

static void pairs_in_one_scope(void *context, int index)
{
    pp_thread *self = pp_thread_self();
    pp_value item = number(self, index);
    pp_thread_enter(self);
    for (int i = 0; i < PAIRS; i++) {
        check(pp_queue_try_put(self, context, item));
        check(pp_queue_try_get(self, context, &item));
    }
    pp_thread_leave(self);
}

static void stream(void *context, int index)
{
    pp_thread *self = pp_thread_self();
    pp_value item = number(self, 1);
    for (int i = 0; i < STREAM; i++)
        check(index == 0 ? pp_queue_wait_put(self, context, item, PP_FOREVER, false)
                         : pp_queue_wait_get(self, context, &item, PP_FOREVER, false));
}

static void ping_pong(void *context, int index)
{
    pp_queue **queues = context;
    pp_thread *self = pp_thread_self();
    pp_value item = number(self, 1);
    for (int i = 0; i < TRIPS; i++) {
        if (index == 0)
            check(pp_queue_wait_put(self, queues[index], item, PP_FOREVER, false));
        check(pp_queue_wait_get(self, queues[1 - index], &item, PP_FOREVER, false));
        if (index == 1)
            check(pp_queue_wait_put(self, queues[index], item, PP_FOREVER, false));
    }
}

/* ---- ping-pong on a futex ----------------------------------------------------------------- */

static void futex_ping_pong(void *context, int index)
{
    _Atomic uint32_t *turn = context;
    for (int i = 0; i < TRIPS; i++) {
        while (atomic_load(turn) != (uint32_t)index)
            syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, 1 - index, NULL, NULL, 0);
        atomic_store(turn, (uint32_t)(1 - index));
        syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

/* ---- what is measured ------------------------------------------------------------------------ */

typedef struct figure {
    const char *name;
    void (*work)(void *context, int index);
    int threads;
    double operations; /* of all threads */
    double values[MOST_ROUNDS];
} figure;

static void measure(figure *f, int round)
{
    static plain mutex_ring = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    _Atomic uint32_t turn = 0;
    pp_queue *queues[2] = {make(), make()};
    void *context = f->work == plain_pairs       ? (void *)&mutex_ring
                    : f->work == futex_ping_pong ? (void *)&turn
                    : f->work == ping_pong       ? (void *)queues
                                                 : (void *)queues[0];
    f->values[round] = timed(f->work, context, f->threads) / f->operations;
    drop(queues[0]);
    drop(queues[1]);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static figure figures[] = {
        {.name = "put+get, mutex and ring", .work = plain_pairs, .threads = 1, .operations = PAIRS},
        {.name = "put+get, one scope",
         .work = pairs_in_one_scope,
         .threads = 1,
         .operations = PAIRS},
        {.name = "put+get, a scope each",
         .work = pairs_in_scopes,
         .threads = 1,
         .operations = PAIRS},
        {.name = "put+get, mutex and ring",
         .work = plain_pairs,
         .threads = 2,
         .operations = 2.0 * PAIRS},
        {.name = "put+get, a scope each",
         .work = pairs_in_scopes,
         .threads = 2,
         .operations = 2.0 * PAIRS},
        {.name = "one puts, one gets", .work = stream, .threads = 2, .operations = STREAM},
        {.name = "round trip, futex", .work = futex_ping_pong, .threads = 2, .operations = TRIPS},
        {.name = "round trip, two queues", .work = ping_pong, .threads = 2, .operations = TRIPS},
    };
    enum { FIGURES = sizeof figures / sizeof figures[0] };
    int rounds = argc > 1 ? atoi(argv[1]) : 7;
    if (rounds < 1 || rounds > MOST_ROUNDS)
        return 2;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < FIGURES; i++)
            measure(&figures[i], round);
    double medians[FIGURES];
    for (int i = 0; i < FIGURES; i++) {
        figure *f = &figures[i];
        qsort(f->values, (size_t)rounds, sizeof f->values[0], ascending);
        medians[i] = f->values[rounds / 2];
        printf("%-26s %d thread%s %9.1f ns  (%.1f to %.1f)\n", f->name, f->threads,
               f->threads == 1 ? " " : "s", medians[i], f->values[0], f->values[rounds - 1]);
    }
    printf("put+get, times the rate of mutex and ring   %.2f\n", medians[0] / medians[2]);
    printf("the same on two threads                     %.2f\n", medians[3] / medians[4]);
    printf("put+get, two threads, times one             %.2f\n", medians[2] / medians[4]);
    printf("round trips, times the futex's rate         %.2f\n", medians[6] / medians[7]);
    return 0;
}
