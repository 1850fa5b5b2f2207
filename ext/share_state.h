/* share_state.h - the part of the module state that is parapack.share's. */
#ifndef PARAPACK_EXT_SHARE_STATE_H
#define PARAPACK_EXT_SHARE_STATE_H

#include "pycompat.h"

typedef struct share_state {
    PyTypeObject *dict_type;
    PyTypeObject *list_type;
    PyTypeObject *set_type;
    PyTypeObject *counter_type;
    PyTypeObject *queue_type;
    PyTypeObject *missing_type;
    PyObject *missing; /* share.MISSING */
    PyObject *opener;  /* what pickles call: _parapack.share_open */
} share_state;

/* What module.c calls for the fields above, and for those of the queue. */
int share_add(PyObject *module, share_state *share);
int share_traverse(share_state *share, visitproc visit, void *arg);
void share_clear(share_state *share);

#endif /* PARAPACK_EXT_SHARE_STATE_H */
