/* share/counter.h - the counter as an object: one word. */
#ifndef PP_SHARE_COUNTER_H
#define PP_SHARE_COUNTER_H

#include "parapack/counter.h"
#include "share/object.h"

struct pp_counter {
    pp_object base;
    _Atomic int64_t number;
};

extern const pp_object_type pp_counter_type;

#endif /* PP_SHARE_COUNTER_H */
