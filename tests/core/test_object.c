/* The life of objects: counts of one thread, publication, ends, locks, immortal ones. */
#include "crew.h"
#include "nodes.h"

#include "share/registry.h"

static uint8_t flags_of(const pp_object *object)
{
    return atomic_load(&object->flags);
}

static pp_object *leaf(pp_thread *thread)
{
    pp_value value;
    assert_status(PP_OK, pp_str(thread, "a string beyond the word", 24, &value));
    pp_object *object = pp_value_object(value);
    if (object == NULL)
        abort();
    return object;
}

static void header(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = node_new(thread, 3);
    if (object == NULL)
        abort();
    assert_int_equal((uintptr_t)object % 16, 0);
    assert_int_equal(pp_object_kind(object), PP_KIND_LIST);
    assert_ptr_equal(atomic_load(&object->owner), thread);
    assert_int_equal(atomic_load(&object->local), 1);
    assert_int_equal(atomic_load(&object->shared), 0);
    assert_int_equal(flags_of(object), 0);
    assert_null(object->link);
    assert_false(pp_mutex_is_locked(&object->lock));
    assert_int_equal(objects_alive(), 1);
    pp_release(thread, object);
    assert_int_equal(objects_alive(), 0);
    pp_thread_leave(thread);
    assert_all_gone();
}

static void owner_counts_plainly(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = leaf(thread);
    for (uint32_t i = 1; i <= 1000; i++) {
        assert_int_equal(atomic_load(&object->local), i);
        assert_int_equal(pp_ref_total(object), i);
        if (i % 2 == 0)
            pp_retain(thread, object);
        else
            assert_true(pp_try_retain(thread, object));
    }
    assert_int_equal(atomic_load(&object->shared), 0);
    for (int i = 0; i < 1000; i++)
        pp_release(thread, object);
    assert_int_equal(objects_alive(), 1);
    pp_release(thread, object);
    assert_int_equal(objects_alive(), 0);
    pp_thread_leave(thread);
    assert_all_gone();
}

