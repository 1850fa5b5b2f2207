/* The writer's three kinds and its errors; what bytes it writes is in test_vectors.c. */
#include "test.h"

#include "parapack/reader.h"
#include "parapack/writer.h"

/* ---- an allocator that fails on purpose ---------------------------------------- */

typedef struct failing {
    size_t calls;    /* so far */
    size_t fail_at;  /* the call that fails, from 1; 0: none */
    bool fail_after; /* all later ones fail too */
    size_t held;     /* bytes allocated and not released */
} failing;

/* Always moves, so that a pointer kept too long is found. */
static void *failing_resize(void *context, void *block, size_t old_size, size_t new_size)
{
    failing *f = context;
    f->calls++;
    if (f->calls == f->fail_at || (f->fail_after && f->fail_at != 0 && f->calls > f->fail_at))
        return NULL;
    uint8_t *moved = test_block(new_size);
    if (block != NULL) {
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
        memset(block, 0xdd, old_size);
        free(block);
    }
    f->held += new_size - old_size;
    return moved;
}

static void failing_release(void *context, void *block, size_t size)
{
    failing *f = context;
    f->held -= size;
    free(block);
}

/* ---- one of everything --------------------------------------------------------- */

static void write_everything(pp_writer *w)
{
    static const char text[200] = "text";
    pp_write_array(w, 14);
    pp_write_nil(w);
    pp_write_bool(w, true);
    pp_write_uint(w, 70000);
    pp_write_int(w, -70000);
    pp_write_float(w, 0.5f);
    pp_write_double(w, 0.25);
    pp_write_str(w, text, 40);
    pp_write_bin(w, text, sizeof text);
    pp_write_raw(w, text, 40);
    pp_write_ext(w, 3, text, 16);
    pp_write_timestamp(w, (pp_timestamp){1, 1});
    pp_write_map(w, 0);
    pp_write_str_header(w, 3);
    pp_write_bytes(w, "abc", 3);
    pp_write_ext_header(w, 9, 2);
    pp_write_bytes(w, "xy", 2);
}

/* What write_everything writes, in a buffer the caller frees. */
static pp_buffer everything(void)
{
    pp_buffer buffer;
    pp_writer w;
    pp_buffer_init(&buffer, NULL);
    pp_writer_init_buffer(&w, &buffer);
    write_everything(&w);
    assert_status(PP_OK, pp_writer_finish(&w, NULL));
    return buffer;
}

/* ---- fixed ---------------------------------------------------------------------- */

/* In every array too small there are whole values only, and then nothing. */
static void fixed_array_of_every_size(void **state)
{
    (void)state;
    pp_buffer expected = everything();
    for (size_t capacity = 0; capacity <= expected.size; capacity++) {
        uint8_t *data = test_block(capacity);
        uint64_t written;
        pp_writer w;
        pp_writer_init_fixed(&w, data, capacity);
        write_everything(&w);
        pp_status status = pp_writer_finish(&w, &written);
        assert_status(capacity < expected.size ? PP_ERR_FULL : PP_OK, status);
        assert_true(written <= capacity);
        if (written > 0)
            assert_memory_equal(data, expected.data, written);
        pp_write_nil(&w); /* even where there is a byte of room */
        if (status != PP_OK) {
            uint64_t again;
            assert_status(PP_ERR_FULL, pp_writer_finish(&w, &again));
            assert_int_equal(again, written);
        }
        free(data);
    }
    pp_buffer_deinit(&expected);
}

static void the_first_error_stays(void **state)
{
    (void)state;
    pp_writer w;
    pp_writer_init_fixed(&w, NULL, 0);
    pp_writer_fail(&w, PP_ERR_UTF8);
    pp_write_nil(&w);
    pp_writer_fail(&w, PP_ERR_NOMEM);
    assert_status(PP_ERR_UTF8, pp_writer_finish(&w, NULL));
}

static void what_cannot_be_written(void **state)
{
    (void)state;
    uint8_t data[64];
    pp_writer w;
#if SIZE_MAX > UINT32_MAX
    volatile size_t too_long = (size_t)UINT32_MAX + 1; /* else gcc warns of what is tested */
    for (int kind = 0; kind < 5; kind++) {
        pp_writer_init_fixed(&w, data, sizeof data);
        if (kind == 0)
            pp_write_array(&w, too_long);
        else if (kind == 1)
            pp_write_map(&w, too_long);
        else if (kind == 2)
            pp_write_str(&w, "", too_long);
        else if (kind == 3)
            pp_write_bin_header(&w, too_long);
        else
            pp_write_ext(&w, 1, data, too_long);
        assert_status(PP_ERR_TOO_LONG, w.status);
    }
#endif
    pp_writer_init_fixed(&w, data, sizeof data);
    pp_write_timestamp(&w, (pp_timestamp){0, 1000000000});
    assert_status(PP_ERR_TIMESTAMP, w.status);
    assert_ptr_equal(w.cursor, data);
}

static void nothing_from_nowhere(void **state)
{
    (void)state;
    uint8_t data[64];
    uint64_t size;
    pp_writer w;
    pp_writer_init_fixed(&w, data, sizeof data);
    pp_write_str(&w, NULL, 0);
    pp_write_bin(&w, NULL, 0);
    pp_write_bytes(&w, NULL, 0);
    pp_write_ext(&w, 1, NULL, 0);
    assert_status(PP_OK, pp_writer_finish(&w, &size));
    const uint8_t expected[] = {0xa0, 0xc4, 0, 0xc7, 0, 1};
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(data, expected, sizeof expected);
}

