/* Scopes that may not wait: where an object is locked every change says PP_ERR_BUSY, has changed
 * nothing and taken nothing, and works when it is made again. What takes no lock works meanwhile.
 */
#include "nodes.h"
#include "values.h"

#include "parapack/list.h"
#include "parapack/queue.h"
#include "parapack/set.h"
#include "share/dict.h"
#include "share/object.h"

static pp_thread *self;
static pp_key key, other;
static key_text key_bytes, other_bytes;

static int begin(void **state)
{
    (void)state;
    self = test_thread();
    assert_true(pp_thread_try_enter(self));
    key = key_numbered(1, &key_bytes);
    other = key_numbered(2, &other_bytes);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pp_thread_leave(self);
    assert_all_gone();
    return 0;
}

/* Locked by somebody, as far as whoever comes can tell: a lock has no owner. */
static void lock(pp_object *object)
{
    assert_true(pp_object_lock(self, object));
}

/* `call` while `object` is locked, and with success afterwards. */
#define busy_then_ok(object, call)                                                                 \
    do {                                                                                           \
        lock(object);                                                                              \
        assert_status(PP_ERR_BUSY, call);                                                          \
        pp_object_unlock(object);                                                                  \
        assert_status(PP_OK, call);                                                                \
    } while (0)

static void dicts(void **state)
{
    (void)state;
    pp_dict *dict, *copy;
    pp_value stored, key_value, sum;
    bool flag;
    assert_status(PP_OK, pp_dict_new(self, 0, &dict));
    pp_object *object = pp_dict_object(dict);
    pp_value text = value_text(1), texts[2] = {value_text(3), value_text(5)};

    busy_then_ok(object, pp_dict_set(self, dict, &key, text));
    busy_then_ok(object, pp_dict_setdefault(self, dict, &other, value_int(8), &stored, &flag));
    assert_false(flag);
    busy_then_ok(object, pp_dict_add(self, dict, &other, value_int(2), &sum));
    assert_int_equal(10, value_number(sum));
    busy_then_ok(object, pp_dict_compare_and_set(self, dict, &key, text, texts[0], &flag));
    assert_true(flag);

    lock(object);
    assert_int_equal(3, value_number(pp_dict_get(self, dict, &key)));
    assert_int_equal(2, pp_dict_count(dict));
    assert_status(PP_OK, pp_dict_setdefault(self, dict, &key, texts[1], &stored, &flag));
    assert_true(flag && value_number(stored) == 3);
    pp_object_unlock(object);

    pp_values snapshot;
    busy_then_ok(object, pp_dict_snapshot(self, dict, PP_DICT_ITEMS, &snapshot));
    assert_int_equal(4, snapshot.count);
    pp_values_release(self, &snapshot);
    busy_then_ok(object, pp_dict_copy(self, dict, &copy));
    pp_release(self, pp_dict_object(copy));
    busy_then_ok(object, pp_dict_pop(self, dict, &key, &stored));
    assert_int_equal(3, value_take(self, stored));
    busy_then_ok(object, pp_dict_pop_last(self, dict, &key_value, &stored));
    assert_int_equal(10, value_take(self, stored));
    pp_value_release(self, key_value);
    busy_then_ok(object, pp_dict_clear(self, dict));
    pp_release(self, object);
}

static void lists(void **state)
{
    (void)state;
    pp_list *list;
    pp_value item, sum;
    bool flag;
    assert_status(PP_OK, pp_list_new(self, 0, &list));
    pp_object *object = pp_list_object(list);
    pp_value some[2] = {value_text(1), value_int(2)}, text = value_text(3), more = value_text(5);

    busy_then_ok(object, pp_list_extend(self, list, some, 2));
    busy_then_ok(object, pp_list_append(self, list, text));
    busy_then_ok(object, pp_list_set(self, list, 0, more));
    busy_then_ok(object, pp_list_add(self, list, 1, value_int(2), &sum));
    busy_then_ok(object, pp_list_compare_and_set(self, list, 1, value_int(4), value_int(6), &flag));
    assert_true(flag);
    busy_then_ok(object, pp_list_reverse(self, list));

    lock(object);
    assert_int_equal(3, pp_list_count(list));
    assert_int_equal(3, value_number(pp_list_get(self, list, 0)));
    assert_int_equal(5, value_number(pp_list_get(self, list, -1)));
    pp_object_unlock(object);

    pp_values seen;
    busy_then_ok(object, pp_list_snapshot(self, list, 0, 3, &seen));
    pp_value changed[1] = {value_text(7)};
    busy_then_ok(object, pp_list_replace(self, list, &seen, changed, 1, &flag));
    assert_true(flag);
    pp_values_release(self, &seen);
    busy_then_ok(object, pp_list_splice(self, list, 1, 1, (pp_value[]){value_int(8)}, 1));
    busy_then_ok(object, pp_list_pop(self, list, 0, &item));
    assert_int_equal(7, value_take(self, item));
    busy_then_ok(object, pp_list_remove(self, list, value_int(8), &flag));
    assert_true(flag);
    busy_then_ok(object, pp_list_clear(self, list));
    pp_release(self, object);
}

