/* share/sum.h - adding numbers inside containers. */
#ifndef PP_SHARE_SUM_H
#define PP_SHARE_SUM_H

#include "parapack/value.h"

/* *sum becomes a + b, a new reference: an int if both are ints, else a float. PP_ERR_TYPE where one
 * is neither (a bool is none); PP_ERR_RANGE where the sum of ints is outside of -2**63 to 2**64-1;
 * PP_ERR_NOMEM. `thread` is attached. */
PP_NODISCARD pp_status pp_value_sum(pp_thread *thread, pp_value a, pp_value b, pp_value *sum);

#endif /* PP_SHARE_SUM_H */
