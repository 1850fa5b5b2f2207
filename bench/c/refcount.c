/* Times retaining and releasing.
 *
 * Usage: bench_refcount
 * Prints nanoseconds per pair of one thread, and how that compares with one atomic addition and
 * one atomic subtraction, which is what a shared pointer of another library costs. Everything is
 * called as a program that links the static library calls it; rounds of all lines alternate, and
 * the median counts. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "parapack/object.h"
#include "parapack/value.h"

enum { OBJECTS = 64, PAIRS = 200000, ROUNDS = 41 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static pp_thread *self;
static pp_object *mine[OBJECTS], *theirs[OBJECTS], *merged[OBJECTS], *immortal[OBJECTS];

/* One cache line each, as objects have. */
static struct {
    _Alignas(64) _Atomic int64_t count;
} counters[OBJECTS];

/* ---- what is timed: PAIRS pairs ------------------------------------------------- */

/* Out of line, as calls of a library are. */
static PP_NOINLINE void add(_Atomic int64_t *count)
{
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

static PP_NOINLINE bool subtract(_Atomic int64_t *count)
{
    return atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1;
}

static void atomic_pairs(pp_object **objects)
{
    (void)objects;
    for (int i = 0; i < PAIRS; i++) {
        add(&counters[i % OBJECTS].count);
        if (subtract(&counters[i % OBJECTS].count))
            abort();
    }
}

static void pairs(pp_object **objects)
{
    for (int i = 0; i < PAIRS; i++) {
        pp_retain(self, objects[i % OBJECTS]);
        pp_release(self, objects[i % OBJECTS]);
    }
}

/* The same object each time: the processor waits for each store to come round. */
static void pairs_of_one(pp_object **objects)
{
    for (int i = 0; i < PAIRS; i++) {
        pp_retain(self, objects[0]);
        pp_release(self, objects[0]);
    }
}

static void atomic_pairs_of_one(pp_object **objects)
{
    (void)objects;
    for (int i = 0; i < PAIRS; i++) {
        add(&counters[0].count);
        if (subtract(&counters[0].count))
            abort();
    }
}

static void try_pairs(pp_object **objects)
{
    for (int i = 0; i < PAIRS; i++) {
        if (!pp_try_retain(self, objects[i % OBJECTS]))
            abort();
        pp_release(self, objects[i % OBJECTS]);
    }
}

static pp_object *make(void)
{
    pp_value value;
    if (pp_str(self, "a string beyond the word", 24, &value) != PP_OK)
        abort();
    return pp_value_object(value);
}

static void lives(pp_object **objects)
{
    (void)objects;
    for (int i = 0; i < PAIRS; i++)
        pp_release(self, make());
}

static void mallocs(pp_object **objects)
{
    (void)objects;
    for (int i = 0; i < PAIRS; i++) {
        void *volatile block = malloc(32 + 24 + 24);
        free(block);
    }
}

/* ---- the lines ------------------------------------------------------------------ */

typedef struct line {
    const char *name;
    void (*run)(pp_object **objects);
    pp_object **objects;
    int against; /* the line that it is compared with */
    double times[ROUNDS];
} line;

static line lines[] = {
    {.name = "one atomic pair", .run = atomic_pairs, .against = 0},
    {.name = "owner", .run = pairs, .objects = mine},
    {.name = "owner, try_retain", .run = try_pairs, .objects = mine},
    {.name = "immortal", .run = pairs, .objects = immortal},
    {.name = "other thread's object", .run = pairs, .objects = theirs},
    {.name = "other thread's, try_retain", .run = try_pairs, .objects = theirs},
    {.name = "merged", .run = pairs, .objects = merged},
    {.name = "merged, try_retain", .run = try_pairs, .objects = merged},
    {.name = "one atomic pair, one counter", .run = atomic_pairs_of_one, .against = 8},
    {.name = "owner, one object", .run = pairs_of_one, .objects = mine, .against = 8},
    {.name = "malloc and free", .run = mallocs, .against = 10},
    {.name = "a str of 24 bytes, made and gone", .run = lives, .against = 10},
};
enum { LINES = sizeof lines / sizeof lines[0] };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(line *l)
{
    qsort(l->times, ROUNDS, sizeof(double), compare);
    return l->times[ROUNDS / 2];
}

/* ---- objects of another thread, which is there but idle --------------------------- */

static pthread_barrier_t made, done;

static void *other_thread(void *unused)
{
    pp_thread *main_thread = self;
    self = pp_thread_self();
    pp_thread_enter(self);
    for (int i = 0; i < OBJECTS; i++) {
        theirs[i] = make();
        merged[i] = make();
        pp_retain(self, merged[i]);
    }
    pp_thread_leave(self);
    self = main_thread;
    pthread_barrier_wait(&made);
    pthread_barrier_wait(&done);
    return unused;
}

int main(void)
{
    pthread_t other;
    pthread_barrier_init(&made, NULL, 2);
    pthread_barrier_init(&done, NULL, 2);
    self = pp_thread_self();
    if (self == NULL || pthread_create(&other, NULL, other_thread, NULL) != 0)
        return 1;
    pthread_barrier_wait(&made);
    pp_thread_enter(self);
    for (int i = 0; i < OBJECTS; i++) {
        mine[i] = make();
        immortal[i] = make();
        pp_object_immortalize(self, immortal[i]);
        pp_retain(self, theirs[i]);
        pp_release(self, merged[i]); /* one of its two references: merged for its idle owner */
        atomic_init(&counters[i].count, 1);
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < LINES; i++) {
            double start = now();
            lines[i].run(lines[i].objects);
            lines[i].times[round] = (now() - start) / PAIRS;
        }
    pp_thread_leave(self);
    pthread_barrier_wait(&done);
    pthread_join(other, NULL);
    double medians[LINES];
    for (int i = 0; i < LINES; i++) {
        medians[i] = median(&lines[i]);
        printf("%-34s %6.2f ns   %5.2f of %s\n", lines[i].name, medians[i],
               medians[i] / medians[lines[i].against], lines[lines[i].against].name);
    }
    return 0;
}
