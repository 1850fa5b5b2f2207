/* The ring of a queue. Readers have no way to it but the lock, so a ring that was replaced
 * is freed at once. */
#include <string.h>

#include "share/heap.h"
#include "share/queue.h"

#if defined(PP_HOSTILE)
enum { SMALLEST = 1 }; /* places: moves all the time */
#else
enum { SMALLEST = 16 };
#endif

/* Moves the items to a new ring of `capacity` places. False without memory: all is as it was. */
static bool move(pp_thread *thread, pp_queue *queue, size_t capacity)
{
    if (capacity > SIZE_MAX / sizeof(pp_value))
        return false;
    pp_value *ring = pp_heap_alloc(thread, PP_HEAP_TABLES, capacity * sizeof(pp_value));
    if (ring == NULL)
        return false;
    size_t count = pp_ring_count(queue);
    if (count > 0) {
        size_t run = queue->capacity - queue->first; /* before the ring's end */
        if (run > count)
            run = count;
        memcpy(ring, queue->ring + queue->first, run * sizeof(pp_value));
        memcpy(ring + run, queue->ring, (count - run) * sizeof(pp_value));
    }
    pp_ring_free(thread, queue);
    queue->ring = ring;
    queue->capacity = capacity;
    return true;
}

bool pp_ring_reserve(pp_thread *thread, pp_queue *queue)
{
    if (PP_LIKELY(pp_ring_taken(queue) < queue->capacity))
        return true;
    return move(thread, queue, queue->capacity == 0 ? SMALLEST : 2 * queue->capacity);
}

/* Half of it when an eighth is in use: between two moves there are at least as many gets as the
 * second one copies. Without memory the ring stays. */
void pp_ring_shrink(pp_thread *thread, pp_queue *queue)
{
    if (queue->capacity > 4 * (size_t)SMALLEST && pp_ring_taken(queue) <= queue->capacity / 8)
        (void)move(thread, queue, queue->capacity / 2);
}

void pp_ring_free(pp_thread *thread, pp_queue *queue)
{
    if (queue->ring != NULL)
        pp_heap_free(thread, queue->ring, queue->capacity * sizeof(pp_value));
    queue->ring = NULL;
    queue->capacity = 0;
    queue->first = 0;
}
