/* share/set.h - the set as an object. */
#ifndef PP_SHARE_SET_H
#define PP_SHARE_SET_H

#include "parapack/set.h"
#include "share/keyed.h"

/* All values are nil. */
struct pp_set {
    pp_keyed keyed;
};

/* Listed in object_types.c. */
extern const pp_object_type pp_set_type;

#endif /* PP_SHARE_SET_H */
