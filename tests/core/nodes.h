/* Containers for testing objects and counts: a node has a fixed number of slots, which
 * threads exchange. It takes the place of PP_KIND_LIST in the test's process. */
#ifndef PP_TEST_NODES_H
#define PP_TEST_NODES_H

#include "test.h"

#include "parapack/collect.h"
#include "share/audit.h"
#include "share/heap.h"
#include "share/pause.h"
#include "share/qsbr.h"
#include "share/refcount.h"
#include "share/value.h"

typedef struct node {
    pp_object base;
    size_t count;
    _Atomic uint64_t slots[];
} node;

static inline node *node_of(pp_object *object)
{
    return (node *)(void *)object;
}

static inline size_t node_size(const pp_object *object)
{
    return sizeof(node) + ((const node *)(const void *)object)->count * sizeof(uint64_t);
}

static inline void node_clear(pp_thread *thread, pp_object *object)
{
    node *n = node_of(object);
    for (size_t i = 0; i < n->count; i++)
        pp_object_drop_value(thread, object, (pp_value){atomic_exchange(&n->slots[i], 0)});
}

static inline void node_visit(pp_object *object, pp_visit *visit, void *context)
{
    node *n = node_of(object);
    for (size_t i = 0; i < n->count; i++)
        visit(context, (pp_value){atomic_load(&n->slots[i])});
}

static const pp_object_type node_type = {.kind = PP_KIND_LIST,
                                         .container = true,
                                         .clear = node_clear,
                                         .visit = node_visit,
                                         .size = node_size};

/* A node with empty slots; NULL without memory. */
static inline pp_object *node_new(pp_thread *thread, size_t count)
{
    pp_object_type_set(&node_type);
    pp_object *object =
        pp_object_new(thread, PP_KIND_LIST, sizeof(node) + count * sizeof(uint64_t));
    if (object == NULL)
        return NULL;
    node *n = node_of(object);
    n->count = count;
    for (size_t i = 0; i < count; i++)
        atomic_init(&n->slots[i], 0);
    return object;
}

/* Puts `value`, a reference that is given away, into a slot, and releases what was there. */
static inline void node_set(pp_thread *thread, pp_object *object, size_t slot, pp_value value)
{
    pp_object_publish(thread, value);
    uint64_t old =
        atomic_exchange_explicit(&node_of(object)->slots[slot], value.word, memory_order_acq_rel);
    pp_value_release(thread, (pp_value){old});
}

/* What a slot holds, borrowed. */
static inline pp_value node_get(pp_object *object, size_t slot)
{
    return (pp_value){atomic_load_explicit(&node_of(object)->slots[slot], memory_order_acquire)};
}

/* The calling thread's record. */
static inline pp_thread *test_thread(void)
{
    pp_thread *thread = pp_thread_self();
    if (thread == NULL)
        abort();
    return thread;
}

/* Objects that live, of all kinds. */
static inline uint64_t objects_alive(void)
{
    pp_stats stats;
    pp_stats_get(&stats);
    uint64_t sum = 0;
    for (int kind = 0; kind < 16; kind++)
        sum += stats.objects[kind];
    return sum;
}

/* With no other thread in a scope: lets go of all memory that waits for readers, and asserts that
 * no object and not a byte is left. */
static inline void assert_all_gone(void)
{
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_thread_help_others(thread);
    pp_thread_leave(thread);
    pp_thread_enter(thread); /* of a later epoch than what was retired so far */
    pp_thread_help_others(thread);
    pp_qsbr_poll(thread);
    pp_thread_leave(thread);
    pp_thread_enter(thread);
    pp_qsbr_poll(thread);
    pp_stats stats;
    pp_stats_get(&stats);
    pp_thread_leave(thread);
    for (int kind = 0; kind < 16; kind++)
        if (stats.objects[kind] != 0)
            fail_msg("%llu objects of kind %s are left", (unsigned long long)stats.objects[kind],
                     pp_kind_name((pp_kind)kind));
    assert_int_equal(stats.retired_blocks, 0);
    assert_int_equal(stats.bytes, 0);
}

/* Asserts that every count is explained but for one reference, which the test holds. With all other
 * threads gone. */
static inline void assert_one_external_reference(pp_thread *thread)
{
    (void)pp_collect(thread); /* ends what the members left to be merged */
    (void)pp_pause_begin(thread, 0);
    int64_t external = pp_audit();
    pp_pause_end(thread);
    assert_int_equal(external, 1);
}

/* Set-up and tear-down of tests that run in one scope; *state is the thread. */
static inline int begin_scope(void **state)
{
    pp_thread *self = test_thread();
    pp_thread_enter(self);
    *state = self;
    return 0;
}

static inline int end_scope(void **state)
{
    pp_thread_leave(*state);
    assert_all_gone();
    return 0;
}

#endif
