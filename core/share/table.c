#include "share/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "share/heap.h"
#include "share/qsbr.h"
#include "share/refcount.h"

#if defined(PP_HOSTILE)
enum { MIN_SLOTS = 2, MOVE_EVERY = 3, MOVE_BELOW = 100 };
#else
enum { MIN_SLOTS = 8 };
#endif

/* An entry's number and the bit beside it fit 32 bits. */
#define MAX_SLOTS (UINT32_C(1) << 31)

/* ---- blocks --------------------------------------------------------------------- */

static uint32_t limit_of(uint32_t slots)
{
    return (uint32_t)((uint64_t)slots * 2 / 3);
}

static size_t size_of(const pp_table *table)
{
    return sizeof *table + ((size_t)table->mask + 1) * sizeof(uint64_t) +
           (size_t)table->limit * sizeof(pp_table_entry);
}

pp_table *pp_table_empty(void)
{
    /* All zeros: one empty slot, no entries. */
    static struct {
        pp_table table;
        _Atomic uint64_t slot;
    } empty;
    return &empty.table;
}

static bool is_static(const pp_table *table)
{
    return table->limit == 0;
}

static uint32_t live_in(const pp_table *table)
{
    /* Relaxed: written under the lock, which the caller holds. */
    return (uint32_t)(atomic_load_explicit(&table->count, memory_order_relaxed) >> 32);
}

pp_table *pp_table_new(pp_thread *thread, size_t capacity)
{
    uint32_t slots = MIN_SLOTS;
    if (capacity > SIZE_MAX / 64) /* more than the address space, with slots and entries */
        return NULL;
    while (limit_of(slots) < capacity) {
        if (slots == MAX_SLOTS)
            return NULL;
        slots *= 2;
    }
    pp_table head = {.mask = slots - 1, .limit = limit_of(slots)};
    pp_table *table = pp_heap_alloc(thread, PP_HEAP_TABLES, size_of(&head));
    if (table == NULL)
        return NULL;
    table->mask = head.mask;
    table->limit = head.limit;
    atomic_init(&table->count, 0);
    table->used = 0;
    table->newest = 0;
    memset((void *)pp_table_slots(table), 0, (size_t)slots * sizeof(uint64_t));
    return table;
}

/* ---- building a table from another ------------------------------------------------ */

/* `to` gets the live entries of `from` in their order. Nobody else sees `to`. Relaxed: its
 * publication comes later, and `from` changes only under the lock. */
static void copy_entries(pp_table *to, const pp_table *from)
{
    pp_table_entry *entries = pp_table_entries(to);
    uint32_t position = 0, number = 0;
    for (const pp_table_entry *entry; (entry = pp_table_next(from, &position)) != NULL; number++) {
        entries[number].key = entry->key;
        atomic_init(&entries[number].value,
                    atomic_load_explicit(&entry->value, memory_order_relaxed));
    }
    to->used = to->newest = number;
    atomic_init(&to->count, (uint64_t)number << 32);
}

static void place_slot(pp_table *table, uint64_t hash, uint32_t number)
{
    _Atomic uint64_t *slots = pp_table_slots(table);
    uint32_t i = (uint32_t)hash & table->mask;
    while (atomic_load_explicit(&slots[i], memory_order_relaxed) != 0)
        i = (i + 1) & table->mask;
    atomic_init(&slots[i], hash << 32 | (number + 1));
}

/* `to` gets a slot for each live entry of `from`: the hash that the slot there has, and the entry's
 * new number. Going by slots, not by entries, reads and writes memory in order. `ranks`: for each
 * entry of `from`, how many live ones are before it; NULL where all are live. */
