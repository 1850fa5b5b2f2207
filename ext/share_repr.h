/* share_repr.h - what live containers look like. */
#ifndef PARAPACK_EXT_SHARE_REPR_H
#define PARAPACK_EXT_SHARE_REPR_H

#include "share_proxy.h"

enum {
    SHARE_REPR_ITEMS = 60, /* of one container; "..." stands for the rest */
    SHARE_REPR_DEPTH = 6,  /* live containers within live containers; deeper ones are "..." */
};

/* "share.Dict({...})" and so on, for a Dict, List or Set; "share.Dict(...)" for one that is being
 * shown already further out. A new str, or NULL with an exception. */
PyObject *share_repr(PyObject *self, const char *name);

#endif /* PARAPACK_EXT_SHARE_REPR_H */
