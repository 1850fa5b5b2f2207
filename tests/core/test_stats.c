/* What the runtime tells about itself. */
#include "crew.h"
#include "nodes.h"

static pp_stats stats(void)
{
    pp_stats s;
    memset(&s, 0xff, sizeof s);
    pp_stats_get(&s);
    return s;
}

static void objects_and_bytes(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_stats before = stats();
    pp_thread_enter(thread);
    pp_object *object = node_new(thread, 10);
    pp_value values[3];
    for (int i = 0; i < 3; i++)
        assert_status(PP_OK, pp_str(thread, "a string that needs memory", 26, &values[i]));
    pp_stats with = stats();
    assert_int_equal(with.objects[PP_KIND_LIST], before.objects[PP_KIND_LIST] + 1);
    assert_int_equal(with.objects[PP_KIND_STR], before.objects[PP_KIND_STR] + 3);
    assert_in_range(with.bytes - before.bytes, 112 + 3 * 58, 112 + 3 * 58 + 100);
    assert_true(with.reserved >= with.bytes);
    for (int i = 0; i < 3; i++)
        pp_value_release(thread, values[i]);
    pp_release(thread, object);
    pp_thread_leave(thread);
    pp_stats after = stats();
    assert_memory_equal(after.objects, before.objects, sizeof after.objects);
    assert_int_equal(after.bytes, before.bytes);
    assert_true(strcmp(after.heap, "slab") == 0 || strcmp(after.heap, "mimalloc") == 0);
}

static void pauses_and_collections(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_stats before = stats();
    pp_thread_enter(thread);
    pp_object *self = node_new(thread, 1);
    node_set(thread, self, 0, pp_object_value(self));
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 1);
    pp_stats after = stats();
    assert_int_equal(after.collections, before.collections + 1);
    assert_int_equal(after.collected, before.collected + 1);
    assert_int_equal(after.pauses, before.pauses + 1);
    assert_int_equal(after.pause_ns_total, before.pause_ns_total + after.pause_ns_last);
    assert_in_range(after.pause_ns_last, 1, after.pause_ns_max);
    assert_in_range(after.pause_wait_ns_last, 0, after.pause_wait_ns_max);
    assert_all_gone();
}

static void hold_a_scope(crew *c, int index)
{
    _Atomic int *at = c->context;
    pp_thread *thread = test_thread();
    (void)index;
    pp_thread_enter(thread);
    atomic_fetch_add(at, 1);
    wait_until(atomic_load(at) >= 100);
    pp_thread_leave(thread);
}

/* A reader that stays delays memory, and shows. */
static void a_reader_that_stays(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    _Atomic int at = 0;
    crew c;
    crew_start(&c, 2, hold_a_scope, &at);
    wait_until(atomic_load(&at) == 2);
    pp_stats before = stats();
    assert_true(before.threads >= 3 && before.thread_records >= before.threads);
    pp_thread_enter(thread);
    pp_object *root = node_new(thread, 1);
    for (int i = 0; i < 1000; i++)
        node_set(thread, root, 0, pp_object_value(node_new(thread, 100)));
    pp_thread_leave(thread);
    pp_stats held = stats();
    assert_int_equal(held.retired_blocks, before.retired_blocks + 999);
    assert_true(held.retired_bytes >= before.retired_bytes + 999 * 800);
    assert_true(held.oldest_epoch < held.epoch);
    atomic_store(&at, 100);
    crew_join(&c);
    pp_thread_enter(thread);
    pp_release(thread, root);
    pp_thread_leave(thread);
    assert_all_gone();
    pp_stats after = stats();
    assert_int_equal(after.retired_bytes, 0);
    assert_true(after.oldest_epoch == after.epoch);
    assert_int_equal(after.threads, before.threads - 2);
}

/* Figures can be read while others work. */
static void make_and_drop(crew *c, int index)
{
    pp_thread *thread = test_thread();
    (void)index;
    for (int i = 0; i < 2000; i++) {
        pp_thread_enter(thread);
        pp_object *object = node_new(thread, 1);
        node_set(thread, object, 0, pp_object_value(node_new(thread, 1)));
        pp_release(thread, object);
        pp_thread_leave(thread);
        pp_stats s = stats();
        crew_check(c, s.objects[PP_KIND_LIST] <= 2 * 4 && s.epoch >= s.oldest_epoch);
    }
}

static void read_while_others_work(void **state)
{
    (void)state;
    crew_run(4, make_and_drop, NULL);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_and_bytes),
        cmocka_unit_test(pauses_and_collections),
        cmocka_unit_test(a_reader_that_stays),
        cmocka_unit_test(read_while_others_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
