/* share_counter.h - parapack.share.Counter. */
#ifndef PARAPACK_EXT_SHARE_COUNTER_H
#define PARAPACK_EXT_SHARE_COUNTER_H

#include "state.h"

int share_counter_add_type(PyObject *module, module_state *st);

#endif /* PARAPACK_EXT_SHARE_COUNTER_H */
