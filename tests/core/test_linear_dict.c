/* Histories of dicts and sets under threads, checked for linearizability. */
#include "linear.h"
#include "nodes.h"
#include "values.h"

#include "parapack/dict.h"
#include "parapack/set.h"

/* Few keys, so that operations meet; of different kinds. */
enum { KEYS = 4 };

static pp_key key_of(int64_t number, key_text *text)
{
    static const int64_t numbers[KEYS] = {0, 1, 2,
                                          7}; /* an int, a long str, a short one, a long one */
    return key_numbered(numbers[number], text);
}

static int64_t index_of(pp_value key)
{
    int64_t number = key_number(key);
    return number == 7 ? 3 : number;
}

/* ---- what a dict is: pairs in order of insertion ------------------------------------ */

typedef struct model {
    uint32_t count;
    struct pair {
        uint16_t key, value; /* no value is 0 */
    } pairs[KEYS];
} model;

static struct pair *find(model *m, int64_t key)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->pairs[i].key == key)
            return &m->pairs[i];
    return NULL;
}

static uint64_t value_in(model *m, int64_t key)
{
    struct pair *p = find(m, key);
    return p == NULL ? 0 : p->value;
}

static void put(model *m, int64_t key, uint64_t value)
{
    struct pair *p = find(m, key);
    if (p == NULL)
        p = &m->pairs[m->count++];
    *p = (struct pair){(uint16_t)key, (uint16_t)value};
}

static uint64_t take(model *m, int64_t key)
{
    struct pair *p = find(m, key);
    if (p == NULL)
        return 0;
    uint64_t value = p->value;
    struct pair *last = &m->pairs[--m->count];
    memmove(p, p + 1, (size_t)(last - p) * sizeof *p);
    *last = (struct pair){0};
    return value;
}

/* All of it in one word. */
static uint64_t pack(const model *m)
{
    uint64_t packed = m->count;
    for (uint32_t i = 0; i < m->count; i++)
        packed = packed << 15 | (uint64_t)m->pairs[i].key << 13 | m->pairs[i].value;
    return packed;
}

enum { GET, SET, SETDEFAULT, POP, POP_LAST, CAS, ADD, COUNT, CLEAR, SNAPSHOT, CODES };
static const char *const codes[] = {"get", "set", "setdefault", "pop",   "pop_last",
                                    "cas", "add", "count",      "clear", "snapshot"};
#define NOT_A_NUMBER UINT64_MAX

/* cas(key a, expected b) puts b + 8. */
static uint64_t cas_model(model *m, const linear_op *op)
{
    if (value_in(m, op->a) != (uint64_t)op->b)
        return 0;
    put(m, op->a, (uint64_t)op->b + 8);
    return 1;
}

static uint64_t add_model(model *m, const linear_op *op)
{
    uint64_t value = value_in(m, op->a);
    if (value % 2 != 0)
        return NOT_A_NUMBER;
    put(m, op->a, value + (uint64_t)op->b);
    return value + (uint64_t)op->b;
}

static uint64_t setdefault_model(model *m, const linear_op *op)
{
    if (find(m, op->a) == NULL)
        put(m, op->a, (uint64_t)op->b);
    return value_in(m, op->a);
}

static bool step(void *state, const linear_op *op)
{
    model *m = state;
    uint64_t result = 0;
    switch (op->code) {
    case GET:
        result = value_in(m, op->a);
        break;
    case SET:
        put(m, op->a, (uint64_t)op->b);
        break;
    case SETDEFAULT:
        result = setdefault_model(m, op);
        break;
    case POP:
        result = take(m, op->a);
        break;
    case POP_LAST:
        if (m->count != 0)
            result = (uint64_t)m->pairs[m->count - 1].key << 16 | m->pairs[m->count - 1].value;
        if (m->count != 0)
            take(m, m->pairs[m->count - 1].key);
        break;
    case CAS:
        result = cas_model(m, op);
        break;
    case ADD:
        result = add_model(m, op);
        break;
    case COUNT:
        result = m->count;
        break;
    case CLEAR:
        *m = (model){0};
        break;
    case SNAPSHOT:
        result = pack(m);
        break;
    default:
        abort();
    }
    return result == op->result;
}

static const linear_spec dict_spec = {"dict", codes, sizeof(model), step};

