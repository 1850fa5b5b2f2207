#include "share/stats.h"

#include <string.h>

#include "share/heap.h"
#include "share/pause.h"
#include "share/qsbr.h"

/* Written in pauses, so by one thread at a time; read by anybody. Relaxed: figures order nothing.
 */
static _Atomic uint64_t collections, collected;

static uint64_t read(const _Atomic uint64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

void pp_stats_collection(size_t garbage)
{
    pp_tally(&collections, 1);
    pp_tally(&collected, garbage);
}

static void add_thread(pp_stats *stats, const pp_thread *thread)
{
    for (int kind = 0; kind < 16; kind++)
        stats->objects[kind] += read(&thread->counters.objects[kind]);
    stats->bytes += read(&thread->counters.bytes);
    stats->merges += read(&thread->counters.merges);
    stats->lock_waits += read(&thread->counters.lock_waits);
    stats->retired_blocks += atomic_load_explicit(&thread->retired.count, memory_order_relaxed);
    stats->retired_bytes += atomic_load_explicit(&thread->retired.bytes, memory_order_relaxed);
    stats->thread_records++;
    stats->threads += !atomic_load_explicit(&thread->finished, memory_order_relaxed);
}

static void add_pauses(pp_stats *stats)
{
    pp_pause_figures figures;
    pp_pause_figures_get(&figures);
    stats->pauses = figures.count;
    stats->pause_ns_last = figures.length_last;
    stats->pause_ns_max = figures.length_max;
    stats->pause_ns_total = figures.length_total;
    stats->pause_wait_ns_last = figures.wait_last;
    stats->pause_wait_ns_max = figures.wait_max;
}

/* A figure that is a sum over records read one after the other: an object that one thread made and
 * another freed meanwhile may be seen half. */
static uint64_t not_negative(uint64_t sum)
{
    return (int64_t)sum < 0 ? 0 : sum;
}

void pp_stats_get(pp_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    for (const pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        add_thread(stats, thread);
    for (int kind = 0; kind < 16; kind++)
        stats->objects[kind] = not_negative(stats->objects[kind]);
    stats->bytes = not_negative(stats->bytes);
    stats->reserved = pp_heap_reserved();
    stats->oldest_epoch = pp_qsbr_oldest(); /* first: the current one only grows */
    stats->epoch = pp_qsbr_epoch();
    stats->collections = read(&collections);
    stats->collected = read(&collected);
    add_pauses(stats);
    stats->heap = pp_heap_name();
}
