#include "linear.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "test.h"

/* ---- what was tried -------------------------------------------------------------- */

/* A set of {operations done, state after them}: open addressing. */
typedef struct tried {
    uint8_t *entries;
    size_t entry_size, capacity, count;
} tried;

static uint64_t hash_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

/* An entry begins with the set of operations; that is never empty. */
static uint64_t done_in(const uint8_t *entry)
{
    uint64_t done;
    memcpy(&done, entry, sizeof done);
    return done;
}

static uint8_t *tried_place(const tried *t, const uint8_t *entry)
{
    size_t i = hash_bytes(entry, t->entry_size) & (t->capacity - 1);
    for (;; i = (i + 1) & (t->capacity - 1)) {
        uint8_t *place = t->entries + i * t->entry_size;
        if (done_in(place) == 0 || memcmp(place, entry, t->entry_size) == 0)
            return place;
    }
}

static void tried_grow(tried *t)
{
    tried bigger = {.entry_size = t->entry_size, .capacity = t->capacity * 2, .count = t->count};
    bigger.entries = calloc(bigger.capacity, bigger.entry_size);
    if (bigger.entries == NULL)
        abort();
    for (size_t i = 0; i < t->capacity; i++) {
        const uint8_t *entry = t->entries + i * t->entry_size;
        if (done_in(entry) != 0)
            memcpy(tried_place(&bigger, entry), entry, t->entry_size);
    }
    free(t->entries);
    *t = bigger;
}

/* Adds it; false if it was there. */
static bool tried_add(tried *t, uint64_t done, const void *state)
{
    uint8_t entry[sizeof done + LINEAR_STATE];
    memcpy(entry, &done, sizeof done);
    memcpy(entry + sizeof done, state, t->entry_size - sizeof done);
    uint8_t *place = tried_place(t, entry);
    if (done_in(place) != 0)
        return false;
    memcpy(place, entry, t->entry_size);
    if (++t->count > t->capacity / 2)
        tried_grow(t);
    return true;
}

/* ---- the search -------------------------------------------------------------------- */

typedef struct search {
    const linear_spec *spec;
    const linear_op *ops;
    size_t count;
    uint64_t must; /* the operations that have returned */
    tried tried;
} search;

/* Who is next must have been called before any other that is not done has returned. */
static uint64_t first_return(const search *s, uint64_t done)
{
    uint64_t first = LINEAR_PENDING;
    for (size_t i = 0; i < s->count; i++)
        if ((done >> i & 1) == 0 && s->ops[i].returned < first)
            first = s->ops[i].returned;
    return first;
}

static bool find_order(search *s, uint64_t done, const void *state)
{
    if ((done & s->must) == s->must)
        return true;
    uint64_t limit = first_return(s, done);
    for (size_t i = 0; i < s->count; i++) {
        uint8_t next[LINEAR_STATE];
        uint64_t with = done | UINT64_C(1) << i;
        if (with == done || s->ops[i].called > limit)
            continue;
        memcpy(next, state, s->spec->state_size);
        if (s->spec->step(next, &s->ops[i]) && tried_add(&s->tried, with, next) &&
            find_order(s, with, next))
            return true;
    }
    return false;
}

bool linear_check(const linear_spec *spec, const linear_op *ops, size_t count)
{
    uint8_t state[LINEAR_STATE] = {0};
    search s = {.spec = spec, .ops = ops, .count = count};
    if (count > LINEAR_OPS || spec->state_size > LINEAR_STATE)
        abort();
    for (size_t i = 0; i < count; i++)
        if (ops[i].returned != LINEAR_PENDING)
            s.must |= UINT64_C(1) << i;
    s.tried = (tried){.entry_size = sizeof(uint64_t) + spec->state_size, .capacity = 256};
    s.tried.entries = calloc(s.tried.capacity, s.tried.entry_size);
    if (s.tried.entries == NULL)
        abort();
    bool found = find_order(&s, 0, state);
    free(s.tried.entries);
    return found;
}

static int compare_calls(const void *a, const void *b)
{
    const linear_op *x = a, *y = b;
    return x->called < y->called ? -1 : x->called > y->called;
}

void linear_print(const linear_spec *spec, const linear_op *ops, size_t count)
{
    linear_op sorted[LINEAR_OPS];
    memcpy(sorted, ops, count * sizeof *ops);
    qsort(sorted, count, sizeof *sorted, compare_calls);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s: thread %u, %5llu to %5lld: %-12s %4lld %4lld -> %#llx %#llx\n",
                spec->name, sorted[i].thread, (unsigned long long)sorted[i].called,
                (long long)sorted[i].returned, spec->codes[sorted[i].code], (long long)sorted[i].a,
                (long long)sorted[i].b, (unsigned long long)sorted[i].result,
                (unsigned long long)sorted[i].result2);
}

