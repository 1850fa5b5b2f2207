/* timestamp.h - parapack.Timestamp: seconds and nanoseconds since 1970.
 *
 * An instance never changes after it was made, so that every function here is
 * safe from any thread. A program can make Timestamps whose seconds exceed 64
 * bits, as with msgpack-python; they can be computed with, not packed.
 */
#ifndef PARAPACK_EXT_TIMESTAMP_H
#define PARAPACK_EXT_TIMESTAMP_H

#include "pycompat.h"

#include "state.h"

/* Makes the type, sets st->timestamp_type and module.Timestamp.
 * 0, or -1 with an exception. */
int timestamp_add_type(PyObject *module, module_state *st);

/* A new Timestamp. Precondition: nanoseconds <= 999,999,999. NULL with MemoryError. */
PyObject *timestamp_new(module_state *st, int64_t seconds, uint32_t nanoseconds);

/* The values of `self`, which is an instance of st->timestamp_type or of a
 * subtype. 0, or -1 with OverflowError where the seconds exceed 64 bits. */
int timestamp_get(PyObject *self, int64_t *seconds, uint32_t *nanoseconds);

/* The same as a number. New references, or NULL with MemoryError.
 *   float  seconds since 1970, rounded
 *   int    nanoseconds since 1970, exact
 * For a datetime see datetimes.h. */
PyObject *timestamp_to_float(int64_t seconds, uint32_t nanoseconds);
PyObject *timestamp_to_nanoseconds(int64_t seconds, uint32_t nanoseconds);

#endif /* PARAPACK_EXT_TIMESTAMP_H */
