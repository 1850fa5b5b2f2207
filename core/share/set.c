#include "share/set.h"

#include "share/container.h"

const pp_object_type pp_set_type = {.kind = PP_KIND_SET,
                                    .container = true,
                                    .clear = pp_keyed_object_clear,
                                    .visit_keys = pp_keyed_object_visit_keys,
                                    .size = pp_keyed_object_size,
                                    .check = pp_keyed_object_check};

pp_set *pp_object_set(pp_object *object)
{
    return pp_object_kind(object) == PP_KIND_SET ? (pp_set *)object : NULL;
}

pp_status pp_set_new(pp_thread *thread, size_t capacity, pp_set **set)
{
    pp_keyed *made = pp_keyed_new(thread, PP_KIND_SET, capacity);
    if (made == NULL)
        return PP_ERR_NOMEM;
    *set = (pp_set *)made;
    return PP_OK;
}

size_t pp_set_count(const pp_set *set)
{
    return pp_table_count(pp_table_of(&set->keyed.table));
}

bool pp_set_has(pp_thread *thread, const pp_set *set, const pp_key *member)
{
    (void)thread; /* its scope is what keeps the table readable */
    return pp_table_get(pp_table_of(&set->keyed.table), member) != 0;
}

pp_status pp_set_add(pp_thread *thread, pp_set *set, const pp_key *member, bool *added)
{
    pp_table_change change = {0};
    if (pp_set_has(thread, set, member)) { /* no lock where there is nothing to change */
        *added = false;
        return PP_OK;
    }
    pp_status status = pp_container_lock(thread, &set->keyed.base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    bool missing = pp_table_find(pp_keyed_table(&set->keyed), member) == NULL;
    if (missing)
        status = pp_table_insert(thread, &set->keyed.table, member, PP_WORD_NIL, &change);
    pp_keyed_finish(thread, &set->keyed, &change);
    if (PP_LIKELY(status == PP_OK))
        *added = missing;
    return status;
}

pp_status pp_set_remove(pp_thread *thread, pp_set *set, const pp_key *member, bool *removed)
{
    pp_table_change change = {0};
    if (!pp_set_has(thread, set, member)) {
        *removed = false;
        return PP_OK;
    }
    pp_status status = pp_container_lock(thread, &set->keyed.base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_table_entry *entry = pp_table_find(pp_keyed_table(&set->keyed), member);
    if (entry != NULL)
        (void)pp_table_remove(thread, &set->keyed.table, entry, &change);
    pp_keyed_finish(thread, &set->keyed, &change);
    *removed = entry != NULL;
    return PP_OK;
}

pp_status pp_set_pop(pp_thread *thread, pp_set *set, pp_value *member)
{
    pp_value nil;
    return pp_keyed_pop_last(thread, &set->keyed, member, &nil);
}

pp_status pp_set_clear(pp_thread *thread, pp_set *set)
{
    return pp_keyed_clear(thread, &set->keyed);
}

pp_status pp_set_snapshot(pp_thread *thread, pp_set *set, pp_values *snapshot)
{
    return pp_keyed_snapshot(thread, &set->keyed, true, false, snapshot);
}

pp_status pp_set_copy(pp_thread *thread, pp_set *set, pp_set **copy)
{
    pp_keyed *made;
    pp_status status = pp_keyed_copy(thread, &set->keyed, &made);
    if (status == PP_OK)
        *copy = (pp_set *)made;
    return status;
}
