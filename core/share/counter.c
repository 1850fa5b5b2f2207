#include "share/counter.h"

static size_t size(const pp_object *object)
{
    (void)object;
    return sizeof(pp_counter);
}

const pp_object_type pp_counter_type = {.kind = PP_KIND_COUNTER, .size = size};

pp_counter *pp_object_counter(pp_object *object)
{
    return pp_object_kind(object) == PP_KIND_COUNTER ? (pp_counter *)object : NULL;
}

pp_status pp_counter_new(pp_thread *thread, int64_t number, pp_counter **counter)
{
    pp_counter *made = (pp_counter *)pp_object_new(thread, PP_KIND_COUNTER, sizeof *made);
    if (made == NULL)
        return PP_ERR_NOMEM;
    atomic_init(&made->number, number);
    *counter = made;
    return PP_OK;
}

/* All seq_cst: programs build on the one order of operations on several counters. */

int64_t pp_counter_get(const pp_counter *counter)
{
    return atomic_load_explicit(&counter->number, memory_order_seq_cst);
}

void pp_counter_set(pp_counter *counter, int64_t number)
{
    atomic_store_explicit(&counter->number, number, memory_order_seq_cst);
}

pp_status pp_counter_add(pp_counter *counter, int64_t delta, int64_t *sum)
{
    int64_t before = atomic_load_explicit(&counter->number, memory_order_relaxed);
    do {
        if (delta > 0 ? before > INT64_MAX - delta : before < INT64_MIN - delta)
            return PP_ERR_RANGE;
    } while (!atomic_compare_exchange_weak_explicit(&counter->number, &before, before + delta,
                                                    memory_order_seq_cst, memory_order_seq_cst));
    *sum = before + delta;
    return PP_OK;
}

int64_t pp_counter_exchange(pp_counter *counter, int64_t number)
{
    return atomic_exchange_explicit(&counter->number, number, memory_order_seq_cst);
}

bool pp_counter_compare_and_set(pp_counter *counter, int64_t expected, int64_t desired)
{
    return atomic_compare_exchange_strong_explicit(&counter->number, &expected, desired,
                                                   memory_order_seq_cst, memory_order_seq_cst);
}
