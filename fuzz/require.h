/* What the properties have in common. */
#ifndef PARAPACK_FUZZ_REQUIRE_H
#define PARAPACK_FUZZ_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

enum { DEPTH = 64 /* less than the default, so that inputs reach it */ };

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif /* PARAPACK_FUZZ_REQUIRE_H */
