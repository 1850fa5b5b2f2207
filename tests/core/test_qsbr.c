/* Reclamation: what is freed when, and that no reader sees it. */
#include "crew.h"
#include "fake_runtime.h"

#include "base/clock.h"
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

static void retire_new(pp_thread *thread, size_t size)
{
    pp_qsbr_retire(thread, pp_heap_alloc(thread, PP_HEAP_TABLES, size), size);
}

/* Frees all that can be freed, everywhere. */
static void drain(void)
{
    pp_pause_begin(self(), 0);
    pp_pause_end(self());
    pp_thread_enter(self());
    pp_qsbr_poll_leaving(self());
    pp_thread_leave(self());
}

static int64_t live(void)
{
    return atomic_load(&fake_heap_live);
}

static void ones_own_scope_counts(void **state)
{
    (void)state;
    pp_thread *thread = self();
    drain();
    int64_t before = live();
    pp_thread_enter(thread);
    retire_new(thread, 100);
    assert_int_equal(atomic_load(&thread->retired.count), 1);
    assert_int_equal(atomic_load(&thread->retired.bytes), 100);
    pp_qsbr_poll(thread);
    assert_true(live() == before + 1); /* this scope may have borrowed it */
    assert_true(pp_qsbr_oldest() < pp_qsbr_epoch());
    pp_qsbr_poll_leaving(thread);
    assert_true(live() == before);
    assert_int_equal(atomic_load(&thread->retired.count), 0);
    assert_int_equal(atomic_load(&thread->retired.bytes), 0);
    pp_thread_leave(thread);
    assert_true(pp_qsbr_oldest() == pp_qsbr_epoch());

    pp_thread_enter(thread);
    retire_new(thread, 100);
    pp_thread_leave(thread);
    assert_true(live() == before + 1);
    pp_thread_enter(thread); /* a scope that begins after it was closed holds nothing up */
    pp_qsbr_close(thread);
    assert_true(pp_thread_checkpoint(thread));
    pp_qsbr_poll(thread);
    assert_true(live() == before);
    pp_thread_leave(thread);
}

/* What a loop of short scopes retires does not pile up, nor does what one long scope with
 * checkpoints does. */
static void nothing_piles_up(void **state)
{
    (void)state;
    pp_thread *thread = self();
    drain();
    int64_t before = live(), most = 0;
    for (int long_scope = 0; long_scope < 2; long_scope++) {
        pp_thread_enter(thread);
        for (int i = 0; i < 10000; i++) {
            retire_new(thread, 32);
            if (live() - before > most)
                most = live() - before;
            if (long_scope) {
                pp_thread_checkpoint(thread);
            } else {
                pp_thread_leave(thread);
                pp_thread_enter(thread);
            }
        }
        pp_thread_leave(thread);
    }
    assert_in_range(most, 1, 200);
    /* Large blocks go when the scope ends. */
    pp_thread_enter(thread);
    retire_new(thread, 1 << 20);
    pp_thread_leave(thread);
    assert_true(live() - before <= 200);
    assert_true(atomic_load(&thread->retired.bytes) < 1 << 20);
}

typedef struct reader {
    _Atomic(pp_thread *) thread;
    _Atomic int step;
    bool blocks;
} reader;

static void read_for_long(crew *c, int index)
{
    reader *r = c->context;
    (void)index;
    pp_thread *thread = self();
    pp_thread_enter(thread);
    if (r->blocks)
        pp_thread_block(thread);
    atomic_store(&r->thread, thread);
    wait_until(atomic_load(&r->step) == 1);
    if (r->blocks)
        pp_thread_unblock(thread);
    pp_thread_leave(thread);
}