/* ---- buffer --------------------------------------------------------------------- */

static void every_allocation_fails_once(void **state)
{
    (void)state;
    pp_buffer expected = everything();
    for (int after = 0; after < 2; after++) {
        bool failed = true;
        for (size_t n = 1; failed; n++) {
            failing f = {0, n, after != 0, 0};
            const pp_allocator allocator = {failing_resize, failing_release, &f};
            pp_buffer buffer;
            pp_writer w;
            pp_buffer_init(&buffer, &allocator);
            assert_status(n == 1 ? PP_ERR_NOMEM : PP_OK, pp_buffer_reserve(&buffer, 1));
            pp_writer_init_buffer(&w, &buffer);
            write_everything(&w);
            pp_status status = pp_writer_finish(&w, NULL);
            failed = f.calls >= n;
            if (!failed || n == 1)
                assert_status(n == 1 && after ? PP_ERR_NOMEM : PP_OK, status);
            else
                assert_status(PP_ERR_NOMEM, status);
            assert_true(buffer.size <= expected.size);
            if (buffer.size > 0)
                assert_memory_equal(buffer.data, expected.data, buffer.size);
            assert_int_equal(f.held, buffer.capacity);
            pp_buffer_deinit(&buffer);
            assert_int_equal(f.held, 0);
        }
    }
    pp_buffer_deinit(&expected);
}

static void appends_to_what_is_there(void **state)
{
    (void)state;
    failing f = {0};
    const pp_allocator allocator = {failing_resize, failing_release, &f};
    pp_buffer buffer;
    pp_writer w;
    uint64_t size;
    pp_buffer_init(&buffer, &allocator);
    assert_status(PP_OK, pp_buffer_append(&buffer, "head", 4));
    pp_writer_init_buffer(&w, &buffer);
    for (int i = 0; i < 1000; i++)
        pp_write_uint(&w, 1000);
    assert_status(PP_OK, pp_writer_finish(&w, &size));
    assert_int_equal(size, 3000);
    assert_int_equal(buffer.size, 3004);
    assert_memory_equal(buffer.data, "head\xcd\x03\xe8", 7);
#ifndef PP_HOSTILE
    assert_true(f.calls < 12); /* it doubles */
#endif
    pp_buffer_deinit(&buffer);
}

/* ---- sink ----------------------------------------------------------------------- */

typedef struct collector {
    pp_buffer buffer;
    size_t calls;
    size_t fail_at; /* the call that fails, from 1; 0: none */
} collector;

static bool collect(void *context, const uint8_t *data, size_t size)
{
    collector *c = context;
    assert_true(size > 0);
    if (++c->calls == c->fail_at)
        return false;
    return pp_buffer_append(&c->buffer, data, size) == PP_OK;
}

static void sink_with_every_capacity(void **state)
{
    (void)state;
    pp_buffer expected = everything();
    for (size_t capacity = 16; capacity <= expected.size + 1; capacity++) {
        uint8_t *room = test_block(capacity);
        uint64_t size;
        collector c = {.calls = 0};
        pp_writer w;
        pp_buffer_init(&c.buffer, NULL);
        pp_writer_init_sink(&w, room, capacity, collect, &c);
        write_everything(&w);
        assert_status(PP_OK, pp_writer_finish(&w, &size));
        assert_int_equal(size, expected.size);
        assert_int_equal(c.buffer.size, expected.size);
        assert_memory_equal(c.buffer.data, expected.data, expected.size);
        pp_buffer_deinit(&c.buffer);
        free(room);
    }
    pp_buffer_deinit(&expected);
}

static void sink_fails_at_every_call(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        uint8_t room[24];
        uint64_t size;
        collector c = {.fail_at = n};
        pp_writer w;
        pp_buffer_init(&c.buffer, NULL);
        pp_writer_init_sink(&w, room, sizeof room, collect, &c);
        write_everything(&w);
        pp_status status = pp_writer_finish(&w, &size);
        failed = c.calls >= n;
        assert_status(failed ? PP_ERR_SINK : PP_OK, status);
        assert_int_equal(size, c.buffer.size);
        assert_int_equal(c.calls, failed ? n : n - 1); /* not called again */
        pp_buffer_deinit(&c.buffer);
    }
}

static void sink_needs_room(void **state)
{
    (void)state;
    uint8_t room[16];
    collector c = {.calls = 0};
    pp_writer w;
    pp_writer_init_sink(&w, room, 15, collect, &c);
    pp_write_nil(&w);
    assert_status(PP_ERR_ARGUMENT, pp_writer_finish(&w, NULL));
    assert_int_equal(c.calls, 0);
    pp_writer_init_sink(&w, room, 16, collect, &c);
    assert_true(pp_writer_reserve(&w, 16));
    assert_false(pp_writer_reserve(&w, 17));
    assert_status(PP_ERR_FULL, w.status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_array_of_every_size),
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(what_cannot_be_written),
        cmocka_unit_test(nothing_from_nowhere),
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(appends_to_what_is_there),
        cmocka_unit_test(sink_with_every_capacity),
        cmocka_unit_test(sink_fails_at_every_call),
        cmocka_unit_test(sink_needs_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
