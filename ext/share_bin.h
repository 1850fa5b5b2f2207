/* share_bin.h - large bins of the share runtime, shown to Python without a copy.
 *
 * A bin of SHARE_BIN_MIN bytes or more comes out of a container as a read-only
 * memoryview. What it views is an exporter, which holds a counted reference to the
 * value: the bytes stay where they are, for all interpreters, until the last view
 * of them is gone, also when the container has long forgotten them.
 */
#ifndef PARAPACK_EXT_SHARE_BIN_H
#define PARAPACK_EXT_SHARE_BIN_H

#include "share_proxy.h"

enum { SHARE_BIN_MIN = 4096 }; /* bytes: as in a View (VIEW_BODY_MIN) */

/* Is `value` a bin that comes out this way? */
bool share_bin_is_large(pp_value value);

/* A new memoryview of such a bin, a counted reference, which is taken over. NULL with MemoryError.
 * Outside of scopes. */
PyObject *share_bin_view(module_state *st, pp_value value);

/* Is `o` an exporter? Its bytes never change. */
bool share_bin_is_exporter(PyObject *o);

/* The bin that a contiguous view shows all of, borrowed until the view is released; PP_NO_VALUE for
 * a view of anything else. */
pp_value share_bin_of(const Py_buffer *view);

int share_bin_add_type(PyObject *module, module_state *st);

#endif /* PARAPACK_EXT_SHARE_BIN_H */
