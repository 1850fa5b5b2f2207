/* For benches of containers: as many places (keys, indexes) as the command line says, visited at
 * random. */
#ifndef PP_BENCH_PLACES_H
#define PP_BENCH_PLACES_H

#include <stdint.h>

#include "parapack/status.h"
#include "scaling.h"

enum { PLACES_MAX = 1 << 20, SCOPE = 100 /* operations in a scope, where nothing else is said */ };

static size_t places;
static volatile uint64_t consumed[2][16]; /* what the threads have read: never optimised away */

static inline void require(pp_status status)
{
    if (status == PP_OK)
        return;
    fprintf(stderr, "%s\n", pp_status_text(status));
    exit(1);
}

/* From the first argument, 1000 without one; ends the program where that is out of range. */
static inline void read_places(int argc, char **argv, size_t least)
{
    places = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    if (places >= least && places <= PLACES_MAX)
        return;
    fprintf(stderr, "%s: expected a number from %zu to %d\n", argv[1], least, PLACES_MAX);
    exit(2);
}

/* Places in a random order, the same in every run. */
static inline size_t next_place(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (size_t)((*random >> 32) * places >> 32);
}

/* What the loop costs without a container. */
static inline void use_nothing(void *context, unsigned thread, size_t count)
{
    uint64_t random = thread + 1, sum = 0;
    (void)context;
    for (size_t i = 0; i < count; i++)
        sum += next_place(&random);
    consumed[thread][0] = sum;
}

#endif /* PP_BENCH_PLACES_H */
