/* Documents as objects: made, borrowed, dead while somebody reads. */
#include "test.h"

#include <pthread.h>

#include "documents.h"
#include "parapack/parapack.h"
#include "share/heap.h"
#include "share/object.h"

enum { PAIRS = 1000 };

static pp_doc *new_doc(pp_thread *thread, const pp_buffer *buffer)
{
    pp_doc *doc = NULL;
    assert_status(PP_OK, pp_doc_new(thread, buffer->data, buffer->size, &doc, NULL));
    return doc;
}

static bool has_key(const pp_doc *doc, size_t number)
{
    char text[32];
    pp_node value;
    pp_reader r;
    int n = snprintf(text, sizeof text, "key %zu", number);
    if (!pp_node_find_str(pp_tree_root(pp_doc_tree(doc)), text, (size_t)n, &value))
        return false;
    pp_node_read(value, &r);
    return pp_read_uint64(&r) == number && r.status == PP_OK;
}

static void made_and_released(void **state)
{
    (void)state;
    pp_thread *t = pp_thread_self();
    pp_buffer buffer = document_map(PAIRS);
    size_t size = buffer.size;
    pp_thread_enter(t);
    pp_doc *doc = new_doc(t, &buffer);
    pp_buffer_deinit(&buffer); /* the document has a copy */
    pp_object *object = pp_doc_object(doc);
    assert_ptr_equal(pp_object_doc(object), doc);
    assert_int_equal(pp_object_kind(object), PP_KIND_DOC);
    assert_int_equal(pp_doc_tree(doc)->size, size);
#ifndef PP_HOSTILE
    assert_true(pp_doc_memory(doc) < size + size / 10 + 100);
#endif
    assert_true(has_key(doc, 7) && has_key(doc, PAIRS - 1) && !has_key(doc, PAIRS));
    assert_true(pp_doc_memory(doc) < size + size / 10 + 100 + PAIRS * 16);
    pp_thread_leave(t);
    assert_true(has_key(doc, 8)); /* a counted reference is enough */
    pp_thread_enter(t);
    pp_retain(t, object);
    pp_release(t, object);
    pp_release(t, object);
    pp_thread_leave(t);
}

static void bad_bytes(void **state)
{
    (void)state;
    pp_thread *t = pp_thread_self();
    pp_doc *doc = (pp_doc *)&state;
    size_t where = 99;
    pp_thread_enter(t);
    assert_status(PP_ERR_UTF8, pp_doc_new(t, "\x92\x01\xa1\xff", 4, &doc, &where));
    assert_int_equal(where, 3);
    assert_status(PP_ERR_EOF, pp_doc_new(t, "", 0, &doc, &where));
    assert_ptr_equal(doc, &state);
    pp_thread_leave(t);
}

static void equal_by_what_they_say(void **state)
{
    (void)state;
    pp_thread *t = pp_thread_self();
    pp_doc *a, *b, *c;
    pp_thread_enter(t);
    assert_status(PP_OK, pp_doc_new(t, "\x92\x01\x02", 3, &a, NULL));
    assert_status(PP_OK, pp_doc_new(t, "\xdc\x00\x02\xcc\x01\x02", 6, &b, NULL));
    assert_status(PP_OK, pp_doc_new(t, "\x92\x01\x03", 3, &c, NULL));
    pp_value x = pp_object_value(pp_doc_object(a)), y = pp_object_value(pp_doc_object(b)),
             z = pp_object_value(pp_doc_object(c));
    assert_true(pp_value_equal(x, y));
    assert_false(pp_value_equal(x, z));
    pp_value_release(t, x);
    pp_value_release(t, y);
    pp_value_release(t, z);
    pp_thread_leave(t);
}

/* Each allocation of the heap fails once. */
static void no_memory(void **state)
{
    (void)state;
    pp_thread *t = pp_thread_self();
    pp_buffer buffer = document_map(PAIRS);
    pp_status status = PP_ERR_NOMEM;
    pp_thread_enter(t);
    for (int64_t n = 0; status == PP_ERR_NOMEM; n++) {
        pp_doc *doc = NULL;
        pp_heap_fail_after(n);
        status = pp_doc_new(t, buffer.data, buffer.size, &doc, NULL);
        pp_heap_fail_after(-1);
        if (status == PP_OK) {
            assert_true(n > 2);
            pp_heap_fail_after(0);
            assert_true(has_key(doc, 5)); /* walks: there is no memory for a table */
            pp_heap_fail_after(-1);
            assert_true(has_key(doc, 5));
            pp_release(t, pp_doc_object(doc));
        }
    }
    assert_status(PP_OK, status);
    pp_thread_leave(t);
    pp_buffer_deinit(&buffer);
}

/* A borrower reads, and makes tables, while and after the last reference is released. */
typedef struct borrowing {
    pthread_barrier_t barrier;
    pp_doc *doc;
    bool good;
} borrowing;

static void *borrow(void *argument)
{
    borrowing *b = argument;
    pp_thread *t = pp_thread_self();
    pp_thread_enter(t);
    pthread_barrier_wait(&b->barrier); /* borrowed */
    b->good = true;
    for (size_t i = 0; i < PAIRS; i++)
        b->good = b->good && has_key(b->doc, i);
    pthread_barrier_wait(&b->barrier); /* released by now */
    for (size_t i = 0; i < PAIRS; i += 50)
        b->good = b->good && has_key(b->doc, i);
    pp_thread_leave(t);
    return NULL;
}

static void dead_while_borrowed(void **state)
{
    (void)state;
    pp_thread *t = pp_thread_self();
    pp_buffer buffer = document_map(PAIRS);
    for (int round = 0; round < 10; round++) {
        borrowing b = {.good = false};
        pthread_t thread;
        assert_int_equal(pthread_barrier_init(&b.barrier, NULL, 2), 0);
        pp_thread_enter(t);
        b.doc = new_doc(t, &buffer);
        if (round % 2 == 0)
            assert_true(has_key(b.doc, 1)); /* there is a table already */
        pp_object_publish(t, pp_object_value(pp_doc_object(b.doc)));
        assert_int_equal(pthread_create(&thread, NULL, borrow, &b), 0);
        pthread_barrier_wait(&b.barrier);
        pp_release(t, pp_doc_object(b.doc));
        pp_thread_leave(t);
        pthread_barrier_wait(&b.barrier);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(b.good);
        pthread_barrier_destroy(&b.barrier);
    }
    pp_buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_released),      cmocka_unit_test(bad_bytes),
        cmocka_unit_test(equal_by_what_they_say), cmocka_unit_test(no_memory),
        cmocka_unit_test(dead_while_borrowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
