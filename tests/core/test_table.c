/* The hash table inside: sizes, slots, tombstones, tables that are replaced. */
#include "nodes.h"
#include "values.h"

#include "share/qsbr.h"
#include "share/table.h"

/* A table on its own, as a container's functions use it. */
typedef struct lone {
    pp_thread *self;
    pp_table_place place;
} lone;

static lone begin(void)
{
    lone t = {.self = test_thread()};
    pp_thread_enter(t.self);
    atomic_init(&t.place, pp_table_empty());
    return t;
}

static void clear(lone *t)
{
    pp_table_change change = {0};
    pp_table_clear(&t->place, &change);
    pp_table_change_end(t->self, &change);
}

static void end(lone *t)
{
    pp_table_check(pp_table_of(&t->place));
    clear(t);
    pp_thread_leave(t->self);
    assert_all_gone();
}

static void insert(lone *t, int64_t number)
{
    key_text text;
    pp_key key = key_numbered(number, &text);
    pp_value value = value_numbered(number);
    pp_table_change change = {0};
    assert_null(pp_table_find(pp_table_of(&t->place), &key));
    pp_object_publish(t->self, value);
    assert_status(PP_OK, pp_table_insert(t->self, &t->place, &key, value.word, &change));
    pp_table_change_end(t->self, &change);
}

static pp_table_entry *find(lone *t, int64_t number)
{
    key_text text;
    pp_key key = key_numbered(number, &text);
    pp_table_entry *entry = pp_table_find(pp_table_of(&t->place), &key);
    uint64_t word = pp_table_get(pp_table_of(&t->place), &key);
    assert_true(word == (entry == NULL ? 0 : pp_table_value(entry).word));
    return entry;
}

static void remove_entry(lone *t, pp_table_entry *entry)
{
    pp_table_change change = {0};
    uint64_t value = pp_table_remove(t->self, &t->place, entry, &change);
    assert_true(value != 0 && change.dropped == 0);
    pp_table_change_end(t->self, &change);
    pp_value_release(t->self, (pp_value){value});
}

static void the_empty_table(void **state)
{
    (void)state;
    lone t = begin();
    pp_table *table = pp_table_of(&t.place);
    assert_ptr_equal(table, pp_table_empty());
    assert_int_equal(pp_table_count(table), 0);
    assert_null(find(&t, 1));
    assert_null(pp_table_last(table));
    insert(&t, 1);
    assert_ptr_not_equal(pp_table_of(&t.place), table);
    remove_entry(&t, find(&t, 1));
    clear(&t);
    assert_ptr_equal(pp_table_of(&t.place), table);
    assert_int_equal(table->used, 0);
    end(&t);
}

static void capacity(void **state)
{
    (void)state;
    lone t = begin();
    for (size_t wanted = 1; wanted < 3000; wanted = wanted * 5 / 4 + 1) {
        pp_table *table = pp_table_new(t.self, wanted);
        assert_non_null(table);
        assert_in_range(table->limit, wanted, 3 * wanted + 8);
        assert_true(table->limit <= table->mask); /* a slot stays empty */
        assert_int_equal(table->mask & (table->mask + 1), 0);
        atomic_store(&t.place, table);
        for (size_t i = 0; i < wanted; i++)
            insert(&t, (int64_t)i);
#if !defined(PP_HOSTILE) /* which moves it */
        assert_ptr_equal(pp_table_of(&t.place), table);
#endif
        assert_int_equal(pp_table_count(pp_table_of(&t.place)), wanted);
        clear(&t);
    }
    assert_null(pp_table_new(t.self, SIZE_MAX));
    assert_null(pp_table_new(t.self, UINT32_MAX));
    end(&t);
}

/* An entry keeps its key for good, and who comes back gets a new one. */
static void entries_are_not_used_again(void **state)
{
    (void)state;
    lone t = begin();
    atomic_store(&t.place, pp_table_new(t.self, 1000));
    for (int i = 0; i < 10; i++)
        insert(&t, i);
    pp_table_entry *first = find(&t, 4);
#if !defined(PP_HOSTILE)
    uint64_t key = first->key;
    remove_entry(&t, first);
    insert(&t, 100);
    insert(&t, 4);
    assert_true(first->key == key && pp_table_is_missing(atomic_load(&first->value)));
    assert_int_equal(find(&t, 100) - first, 6);
    assert_int_equal(find(&t, 4) - first, 7);
#else
    remove_entry(&t, first);
    insert(&t, 4);
#endif
    assert_ptr_equal(pp_table_last(pp_table_of(&t.place)), find(&t, 4));
    end(&t);
}

/* Readers of the old table see what there was when it was replaced. */
static void old_tables_are_frozen(void **state)
{
    (void)state;
    lone t = begin();
    for (int i = 0; i < 50; i++)
        insert(&t, i);
    const pp_table *old = pp_table_of(&t.place);
    for (int i = 50; old == pp_table_of(&t.place); i++)
        insert(&t, i);
    size_t count = pp_table_count(old);
    uint32_t used = old->used;
    for (int i = 0; i < 50; i++)
        remove_entry(&t, find(&t, i));
    assert_true(pp_table_count(old) == count && old->used == used);
    key_text text;
    for (int i = 0; i < 50; i++) {
        pp_key key = key_numbered(i, &text);
        assert_int_equal(value_number((pp_value){pp_table_get(old, &key)}), i);
    }
    end(&t);
}

