/* The collector among lists, dicts, sets, queues and counters. */
#include "crew.h"
#include "nodes.h"

#include "parapack/counter.h"
#include "parapack/dict.h"
#include "parapack/doc.h"
#include "parapack/list.h"
#include "parapack/queue.h"
#include "parapack/set.h"
#include "share/audit.h"
#include "share/pause.h"

static pp_value new_string(pp_thread *thread)
{
    pp_value value;
    if (pp_str(thread, "a string that needs memory", 26, &value) != PP_OK)
        abort();
    return value;
}

static void must(pp_status status)
{
    if (status != PP_OK)
        abort();
}

static pp_key name(const char *text)
{
    return pp_key_str(text, strlen(text));
}

/* ---- one interface to all that can hold containers ---------------------------------- */

enum { HOLDERS = 3, LEAVES = 7 };

static pp_object *new_holder(pp_thread *thread, int which)
{
    pp_list *list;
    pp_dict *dict;
    pp_queue *queue;
    switch (which) {
    case 0:
        must(pp_list_new(thread, 0, &list));
        return pp_list_object(list);
    case 1:
        must(pp_dict_new(thread, 0, &dict));
        return pp_dict_object(dict);
    default:
        must(pp_queue_new(thread, 0, &queue));
        return pp_queue_object(queue);
    }
}

/* Puts `value`, which is taken, in: each time in another place. */
static pp_status hold(pp_thread *thread, pp_object *holder, int64_t place, pp_value value)
{
    pp_key key = pp_key_int(place);
    switch (pp_object_kind(holder)) {
    case PP_KIND_LIST:
        return pp_list_append(thread, pp_object_list(holder), value);
    case PP_KIND_DICT:
        return pp_dict_set(thread, pp_object_dict(holder), &key, value);
    default: {
        pp_status status = pp_queue_try_put(thread, pp_object_queue(holder), value);
        if (status != PP_OK)
            pp_value_release(thread, value);
        return status;
    }
    }
}

static void hold_too(pp_thread *thread, pp_object *holder, int64_t place, pp_object *object)
{
    pp_retain(thread, object);
    must(hold(thread, holder, place, pp_object_value(object)));
}

/* Something with memory that refers to no container. */
static pp_value new_leaf(pp_thread *thread, int which)
{
    pp_value value;
    pp_set *set;
    pp_counter *counter;
    pp_doc *doc;
    size_t where;
    pp_key key = name("a member that needs memory");
    bool added;
    switch (which) {
    case 0:
        return new_string(thread);
    case 1:
        must(pp_bin(thread, "bytes that need memory", 22, &value));
        return value;
    case 2:
        must(pp_ext(thread, 5, "x", 1, &value));
        return value;
    case 3:
        must(pp_timestamp_value(thread, (pp_timestamp){1, 2}, &value));
        return value;
    case 4:
        must(pp_set_new(thread, 0, &set));
        must(pp_set_add(thread, set, &key, &added));
        return pp_object_value(pp_set_object(set));
    case 5:
        must(pp_doc_new(thread, "\x92\x01\x02", 3, &doc, &where));
        return pp_object_value(pp_doc_object(doc));
    default:
        must(pp_counter_new(thread, 7, &counter));
        return pp_object_value(pp_counter_object(counter));
    }
}

/* ---- cycles --------------------------------------------------------------------------- */

static int no_growth(void **state)
{
    (void)state;
    pp_collect_enable(false);
    return 0;
}

static int growth(void **state)
{
    (void)state;
    pp_collect_enable(true);
    return 0;
}

static void every_kind_through_every_other(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    for (int a = 0; a < HOLDERS; a++)
        for (int b = 0; b < HOLDERS; b++)
            for (int c = 0; c < HOLDERS; c++) {
                pp_thread_enter(thread);
                pp_object *objects[3] = {new_holder(thread, a), new_holder(thread, b),
                                         new_holder(thread, c)};
                for (int i = 0; i < 3; i++) {
                    hold_too(thread, objects[i], 0, objects[(i + 1) % 3]);
                    hold_too(thread, objects[i], 1, objects[i]);
                    for (int leaf = 0; leaf < LEAVES; leaf++)
                        must(hold(thread, objects[i], 2 + leaf, new_leaf(thread, leaf)));
                }
                pp_release(thread, objects[0]);
                pp_release(thread, objects[1]);
                pp_thread_leave(thread);
                assert_int_equal(pp_collect(thread), 0);
                assert_int_equal(objects_alive(), 3 + 3 * (LEAVES + 1));
                pp_thread_enter(thread);
                pp_release(thread, objects[2]);
                pp_thread_leave(thread);
                /* The sets go with the rings that alone lead to them. */
                assert_int_equal(pp_collect(thread), 3 + 3);
                assert_all_gone();
            }
}

/* Tables that were replaced, cells that were emptied: what a container held once is no reference.
 */
