/* Pauses: who is stopped, who waits, who is let in first. */
#include "crew.h"
#include "fake_runtime.h"

#include "base/clock.h"
#include "base/parking.h"
#include "share/heap.h"
#include "share/pause.h"
#include "share/thread_state.h"

#define LONG_GRACE (60 * PP_SECOND)

static pp_thread *self(void)
{
    pp_thread *thread = pp_thread_self();
    if (thread == NULL)
        abort();
    return thread;
}

static void a_pause_of_ones_own(void **state)
{
    (void)state;
    pp_pause_figures before, after;
    pp_pause_figures_get(&before);
    assert_false(pp_pause_is_mine());
    pp_pause_begin(NULL, 0); /* also for a thread without a record */
    assert_true(pp_pause_is_mine());
    pp_pause_end(NULL);
    assert_false(pp_pause_is_mine());

    pp_thread *thread = self();
    pp_thread_enter(thread);
    uint64_t inside = pp_state_load(thread);
    pp_pause_begin(thread, PP_MILLISECOND);
    assert_true(pp_pause_is_mine());
    assert_true(pp_state_load(thread) == inside); /* what it borrowed stays */
    pp_pause_end(thread);
    assert_true(pp_state_load(thread) == inside);
    pp_thread_leave(thread);
    pp_pause_figures_get(&after);
    assert_true(after.count == before.count + 2);
    assert_true(after.length_total >= before.length_total + after.length_last);
    assert_true(after.length_max >= after.length_last);
    assert_true(after.wait_max >= after.wait_last);
}

/* ---- everybody stops -------------------------------------------------------------- */

enum { WORKERS = 4, PAUSERS = 2, SCOPES = 3000, PAUSES = 150 };

typedef struct field {
    /* Written by their worker inside scopes, read by pauses: plain, so that a thread that is not
     * stopped is a data race. */
    struct {
        uint64_t begun, ended;
    } plots[WORKERS];
    pp_mutex lock;
    uint64_t guarded; /* under lock */
    _Atomic int working;
} field;

static void work(crew *c, int index)
{
    field *f = c->context;
    pp_thread *thread = self();
    uint64_t random = (uint64_t)index + 1;
    for (int i = 0; i < SCOPES; i++) {
        if (test_below(&random, 3) == 0) {
            while (!pp_thread_try_enter(thread))
                pp_thread_await(thread);
        } else {
            pp_thread_enter(thread);
        }
        f->plots[index].begun++;
        if (test_below(&random, 32) == 0)
            sched_yield();
        f->plots[index].ended++;
        if (test_below(&random, 8) == 0) {
            if (!pp_thread_checkpoint(thread))
                crew_check(c, !thread->may_wait);
            f->plots[index].begun++;
            f->plots[index].ended++;
        }
        pp_thread_leave(thread);
    }
    atomic_fetch_sub(&f->working, 1);
}

static void pause(crew *c, int index)
{
    field *f = c->context;
    pp_thread *thread = self();
    for (int i = 0; i < PAUSES || atomic_load(&f->working) > 0; i++) {
        bool inside = (i + index) % 2 == 0;
        if (inside)
            pp_thread_enter(thread);
        pp_pause_begin(thread, i % 3 == 0 ? 0 : LONG_GRACE);
        for (int k = 0; k < WORKERS; k++) {
            crew_check(c, f->plots[k].begun == f->plots[k].ended);
            f->plots[k].begun = f->plots[k].ended = 0;
        }
        for (pp_thread *other = pp_thread_list(); other != NULL; other = other->next)
            crew_check(
                c, (pp_state_load(other) & PP_THREAD_FLAGS) ==
                       (other == thread ? (inside ? PP_THREAD_ATTACHED : 0) : PP_THREAD_PAUSED));
        pp_pause_end(thread);
        if (inside)
            pp_thread_leave(thread);
    }
}

static void work_or_pause(crew *c, int index)
{
    if (index < WORKERS)
        work(c, index);
    else
        pause(c, index);
}

static void nobody_runs_in_a_pause(void **state)
{
    (void)state;
    static field f;
    atomic_store(&f.working, WORKERS);
    crew_run(WORKERS + PAUSERS, work_or_pause, &f);
}

/* Threads that wait for a lock inside a scope, held by threads that a pause stops (gh-133130,
 * gh-144513): all three go on. */
