/* Histories of lists under threads, checked for linearizability. */
#include "linear.h"
#include "nodes.h"
#include "values.h"

#include "parapack/list.h"

/* ---- what a list is ------------------------------------------------------------------- */

typedef struct model {
    uint8_t count;
    uint8_t items[LINEAR_STATE - 1]; /* 64 operations append two each at most */
} model;

enum { GET, SET, APPEND, EXTEND, POP, INSERT, CUT, REVERSE, CAS, REMOVE, COUNT, CLEAR, SNAPSHOT };
static const char *const codes[] = {"get",     "set", "append", "extend", "pop",   "insert",  "cut",
                                    "reverse", "cas", "remove", "count",  "clear", "snapshot"};
#define OUT_OF_RANGE UINT64_MAX

/* Items are numbers from 1 to 255; the first of two that extend appends is b, the second b + 128.
 */
enum { SECOND = 128 };

static int64_t position(const model *m, int64_t index)
{
    return index < 0 ? index + m->count : index;
}

static bool in_range(const model *m, int64_t index)
{
    return position(m, index) >= 0 && position(m, index) < m->count;
}

/* Replaces items from start to before stop by `count` others. */
static void replace(model *m, int64_t start, int64_t stop, const uint8_t *items, size_t count)
{
    model old = *m;
    start = start > m->count ? m->count : start;
    stop = stop > m->count ? m->count : stop < start ? start : stop;
    memset(m, 0, sizeof *m);
    memcpy(m->items, old.items, (size_t)start);
    if (count > 0)
        memcpy(m->items + start, items, count);
    memcpy(m->items + start + count, old.items + stop, (size_t)(old.count - stop));
    m->count = (uint8_t)((size_t)(old.count - (stop - start)) + count);
}

static void reverse(model *m)
{
    for (int i = 0, j = m->count - 1; i < j; i++, j--) {
        uint8_t item = m->items[i];
        m->items[i] = m->items[j];
        m->items[j] = item;
    }
}

static uint64_t hash_items(const uint8_t *items, size_t count)
{
    uint64_t hash = count + 1;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ items[i]) * UINT64_C(0x9e3779b97f4a7c15), hash ^= hash >> 32;
    return hash;
}

static uint64_t pop_model(model *m, int64_t index)
{
    if (!in_range(m, index))
        return OUT_OF_RANGE;
    int64_t at = position(m, index);
    uint64_t item = m->items[at];
    replace(m, at, at + 1, NULL, 0);
    return item;
}

static uint64_t remove_model(model *m, uint8_t item)
{
    const uint8_t *found = memchr(m->items, item, m->count);
    if (found == NULL)
        return 0;
    replace(m, found - m->items, found - m->items + 1, NULL, 0);
    return 1;
}

static uint64_t set_model(model *m, int64_t index, uint8_t item)
{
    if (!in_range(m, index))
        return OUT_OF_RANGE;
    m->items[position(m, index)] = item;
    return 0;
}

/* Where the list holds what result2 tells (0: nothing), it becomes b. */
static uint64_t cas_model(model *m, const linear_op *op)
{
    if (!in_range(m, op->a))
        return OUT_OF_RANGE;
    if (m->items[position(m, op->a)] != op->result2)
        return 0;
    m->items[position(m, op->a)] = (uint8_t)op->b;
    return 1;
}

static bool step(void *state, const linear_op *op)
{
    model *m = state;
    const uint8_t two[] = {(uint8_t)op->b, (uint8_t)(op->b + SECOND)};
    uint64_t result = 0;
    switch (op->code) {
    case GET:
        result = in_range(m, op->a) ? m->items[position(m, op->a)] : OUT_OF_RANGE;
        break;
    case SET:
        result = set_model(m, op->a, two[0]);
        break;
    case APPEND:
    case EXTEND:
        replace(m, m->count, m->count, two, op->code == APPEND ? 1 : 2);
        break;
    case POP:
        result = pop_model(m, op->a);
        break;
    case INSERT:
        replace(m, op->a, op->a, two, 1);
        break;
    case CUT:
        replace(m, op->a, op->a + 2, NULL, 0);
        break;
    case REVERSE:
        reverse(m);
        break;
    case CAS:
        result = cas_model(m, op);
        break;
    case REMOVE:
        result = remove_model(m, (uint8_t)op->b);
        break;
    case COUNT:
        result = m->count;
        break;
    case CLEAR:
        memset(m, 0, sizeof *m);
        break;
    default:
        result = hash_items(m->items, m->count);
    }
    return result == op->result;
}

static const linear_spec list_spec = {"list", codes, sizeof(model), step};

/* ---- doing it --------------------------------------------------------------------------- */

static void require(pp_status status)
{
    if (status == PP_OK)
        return;
    fprintf(stderr, "%s\n", pp_status_name(status));
    abort();
}

static void *make(pp_thread *self)
{
    pp_list *list;
    require(pp_list_new(self, 0, &list));
    return list;
}

static void drop(pp_thread *self, void *object)
{
    pp_release(self, pp_list_object(object));
}

