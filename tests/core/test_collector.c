/* The collector: what is garbage goes, what is not stays, whatever others do meanwhile. */
#include <sys/wait.h>
#include <unistd.h>

#include "crew.h"
#include "nodes.h"

#include "base/parking.h"
#include "share/audit.h"
#include "share/collector.h"
#include "share/pause.h"

#if defined(PP_HOSTILE)
enum { LONG = 20000, ROUNDS = 3000 };
#elif defined(__SANITIZE_THREAD__)
enum { LONG = 50000, ROUNDS = 5000 }; /* which costs as much as the others */
#else
enum { LONG = 1000000, ROUNDS = 20000 };
#endif

static pp_object *new_node(pp_thread *thread, size_t count)
{
    pp_object *object = node_new(thread, count);
    if (object == NULL)
        abort();
    return object;
}

static pp_value new_string(pp_thread *thread)
{
    pp_value value;
    if (pp_str(thread, "a string that needs memory", 26, &value) != PP_OK)
        abort();
    return value;
}

/* A value that refers to `object`, counted. */
static pp_value counted(pp_thread *thread, pp_object *object)
{
    pp_retain(thread, object);
    return pp_object_value(object);
}

/* `size` nodes, each of which refers to the next in slot 0, and the last to the first: a counted
 * reference to the first. */
static pp_object *ring(pp_thread *thread, size_t size)
{
    pp_object *first = new_node(thread, 3), *last = first;
    for (size_t i = 1; i < size; i++) {
        pp_object *next = new_node(thread, 3);
        node_set(thread, last, 0, pp_object_value(next)); /* still readable: this scope is open */
        last = next;
    }
    node_set(thread, last, 0, counted(thread, first));
    return first;
}

static int no_growth(void **state)
{
    (void)state;
    pp_collect_enable(false);
    pp_collector_reset_for_tests();
    return 0;
}

static int growth(void **state)
{
    (void)state;
    pp_collect_enable(true);
    return 0;
}

/* ---- what goes, and what stays -------------------------------------------------- */

static void rings_go(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    for (size_t size = 1; size <= 100; size++) {
        pp_thread_enter(thread);
        pp_release(thread, ring(thread, size));
        pp_thread_leave(thread);
        assert_int_equal(objects_alive(), size);
        assert_int_equal(pp_collect(thread), size);
        assert_all_gone();
    }
}

static void held_rings_stay(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *first = ring(thread, 10);
    pp_object *third = pp_value_object(node_get(pp_value_object(node_get(first, 0)), 0));
    assert_true(pp_try_retain(thread, third));
    pp_release(thread, first);
    pp_thread_leave(thread);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pp_collect(thread), 0);
        assert_int_equal(objects_alive(), 10);
    }
    pp_thread_enter(thread);
    pp_release(thread, third);
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 10);
    assert_all_gone();
}

/* Garbage gives up its references to what is alive, and to leaves, and keeps no others alive. */
static void what_garbage_refers_to(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *alive = new_node(thread, 1);
    pp_value string = new_string(thread);
    pp_object *first = ring(thread, 2);
    pp_object *second = pp_value_object(node_get(first, 0));
    node_set(thread, first, 1, counted(thread, alive));
    node_set(thread, second, 1, counted(thread, alive));
    node_set(thread, first, 2, new_string(thread));
    pp_value_retain(thread, string);
    node_set(thread, second, 2, string);
    assert_int_equal(pp_ref_total(alive), 3);
    pp_release(thread, first);
    pp_thread_leave(thread);

    assert_int_equal(objects_alive(), 5);
    assert_int_equal(pp_collect(thread), 2);
    assert_int_equal(objects_alive(), 2);
    assert_int_equal(pp_ref_total(alive), 1);
    assert_int_equal(pp_ref_total(pp_value_object(string)), 1);

    pp_thread_enter(thread);
    pp_value_release(thread, string);
    pp_release(thread, alive);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* What hangs on garbage and dies with it by its count: here a chain, which must not recurse. */
static void chains_on_garbage_go(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *self = ring(thread, 1);
    pp_object *chain = new_node(thread, 1);
    for (int i = 1; i < LONG; i++) {
        pp_object *next = new_node(thread, 1);
        node_set(thread, next, 0, pp_object_value(chain));
        chain = next;
    }
    node_set(thread, self, 1, pp_object_value(chain));
    pp_release(thread, self);
    pp_thread_leave(thread);
    /* Reachable from the ring alone: condemned like it. */
    assert_int_equal(pp_collect(thread), LONG + 1);
    assert_all_gone();
}

static void long_rings_go(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *first = ring(thread, LONG);
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 0); /* marks along all of it */
    pp_thread_enter(thread);
    pp_release(thread, first);
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), LONG);
    assert_all_gone();
}