/* Memory follows what is in the table, in both directions. */
static void it_grows_and_shrinks(void **state)
{
    (void)state;
    lone t = begin();
    enum { N = 20000 };
    size_t replaced = 0;
    const pp_table *table = pp_table_of(&t.place);
    for (int i = 0; i < N; i++) {
        insert(&t, i);
        replaced += pp_table_of(&t.place) != table;
        table = pp_table_of(&t.place);
        assert_true(table->limit <= 4 * (size_t)i + 8);
        if (i % 1000 == 0)
            pp_thread_checkpoint(t.self);
    }
    for (int i = 0; i < N; i++) {
        remove_entry(&t, find(&t, i));
        if (i % 1000 == 0)
            pp_thread_checkpoint(t.self);
    }
    assert_true(pp_table_of(&t.place)->limit <= 32);
#if !defined(PP_HOSTILE)
    assert_in_range(replaced, 10, 16); /* doubled each time */
#endif
    end(&t);
}

/* Many insertions and removals in a table of steady size: its memory stays, replacing it is rare.
 */
static void churn_is_amortised(void **state)
{
    (void)state;
    lone t = begin();
    enum { LIVE = 1000, TURNS = 50000 };
    size_t replaced = 0;
    for (int i = 0; i < LIVE; i++)
        insert(&t, i);
    const pp_table *table = pp_table_of(&t.place);
    uint32_t limit = table->limit;
    for (int i = 0; i < TURNS; i++) {
        remove_entry(&t, find(&t, i));
        insert(&t, LIVE + i);
        replaced += pp_table_of(&t.place) != table;
        table = pp_table_of(&t.place);
        assert_true(table->limit <= 4 * limit);
        if (i % 1000 == 0)
            pp_thread_checkpoint(t.self);
    }
    assert_int_equal(pp_table_count(table), LIVE);
#if !defined(PP_HOSTILE)
    assert_in_range(replaced, TURNS / (4 * limit), 2 * TURNS / LIVE);
#endif
    end(&t);
}

/* The newest entry is found without passing the same tombstones again and again: a table of
 * a hundred thousand of them, and as many times "insert, pop, pop". */
static void the_newest_is_found_fast(void **state)
{
    (void)state;
    lone t = begin();
    enum { N = 100000 };
    atomic_store(&t.place, pp_table_new(t.self, 3 * N));
    for (int i = 0; i < N; i++)
        insert(&t, 6 * i); /* ints */
    for (int i = N / 2; i < N; i++)
        remove_entry(&t, find(&t, 6 * i));
    for (int i = 0; i < N / 2 - 1; i++) {
        insert(&t, 6 * (N + i));
        pp_table_entry *last = pp_table_last(pp_table_of(&t.place));
        assert_int_equal(key_number((pp_value){last->key}), 6 * (N + i));
        remove_entry(&t, last);
        last = pp_table_last(pp_table_of(&t.place));
        assert_int_equal(key_number((pp_value){last->key}), 6 * (N / 2 - 1 - i));
        remove_entry(&t, last);
        if (i % 1000 == 0)
            pp_thread_checkpoint(t.self);
    }
    assert_int_equal(pp_table_count(pp_table_of(&t.place)), 1);
    end(&t);
}

/* The count while a change is in progress: the entry tells whether it has happened. */
static void the_count_in_a_change(void **state)
{
    (void)state;
    lone t = begin();
    for (int i = 0; i < 3; i++)
        insert(&t, i);
    pp_table *table = pp_table_of(&t.place);
    pp_table_entry *entry = find(&t, 1);
    uint32_t number = (uint32_t)(entry - pp_table_entries(table)) + 1;
    uint64_t value = atomic_load(&entry->value);

    atomic_store(&table->count, UINT64_C(2) << 32 | number); /* an insertion that has happened */
    assert_int_equal(pp_table_count(table), 3);
    atomic_store(&entry->value, PP_TABLE_UNSET); /* that has not */
    assert_int_equal(pp_table_count(table), 2);
    atomic_store(&entry->value, PP_TABLE_TOMBSTONE(1)); /* long ago: the entry was removed since */
    assert_int_equal(pp_table_count(table), 3);
    atomic_store(&table->count, UINT64_C(3) << 32 | number | PP_TABLE_REMOVING);
    assert_int_equal(pp_table_count(table), 2);
    atomic_store(&entry->value, value); /* a removal that has not happened */
    assert_int_equal(pp_table_count(table), 3);
    atomic_store(&table->count, UINT64_C(3) << 32);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_empty_table),
        cmocka_unit_test(capacity),
        cmocka_unit_test(entries_are_not_used_again),
        cmocka_unit_test(old_tables_are_frozen),
        cmocka_unit_test(it_grows_and_shrinks),
        cmocka_unit_test(churn_is_amortised),
        cmocka_unit_test(the_newest_is_found_fast),
        cmocka_unit_test(the_count_in_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
