#include "share/dict.h"

#include <assert.h>
#include <sched.h>

#include "share/container.h"
#include "share/sum.h"

const pp_object_type pp_dict_type = {.kind = PP_KIND_DICT,
                                     .container = true,
                                     .clear = pp_keyed_object_clear,
                                     .visit = pp_keyed_object_visit,
                                     .reads_first = offsetof(pp_keyed, table),
                                     .visit_keys = pp_keyed_object_visit_keys,
                                     .size = pp_keyed_object_size,
                                     .check = pp_keyed_object_check};

pp_dict *pp_object_dict(pp_object *object)
{
    return pp_object_kind(object) == PP_KIND_DICT ? (pp_dict *)object : NULL;
}

pp_status pp_dict_new(pp_thread *thread, size_t capacity, pp_dict **dict)
{
    pp_keyed *made = pp_keyed_new(thread, PP_KIND_DICT, capacity);
    if (made == NULL)
        return PP_ERR_NOMEM;
    *dict = (pp_dict *)made;
    return PP_OK;
}

/* ---- reading ------------------------------------------------------------------------- */

size_t pp_dict_count(const pp_dict *dict)
{
    return pp_table_count(pp_table_of(&dict->keyed.table));
}

pp_value pp_dict_get(pp_thread *thread, const pp_dict *dict, const pp_key *key)
{
    (void)thread; /* its scope is what keeps the table readable */
    return (pp_value){pp_table_get(pp_table_of(&dict->keyed.table), key)};
}

/* ---- one change ----------------------------------------------------------------------- */

/* Makes `value`, which it takes, that of `key`, whose entry is `entry` or NULL. */
static pp_status put(pp_thread *thread, pp_dict *dict, const pp_key *key, pp_table_entry *entry,
                     pp_value value, pp_table_change *change)
{
    assert(value.word != 0);
    pp_object_publish(thread, value);
    if (entry != NULL) {
        pp_table_set(entry, value.word, change);
        return PP_OK;
    }
    pp_status status = pp_table_insert(thread, &dict->keyed.table, key, value.word, change);
    if (PP_UNLIKELY(status != PP_OK))
        change->dropped = value.word;
    return status;
}

pp_status pp_dict_set(pp_thread *thread, pp_dict *dict, const pp_key *key, pp_value value)
{
    pp_table_change change = {0};
    pp_status status = pp_container_lock(thread, &dict->keyed.base);
    if (PP_UNLIKELY(status != PP_OK))
        return pp_container_refuse(thread, status, value);
    status =
        put(thread, dict, key, pp_table_find(pp_keyed_table(&dict->keyed), key), value, &change);
    pp_keyed_finish(thread, &dict->keyed, &change);
    return status;
}

pp_status pp_dict_setdefault(pp_thread *thread, pp_dict *dict, const pp_key *key, pp_value value,
                             pp_value *stored, bool *was_there)
{
    pp_table_change change = {0};
    pp_value found = pp_dict_get(thread, dict, key); /* no lock where there is nothing to change */
    pp_status status = PP_OK;
    if (found.word == 0) {
        status = pp_container_lock(thread, &dict->keyed.base);
        if (PP_UNLIKELY(status != PP_OK))
            return pp_container_refuse(thread, status, value);
        pp_table_entry *entry = pp_table_find(pp_keyed_table(&dict->keyed), key);
        if (entry != NULL)
            found = pp_table_value(entry);
        else
            status = put(thread, dict, key, NULL, value, &change);
        pp_keyed_finish(thread, &dict->keyed, &change);
    }
    if (found.word != 0)
        pp_value_release(thread, value);
    if (PP_LIKELY(status == PP_OK)) {
        *was_there = found.word != 0;
        *stored = *was_there ? found : value;
    }
    return status;
}

/* ---- removing --------------------------------------------------------------------------- */

/* Gives the caller a value that was removed. */
static void give(pp_thread *thread, uint64_t removed, pp_value *value)
{
    if (value != NULL)
        *value = (pp_value){removed};
    else
        pp_value_release(thread, (pp_value){removed});
}

