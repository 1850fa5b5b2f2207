/* share/snapshot.h - arrays of counted references (pp_values), made by containers. */
#ifndef PP_SHARE_SNAPSHOT_H
#define PP_SHARE_SNAPSHOT_H

#include "parapack/value.h"

/* Makes *values, whatever it was, empty with room for `capacity`. False: no memory, and no room.
 * `thread` is attached. */
PP_NODISCARD bool pp_values_init(pp_thread *thread, pp_values *values, size_t capacity);

/* Appends one more reference to `value`, which somebody holds; there is room. */
PP_INLINE void pp_values_push(pp_thread *thread, pp_values *values, pp_value value)
{
    pp_value_retain(thread, value);
    values->items[values->count++] = value;
}

#endif /* PP_SHARE_SNAPSHOT_H */