static void copy_slots(pp_table *to, const pp_table *from, const uint32_t *ranks)
{
    const _Atomic uint64_t *slots = pp_table_slots(from);
    const pp_table_entry *entries = pp_table_entries(from);
    for (uint64_t i = 0; i <= from->mask; i++) {
        uint64_t slot = atomic_load_explicit(&slots[i], memory_order_relaxed);
        if (slot == 0)
            continue;
        uint32_t number = (uint32_t)slot - 1;
        if (pp_table_is_missing(atomic_load_explicit(&entries[number].value, memory_order_relaxed)))
            continue;
        place_slot(to, slot >> 32, ranks == NULL ? number : ranks[number]);
    }
}

static void fill_ranks(uint32_t *ranks, const pp_table *table)
{
    uint32_t position = 0, rank = 0;
    while (pp_table_next(table, &position) != NULL)
        ranks[position - 1] = rank++;
}

/* `to`, which is new and has room for it, gets what `from` has. False: no memory. */
static bool fill(pp_thread *thread, pp_table *to, const pp_table *from)
{
    uint32_t *ranks = NULL;
    size_t ranks_size = from->used * sizeof *ranks;
    if (live_in(from) != from->used) {
        ranks = pp_heap_alloc(thread, PP_HEAP_TABLES, ranks_size);
        if (ranks == NULL)
            return false;
        fill_ranks(ranks, from);
    }
    copy_entries(to, from);
    copy_slots(to, from, ranks);
    if (ranks != NULL)
        pp_heap_free(thread, ranks, ranks_size);
    return true;
}

pp_table *pp_table_copy(pp_thread *thread, const pp_table *table)
{
    pp_table *copy = pp_table_new(thread, live_in(table));
    if (copy == NULL)
        return NULL;
    if (!fill(thread, copy, table)) {
        pp_heap_free(thread, copy, size_of(copy));
        return NULL;
    }
    uint32_t position = 0;
    for (pp_table_entry *entry; (entry = pp_table_next(copy, &position)) != NULL;) {
        pp_value_retain(thread, (pp_value){entry->key});
        pp_value_retain(thread,
                        (pp_value){atomic_load_explicit(&entry->value, memory_order_relaxed)});
    }
    return copy;
}

/* ---- replacing the table ------------------------------------------------------------ */

static void publish(pp_table_place *place, pp_table *table, pp_table_change *change)
{
    /* Relaxed: written under the lock. */
    change->replaced = atomic_load_explicit(place, memory_order_relaxed);
    PP_YIELD_POINT();
    /* Pairs with pp_table_of(). From here on the old one is frozen. */
    atomic_store_explicit(place, table, memory_order_seq_cst);
}

/* Room for `more` keys and some: twice as many entries if most are live, as many if many are
 * tombstones, fewer if most are. Half as many insertions as there are live entries go by before the
 * next time. */
static bool rebuild(pp_thread *thread, pp_table_place *place, uint32_t more,
                    pp_table_change *change)
{
    const pp_table *from = atomic_load_explicit(place, memory_order_relaxed);
    size_t live = live_in(from);
    pp_table *to = pp_table_new(thread, live + live / 2 + more);
    if (to == NULL)
        return false;
#if defined(PP_MUTANT_TABLE_PUBLISHED_EMPTY)
    publish(place, to, change);
    PP_YIELD_POINT();
    return fill(thread, to, from);
#endif
    if (!fill(thread, to, from)) {
        pp_heap_free(thread, to, size_of(to));
        return false;
    }
    publish(place, to, change);
    return true;
}

static bool reserve(pp_thread *thread, pp_table_place *place, pp_table_change *change)
{
    const pp_table *table = atomic_load_explicit(place, memory_order_relaxed);
    if (PP_UNLIKELY(table->used == table->limit))
        return rebuild(thread, place, 1, change);
#if defined(PP_HOSTILE)
    if (table->used % MOVE_EVERY == 0 && table->used < MOVE_BELOW)
        (void)rebuild(thread, place, 1, change);
#endif
    return true;
}

/* After a removal: gives memory back where many entries were used and few of them are left. Room
 * that was asked for and not used yet stays. */
