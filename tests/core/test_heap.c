/* The heap, whichever it is: blocks, walks, threads that come and go, failures. */
#include <sys/wait.h>
#include <unistd.h>

#include "crew.h"
#include "nodes.h"

/* Sizes around every border that either backend has. */
static const size_t SIZES[] = {1,     8,     15,    16,    17,    31,    32,    33,     64,
                               100,   127,   128,   129,   160,   161,   255,   256,    257,
                               500,   1000,  1024,  1025,  1264,  1265,  1280,  1281,   2047,
                               2048,  2049,  3000,  4080,  4081,  8176,  8177,  9344,   9345,
                               16352, 16353, 32688, 32689, 32704, 32705, 65536, 1000000};
enum { N_SIZES = sizeof SIZES / sizeof SIZES[0] };

static int64_t bytes_in_use(void)
{
    pp_stats stats;
    pp_stats_get(&stats);
    return (int64_t)stats.bytes;
}

/* ---- blocks ------------------------------------------------------------------ */

static void blocks_of_every_size(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    for (pp_heap_part part = PP_HEAP_CONTAINERS; part <= PP_HEAP_TABLES; part++) {
        uint8_t *blocks[N_SIZES][3];
        int64_t sum = 0;
        for (int i = 0; i < N_SIZES; i++)
            for (int j = 0; j < 3; j++) {
                uint8_t *block = blocks[i][j] = pp_heap_alloc(thread, part, SIZES[i]);
                assert_non_null(block);
                assert_int_equal((uintptr_t)block % 16, 0);
                for (size_t k = 0; k < 16 && k < SIZES[i]; k++)
                    assert_int_equal(block[k], 0);
                /* All but the kind, which stays none: a walk sees no object. */
                for (size_t k = 0; k < SIZES[i]; k++)
                    if (k != offsetof(pp_object, kind))
                        block[k] = (uint8_t)(i * 3 + j);
                sum += (int64_t)SIZES[i];
            }
        assert_int_equal(bytes_in_use(), sum);
        assert_true(pp_heap_reserved() >= (size_t)sum);
        for (int i = 0; i < N_SIZES; i++)
            for (int j = 0; j < 3; j++) {
                for (size_t k = 0; k < SIZES[i]; k++)
                    if (k != offsetof(pp_object, kind))
                        assert_int_equal(blocks[i][j][k], (uint8_t)(i * 3 + j));
                pp_heap_free(thread, blocks[i][j], SIZES[i]);
            }
        assert_int_equal(bytes_in_use(), 0);
    }
    pp_thread_leave(thread);
}

/* Random sizes and lives; each block's ends hold its number. */
static void many_blocks(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    enum { LIVE = 3000 };
    static struct {
        uint64_t *block;
        size_t words;
    } live[LIVE];
    uint64_t random = 42;
    for (uint64_t turn = 0; turn < 100000; turn++) {
        size_t i = test_below(&random, LIVE);
        if (live[i].block != NULL) {
            assert_int_equal(live[i].block[0], (uint64_t)i);
            assert_int_equal(live[i].block[live[i].words - 1], (uint64_t)i);
            pp_heap_free(thread, live[i].block, live[i].words * 8);
        }
        live[i].words = 3 + test_below(&random, 1 << test_below(&random, 9));
        live[i].block = pp_heap_alloc(thread, PP_HEAP_TABLES, live[i].words * 8);
        assert_non_null(live[i].block);
        live[i].block[0] = live[i].block[live[i].words - 1] = i;
    }
    for (size_t i = 0; i < LIVE; i++)
        if (live[i].block != NULL)
            pp_heap_free(thread, live[i].block, live[i].words * 8);
    assert_int_equal(bytes_in_use(), 0);
    pp_thread_leave(thread);
}

