/* share/table.h - the hash table of dicts and sets: insertion-ordered, read without a lock.
 *
 * One block of memory:
 *
 *     header | slots: open addressing, linear probing | entries: in order of insertion
 *
 *   slot    0, or hash32 << 32 | (number of the entry + 1); hash32 is never 0
 *   entry   a key's word, which never changes, and a value's word:
 *
 *     UNSET      -> value        the key is inserted   } the moment at which readers
 *     value      -> other value  it is set             } see the change is the moment
 *     value      -> TOMBSTONE    it is removed         } of this one store
 *
 * An entry is appended once, for one key, and never used again in this table: a key
 * that was removed and comes back gets a new entry at the end, and its slot is pointed
 * there. A slot, once taken, belongs to its key for good. Growing, shrinking and
 * compacting build a new block from the live entries and publish it with one
 * store of the pointer; the old block is frozen from then on, and retired (qsbr.h).
 *
 * Writers hold the lock of the container. Readers hold nothing, look at each word
 * once, and are right:
 *
 *   L1  A reader finds the key's slot pointing to entry e at time t1 and loads e's value at t2. If
 * it is a value: e was not removed before t2, so e is the key's entry at t2 and the value was
 * current at t2. If it is UNSET: the key was not there at t2, or (removed and inserted again since
 * t1) at a moment between. If it is a tombstone: e was removed between t1 and t2, and the key was
 * missing right after; or before t1, and at t1 the slot would already point to a newer entry had
 * the key come back by then. L2  A reader finds no slot of the key before an empty one at time t:
 * slots only fill up, and an insertion's slot is stored before its value, so at t the key was not
 * there. L3  A reader in a frozen block sees what was there at the moment when its successor was
 * published. The reader loaded the pointer before that moment and inside its call. L4  The count is
 * a word {count, change in progress}. Where a change is in progress its entry tells whether it has
 * happened: it leaves UNSET, and becomes a tombstone, only once. If it has not, the old count was
 * right when the entry was looked at; if it has, the new one was right when it happened, or, if
 * that was earlier, when the count was loaded.
 *
 * The stores at these moments and the loads that look for them are seq_cst, so that
 * operations on all containers have one order that all threads agree on (the loads cost no more
 * than plain ones on x86-64). A probe ends: every table keeps an empty slot.
 */
#ifndef PP_SHARE_TABLE_H
#define PP_SHARE_TABLE_H

#include <string.h>

#include "base/yield_point.h"
#include "share/object.h"
#include "share/value.h"

typedef struct pp_table {
    uint32_t mask;  /* slots - 1, a power of two minus one */
    uint32_t limit; /* how many entries there is room for: fewer than slots */
    _Atomic uint64_t
        count; /* count << 32 | change in progress: 0, or entry + 1, with PP_TABLE_REMOVING */
    /* For the holder of the lock. */
    uint32_t used;   /* entries taken, tombstones too */
    uint32_t newest; /* entries from here on are tombstones, up to `used` */
    uint64_t spare;  /* entries are aligned to their size */
} pp_table;

typedef struct pp_table_entry {
    uint64_t key;
    _Atomic uint64_t value;
} pp_table_entry;

#define PP_TABLE_REMOVING (UINT32_C(1) << 31)

/* Words that are no values: a tag that no value has. A tombstone tells how many entries, itself
 * included, are known to be tombstones from here downwards. */
enum { PP_TAG_MISSING = 5 };
#define PP_TABLE_UNSET           ((uint64_t)PP_TAG_MISSING)
#define PP_TABLE_TOMBSTONE(skip) ((uint64_t)(skip) << PP_TAG_BITS | PP_TAG_MISSING)

PP_INLINE bool pp_table_is_missing(uint64_t word)
{
    return (word & PP_TAG_MASK) == PP_TAG_MISSING;
}

PP_INLINE _Atomic uint64_t *pp_table_slots(const pp_table *table)
{
    return (_Atomic uint64_t *)(uintptr_t)(table + 1);
}

PP_INLINE pp_table_entry *pp_table_entries(const pp_table *table)
{
    return (pp_table_entry *)(uintptr_t)(pp_table_slots(table) + table->mask + 1);
}

