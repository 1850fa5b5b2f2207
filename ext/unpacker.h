/* unpacker.h - the type parapack.Unpacker. */
#ifndef PARAPACK_EXT_UNPACKER_H
#define PARAPACK_EXT_UNPACKER_H

#include "state.h"

/* Creates the type, adds it to `module` and to the state. 0, or -1 with an exception. */
int unpacker_add_type(PyObject *module, module_state *st);

#endif /* PARAPACK_EXT_UNPACKER_H */