static void lock_inside(crew *c, int index)
{
    field *f = c->context;
    pp_thread *thread = self();
    if (index >= WORKERS) {
        for (int i = 0; i < PAUSES; i++) {
            pp_pause_begin(thread, i % 2 == 0 ? 0 : LONG_GRACE);
            pp_pause_end(thread);
        }
        return;
    }
    for (int i = 0; i < SCOPES / 3; i++) {
        pp_thread_enter(thread);
        if (!pp_mutex_trylock(&f->lock)) {
            pp_thread_block(thread);
            pp_mutex_lock(&f->lock);
            pp_thread_unblock(thread); /* a pause may keep it here, with the lock */
        }
        uint64_t before = f->guarded;
        if (i % 64 == 0)
            sched_yield();
        f->guarded = before + 1;
        pp_mutex_unlock(&f->lock);
        pp_thread_leave(thread);
    }
}

static void locks_do_not_stop_pauses(void **state)
{
    (void)state;
    static field f;
    crew_run(WORKERS + PAUSERS, lock_inside, &f);
    assert_true(f.guarded == WORKERS * (SCOPES / 3));
}

/* ---- who comes late ----------------------------------------------------------------- */

static bool pause_is_on; /* plain: ordered by the pause */

static void be_born(crew *c, int index)
{
    (void)index;
    atomic_store((_Atomic bool *)c->context, true);
    pp_thread *thread = self();
    pp_thread_enter(thread);
    crew_check(c, !pause_is_on);
    pp_thread_leave(thread);
}

static void a_thread_born_in_a_pause_stays_out(void **state)
{
    (void)state;
    pp_thread *thread = self();
    for (int i = 0; i < 50; i++) {
        _Atomic bool started = false;
        crew c;
        pp_pause_begin(thread, 0);
        pause_is_on = true;
        crew_start(&c, 3, be_born, &started);
        wait_until(atomic_load(&started));
        for (int k = 0; k < 20; k++)
            sched_yield();
        pause_is_on = false;
        pp_pause_end(thread);
        crew_join(&c);
    }
}

typedef struct visitor {
    _Atomic(pp_thread *) thread;
    _Atomic int step;
} visitor;

static void be_refused(crew *c, int index)
{
    visitor *v = c->context;
    (void)index;
    pp_thread *thread = self();
    atomic_store(&v->thread, thread);
    wait_until(atomic_load(&v->step) == 1);
    crew_check(c, !pp_thread_try_enter(thread));
    crew_check(c, atomic_load(&thread->turned_away) == PP_TURNED_AWAY_WAITED_FOR);
    crew_check(c, thread->depth == 0);
    atomic_store(&v->step, 2);
    wait_until(atomic_load(&v->step) == 3);
    pp_thread_await(thread);
    wait_until(atomic_load(&v->step) == 4);
    crew_check(c, pp_thread_try_enter(thread));
    crew_check(c, atomic_load(&thread->turned_away) == PP_TURNED_AWAY_NOT);
    atomic_store(&v->step, 5);
    wait_until(atomic_load(&v->step) == 6);
    pp_thread_leave(thread);
}

static void who_never_comes_is_waited_for_once(void **state)
{
    (void)state;
    static visitor v;
    crew c;
    pp_thread *thread = self();
    crew_start(&c, 1, be_refused, &v);
    wait_until(atomic_load(&v.thread) != NULL);
    pp_thread *other = atomic_load(&v.thread);
    pp_pause_begin(thread, 0);
    atomic_store(&v.step, 1);
    wait_until(atomic_load(&v.step) == 2);
    pp_pause_end(thread);
    /* Without grace nobody is waited for; with it, until it is used up, once. */
    pp_pause_begin(thread, 0);
    pp_pause_end(thread);
    assert_int_equal(atomic_load(&other->turned_away), PP_TURNED_AWAY_WAITED_FOR);
    assert_true(pp_pause_begin(thread, 3 * PP_MILLISECOND) >= 3 * PP_MILLISECOND);
    assert_int_equal(atomic_load(&other->turned_away), PP_TURNED_AWAY_GIVEN_UP);
    /* It parks until the pause is over, although it was given up. */
    atomic_store(&v.step, 3);
    wait_until(pp_parked_count(&other->state) == 1);
    pp_pause_end(thread);
    wait_until(pp_parked_count(&other->state) == 0);
    atomic_store(&v.step, 4);
    wait_until(atomic_load(&v.step) == 5);
    assert_true(pp_state_is_attached(other));
    atomic_store(&v.step, 6);
    crew_join(&c);
    pp_pause_begin(thread, LONG_GRACE); /* would not end in time if it were still waited for */
    pp_pause_end(thread);
}

static bool somebody_is_refused(const pp_thread *but)
{
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        if (thread != but && atomic_load(&thread->turned_away) == PP_TURNED_AWAY_WAITED_FOR)
            return true;
    return false;
}

typedef struct parade {
    _Atomic int registered;
    _Atomic int outside; /* those who have not been refused often enough */
} parade;