/* Many references to one, and from one to many. */
static void fans_go(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    enum { MANY = 1000 };
    pp_thread_enter(thread);
    pp_object *hub = new_node(thread, MANY);
    for (size_t i = 0; i < MANY; i++) {
        pp_object *spoke = new_node(thread, 2);
        node_set(thread, spoke, 0, counted(thread, hub));
        node_set(thread, spoke, 1, i == 0 ? counted(thread, hub) : node_get(hub, i - 1));
        if (i > 0)
            pp_retain(thread, pp_value_object(node_get(hub, i - 1)));
        node_set(thread, hub, i, pp_object_value(spoke));
    }
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 0);
    pp_thread_enter(thread);
    pp_release(thread, hub);
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), MANY + 1);
    assert_all_gone();
}

/* Any graph: what the program still holds, and what that leads to, is what stays. */
static void random_graphs(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    enum { NODES = 60 };
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t random = seed;
        size_t edges = test_below(&random, 2 * NODES), held = test_below(&random, 4);
        pp_object *nodes[NODES];
        bool reached[NODES] = {false};
        pp_thread_enter(thread);
        for (int i = 0; i < NODES; i++)
            nodes[i] = new_node(thread, 3);
        for (size_t i = 0; i < edges; i++)
            node_set(thread, nodes[test_below(&random, NODES)], test_below(&random, 3),
                     counted(thread, nodes[test_below(&random, NODES)]));
        for (size_t i = 0; i < held; i++)
            reached[i] = true;
        for (bool more = true; more;) {
            more = false;
            for (int i = 0; i < NODES; i++)
                for (size_t s = 0; reached[i] && s < 3; s++)
                    for (int j = 0; j < NODES; j++)
                        if (!reached[j] && pp_value_object(node_get(nodes[i], s)) == nodes[j])
                            more = reached[j] = true;
        }
        for (size_t i = held; i < NODES; i++)
            pp_release(thread, nodes[i]);
        pp_thread_leave(thread);
        (void)pp_collect(thread);
        size_t expected = 0;
        for (int i = 0; i < NODES; i++)
            expected += reached[i];
        assert_int_equal(objects_alive(), expected);
        pp_thread_enter(thread);
        for (size_t i = 0; i < held; i++)
            pp_release(thread, nodes[i]);
        pp_thread_leave(thread);
        (void)pp_collect(thread);
        assert_all_gone();
    }
}

/* ---- threads that are stopped in the middle ---------------------------------------- */

typedef struct stage {
    _Atomic int at;
    pp_object *object;
    pp_value value;
    _Atomic bool *blocked;
} stage;

static void reach_stage(stage *s, int at)
{
    atomic_store(&s->at, at);
}

static void await_stage(stage *s, int at)
{
    wait_until(atomic_load(&s->at) == at);
}

/* Borrows a node of a ring, is stopped, and finds it condemned. */
static void borrow_and_block(crew *c, int index)
{
    stage *s = c->context;
    (void)index;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *borrowed = pp_value_object(node_get(s->object, 0));
    pp_object *string = pp_value_object(node_get(borrowed, 1));
    pp_thread_block(thread);
    reach_stage(s, 1);
    await_stage(s, 2);
    pp_thread_unblock(thread);
    /* Cleared and given up, but not freed. */
    crew_check(c, pp_object_kind(borrowed) == PP_KIND_LIST && pp_object_is_dead(borrowed));
    crew_check(c, node_get(borrowed, 0).word == 0 && node_get(borrowed, 1).word == 0);
    crew_check(c, !pp_try_retain(thread, borrowed));
    pp_value value = pp_object_value(string);
    pp_slice bytes;
    crew_check(c, pp_value_bytes(&value, &bytes) && memcmp(bytes.data, "a string", 8) == 0);
    crew_check(c, !pp_try_retain(thread, string));
    pp_thread_leave(thread);
}

