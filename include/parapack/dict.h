/* parapack/dict.h - a dict that threads read without waiting and change under its lock.
 *
 * Keys are str, bin, int, float, bool and nil (value.h). Order is that of first
 * insertion, as in Python; a key that was removed comes back at the end. Reads take
 * no lock and no count and never wait, also while the table is resized; each sees the
 * dict as it was at one moment during the call. Changes are single steps at one moment
 * during the call, too: all operations on all dicts are linearizable.
 *
 * All functions: inside a scope of `thread`; thread-safe. `dict` is a counted or
 * borrowed reference. Those that return a status may return
 *
 *   PP_ERR_BUSY  in a scope of pp_thread_try_enter only: another thread is changing the
 *                dict. Nothing was done, and what the call would take is still the
 *                caller's (the one exception to "takes")
 *   PP_ERR_GONE  where `dict` was borrowed only: it has died meanwhile, nobody can find it
 *                any more. Reads go on and see what was there last
 *
 * PP_ERR_NOMEM where it is named: nothing has changed. Values and keys that a change
 * replaces are released after it, outside of the dict's lock; the key of a pair that was
 * removed may stay in memory until the table is next resized.
 */
#ifndef PARAPACK_DICT_H
#define PARAPACK_DICT_H

#include "parapack/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_dict pp_dict;

/* An empty dict with room for `capacity` pairs: a new reference. PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_dict_new(pp_thread *thread, size_t capacity, pp_dict **dict);

/* How many pairs it has. Wait-free. */
PP_API size_t pp_dict_count(const pp_dict *dict);

/* The value of `key`, borrowed, or PP_NO_VALUE. Wait-free. */
PP_API pp_value pp_dict_get(pp_thread *thread, const pp_dict *dict, const pp_key *key);

/* Sets it; takes `value`. A key that is there already stays as it is (1 stays 1 where 1.0 is set).
 * PP_ERR_NOMEM; PP_ERR_UTF8 for a str key that is none. */
PP_API PP_NODISCARD pp_status pp_dict_set(pp_thread *thread, pp_dict *dict, const pp_key *key,
                                          pp_value value);

/* The value that is there, or else sets `value`, which it takes in both cases. *stored is borrowed;
 * *was_there tells which. Takes no lock where the value is there. As pp_dict_set. */
PP_API PP_NODISCARD pp_status pp_dict_setdefault(pp_thread *thread, pp_dict *dict,
                                                 const pp_key *key, pp_value value,
                                                 pp_value *stored, bool *was_there);

/* Removes the pair; *value is its value, counted, or PP_NO_VALUE where there was none. `value` may
 * be NULL: then it is released. */
PP_API PP_NODISCARD pp_status pp_dict_pop(pp_thread *thread, pp_dict *dict, const pp_key *key,
                                          pp_value *value);

/* Removes the newest pair; both counted, or PP_NO_VALUE where the dict is empty. Amortised constant
 * time. */
PP_API PP_NODISCARD pp_status pp_dict_pop_last(pp_thread *thread, pp_dict *dict, pp_value *key,
                                               pp_value *value);

/* If the value of `key` is `expected`, or equals it (pp_value_equal), makes it `desired`
 * (PP_NO_VALUE: removes it). An `expected` of PP_NO_VALUE: if there is none. *swapped tells.
 * Borrows `expected`, takes `desired`. PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_dict_compare_and_set(pp_thread *thread, pp_dict *dict,
                                                      const pp_key *key, pp_value expected,
                                                      pp_value desired, bool *swapped);

/* Adds the number `delta` (int or float) to the number at `key`; a missing one counts as 0. *sum,
 * borrowed, is the result, the new value. PP_ERR_TYPE where one is not a number (a bool is none);
 * PP_ERR_RANGE where the sum of ints is outside of -2**63 to 2**64-1; PP_ERR_NOMEM. Nothing has
 * changed then. */
PP_API PP_NODISCARD pp_status pp_dict_add(pp_thread *thread, pp_dict *dict, const pp_key *key,
                                          pp_value delta, pp_value *sum);

/* Removes all pairs, in constant time as others see it. */
PP_API PP_NODISCARD pp_status pp_dict_clear(pp_thread *thread, pp_dict *dict);

/* What a snapshot holds. */
typedef enum pp_dict_part { PP_DICT_KEYS = 1, PP_DICT_VALUES = 2, PP_DICT_ITEMS = 3 } pp_dict_part;

/* All keys, values, or keys and values by turns, in order, as they were at one moment. *snapshot is
 * released with pp_values_release. PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_dict_snapshot(pp_thread *thread, pp_dict *dict, pp_dict_part part,
                                               pp_values *snapshot);

/* A new dict with the same pairs, as they were at one moment: a new reference. PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_dict_copy(pp_thread *thread, pp_dict *dict, pp_dict **copy);

PP_INLINE pp_object *pp_dict_object(pp_dict *dict)
{
    return (pp_object *)dict;
}

/* `object` as a dict, NULL if it is another kind. The same reference. */
PP_API pp_dict *pp_object_dict(pp_object *object);

/* The dict that everybody in the process finds: immortal, made at the first call. NULL without
 * memory. Inside a scope. */
PP_API PP_NODISCARD pp_dict *pp_root(pp_thread *thread);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_DICT_H */
