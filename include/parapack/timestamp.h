/* parapack/timestamp.h - the timestamp extension, type -1.
 *
 * A timestamp is a count of seconds since 1970-01-01T00:00:00Z (leap seconds
 * not counted) and nanoseconds that add to it, 0 to 999,999,999 also before 1970.
 * It is written in the shortest of three forms:
 *
 *   32: 4 bytes, seconds 0 to 2**32-1, no nanoseconds
 *   64: 8 bytes, 30 bits nanoseconds, 34 bits seconds (to the year 2514)
 *   96: 12 bytes, 32 bits nanoseconds, 64 bits signed seconds
 *
 * Thread safety: pure functions of their arguments.
 */
#ifndef PARAPACK_TIMESTAMP_H
#define PARAPACK_TIMESTAMP_H

#include <time.h>

#include "parapack/config.h"
#include "parapack/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_timestamp {
    int64_t seconds;
    uint32_t nanoseconds;
} pp_timestamp;

enum { PP_NANOSECONDS_MAX = 999999999 };

/* Decodes the body of a timestamp: the `size` bytes behind the ext header.
 * Every form is accepted for every value, as the specification asks of readers.
 * PP_ERR_TIMESTAMP if size is not 4, 8 or 12, or nanoseconds exceed 999,999,999. */
PP_NODISCARD PP_API pp_status pp_timestamp_decode(const uint8_t *body, size_t size,
                                                  pp_timestamp *timestamp);

/* As struct timespec. PP_ERR_RANGE where time_t cannot hold the seconds;
 * PP_ERR_TIMESTAMP if nanoseconds exceed 999,999,999. */
PP_NODISCARD PP_API pp_status pp_timestamp_to_timespec(pp_timestamp timestamp,
                                                       struct timespec *time);

/* From struct timespec. PP_ERR_TIMESTAMP if tv_nsec is not 0 to 999,999,999. */
PP_NODISCARD PP_API pp_status pp_timestamp_from_timespec(const struct timespec *time,
                                                         pp_timestamp *timestamp);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_TIMESTAMP_H */