static void sets(void **state)
{
    (void)state;
    pp_set *set, *copy;
    pp_value member;
    bool flag;
    assert_status(PP_OK, pp_set_new(self, 0, &set));
    pp_object *object = pp_set_object(set);

    busy_then_ok(object, pp_set_add(self, set, &key, &flag));
    assert_true(flag);
    lock(object);
    assert_true(pp_set_has(self, set, &key) && !pp_set_has(self, set, &other));
    assert_int_equal(1, pp_set_count(set));
    pp_object_unlock(object);
    pp_values snapshot;
    busy_then_ok(object, pp_set_snapshot(self, set, &snapshot));
    assert_int_equal(1, snapshot.count);
    pp_values_release(self, &snapshot);
    busy_then_ok(object, pp_set_copy(self, set, &copy));
    pp_release(self, pp_set_object(copy));
    busy_then_ok(object, pp_set_remove(self, set, &key, &flag));
    assert_true(flag);
    assert_status(PP_OK, pp_set_add(self, set, &other, &flag));
    busy_then_ok(object, pp_set_pop(self, set, &member));
    pp_value_release(self, member);
    busy_then_ok(object, pp_set_clear(self, set));
    pp_release(self, object);
}

static void queues(void **state)
{
    (void)state;
    pp_queue *queue;
    pp_value item;
    assert_status(PP_OK, pp_queue_new(self, 2, &queue));
    pp_object *object = pp_queue_object(queue);
    pp_value text = value_text(1), place = value_text(3);
    pp_waiter waiter = {0};

    busy_then_ok(object, pp_queue_try_put(self, queue, text));
    lock(object);
    assert_int_equal(1, pp_queue_count(queue));
    assert_int_equal(1, pp_queue_unfinished(queue));
    assert_false(pp_queue_is_shut_down(queue));
    pp_object_unlock(object);
    busy_then_ok(object, pp_queue_try_get(self, queue, &item));
    busy_then_ok(object, pp_queue_put_back(self, queue, item));
    busy_then_ok(object, pp_queue_start_get(self, queue, &item, &waiter));
    assert_int_equal(1, value_take(self, item));
    busy_then_ok(object, pp_queue_task_done(self, queue));
    busy_then_ok(object, pp_queue_start_done(self, queue, &waiter));
    busy_then_ok(object, pp_queue_start_place(self, queue, &waiter));
    busy_then_ok(object, pp_queue_put_reserved(self, queue, place));
    assert_status(PP_OK, pp_queue_start_place(self, queue, &waiter));
    busy_then_ok(object, pp_queue_leave_place(self, queue));
    busy_then_ok(object, pp_queue_start_put(self, queue, value_int(2), &waiter));
    busy_then_ok(object, pp_queue_shutdown(self, queue, true));
    assert_true(pp_queue_is_shut_down(queue));
    pp_release(self, object);
}

static void waits_under_way(void **state)
{
    (void)state;
    pp_queue *queue;
    pp_value item;
    assert_status(PP_OK, pp_queue_new(self, 0, &queue));
    pp_object *object = pp_queue_object(queue);
    pp_waiter waiter = {0};
    assert_status(PP_ERR_WAITING, pp_queue_start_get(self, queue, &item, &waiter));
    busy_then_ok(object, pp_waiter_cancel(self, &waiter, &item));
    pp_release(self, object);
}

#define each(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {each(dicts), each(lists), each(sets), each(queues),
                                       each(waits_under_way)};
    return cmocka_run_group_tests_name("busy", tests, NULL, NULL);
}