/* ---- doing it ------------------------------------------------------------------------- */

static uint64_t number_or_0(pp_value value)
{
    int64_t number = value_number(value);
    return number < 0 ? 0 : (uint64_t)number;
}

static void require(pp_status status)
{
    if (status == PP_OK)
        return;
    fprintf(stderr, "%s\n", pp_status_name(status));
    abort();
}

static void *make_dict(pp_thread *self)
{
    pp_dict *dict;
    require(pp_dict_new(self, 0, &dict));
    return dict;
}

static void drop_dict(pp_thread *self, void *object)
{
    pp_release(self, pp_dict_object(object));
}

static void choose_dict(linear_op *op, uint64_t *random, unsigned serial)
{
    /* Reads and what they may miss: removals, insertions, everything at once. */
    static const uint8_t mix[] = {GET, GET, GET, GET, SET,   SET,   SET,   SETDEFAULT, POP,
                                  POP, POP, CAS, ADD, COUNT, COUNT, CLEAR, POP_LAST,   SNAPSHOT};
    op->code = mix[test_below(random, sizeof mix)];
    op->a = (int64_t)test_below(random, KEYS);
    op->b = (int64_t)serial * 16 + (int64_t)test_below(random, 2);
    if (op->code == ADD)
        op->b = 2;
}

static uint64_t pop_last_dict(pp_thread *self, pp_dict *dict)
{
    pp_value key, value;
    require(pp_dict_pop_last(self, dict, &key, &value));
    if (key.word == 0)
        return 0;
    uint64_t result = (uint64_t)index_of(key) << 16 | number_or_0(value);
    pp_value_release(self, key);
    pp_value_release(self, value);
    return result;
}

static uint64_t snapshot_dict(pp_thread *self, pp_dict *dict)
{
    pp_values all;
    model m = {0};
    require(pp_dict_snapshot(self, dict, PP_DICT_ITEMS, &all));
    if (all.count > 2 * KEYS)
        abort();
    for (size_t i = 0; i < all.count; i += 2)
        m.pairs[m.count++] = (struct pair){(uint16_t)index_of(all.items[i]),
                                           (uint16_t)value_number(all.items[i + 1])};
    pp_values_release(self, &all);
    return pack(&m);
}

/* Expects what it sees first, so that it often succeeds and often is too late. */
static uint64_t cas_dict(pp_thread *self, pp_dict *dict, const pp_key *key, linear_op *op)
{
    bool swapped;
    pp_value seen = pp_dict_get(self, dict, key);
    op->b = (int64_t)number_or_0(seen);
    require(pp_dict_compare_and_set(self, dict, key, seen, value_numbered(op->b + 8), &swapped));
    return swapped;
}

static uint64_t add_dict(pp_thread *self, pp_dict *dict, const pp_key *key, int64_t delta)
{
    pp_value sum;
    pp_status status = pp_dict_add(self, dict, key, value_int(delta), &sum);
    if (status == PP_ERR_TYPE)
        return NOT_A_NUMBER;
    require(status);
    return number_or_0(sum);
}

static void run_dict(pp_thread *self, void *object, linear_op *op)
{
    pp_dict *dict = object;
    key_text text;
    pp_key key = key_of(op->a, &text);
    pp_value value;
    bool was_there;
    switch (op->code) {
    case GET:
        op->result = number_or_0(pp_dict_get(self, dict, &key));
        break;
    case SET:
        require(pp_dict_set(self, dict, &key, value_numbered(op->b)));
        break;
    case SETDEFAULT:
        require(pp_dict_setdefault(self, dict, &key, value_numbered(op->b), &value, &was_there));
        op->result = number_or_0(value);
        break;
    case POP:
        require(pp_dict_pop(self, dict, &key, &value));
        op->result = number_or_0(value);
        pp_value_release(self, value);
        break;
    case POP_LAST:
        op->result = pop_last_dict(self, dict);
        break;
    case CAS:
        op->result = cas_dict(self, dict, &key, op);
        break;
    case ADD:
        op->result = add_dict(self, dict, &key, op->b);
        break;
    case COUNT:
        op->result = pp_dict_count(dict);
        break;
    case CLEAR:
        require(pp_dict_clear(self, dict));
        break;
    default:
        op->result = snapshot_dict(self, dict);
    }
}

