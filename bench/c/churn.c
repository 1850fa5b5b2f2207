/* Does memory grow when everything comes and goes? bench_churn [MILLIONS [THREADS]]
 *
 * Threads (2) change one dict, one list and one queue at random, MILLIONS (20) of operations in
 * all: values are small ints, strings, and containers, some in rings that only the collector frees.
 * How many there are at a time stays the same, so memory should. Prints a table with a line for
 * each twentieth of the operations; fails if, after the first quarter, the median of the later
 * half is more than a fifth above that of the earlier. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parapack/collect.h"
#include "parapack/dict.h"
#include "parapack/list.h"
#include "parapack/queue.h"

enum { KEYS = 5000, ITEMS = 2000, WAITING = 1000, LINES = 20, THREADS_MAX = 64, SCOPE = 50 };

static pp_dict *dict;
static pp_list *list;
static pp_queue *queue;
static pthread_barrier_t line; /* all threads and the one that prints */
static uint64_t operations;    /* of each thread between two lines */

static void must(pp_status status)
{
    if (status != PP_OK) {
        fprintf(stderr, "%s\n", pp_status_text(status));
        exit(2);
    }
}

static uint64_t next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* ---- values ------------------------------------------------------------------------ */

static pp_value new_string(pp_thread *thread, uint64_t r)
{
    static const char letters[300] = "a string of some length, now longer, now shorter";
    pp_value value;
    must(pp_str(thread, letters, 8 + r % (r % 16 == 0 ? sizeof letters - 8 : 40), &value));
    return value;
}

static pp_value new_list(pp_thread *thread, uint64_t r)
{
    pp_list *made;
    pp_value number;
    must(pp_list_new(thread, 0, &made));
    for (uint64_t i = r % 8; i > 0; i--) {
        must(pp_int(thread, (int64_t)i, &number));
        must(pp_list_append(thread, made, number));
    }
    return pp_object_value(pp_list_object(made));
}

/* A record in a ring with a list: garbage for the collector when it is dropped. */
static pp_value new_ring(pp_thread *thread, uint64_t r)
{
    pp_dict *record;
    must(pp_dict_new(thread, 0, &record));
    pp_object *self = pp_dict_object(record);
    pp_value items = new_list(thread, r);
    pp_retain(thread, self);
    must(pp_list_append(thread, pp_object_list(pp_value_object(items)), pp_object_value(self)));
    pp_key key = pp_key_str("items", 5), name = pp_key_str("a name of a record", 18);
    must(pp_dict_set(thread, record, &key, items));
    must(pp_dict_set(thread, record, &name, new_string(thread, r)));
    return pp_object_value(self);
}

static pp_value new_value(pp_thread *thread, uint64_t r)
{
    pp_value value;
    switch (r % 8) {
    case 0:
        return new_ring(thread, r >> 3);
    case 1:
        return new_list(thread, r >> 3);
    case 2:
    case 3:
    case 4:
        return new_string(thread, r >> 3);
    default:
        must(pp_int(thread, (int64_t)r, &value));
        return value;
    }
}

/* ---- operations ---------------------------------------------------------------------- */

static void change_dict(pp_thread *thread, uint64_t r, pp_value value)
{
    char text[32];
    pp_key key = pp_key_int((int64_t)(r % KEYS));
    if (r % 3 == 0)
        key = pp_key_str(text, (size_t)snprintf(text, sizeof text, "a key %" PRIu64, r % KEYS));
    if ((r >> 32) % 4 != 0) {
        must(pp_dict_set(thread, dict, &key, value));
        return;
    }
    pp_value_release(thread, value);
    must(pp_dict_pop(thread, dict, &key, NULL));
}

static void change_list(pp_thread *thread, uint64_t r, pp_value value)
{
    size_t count = pp_list_count(list);
    if (count < ITEMS / 2 || (count < ITEMS && r % 2 == 0)) {
        must(pp_list_append(thread, list, value));
        return;
    }
    /* Another thread may have made it shorter. */
    pp_status status = PP_OK;
    if (r % 16 != 1) {
        status = pp_list_set(thread, list, (int64_t)((r >> 32) % (ITEMS / 4)), value);
    } else {
        pp_value_release(thread, value);
        status = pp_list_pop(thread, list, r % 64 == 1 ? (int64_t)((r >> 32) % 16) : -1, NULL);
    }
    if (status != PP_ERR_RANGE)
        must(status);
}

static void change_queue(pp_thread *thread, uint64_t r, pp_value value)
{
    if (r % 2 == 0) {
        pp_status status = pp_queue_try_put(thread, queue, value);
        if (status == PP_OK)
            return;
        if (status != PP_ERR_FULL)
            must(status);
    }
    pp_value_release(thread, value);
    pp_status status = pp_queue_try_get(thread, queue, &value);
    if (status == PP_OK)
        pp_value_release(thread, value);
    else if (status != PP_ERR_EMPTY)
        must(status);
}

