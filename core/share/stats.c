#include "share/stats.h"

#include <string.h>

#include "share/heap.h"
#include "share/qsbr.h"

/* Written in pauses, so by one thread at a time; read by anybody. Relaxed: figures order nothing.
 */
static struct {
    _Atomic uint64_t collections, collected;
    _Atomic uint64_t pauses, stopped_last, stopped_max, stopped_total, wait_last, wait_max;
} figures;

static uint64_t read(const _Atomic uint64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

static void write(_Atomic uint64_t *figure, uint64_t value)
{
    atomic_store_explicit(figure, value, memory_order_relaxed);
}

static void raise_to(_Atomic uint64_t *figure, uint64_t value)
{
    if (value > read(figure))
        write(figure, value);
}

void pp_stats_pause(uint64_t wait, uint64_t stopped)
{
    pp_tally(&figures.pauses, 1);
    pp_tally(&figures.stopped_total, stopped);
    write(&figures.stopped_last, stopped);
    raise_to(&figures.stopped_max, stopped);
    write(&figures.wait_last, wait);
    raise_to(&figures.wait_max, wait);
}

void pp_stats_collection(size_t garbage)
{
    pp_tally(&figures.collections, 1);
    pp_tally(&figures.collected, garbage);
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
    stats->collections = read(&figures.collections);
    stats->collected = read(&figures.collected);
    stats->pauses = read(&figures.pauses);
    stats->pause_ns_last = read(&figures.stopped_last);
    stats->pause_ns_max = read(&figures.stopped_max);
    stats->pause_ns_total = read(&figures.stopped_total);
    stats->pause_wait_ns_last = read(&figures.wait_last);
    stats->pause_wait_ns_max = read(&figures.wait_max);
    stats->heap = pp_heap_name();
}
