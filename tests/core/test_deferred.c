/* Deferred objects: only the collector frees them, and handles keep them without a count. */
#include "crew.h"
#include "nodes.h"

#include "share/collector.h"

static int no_growth(void **state)
{
    (void)state;
    pp_collect_enable(false);
    pp_collector_reset_for_tests();
    return 0;
}

static pp_object *new_deferred(pp_thread *thread, size_t count)
{
    pp_object *object = node_new(thread, count);
    if (object == NULL)
        abort();
    pp_object_defer(thread, object);
    return object;
}

static void release_in_scope(pp_thread *thread, pp_object *object)
{
    pp_thread_enter(thread);
    pp_release(thread, object);
    pp_thread_leave(thread);
}

static void drop_in_scope(pp_thread *thread, pp_object *object)
{
    pp_thread_enter(thread);
    pp_handle_drop(thread, object);
    pp_thread_leave(thread);
}

static void releases_do_not_free(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = new_deferred(thread, 1);
    pp_object_defer(thread, object); /* once is enough */
    assert_int_equal(pp_ref_total(object), 2);
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 0);
    release_in_scope(thread, object);
    assert_int_equal(objects_alive(), 1);
    assert_int_equal(pp_ref_total(object), 1);
    assert_int_equal(pp_collect(thread), 1);
    assert_all_gone();
}

static void only_containers_can_be(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_value value;
    assert_status(PP_OK, pp_str(thread, "a string that needs memory", 26, &value));
    pp_object *string = pp_value_object(value);
    pp_object_defer(thread, string);
    assert_int_equal(pp_ref_total(string), 1);
    assert_false(pp_handle_hold(thread, string));
    pp_release(thread, string);
    pp_thread_leave(thread);
    assert_all_gone();
}

static void containers_keep_them(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *holder = node_new(thread, 1), *object = new_deferred(thread, 1);
    node_set(thread, holder, 0, pp_object_value(object));
    pp_retain(thread, holder);
    node_set(thread, object, 0, pp_object_value(holder));
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 0);
    release_in_scope(thread, holder);
    assert_int_equal(pp_collect(thread), 2);
    assert_all_gone();
}

static void handles_keep_them(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *plain = node_new(thread, 1);
    assert_false(pp_handle_hold(thread, plain));
    pp_object *object = new_deferred(thread, 1);
    node_set(thread, object, 0, pp_object_value(plain));
    assert_true(pp_handle_hold(thread, object));
    assert_true(pp_handle_hold(thread, object));
    assert_int_equal(pp_ref_total(object), 2); /* no count moves */
    pp_release(thread, object);
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 0);
    drop_in_scope(thread, object);
    assert_int_equal(pp_collect(thread), 0); /* the other one */
    assert_int_equal(objects_alive(), 2);
    drop_in_scope(thread, object);
    assert_int_equal(pp_collect(thread), 2);
    assert_all_gone();
}

static void there_are_sixteen(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *objects[PP_THREAD_HANDLES + 1];
    for (int i = 0; i <= PP_THREAD_HANDLES; i++) {
        objects[i] = new_deferred(thread, 0);
        assert_true(pp_handle_hold(thread, objects[i]) == (i < PP_THREAD_HANDLES));
        pp_release(thread, objects[i]);
    }
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 1);
    assert_int_equal(objects_alive(), PP_THREAD_HANDLES);
    for (int i = PP_THREAD_HANDLES - 1; i >= 0; i--)
        drop_in_scope(thread, objects[i]);
    assert_int_equal(pp_collect(thread), PP_THREAD_HANDLES);
    assert_all_gone();
}

/* ---- threads -------------------------------------------------------------------- */

static void hold_and_end(crew *c, int index)
{
    pp_object *object = c->context;
    pp_thread *thread = test_thread();
    (void)index;
    pp_thread_enter(thread);
    crew_check(c, pp_handle_hold(thread, object));
    pp_thread_leave(thread);
}

static void a_thread_that_ends_drops_its_handles(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = new_deferred(thread, 0);
    pp_thread_leave(thread);
    crew_run(4, hold_and_end, object);
    release_in_scope(thread, object);
    assert_int_equal(pp_collect(thread), 1);
    assert_all_gone();
}

typedef struct stage {
    _Atomic int at;
    pp_object *object;
} stage;

/* Borrows a deferred object, is stopped while it is collected, and may not hold it any more. */
static void borrow_and_block(crew *c, int index)
{
    stage *s = c->context;
    pp_thread *thread = test_thread();
    (void)index;
    pp_thread_enter(thread);
    pp_object *object = s->object;
    pp_thread_block(thread);
    atomic_store(&s->at, 1);
    wait_until(atomic_load(&s->at) == 2);
    pp_thread_unblock(thread);
    crew_check(c, !pp_handle_hold(thread, object));
    crew_check(c, !pp_try_retain(thread, object));
    pp_thread_leave(thread);
}

static void condemned_ones_cannot_be_held(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    stage s = {0};
    pp_thread_enter(thread);
    s.object = new_deferred(thread, 0);
    pp_thread_leave(thread);
    crew c;
    crew_start(&c, 1, borrow_and_block, &s);
    wait_until(atomic_load(&s.at) == 1);
    release_in_scope(thread, s.object);
    assert_int_equal(pp_collect(thread), 1);
    atomic_store(&s.at, 2);
    crew_join(&c);
    assert_all_gone();
}

/* All change which deferred object a place leads to, hold what they find there, and look at it
 * in later scopes; one collects. */
typedef struct places {
    pp_object *root;
    _Atomic int done;
} places;

enum { PLACES = 4, ROUNDS = 5000 };

static void hold_and_look(crew *c, int index)
{
    places *p = c->context;
    pp_thread *thread = test_thread();
    uint64_t random = 5 + (uint64_t)index;
    pp_object *held = NULL;
    if (index == 0) {
        while (atomic_load(&p->done) < c->size - 1)
            (void)pp_collect(thread);
        return;
    }
    for (int i = 0; i < ROUNDS; i++) {
        pp_thread_enter(thread);
        if (held != NULL) {
            crew_check(c, !pp_object_is_dead(held) && node_get(held, 0).word == pp_bool(true).word);
            pp_handle_drop(thread, held);
        }
        if (test_below(&random, 3) == 0) {
            pp_object *object = new_deferred(thread, 1);
            node_set(thread, object, 0, pp_bool(true));
            node_set(thread, p->root, test_below(&random, PLACES), pp_object_value(object));
        }
        held = pp_value_object(node_get(p->root, test_below(&random, PLACES)));
        if (held != NULL)
            crew_check(c, pp_handle_hold(thread, held)); /* reachable, so alive */
        pp_thread_leave(thread);
    }
    if (held != NULL)
        drop_in_scope(thread, held);
    atomic_fetch_add(&p->done, 1);
}

static void held_while_it_collects(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    places p = {0};
    pp_thread_enter(thread);
    p.root = node_new(thread, PLACES);
    pp_thread_leave(thread);
    crew_run(4, hold_and_look, &p);
    release_in_scope(thread, p.root);
    (void)pp_collect(thread);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(releases_do_not_free),
        cmocka_unit_test(only_containers_can_be),
        cmocka_unit_test(containers_keep_them),
        cmocka_unit_test(handles_keep_them),
        cmocka_unit_test(there_are_sixteen),
        cmocka_unit_test(a_thread_that_ends_drops_its_handles),
        cmocka_unit_test(condemned_ones_cannot_be_held),
        cmocka_unit_test(held_while_it_collects),
    };
    return cmocka_run_group_tests(tests, no_growth, NULL);
}
