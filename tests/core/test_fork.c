/* The runtime in parent and child of fork(), whatever other threads do. */
#include "crew.h"
#include "fake_runtime.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/parking.h"
#include "share/heap.h"
#include "share/pause.h"
#include "share/thread_state.h"

#define NEED(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition);          \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static pp_thread *self(void)
{
    pp_thread *thread = pp_thread_self();
    if (thread == NULL)
        abort();
    return thread;
}

static void await_child(pid_t child)
{
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void retire_new(pp_thread *thread)
{
    pp_qsbr_retire(thread, pp_heap_alloc(thread, PP_HEAP_TABLES, 16), 16);
}

/* ---- one of each ------------------------------------------------------------------------ */

enum { IDLE, BLOCKED, WAITING, PARKED, KINDS };

typedef struct scene {
    _Atomic(pp_thread *) records[KINDS];
    _Atomic int ready;
    _Atomic bool over;
    pp_mutex lock;
    pp_object object;
} scene;

static void act(crew *c, int index)
{
    scene *s = c->context;
    pp_thread *thread = self();
    pp_thread_enter(thread);
    retire_new(thread);
    thread->handles[0] = &s->object;
    if (index == BLOCKED || index == WAITING) {
        pp_thread_block(thread); /* one holds the lock, the other wants it */
        pp_mutex_lock(&s->lock);
        if (index == BLOCKED)
            atomic_store(&s->records[index], thread);
        wait_until(atomic_load(&s->over));
        pp_mutex_unlock(&s->lock);
        pp_thread_unblock(thread);
        pp_thread_leave(thread);
        return;
    }
    pp_thread_leave(thread);
    atomic_store(&s->records[index], thread);
    if (index == PARKED) {
        pp_park_request request = {.deadline = PP_FOREVER};
        crew_check(c, pp_park(s, &request) == PP_PARK_WOKEN);
    }
    wait_until(atomic_load(&s->over));
}

static void register_alone(crew *c, int index)
{
    (void)index;
    size_t *finished = c->context;
    pp_thread *thread = self();
    pp_thread_enter(thread);
    retire_new(thread);
    pp_thread_leave(thread);
    for (pp_thread *other = pp_thread_list(); other != NULL; other = other->next)
        *finished += atomic_load(&other->finished);
}

static void child_of_the_scene(scene *s, pp_thread *thread, bool inside, int64_t live)
{
    NEED(atomic_load(&fake_after_fork_calls) == 3);
    NEED(!pp_mutex_is_locked(&s->object.lock));
    NEED(!pp_pause_is_mine());
    NEED(pp_thread_self() == thread);
    NEED(pp_state_load(thread) == 0 || inside);
    NEED(pp_parked_count(s) == 0);
    for (pp_thread *other = pp_thread_list(); other != NULL; other = other->next)
        NEED(other == thread || (pp_state_load(other) == 0 && atomic_load(&other->finished) &&
                                 other->handles[0] == NULL));
    if (inside)
        pp_thread_leave(thread);
    /* What threads that are gone had retired or were to merge is dealt with. */
    int64_t merged = atomic_load(&fake_merged);
    pp_thread_enter(thread);
    fake_push(thread, atomic_load(&s->records[BLOCKED]));
    pp_thread_leave(thread);
    NEED(atomic_load(&fake_merged) == merged + 1);
    pp_pause_begin(thread, PP_SECOND);
    pp_pause_end(thread);
    NEED(atomic_load(&fake_heap_live) <= live - KINDS + 1);
    size_t before = 0, finished = 0;
    for (pp_thread *other = pp_thread_list(); other != NULL; other = other->next)
        before += atomic_load(&other->finished);
    NEED(before >= KINDS);
#if !defined(__SANITIZE_THREAD__) /* which cannot follow new threads after a fork */
    crew c;
    crew_start(&c, 1, register_alone, &finished);
    pthread_join(c.threads[0], NULL);
    NEED(finished == before - 1); /* it took one over */
#else
    (void)register_alone;
    (void)finished;
#endif
    _exit(0);
}

static void a_child_has_all_that_others_left(void **state)
{
    (void)state;
    pp_thread *thread = self();
    for (int inside = 0; inside < 2; inside++) {
        static scene s;
        memset(&s, 0, sizeof s);
        crew c;
        pp_mutex_init(&s.lock);
        pp_mutex_init(&s.object.lock);
        atomic_store(&s.object.kind, PP_KIND_LIST);
        fake_container = &s.object;
        crew_start(&c, KINDS, act, &s);
        wait_until(pp_parked_count(&s.lock) == 1 && pp_parked_count(&s) == 1 &&
                   atomic_load(&s.records[IDLE]) != NULL);
        /* Whichever of the two has the lock. */
        wait_until(pp_mutex_is_locked(&s.lock));
        if (atomic_load(&s.records[BLOCKED]) == NULL)
            for (pp_thread *other = pp_thread_list(); other != NULL; other = other->next)
                if (pp_state_load(other) != 0 && other != thread)
                    atomic_store(&s.records[BLOCKED], other);
        pp_mutex_lock(&s.object.lock);
        atomic_store(&fake_after_fork_calls, 0);
        if (inside)
            pp_thread_enter(thread);
        int64_t live = atomic_load(&fake_heap_live);
        pid_t child = fork();
        if (child == 0)
            child_of_the_scene(&s, thread, inside != 0, live);
        assert_true(!pp_pause_is_mine());
        assert_true(pp_mutex_is_locked(&s.object.lock)); /* the parent's */
        assert_int_equal(atomic_load(&fake_after_fork_calls), 0);
        if (inside)
            pp_thread_leave(thread);
        await_child(child);
        fake_container = NULL;
        atomic_store(&s.over, true);
        wait_until(pp_unpark_all(&s) == 1);
        crew_join(&c);
    }
}

/* ---- at any moment ---------------------------------------------------------------------- */

static void be_busy(crew *c, int index)
{
    _Atomic bool *over = c->context;
    pp_thread *thread = self();
    for (unsigned i = 0; !atomic_load(over); i++) {
        if (index == 0 && i % 16 == 0) {
            pp_pause_begin(thread, PP_MILLISECOND);
            pp_pause_end(thread);
        }
        if (index == 1 && i % 16 == 0) {
            crew_check(c, pp_thread_try_enter(thread) || (pp_thread_await(thread), true));
            if (thread->depth > 0)
                pp_thread_leave(thread);
        }
        pp_thread_enter(thread);
        retire_new(thread);
        for (pp_thread *owner = pp_thread_list(); owner != NULL; owner = owner->next)
            if (i % 8 == 0)
                fake_push(thread, owner);
        pp_thread_leave(thread);
    }
}

static void a_fork_at_any_moment(void **state)
{
    (void)state;
    _Atomic bool over = false;
    crew c;
    crew_start(&c, 4, be_busy, &over);
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        if (child == 0) {
            pp_thread *thread = self();
            for (int k = 0; k < 3; k++) {
                pp_thread_enter(thread);
                retire_new(thread);
                pp_thread_leave(thread);
                NEED(pp_thread_try_enter(thread));
                pp_thread_leave(thread);
                pp_pause_begin(thread, PP_SECOND);
                pp_pause_end(thread);
            }
            for (pp_thread *other = pp_thread_list(); other != NULL; other = other->next) {
                NEED(pp_state_load(other) == 0);
                NEED(atomic_load(&other->merge_queue) == NULL);
                NEED(other == thread || atomic_load(&other->retired.count) == 0);
            }
            if (i % 2 == 0) {
                pid_t grandchild = fork();
                if (grandchild == 0)
                    _exit(pp_thread_self() == thread ? 0 : 1);
                int status;
                NEED(waitpid(grandchild, &status, 0) == grandchild && status == 0);
            }
            _exit(0);
        }
        await_child(child);
    }
    atomic_store(&over, true);
    crew_join(&c);
}

static void fork_without_a_record(crew *c, int index)
{
    (void)index;
    pid_t child = fork();
    if (child == 0) {
        pp_thread *thread = pp_thread_known(); /* the child's handler has made one */
        NEED(thread != NULL && pp_state_load(thread) == 0);
        pp_thread_enter(thread);
        pp_thread_leave(thread);
        _exit(0);
    }
    int status;
    crew_check(c, waitpid(child, &status, 0) == child && status == 0);
    crew_check(c, pp_thread_known() == NULL);
}

static void a_thread_without_a_record_forks(void **state)
{
    (void)state;
    self();
    crew_run(1, fork_without_a_record, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_has_all_that_others_left),
        cmocka_unit_test(a_fork_at_any_moment),
        cmocka_unit_test(a_thread_without_a_record_forks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
