/* parapack/counter.h - an atomic 64-bit integer.
 *
 * Every operation is one atomic instruction (or a short loop around one), with
 * sequentially consistent order. Thread-safe; inside a scope where `thread` is asked for.
 */
#ifndef PARAPACK_COUNTER_H
#define PARAPACK_COUNTER_H

#include "parapack/object.h"
#include "parapack/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_counter pp_counter;

/* A new one: a new reference. PP_ERR_NOMEM. */
PP_API PP_NODISCARD pp_status pp_counter_new(pp_thread *thread, int64_t number,
                                             pp_counter **counter);
PP_API int64_t pp_counter_get(const pp_counter *counter);
PP_API void pp_counter_set(pp_counter *counter, int64_t number);

/* Adds and gives the sum. PP_ERR_RANGE where it would leave the 64 bits: nothing is added then. */
PP_API PP_NODISCARD pp_status pp_counter_add(pp_counter *counter, int64_t delta, int64_t *sum);

/* Sets it and gives what it was. */
PP_API int64_t pp_counter_exchange(pp_counter *counter, int64_t number);

/* If it is `expected`, makes it `desired`; tells whether it did. */
PP_API bool pp_counter_compare_and_set(pp_counter *counter, int64_t expected, int64_t desired);

PP_INLINE pp_object *pp_counter_object(pp_counter *counter)
{
    return (pp_object *)counter;
}

/* `object` as a counter, NULL if it is another kind. The same reference. */
PP_API pp_counter *pp_object_counter(pp_object *object);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_COUNTER_H */
