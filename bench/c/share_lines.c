/* The C API's lines of `parapack lab run share`, beside what a C program would write without it.
 *
 * A shared library with a runtime of its own, which the lab loads
 * (python/parapack/lab/share/native.py): its threads are plain threads that never hold a GIL. A
 * line measures one subject at one kind of work, several lines with the same work are compared. Not
 * thread-safe: one measurement at a time.
 *
 * Work that is counted in pairs (put and get, retain and release) counts one operation per pair. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "parapack/dict.h"
#include "parapack/queue.h"
#include "parapack/thread.h"

#define EXPORT __attribute__((visibility("default")))

enum { KEYS = 1000, SCOPE = 100, OBJECTS = 64, MOST_THREADS = 64, RING = 1024 };

/* ---- what a measurement consists of ------------------------------------------------------- */

typedef struct member {
    _Alignas(128) const struct line *line; /* a thread's own cache lines */
    pthread_t thread;
    pp_thread *self;
    pp_status status;
    unsigned index;
    uint64_t random, sum; /* the sum of what was read, so that it is */
    pp_object *own[OBJECTS];
    double seconds, begun, ended;
    uint64_t operations;
} member;

typedef struct line {
    const char *work, *subject;
    unsigned threads;              /* 0: as many as one likes */
    pp_status (*begin)(member *m); /* in each thread, before it is timed; may be NULL */
    pp_status (*step)(member *m);  /* `per_step` operations */
    pp_status (*end)(member *m);   /* in each thread, after it was timed; may be NULL */
    unsigned per_step;
    /* What the second thread does instead of steps, until the first one's `end`; NULL: steps too.
     */
    pp_status (*answer)(member *m);
} line;

static pthread_barrier_t start;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A key in a random order, which no processor can predict. */
static size_t next_key(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (size_t)((*random >> 32) * KEYS >> 32);
}

static bool writes(uint64_t random)
{
    return (random >> 40) % 10 == 0;
}

/* ---- a dict ------------------------------------------------------------------------------- */

static pp_dict *dict;

static pp_status fill_dict(pp_thread *self)
{
    pp_status status = pp_dict_new(self, KEYS, &dict);
    for (int64_t i = 0; i < KEYS && status == PP_OK; i++) {
        pp_key key = pp_key_int(i);
        pp_value value;
        status = pp_int(self, i, &value);
        if (status == PP_OK)
            status = pp_dict_set(self, dict, &key, value);
    }
    return status;
}

static pp_status dict_read(member *m)
{
    uint64_t random = m->random, sum = 0;
    pp_thread_enter(m->self);
    for (int i = 0; i < SCOPE; i++) {
        pp_key key = pp_key_int((int64_t)next_key(&random));
        sum += pp_dict_get(m->self, dict, &key).word;
    }
    pp_thread_leave(m->self);
    m->random = random;
    m->sum += sum;
    return PP_OK;
}

static pp_status dict_mixed(member *m)
{
    pp_status status = PP_OK;
    uint64_t random = m->random, sum = 0;
    pp_thread_enter(m->self);
    for (int i = 0; i < SCOPE && status == PP_OK; i++) {
        bool write = writes(random);
        size_t n = next_key(&random);
        pp_key key = pp_key_int((int64_t)n);
        pp_value value;
        if (!write)
            sum += pp_dict_get(m->self, dict, &key).word;
        else if ((status = pp_int(m->self, (int64_t)n, &value)) == PP_OK)
            status = pp_dict_set(m->self, dict, &key, value);
    }
    pp_thread_leave(m->self);
    m->random = random;
    m->sum += sum;
    return status;
}

/* ---- a hash table under a mutex ------------------------------------------------------------- */

static struct {
    pthread_mutex_t mutex;
    struct {
        uint64_t key, value; /* key + 1; 0: empty */
    } slots[2048];
} table = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static uint64_t *table_place(uint64_t key)
{
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 53);
    while (table.slots[i].key != 0 && table.slots[i].key != key + 1)
        i = (i + 1) & 2047;
    table.slots[i].key = key + 1;
    return &table.slots[i].value;
}