static void publication_merges_the_only_reference(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *holder = node_new(thread, 2), *one = leaf(thread), *two = leaf(thread);
    pp_retain(thread, two);
    node_set(thread, holder, 0, pp_object_value(one));
    node_set(thread, holder, 1, pp_object_value(two));
    assert_null(atomic_load(&one->owner));
    assert_int_equal(atomic_load(&one->shared), 1 << PP_REF_SHIFT | PP_REF_MERGED);
    assert_int_equal(flags_of(one), PP_OBJECT_PUBLISHED);
    /* A second reference keeps its owner; publishing again changes nothing. */
    assert_ptr_equal(atomic_load(&two->owner), thread);
    assert_int_equal(flags_of(two), PP_OBJECT_PUBLISHED);
    pp_object_publish(thread, pp_object_value(two));
    assert_int_equal(atomic_load(&two->local), 2);
    assert_int_equal(pp_ref_total(one), 1);
    assert_int_equal(pp_ref_total(two), 2);
    pp_release(thread, two);
    pp_object_publish(thread, pp_nil());
    pp_release(thread, holder);
    assert_int_equal(objects_alive(), 0);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* What was published stays readable until the scope ends; what was not is reused at once. */
static void dead_objects_stay_readable(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *holder = node_new(thread, 1), *object = leaf(thread);
    node_set(thread, holder, 0, pp_object_value(object));
    pp_value borrowed = node_get(holder, 0);
    node_set(thread, holder, 0, PP_NO_VALUE);
    assert_true(pp_object_is_dead(object));
    assert_false(pp_try_retain(thread, object));
    assert_false(pp_value_try_retain(thread, borrowed));
    pp_slice bytes;
    assert_true(pp_value_bytes(&borrowed, &bytes));
    assert_memory_equal(bytes.data, "a string beyond the word", 24);
    pp_qsbr_poll(thread);
    assert_memory_equal(bytes.data, "a string beyond the word", 24);
    pp_release(thread, holder);
    pp_thread_leave(thread);
    assert_all_gone();
}

static void long_chains_do_not_recurse(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *chain = NULL;
    for (int i = 0; i < 300000; i++) {
        pp_object *link = node_new(thread, 1);
        assert_non_null(link);
        node_set(thread, link, 0, pp_object_value(chain));
        chain = link;
    }
    assert_int_equal(objects_alive(), 300000);
    pp_release(thread, chain);
    assert_int_equal(objects_alive(), 0);
    assert_null(thread->dying);
    assert_false(thread->clearing);
    pp_thread_leave(thread);
    assert_all_gone();
}

static void immortal_objects_stay(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *holder = node_new(thread, 1), *object = leaf(thread);
    pp_object_immortalize(thread, object);
    for (int i = 0; i < 10; i++) {
        pp_release(thread, object);
        assert_true(pp_try_retain(thread, object));
    }
    for (int i = 0; i < 10; i++)
        node_set(thread, holder, 0, pp_object_value(object));
    pp_release(thread, holder);
    assert_int_equal(atomic_load(&object->local), PP_REF_IMMORTAL);
    assert_int_equal(atomic_load(&object->shared), 0);
    assert_ptr_equal(atomic_load(&object->owner), thread);
    assert_true(pp_ref_total(object) >= PP_REF_IMMORTAL);
    assert_int_equal(objects_alive(), 1);
    atomic_store(&object->local, 1); /* for the other tests */
    pp_release(thread, object);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* An owner's count that is full never moves again: leaked, not wrapped. */
static void full_counts_become_immortal(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = leaf(thread);
    atomic_store(&object->local, PP_REF_IMMORTAL - 1);
    pp_retain(thread, object);
    assert_int_equal(atomic_load(&object->local), PP_REF_IMMORTAL);
    pp_retain(thread, object);
    pp_release(thread, object);
    pp_release(thread, object);
    assert_int_equal(atomic_load(&object->local), PP_REF_IMMORTAL);
    atomic_store(&object->local, 1);
    pp_release(thread, object);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* What the collector does with a ring: condemned, cleared, then buried. */
static void condemned_objects_release_only_others(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *a = node_new(thread, 2), *b = node_new(thread, 2), *other = leaf(thread);
    pp_retain(thread, other);
    pp_retain(thread, b);
    node_set(thread, a, 0, pp_object_value(b));
    node_set(thread, a, 1, pp_object_value(other));
    node_set(thread, b, 0, pp_object_value(a));
    pp_release(thread, b);
    assert_false(pp_object_is_dead(a));
    pp_object *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        pp_ref_condemn(both[i]);
        both[i]->gc |= PP_GC_CONDEMNED;
    }
    assert_false(pp_try_retain(thread, a));
    for (int i = 0; i < 2; i++)
        pp_object_clear(thread, both[i]);
    assert_int_equal(pp_ref_total(other), 1);
    for (int i = 0; i < 2; i++)
        pp_object_bury(thread, both[i]);
    assert_int_equal(objects_alive(), 1);
    pp_release(thread, other);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* Deaths while `clearing` is set are left to pp_object_end_dying. */
static void ends_can_be_put_off(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *first = leaf(thread), *second = node_new(thread, 1);
    node_set(thread, second, 0, pp_object_value(leaf(thread)));
    thread->clearing = true;
    pp_release(thread, first);
    pp_release(thread, second);
    assert_int_equal(objects_alive(), 3);
    assert_true(pp_object_is_dead(first) && pp_object_is_dead(second));
    thread->clearing = false;
    pp_object_end_dying(thread);
    assert_int_equal(objects_alive(), 0);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* ---- locks --------------------------------------------------------------- */

typedef struct locked {
    pp_object *object;
    int value; /* under the object's lock */
} locked;

static void add_under_lock(crew *c, int index)
{
    locked *l = c->context;
    pp_thread *thread = test_thread();
    for (int i = 0; i < 5000; i++) {
        bool wait = (i + index) % 3 != 0;
        if (wait)
            pp_thread_enter(thread);
        else if (!pp_thread_try_enter(thread))
            continue;
        if (pp_object_lock(thread, l->object)) {
            l->value++;
            pp_object_unlock(l->object);
        } else {
            crew_check(c, !wait);
            i--;
        }
        pp_thread_leave(thread);
    }
}

static void locks_exclude(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    locked l = {node_new(thread, 0), 0};
    pp_thread_leave(thread);
    crew_run(4, add_under_lock, &l);
    assert_int_equal(l.value, 20000);
    pp_thread_enter(thread);
    assert_true(pp_object_lock(thread, l.object));
    pp_object_unlock(l.object);
    pp_release(thread, l.object);
    pp_thread_leave(thread);
    assert_all_gone();
}

static void try_lock(crew *c, int index)
{
    (void)index;
    pp_object *object = c->context;
    pp_thread *thread = test_thread();
    crew_check(c, pp_thread_try_enter(thread));
    crew_check(c, !pp_object_lock(thread, object));
    pp_thread_leave(thread);
}

static void scopes_that_may_not_wait_do_not(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = node_new(thread, 0);
    assert_true(pp_object_lock(thread, object));
    crew_run(2, try_lock, object);
    pp_object_unlock(object);
    pp_release(thread, object);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* Containers die while others wait for their locks to change them, the threads that own their
 * counts among them. */
static void change_dying(crew *c, int index)
{
    pp_object *root = c->context;
    pp_thread *thread = test_thread();
    uint64_t random = 0xabcdef12345u * (uint64_t)(index + 1);
    pp_object *own = NULL;
    for (int i = 0; i < 4000; i++) {
        pp_thread_enter(thread);
        size_t slot = test_below(&random, 2);
        pp_object *borrowed = pp_value_object(node_get(root, slot));
        if (i % 3 == 0) {
            /* A new container, of which this thread keeps a reference for a while. */
            if (own != NULL)
                pp_release(thread, own);
            own = node_new(thread, 1);
            pp_retain(thread, own);
            node_set(thread, root, slot, pp_object_value(own));
        } else if (borrowed != NULL && pp_object_lock(thread, borrowed)) {
            pp_value old = PP_NO_VALUE;
            if (!pp_object_is_dead(borrowed)) {
                pp_value value = pp_object_value(node_new(thread, 0));
                pp_object_publish(thread, value);
                _Atomic uint64_t *word = &node_of(borrowed)->slots[0];
                old.word = atomic_load_explicit(word, memory_order_relaxed);
                if (i % 7 == 0)
                    sched_yield();
                atomic_store_explicit(word, value.word, memory_order_release);
            }
            pp_object_unlock(borrowed);
            pp_value_release(thread, old);
        }
        pp_thread_leave(thread);
    }
    pp_thread_enter(thread);
    if (own != NULL)
        pp_release(thread, own);
    pp_thread_leave(thread);
}

static void containers_die_while_others_lock_them(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *root = node_new(thread, 2);
    pp_thread_leave(thread);
    crew_run(4, change_dying, root);
    pp_thread_enter(thread);
    pp_release(thread, root);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* Every allocation failed once: an object is there whole, or not at all. */
static void out_of_memory(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    int64_t failures = 0;
    for (bool done = false; !done; failures++) {
        pp_heap_fail_after(failures);
        pp_object *holder = node_new(thread, 2);
        pp_value value = PP_NO_VALUE;
        pp_status status = pp_str(thread, "another string that is long", 27, &value);
        done = holder != NULL && status == PP_OK;
        pp_heap_fail_after(-1);
        assert_true(status == PP_OK || (status == PP_ERR_NOMEM && value.word == 0));
        if (holder != NULL) {
            node_set(thread, holder, 0, value);
            pp_release(thread, holder);
        } else {
            pp_value_release(thread, value);
        }
        assert_int_equal(objects_alive(), 0);
    }
    assert_int_equal(failures, 3);
    pp_thread_leave(thread);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header),
        cmocka_unit_test(owner_counts_plainly),
        cmocka_unit_test(publication_merges_the_only_reference),
        cmocka_unit_test(dead_objects_stay_readable),
        cmocka_unit_test(long_chains_do_not_recurse),
        cmocka_unit_test(immortal_objects_stay),
        cmocka_unit_test(full_counts_become_immortal),
        cmocka_unit_test(condemned_objects_release_only_others),
        cmocka_unit_test(ends_can_be_put_off),
        cmocka_unit_test(locks_exclude),
        cmocka_unit_test(scopes_that_may_not_wait_do_not),
        cmocka_unit_test(containers_die_while_others_lock_them),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
