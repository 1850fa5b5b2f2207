/* share_snapshot.h - snapshots of containers as plain Python objects.
 *
 * Each takes over the references of `snapshot`, also on failure, and returns a new
 * object or NULL with an exception. `limit` is how many items are converted at most (SHARE_ALL: all
 * of them); a long one gives the GIL up now and then. Outside of scopes.
 */
#ifndef PARAPACK_EXT_SHARE_SNAPSHOT_H
#define PARAPACK_EXT_SHARE_SNAPSHOT_H

#include "share_value.h"

#define SHARE_ALL SIZE_MAX

/* A list of the values. */
PyObject *share_list_of(module_state *st, pp_values *snapshot, size_t limit);

/* A dict of keys and values by turns. */
PyObject *share_dict_of(module_state *st, pp_values *snapshot, size_t limit);

/* A dict whose keys are the values, which are keys or members, and whose values are None. */
PyObject *share_keys_of(module_state *st, pp_values *snapshot);

/* A set of the values, which are members of one. */
PyObject *share_set_of(module_state *st, pp_values *snapshot, size_t limit);

/* Releases a snapshot. Outside of scopes. */
void share_values_release(pp_values *snapshot);

/* Counted values of Python objects, as arguments of one step. */
typedef struct share_values {
    pp_value *items;
    size_t count;
} share_values;

/* Makes values of the items of `list`, a list that nobody else has. 0, or -1 with an exception and
 * nothing to clear. `share_values_clear` frees the array, and releases the values unless they were
 * given away
 * (`count` set to 0 by the caller). Outside of scopes. */
int share_values_of(module_state *st, PyObject *list, share_values *values);
void share_values_clear(share_values *values);

#endif /* PARAPACK_EXT_SHARE_SNAPSHOT_H */
