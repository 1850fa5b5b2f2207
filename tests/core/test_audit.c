/* The audit of counts: what it adds up, and that it aborts where a count does not tell the truth.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nodes.h"

#include "share/audit.h"
#include "share/pause.h"

static int64_t audit(pp_thread *thread)
{
    (void)pp_pause_begin(thread, 0);
    int64_t external = pp_audit();
    pp_pause_end(thread);
    return external;
}

static pp_value new_string(pp_thread *thread)
{
    pp_value value;
    assert_status(PP_OK, pp_str(thread, "a string that needs memory", 26, &value));
    return value;
}

/* ---- what is right ------------------------------------------------------------- */

static void references_of_programs(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    assert_int_equal(audit(thread), 0);
    pp_thread_enter(thread);
    pp_object *a = node_new(thread, 2), *b = node_new(thread, 2);
    pp_value string = new_string(thread);
    assert_int_equal(audit(thread), 3);
    node_set(thread, a, 0, pp_object_value(b));
    assert_int_equal(audit(thread), 2);
    pp_retain(thread, b);
    pp_retain(thread, b);
    assert_int_equal(audit(thread), 4);
    node_set(thread, b, 0, pp_object_value(b)); /* gives one of them away */
    assert_int_equal(audit(thread), 3);
    node_set(thread, b, 1, string);
    assert_int_equal(audit(thread), 2);
    pp_release(thread, a); /* b lives on, with its reference to itself */
    assert_int_equal(audit(thread), 1);
    node_set(thread, b, 0, PP_NO_VALUE);
    assert_int_equal(audit(thread), 1);
    pp_release(thread, b);
    assert_int_equal(audit(thread), 0);
    pp_thread_leave(thread);
    assert_all_gone();
}

static void deferred_and_immortal_ones(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *deferred = node_new(thread, 2);
    pp_object_defer(thread, deferred);
    assert_int_equal(pp_ref_total(deferred), 2);
    assert_int_equal(audit(thread), 1); /* without the collector's own */
    pp_retain(thread, deferred);
    node_set(thread, deferred, 0, pp_object_value(deferred));
    assert_int_equal(audit(thread), 1);
    pp_release(thread, deferred);
    assert_int_equal(audit(thread), 0);
    pp_thread_leave(thread);
    assert_int_equal(pp_collect(thread), 1);
    assert_all_gone();
}

static int checked;

static void count_check(const pp_object *object)
{
    checked += pp_object_kind(object) == PP_KIND_LIST;
}

static void tables_are_checked(void **state)
{
    (void)state;
    pp_thread *thread = test_thread();
    pp_thread_enter(thread);
    pp_object *nodes[10];
    for (int i = 0; i < 10; i++)
        nodes[i] = node_new(thread, 1);
    pp_object_type checking = node_type;
    checking.check = count_check;
    pp_object_type_set(&checking);
    checked = 0;
    assert_int_equal(audit(thread), 10);
    pp_object_type_set(&node_type);
    assert_int_equal(checked, 10);
    for (int i = 0; i < 10; i++)
        pp_release(thread, nodes[i]);
    pp_thread_leave(thread);
    assert_all_gone();
}

/* ---- what is wrong -------------------------------------------------------------- */

static void held_but_not_counted(pp_thread *thread)
{
    pp_object *a = node_new(thread, 2), *b = node_new(thread, 2);
    node_set(thread, a, 0, pp_object_value(b));
    node_set(thread, a, 1, pp_object_value(b)); /* without a count of its own */
}

static void leaf_not_counted(pp_thread *thread)
{
    pp_object *a = node_new(thread, 3);
    pp_value string = new_string(thread);
    for (size_t slot = 0; slot < 3; slot++)
        node_set(thread, a, slot, string);
}

static void held_but_dead(pp_thread *thread)
{
    pp_object *a = node_new(thread, 2), *b = node_new(thread, 2);
    node_set(thread, a, 0, pp_object_value(b));
    pp_ref_condemn(b);
}

static void link_left(pp_thread *thread)
{
    pp_object *a = node_new(thread, 2);
    a->link = a;
}

static void fail_check(const pp_object *object)
{
    fprintf(stderr, "no good: %d\n", pp_object_kind(object));
    abort();
}

static void bad_table(pp_thread *thread)
{
    static pp_object_type failing;
    failing = node_type;
    failing.check = fail_check;
    (void)!node_new(thread, 2);
    pp_object_type_set(&failing);
}

/* What an audit writes to stderr, in a child process that it aborts, after `plant` has done its
 * work. */
static void assert_aborts(void (*plant)(pp_thread *thread), const char *expected)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        pp_thread *thread = test_thread();
        pp_thread_enter(thread);
        plant(thread);
        pp_thread_leave(thread);
        (void)audit(thread);
        _exit(0);
    }
    close(ends[1]);
    char text[4096];
    size_t size = 0;
    for (ssize_t n;
         size < sizeof text - 1 && (n = read(ends[0], text + size, sizeof text - 1 - size)) > 0;)
        size += (size_t)n;
    text[size] = 0;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || strstr(text, expected) == NULL)
        fail_msg("expected an abort and \"%s\", not status %d and \"%s\"", expected, status, text);
}

static void wrong_counts_abort(void **state)
{
    (void)state;
    assert_aborts(held_but_not_counted, "1 references counted, 2 found");
    assert_aborts(leaf_not_counted, "1 references counted, 3 found");
    assert_aborts(held_but_dead, "is dead, but a live container refers to it");
    assert_aborts(link_left, "has a link left in its header");
    assert_aborts(bad_table, "no good: 11");
}

#if defined(PP_AUDIT)
static void plant_and_collect(pp_thread *thread)
{
    held_but_not_counted(thread);
    pp_thread_leave(thread);
    (void)pp_collect(thread);
    pp_thread_enter(thread);
}

static void every_collection_audits(void **state)
{
    (void)state;
    assert_aborts(plant_and_collect, "1 references counted, 2 found");
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_of_programs),
        cmocka_unit_test(deferred_and_immortal_ones),
        cmocka_unit_test(tables_are_checked),
        cmocka_unit_test(wrong_counts_abort),
#if defined(PP_AUDIT)
        cmocka_unit_test(every_collection_audits),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