/* ---- recording ------------------------------------------------------------------------ */

typedef struct stress {
    const linear_target *target;
    unsigned threads, each, rounds;
    void *object;
    linear_op ops[LINEAR_OPS]; /* each thread's in a row */
    uint64_t random[LINEAR_THREADS];
    _Atomic uint64_t clock;
    _Atomic unsigned ready; /* threads that have begun a round, all rounds together */
    pthread_barrier_t begin, end;
} stress;

/* Everybody is here: they start within a fraction of a microsecond of each other. */
static void start_together(stress *s, unsigned round)
{
    atomic_fetch_add(&s->ready, 1);
    for (unsigned spins = 0; atomic_load(&s->ready) < (round + 1) * s->threads; spins++)
        if (spins > 2000)
            sched_yield();
}

static void record(stress *s, pp_thread *self, linear_op *op)
{
    op->called = atomic_fetch_add(&s->clock, 1);
    s->target->run(self, s->object, op);
    op->returned = atomic_fetch_add(&s->clock, 1);
}

typedef struct member {
    stress *stress;
    unsigned index;
    pthread_t thread;
} member;

static void *work(void *argument)
{
    const member *me = argument;
    stress *s = me->stress;
    pp_thread *self = pp_thread_self();
    linear_op *mine = s->ops + me->index * s->each;
    for (unsigned round = 0; round < s->rounds; round++) {
        pthread_barrier_wait(&s->begin);
        for (unsigned i = 0; i < s->each; i++) {
            mine[i] = (linear_op){.thread = me->index};
            s->target->choose(&mine[i], &s->random[me->index], me->index * s->each + i + 1);
        }
        start_together(s, round);
        /* One scope for all, or one for each: both are allowed to programs. */
        bool one_scope = test_below(&s->random[me->index], 2) == 0;
        if (one_scope)
            pp_thread_enter(self);
        for (unsigned i = 0; i < s->each; i++) {
            pp_thread_enter(self);
            record(s, self, &mine[i]);
            pp_thread_leave(self);
        }
        if (one_scope)
            pp_thread_leave(self);
        pthread_barrier_wait(&s->end);
    }
    return NULL;
}

/* False if the round's history is not linearizable. */
static bool one_round(stress *s, pp_thread *self)
{
    pp_thread_enter(self);
    s->object = s->target->make(self);
    pp_thread_leave(self);
    atomic_store(&s->clock, 0);
    pthread_barrier_wait(&s->begin);
    pthread_barrier_wait(&s->end);
    pp_thread_enter(self);
    s->target->drop(self, s->object);
    pp_thread_leave(self);
    return linear_check(s->target->spec, s->ops, s->threads * s->each);
}

void linear_stress(const linear_target *target, unsigned threads, unsigned each, unsigned rounds,
                   uint64_t seed)
{
    const char *longer = getenv("PP_LINEAR_LONGER");
    rounds *= longer == NULL ? 1 : (unsigned)atoi(longer);
    stress s = {.target = target, .threads = threads, .each = each, .rounds = rounds};
    member members[LINEAR_THREADS];
    pp_thread *self = pp_thread_self();
    assert_true(threads <= LINEAR_THREADS && threads * each <= LINEAR_OPS);
    assert_int_equal(pthread_barrier_init(&s.begin, NULL, threads + 1), 0);
    assert_int_equal(pthread_barrier_init(&s.end, NULL, threads + 1), 0);
    for (unsigned i = 0; i < threads; i++) {
        s.random[i] = seed * 1000 + i + 1;
        members[i] = (member){.stress = &s, .index = i};
        assert_int_equal(pthread_create(&members[i].thread, NULL, work, &members[i]), 0);
    }
    for (unsigned round = 0; round < rounds; round++)
        if (!one_round(&s, self)) {
            /* The others wait at a barrier on this stack: the process ends here. */
            linear_print(target->spec, s.ops, threads * each);
            fprintf(stderr, "%s: round %u with %u threads (seed %llu) is not linearizable\n",
                    target->spec->name, round, threads, (unsigned long long)seed);
            exit(1);
        }
    for (unsigned i = 0; i < threads; i++)
        assert_int_equal(pthread_join(members[i].thread, NULL), 0);
    pthread_barrier_destroy(&s.begin);
    pthread_barrier_destroy(&s.end);
}