static void shrink(pp_thread *thread, pp_table_place *place, pp_table_change *change)
{
    const pp_table *table = atomic_load_explicit(place, memory_order_relaxed);
    uint32_t live = live_in(table);
    bool was_used = table->used >= table->limit / 3; /* as it is when a table was just replaced */
    if (was_used && live == 0 && table->limit > limit_of(MIN_SLOTS))
        publish(place, pp_table_empty(), change);
    else if (was_used && live < table->limit / 8 && table->limit > limit_of(4 * MIN_SLOTS))
        (void)rebuild(thread, place, 1, change); /* without memory it stays as it is */
#if defined(PP_HOSTILE)
    else if (live % MOVE_EVERY == 0 && table->used < MOVE_BELOW)
        (void)rebuild(thread, place, 0, change);
#endif
}

static void release_key(pp_thread *thread, const pp_table_entry *entry)
{
    pp_value_release(thread, (pp_value){entry->key});
}

/* What only `table` referred to: keys of tombstones, or everything. */
static void release_left_over(pp_thread *thread, const pp_table *table, bool cleared)
{
    const pp_table_entry *entries = pp_table_entries(table);
    if (!cleared && live_in(table) == table->used)
        return;
    for (uint32_t i = 0; i < table->used; i++) {
        /* Relaxed: frozen. */
        uint64_t word = atomic_load_explicit(&entries[i].value, memory_order_relaxed);
        bool missing = pp_table_is_missing(word);
        if (missing || cleared)
            release_key(thread, &entries[i]);
        if (!missing && cleared)
            pp_value_release(thread, (pp_value){word});
    }
}

void pp_table_change_end(pp_thread *thread, pp_table_change *change)
{
    pp_value_release(thread, (pp_value){change->dropped});
    pp_table *table = change->replaced;
    if (PP_LIKELY(table == NULL) || is_static(table))
        return;
    release_left_over(thread, table, change->cleared);
#if defined(PP_MUTANT_TABLE_FREED_AT_ONCE)
    pp_heap_free(thread, table, size_of(table));
    return;
#endif
    pp_qsbr_retire(thread, table, size_of(table));
}

/* ---- single changes ------------------------------------------------------------------- */

/* Before the moment of a change: the count is what it was until `entry` tells otherwise. */
static void announce(pp_table *table, uint32_t live, uint32_t entry)
{
#if defined(PP_MUTANT_TABLE_COUNT_LATE)
    entry = 0;
#endif
    /* Pairs with pp_table_count(). Release: comes before the moment, which is seq_cst. */
    atomic_store_explicit(&table->count, (uint64_t)live << 32 | entry, memory_order_release);
    PP_YIELD_POINT();
}

/* After it. Release: to a reader nothing changes. */
static void settle(pp_table *table, uint32_t live)
{
    PP_YIELD_POINT();
    atomic_store_explicit(&table->count, (uint64_t)live << 32, memory_order_release);
}

size_t pp_table_count_in_change_(const pp_table *table, uint64_t count)
{
    uint32_t change = (uint32_t)count, number = (change & ~PP_TABLE_REMOVING) - 1;
    size_t before = (size_t)(count >> 32);
    PP_YIELD_POINT();
    /* Pairs with append() and pp_table_remove(). */
    uint64_t word =
        atomic_load_explicit(&pp_table_entries(table)[number].value, memory_order_seq_cst);
    if ((change & PP_TABLE_REMOVING) != 0)
        return before - pp_table_is_missing(word);
    return before + (word != PP_TABLE_UNSET);
}

uint64_t pp_table_get_from_(const pp_table *table, const pp_key *key, uint32_t i)
{
    uint64_t slot;
    (void)pp_table_probe_from(table, key, i, &slot);
    return slot == 0 ? 0 : pp_table_read(&pp_table_entries(table)[(uint32_t)slot - 1]);
}

