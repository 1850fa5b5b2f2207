/* How long a collection stops the threads, per container: bench_collect [CONTAINERS].
 *
 * Prints, for several shapes of data that is alive and for garbage, the shortest pause of several
 * collections in nanoseconds per container, and what freeing costs after the pause. The same shapes
 * in Python, beside gc.collect(), are in bench/share_collect.py. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parapack/collect.h"
#include "parapack/dict.h"
#include "parapack/list.h"

enum { REPEATS = 7 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(pp_status status)
{
    if (status != PP_OK) {
        fprintf(stderr, "%s\n", pp_status_text(status));
        exit(1);
    }
}

static pp_value integer(pp_thread *thread, int64_t number)
{
    pp_value value;
    must(pp_int(thread, number, &value));
    return value;
}

static pp_value string(pp_thread *thread, const char *text)
{
    pp_value value;
    must(pp_str(thread, text, strlen(text), &value));
    return value;
}

static pp_list *new_list(pp_thread *thread)
{
    pp_list *list;
    must(pp_list_new(thread, 0, &list));
    return list;
}

static pp_value list_of(pp_thread *thread, pp_value value)
{
    pp_list *list = new_list(thread);
    must(pp_list_append(thread, list, value));
    return pp_object_value(pp_list_object(list));
}

static void put(pp_thread *thread, pp_dict *dict, const char *key, pp_value value)
{
    pp_key k = pp_key_str(key, strlen(key));
    must(pp_dict_set(thread, dict, &k, value));
}

/* ---- shapes: each gives one counted reference to `containers` containers and their root ------ */

static pp_object *lists(pp_thread *thread, size_t containers)
{
    pp_list *root = new_list(thread);
    for (size_t i = 0; i < containers; i++)
        must(pp_list_append(thread, root, list_of(thread, integer(thread, (int64_t)i))));
    return pp_list_object(root);
}

/* Records as a feed has them: two containers each. */
static pp_object *records(pp_thread *thread, size_t containers)
{
    pp_list *root = new_list(thread);
    for (size_t i = 0; i < containers / 2; i++) {
        pp_dict *record;
        must(pp_dict_new(thread, 4, &record));
        put(thread, record, "id", integer(thread, (int64_t)i));
        put(thread, record, "symbol", string(thread, "BTC-USD-PERPETUAL"));
        put(thread, record, "timestamp_received", integer(thread, (int64_t)i));
        put(thread, record, "sizes", list_of(thread, integer(thread, 7)));
        must(pp_list_append(thread, root, pp_object_value(pp_dict_object(record))));
    }
    return pp_list_object(root);
}

static pp_object *ring(pp_thread *thread, size_t containers)
{
    pp_list *first = new_list(thread), *last = first;
    for (size_t i = 1; i < containers; i++) {
        pp_list *next = new_list(thread);
        must(pp_list_append(thread, last, pp_object_value(pp_list_object(next))));
        last = next;
    }
    pp_retain(thread, pp_list_object(first));
    must(pp_list_append(thread, last, pp_object_value(pp_list_object(first))));
    return pp_list_object(first);
}

/* A dict per place, and references all over: what a cache finds hardest. */
static pp_object *scattered(pp_thread *thread, size_t containers)
{
    uint64_t random = 88172645463325252u;
    pp_list *root = new_list(thread);
    for (size_t i = 0; i < containers; i++)
        must(pp_list_append(thread, root, pp_object_value(pp_list_object(new_list(thread)))));
    for (size_t i = 0; i < 2 * containers; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        pp_value from = pp_list_get(thread, root, (int64_t)(random % containers));
        pp_value to = pp_list_get(thread, root, (int64_t)((random >> 32) % containers));
        pp_value_retain(thread, to);
        must(pp_list_append(thread, pp_object_list(pp_value_object(from)), to));
    }
    return pp_list_object(root);
}

/* ---- measuring -------------------------------------------------------------------- */

static void measure(pp_thread *thread, const char *name,
                    pp_object *(*make)(pp_thread *thread, size_t containers), size_t containers)
{
    pp_thread_enter(thread);
    pp_object *root = make(thread, containers);
    pp_thread_leave(thread);
    pp_stats stats;
    double shortest = 1e300;
    for (int i = 0; i < REPEATS; i++) {
        (void)pp_collect(thread);
        pp_stats_get(&stats);
        if ((double)stats.pause_ns_last < shortest)
            shortest = (double)stats.pause_ns_last;
    }
    pp_thread_enter(thread);
    pp_list *self = new_list(thread); /* makes garbage of it */
    pp_retain(thread, pp_list_object(self));
    must(pp_list_append(thread, self, pp_object_value(pp_list_object(self))));
    must(pp_list_append(thread, self, pp_object_value(root)));
    pp_release(thread, pp_list_object(self));
    pp_thread_leave(thread);
    double start = now();
    size_t garbage = pp_collect(thread);
    double all = now() - start;
    pp_stats_get(&stats);
    double n = (double)garbage;
    printf(
        "%-10s %9zu containers: alive %6.1f, garbage %6.1f ns of pause, %6.1f ns to free, each\n",
        name, garbage, shortest / n, (double)stats.pause_ns_last / n,
        (all - (double)stats.pause_ns_last) / n);
}

int main(int argc, char **argv)
{
    size_t containers = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    pp_thread *thread = pp_thread_self();
    if (thread == NULL || containers < 2)
        return 1;
    pp_collect_enable(false);
    measure(thread, "lists", lists, containers);
    measure(thread, "records", records, containers);
    measure(thread, "ring", ring, containers);
    measure(thread, "scattered", scattered, containers);
    return 0;
}