/* The table of a container without entries: nobody writes it, nobody frees it. */
pp_table *pp_table_empty(void);

/* What a slot holds of a hash: never 0, so that it differs from an empty slot's. */
PP_INLINE uint32_t pp_table_hash(uint64_t hash)
{
    return (uint32_t)hash | UINT32_C(1) << 31;
}

/* ---- for readers and writers -------------------------------------------------- */

/* Whether `size` bytes, at least 8, are the same: what memcmp does, without the call, which costs
 * more than short keys take. */
PP_INLINE bool pp_table_same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint64_t x, y;
    for (size_t i = 0; i + 8 < size; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y)
            return false;
    }
    memcpy(&x, a + size - 8, 8);
    memcpy(&y, b + size - 8, 8);
    return x == y;
}

/* Whether the key of an entry, `stored`, is `key`; their hashes are the same. */
PP_INLINE bool pp_table_is_key(const pp_key *key, uint64_t stored)
{
    if (PP_LIKELY(stored == key->value.word))
        return true;
    if (key->size <= PP_VALUE_SHORT)
        return pp_key_is_slow_(key, (pp_value){stored});
    /* A str or bin that is an object can only be the same as another one. */
    const pp_string *string = (const void *)pp_value_object((pp_value){stored});
    return string != NULL && pp_object_kind(&string->base) == (pp_kind)key->kind &&
           string->size == key->size && pp_table_same_bytes(string->bytes, key->data, key->size);
}

/* The slot of `key`, or the empty one where its slot would be, looked for from slot `i` on; *slot
 * is what was in it. */
PP_INLINE uint32_t pp_table_probe_from(const pp_table *table, const pp_key *key, uint32_t i,
                                       uint64_t *slot)
{
    _Atomic uint64_t *slots = pp_table_slots(table);
    const pp_table_entry *entries = pp_table_entries(table);
    uint32_t mask = table->mask, hash = pp_table_hash(key->hash);
    for (i &= mask;; i = (i + 1) & mask) {
        /* Pairs with the store in append(): the entry's key is there. */
        uint64_t s = atomic_load_explicit(&slots[i], memory_order_seq_cst);
        *slot = s;
        if (s == 0 ||
            ((uint32_t)(s >> 32) == hash && pp_table_is_key(key, entries[(uint32_t)s - 1].key)))
            return i;
    }
}

PP_INLINE uint32_t pp_table_probe(const pp_table *table, const pp_key *key, uint64_t *slot)
{
    return pp_table_probe_from(table, key, (uint32_t)key->hash, slot);
}

/* The value of an entry that a reader has found, or 0. */
PP_INLINE uint64_t pp_table_read(const pp_table_entry *entry)
{
    PP_YIELD_POINT();
    /* Pairs with the stores and exchanges of values in table.c: what it refers to is there. */
    uint64_t word = atomic_load_explicit(&entry->value, memory_order_seq_cst);
    return PP_UNLIKELY(pp_table_is_missing(word)) ? 0 : word;
}

uint64_t pp_table_get_from_(const pp_table *table, const pp_key *key, uint32_t i);

/* The value of `key`, or 0. `table` was loaded by pp_table_of in the caller's scope. Wait-free.
 * What is inline is pp_table_probe as long as keys can be told apart by their words. */
PP_INLINE uint64_t pp_table_get(const pp_table *table, const pp_key *key)
{
    _Atomic uint64_t *slots = pp_table_slots(table);
    const pp_table_entry *entries = pp_table_entries(table);
    uint32_t mask = table->mask, hash = pp_table_hash(key->hash);
    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        uint64_t s = atomic_load_explicit(&slots[i], memory_order_seq_cst);
        if (PP_LIKELY((uint32_t)(s >> 32) == hash)) {
            const pp_table_entry *entry = &entries[(uint32_t)s - 1];
            return PP_LIKELY(entry->key == key->value.word) ? pp_table_read(entry)
                                                            : pp_table_get_from_(table, key, i);
        }
        if (s == 0)
            return 0;
    }
}

size_t pp_table_count_in_change_(const pp_table *table, uint64_t count);

