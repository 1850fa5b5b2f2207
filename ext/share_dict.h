/* share_dict.h - parapack.share.Dict, between the files of the extension. */
#ifndef PARAPACK_EXT_SHARE_DICT_H
#define PARAPACK_EXT_SHARE_DICT_H

#include "pycompat.h"

#include "parapack/dict.h"
#include "share_snapshot.h"

int share_dict_add_type(PyObject *module, module_state *st);

PP_INLINE pp_dict *share_dict_of_proxy(PyObject *self)
{
    return (pp_dict *)share_object(self); /* every pp_dict begins with its pp_object */
}

/* The pairs, keys or values at one moment. 0, or -1 with an exception. */
int share_dict_snapshot(PyObject *self, pp_dict_part part, pp_values *snapshot);

/* self[key] = value. 0 or -1. */
int share_dict_store(PyObject *self, PyObject *key, PyObject *value);

/* Stores the pairs of a mapping, an iterable of pairs, or another Dict. 0 or -1.
 * (share_dict_update.c) */
int share_dict_update(PyObject *self, PyObject *other);

#endif /* PARAPACK_EXT_SHARE_DICT_H */
