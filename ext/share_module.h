/* share_module.h - what module.c takes from parapack.share. */
#ifndef PARAPACK_EXT_SHARE_MODULE_H
#define PARAPACK_EXT_SHARE_MODULE_H

#include "state.h"

/* Makes the types, the functions and share.MISSING. 0 or -1. */
int share_add(PyObject *module, module_state *st);

int share_traverse(module_state *st, visitproc visit, void *arg);
void share_clear(module_state *st);

#endif /* PARAPACK_EXT_SHARE_MODULE_H */
