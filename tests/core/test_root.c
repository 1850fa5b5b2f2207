/* The dict that everybody finds. */
#include "crew.h"

#include "parapack/dict.h"

enum { THREADS = 8 };

static void ask_for_root(crew *c, int index)
{
    pp_thread *self = pp_thread_self();
    _Atomic(pp_dict *) *roots = c->context;
    pp_thread_enter(self);
    atomic_store(&roots[index], pp_root(self));
    pp_thread_leave(self);
}

/* Nobody has asked before. */
static void one_root_for_all(void **state)
{
    (void)state;
    _Atomic(pp_dict *) roots[THREADS] = {NULL};
    crew_run(THREADS, ask_for_root, roots);
    for (int i = 0; i < THREADS; i++) {
        assert_non_null(roots[i]);
        assert_ptr_equal(roots[i], roots[0]);
    }
}

static void it_is_an_immortal_dict(void **state)
{
    (void)state;
    pp_thread *self = pp_thread_self();
    pp_key key = pp_key_str("name", 4);
    pp_value popped;
    pp_thread_enter(self);
    pp_dict *root = pp_root(self);
    for (int i = 0; i < 3; i++)
        pp_release(self, pp_dict_object(root)); /* nothing happens */
    assert_status(PP_OK, pp_dict_set(self, root, &key, pp_nil()));
    assert_true(pp_dict_get(self, pp_root(self), &key).word == pp_nil().word);
    assert_status(PP_OK, pp_dict_pop(self, root, &key, &popped));
    assert_int_equal(pp_dict_count(root), 0);
    pp_thread_leave(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_root_for_all),
        cmocka_unit_test(it_is_an_immortal_dict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
