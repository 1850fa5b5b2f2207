#include <string.h>

#include "parapack/buffer.h"

/* The hostile build moves the bytes at every growth it can. */
#ifdef PP_HOSTILE
enum { FIRST_CAPACITY = 1, GROWTH = 1 };
#else
enum { FIRST_CAPACITY = 64, GROWTH = 2 };
#endif

void pp_buffer_init(pp_buffer *buffer, const pp_allocator *allocator)
{
    buffer->data = NULL;
    buffer->size = 0;
    buffer->capacity = 0;
    buffer->allocator = allocator != NULL ? allocator : pp_malloc_allocator();
}

void pp_buffer_deinit(pp_buffer *buffer)
{
    if (buffer->data != NULL)
        buffer->allocator->release(buffer->allocator->context, buffer->data, buffer->capacity);
    pp_buffer_init(buffer, buffer->allocator);
}

static pp_status set_capacity(pp_buffer *buffer, size_t capacity)
{
    const pp_allocator *allocator = buffer->allocator;
    uint8_t *data = allocator->resize(allocator->context, buffer->data, buffer->capacity, capacity);
    if (data == NULL)
        return PP_ERR_NOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return PP_OK;
}

pp_status pp_buffer_reserve(pp_buffer *buffer, size_t extra)
{
    if (buffer->capacity - buffer->size >= extra)
        return PP_OK;
    if (extra > SIZE_MAX / 2 - buffer->size)
        return PP_ERR_NOMEM;
    size_t needed = buffer->size + extra;
    size_t grown = buffer->capacity * GROWTH; /* capacity <= SIZE_MAX / 2: cannot wrap */
    size_t capacity = grown > needed ? grown : needed;
    if (capacity > SIZE_MAX / 2)
        capacity = needed;
    return set_capacity(buffer, capacity > FIRST_CAPACITY ? capacity : FIRST_CAPACITY);
}

pp_status pp_buffer_append(pp_buffer *buffer, const void *data, size_t size)
{
    if (size == 0)
        return PP_OK;
    pp_status status = pp_buffer_reserve(buffer, size);
    if (status != PP_OK)
        return status;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return PP_OK;
}

pp_status pp_buffer_shrink(pp_buffer *buffer)
{
    if (buffer->size == buffer->capacity)
        return PP_OK;
    if (buffer->size == 0) {
        pp_buffer_deinit(buffer);
        return PP_OK;
    }
    return set_capacity(buffer, buffer->size);
}

uint8_t *pp_buffer_detach(pp_buffer *buffer, size_t *size, size_t *capacity)
{
    uint8_t *data = buffer->data;
    if (size != NULL)
        *size = buffer->size;
    if (capacity != NULL)
        *capacity = buffer->capacity;
    pp_buffer_init(buffer, buffer->allocator);
    return data;
}
