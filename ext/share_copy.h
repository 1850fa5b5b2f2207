/* share_copy.h - deep copies of live containers. */
#ifndef PARAPACK_EXT_SHARE_COPY_H
#define PARAPACK_EXT_SHARE_COPY_H

#include "share_proxy.h"

extern const char share_deepcopy_doc[];

/* __deepcopy__ of Dict, List, Set and Counter: a new one, in which every live Dict, List, Set and
 * Counter that can be reached is replaced by a copy of its own, each by one. Queues stay the same,
 * frozen values cannot change and stay too. */
PyObject *share_deepcopy(PyObject *self, PyObject *memo);

#endif /* PARAPACK_EXT_SHARE_COPY_H */