static pp_status table_use(member *m, bool mixed)
{
    uint64_t random = m->random, sum = 0;
    for (int i = 0; i < SCOPE; i++) {
        bool write = mixed && writes(random);
        size_t key = next_key(&random);
        pthread_mutex_lock(&table.mutex);
        uint64_t *place = table_place(key);
        if (write)
            *place = key;
        else
            sum += *place;
        pthread_mutex_unlock(&table.mutex);
    }
    m->random = random;
    m->sum += sum;
    return PP_OK;
}

static pp_status table_read(member *m)
{
    return table_use(m, false);
}

static pp_status table_mixed(member *m)
{
    return table_use(m, true);
}

/* ---- queues --------------------------------------------------------------------------------- */

static pp_queue *queue, *there, *back;

static pp_status queue_pairs(member *m)
{
    pp_status status = PP_OK;
    for (int i = 0; i < SCOPE && status == PP_OK; i++) {
        pp_value item;
        pp_thread_enter(m->self);
        status = pp_int(m->self, i, &item);
        if (status == PP_OK)
            status = pp_queue_try_put(m->self, queue, item);
        pp_thread_leave(m->self);
        if (status != PP_OK)
            break;
        pp_thread_enter(m->self);
        status = pp_queue_try_get(m->self, queue, &item);
        pp_thread_leave(m->self);
        m->sum += item.word;
    }
    return status;
}

/* One trip: an int there, and back. */
static pp_status queue_trips(member *m)
{
    pp_status status = PP_OK;
    for (int i = 0; i < SCOPE && status == PP_OK; i++) {
        pp_value item;
        status = pp_int(m->self, i, &item);
        if (status == PP_OK)
            status = pp_queue_wait_put(m->self, there, item, PP_FOREVER, false);
        if (status == PP_OK)
            status = pp_queue_wait_get(m->self, back, &item, PP_FOREVER, false);
    }
    return status;
}

static pp_status queue_answer(member *m)
{
    for (;;) {
        pp_value item;
        pp_status status = pp_queue_wait_get(m->self, there, &item, PP_FOREVER, false);
        if (status == PP_OK && pp_value_kind(item) == PP_KIND_NIL)
            return status;
        if (status == PP_OK)
            status = pp_queue_wait_put(m->self, back, item, PP_FOREVER, false);
        if (status != PP_OK) {
            pp_thread_enter(m->self); /* the one who waits for an answer fails, too */
            pp_status ended = pp_queue_shutdown(m->self, back, true);
            pp_thread_leave(m->self);
            return ended == PP_OK ? status : ended;
        }
    }
}

static pp_status queue_end(member *m)
{
    return m->index == 0 ? pp_queue_wait_put(m->self, there, pp_nil(), PP_FOREVER, false) : PP_OK;
}

/* ---- a ring under a mutex, with a condition ----------------------------------------------------
 */

typedef struct ring {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    uint64_t items[RING];
    size_t first, count; /* never more than there are threads */
} ring;

#define EMPTY_RING                                                                                 \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER                     \
    }
static ring ring_of_all = EMPTY_RING, ring_there = EMPTY_RING, ring_back = EMPTY_RING;

static void ring_put(ring *r, uint64_t item)
{
    pthread_mutex_lock(&r->mutex);
    r->items[(r->first + r->count++) % RING] = item;
    pthread_mutex_unlock(&r->mutex);
    pthread_cond_signal(&r->filled);
}

static uint64_t ring_get(ring *r)
{
    pthread_mutex_lock(&r->mutex);
    while (r->count == 0)
        pthread_cond_wait(&r->filled, &r->mutex);
    uint64_t item = r->items[r->first % RING];
    r->first++;
    r->count--;
    pthread_mutex_unlock(&r->mutex);
    return item;
}

static pp_status ring_pairs(member *m)
{
    for (unsigned i = 0; i < SCOPE; i++) {
        ring_put(&ring_of_all, i);
        m->sum += ring_get(&ring_of_all);
    }
    return PP_OK;
}

static pp_status ring_trips(member *m)
{
    for (unsigned i = 0; i < SCOPE; i++) {
        ring_put(&ring_there, i);
        m->sum += ring_get(&ring_back);
    }
    return PP_OK;
}

