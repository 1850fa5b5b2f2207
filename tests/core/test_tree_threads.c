/* One tree read by many threads that begin at the same time, so that they make its tables at the
 * same time. Worth most under ThreadSanitizer. */
#include "test.h"

#include <pthread.h>

#include "documents.h"

enum { THREADS = 6, ROUNDS = 30, PAIRS = 400, MAPS = 4 };

typedef struct job {
    pthread_barrier_t *barrier;
    pp_tree *tree; /* shared */
    bool good;
} job;

static bool look_up_all(const pp_tree *tree, size_t first)
{
    char text[32];
    pp_node map, value;
    for (size_t m = 0; m < MAPS; m++) {
        if (!pp_node_at(pp_tree_root(tree), (first + m) % MAPS, &map))
            return false;
        for (size_t i = 0; i < PAIRS; i += 7) {
            pp_reader r;
            int n = snprintf(text, sizeof text, "key %zu", i);
            if (!pp_node_find_str(map, text, (size_t)n, &value))
                return false;
            pp_node_read(value, &r);
            if (pp_read_uint64(&r) != i || r.status != PP_OK)
                return false;
        }
        if (pp_node_find_str(map, "key", 3, &value))
            return false;
    }
    return true;
}

static void *work(void *argument)
{
    job *j = argument;
    j->good = true;
    for (size_t round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(j->barrier); /* the tree is new */
        j->good = look_up_all(j->tree, round) && j->good;
        pthread_barrier_wait(j->barrier); /* nobody uses it */
    }
    return NULL;
}

static pp_buffer document(void)
{
    pp_buffer one = document_map(PAIRS), all;
    uint8_t header = 0x90 | MAPS;
    pp_buffer_init(&all, NULL);
    assert_status(PP_OK, pp_buffer_append(&all, &header, 1));
    for (size_t m = 0; m < MAPS; m++)
        assert_status(PP_OK, pp_buffer_append(&all, one.data, one.size));
    pp_buffer_deinit(&one);
    return all;
}

static void tables_made_by_several(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    job jobs[THREADS];
    pp_tree tree;
    size_t tables, first_tables = 0;
    pp_buffer buffer = document();
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){&barrier, &tree, false};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        assert_status(PP_OK, pp_tree_init(&tree, buffer.data, buffer.size, 8, NULL, NULL));
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        pp_tree_memory(&tree, NULL, &tables);
        assert_true(tables > 0 && (round == 0 || tables == first_tables));
        first_tables = tables;
        pp_tree_deinit(&tree);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(jobs[i].good);
    }
    pthread_barrier_destroy(&barrier);
    pp_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_made_by_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
