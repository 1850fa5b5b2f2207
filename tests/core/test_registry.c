/* Objects by number. */
#include "crew.h"
#include "nodes.h"

#include "share/registry.h"

static void numbers_are_stable_and_never_reused(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    enum { N = 500 };
    static pp_object *objects[N];
    static uint64_t ids[N];
    for (int round = 0; round < 2; round++) {
        uint64_t newest = ids[N - 1];
        for (int i = 0; i < N; i++) {
            uint64_t again = 0;
            objects[i] = node_new(thread, 1);
            assert_status(PP_OK, pp_object_id(thread, objects[i], &ids[i]));
            assert_status(PP_OK, pp_object_id(thread, objects[i], &again));
            assert_true(again == ids[i] && ids[i] > newest);
            newest = ids[i];
        }
        for (int i = 0; i < N; i++) {
            assert_ptr_equal(pp_object_from_id(thread, ids[i]), objects[i]);
            assert_int_equal(pp_ref_total(objects[i]), 2);
            pp_release(thread, objects[i]);
        }
        assert_null(pp_object_from_id(thread, 0));
        assert_null(pp_object_from_id(thread, newest + 1));
        for (int i = 0; i < N; i++) {
            pp_release(thread, objects[i]);
            assert_null(pp_object_from_id(thread, ids[i]));
        }
    }
    assert_int_equal(objects_alive(), 0);
    pp_thread_leave(thread);
    assert_all_gone();
}

static void dead_objects_get_no_number(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *holder = node_new(thread, 1), *object = node_new(thread, 0);
    node_set(thread, holder, 0, pp_object_value(object));
    node_set(thread, holder, 0, PP_NO_VALUE);
    uint64_t id = 0;
    assert_status(PP_ERR_GONE, pp_object_id(thread, object, &id));
    pp_release(thread, holder);
    pp_thread_leave(thread);
    assert_all_gone();
}

static void no_memory_for_an_entry(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = node_new(thread, 1);
    uint64_t id = 0;
    pp_heap_fail_after(0);
    assert_status(PP_ERR_NOMEM, pp_object_id(thread, object, &id));
    assert_status(PP_OK, pp_object_id(thread, object, &id));
    pp_release(thread, object);
    assert_null(pp_object_from_id(thread, id));
    pp_thread_leave(thread);
    assert_all_gone();
}

/* Objects are numbered, found and given up by all threads at once. A number finds its object or
 * nothing. */
enum {
    THREADS = 4,
    SHARED = 8,
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    TURNS = 5000,
#else
    TURNS = 20000,
#endif
};

typedef struct board {
    _Atomic uint64_t ids[SHARED];
    _Atomic int found;
} board;

static void number(crew *c, int index)
{
    board *b = c->context;
    pp_thread *thread = test_thread();
    pp_object *mine[SHARED] = {NULL};
    uint64_t random = 77 + (uint64_t)index;
    for (int i = 0; i < TURNS; i++) {
        pp_thread_enter(thread);
        size_t place = test_below(&random, SHARED);
        uint64_t id = atomic_load(&b->ids[place]), own = 0;
        pp_object *object = id == 0 ? NULL : pp_object_from_id(thread, id);
        if (object != NULL) {
            atomic_fetch_add(&b->found, 1);
            crew_check(c, pp_object_kind(object) == PP_KIND_LIST && node_of(object)->count == 1);
            crew_check(c, pp_object_id(thread, object, &own) == PP_OK && own == id);
            pp_release(thread, object);
        }
        /* The last reference to an older one is given up while others look it up. */
        object = node_new(thread, 1);
        crew_check(c, pp_object_id(thread, object, &own) == PP_OK);
        atomic_store(&b->ids[place], own);
        if (mine[place] != NULL)
            pp_release(thread, mine[place]);
        mine[place] = object;
        pp_thread_leave(thread);
    }
    pp_thread_enter(thread);
    for (int i = 0; i < SHARED; i++)
        if (mine[i] != NULL)
            pp_release(thread, mine[i]);
    pp_thread_leave(thread);
}

static void everybody_numbers(void **state)
{
    (void)state;
    static board b;
    crew_run(THREADS, number, &b);
    assert_true(atomic_load(&b.found) > 0);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_stable_and_never_reused),
        cmocka_unit_test(dead_objects_get_no_number),
        cmocka_unit_test(no_memory_for_an_entry),
        cmocka_unit_test(everybody_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
