/* share/keyed.h - what dicts and sets are: an object with a table (table.h) under its lock. */
#ifndef PP_SHARE_KEYED_H
#define PP_SHARE_KEYED_H

#include "share/table.h"

/* The pointer that every reader loads is kept off the cache line of the lock, which every writer
 * writes. */
typedef struct pp_keyed {
    pp_object base;
    char apart[PP_CACHE_LINE];
    pp_table_place table;
} pp_keyed;

/* A new one of `kind`, with room for `capacity` keys. NULL: no memory. */
PP_NODISCARD pp_keyed *pp_keyed_new(pp_thread *thread, pp_kind kind, size_t capacity);

/* The table, for the holder of the lock. */
PP_INLINE pp_table *pp_keyed_table(const pp_keyed *keyed)
{
    /* Relaxed: written under the lock. */
    return atomic_load_explicit(&keyed->table, memory_order_relaxed);
}

/* Gives the lock back; then what `change` has left over is given up. */
void pp_keyed_finish(pp_thread *thread, pp_keyed *keyed, pp_table_change *change);

/* As the public functions of both kinds. */
PP_NODISCARD pp_status pp_keyed_clear(pp_thread *thread, pp_keyed *keyed);
PP_NODISCARD pp_status pp_keyed_pop_last(pp_thread *thread, pp_keyed *keyed, pp_value *key,
                                         pp_value *value);
PP_NODISCARD pp_status pp_keyed_snapshot(pp_thread *thread, pp_keyed *keyed, bool keys, bool values,
                                         pp_values *snapshot);
PP_NODISCARD pp_status pp_keyed_copy(pp_thread *thread, pp_keyed *keyed, pp_keyed **copy);

/* The functions of both types (object.h). */
void pp_keyed_object_clear(pp_thread *thread, pp_object *object);
void pp_keyed_object_visit(pp_object *object, pp_visit *visit, void *context);
void pp_keyed_object_visit_keys(pp_object *object, pp_visit *visit, void *context);
size_t pp_keyed_object_size(const pp_object *object);
void pp_keyed_object_check(const pp_object *object);

#endif /* PP_SHARE_KEYED_H */
