#include "parapack/timestamp.h"
#include "parapack/format.h"

pp_status pp_timestamp_decode(const uint8_t *body, size_t size, pp_timestamp *timestamp)
{
    pp_timestamp t;
    switch (size) {
    case 4:
        t.seconds = pp_load_be32(body);
        t.nanoseconds = 0;
        break;
    case 8: {
        uint64_t v = pp_load_be64(body);
        t.seconds = (int64_t)(v & ((UINT64_C(1) << 34) - 1));
        t.nanoseconds = (uint32_t)(v >> 34);
        break;
    }
    case 12:
        t.seconds = (int64_t)pp_load_be64(body + 4);
        t.nanoseconds = pp_load_be32(body);
        break;
    default:
        return PP_ERR_TIMESTAMP;
    }
    if (t.nanoseconds > PP_NANOSECONDS_MAX)
        return PP_ERR_TIMESTAMP;
    *timestamp = t;
    return PP_OK;
}

pp_status pp_timestamp_to_timespec(pp_timestamp timestamp, struct timespec *time)
{
    if (timestamp.nanoseconds > PP_NANOSECONDS_MAX)
        return PP_ERR_TIMESTAMP;
    time_t seconds = (time_t)timestamp.seconds;
    if ((int64_t)seconds != timestamp.seconds)
        return PP_ERR_RANGE;
    time->tv_sec = seconds;
    time->tv_nsec = (long)timestamp.nanoseconds;
    return PP_OK;
}

pp_status pp_timestamp_from_timespec(const struct timespec *time, pp_timestamp *timestamp)
{
    if (time->tv_nsec < 0 || time->tv_nsec > PP_NANOSECONDS_MAX)
        return PP_ERR_TIMESTAMP;
    timestamp->seconds = time->tv_sec;
    timestamp->nanoseconds = (uint32_t)time->tv_nsec;
    return PP_OK;
}