static const linear_target dict_target = {&dict_spec, make_dict, drop_dict, choose_dict, run_dict};

/* ---- a set: a dict whose values are 1 ----------------------------------------------------- */

enum { HAS, INSERT, REMOVE, POP_MEMBER, SET_COUNT, SET_CLEAR, MEMBERS };
static const char *const set_codes[] = {"has", "add", "remove", "pop", "count", "clear", "members"};

static bool set_step(void *state, const linear_op *op)
{
    model *m = state;
    uint64_t result = 0;
    switch (op->code) {
    case HAS:
        result = value_in(m, op->a);
        break;
    case INSERT:
        result = find(m, op->a) == NULL;
        put(m, op->a, 1);
        break;
    case REMOVE:
        result = take(m, op->a);
        break;
    case POP_MEMBER:
        if (m->count != 0)
            result = m->pairs[m->count - 1].key + 1u;
        if (m->count != 0)
            take(m, m->pairs[m->count - 1].key);
        break;
    case SET_COUNT:
        result = m->count;
        break;
    case SET_CLEAR:
        *m = (model){0};
        break;
    default:
        result = pack(m);
    }
    return result == op->result;
}

static const linear_spec set_spec = {"set", set_codes, sizeof(model), set_step};

static void *make_set(pp_thread *self)
{
    pp_set *set;
    require(pp_set_new(self, 0, &set));
    return set;
}

static void drop_set(pp_thread *self, void *object)
{
    pp_release(self, pp_set_object(object));
}

static void choose_set(linear_op *op, uint64_t *random, unsigned serial)
{
    static const uint8_t mix[] = {HAS,       HAS,       HAS,     HAS,      INSERT,
                                  INSERT,    INSERT,    REMOVE,  REMOVE,   POP_MEMBER,
                                  SET_COUNT, SET_COUNT, MEMBERS, SET_CLEAR};
    (void)serial;
    op->code = mix[test_below(random, sizeof mix)];
    op->a = (int64_t)test_below(random, KEYS);
}

static uint64_t members(pp_thread *self, pp_set *set)
{
    pp_values all;
    model m = {0};
    require(pp_set_snapshot(self, set, &all));
    if (all.count > KEYS)
        abort();
    for (size_t i = 0; i < all.count; i++)
        m.pairs[m.count++] = (struct pair){(uint16_t)index_of(all.items[i]), 1};
    pp_values_release(self, &all);
    return pack(&m);
}

static void run_set(pp_thread *self, void *object, linear_op *op)
{
    pp_set *set = object;
    key_text text;
    pp_key key = key_of(op->a, &text);
    pp_value member;
    bool changed;
    switch (op->code) {
    case HAS:
        op->result = pp_set_has(self, set, &key);
        break;
    case INSERT:
        require(pp_set_add(self, set, &key, &changed));
        op->result = changed;
        break;
    case REMOVE:
        require(pp_set_remove(self, set, &key, &changed));
        op->result = changed;
        break;
    case POP_MEMBER:
        require(pp_set_pop(self, set, &member));
        op->result = member.word == 0 ? 0 : (uint64_t)index_of(member) + 1;
        pp_value_release(self, member);
        break;
    case SET_COUNT:
        op->result = pp_set_count(set);
        break;
    case SET_CLEAR:
        require(pp_set_clear(self, set));
        break;
    default:
        op->result = members(self, set);
    }
}

static const linear_target set_target = {&set_spec, make_set, drop_set, choose_set, run_set};

/* ---- the tests ---------------------------------------------------------------------------------
 */

enum { ROUNDS = 1500 };

static void dicts(void **state)
{
    (void)state;
    linear_stress(&dict_target, 2, 24, ROUNDS, 1);
    linear_stress(&dict_target, 3, 12, ROUNDS, 2);
    linear_stress(&dict_target, 4, 8, ROUNDS, 3);
    assert_all_gone();
}

static void sets(void **state)
{
    (void)state;
    linear_stress(&set_target, 2, 24, ROUNDS, 4);
    linear_stress(&set_target, 3, 12, ROUNDS, 5);
    linear_stress(&set_target, 4, 8, ROUNDS, 6);
    assert_all_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dicts), cmocka_unit_test(sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
