/* parapack/list.h - a list that threads read without waiting and change under its lock.
 *
 * Reads take no lock and no count and never wait; each sees the list as it was at
 * one moment during the call. Changes are single steps at one moment during the call; at
 * the end they are in place, in the middle they replace the array, which costs as much as
 * copying it. All operations are linearizable.
 *
 * Indexes: 0 to count-1, or -1 to -count from the end. PP_ERR_RANGE for others. A list
 * has at most 2**32-1 items: PP_ERR_TOO_LONG.
 *
 * All functions: inside a scope of `thread`; thread-safe; `list` is a counted or borrowed
 * reference; PP_ERR_BUSY, PP_ERR_GONE and PP_ERR_NOMEM as in dict.h.
 */
#ifndef PARAPACK_LIST_H
#define PARAPACK_LIST_H

#include "parapack/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_list pp_list;

/* An empty list: a new reference. */
PP_API PP_NODISCARD pp_status pp_list_new(pp_thread *thread, size_t capacity, pp_list **list);

/* How many items it has. Wait-free. */
PP_API size_t pp_list_count(const pp_list *list);

/* The item, borrowed, or PP_NO_VALUE where the index is out of range. Wait-free; from the end it
 * starts again as often as another thread has changed the length in the middle of it. */
PP_API pp_value pp_list_get(pp_thread *thread, const pp_list *list, int64_t index);

/* Each takes its values. */
PP_API PP_NODISCARD pp_status pp_list_set(pp_thread *thread, pp_list *list, int64_t index,
                                          pp_value value);
PP_API PP_NODISCARD pp_status pp_list_append(pp_thread *thread, pp_list *list, pp_value value);

/* Appends `count` values in one step. */
PP_API PP_NODISCARD pp_status pp_list_extend(pp_thread *thread, pp_list *list,
                                             const pp_value *values, size_t count);

/* Replaces the items from `start` to before `stop` by `count` values in one step; start and stop
 * are clamped as in Python's slices (negative ones count from the end). Insertion and deletion of a
 * range are the cases where one of both is empty. */
PP_API PP_NODISCARD pp_status pp_list_splice(pp_thread *thread, pp_list *list, int64_t start,
                                             int64_t stop, const pp_value *values, size_t count);

/* Removes the item; *value is counted (NULL: released). PP_ERR_RANGE. */
PP_API PP_NODISCARD pp_status pp_list_pop(pp_thread *thread, pp_list *list, int64_t index,
                                          pp_value *value);

/* As pp_dict_compare_and_set, without the cases of missing values: PP_ERR_RANGE for the index. */
PP_API PP_NODISCARD pp_status pp_list_compare_and_set(pp_thread *thread, pp_list *list,
                                                      int64_t index, pp_value expected,
                                                      pp_value desired, bool *swapped);

/* As pp_dict_add; PP_ERR_RANGE for the index, too. */
PP_API PP_NODISCARD pp_status pp_list_add(pp_thread *thread, pp_list *list, int64_t index,
                                          pp_value delta, pp_value *sum);

/* Removes the first item that is `value` or equals it (pp_value_equal); *removed tells. Borrows
 * `value`. */
PP_API PP_NODISCARD pp_status pp_list_remove(pp_thread *thread, pp_list *list, pp_value value,
                                             bool *removed);

PP_API PP_NODISCARD pp_status pp_list_reverse(pp_thread *thread, pp_list *list);
PP_API PP_NODISCARD pp_status pp_list_clear(pp_thread *thread, pp_list *list);

/* The items from start to before stop (clamped) as they were at one moment; released with
 * pp_values_release. */
PP_API PP_NODISCARD pp_status pp_list_snapshot(pp_thread *thread, pp_list *list, int64_t start,
                                               int64_t stop, pp_values *snapshot);

/* Replaces all items, if the list still is what `seen` (a whole snapshot of it) was, item by item
 * the same values and objects: for changes that are computed outside, such as sorting or slices
 * with a step. Takes `values`, in both cases. *replaced tells. */
PP_API PP_NODISCARD pp_status pp_list_replace(pp_thread *thread, pp_list *list,
                                              const pp_values *seen, const pp_value *values,
                                              size_t count, bool *replaced);

PP_INLINE pp_object *pp_list_object(pp_list *list)
{
    return (pp_object *)list;
}

/* `object` as a list, NULL if it is another kind. The same reference. */
PP_API pp_list *pp_object_list(pp_object *object);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_LIST_H */