static pp_status ring_answer(member *m)
{
    uint64_t item;
    (void)m;
    while ((item = ring_get(&ring_there)) != UINT64_MAX)
        ring_put(&ring_back, item);
    return PP_OK;
}

static pp_status ring_end(member *m)
{
    if (m->index == 0)
        ring_put(&ring_there, UINT64_MAX);
    return PP_OK;
}

/* ---- references
 * ---------------------------------------------------------------------------------- */

static pp_object *everybodys[OBJECTS];
static struct {
    _Alignas(64) _Atomic int64_t count;
} counters[(MOST_THREADS + 1) * OBJECTS]; /* the last ones are everybody's */

static pp_status make_objects(pp_thread *self, pp_object **objects)
{
    pp_status status = PP_OK;
    pp_value value;
    for (int i = 0; i < OBJECTS && status == PP_OK; i++) {
        status = pp_str(self, "a string beyond the word", 24, &value);
        if (status == PP_OK)
            objects[i] = pp_value_object(value);
    }
    return status;
}

static pp_status own_begin(member *m)
{
    pp_thread_enter(m->self);
    pp_status status = make_objects(m->self, m->own);
    pp_thread_leave(m->self);
    return status;
}

static pp_status own_end(member *m)
{
    pp_thread_enter(m->self);
    for (int i = 0; i < OBJECTS; i++)
        if (m->own[i] != NULL)
            pp_release(m->self, m->own[i]);
    pp_thread_leave(m->self);
    return PP_OK;
}

static pp_status references(member *m, pp_object **objects)
{
    pp_thread_enter(m->self);
    for (int i = 0; i < 10 * SCOPE; i++) {
        pp_retain(m->self, objects[i % OBJECTS]);
        pp_release(m->self, objects[i % OBJECTS]);
    }
    pp_thread_leave(m->self);
    return PP_OK;
}

static pp_status own_references(member *m)
{
    return references(m, m->own);
}

static pp_status shared_references(member *m)
{
    return references(m, everybodys);
}

