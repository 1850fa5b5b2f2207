/* share/dict.h - the dict as an object. */
#ifndef PP_SHARE_DICT_H
#define PP_SHARE_DICT_H

#include "parapack/dict.h"
#include "share/keyed.h"

/* Values are whatever was set. */
struct pp_dict {
    pp_keyed keyed;
};

/* Listed in object_types.c. */
extern const pp_object_type pp_dict_type;

#endif /* PP_SHARE_DICT_H */
