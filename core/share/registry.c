/* Numbers of objects, both ways: a hash table of entries that are chained by number and by address.
 *
 * The lock is a leaf: held for a few instructions, or while the table doubles, by threads that stay
 * attached and wait for nothing. Never taken in a pause. */
#include <stdlib.h>

#include "base/mutex.h"
#include "share/hash.h"
#include "share/heap_internal.h"
#include "share/refcount.h"
#include "share/registry.h"

typedef struct entry {
    struct entry *next_by_id, *next_by_object;
    pp_object *object;
    uint64_t id;
} entry;

typedef struct bucket {
    entry *by_id, *by_object;
} bucket;

static struct {
    pp_mutex lock;
    bucket *buckets;
    size_t mask; /* their number, a power of two, less one */
    size_t count;
    uint64_t last_id;
} registry;

enum { FIRST_BUCKETS = 64 };

static bucket *bucket_of_id(uint64_t id)
{
    return &registry.buckets[pp_hash_word(id) & registry.mask];
}

static bucket *bucket_of_object(const pp_object *object)
{
    return &registry.buckets[pp_hash_word((uint64_t)(uintptr_t)object) & registry.mask];
}

static void insert(entry *e)
{
    bucket *b = bucket_of_id(e->id);
    e->next_by_id = b->by_id;
    b->by_id = e;
    b = bucket_of_object(e->object);
    e->next_by_object = b->by_object;
    b->by_object = e;
}

/* Room for one more entry. False if there is no table at all and no memory for one. */
static bool make_room(void)
{
    if (registry.buckets != NULL && registry.count <= registry.mask)
        return true;
    size_t old_size = registry.buckets == NULL ? 0 : registry.mask + 1;
    size_t size = old_size == 0 ? FIRST_BUCKETS : old_size * 2;
    bucket *old = registry.buckets, *buckets = calloc(size, sizeof(bucket));
    if (buckets == NULL)
        return old != NULL; /* longer chains do as well */
    registry.buckets = buckets;
    registry.mask = size - 1;
    for (size_t i = 0; i < old_size; i++)
        for (entry *e = old[i].by_id, *next; e != NULL; e = next) {
            next = e->next_by_id;
            insert(e);
        }
    free(old);
    return true;
}

static entry *find_object(const pp_object *object)
{
    if (registry.buckets == NULL)
        return NULL;
    entry *e = bucket_of_object(object)->by_object;
    while (e != NULL && e->object != object)
        e = e->next_by_object;
    return e;
}

/* The entry of an object that has none. NULL without memory. */
static entry *add(pp_object *object)
{
    entry *e = pp_heap_must_fail() ? NULL : malloc(sizeof(entry));
    if (e == NULL || !make_room()) {
        free(e);
        return NULL;
    }
    e->object = object;
    e->id = ++registry.last_id;
    insert(e);
    registry.count++;
    /* Published: from now on it can be found without a counted reference, as if a container held
     * it. Relaxed: the caller's release comes after it. */
    atomic_fetch_or_explicit(&object->flags, PP_OBJECT_NUMBERED | PP_OBJECT_PUBLISHED,
                             memory_order_relaxed);
    return e;
}

pp_status pp_object_id(pp_thread *thread, pp_object *object, uint64_t *id)
{
    /* Held meanwhile: the entry of an object that dies would never be taken out. */
    if (!pp_ref_try_retain(thread, object))
        return PP_ERR_GONE;
    pp_mutex_lock(&registry.lock);
    entry *e = find_object(object);
    if (e == NULL)
        e = add(object);
    if (e != NULL)
        *id = e->id;
    pp_mutex_unlock(&registry.lock);
    pp_ref_release(thread, object);
    return e != NULL ? PP_OK : PP_ERR_NOMEM;
}

pp_object *pp_object_from_id(pp_thread *thread, uint64_t id)
{
    pp_object *object = NULL;
    pp_mutex_lock(&registry.lock);
    entry *e = registry.buckets == NULL ? NULL : bucket_of_id(id)->by_id;
    while (e != NULL && e->id != id)
        e = e->next_by_id;
    if (e != NULL && pp_ref_try_retain(thread, e->object))
        object = e->object;
    pp_mutex_unlock(&registry.lock);
    return object;
}

void pp_registry_remove(pp_object *object)
{
    pp_mutex_lock(&registry.lock);
    entry **link = &bucket_of_object(object)->by_object;
    while ((*link)->object != object)
        link = &(*link)->next_by_object;
    entry *e = *link;
    *link = e->next_by_object;
    link = &bucket_of_id(e->id)->by_id;
    while (*link != e)
        link = &(*link)->next_by_id;
    *link = e->next_by_id;
    registry.count--;
    pp_mutex_unlock(&registry.lock);
    free(e);
}

void pp_registry_after_fork(void)
{
    /* Fork pauses, and nobody is paused with this lock: it only keeps its word. */
    pp_mutex_init(&registry.lock);
}