static void borrowed_garbage_stays_readable(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    stage s = {0};
    pp_thread_enter(thread);
    s.object = ring(thread, 5);
    node_set(thread, pp_value_object(node_get(s.object, 0)), 1, new_string(thread));
    pp_thread_leave(thread);
    crew c;
    crew_start(&c, 1, borrow_and_block, &s);
    await_stage(&s, 1);
    pp_thread_enter(thread);
    pp_release(thread, s.object);
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 5);
    assert_int_equal(objects_alive(), 0);
    pp_stats stats;
    pp_stats_get(&stats);
    assert_true(stats.retired_blocks >= 6);
    reach_stage(&s, 2);
    crew_join(&c);
    assert_all_gone();
}

/* Owns a ring; what another thread releases of it waits in its merge queue when it is stopped. */
static void own_and_block(crew *c, int index)
{
    stage *s = c->context;
    (void)index;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    s->object = ring(thread, 4);
    s->value = new_string(thread);
    reach_stage(s, 1);
    await_stage(s, 2);
    crew_check(c, atomic_load(&thread->merge_queue) != NULL);
    pp_thread_block(thread);
    reach_stage(s, 3);
    await_stage(s, 4);
    pp_thread_unblock(thread);
    crew_check(c, atomic_load(&thread->merge_queue) == NULL);
    pp_thread_leave(thread);
}

static void merge_queues_are_drained(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    stage s = {0};
    crew c;
    crew_start(&c, 1, own_and_block, &s);
    await_stage(&s, 1);
    pp_thread_enter(thread);
    pp_release(thread, s.object);      /* the owner's count: through its queue */
    pp_value_release(thread, s.value); /* dies when the queue is drained, in the pause */
    pp_thread_leave(thread);
    reach_stage(&s, 2);
    await_stage(&s, 3);
    assert_int_equal(objects_alive(), 5);
    assert_int_equal(pp_collect(thread), 4);
    assert_int_equal(objects_alive(), 0);
    reach_stage(&s, 4);
    crew_join(&c);
    assert_all_gone();
}

/* ---- when ---------------------------------------------------------------------------- */

static uint64_t collections(void)
{
    pp_stats stats;
    pp_stats_get(&stats);
    return stats.collections;
}

static void make_garbage(pp_thread *thread, int rings)
{
    for (int i = 0; i < rings; i++)
        pp_release(thread, ring(thread, 1));
}

static void growth_starts_a_collection(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_collector_reset_for_tests();
    (void)pp_collect(thread);
    uint64_t before = collections();
    enum { JUST_BELOW = PP_COLLECTOR_LEAST - PP_COLLECTOR_STEP, ENOUGH = 2 * PP_COLLECTOR_STEP };
    pp_thread_enter(thread);
    make_garbage(thread, JUST_BELOW);
    pp_thread_leave(thread);
    assert_false(pp_collect_wanted());
    assert_true(collections() == before);
    pp_thread_enter(thread);
    make_garbage(thread, ENOUGH);
    assert_true(pp_collect_wanted());
    assert_true(collections() == before); /* not inside a scope */
    pp_thread_leave(thread);
    assert_true(collections() == before + 1);
    assert_false(pp_collect_wanted());
    assert_all_gone();
}

static void scopes_that_may_not_wait_start_none(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    (void)pp_collect(thread);
    uint64_t before = collections();
    assert_true(pp_thread_try_enter(thread));
    make_garbage(thread, PP_COLLECTOR_LEAST + 2 * PP_COLLECTOR_STEP);
    pp_thread_leave(thread);
    assert_true(pp_collect_wanted());
    assert_true(collections() == before);
    assert_int_equal(pp_collect(thread), PP_COLLECTOR_LEAST + 2 * PP_COLLECTOR_STEP);
    assert_false(pp_collect_wanted());
    assert_all_gone();
}

static void it_can_be_switched_off(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    assert_true(pp_collect_enabled());
    pp_collect_enable(false);
    assert_false(pp_collect_enabled());
    uint64_t before = collections();
    pp_thread_enter(thread);
    make_garbage(thread, PP_COLLECTOR_LEAST + 2 * PP_COLLECTOR_STEP);
    pp_thread_leave(thread);
    assert_false(pp_collect_wanted());
    pp_collect_enable(true);
    assert_true(pp_collect_wanted()); /* growth was counted all the time */
    assert_true(collections() == before);
    pp_thread_enter(thread);
    pp_thread_leave(thread);
    assert_true(collections() == before + 1);
    assert_all_gone();
}