/* How many keys it has (L4). Wait-free. */
PP_INLINE size_t pp_table_count(const pp_table *table)
{
    /* Pairs with the stores in append() and pp_table_remove(). */
    uint64_t count = atomic_load_explicit(&table->count, memory_order_seq_cst);
    return PP_LIKELY((uint32_t)count == 0) ? (size_t)(count >> 32)
                                           : pp_table_count_in_change_(table, count);
}

/* Where a container keeps its table. */
typedef _Atomic(pp_table *) pp_table_place;

/* The table at `place`. For readers: pairs with the publication in table.c. */
PP_INLINE pp_table *pp_table_of(const pp_table_place *place)
{
    return atomic_load_explicit(place, memory_order_seq_cst);
}

/* ---- for who holds the lock of the container ------------------------------------ */

/* What a change has left over, for pp_table_change_end. Starts as zeros. */
typedef struct pp_table_change {
    pp_table *replaced; /* the table before */
    uint64_t dropped;   /* a value whose reference is to be released */
    bool cleared;       /* everything in `replaced` is to be released */
} pp_table_change;

/* Once the lock is given back: releases and retires what the change has left over. */
void pp_table_change_end(pp_thread *thread, pp_table_change *change);

/* A new table, reachable by nobody else, with room for `capacity` keys. NULL: no memory. */
PP_NODISCARD pp_table *pp_table_new(pp_thread *thread, size_t capacity);

/* A new one with what `table` has, each key and value with one more reference. NULL: no memory. */
PP_NODISCARD pp_table *pp_table_copy(pp_thread *thread, const pp_table *table);

/* The entry of `key`, or NULL where it is missing. */
pp_table_entry *pp_table_find(const pp_table *table, const pp_key *key);

/* The newest entry, or NULL. Amortised constant time. */
pp_table_entry *pp_table_last(pp_table *table);

/* The value of a live entry. */
PP_INLINE pp_value pp_table_value(const pp_table_entry *entry)
{
    /* Relaxed: written under the lock. */
    return (pp_value){atomic_load_explicit(&entry->value, memory_order_relaxed)};
}

/* Gives `entry` a value: takes a reference that was published (pp_object_publish). */
PP_INLINE void pp_table_set(pp_table_entry *entry, uint64_t value, pp_table_change *change)
{
    PP_YIELD_POINT();
    /* The moment of the change. Pairs with pp_table_get(). */
    change->dropped = atomic_exchange_explicit(&entry->value, value, memory_order_seq_cst);
}

/* Inserts `key`, which is missing: takes a reference to the value, published, on PP_OK only.
 * PP_ERR_NOMEM, PP_ERR_TOO_LONG. */
PP_NODISCARD pp_status pp_table_insert(pp_thread *thread, pp_table_place *place, const pp_key *key,
                                       uint64_t value, pp_table_change *change);

/* Removes `entry` of the table at `place`: gives its value with its reference. Its key's reference
 * stays in the table until that is replaced. `entry` is not to be used any more: the table may have
 * been replaced. */
uint64_t pp_table_remove(pp_thread *thread, pp_table_place *place, pp_table_entry *entry,
                         pp_table_change *change);

/* Removes everything. */
void pp_table_clear(pp_table_place *place, pp_table_change *change);

/* ---- in order: begin with 0; under the lock, or in a pause ------------------------ */

/* The next live entry at or after *position, which moves behind it; NULL at the end. */
PP_INLINE pp_table_entry *pp_table_next(const pp_table *table, uint32_t *position)
{
    pp_table_entry *entries = pp_table_entries(table);
    while (*position < table->used) {
        pp_table_entry *entry = &entries[(*position)++];
        /* Relaxed: written under the lock. */
        if (!pp_table_is_missing(atomic_load_explicit(&entry->value, memory_order_relaxed)))
            return entry;
    }
    return NULL;
}

/* ---- when the container dies --------------------------------------------------------- */

/* Gives up everything that `table` has for `object`, which is dead, and retires it. */
void pp_table_drop(pp_thread *thread, pp_object *object, pp_table *table);

/* Aborts with a message where the invariants above do not hold. */
void pp_table_check(const pp_table *table);

#endif /* PP_SHARE_TABLE_H */