/* What is freed is used again: the heap does not grow by it. */
static void memory_is_reused(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    size_t reserved = 0;
    for (int round = 0; round < 50; round++) {
        void *blocks[500];
        for (int i = 0; i < 500; i++) {
            blocks[i] = pp_heap_alloc(thread, PP_HEAP_LEAVES, 200);
            assert_non_null(blocks[i]);
        }
        for (int i = 0; i < 500; i++)
            pp_heap_free(thread, blocks[i], 200);
        if (round == 1)
            reserved = pp_heap_reserved();
    }
    assert_true(pp_heap_reserved() <= reserved);
    pp_thread_leave(thread);
}

/* ---- walks --------------------------------------------------------------------- */

typedef struct seen {
    size_t count;
    size_t marked;
} seen;

static void see(void *context, pp_object *object)
{
    seen *s = context;
    s->count++;
    if (pp_object_kind(object) == PP_KIND_LIST)
        s->marked += node_of(object)->count;
}

static seen walk(pp_heap_part part)
{
    /* Not in a pause: no other thread exists. */
    seen s = {0, 0};
    pp_heap_walk(part, see, &s);
    return s;
}

/* Each live object is seen once, whatever its size; free blocks and tables are not. */
static void walks_see_what_lives(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    enum { N = 4000 };
    static pp_object *nodes[N];
    size_t sum = 0;
    for (size_t i = 0; i < N; i++) {
        nodes[i] = node_new(thread, i % 7 == 0 ? 5000 : i % 60);
        assert_non_null(nodes[i]);
        sum += node_of(nodes[i])->count;
    }
    void *table = pp_heap_alloc(thread, PP_HEAP_TABLES, 4096);
    memset(table, 0xff, 4096);
    pp_value value;
    assert_status(PP_OK, pp_bin(thread, nodes, 500, &value));
    seen s = walk(PP_HEAP_CONTAINERS);
    assert_int_equal(s.count, N);
    assert_int_equal(s.marked, sum);
    assert_int_equal(walk(PP_HEAP_LEAVES).count, 1);
    for (size_t i = 0; i < N; i++)
        if (i % 3 != 0) {
            sum -= node_of(nodes[i])->count;
            pp_release(thread, nodes[i]);
        }
    s = walk(PP_HEAP_CONTAINERS);
    assert_int_equal(s.count, (N + 2) / 3);
    assert_int_equal(s.marked, sum);
    for (size_t i = 0; i < N; i += 3)
        pp_release(thread, nodes[i]);
    pp_value_release(thread, value);
    pp_heap_free(thread, table, 4096);
    assert_int_equal(walk(PP_HEAP_CONTAINERS).count, 0);
    assert_int_equal(walk(PP_HEAP_LEAVES).count, 0);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* ---- threads --------------------------------------------------------------------- */

enum { CREW = 4, PER_THREAD = 2000 };

typedef struct heaps {
    pp_object *nodes[CREW][PER_THREAD];
    pthread_barrier_t barrier;
} heaps;

static void make_nodes(crew *c, int index)
{
    heaps *h = c->context;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    for (size_t i = 0; i < PER_THREAD; i++) {
        h->nodes[index][i] = node_new(thread, (i + (size_t)index) % 40);
        crew_check(c, h->nodes[index][i] != NULL);
    }
    pp_thread_leave(thread);
}

/* Objects of threads that have ended are walked, freed by others, and their memory used again. */
static void threads_end(void **state)
{
    (void)state;
    static heaps h;
    pp_thread *thread = test_thread();
    size_t reserved = 0;
    for (int round = 0; round < 20; round++) {
        crew_run(CREW, make_nodes, &h);
        pp_thread_enter(thread);
        assert_int_equal(walk(PP_HEAP_CONTAINERS).count, CREW * PER_THREAD);
        for (int i = 0; i < CREW; i++)
            for (int j = 0; j < PER_THREAD; j++) {
                assert_int_equal(pp_object_kind(h.nodes[i][j]), PP_KIND_LIST);
                pp_release(thread, h.nodes[i][j]);
            }
        assert_int_equal(walk(PP_HEAP_CONTAINERS).count, 0);
        pp_thread_leave(thread);
        assert_all_gone();
        if (round == 2)
            reserved = pp_heap_reserved();
    }
    assert_true(pp_heap_reserved() <= reserved + reserved / 2);
}

/* Each thread frees what the next one has allocated, while that one allocates. */
static void pass_around(crew *c, int index)
{
    heaps *h = c->context;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < PER_THREAD; i++) {
            uint64_t *block = pp_heap_alloc(thread, PP_HEAP_TABLES, 64);
            crew_check(c, block != NULL && block[0] == 0 && block[1] == 0);
            for (int j = 2; j < 8; j++)
                block[j] = i;
            h->nodes[index][i] = (pp_object *)(void *)block;
        }
        pthread_barrier_wait(&h->barrier);
        for (size_t i = 0; i < PER_THREAD; i++) {
            uint64_t *block = (void *)h->nodes[(index + 1) % CREW][i];
            for (int j = 2; j < 8; j++)
                crew_check(c, block[j] == i);
            pp_heap_free(thread, block, 64);
            if (i % 2 == 0) { /* and allocates in between */
                void *own = pp_heap_alloc(thread, PP_HEAP_TABLES, 64);
                crew_check(c, own != NULL);
                pp_heap_free(thread, own, 64);
            }
        }
        pthread_barrier_wait(&h->barrier);
    }
    pp_thread_leave(thread);
}

