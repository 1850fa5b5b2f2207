/* native_dates.h - datetime, date and time for the `native` option.
 *
 * Each function takes an instance of the type it is named for, or of a subclass,
 * and returns a new reference, or NULL with an exception. For a subclass, and
 * for a tzinfo, it may run code of the caller's.
 */
#ifndef PARAPACK_EXT_NATIVE_DATES_H
#define PARAPACK_EXT_NATIVE_DATES_H

#include "native_types.h"

/* A Timestamp for an aware datetime, the ISO 8601 text of a naive one. */
PyObject *native_from_datetime(module_state *st, native_types *types, PyObject *o);

/* The ISO 8601 text that isoformat() returns. native_from_date() leaves a
 * datetime, which is a date too, to others: NULL without an exception. */
PyObject *native_from_date(module_state *st, native_types *types, PyObject *o);
PyObject *native_from_time(module_state *st, native_types *types, PyObject *o);

#endif /* PARAPACK_EXT_NATIVE_DATES_H */
