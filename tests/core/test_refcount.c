/* Counts that several threads move: each state of the table in refcount.h, then races. */
#include "crew.h"
#include "nodes.h"

static int64_t shared_of(const pp_object *object)
{
    return atomic_load(&object->shared);
}

static int64_t shared_word(int64_t count, int64_t state)
{
    return count * (1 << PP_REF_SHIFT) + state;
}

static pp_object *leaf(pp_thread *thread)
{
    pp_value value;
    if (pp_str(thread, "a string beyond the word", 24, &value) != PP_OK)
        abort();
    return pp_value_object(value);
}

/* ---- one step at a time: another thread runs a function, attached, while this one waits ------ */

typedef struct step {
    void (*run)(pp_thread *thread, pp_object *object);
    pp_object *object;
} step;

static void in_scope(crew *c, int index)
{
    (void)index;
    step *s = c->context;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    s->run(thread, s->object);
    pp_thread_leave(thread);
}

static void elsewhere(void (*run)(pp_thread *thread, pp_object *object), pp_object *object)
{
    step s = {run, object};
    crew_run(1, in_scope, &s);
}

static void retain_twice(pp_thread *thread, pp_object *object)
{
    pp_retain(thread, object);
    if (!pp_try_retain(thread, object))
        abort();
}

static void others_count_atomically(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = leaf(thread);
    elsewhere(retain_twice, object);
    assert_int_equal(atomic_load(&object->local), 1);
    assert_int_equal(shared_of(object), shared_word(2, PP_REF_DEFAULT));
    assert_int_equal(pp_ref_total(object), 3);
    elsewhere(pp_release, object);
    elsewhere(pp_release, object);
    assert_int_equal(shared_of(object), 0);
    assert_ptr_equal(atomic_load(&object->owner), thread);
    pp_release(thread, object);
    assert_int_equal(objects_alive(), 0);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* The owner goes first: what is left belongs to nobody. */
static void owner_merges_at_its_last_release(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = leaf(thread);
    elsewhere(retain_twice, object);
    pp_release(thread, object);
    assert_null(atomic_load(&object->owner));
    assert_int_equal(atomic_load(&object->local), 0);
    assert_int_equal(shared_of(object), shared_word(2, PP_REF_MERGED));
    pp_retain(thread, object);
    assert_int_equal(shared_of(object), shared_word(3, PP_REF_MERGED));
    pp_release(thread, object);
    pp_release(thread, object);
    elsewhere(pp_release, object);
    assert_int_equal(objects_alive(), 0);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* A reference that the owner counted is given up elsewhere while the owner is attached. */
static void attached_owners_find_their_queue(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = leaf(thread);
    pp_retain(thread, object);
    elsewhere(pp_release, object);
    assert_int_equal(shared_of(object), shared_word(0, PP_REF_QUEUED));
    assert_ptr_equal(atomic_load(&thread->merge_queue), object);
    assert_int_equal(pp_ref_total(object), 2); /* the queue's among them */
    elsewhere(retain_twice, object);
    assert_int_equal(shared_of(object), shared_word(2, PP_REF_QUEUED));
    for (int i = 0; i < 3; i++) /* beyond nothing: never queued twice */
        elsewhere(pp_release, object);
    assert_int_equal(shared_of(object), shared_word(-1, PP_REF_QUEUED));
    assert_int_equal(objects_alive(), 1);
    pp_thread_leave(thread); /* merges: none is left */
    assert_int_equal(objects_alive(), 0);
    assert_null(atomic_load(&thread->merge_queue));
    assert_all_gone();
}

/* The owner gives up its last reference while the queue holds another. */
static void queues_hold_references(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *object = leaf(thread);
    pp_retain(thread, object);
    elsewhere(pp_release, object); /* one of the two, into the queue */
    elsewhere(pp_retain, object);
    assert_int_equal(shared_of(object), shared_word(1, PP_REF_QUEUED));
    pp_release(thread, object);
    pp_release(thread, object);
    assert_null(atomic_load(&object->owner));
    assert_int_equal(shared_of(object), shared_word(1, PP_REF_MERGED)); /* the queue's */
    assert_true(pp_try_retain(thread, object));
    pp_release(thread, object);
    assert_int_equal(objects_alive(), 1);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* ---- owners that are away ------------------------------------------------------- */

static pp_object *made_elsewhere;

static void make(pp_thread *thread, pp_object *unused)
{
    (void)unused;
    made_elsewhere = leaf(thread);
}

/* The thread that made it has ended (gh-157838: nobody would look at its queue). */
static void ended_owners_are_merged_for(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    elsewhere(make, NULL);
    pp_object *object = made_elsewhere;
    pp_thread *owner = atomic_load(&object->owner);
    assert_true(owner != NULL && owner != thread);
    pp_thread_enter(thread);
    pp_retain(thread, object);
    pp_release(thread, object);
    assert_int_equal(objects_alive(), 1);
    pp_release(thread, object);
    assert_int_equal(objects_alive(), 0);
    assert_null(atomic_load(&owner->merge_queue));
    pp_thread_leave(thread);
    assert_all_gone();
}

/* The record's next thread is the owner now, and counts on. */
static void take_over(pp_thread *thread, pp_object *object)
{
    if (atomic_load(&object->owner) == thread) {
        pp_release(thread, object);
        made_elsewhere = NULL;
    }
}

static void records_are_taken_over_with_their_objects(void **state)
{
    (void)state;
    elsewhere(make, NULL);
    elsewhere(take_over, made_elsewhere); /* the newest record that has ended */
    assert_null(made_elsewhere);
    assert_all_gone();
}

typedef struct idle {
    pthread_barrier_t ready, done;
    pp_object *object;
} idle;

/* Makes an object, then is alive outside of scopes. */
static void make_and_wait(crew *c, int index)
{
    (void)index;
    idle *i = c->context;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    i->object = leaf(thread);
    pp_thread_leave(thread);
    pthread_barrier_wait(&i->ready);
    pthread_barrier_wait(&i->done);
}

static void detached_owners_are_merged_for(void **state)
{
    (void)state;
    idle i;
    pthread_barrier_init(&i.ready, NULL, 2);
    pthread_barrier_init(&i.done, NULL, 2);
    crew c;
    crew_start(&c, 1, make_and_wait, &i);
    pthread_barrier_wait(&i.ready);
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_release(thread, i.object);
    assert_int_equal(objects_alive(), 0);
    pp_thread_leave(thread);
    pthread_barrier_wait(&i.done);
    crew_join(&c);
    assert_all_gone();
}

/* ---- races ------------------------------------------------------------------ */

enum {
    THREADS = 4,
    NODES = 3,
    SLOTS = 4,
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    TURNS = 20000,
#else
    TURNS = 100000,
#endif
};

typedef struct world {
    pp_object *nodes[NODES];
    _Atomic(pp_object *) hand[THREADS]; /* counted references on their way to another thread */
} world;

static void take_from_hand(pp_thread *thread, world *w, size_t i, pp_object *give)
{
    pp_object *got = atomic_exchange_explicit(&w->hand[i], give, memory_order_acq_rel);
    if (got != NULL)
        pp_release(thread, got);
}

/* One step of a thread that does everything that can be done with a reference. */
static void turn(crew *c, world *w, pp_thread *thread, uint64_t *random, pp_object **own)
{
    pp_object *n = w->nodes[test_below(random, NODES)];
    size_t slot = test_below(random, SLOTS);
    pp_object *borrowed = pp_value_object(node_get(n, slot));
    switch (test_below(random, 8)) {
    case 0: /* a new one into a slot: merged on its way */
        node_set(thread, n, slot, pp_object_value(leaf(thread)));
        break;
    case 1: /* one that its maker keeps as well */
        if (*own == NULL)
            *own = leaf(thread);
        pp_retain(thread, *own);
        node_set(thread, n, slot, pp_object_value(*own));
        break;
    case 2: /* borrowed, counted, handed to another thread */
        if (borrowed != NULL && pp_try_retain(thread, borrowed))
            take_from_hand(thread, w, test_below(random, THREADS), borrowed);
        break;
    case 3: /* the maker's reference itself is handed over */
        if (*own != NULL)
            take_from_hand(thread, w, test_below(random, THREADS), *own);
        *own = NULL;
        break;
    case 4: /* borrowed, and looked at for as long as the scope lasts */
        if (borrowed != NULL) {
            pp_value value = pp_object_value(borrowed);
            pp_slice bytes;
            crew_check(c, pp_value_bytes(&value, &bytes) && bytes.size == 24 &&
                              memcmp(bytes.data, "a string beyond the word", 24) == 0);
        }
        break;
    case 5:
        if (borrowed != NULL && pp_try_retain(thread, borrowed)) {
            pp_retain(thread, borrowed);
            pp_release(thread, borrowed);
            pp_release(thread, borrowed);
        }
        break;
    case 6: /* from one slot to another */
        if (borrowed != NULL && pp_try_retain(thread, borrowed))
            node_set(thread, w->nodes[test_below(random, NODES)], test_below(random, SLOTS),
                     pp_object_value(borrowed));
        break;
    default:
        node_set(thread, n, slot, PP_NO_VALUE);
    }
}

static void work(crew *c, int index)
{
    world *w = c->context;
    pp_thread *thread = test_thread();
    uint64_t random = 0x9e3779b97f4a7c15u * (uint64_t)(index + 1);
    pp_object *own = NULL;
    for (int i = 0; i < TURNS;) {
        pp_thread_enter(thread);
        for (size_t left = 1 + test_below(&random, 8); left > 0; left--, i++)
            turn(c, w, thread, &random, &own);
        pp_thread_leave(thread);
    }
    /* Every other thread ends with an object of its own that another will release. */
    pp_thread_enter(thread);
    if (own != NULL) {
        if (index % 2 == 0)
            take_from_hand(thread, w, (size_t)(index + 1) % THREADS, own);
        else
            pp_release(thread, own);
    }
    pp_thread_leave(thread);
}

/* Threads come and go, records are taken over; at the end nothing is left, nothing was freed
 * that somebody held. */
static void everything_at_once(void **state)
{
    (void)state;
    static world w;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    for (int i = 0; i < NODES; i++)
        w.nodes[i] = node_new(thread, SLOTS);
    pp_thread_leave(thread);
    for (int generation = 0; generation < 3; generation++)
        crew_run(THREADS, work, &w);
    pp_stats stats;
    pp_stats_get(&stats);
    assert_true(stats.merges > 0);
    pp_thread_enter(thread);
    for (size_t i = 0; i < THREADS; i++)
        take_from_hand(thread, &w, i, NULL);
    for (int i = 0; i < NODES; i++)
        pp_release(thread, w.nodes[i]);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* One reference each of one object is given up by all threads in the same instant, its owner's too:
 * the states' races meet. */
typedef struct instant {
    pp_object *object;
    pp_thread *maker;
    pthread_barrier_t begin, end;
} instant;

enum { INSTANTS = TURNS / 20 };

static void give_up(crew *c, int index)
{
    instant *now = c->context;
    pp_thread *thread = test_thread();
    for (int i = 0; i < INSTANTS; i++) {
        pp_thread_enter(thread);
        if (index == i % THREADS) {
            now->object = leaf(thread);
            for (int j = 1; j < THREADS; j++)
                pp_retain(thread, now->object);
        }
        if (i % 3 == 0) { /* the maker may be away */
            pp_thread_leave(thread);
            pthread_barrier_wait(&now->begin);
            pp_thread_enter(thread);
        } else {
            pthread_barrier_wait(&now->begin);
        }
        pp_release(thread, now->object);
        pp_thread_leave(thread);
        pthread_barrier_wait(&now->end);
        if (index == 0)
            crew_check(c, objects_alive() == 0);
        pthread_barrier_wait(&now->end);
    }
}

static void last_references_race(void **state)
{
    (void)state;
    instant now;
    pthread_barrier_init(&now.begin, NULL, THREADS);
    pthread_barrier_init(&now.end, NULL, THREADS);
    crew_run(THREADS, give_up, &now);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_count_atomically),
        cmocka_unit_test(owner_merges_at_its_last_release),
        cmocka_unit_test(attached_owners_find_their_queue),
        cmocka_unit_test(queues_hold_references),
        cmocka_unit_test(ended_owners_are_merged_for),
        cmocka_unit_test(records_are_taken_over_with_their_objects),
        cmocka_unit_test(detached_owners_are_merged_for),
        cmocka_unit_test(everything_at_once),
        cmocka_unit_test(last_references_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