static void choose(linear_op *op, uint64_t *random, unsigned serial)
{
    /* What happens at the end, and reads of it, above all. */
    static const uint8_t ends[] = {GET, GET, GET, APPEND, APPEND, EXTEND,
                                   POP, POP, SET, SET,    COUNT};
    static const uint8_t all[] = {GET,    GET,    GET,     GET,    COUNT,   SET, APPEND,
                                  APPEND, EXTEND, INSERT,  INSERT, POP,     CUT, CAS,
                                  CAS,    CLEAR,  REVERSE, REMOVE, SNAPSHOT};
    bool at_end = test_below(random, 4) != 0;
    op->code = at_end ? ends[test_below(random, sizeof ends)] : all[test_below(random, sizeof all)];
    op->b = serial;
    op->a = (int64_t)test_below(random, 4);
    if (op->code == POP && at_end)
        op->a = -1;
    else if (op->code != INSERT && op->code != CUT && test_below(random, 2) == 0)
        op->a = -op->a - 1;
    if (op->code == REMOVE)
        op->b = (int64_t)test_below(random, LINEAR_OPS) + 1;
}

static uint64_t item_or_range(pp_value value)
{
    return value.word == 0 ? OUT_OF_RANGE : (uint64_t)value_number(value);
}

static uint64_t ranged(pp_status status, uint64_t result)
{
    if (status == PP_ERR_RANGE)
        return OUT_OF_RANGE;
    require(status);
    return result;
}

static uint64_t pop(pp_thread *self, pp_list *list, int64_t index)
{
    pp_value value = PP_NO_VALUE;
    pp_status status = pp_list_pop(self, list, index, &value);
    uint64_t item = item_or_range(value);
    pp_value_release(self, value);
    return ranged(status, item);
}

static uint64_t cas(pp_thread *self, pp_list *list, linear_op *op)
{
    bool swapped = false;
    pp_value seen = pp_list_get(self, list, op->a);
    op->result2 = seen.word == 0 ? 0 : (uint64_t)value_number(seen);
    if (seen.word == 0)
        seen = pp_nil();
    pp_status status =
        pp_list_compare_and_set(self, list, op->a, seen, value_numbered(op->b), &swapped);
    return ranged(status, swapped);
}

static uint64_t snapshot(pp_thread *self, pp_list *list)
{
    pp_values all;
    uint8_t items[LINEAR_STATE];
    require(pp_list_snapshot(self, list, 0, INT64_MAX, &all));
    if (all.count > sizeof items)
        abort();
    size_t count = all.count;
    for (size_t i = 0; i < count; i++)
        items[i] = (uint8_t)value_number(all.items[i]);
    pp_values_release(self, &all);
    return hash_items(items, count);
}

static uint64_t remove_item(pp_thread *self, pp_list *list, int64_t number)
{
    bool removed;
    pp_value value = value_numbered(number);
    require(pp_list_remove(self, list, value, &removed));
    pp_value_release(self, value);
    return removed;
}

static void run(pp_thread *self, void *object, linear_op *op)
{
    pp_list *list = object;
    pp_value two[2];
    switch (op->code) {
    case GET:
        op->result = item_or_range(pp_list_get(self, list, op->a));
        break;
    case SET:
        op->result = ranged(pp_list_set(self, list, op->a, value_numbered(op->b)), 0);
        break;
    case APPEND:
        require(pp_list_append(self, list, value_numbered(op->b)));
        break;
    case EXTEND:
        two[0] = value_numbered(op->b);
        two[1] = value_numbered(op->b + SECOND);
        require(pp_list_extend(self, list, two, 2));
        break;
    case POP:
        op->result = pop(self, list, op->a);
        break;
    case INSERT:
        two[0] = value_numbered(op->b);
        require(pp_list_splice(self, list, op->a, op->a, two, 1));
        break;
    case CUT:
        require(pp_list_splice(self, list, op->a, op->a + 2, NULL, 0));
        break;
    case REVERSE:
        require(pp_list_reverse(self, list));
        break;
    case CAS:
        op->result = cas(self, list, op);
        break;
    case REMOVE:
        op->result = remove_item(self, list, op->b);
        break;
    case COUNT:
        op->result = pp_list_count(list);
        break;
    case CLEAR:
        require(pp_list_clear(self, list));
        break;
    default:
        op->result = snapshot(self, list);
    }
}

static const linear_target list_target = {&list_spec, make, drop, choose, run};

/* One thread appends and pops in turn, behind two items that stay; the others look at what comes
 * and goes. */
static void choose_at_tail(linear_op *op, uint64_t *random, unsigned serial)
{
    static const uint8_t looks[] = {GET, GET, GET, COUNT};
    op->b = serial;
    op->code = looks[test_below(random, sizeof looks)];
    op->a = op->code == GET && test_below(random, 4) == 0 ? -1 : 2;
    if (op->thread == 0) {
        op->code = serial > 2 && serial % 2 == 0 ? POP : APPEND;
        op->a = -1;
    }
}

static const linear_target tail_target = {&list_spec, make, drop, choose_at_tail, run};

enum { ROUNDS = 2000 };

static void lists(void **state)
{
    (void)state;
    linear_stress(&list_target, 2, 24, ROUNDS, 1);
    linear_stress(&list_target, 3, 12, ROUNDS, 2);
    linear_stress(&list_target, 4, 8, ROUNDS, 3);
    assert_all_gone();
}

static void tails(void **state)
{
    (void)state;
    linear_stress(&tail_target, 2, 32, 2 * ROUNDS, 4);
    linear_stress(&tail_target, 3, 16, ROUNDS, 5);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists), cmocka_unit_test(tails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