pp_table_entry *pp_table_find(const pp_table *table, const pp_key *key)
{
    uint64_t slot;
    (void)pp_table_probe(table, key, &slot);
    if (slot == 0)
        return NULL;
    pp_table_entry *entry = &pp_table_entries(table)[(uint32_t)slot - 1];
    /* Relaxed: written under the lock. */
    bool missing = pp_table_is_missing(atomic_load_explicit(&entry->value, memory_order_relaxed));
    return missing ? NULL : entry;
}

/* A new entry, whose key is missing, and its slot: there is room. */
static void append(pp_table *table, const pp_key *key, uint64_t stored, uint64_t value)
{
    uint32_t number = table->used, live = live_in(table);
    pp_table_entry *entry = &pp_table_entries(table)[number];
    uint64_t slot;
    uint32_t i = pp_table_probe(table, key, &slot); /* empty, or of an older entry of this key */
    entry->key = stored;
    atomic_store_explicit(&entry->value, PP_TABLE_UNSET, memory_order_relaxed);
#if defined(PP_MUTANT_TABLE_VALUE_FIRST)
    announce(table, live, number + 1);
    atomic_store_explicit(&entry->value, value, memory_order_seq_cst);
    PP_YIELD_POINT();
#endif
    /* Pairs with pp_table_probe(). Release: comes before the moment, which is seq_cst. */
    atomic_store_explicit(&pp_table_slots(table)[i],
                          (uint64_t)pp_table_hash(key->hash) << 32 | (number + 1),
                          memory_order_release);
    table->used = table->newest = number + 1;
    announce(table, live, number + 1);
    /* The moment of the change. Pairs with pp_table_get(). */
    atomic_store_explicit(&entry->value, value, memory_order_seq_cst);
    settle(table, live + 1);
}

/* A key that is an object was borrowed, and has died since: makes another that says the same. */
static PP_COLD pp_status make_key_again(pp_thread *thread, const pp_key *key, pp_value *stored)
{
    pp_key content = *key;
    content.value = PP_NO_VALUE;
    return pp_key_make_value(thread, &content, stored);
}

/* A reference to the key for the table. */
static pp_status own_key(pp_thread *thread, const pp_key *key, pp_value *stored)
{
    if (pp_value_object(key->value) == NULL)
        return pp_key_make_value(thread, key, stored);
    *stored = key->value;
    if (PP_LIKELY(pp_value_try_retain(thread, key->value)))
        return PP_OK;
    return make_key_again(thread, key, stored);
}

pp_status pp_table_insert(pp_thread *thread, pp_table_place *place, const pp_key *key,
                          uint64_t value, pp_table_change *change)
{
    pp_value stored;
    if (PP_UNLIKELY(!reserve(thread, place, change)))
        return PP_ERR_NOMEM;
    pp_status status = own_key(thread, key, &stored);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_object_publish(thread, stored);
    append(atomic_load_explicit(place, memory_order_relaxed), key, stored.word, value);
    return PP_OK;
}

uint64_t pp_table_remove(pp_thread *thread, pp_table_place *place, pp_table_entry *entry,
                         pp_table_change *change)
{
    pp_table *table = atomic_load_explicit(place, memory_order_relaxed);
    uint32_t live = live_in(table), number = (uint32_t)(entry - pp_table_entries(table));
    announce(table, live, (number + 1) | PP_TABLE_REMOVING);
    /* The moment of the change. Pairs with pp_table_get(). */
    uint64_t value =
        atomic_exchange_explicit(&entry->value, PP_TABLE_TOMBSTONE(1), memory_order_seq_cst);
    settle(table, live - 1);
    if (number + 1 == table->newest)
        table->newest = number;
#if defined(PP_MUTANT_TABLE_ENTRY_REUSED)
    table->used = table->newest;
#endif
    shrink(thread, place, change);
    return value;
}

