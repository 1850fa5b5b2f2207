/* Thread records and scopes. */
#include "crew.h"
#include "fake_runtime.h"

#include "base/parking.h"
#include "share/collector.h"
#include "share/heap.h"
#include "share/pause.h"
#include "share/thread_state.h"

static pp_thread *self(void)
{
    pp_thread *thread = pp_thread_self();
    if (thread == NULL)
        abort();
    return thread;
}

static size_t records(void)
{
    size_t n = 0;
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        n++;
    return n;
}

/* ---- records ------------------------------------------------------------------ */

typedef struct identities {
    pp_thread *record[CREW_MAX];
    uint64_t id[CREW_MAX];
    pthread_barrier_t together;
} identities;

static void identify(crew *c, int index)
{
    identities *who = c->context;
    who->record[index] = self();
    who->id[index] = pp_thread_id(who->record[index]);
    crew_check(c, self() == who->record[index]);
    crew_check(c, pp_thread_known() == who->record[index]);
    pthread_barrier_wait(&who->together);
}

static void one_record_per_thread(void **state)
{
    (void)state;
    enum { N = 8 };
    static identities first, second;
    pthread_barrier_init(&first.together, NULL, N);
    pthread_barrier_init(&second.together, NULL, N);
    crew_run(N, identify, &first);
    size_t made = records();
    crew_run(N, identify, &second);
    assert_int_equal(records(), made); /* taken over, not made */
    for (int i = 0; i < N; i++) {
        assert_true(first.id[i] != 0 && second.id[i] != 0);
        for (int j = 0; j < N; j++) {
            assert_true(i == j || first.record[i] != first.record[j]);
            assert_true(i == j || first.id[i] != first.id[j]);
            assert_true(first.id[i] != second.id[j]); /* never used again */
        }
    }
    assert_true(pp_thread_id(self()) != 0);
    pthread_barrier_destroy(&first.together);
    pthread_barrier_destroy(&second.together);
}

static void try_to_be(crew *c, int index)
{
    (void)index;
    crew_check(c, pp_thread_self() == NULL);
    crew_check(c, pp_thread_known() == NULL);
    atomic_store(&fake_heap_fails, false);
    crew_check(c, pp_thread_self() != NULL);
}

static void no_memory_for_a_record(void **state)
{
    (void)state;
    self();
    int open = atomic_load(&fake_heap_open);
    atomic_store(&fake_heap_fails, true);
    crew_run(1, try_to_be, NULL);
    assert_int_equal(atomic_load(&fake_heap_open), open);
}

static void register_with_failing_malloc(crew *c, int index)
{
    (void)index;
    fake_malloc_fail(0, 1);
    crew_check(c, pp_thread_self() == NULL);
    fake_malloc_fail(0, 0);
    crew_check(c, pp_thread_self() != NULL);
}

static void no_memory_for_a_spare_chunk(void **state)
{
    (void)state;
    /* Only a new record needs one: keep all others busy. */
    static identities busy;
    enum { N = 16 };
    crew c;
    pthread_barrier_init(&busy.together, NULL, N + 1);
    crew_start(&c, N, identify, &busy);
    wait_until(records() >= N + 1);
    size_t in_use = 0;
    do {
        in_use = 0;
        for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
            in_use += !atomic_load(&thread->finished);
        sched_yield();
    } while (in_use < records());
    crew_run(1, register_with_failing_malloc, NULL);
    pthread_barrier_wait(&busy.together);
    crew_join(&c);
    pthread_barrier_destroy(&busy.together);
}

static void exit_inside(crew *c, int index)
{
    pp_thread *thread = self();
    (void)index;
    pp_thread_enter(thread);
    pp_thread_enter(thread);
    atomic_fetch_add(&c->finished, 1);
    pthread_exit(NULL);
}

static void a_thread_ends_inside_a_scope(void **state)
{
    (void)state;
    int open = atomic_load(&fake_heap_open);
    crew_run(4, exit_inside, NULL);
    assert_int_equal(atomic_load(&fake_heap_open), open);
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        assert_true(pp_state_load(thread) == 0);
    pp_pause_begin(self(), 0);
    pp_pause_end(self());
    static identities who;
    pthread_barrier_init(&who.together, NULL, 4);
    crew_run(4, identify, &who); /* their records work */
    pthread_barrier_destroy(&who.together);
}

/* ---- scopes -------------------------------------------------------------------- */

