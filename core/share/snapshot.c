#include "share/snapshot.h"

#include "share/heap.h"

bool pp_values_init(pp_thread *thread, pp_values *values, size_t capacity)
{
    *values = (pp_values){0};
    if (capacity == 0)
        return true;
    if (capacity > SIZE_MAX / sizeof(pp_value))
        return false;
    values->items = pp_heap_alloc(thread, PP_HEAP_TABLES, capacity * sizeof(pp_value));
    if (values->items == NULL)
        return false;
    values->capacity = capacity;
    return true;
}

void pp_values_release(pp_thread *thread, pp_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        pp_value_release(thread, values->items[i]);
    if (values->items != NULL)
        pp_heap_free(thread, values->items, values->capacity * sizeof(pp_value));
    *values = (pp_values){0};
}