/* Out of line, as the calls of a library are. */
static PP_NOINLINE void increment(_Atomic int64_t *count)
{
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

static PP_NOINLINE bool decrement(_Atomic int64_t *count)
{
    return atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1;
}

static pp_status atomic_pairs(member *m, unsigned first)
{
    for (unsigned i = 0; i < 10 * SCOPE; i++) {
        increment(&counters[first + i % OBJECTS].count);
        m->sum += decrement(&counters[first + i % OBJECTS].count);
    }
    return PP_OK;
}

static pp_status own_atomic_pairs(member *m)
{
    return atomic_pairs(m, m->index * OBJECTS);
}

static pp_status shared_atomic_pairs(member *m)
{
    return atomic_pairs(m, MOST_THREADS * OBJECTS);
}

/* ---- the lines
 * --------------------------------------------------------------------------------------- */

static const line lines[] = {
    {.work = "dict read", .subject = "share", .step = dict_read, .per_step = SCOPE},
    {.work = "dict read", .subject = "table and mutex", .step = table_read, .per_step = SCOPE},
    {.work = "dict 10% writes", .subject = "share", .step = dict_mixed, .per_step = SCOPE},
    {.work = "dict 10% writes",
     .subject = "table and mutex",
     .step = table_mixed,
     .per_step = SCOPE},
    {.work = "queue put+get", .subject = "share", .step = queue_pairs, .per_step = SCOPE},
    {.work = "queue put+get", .subject = "ring and mutex", .step = ring_pairs, .per_step = SCOPE},
    {.work = "queue round trip",
     .subject = "share",
     .threads = 2,
     .step = queue_trips,
     .end = queue_end,
     .per_step = SCOPE,
     .answer = queue_answer},
    {.work = "queue round trip",
     .subject = "ring and mutex",
     .threads = 2,
     .step = ring_trips,
     .end = ring_end,
     .per_step = SCOPE,
     .answer = ring_answer},
    {.work = "retain+release, one's own",
     .subject = "share",
     .begin = own_begin,
     .step = own_references,
     .end = own_end,
     .per_step = 10 * SCOPE},
    {.work = "retain+release, one's own",
     .subject = "atomic count",
     .step = own_atomic_pairs,
     .per_step = 10 * SCOPE},
    {.work = "retain+release, everybody's",
     .subject = "share",
     .step = shared_references,
     .per_step = 10 * SCOPE},
    {.work = "retain+release, everybody's",
     .subject = "atomic count",
     .step = shared_atomic_pairs,
     .per_step = 10 * SCOPE},
};
enum { LINES = sizeof lines / sizeof *lines };

/* Makes what the lines work on, once. */
static pp_status prepare(void)
{
    static bool prepared;
    pp_thread *self = pp_thread_self();
    if (self == NULL)
        return PP_ERR_NOMEM;
    if (prepared)
        return PP_OK;
    for (uint64_t i = 0; i < KEYS; i++)
        *table_place(i) = i;
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        atomic_init(&counters[i].count, 1);
    pp_thread_enter(self);
    pp_status status = fill_dict(self);
    pp_queue **queues[] = {&queue, &there, &back};
    for (int i = 0; i < 3 && status == PP_OK; i++)
        status = pp_queue_new(self, 0, queues[i]);
    if (status == PP_OK)
        status = make_objects(self, everybodys);
    pp_thread_leave(self);
    prepared = status == PP_OK;
    return status;
}

static pp_status run_steps(member *m)
{
    pp_status status = PP_OK;
    m->begun = m->ended = now();
    while (status == PP_OK && m->ended < m->begun + m->seconds) {
        status = m->line->step(m);
        m->operations += m->line->per_step;
        m->ended = now();
    }
    return status;
}

static void *member_main(void *argument)
{
    member *m = argument;
    const line *l = m->line;
    m->self = pp_thread_self();
    m->status = m->self == NULL ? PP_ERR_NOMEM : PP_OK;
    if (m->status == PP_OK && l->begin != NULL)
        m->status = l->begin(m);
    pthread_barrier_wait(&start);
    if (m->status == PP_OK)
        m->status = l->answer != NULL && m->index == 1 ? l->answer(m) : run_steps(m);
    if (m->self != NULL && l->end != NULL) {
        pp_status ended = l->end(m);
        m->status = m->status == PP_OK ? ended : m->status;
    }
    return NULL;
}

/* What a line is about, NULL after the last one. */
EXPORT const char *parapack_lines_work(unsigned index)
{
    return index < LINES ? lines[index].work : NULL;
}

EXPORT const char *parapack_lines_subject(unsigned index)
{
    return index < LINES ? lines[index].subject : NULL;
}

/* How many threads a line needs; 0: any number. */
EXPORT unsigned parapack_lines_threads(unsigned index)
{
    return index < LINES ? lines[index].threads : 0;
}

/* The operations per second that `threads` new threads (at most 64) make together in about
 * `seconds`; a negative status where something failed. */
EXPORT double parapack_lines_rate(unsigned index, unsigned threads, double seconds)
{
    static member members[MOST_THREADS];
    if (index >= LINES || threads == 0 || threads > MOST_THREADS)
        return -(double)PP_ERR_ARGUMENT;
    if (lines[index].threads != 0 && lines[index].threads != threads)
        return -(double)PP_ERR_ARGUMENT;
    pp_status status = prepare();
    if (status != PP_OK)
        return -(double)status;
    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        members[i] =
            (member){.line = &lines[index], .index = i, .random = i + 1, .seconds = seconds};
        if (pthread_create(&members[i].thread, NULL, member_main, &members[i]) != 0)
            abort(); /* the others wait for it at the barrier */
    }
    double begun = 1e300, ended = 0, operations = 0;
    for (unsigned i = 0; i < threads; i++) {
        member *m = &members[i];
        pthread_join(m->thread, NULL);
        status = status == PP_OK ? m->status : status;
        if (m->operations == 0)
            continue;
        begun = m->begun < begun ? m->begun : begun;
        ended = m->ended > ended ? m->ended : ended;
        operations += (double)m->operations;
    }
    pthread_barrier_destroy(&start);
    return status != PP_OK ? -(double)status : operations / (ended - begun);
}
