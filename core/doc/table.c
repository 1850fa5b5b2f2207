#include <string.h>

#include "doc/table.h"
#include "doc/walk.h"

struct pp__table {
    uint32_t capacity; /* slots: more than there are pairs, so that a search ends */
    uint32_t shift;    /* bits of an offset in the map */
    uint32_t slots[];
};

/* Stands in the place of every table that is no longer to be made. */
static const pp__table closed = {0, 0};

static size_t table_size(uint32_t capacity)
{
    return sizeof(pp__table) + (size_t)capacity * sizeof(uint32_t);
}

/* The low 32 bits of a hash mark a slot, the high ones say where it is. */
static uint32_t home(const pp__table *t, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * t->capacity >> 32);
}

static uint32_t slot_value(const pp__table *t, uint64_t hash, uint32_t offset)
{
    return (uint32_t)((hash & UINT32_MAX) << t->shift) | offset;
}

/* The slot of `*key`, or the free one where it belongs. */
static uint32_t *find_slot(pp__table *t, pp_node map, const pp__key *key, uint64_t hash)
{
    uint32_t mask = (uint32_t)((UINT64_C(1) << t->shift) - 1);
    uint32_t sought = slot_value(t, hash, 0);
    uint32_t i = home(t, hash);
    for (;; i = i + 1 < t->capacity ? i + 1 : 0) {
        uint32_t slot = t->slots[i];
        if (slot == 0)
            return &t->slots[i];
        if ((slot & ~mask) != sought)
            continue;
        pp__key other = pp__key_at((pp_node){map.tree, map.offset + (slot & mask), 0});
        if (pp__key_equal(&other, key))
            return &t->slots[i];
    }
}

static void fill(pp__table *t, pp_node map)
{
    const uint8_t *p = map.tree->data + map.offset;
    uint64_t pairs = pp__header_length(p);
    pp__walk w = pp__walk_from(map);
    w.at += (uint32_t)pp__header_size(*p);
    w.record++;
    for (uint64_t i = 0; i < pairs; i++) {
        pp__key key = pp__key_at(pp__walk_node(&w, map.tree));
        if (key.class != PP__KEY_NEVER) {
            uint64_t hash = pp__key_hash(&key);
            *find_slot(t, map, &key, hash) = slot_value(t, hash, w.at - map.offset);
        }
        pp__walk_pass(&w, 2);
    }
}

static pp__table *make(pp_node map)
{
    pp_tree_index *index = map.tree->index;
    const pp_allocator *allocator = index->allocator;
    uint64_t pairs = pp__header_length(map.tree->data + map.offset);
    uint64_t capacity = pairs + pairs / 3 + 1;
    uint32_t size = pp__index_records(index)[map.record].end - map.offset;
    if (capacity > UINT32_MAX)
        return NULL;
    pp__table *t = allocator->resize(allocator->context, NULL, 0, table_size((uint32_t)capacity));
    if (t == NULL)
        return NULL;
    t->capacity = (uint32_t)capacity;
    t->shift = 0;
    while (t->shift < 32 && size >> t->shift > 0)
        t->shift++;
    memset(t->slots, 0, capacity * sizeof(uint32_t));
    fill(t, map);
    return t;
}

static void free_table(pp_tree_index *index, pp__table *t)
{
    index->allocator->release(index->allocator->context, t, table_size(t->capacity));
}

pp_status pp__table_find(pp_node map, uint32_t number, const pp__key *key, uint32_t *at)
{
    pp_tree_index *index = map.tree->index;
    _Atomic(pp__table *) *place = &pp__index_tables(index)[number];
    /* Acquire: what fill() wrote before another thread's exchange below. */
    pp__table *t = atomic_load_explicit(place, memory_order_acquire);
    if (PP_UNLIKELY(t == NULL)) {
        pp__table *made = make(map);
        if (made == NULL)
            return PP_ERR_NOMEM;
        /* Release: fill(), to the load above. Acquire: the table that another thread was first
         * with. */
        if (atomic_compare_exchange_strong_explicit(place, &t, made, memory_order_acq_rel,
                                                    memory_order_acquire)) {
            /* Relaxed: a statistic. */
            atomic_fetch_add_explicit(&index->table_bytes, table_size(made->capacity),
                                      memory_order_relaxed);
            t = made;
        } else {
            free_table(index, made);
        }
    }
    if (PP_UNLIKELY(t == &closed))
        return PP_ERR_NOMEM;
    uint32_t slot = *find_slot(t, map, key, pp__key_hash(key));
    uint32_t mask = (uint32_t)((UINT64_C(1) << t->shift) - 1);
    *at = slot == 0 ? 0 : map.offset + (slot & mask);
    return PP_OK;
}

void pp__tables_close(pp_tree_index *index)
{
    for (uint32_t i = 0; i < index->table_count; i++) {
        /* As the exchange in pp__table_find: this or that comes first. */
        pp__table *t = atomic_exchange_explicit(&pp__index_tables(index)[i], (pp__table *)&closed,
                                                memory_order_acq_rel);
        if (t != NULL && t != &closed)
            free_table(index, t);
    }
}

void pp__tables_free(pp_tree_index *index)
{
    pp__tables_close(index);
}
