/* What the headers promise to threads: different objects are independent, and one input
 * may be read by many. Worth most under ThreadSanitizer.
 *
 * This must be a program of its own, whose threads make the very first calls: the
 * choice of the UTF-8 functions happens then. */
#include "test.h"

#include <pthread.h>

#include "parapack/parapack.h"

enum { THREADS = 8, ROUNDS = 50 };

static const char text[] =
    "many threads, one text: \xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x8d, and so on";

typedef struct job {
    pthread_barrier_t *barrier;
    const pp_buffer *shared; /* read by all */
    bool good;
} job;

static bool read_shared(const pp_buffer *shared)
{
    pp_reader r;
    pp_reader_init(&r, shared->data, shared->size, PP_MAX_DEPTH, PP_CHECK_UTF8);
    size_t n = pp_read_array(&r);
    for (size_t i = 0; i < n && r.status == PP_OK; i++) {
        pp_view view = pp_read_str(&r);
        if (view.size != sizeof text - 1)
            return false;
    }
    pp_read_end(&r);
    return n == ROUNDS && pp_reader_finish(&r) == PP_OK;
}

static bool write_own(const pp_buffer *expected)
{
    pp_buffer buffer;
    pp_writer w;
    pp_buffer_init(&buffer, NULL);
    pp_writer_init_buffer(&w, &buffer);
    pp_write_array(&w, ROUNDS);
    for (int i = 0; i < ROUNDS; i++)
        pp_write_str(&w, text, sizeof text - 1);
    bool good = pp_writer_finish(&w, NULL) == PP_OK && buffer.size == expected->size &&
                memcmp(buffer.data, expected->data, buffer.size) == 0;
    pp_buffer_deinit(&buffer);
    return good;
}

static void *work(void *argument)
{
    job *j = argument;
    pp_utf8_info info;
    pthread_barrier_wait(j->barrier);
    j->good = pp_utf8_scan((const uint8_t *)text, sizeof text - 1, &info) == PP_OK &&
              info.max_code_point_class == 0x10ffff;
    for (int i = 0; i < ROUNDS; i++)
        j->good = j->good && read_shared(j->shared) && write_own(j->shared);
    return NULL;
}

static void first_calls_at_the_same_time(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    job jobs[THREADS];
    pp_buffer shared;
    pp_writer w;
    pp_buffer_init(&shared, NULL);
    pp_writer_init_buffer(&w, &shared);
    pp_write_array(&w, ROUNDS);
    for (int i = 0; i < ROUNDS; i++)
        pp_write_str(&w, text, sizeof text - 1);
    assert_status(PP_OK, pp_writer_finish(&w, NULL));

    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){&barrier, &shared, false};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(jobs[i].good);
    }
    pthread_barrier_destroy(&barrier);
    pp_buffer_deinit(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_calls_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