static void blocks_go_home(void **state)
{
    (void)state;
    static heaps h;
    pthread_barrier_init(&h.barrier, NULL, CREW);
    crew_run(CREW, pass_around, &h);
    assert_all_gone();
}

/* Threads end with objects that another frees at the same moment. */
static void make_or_free(crew *c, int index)
{
    heaps *h = c->context;
    pp_thread *thread = test_thread();
    if (index > 0) {
        pp_thread_enter(thread);
        for (size_t i = 0; i < PER_THREAD; i++)
            h->nodes[index][i] = node_new(thread, i % 5);
        pp_thread_leave(thread);
        pthread_barrier_wait(&h->barrier);
        return;
    }
    pthread_barrier_wait(&h->barrier);
    for (size_t i = 0; i < PER_THREAD; i++) {
        pp_thread_enter(thread);
        for (int j = 1; j < CREW; j++)
            pp_release(thread, h->nodes[j][PER_THREAD - 1 - i]);
        pp_thread_leave(thread);
    }
}

static void threads_end_while_others_free(void **state)
{
    (void)state;
    static heaps h;
    for (int round = 0; round < 20; round++) {
        pthread_barrier_init(&h.barrier, NULL, CREW);
        crew_run(CREW, make_or_free, &h);
        pthread_barrier_destroy(&h.barrier);
        assert_int_equal(walk(PP_HEAP_CONTAINERS).count, 0);
        assert_all_gone();
    }
}

/* ---- fork ------------------------------------------------------------------------ */

static void make_and_stay(crew *c, int index)
{
    heaps *h = c->context;
    make_nodes(c, index);
    pthread_barrier_wait(&h->barrier); /* all are made */
    pthread_barrier_wait(&h->barrier); /* the child has ended */
}

#if !defined(__SANITIZE_THREAD__) /* which allows no threads after a fork of several */
static void *take_over(void *context)
{
    heaps *h = context;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    for (int i = 0; i < PER_THREAD; i++) {
        pp_release(thread, h->nodes[0][i]);
        h->nodes[0][i] = node_new(thread, 1);
    }
    pp_thread_leave(thread);
    return NULL;
}
#endif

