#include "share/keyed.h"

#include "share/container.h"
#include "share/snapshot.h"

pp_keyed *pp_keyed_new(pp_thread *thread, pp_kind kind, size_t capacity)
{
    pp_keyed *keyed = (pp_keyed *)pp_object_new(thread, kind, sizeof *keyed);
    if (keyed == NULL)
        return NULL;
    atomic_init(&keyed->table, pp_table_empty());
    if (capacity > 0) {
        pp_table *table = pp_table_new(thread, capacity);
        if (table == NULL) {
            pp_release(thread, &keyed->base);
            return NULL;
        }
        atomic_init(&keyed->table, table);
    }
    return keyed;
}

void pp_keyed_finish(pp_thread *thread, pp_keyed *keyed, pp_table_change *change)
{
    pp_object_unlock(&keyed->base);
    pp_table_change_end(thread, change);
}

pp_status pp_keyed_clear(pp_thread *thread, pp_keyed *keyed)
{
    pp_table_change change = {0};
    pp_status status = pp_container_lock(thread, &keyed->base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_table_clear(&keyed->table, &change);
    pp_keyed_finish(thread, keyed, &change);
    return PP_OK;
}

pp_status pp_keyed_pop_last(pp_thread *thread, pp_keyed *keyed, pp_value *key, pp_value *value)
{
    pp_table_change change = {0};
    pp_value popped = PP_NO_VALUE;
    uint64_t removed = 0;
    pp_status status = pp_container_lock(thread, &keyed->base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_table_entry *entry = pp_table_last(pp_keyed_table(keyed));
    if (entry != NULL) {
        popped = (pp_value){entry->key};
#if !defined(PP_MUTANT_KEYED_KEY_NOT_RETAINED)
        pp_value_retain(thread, popped); /* the table keeps its own reference for a while */
#endif
        removed = pp_table_remove(thread, &keyed->table, entry, &change);
    }
    pp_keyed_finish(thread, keyed, &change);
    *key = popped;
    *value = (pp_value){removed};
    return PP_OK;
}

/* ---- all of it at once ----------------------------------------------------------------- */

static void push_all(pp_thread *thread, const pp_table *table, bool keys, bool values,
                     pp_values *snapshot)
{
    uint32_t position = 0;
    for (pp_table_entry *entry; (entry = pp_table_next(table, &position)) != NULL;) {
        if (keys)
            pp_values_push(thread, snapshot, (pp_value){entry->key});
        if (values)
            pp_values_push(thread, snapshot, pp_table_value(entry));
    }
}

pp_status pp_keyed_snapshot(pp_thread *thread, pp_keyed *keyed, bool keys, bool values,
                            pp_values *snapshot)
{
    pp_values taken;
    pp_status status = pp_container_lock(thread, &keyed->base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    const pp_table *table = pp_keyed_table(keyed);
    size_t each = (size_t)keys + (size_t)values;
    if (pp_values_init(thread, &taken, pp_table_count(table) * each)) {
        push_all(thread, table, keys, values, &taken);
        *snapshot = taken;
    } else {
        status = PP_ERR_NOMEM;
    }
    pp_object_unlock(&keyed->base);
    return status;
}

pp_status pp_keyed_copy(pp_thread *thread, pp_keyed *keyed, pp_keyed **copy)
{
    pp_keyed *made = pp_keyed_new(thread, pp_object_kind(&keyed->base), 0);
    if (made == NULL)
        return PP_ERR_NOMEM;
    pp_status status = pp_container_lock(thread, &keyed->base);
    if (PP_LIKELY(status == PP_OK)) {
        pp_table *table = pp_table_copy(thread, pp_keyed_table(keyed));
        pp_object_unlock(&keyed->base);
        if (table != NULL)
            atomic_init(&made->table, table);
        else
            status = PP_ERR_NOMEM;
    }
    if (PP_LIKELY(status == PP_OK))
        *copy = made;
    else
        pp_release(thread, &made->base);
    return status;
}

/* ---- the object ---------------------------------------------------------------------------- */

void pp_keyed_object_clear(pp_thread *thread, pp_object *object)
{
    /* The pointer stays: who borrowed the object may still read. */
    pp_table_drop(thread, object, pp_keyed_table((pp_keyed *)object));
}

void pp_keyed_object_visit(pp_object *object, pp_visit *visit, void *context)
{
    const pp_table *table = pp_keyed_table((pp_keyed *)object);
    const pp_table_entry *entries = pp_table_entries(table);
    for (uint32_t i = 0; i < table->used; i++) {
        uint64_t word = atomic_load_explicit(&entries[i].value, memory_order_relaxed);
        if (!pp_table_is_missing(word) && pp_value_object((pp_value){word}) != NULL)
            visit(context, (pp_value){word});
    }
}

void pp_keyed_object_visit_keys(pp_object *object, pp_visit *visit, void *context)
{
    /* Those of tombstones, too: the table holds them. */
    const pp_table *table = pp_keyed_table((pp_keyed *)object);
    const pp_table_entry *entries = pp_table_entries(table);
    for (uint32_t i = 0; i < table->used; i++)
        visit(context, (pp_value){entries[i].key});
}

size_t pp_keyed_object_size(const pp_object *object)
{
    (void)object;
    return sizeof(pp_keyed);
}

void pp_keyed_object_check(const pp_object *object)
{
    pp_table_check(pp_keyed_table((const pp_keyed *)object));
}