static void scopes_nest(void **state)
{
    (void)state;
    pp_thread *thread = self();
    assert_true(pp_state_load(thread) == 0);
    pp_thread_enter(thread);
    uint64_t inside = pp_state_load(thread);
    assert_true((inside & PP_THREAD_FLAGS) == PP_THREAD_ATTACHED);
    assert_true(inside >> PP_THREAD_EPOCH_SHIFT == pp_qsbr_epoch());
    assert_true(thread->may_wait);
    assert_true(pp_thread_try_enter(thread));
    assert_true(thread->may_wait); /* the outermost decides */
    pp_thread_enter(thread);
    pp_thread_leave(thread);
    pp_thread_leave(thread);
    assert_true(pp_state_load(thread) == inside);
    pp_thread_leave(thread);
    assert_true(pp_state_load(thread) == 0);

    assert_true(pp_thread_try_enter(thread));
    assert_false(thread->may_wait);
    pp_thread_enter(thread);
    assert_false(thread->may_wait);
    pp_thread_leave(thread);
    pp_thread_leave(thread);
    assert_true(pp_state_load(thread) == 0);
    pp_thread_await(thread); /* nothing is on */
}

static void only_scopes_that_may_wait_collect(void **state)
{
    (void)state;
    pp_thread *thread = self();
    int before = atomic_load(&fake_collections);
    atomic_store(&pp_collector_due_, true);
    assert_true(pp_thread_try_enter(thread));
    pp_thread_leave(thread);
    assert_int_equal(atomic_load(&fake_collections), before);
    pp_thread_enter(thread);
    pp_thread_enter(thread);
    pp_thread_leave(thread);
    assert_int_equal(atomic_load(&fake_collections), before);
    pp_thread_leave(thread);
    assert_int_equal(atomic_load(&fake_collections), before + 1);
    atomic_store(&pp_collector_due_, false);
}

static void a_checkpoint_takes_the_new_epoch(void **state)
{
    (void)state;
    pp_thread *thread = self();
    pp_thread_enter(thread);
    uint64_t before = pp_state_load(thread) >> PP_THREAD_EPOCH_SHIFT;
    pp_qsbr_retire(thread, pp_heap_alloc(thread, PP_HEAP_TABLES, 16), 16);
    pp_qsbr_close(thread);
    assert_true(pp_thread_checkpoint(thread));
    assert_true(pp_state_load(thread) >> PP_THREAD_EPOCH_SHIFT > before);
    assert_true(pp_state_is_attached(thread));
    pp_thread_leave(thread);
}

/* ---- claims and merge queues ------------------------------------------------------ */

typedef struct door {
    _Atomic(pp_thread *) thread;
    _Atomic int step;
    _Atomic bool entered;
} door;

static void enter_when_told(crew *c, int index)
{
    door *d = c->context;
    (void)index;
    pp_thread *thread = self();
    atomic_store(&d->thread, thread);
    wait_until(atomic_load(&d->step) == 1);
    pp_thread_enter(thread);
    atomic_store(&d->entered, true);
    wait_until(atomic_load(&d->step) == 2);
    pp_thread_block(thread);
    atomic_store(&d->step, 3);
    wait_until(atomic_load(&d->step) == 4);
    pp_thread_unblock(thread);
    crew_check(c, pp_state_is_attached(thread));
    atomic_store(&d->step, 5);
    pp_thread_leave(thread);
}

static void claims_keep_the_owner_out(void **state)
{
    (void)state;
    static door d;
    crew c;
    pp_thread *thread = self();
    crew_start(&c, 1, enter_when_told, &d);
    wait_until(atomic_load(&d.thread) != NULL);
    pp_thread *other = atomic_load(&d.thread);
    pp_thread_enter(thread);
    assert_true(pp_thread_claim(other));
    assert_false(pp_thread_claim(other));
    atomic_store(&d.step, 1);
    wait_until(pp_parked_count(&other->state) == 1);
    assert_false(atomic_load(&d.entered));
    pp_thread_unclaim(other);
    wait_until(atomic_load(&d.entered));
    assert_false(pp_thread_claim(other)); /* it is attached */
    atomic_store(&d.step, 2);
    wait_until(atomic_load(&d.step) == 3);
    uint64_t blocked = pp_state_load(other);
    assert_true(blocked >> PP_THREAD_EPOCH_SHIFT != 0); /* what it borrowed stays */
    assert_true(pp_thread_claim(other));
    atomic_store(&d.step, 4);
    wait_until(pp_parked_count(&other->state) == 1);
    pp_thread_unclaim(other);
    wait_until(atomic_load(&d.step) == 5);
    pp_thread_leave(thread);
    crew_join(&c);
}