/* What the child can say: an exit status. */
static int in_child(heaps *h)
{
    pp_thread *thread = test_thread();
    if (walk(PP_HEAP_CONTAINERS).count != CREW * PER_THREAD)
        return 1;
#if !defined(__SANITIZE_THREAD__)
    for (int i = 0; i < 2; i++) {
        pthread_t new;
        if (pthread_create(&new, NULL, take_over, h) != 0 || pthread_join(new, NULL) != 0)
            return 2;
        if (walk(PP_HEAP_CONTAINERS).count != CREW * PER_THREAD)
            return 3;
    }
#endif
    pp_thread_enter(thread);
    for (int i = 0; i < CREW; i++)
        for (int j = 0; j < PER_THREAD; j++)
            pp_release(thread, h->nodes[i][j]);
    pp_thread_leave(thread);
    if (objects_alive() != 0 || walk(PP_HEAP_CONTAINERS).count != 0)
        return 4;
    return 0;
}

/* In the child the heaps of threads that are gone are still walked, freed from, taken over. */
static void forked_children_have_all_heaps(void **state)
{
    (void)state;
    static heaps h;
    crew c;
    (void)test_thread();
    pthread_barrier_init(&h.barrier, NULL, CREW + 1);
    crew_start(&c, CREW, make_and_stay, &h);
    pthread_barrier_wait(&h.barrier);
    pid_t child = fork();
    if (child == 0)
        _exit(in_child(&h));
    int status = -1;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    pthread_barrier_wait(&h.barrier);
    crew_join(&c);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    for (int i = 0; i < CREW; i++)
        for (int j = 0; j < PER_THREAD; j++)
            pp_release(thread, h.nodes[i][j]);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* ---- failures -------------------------------------------------------------------- */

static void failures_are_counted_down(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    for (int64_t n = 0; n < 5; n++) {
        pp_heap_fail_after(n);
        for (int64_t i = 0; i < 8; i++) {
            void *block = pp_heap_alloc(thread, PP_HEAP_TABLES, i % 2 == 0 ? 48 : 100000);
            assert_true((block == NULL) == (i == n)); /* once */
            if (block != NULL)
                pp_heap_free(thread, block, i % 2 == 0 ? 48 : 100000);
        }
    }
    pp_heap_fail_after(3);
    pp_heap_fail_after(-1);
    for (int i = 0; i < 8; i++) {
        void *block = pp_heap_alloc(thread, PP_HEAP_TABLES, 16);
        assert_non_null(block);
        pp_heap_free(thread, block, 16);
    }
    assert_null(
        pp_heap_alloc(thread, PP_HEAP_TABLES, SIZE_MAX / 2)); /* the system has not got that */
    assert_null(pp_heap_alloc(thread, PP_HEAP_TABLES, SIZE_MAX - 8));
    assert_int_equal(bytes_in_use(), 0);
    pp_thread_leave(thread);
}

static void no_record_without_a_heap(crew *c, int index)
{
    (void)index;
    crew_check(c, pp_thread_self() == NULL);
    crew_check(c, pp_thread_self() != NULL); /* failed once */
}

/* The first test: this thread's record is the only one, so the other thread needs a new heap. */
static void begins_fail_cleanly(void **state)
{
    (void)state;
    assert_null(pp_thread_list());
    (void)test_thread();
    pp_heap_fail_after(0);
    crew_run(1, no_record_without_a_heap, NULL);
    pp_heap_fail_after(-1);
}

static void named(void **state)
{
    (void)state;
    pp_stats stats;
    pp_stats_get(&stats);
    assert_string_equal(stats.heap, pp_heap_name());
    assert_string_equal(pp_heap_name(), PP_TEST_HEAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_fail_cleanly),
        cmocka_unit_test(named),
        cmocka_unit_test(blocks_of_every_size),
        cmocka_unit_test(many_blocks),
        cmocka_unit_test(memory_is_reused),
        cmocka_unit_test(walks_see_what_lives),
        cmocka_unit_test(threads_end),
        cmocka_unit_test(blocks_go_home),
        cmocka_unit_test(threads_end_while_others_free),
        cmocka_unit_test(forked_children_have_all_heaps),
        cmocka_unit_test(failures_are_counted_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