static void operate(pp_thread *thread, uint64_t *random)
{
    uint64_t r = next(random);
    pp_value value = new_value(thread, r >> 8);
    switch (r % 4) {
    case 0:
    case 1:
        change_dict(thread, next(random), value);
        break;
    case 2:
        change_list(thread, next(random), value);
        break;
    default:
        change_queue(thread, next(random), value);
    }
}

static void *work(void *seed)
{
    pp_thread *thread = pp_thread_self();
    uint64_t random = 0x9e3779b97f4a7c15u * ((uintptr_t)seed + 1);
    if (thread == NULL)
        must(PP_ERR_NOMEM);
    for (int l = 0; l < LINES; l++) {
        for (uint64_t done = 0; done < operations;) {
            pp_thread_enter(thread);
            for (int i = 0; i < SCOPE && done < operations; i++, done++)
                operate(thread, &random);
            pp_thread_leave(thread);
        }
        pthread_barrier_wait(&line);
        pthread_barrier_wait(&line);
    }
    return NULL;
}

/* ---- the table ------------------------------------------------------------------------ */

static size_t resident(void)
{
    size_t pages[2] = {0, 0};
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%zu %zu", &pages[0], &pages[1]) != 2)
            pages[1] = 0;
        fclose(file);
    }
    return pages[1] * (size_t)sysconf(_SC_PAGESIZE);
}

static double mib(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

static void print_line(uint64_t done, const pp_stats *s, size_t memory)
{
    uint64_t objects = 0;
    for (int kind = 0; kind < 16; kind++)
        objects += s->objects[kind];
    printf("%11" PRIu64 " %9" PRIu64 " %9.2f %9.2f %9.2f %9.2f %8" PRIu64 " %10" PRIu64
           " %8.2f %6.2f\n",
           done, objects, mib(s->bytes), mib(s->retired_bytes), mib(s->reserved), mib(memory),
           s->collections, s->collected,
           (double)s->pause_ns_total / 1e6 / (double)(s->pauses + !s->pauses),
           (double)s->pause_ns_max / 1e6);
    fflush(stdout);
}

static int compare(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static size_t median(const size_t *figures, int from, int to)
{
    size_t sorted[LINES];
    memcpy(sorted, figures + from, (size_t)(to - from) * sizeof *sorted);
    qsort(sorted, (size_t)(to - from), sizeof *sorted, compare);
    return sorted[(to - from) / 2];
}

static int judge(const char *name, const size_t *figures)
{
    enum { FROM = LINES / 4, MIDDLE = LINES * 5 / 8 };
    size_t early = median(figures, FROM, MIDDLE), late = median(figures, MIDDLE, LINES);
    bool flat = (double)late <= 1.2 * (double)early;
    printf("%s: %.2f MiB, later %.2f MiB: %s\n", name, mib(early), mib(late),
           flat ? "flat" : "IT GROWS");
    return flat ? 0 : 1;
}

static void make_containers(void)
{
    pp_thread *thread = pp_thread_self();
    if (thread == NULL)
        must(PP_ERR_NOMEM);
    pp_thread_enter(thread);
    must(pp_dict_new(thread, 0, &dict));
    must(pp_list_new(thread, 0, &list));
    must(pp_queue_new(thread, WAITING, &queue));
    pp_thread_leave(thread);
}

int main(int argc, char **argv)
{
    uint64_t millions = argc > 1 ? strtoull(argv[1], NULL, 10) : 20;
    unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2;
    if (millions < 1 || threads < 1 || threads > THREADS_MAX)
        return 2;
    operations = millions * 1000000 / LINES / threads;
    make_containers();
    pthread_t ids[THREADS_MAX];
    pthread_barrier_init(&line, NULL, threads + 1);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, (void *)(uintptr_t)i) != 0)
            return 2;
    printf(" operations   objects bytes MiB   retired  reserved  resident collect.  collected  "
           "pause ms\n");
    size_t reserved[LINES], memory[LINES];
    for (int l = 0; l < LINES; l++) {
        pthread_barrier_wait(&line);
        pp_stats stats;
        pp_stats_get(&stats);
        reserved[l] = stats.reserved;
        memory[l] = resident();
        print_line((uint64_t)(l + 1) * operations * threads, &stats, memory[l]);
        pthread_barrier_wait(&line);
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    int reserved_grows = judge("reserved", reserved), resident_grows = judge("resident", memory);
    return reserved_grows | resident_grows;
}
