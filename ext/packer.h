/* packer.h - the type parapack.Packer. */
#ifndef PARAPACK_EXT_PACKER_H
#define PARAPACK_EXT_PACKER_H

#include "state.h"

/* Creates the type, adds it to `module` and to the state. 0, or -1 with an exception. */
int packer_add_type(PyObject *module, module_state *st);

#endif /* PARAPACK_EXT_PACKER_H */
