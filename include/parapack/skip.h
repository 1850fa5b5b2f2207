/* parapack/skip.h - finds the end of a value, and checks it on the way.
 *
 * No allocation, no recursion. Nesting is bounded: at most max_depth containers
 * are open at once, empty ones included; one more is PP_ERR_DEPTH. That rule is
 * the same in the whole library.
 *
 * Always checked: the structure, 0xc1, the depth. With flags also:
 */
#ifndef PARAPACK_SKIP_H
#define PARAPACK_SKIP_H

#include "parapack/config.h"
#include "parapack/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PP_CHECK_UTF8 = 1,       /* every str is UTF-8, else PP_ERR_UTF8 */
    PP_CHECK_TIMESTAMPS = 2, /* every ext of type -1 is a timestamp, else PP_ERR_TIMESTAMP */

    PP_MAX_DEPTH = 1024 /* the depth to use without a reason for another */
};

/* ---- the whole value at hand --------------------------------------------- */

/* Skips the value at the start of the `size` bytes at `data`. On PP_OK `*end` is
 * its size. On an error `*end` is the offset of what is wrong: of the byte 0xc1,
 * of the header of the container too deep, of the ill-formed sequence in a str, of
 * the body of the timestamp. PP_ERR_EOF, that the value goes on beyond `size`: of
 * the end of the input, which is `size`.
 * PP_ERR_ARGUMENT: max_depth above PP_MAX_DEPTH (`*end` is 0). Uses 8 KiB of stack.
 * Thread safety: a pure function of its arguments. */
PP_NODISCARD PP_API pp_status pp_skip(const uint8_t *data, size_t size, uint32_t max_depth,
                                      size_t *end);

/* As pp_skip, with the checks that `flags` name. */
PP_NODISCARD PP_API pp_status pp_validate(const uint8_t *data, size_t size, uint32_t max_depth,
                                          unsigned flags, size_t *end);

/* ---- a value that comes in pieces ---------------------------------------- */

/* What is known between two pieces. Only `offset` and `depth` are for reading. Belongs
 * to one thread at a time; needs no clean-up. */
typedef struct pp_skipper {
    uint64_t offset;    /* bytes of the value passed so far; after an error, where it is */
    uint64_t *open;     /* per open container, how many items are still to come */
    uint64_t body;      /* bytes of the current str, bin, ext or number still to pass */
    uint32_t depth;     /* open[0..depth) are in use; each is > 0 */
    uint32_t max_depth; /* 0 <= depth <= max_depth */
    unsigned flags;     /* PP_CHECK_* */
    pp_status status;   /* PP_OK, or the sticky error */
    uint8_t state;      /* what the next byte belongs to */
    uint8_t saved_size; /* bytes in `saved` */
    uint8_t saved[6];   /* a header, sequence or timestamp that a piece's end has cut */
} pp_skipper;

/* Prepares for a first value. `open` is the caller's array of `max_depth`
 * elements, used until the last call (NULL if max_depth is 0: scalars only). */
PP_API void pp_skipper_init(pp_skipper *skipper, uint64_t *open, uint32_t max_depth,
                            unsigned flags);

/* Prepares for another value, wherever the last one stood. */
PP_API void pp_skipper_reset(pp_skipper *skipper);

/* Goes on with the next `size` bytes of the input; `*used` is how many of them it
 * took (`data` may be NULL for none).
 *   PP_OK: the value is complete and ends behind those; skipper->offset is its size.
 *   The next feed begins another value (with offset 0).
 *   PP_ERR_EOF: all were taken and the value goes on.
 *   Any other: the value is bad at skipper->offset, counted from its first byte;
 *   `*used` is 0 from now on, and the status stays, until pp_skipper_reset.
 * The outcome does not depend on how the input was cut. */
PP_NODISCARD PP_API pp_status pp_skipper_feed(pp_skipper *skipper, const uint8_t *data, size_t size,
                                              size_t *used);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_SKIP_H */
