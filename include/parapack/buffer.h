/* parapack/buffer.h - a byte buffer that grows.
 *
 * The buffer owns its bytes and belongs to one thread at a time.
 * Invariant: size <= capacity; data == NULL exactly when capacity == 0.
 */
#ifndef PARAPACK_BUFFER_H
#define PARAPACK_BUFFER_H

#include "parapack/alloc.h"
#include "parapack/config.h"
#include "parapack/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_buffer {
    uint8_t *data;                 /* owned; moves when the buffer grows */
    size_t size;                   /* bytes that mean something */
    size_t capacity;               /* bytes allocated */
    const pp_allocator *allocator; /* not owned, must outlive the buffer */
} pp_buffer;

/* Makes `buffer` empty. Allocates nothing. `allocator` may be NULL for malloc. */
PP_API void pp_buffer_init(pp_buffer *buffer, const pp_allocator *allocator);

/* Frees the bytes and leaves `buffer` empty and usable. */
PP_API void pp_buffer_deinit(pp_buffer *buffer);

/* Makes capacity - size at least `extra`. Capacity at least doubles when it
 * changes, so appending n bytes in any pieces costs O(n).
 * PP_ERR_NOMEM (also when the sum exceeds SIZE_MAX / 2): unchanged. */
PP_NODISCARD PP_API pp_status pp_buffer_reserve(pp_buffer *buffer, size_t extra);

/* Appends `size` bytes (`data` may be NULL for none; it must not point into the buffer).
 * PP_ERR_NOMEM: unchanged. */
PP_NODISCARD PP_API pp_status pp_buffer_append(pp_buffer *buffer, const void *data, size_t size);

/* Gives back the capacity beyond `size`. PP_ERR_NOMEM where the allocator
 * cannot shrink: unchanged, and still usable. */
PP_NODISCARD PP_API pp_status pp_buffer_shrink(pp_buffer *buffer);

/* Hands the bytes over: the caller now owns the result, `*size` bytes in a
 * block of `*capacity` from the buffer's allocator, and releases it with
 * allocator->release(context, data, *capacity). NULL if nothing was ever
 * allocated. The buffer is empty afterwards. Either out-pointer may be NULL. */
PP_NODISCARD PP_API uint8_t *pp_buffer_detach(pp_buffer *buffer, size_t *size, size_t *capacity);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_BUFFER_H */