/* What is alive and stays makes collections rarer; what comes and goes by counts starts none. */
static void the_limit_grows_with_what_lives(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    enum { ALIVE = 8 * PP_COLLECTOR_LEAST };
    pp_thread_enter(thread);
    pp_object *first = ring(thread, ALIVE);
    pp_thread_leave(thread);
    (void)pp_collect(thread);
    uint64_t before = collections();
    pp_thread_enter(thread);
    make_garbage(thread, ALIVE / 4 - PP_COLLECTOR_STEP);
    pp_thread_leave(thread);
    assert_true(collections() == before);
    for (int i = 0; i < ALIVE; i++) {
        pp_thread_enter(thread);
        pp_release(thread, new_node(thread, 1));
        pp_thread_leave(thread);
    }
    assert_true(collections() == before);
    pp_thread_enter(thread);
    make_garbage(thread, 2 * PP_COLLECTOR_STEP);
    pp_thread_leave(thread);
    assert_true(collections() == before + 1);
    pp_thread_enter(thread);
    pp_release(thread, first);
    pp_thread_leave(thread);
    (void)pp_collect(thread);
    assert_all_gone();
}

/* ---- threads ---------------------------------------------------------------------------- */

typedef struct playground {
    pp_object *root; /* its slots lead to everything */
    int collectors;  /* members that do nothing but collect */
} playground;

enum { PLACES = 8, SLOTS = 3 };

/* Exchanges a slot as containers do: under the lock, and not in a dead one. Takes `value`. */
static void change(pp_thread *thread, pp_object *object, size_t slot, pp_value value)
{
    pp_object_publish(thread, value);
    if (!pp_object_lock(thread, object))
        abort(); /* only in scopes that may not wait */
    if (!pp_object_is_dead(object)) {
        uint64_t old = atomic_exchange(&node_of(object)->slots[slot], value.word);
        value = (pp_value){old};
    }
    pp_object_unlock(object);
    pp_value_release(thread, value);
}

/* Some node that `root` leads to, borrowed; NULL where the walk ends in an empty slot. */
static pp_object *wander(pp_object *root, uint64_t *random)
{
    pp_object *object = pp_value_object(node_get(root, test_below(random, PLACES)));
    for (size_t steps = test_below(random, 4); object != NULL && steps > 0; steps--)
        object = pp_value_object(node_get(object, test_below(random, SLOTS - 1)));
    return object;
}

/* One random change of the graph. */
static void play_once(pp_thread *thread, pp_object *root, uint64_t *random)
{
    pp_object *from = wander(root, random), *to = wander(root, random);
    size_t slot = test_below(random, SLOTS - 1);
    switch (test_below(random, 6)) {
    case 0: /* a new place; what was there may become garbage in rings */
        change(thread, root, test_below(random, PLACES),
               pp_object_value(ring(thread, 1 + test_below(random, 4))));
        break;
    case 1:
        if (from != NULL)
            change(thread, from, slot, PP_NO_VALUE);
        break;
    case 2:
        if (from != NULL)
            change(thread, from, SLOTS - 1, new_string(thread));
        break;
    default:
        if (from != NULL && to != NULL && pp_try_retain(thread, to))
            change(thread, from, slot, pp_object_value(to));
    }
}

static void play(crew *c, int index)
{
    playground *p = c->context;
    pp_thread *thread = test_thread();
    uint64_t random = 77 + (uint64_t)index;
    for (int i = 0; i < ROUNDS; i++) {
        if (index < p->collectors) {
            (void)pp_collect(thread);
            if (atomic_load(&c->finished) >= c->size - p->collectors)
                return;
            continue;
        }
        pp_thread_enter(thread);
        for (size_t n = 1 + test_below(&random, 8); n > 0; n--)
            play_once(thread, p->root, &random);
        pp_thread_leave(thread);
    }
}

static void play_with(int players, int collectors)
{
    pp_thread *thread = test_thread();
    playground p = {.collectors = collectors};
    pp_thread_enter(thread);
    p.root = new_node(thread, PLACES);
    pp_thread_leave(thread);
    crew_run(players + collectors, play, &p);
    assert_one_external_reference(thread);
    pp_thread_enter(thread);
    pp_release(thread, p.root);
    pp_thread_leave(thread);
    (void)pp_collect(thread);
    assert_all_gone();
}

static void graphs_change_while_it_collects(void **state)
{
    (void)state;
    uint64_t before = collections();
    play_with(3, 1);
    assert_true(collections() > before + 3);
}

static void several_collect_at_once(void **state)
{
    (void)state;
    play_with(2, 3);
}

static void growth_collects_among_threads(void **state)
{
    (void)state;
    uint64_t before = collections();
    play_with(4, 0);
    assert_true(collections() > before);
}

