/* functions.h - the module's functions, as METH_FASTCALL | METH_KEYWORDS. */
#ifndef PARAPACK_EXT_FUNCTIONS_H
#define PARAPACK_EXT_FUNCTIONS_H

#include "pycompat.h"

#define FUNCTION(name)                                                                             \
    PyObject *name(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)

FUNCTION(function_packb);
FUNCTION(function_pack);
FUNCTION(function_pack_parts);
FUNCTION(function_pack_into);
FUNCTION(function_unpackb);
FUNCTION(function_unpack);

#undef FUNCTION

#endif /* PARAPACK_EXT_FUNCTIONS_H */