pp_status pp_dict_pop(pp_thread *thread, pp_dict *dict, const pp_key *key, pp_value *value)
{
    pp_table_change change = {0};
    uint64_t removed = 0;
    pp_status status = pp_container_lock(thread, &dict->keyed.base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_table_entry *entry = pp_table_find(pp_keyed_table(&dict->keyed), key);
    if (entry != NULL)
        removed = pp_table_remove(thread, &dict->keyed.table, entry, &change);
    pp_keyed_finish(thread, &dict->keyed, &change);
    give(thread, removed, value);
    return PP_OK;
}

pp_status pp_dict_pop_last(pp_thread *thread, pp_dict *dict, pp_value *key, pp_value *value)
{
    return pp_keyed_pop_last(thread, &dict->keyed, key, value);
}

pp_status pp_dict_clear(pp_thread *thread, pp_dict *dict)
{
    return pp_keyed_clear(thread, &dict->keyed);
}

/* ---- read, decide and write in one step ------------------------------------------------- */

pp_status pp_dict_compare_and_set(pp_thread *thread, pp_dict *dict, const pp_key *key,
                                  pp_value expected, pp_value desired, bool *swapped)
{
    pp_table_change change = {0};
    pp_status status = pp_container_lock(thread, &dict->keyed.base);
    if (PP_UNLIKELY(status != PP_OK))
        return pp_container_refuse(thread, status, desired);
    pp_table_entry *entry = pp_table_find(pp_keyed_table(&dict->keyed), key);
    bool matches = expected.word == 0
                       ? entry == NULL
                       : entry != NULL && pp_container_expects(pp_table_value(entry), expected);
    if (!matches)
        change.dropped = desired.word;
    else if (desired.word != 0)
        status = put(thread, dict, key, entry, desired, &change);
    else if (entry != NULL)
        change.dropped = pp_table_remove(thread, &dict->keyed.table, entry, &change);
    pp_keyed_finish(thread, &dict->keyed, &change);
    if (PP_LIKELY(status == PP_OK))
        *swapped = matches;
    return status;
}

pp_status pp_dict_add(pp_thread *thread, pp_dict *dict, const pp_key *key, pp_value delta,
                      pp_value *sum)
{
    pp_table_change change = {0};
    pp_value current, added;
    pp_status status = pp_int(thread, 0, &current);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    status = pp_container_lock(thread, &dict->keyed.base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_table_entry *entry = pp_table_find(pp_keyed_table(&dict->keyed), key);
    if (entry != NULL)
        current = pp_table_value(entry);
    status = pp_value_sum(thread, current, delta, &added);
    if (PP_LIKELY(status == PP_OK))
        status = put(thread, dict, key, entry, added, &change);
    pp_keyed_finish(thread, &dict->keyed, &change);
    if (PP_LIKELY(status == PP_OK))
        *sum = added;
    return status;
}

/* ---- all of it at once -------------------------------------------------------------------- */

pp_status pp_dict_snapshot(pp_thread *thread, pp_dict *dict, pp_dict_part part, pp_values *snapshot)
{
    return pp_keyed_snapshot(thread, &dict->keyed, (part & PP_DICT_KEYS) != 0,
                             (part & PP_DICT_VALUES) != 0, snapshot);
}

pp_status pp_dict_copy(pp_thread *thread, pp_dict *dict, pp_dict **copy)
{
    pp_keyed *made;
    pp_status status = pp_keyed_copy(thread, &dict->keyed, &made);
    if (status == PP_OK)
        *copy = (pp_dict *)made;
    return status;
}

/* ---- the root ------------------------------------------------------------------------------- */

pp_dict *pp_root(pp_thread *thread)
{
    static _Atomic(pp_dict *) root;
    static pp_mutex making;
    /* Acquire: pairs with the store below. */
    pp_dict *found = atomic_load_explicit(&root, memory_order_acquire);
    pp_dict *made;
    if (PP_LIKELY(found != NULL))
        return found;
    if (pp_dict_new(thread, 0, &made) != PP_OK)
        return NULL;
    /* Held for a few stores, so that even a thread inside a scope may wait for it. */
    while (!pp_mutex_trylock(&making))
        sched_yield();
    found = atomic_load_explicit(&root, memory_order_relaxed);
    if (found == NULL) {
        pp_object_immortalize(thread, &made->keyed.base);
        atomic_store_explicit(&root, made, memory_order_release);
    }
    pp_mutex_unlock(&making);
    if (found == NULL)
        return made;
    pp_release(thread, &made->keyed.base);
    return found;
}
