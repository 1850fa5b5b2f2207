/* view_state.h - the part of the module state that is parapack.View's. */
#ifndef PARAPACK_EXT_VIEW_STATE_H
#define PARAPACK_EXT_VIEW_STATE_H

#include "pycompat.h"

typedef struct view_state {
    PyTypeObject *view_type;
    PyTypeObject *array_type;
    PyTypeObject *map_type;
    PyTypeObject *document_type;
    PyTypeObject *iterator_type;
    PyObject *keys, *values, *items; /* what a MapView's methods of that name call (_views.py) */
} view_state;

#endif /* PARAPACK_EXT_VIEW_STATE_H */