/* gh-151518: a refused thread enters before the next pause but one, however fast they follow. */
static void come_in(crew *c, int index)
{
    parade *p = c->context;
    pp_thread *thread = self();
    if (index == 0) {
        /* In its pauses it waits for others, who must not have to register then. */
        wait_until(atomic_load(&p->registered) == c->size - 1);
        while (atomic_load(&p->outside) > 0) {
            pp_pause_begin(thread, LONG_GRACE);
            wait_until(somebody_is_refused(thread) || atomic_load(&p->outside) == 0);
            pp_pause_end(thread);
        }
        return;
    }
    atomic_fetch_add(&p->registered, 1);
    for (int refused = 0; refused < 50;) {
        pp_pause_figures before, after;
        if (pp_thread_try_enter(thread)) {
            pp_thread_leave(thread);
            continue;
        }
        refused++;
        /* The pause that refused it may not have been counted yet. */
        pp_pause_figures_get(&before);
        if (refused % 2 == 0)
            pp_thread_enter(thread);
        else
            do
                pp_thread_await(thread);
            while (!pp_thread_try_enter(thread));
        pp_pause_figures_get(&after);
        crew_check(c, after.count - before.count <= 1);
        pp_thread_leave(thread);
    }
    atomic_fetch_sub(&p->outside, 1);
}

static void pauses_in_a_row_starve_nobody(void **state)
{
    (void)state;
    parade p = {.outside = 3};
    crew_run(4, come_in, &p);
}

/* ---- a scope that may not wait ------------------------------------------------------- */

static void hold_a_scope(crew *c, int index)
{
    visitor *v = c->context;
    (void)index;
    pp_thread *thread = self();
    crew_check(c, pp_thread_try_enter(thread));
    uint64_t inside = pp_state_load(thread);
    void *block = pp_heap_alloc(thread, PP_HEAP_TABLES, 64);
    pp_qsbr_retire(thread, block, 64); /* borrowed: readable to the scope's end */
    atomic_store(&v->thread, thread);
    wait_until((pp_state_load(thread) & PP_THREAD_PAUSED) != 0);
    for (int i = 0; i < 3; i++)
        crew_check(c, !pp_thread_checkpoint(thread));
    crew_check(c, pp_state_load(thread) == (inside | PP_THREAD_PAUSED));
    crew_check(c, *(char *)block == 0);
    atomic_store(&v->step, 1);
    pp_thread_leave(thread);
}

static void a_scope_that_may_not_wait_is_waited_for(void **state)
{
    (void)state;
    static visitor v;
    crew c;
    crew_start(&c, 1, hold_a_scope, &v);
    wait_until(atomic_load(&v.thread) != NULL);
    pp_pause_begin(self(), 0);
    assert_int_equal(atomic_load(&v.step), 1);
    pp_pause_end(self());
    crew_join(&c);
}

/* What is pushed to a record while a pause keeps everybody from claiming it is merged when the
 * pause ends. */
static void idle(crew *c, int index)
{
    visitor *v = c->context;
    (void)index;
    atomic_store(&v->thread, self());
    wait_until(atomic_load(&v->step) == 1);
    crew_check(c, atomic_load(&self()->merge_queue) == NULL);
}

static void the_end_of_a_pause_merges(void **state)
{
    (void)state;
    static visitor v;
    crew c;
    pp_thread *thread = self();
    for (int inside = 0; inside < 2; inside++) {
        atomic_store(&v.step, 0);
        atomic_store(&v.thread, NULL);
        crew_start(&c, 1, idle, &v);
        wait_until(atomic_load(&v.thread) != NULL);
        int64_t before = atomic_load(&fake_merged);
        if (inside)
            pp_thread_enter(thread);
        pp_pause_begin(thread, 0);
        fake_push(thread, atomic_load(&v.thread));
        assert_true(atomic_load(&fake_merged) == before);
        pp_pause_end(thread);
        assert_true(atomic_load(&fake_merged) == before + 1);
        if (inside)
            pp_thread_leave(thread);
        atomic_store(&v.step, 1);
        crew_join(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_of_ones_own),
        cmocka_unit_test(nobody_runs_in_a_pause),
        cmocka_unit_test(locks_do_not_stop_pauses),
        cmocka_unit_test(a_thread_born_in_a_pause_stays_out),
        cmocka_unit_test(who_never_comes_is_waited_for_once),
        cmocka_unit_test(pauses_in_a_row_starve_nobody),
        cmocka_unit_test(a_scope_that_may_not_wait_is_waited_for),
        cmocka_unit_test(the_end_of_a_pause_merges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