static void former_references_do_not_count(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    for (int which = 0; which < HOLDERS; which++) {
        pp_thread_enter(thread);
        pp_object *alive = new_holder(thread, 0), *holder = new_holder(thread, which);
        pp_value taken;
        for (int64_t i = 0; i < 100; i++)
            hold_too(thread, holder, i, alive);
        for (int64_t i = 0; i < 90; i++) {
            pp_key key = pp_key_int(i);
            if (which == 0)
                must(pp_list_pop(thread, pp_object_list(holder), 0, &taken));
            else if (which == 1)
                must(pp_dict_pop(thread, pp_object_dict(holder), &key, &taken));
            else
                must(pp_queue_try_get(thread, pp_object_queue(holder), &taken));
            pp_value_release(thread, taken);
        }
        hold_too(thread, alive, 0, holder);
        assert_int_equal(pp_ref_total(alive), 11);
        pp_release(thread, holder);
        pp_thread_leave(thread);
        assert_int_equal(pp_collect(thread), 0);
        pp_thread_enter(thread);
        pp_release(thread, alive);
        pp_thread_leave(thread);
        assert_int_equal(pp_collect(thread), 2);
        assert_all_gone();
    }
}

/* ---- who was about to change what is condemned ------------------------------------------ */

typedef struct stage {
    pp_object *object;
    _Atomic int at;
    pp_status status;
} stage;

static void keep_locked_until_condemned(stage *s, crew *c)
{
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    crew_check(c, pp_object_lock(thread, s->object));
    pp_thread_block(thread);
    atomic_store(&s->at, 1);
    wait_until(pp_object_is_dead(s->object));
    pp_thread_unblock(thread);
    pp_object_unlock(s->object);
    pp_thread_leave(thread);
}

static void put_into_condemned(stage *s)
{
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    wait_until(atomic_load(&s->at) == 1);
    /* Parks on the lock, with what it borrowed. */
    s->status = hold(thread, s->object, 77, new_string(thread));
    pp_thread_leave(thread);
}

static void lock_or_put(crew *c, int index)
{
    if (index == 0)
        keep_locked_until_condemned(c->context, c);
    else
        put_into_condemned(c->context);
}

static uint64_t lock_waits(void)
{
    pp_stats stats;
    pp_stats_get(&stats);
    return stats.lock_waits;
}

static void nothing_is_put_into_the_condemned(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    for (int which = 0; which < HOLDERS; which++) {
        pp_thread_enter(thread);
        stage s = {.object = new_holder(thread, which)};
        hold_too(thread, s.object, 0, s.object);
        pp_thread_leave(thread);
        uint64_t before = lock_waits();
        crew c;
        crew_start(&c, 2, lock_or_put, &s);
        wait_until(lock_waits() > before);
        pp_thread_enter(thread);
        pp_release(thread, s.object);
        pp_thread_leave(thread);
        assert_int_equal(pp_collect(thread), 1);
        crew_join(&c);
        assert_status(PP_ERR_GONE, s.status);
        assert_all_gone();
    }
}

/* ---- queues and those who wait there -------------------------------------------------------- */

static void wait_for_item(crew *c, int index)
{
    stage *s = c->context;
    pp_thread *thread = test_thread();
    pp_value value;
    (void)index;
    atomic_fetch_add(&s->at, 1);
    crew_check(c, pp_queue_wait_get(thread, pp_object_queue(s->object), &value, PP_FOREVER,
                                    false) == PP_OK);
    pp_thread_enter(thread);
    pp_value_release(thread, value);
    pp_thread_leave(thread);
}

static void waiting_delays_no_collection(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    stage s = {.object = new_holder(thread, 2)};
    pp_thread_leave(thread);
    crew c;
    crew_start(&c, 2, wait_for_item, &s);
    wait_until(atomic_load(&s.at) == 2);
    for (int i = 0; i < 100; i++)
        assert_int_equal(pp_collect(thread), 0);
    for (int i = 0; i < 2; i++) {
        pp_thread_enter(thread);
        pp_object *self = new_holder(thread, 0);
        hold_too(thread, self, 0, self);
        must(hold(thread, s.object, 0, pp_object_value(self)));
        pp_thread_leave(thread);
    }
    crew_join(&c);
    pp_thread_enter(thread);
    pp_release(thread, s.object);
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 2);
    assert_all_gone();
}

/* ---- threads --------------------------------------------------------------------------------- */

#if defined(PP_HOSTILE)
enum { ROUNDS = 4000 };
#else
enum { ROUNDS = 30000 };
#endif
enum { PLACES = 6 };

typedef struct playground {
    pp_dict *dict; /* places in it lead to everything */
    int collectors;
} playground;