static void a_reader_that_stays_delays_only_what_came_after_it(void **state)
{
    (void)state;
    pp_thread *thread = self();
    for (int blocks = 0; blocks < 2; blocks++) {
        reader r = {.blocks = blocks != 0};
        crew c;
        drain();
        int64_t before = live();
        pp_thread_enter(thread);
        retire_new(thread, 16);
        pp_thread_leave(thread);
        pp_thread_enter(thread);
        pp_qsbr_close(thread);
        pp_thread_leave(thread);
        crew_start(&c, 1, read_for_long, &r);
        wait_until(atomic_load(&r.thread) != NULL);
        uint64_t oldest = pp_state_load(atomic_load(&r.thread)) >> PP_THREAD_EPOCH_SHIFT;
        pp_thread_enter(thread);
        for (int i = 0; i < 1000; i++)
            retire_new(thread, 16);
        pp_qsbr_poll_leaving(thread);
        pp_thread_leave(thread);
        assert_true(live() == before + 1000); /* the first one is gone */
        assert_true(pp_qsbr_oldest() == oldest);
        assert_true(pp_qsbr_epoch() > oldest);
        /* Polls become rare: they find nothing. */
        assert_in_range(thread->retired.next_poll, 1400, 1600);
        atomic_store(&r.step, 1);
        crew_join(&c);
        pp_thread_enter(thread);
        pp_qsbr_poll_leaving(thread);
        pp_thread_leave(thread);
        assert_true(live() == before);
    }
}

/* ---- leftovers of others ------------------------------------------------------------ */

static void retire_and_end(crew *c, int index)
{
    reader *r = c->context;
    pp_thread *thread = self();
    pp_thread_enter(thread);
    for (int i = 0; i < 500; i++)
        retire_new(thread, 16);
    pp_thread_leave(thread);
    atomic_fetch_add(&r->step, 1);
    if (index == 0) /* one stays, idle; the others end */
        wait_until(atomic_load(&r->step) == 100);
}

static void what_idle_and_ended_threads_retired_goes(void **state)
{
    (void)state;
    reader long_reader = {.blocks = true}, r = {0}; /* a pause does not wait for it */
    crew reading, retiring;
    drain();
    int64_t before = live();
    crew_start(&reading, 1, read_for_long, &long_reader);
    wait_until(atomic_load(&long_reader.thread) != NULL);
    crew_start(&retiring, 3, retire_and_end, &r);
    wait_until(atomic_load(&r.step) == 3);
    drain();
    assert_true(live() == before + 1500);
    atomic_store(&long_reader.step, 1);
    crew_join(&reading);
    drain(); /* the end of its pause */
    assert_true(live() == before);
    atomic_store(&r.step, 100);
    crew_join(&retiring);
}

/* ---- no memory ------------------------------------------------------------------------ */

static void without_memory_for_notes(void **state)
{
    (void)state;
    pp_thread *thread = self();
    drain();
    int64_t before = live();
    /* Any single failure is made good by the spare chunk. */
    for (int64_t n = 0; n < 6; n++) {
        fake_malloc_fail(n, 1);
        pp_thread_enter(thread);
        for (int i = 0; i < 300; i++)
            retire_new(thread, 16);
        pp_qsbr_poll_leaving(thread);
        pp_thread_leave(thread);
        fake_malloc_fail(0, 0);
        assert_true(live() == before);
    }
    /* No memory at all, for long: short scopes live on the chunks they have. */
    fake_malloc_fail(0, INT64_MAX);
    for (int i = 0; i < 1000; i++) {
        pp_thread_enter(thread);
        retire_new(thread, 16);
        pp_thread_leave(thread);
    }
    pp_thread_enter(thread);
    pp_qsbr_poll_leaving(thread);
    pp_thread_leave(thread);
    assert_true(live() == before);
    /* Within one scope, what was borrowed is not risked: blocks are given up. */
    static void *blocks[1000]; /* so that a leak checker forgives those that are leaked */
    pp_thread_enter(thread);
    for (int i = 0; i < 1000; i++) {
        blocks[i] = pp_heap_alloc(thread, PP_HEAP_TABLES, 16);
        pp_qsbr_retire(thread, blocks[i], 16);
    }
    assert_true(live() == before + 1000);
    fake_malloc_fail(0, 0);
    pp_qsbr_poll_leaving(thread);
    pp_thread_leave(thread);
    assert_in_range(live(), before + 1, before + 1000);
}