typedef struct exchange {
    _Atomic(pp_thread *) records[CREW_MAX];
    _Atomic int64_t pushed;
    pthread_barrier_t done;
} exchange;

enum { PUSHES = 3000, PUSHERS = 4 };

/* Everybody pushes to everybody, attached or not; nobody pauses. */
static void push_around(crew *c, int index)
{
    exchange *x = c->context;
    pp_thread *thread = self();
    uint64_t random = (uint64_t)index + 1;
    atomic_store(&x->records[index], thread);
    for (int i = 0; i < PUSHES; i++) {
        pp_thread_enter(thread);
        for (size_t n = test_below(&random, 3); n > 0; n--) {
            pp_thread *owner = atomic_load(&x->records[test_below(&random, PUSHERS)]);
            if (owner != NULL) {
                fake_push(thread, owner);
                atomic_fetch_add(&x->pushed, 1);
            }
        }
        thread->containers_made++; /* T1: only while attached */
        if (test_below(&random, 16) == 0) {
            pp_thread_block(thread);
            sched_yield();
            pp_thread_unblock(thread);
        }
        if (test_below(&random, 8) == 0)
            pp_thread_checkpoint(thread);
        pp_thread_leave(thread);
        if (test_below(&random, 16) == 0)
            sched_yield();
        if (i % 4 != 3)
            continue;
        /* Whenever all are outside, nothing is left: T4. */
        pthread_barrier_wait(&x->done);
        crew_check(c, atomic_load(&thread->merge_queue) == NULL);
        pthread_barrier_wait(&x->done);
    }
}

static void every_push_is_merged(void **state)
{
    (void)state;
    static exchange x;
    int64_t before = atomic_load(&fake_merged);
    pthread_barrier_init(&x.done, NULL, PUSHERS);
    crew_run(PUSHERS, push_around, &x);
    assert_true(atomic_load(&fake_merged) - before == atomic_load(&x.pushed));
    assert_true(atomic_load(&x.pushed) > PUSHES);
    pthread_barrier_destroy(&x.done);
}

/* Threads come and go while others push to their records. */
static void come_and_go(crew *c, int index);

static void push_to_all(crew *c, int index)
{
    exchange *x = c->context;
    pp_thread *thread = self();
    if (index > 1) {
        come_and_go(c, index);
        return;
    }
    while (atomic_load(&c->finished) < c->size - 2) {
        pp_thread_enter(thread);
        for (pp_thread *owner = pp_thread_list(); owner != NULL; owner = owner->next) {
            fake_push(thread, owner);
            atomic_fetch_add(&x->pushed, 1);
        }
        pp_thread_leave(thread);
    }
}

static void be_short(crew *c, int index)
{
    (void)c;
    pp_thread *thread = self();
    if (index == 0)
        pp_thread_enter(thread); /* it ends inside */
}

static void come_and_go(crew *c, int index)
{
    (void)index;
    for (int i = 0; i < 60; i++) {
        crew short_lived;
        crew_start(&short_lived, 2, be_short, NULL);
        for (int k = 0; k < 2; k++)
            pthread_join(short_lived.threads[k], NULL);
        pthread_barrier_destroy(&short_lived.start);
        crew_check(c, atomic_load(&short_lived.failures) == 0);
    }
}

static void pushes_to_records_that_end(void **state)
{
    (void)state;
    static exchange x;
    int64_t before = atomic_load(&fake_merged);
    int open = atomic_load(&fake_heap_open);
    crew_run(4, push_to_all, &x);
    assert_true(atomic_load(&fake_merged) - before == atomic_load(&x.pushed));
    assert_int_equal(atomic_load(&fake_heap_open), open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_record_per_thread),
        cmocka_unit_test(no_memory_for_a_record),
        cmocka_unit_test(no_memory_for_a_spare_chunk),
        cmocka_unit_test(a_thread_ends_inside_a_scope),
        cmocka_unit_test(scopes_nest),
        cmocka_unit_test(only_scopes_that_may_wait_collect),
        cmocka_unit_test(a_checkpoint_takes_the_new_epoch),
        cmocka_unit_test(claims_keep_the_owner_out),
        cmocka_unit_test(every_push_is_merged),
        cmocka_unit_test(pushes_to_records_that_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
