/* share_pickle.h - live objects by number, within the process. */
#ifndef PARAPACK_EXT_SHARE_PICKLE_H
#define PARAPACK_EXT_SHARE_PICKLE_H

#include "state.h"

/* What a pickle calls: share_open(kind, id, nonce) -> the proxy. LookupError where the object is
 * gone, or belongs to another process. */
PyObject *share_open(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
extern const char share_open_doc[];

#endif /* PARAPACK_EXT_SHARE_PICKLE_H */
