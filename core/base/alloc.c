#include <stdlib.h>

#include "parapack/alloc.h"

static void *malloc_resize(void *context, void *block, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    return realloc(block, new_size);
}

static void malloc_release(void *context, void *block, size_t size)
{
    (void)context;
    (void)size;
    free(block);
}

const pp_allocator *pp_malloc_allocator(void)
{
    static const pp_allocator allocator = {malloc_resize, malloc_release, NULL};
    return &allocator;
}
