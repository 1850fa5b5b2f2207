/* parapack/set.h - a set of keys: dict.h without values, with the same promises. */
#ifndef PARAPACK_SET_H
#define PARAPACK_SET_H

#include "parapack/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_set pp_set;

/* All functions as those of dict.h: inside a scope, thread-safe, PP_ERR_BUSY, PP_ERR_GONE,
 * PP_ERR_NOMEM.
 *
 * An empty set with room for `capacity` members: a new reference. */
PP_API PP_NODISCARD pp_status pp_set_new(pp_thread *thread, size_t capacity, pp_set **set);

/* How many members it has. Wait-free. */
PP_API size_t pp_set_count(const pp_set *set);

/* Wait-free. */
PP_API bool pp_set_has(pp_thread *thread, const pp_set *set, const pp_key *member);

/* *added: it was not there. Takes no lock where it is. */
PP_API PP_NODISCARD pp_status pp_set_add(pp_thread *thread, pp_set *set, const pp_key *member,
                                         bool *added);

/* *removed: it was there. Takes no lock where it is not. */
PP_API PP_NODISCARD pp_status pp_set_remove(pp_thread *thread, pp_set *set, const pp_key *member,
                                            bool *removed);

/* The newest member, counted, or PP_NO_VALUE where the set is empty. */
PP_API PP_NODISCARD pp_status pp_set_pop(pp_thread *thread, pp_set *set, pp_value *member);

/* As pp_dict_clear, pp_dict_snapshot and pp_dict_copy. */
PP_API PP_NODISCARD pp_status pp_set_clear(pp_thread *thread, pp_set *set);
PP_API PP_NODISCARD pp_status pp_set_snapshot(pp_thread *thread, pp_set *set, pp_values *snapshot);
PP_API PP_NODISCARD pp_status pp_set_copy(pp_thread *thread, pp_set *set, pp_set **copy);

PP_INLINE pp_object *pp_set_object(pp_set *set)
{
    return (pp_object *)set;
}

/* `object` as a set, NULL if it is another kind. The same reference. */
PP_API pp_set *pp_object_set(pp_object *object);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_SET_H */
