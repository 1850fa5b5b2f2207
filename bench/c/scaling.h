/* Runs the same work on one thread and on two, several cases by turns, and prints rates and their
 * ratios.
 *
 * Every round measures every case on one and on two threads, so that what disturbs the machine
 * for a while disturbs all of them. Figures are medians over the rounds; the ratio of two threads
 * to one is taken inside each round, with its quartiles. */
#ifndef PP_BENCH_SCALING_H
#define PP_BENCH_SCALING_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SCALING_ROUNDS = 15, SCALING_CASES = 32 };

typedef struct scaling_case {
    const char *name;
    void (*work)(void *context, unsigned thread, size_t count); /* does `count` operations */
    void *context;
    size_t count;
    double rate[2][SCALING_ROUNDS]; /* operations per second of one thread, of two together */
} scaling_case;

typedef struct scaling_thread {
    const scaling_case *what;
    pthread_barrier_t *start;
    unsigned index;
    double begun, ended;
    pthread_t thread;
} scaling_thread;

static inline double scaling_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void *scaling_main(void *argument)
{
    scaling_thread *me = argument;
    me->what->work(me->what->context, me->index, me->what->count / 16); /* warm */
    pthread_barrier_wait(me->start);
    me->begun = scaling_now();
    me->what->work(me->what->context, me->index, me->what->count);
    me->ended = scaling_now();
    return NULL;
}

/* Operations per second of `threads` threads, 1 or 2. */
static inline double scaling_rate(const scaling_case *what, unsigned threads)
{
    scaling_thread members[2];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        members[i] = (scaling_thread){.what = what, .start = &start, .index = i};
        if (pthread_create(&members[i].thread, NULL, scaling_main, &members[i]) != 0)
            exit(1);
    }
    double begun = 1e300, ended = 0;
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(members[i].thread, NULL);
        begun = members[i].begun < begun ? members[i].begun : begun;
        ended = members[i].ended > ended ? members[i].ended : ended;
    }
    pthread_barrier_destroy(&start);
    return (double)(threads * what->count) / (ended - begun);
}

static inline int scaling_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The value below which `part` of them are. */
static inline double scaling_quantile(const double *values, double part)
{
    double sorted[SCALING_ROUNDS];
    for (int i = 0; i < SCALING_ROUNDS; i++)
        sorted[i] = values[i];
    qsort(sorted, SCALING_ROUNDS, sizeof *sorted, scaling_compare);
    return sorted[(int)(part * (SCALING_ROUNDS - 1) + 0.5)];
}

/* Of the ratios a/b, round by round. */
static inline double scaling_ratio(const double *a, const double *b, double part)
{
    double ratios[SCALING_ROUNDS];
    for (int i = 0; i < SCALING_ROUNDS; i++)
        ratios[i] = a[i] / b[i];
    return scaling_quantile(ratios, part);
}

static inline void scaling_run(scaling_case *cases, size_t count)
{
    for (int round = 0; round < SCALING_ROUNDS; round++)
        for (size_t i = 0; i < count; i++)
            for (unsigned threads = 1; threads <= 2; threads++)
                cases[i].rate[threads - 1][round] = scaling_rate(&cases[i], threads);
    printf("%-40s %9s %9s %26s\n", "", "1 thread", "2 threads", "rate of 2 / rate of 1");
    for (size_t i = 0; i < count; i++)
        printf("%-40s %6.1f ns %6.1f ns %12.2f (%.2f to %.2f)\n", cases[i].name,
               1e9 / scaling_quantile(cases[i].rate[0], 0.5),
               2e9 / scaling_quantile(cases[i].rate[1], 0.5),
               scaling_ratio(cases[i].rate[1], cases[i].rate[0], 0.5),
               scaling_ratio(cases[i].rate[1], cases[i].rate[0], 0.25),
               scaling_ratio(cases[i].rate[1], cases[i].rate[0], 0.75));
}

/* How much faster `a` is than `b`, each on two threads. */
static inline void scaling_print_gain(const scaling_case *a, const scaling_case *b)
{
    printf("two threads: %s is %.1f times %s (%.1f to %.1f)\n", a->name,
           scaling_ratio(a->rate[1], b->rate[1], 0.5), b->name,
           scaling_ratio(a->rate[1], b->rate[1], 0.25),
           scaling_ratio(a->rate[1], b->rate[1], 0.75));
}

#endif
