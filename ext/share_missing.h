/* share_missing.h - parapack.share.MISSING. */
#ifndef PARAPACK_EXT_SHARE_MISSING_H
#define PARAPACK_EXT_SHARE_MISSING_H

#include "state.h"

/* Makes the type and its only instance. */
int share_missing_add(PyObject *module, module_state *st);

#endif /* PARAPACK_EXT_SHARE_MISSING_H */