/* ---- fork -------------------------------------------------------------------------------- */

static void collect_much(crew *c, int index)
{
    stage *s = c->context;
    (void)index;
    pp_thread *thread = test_thread();
    while (atomic_load(&s->at) == 0) {
        pp_thread_enter(thread);
        make_garbage(thread, 3000);
        pp_thread_leave(thread);
        (void)pp_collect(thread);
    }
}

/* In the child: has a thread that is gone left work behind? Then it is finished here. Gives the
 * exit code: 0 yes, 1 no, others are failures. */
static int finish_in_child(void)
{
    pp_thread *self = test_thread();
    bool left = self->condemned != NULL || self->cleared != NULL;
    (void)pp_collect(self);
    if (self->condemned != NULL || self->cleared != NULL || self->dying != NULL)
        return 2;
    pp_thread_enter(self);
    pp_release(self, ring(self, 3));
    pp_thread_leave(self);
    if (pp_collect(self) < 3 || objects_alive() != 0)
        return 3;
    return left ? 0 : 1;
}

static void the_child_of_a_fork_finishes(void **state)
{
    (void)state;
    stage s = {0};
    crew c;
    crew_start(&c, 1, collect_much, &s);
    int code = 1;
    while (code == 1) {
        pid_t child = fork();
        if (child == 0)
            _exit(finish_in_child());
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        code = WEXITSTATUS(status);
    }
    reach_stage(&s, 1);
    crew_join(&c);
    assert_int_equal(code, 0);
    assert_all_gone();
}

/* One thread holds the lock of an object, another waits for it to clear the object: both are gone
 * in the child. */
static void hold_lock(crew *c, stage *s)
{
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    crew_check(c, pp_object_lock(thread, s->object));
    pp_thread_block(thread);
    reach_stage(s, 1);
    await_stage(s, 3);
    pp_thread_unblock(thread);
    pp_object_unlock(s->object);
    pp_thread_leave(thread);
}

static void release_the_last(stage *s)
{
    pp_thread *thread = test_thread();
    await_stage(s, 1);
    pp_thread_enter(thread);
    pp_release(thread, s->object);
    pp_thread_leave(thread);
}

static void hold_or_release(crew *c, int index)
{
    if (index == 0)
        hold_lock(c, c->context);
    else
        release_the_last(c->context);
}

static void the_child_ends_what_was_dying(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    stage s = {0};
    uint64_t id;
    pp_thread_enter(thread);
    s.object = new_node(thread, 2);
    node_set(thread, s.object, 0, new_string(thread));
    node_set(thread, s.object, 1, pp_object_value(new_node(thread, 1)));
    assert_status(PP_OK, pp_object_id(thread, s.object, &id));
    pp_thread_leave(thread);
    crew c;
    crew_start(&c, 2, hold_or_release, &s);
    wait_until(pp_parked_count(&s.object->lock) == 1);
    pid_t child = fork();
    if (child == 0) {
        (void)pp_collect(test_thread());
        _exit(objects_alive() == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    reach_stage(&s, 3);
    crew_join(&c);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rings_go, no_growth, growth),
        cmocka_unit_test_setup_teardown(held_rings_stay, no_growth, growth),
        cmocka_unit_test_setup_teardown(what_garbage_refers_to, no_growth, growth),
        cmocka_unit_test_setup_teardown(chains_on_garbage_go, no_growth, growth),
        cmocka_unit_test_setup_teardown(long_rings_go, no_growth, growth),
        cmocka_unit_test_setup_teardown(fans_go, no_growth, growth),
        cmocka_unit_test_setup_teardown(random_graphs, no_growth, growth),
        cmocka_unit_test_setup_teardown(borrowed_garbage_stays_readable, no_growth, growth),
        cmocka_unit_test_setup_teardown(merge_queues_are_drained, no_growth, growth),
        cmocka_unit_test(growth_starts_a_collection),
        cmocka_unit_test(scopes_that_may_not_wait_start_none),
        cmocka_unit_test(it_can_be_switched_off),
        cmocka_unit_test(the_limit_grows_with_what_lives),
        cmocka_unit_test(graphs_change_while_it_collects),
        cmocka_unit_test(several_collect_at_once),
        cmocka_unit_test(growth_collects_among_threads),
        cmocka_unit_test(the_child_of_a_fork_finishes),
        cmocka_unit_test(the_child_ends_what_was_dying),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
