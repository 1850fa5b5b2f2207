/* share_state.h - the part of the module state that is parapack.share's. */
#ifndef PARAPACK_EXT_SHARE_STATE_H
#define PARAPACK_EXT_SHARE_STATE_H

#include "pycompat.h"

enum { SHARE_TEXTS = 4096 }; /* share_text.h */

typedef struct share_state {
    PyTypeObject *dict_type;
    PyTypeObject *list_type;
    PyTypeObject *set_type;
    PyTypeObject *counter_type;
    PyTypeObject *queue_type;
    PyTypeObject *queue_notifier_type;
    PyTypeObject *bin_type;
    PyTypeObject *missing_type;
    PyObject *missing; /* share.MISSING */
    PyObject *opener;  /* what pickles call: _parapack.share_open */
#if !defined(Py_GIL_DISABLED)
    PyObject *texts[SHARE_TEXTS]; /* strong references to str, or NULL; share_text.h */
#endif
} share_state;

#endif /* PARAPACK_EXT_SHARE_STATE_H */
