/* datetimes.h - datetime.datetime to and from seconds and nanoseconds.
 *
 * The datetime module is imported on first use, not with the extension: until
 * CPython 3.13 it does not load into an interpreter with its own GIL.
 */
#ifndef PARAPACK_EXT_DATETIMES_H
#define PARAPACK_EXT_DATETIMES_H

#include "state.h"

/* Is `o` exactly a datetime.datetime? Never fails: without the module there is none. */
bool is_datetime(module_state *st, PyObject *o);

/* 1 if `o` is exactly a datetime.datetime with a tzinfo, 0 if not, -1 with an exception. */
int is_aware_datetime(module_state *st, PyObject *o);

/* Does computing with the aware datetime `o` run no code but datetime's own? */
bool datetime_is_plain(module_state *st, PyObject *o);

/* Seconds since the epoch and nanoseconds of an aware datetime, in integer
 * arithmetic. May run the tzinfo's code. 0, or -1 with an exception. */
int timestamp_from_datetime(module_state *st, PyObject *datetime, int64_t *seconds,
                            uint32_t *nanoseconds);

/* A new aware UTC datetime; NULL with OverflowError outside years 1 to 9999.
 * Nanoseconds below a microsecond are dropped. */
PyObject *datetime_from_timestamp(module_state *st, int64_t seconds, uint32_t nanoseconds);

#endif /* PARAPACK_EXT_DATETIMES_H */