/* ---- readers and writers ---------------------------------------------------------------- */

enum { SLOTS = 8, READERS = 3, WRITERS = 2, CHANGES = 6000 };

typedef struct block {
    uint64_t serial;
    uint64_t copies[5]; /* of serial */
} block;

typedef struct shelf {
    _Atomic(block *) slots[SLOTS];
    _Atomic uint64_t serial;
    _Atomic int writing;
} shelf;

static block *new_block(shelf *s, pp_thread *thread)
{
    block *b = pp_heap_alloc(thread, PP_HEAP_TABLES, sizeof *b);
    if (b == NULL)
        abort();
    b->serial = atomic_fetch_add(&s->serial, 1) + 1;
    for (size_t i = 0; i < 5; i++)
        b->copies[i] = b->serial;
    return b;
}

static void write_slots(shelf *s, pp_thread *thread, uint64_t *random)
{
    for (int i = 0; i < CHANGES; i++) {
        pp_thread_enter(thread);
        for (size_t n = 1 + test_below(random, 3); n > 0; n--) {
            block *b = new_block(s, thread);
            b = atomic_exchange_explicit(&s->slots[test_below(random, SLOTS)], b,
                                         memory_order_acq_rel);
            if (b != NULL)
                pp_qsbr_retire(thread, b, sizeof *b);
        }
        if (test_below(random, 32) == 0)
            pp_qsbr_poll(thread);
        pp_thread_leave(thread);
    }
    atomic_fetch_sub(&s->writing, 1);
}

static bool is_whole(const block *b)
{
    uint64_t serial = b->serial;
    for (size_t i = 0; i < 5; i++)
        if (b->copies[i] != serial)
            return false;
    return serial != 0;
}

/* Holds on to blocks to the end of the scope, across yields, blocks and what others free. */
static void read_slots(crew *c, shelf *s, pp_thread *thread, uint64_t *random)
{
    while (atomic_load(&s->writing) > 0) {
        block *held[SLOTS];
        uint64_t serials[SLOTS];
        pp_thread_enter(thread);
        for (int i = 0; i < SLOTS; i++) {
            held[i] = atomic_load_explicit(&s->slots[i], memory_order_acquire);
            serials[i] = held[i] != NULL ? held[i]->serial : 0;
        }
        if (test_below(random, 8) == 0) {
            pp_thread_block(thread);
            sched_yield();
            pp_thread_unblock(thread);
        }
        for (int i = 0; i < SLOTS; i++)
            crew_check(c, held[i] == NULL || (is_whole(held[i]) && held[i]->serial == serials[i]));
        if (test_below(random, 4) == 0)
            pp_thread_checkpoint(thread);
        pp_thread_leave(thread);
    }
}

static void read_or_write(crew *c, int index)
{
    shelf *s = c->context;
    pp_thread *thread = self();
    uint64_t random = (uint64_t)index + 1;
    if (index < WRITERS)
        write_slots(s, thread, &random);
    else
        read_slots(c, s, thread, &random);
}

static void no_reader_sees_reused_memory(void **state)
{
    (void)state;
    static shelf s;
    drain();
    int64_t before = live(), freed = atomic_load(&fake_heap_freed);
    atomic_store(&s.writing, WRITERS);
    crew_run(READERS + WRITERS, read_or_write, &s);
    drain();
    assert_true(live() == before + SLOTS);
    assert_true(atomic_load(&fake_heap_freed) - freed >= WRITERS * CHANGES - SLOTS);
    pp_thread_enter(self());
    for (int i = 0; i < SLOTS; i++)
        pp_heap_free(self(), atomic_load(&s.slots[i]), sizeof(block));
    pp_thread_leave(self());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ones_own_scope_counts),
        cmocka_unit_test(nothing_piles_up),
        cmocka_unit_test(a_reader_that_stays_delays_only_what_came_after_it),
        cmocka_unit_test(what_idle_and_ended_threads_retired_goes),
        cmocka_unit_test(no_reader_sees_reused_memory),
        cmocka_unit_test(without_memory_for_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