pp_table_entry *pp_table_last(pp_table *table)
{
    pp_table_entry *entries = pp_table_entries(table);
    uint32_t end = table->newest, i = end;
    while (i > 0) {
        uint64_t word = atomic_load_explicit(&entries[i - 1].value, memory_order_relaxed);
        if (!pp_table_is_missing(word))
            break;
        i -= (uint32_t)(word >> PP_TAG_BITS);
    }
    /* Who comes this way again gets there in one step. Relaxed: to readers a tombstone is a
     * tombstone. Nothing is written where nothing has changed: the table without entries is shared.
     */
    if (i < end) {
        atomic_store_explicit(&entries[end - 1].value, PP_TABLE_TOMBSTONE(end - i),
                              memory_order_relaxed);
        table->newest = i;
    }
    return i == 0 ? NULL : &entries[i - 1];
}

void pp_table_clear(pp_table_place *place, pp_table_change *change)
{
    publish(place, pp_table_empty(), change);
    change->cleared = true;
}

/* ---- when the container dies ------------------------------------------------------------ */

void pp_table_drop(pp_thread *thread, pp_object *object, pp_table *table)
{
    const pp_table_entry *entries = pp_table_entries(table);
    if (is_static(table))
        return;
    for (uint32_t i = 0; i < table->used; i++) {
        uint64_t word = atomic_load_explicit(&entries[i].value, memory_order_relaxed);
        release_key(thread, &entries[i]);
        if (!pp_table_is_missing(word))
            pp_object_drop_value(thread, object, (pp_value){word});
    }
    pp_qsbr_retire(thread, table, size_of(table));
}

/* ---- checking ------------------------------------------------------------------------- */

static void require(bool holds, const char *what, const pp_table *table)
{
    if (holds)
        return;
    fprintf(stderr, "table %p: %s\n", (const void *)table, what);
    abort();
}

static uint32_t check_slots(const pp_table *table)
{
    const _Atomic uint64_t *slots = pp_table_slots(table);
    uint32_t taken = 0;
    for (uint64_t i = 0; i <= table->mask; i++) {
        uint64_t slot = atomic_load_explicit(&slots[i], memory_order_relaxed);
        if (slot == 0)
            continue;
        taken++;
        require((uint32_t)slot <= table->used, "a slot refers to no entry", table);
        uint64_t key = pp_table_entries(table)[(uint32_t)slot - 1].key;
        require(pp_table_hash(pp_key_hash((pp_value){key})) == (uint32_t)(slot >> 32),
                "a slot has another hash than its key", table);
    }
    return taken;
}

static uint32_t check_entries(const pp_table *table)
{
    const pp_table_entry *entries = pp_table_entries(table);
    uint32_t live = 0;
    for (uint32_t i = 0; i < table->used; i++) {
        uint64_t word = atomic_load_explicit(&entries[i].value, memory_order_relaxed);
        uint64_t skip = word >> PP_TAG_BITS;
        require(entries[i].key != 0 && word != 0, "an entry is not filled in", table);
        require(word != PP_TABLE_UNSET, "an insertion was not finished", table);
        if (pp_table_is_missing(word)) {
            require(skip <= i + 1, "a tombstone reaches below the first entry", table);
            continue;
        }
        live++;
        require(i < table->newest, "a live entry is newer than the newest", table);
        pp_key key;
        uint64_t slot;
        require(pp_key_value(&(pp_value){entries[i].key}, &key) == PP_OK, "a key is none", table);
        (void)pp_table_probe(table, &key, &slot);
        require((uint32_t)slot == i + 1, "a key's slot does not lead to its live entry", table);
    }
    return live;
}

void pp_table_check(const pp_table *table)
{
    uint64_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
    require((uint32_t)count == 0, "a change was not finished", table);
    require(table->used <= table->limit && table->newest <= table->used, "too many entries", table);
    require(check_slots(table) <= table->mask, "no slot is empty", table);
    require(check_entries(table) == count >> 32, "the count is wrong", table);
}
