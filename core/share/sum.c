#include "share/sum.h"

/* An int of MessagePack's range: the low 64 bits of its two's complement, and whether it is
 * negative. */
typedef struct wide {
    uint64_t low;
    bool negative;
} wide;

static bool as_wide(pp_value value, wide *number)
{
    int64_t i;
    if (pp_value_int(value, &i)) {
        *number = (wide){(uint64_t)i, i < 0};
        return true;
    }
    number->negative = false;
    return pp_value_uint(value, &number->low);
}

static double as_double(wide number)
{
    return number.negative ? (double)(int64_t)number.low : (double)number.low;
}

static bool as_real(pp_value value, double *real)
{
    wide number;
    if (pp_value_float(value, real))
        return true;
    if (!as_wide(value, &number))
        return false;
    *real = as_double(number);
    return true;
}

/* In two's complement, looking at the carry out of the 64 bits. */
static pp_status sum_of_ints(pp_thread *thread, wide a, wide b, pp_value *sum)
{
    uint64_t low = a.low + b.low;
    bool carry = low < a.low;
    if (a.negative && b.negative)
        return low >> 63 != 0 ? pp_int(thread, (int64_t)low, sum) : PP_ERR_RANGE;
    if (a.negative == b.negative)
        return carry ? PP_ERR_RANGE : pp_uint(thread, low, sum);
    return carry ? pp_uint(thread, low, sum) : pp_int(thread, (int64_t)low, sum);
}

pp_status pp_value_sum(pp_thread *thread, pp_value a, pp_value b, pp_value *sum)
{
    wide i, j;
    double x, y;
    if (PP_LIKELY(as_wide(a, &i) && as_wide(b, &j)))
        return sum_of_ints(thread, i, j, sum);
    if (as_real(a, &x) && as_real(b, &y))
        return pp_float(thread, x + y, sum);
    return PP_ERR_TYPE;
}