/* A new holder in one place; often part of a ring. */
static void replace(pp_thread *thread, playground *p, uint64_t *random)
{
    pp_object *first = new_holder(thread, (int)test_below(random, HOLDERS));
    pp_object *second = new_holder(thread, (int)test_below(random, HOLDERS));
    hold_too(thread, first, 0, second);
    hold_too(thread, second, 0, first);
    must(hold(thread, second, 1, new_leaf(thread, (int)test_below(random, LEAVES))));
    pp_release(thread, second);
    pp_key key = pp_key_int((int64_t)test_below(random, PLACES));
    must(pp_dict_set(thread, p->dict, &key, pp_object_value(first)));
}

static pp_object *find(pp_thread *thread, playground *p, uint64_t *random)
{
    pp_key key = pp_key_int((int64_t)test_below(random, PLACES));
    pp_object *object = pp_value_object(pp_dict_get(thread, p->dict, &key));
    pp_key inside = pp_key_int((int64_t)test_below(random, 2));
    pp_object *next = NULL;
    if (object != NULL && pp_object_kind(object) == PP_KIND_LIST)
        next = pp_value_object(
            pp_list_get(thread, pp_object_list(object), (int64_t)test_below(random, 2)));
    else if (object != NULL && pp_object_kind(object) == PP_KIND_DICT)
        next = pp_value_object(pp_dict_get(thread, pp_object_dict(object), &inside));
    if (next != NULL &&
        (pp_object_kind(next) == PP_KIND_LIST || pp_object_kind(next) == PP_KIND_DICT ||
         pp_object_kind(next) == PP_KIND_QUEUE))
        return next;
    return object;
}

static void link_two(crew *c, pp_thread *thread, uint64_t *random)
{
    playground *p = c->context;
    pp_object *from = find(thread, p, random), *to = find(thread, p, random);
    if (from == NULL || to == NULL || !pp_try_retain(thread, to))
        return;
    pp_status status = hold(thread, from, (int64_t)test_below(random, 3), pp_object_value(to));
    crew_check(c, status == PP_OK || status == PP_ERR_GONE);
}

static void take_out(crew *c, pp_thread *thread, uint64_t *random)
{
    pp_object *from = find(thread, c->context, random);
    if (from == NULL)
        return;
    pp_value taken = PP_NO_VALUE;
    pp_key key = pp_key_int((int64_t)test_below(random, 3));
    pp_status status;
    if (pp_object_kind(from) == PP_KIND_LIST)
        status = pp_list_pop(thread, pp_object_list(from), 0, &taken);
    else if (pp_object_kind(from) == PP_KIND_DICT)
        status = pp_dict_pop(thread, pp_object_dict(from), &key, &taken);
    else
        status = pp_queue_try_get(thread, pp_object_queue(from), &taken);
    crew_check(c, status == PP_OK || status == PP_ERR_GONE || status == PP_ERR_RANGE ||
                      status == PP_ERR_EMPTY);
    if (status == PP_OK) {
        pp_object *object = pp_value_object(taken);
        crew_check(c, object == NULL || !pp_object_is_dead(object)); /* it is counted */
        pp_value_release(thread, taken);
    }
}

static void play(crew *c, int index)
{
    playground *p = c->context;
    pp_thread *thread = test_thread();
    uint64_t random = 99 + (uint64_t)index;
    if (index < p->collectors) {
        while (atomic_load(&c->finished) < c->size - p->collectors)
            (void)pp_collect(thread);
        return;
    }
    for (int i = 0; i < ROUNDS; i++) {
        pp_thread_enter(thread);
        switch (test_below(&random, 4)) {
        case 0:
            replace(thread, p, &random);
            break;
        case 1:
            take_out(c, thread, &random);
            break;
        default:
            link_two(c, thread, &random);
        }
        pp_thread_leave(thread);
    }
}

static void play_with(int players, int collectors)
{
    pp_thread *thread = test_thread();
    playground p = {.collectors = collectors};
    pp_thread_enter(thread);
    must(pp_dict_new(thread, 0, &p.dict));
    pp_thread_leave(thread);
    pp_stats before, after;
    pp_stats_get(&before);
    crew_run(players + collectors, play, &p);
    pp_stats_get(&after);
    assert_one_external_reference(thread);
    if (collectors > 0)
        assert_true(after.collections > before.collections + 2);
    pp_thread_enter(thread);
    pp_release(thread, pp_dict_object(p.dict));
    pp_thread_leave(thread);
    (void)pp_collect(thread);
    assert_all_gone();
}

static void containers_change_while_it_collects(void **state)
{
    (void)state;
    play_with(3, 1);
    play_with(2, 2);
}

static void growth_collects(void **state)
{
    (void)state;
    play_with(4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_through_every_other, no_growth, growth),
        cmocka_unit_test_setup_teardown(former_references_do_not_count, no_growth, growth),
        cmocka_unit_test_setup_teardown(nothing_is_put_into_the_condemned, no_growth, growth),
        cmocka_unit_test_setup_teardown(waiting_delays_no_collection, no_growth, growth),
        cmocka_unit_test(containers_change_while_it_collects),
        cmocka_unit_test(growth_collects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
