/* How objects begin, go into containers, and end. */
#include <assert.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/yield_point.h"
#include "share/collector.h"
#include "share/heap.h"
#include "share/object.h"
#include "share/qsbr.h"
#include "share/refcount.h"
#include "share/registry.h"

/* A thread that finds an object locked looks again after a while, and blocks in the end. In
 * nanoseconds: */
enum {
    LOCK_STAY_MIN = 64,        /* it stays away from the object for so long at least */
    LOCK_STAY_MAX = 32 * 1024, /* and at most between two looks, */
    LOCK_AWAY = 96 * 1024,     /* all together for about what blocking costs; */
    LOCK_CONTENDED = 2000      /* longer if it met a locked one so shortly before. */
};

static inline bool has_flag(const pp_object *object, uint8_t flag)
{
    /* Relaxed: PUBLISHED and NUMBERED are set by holders of a reference, whose release of it comes
     * before the end. */
    return (atomic_load_explicit(&object->flags, memory_order_relaxed) & flag) != 0;
}

/* pp_object_type_of without a call. */
static inline const pp_object_type *type_of_kind(unsigned kind)
{
    return atomic_load_explicit(&pp_object_types_[kind & 15], memory_order_relaxed);
}

static inline const pp_object_type *type_of(const pp_object *object)
{
    return type_of_kind(atomic_load_explicit(&object->kind, memory_order_relaxed));
}

pp_kind pp_object_kind(const pp_object *object)
{
    /* Relaxed: set before the object was published. */
    return (pp_kind)atomic_load_explicit(&object->kind, memory_order_relaxed);
}

pp_object *pp_object_new(pp_thread *thread, pp_kind kind, size_t size)
{
    const pp_object_type *type = type_of_kind(kind);
    pp_object *object =
        pp_heap_alloc(thread, type->container ? PP_HEAP_CONTAINERS : PP_HEAP_LEAVES, size);
    if (PP_UNLIKELY(object == NULL))
        return NULL;
    /* The rest of the header is zero (pp_heap_alloc). Relaxed: nobody else can see it but a walk,
     * in a pause. */
    atomic_store_explicit(&object->owner, thread, memory_order_relaxed);
    atomic_store_explicit(&object->local, 1, memory_order_relaxed);
    atomic_store_explicit(&object->shared, PP_REF_DEFAULT, memory_order_relaxed);
    object->link = NULL;
    atomic_store_explicit(&object->kind, (uint8_t)kind, memory_order_relaxed);
    pp_tally(&thread->counters.objects[kind], 1);
    if (type->container)
        pp_collector_made(thread);
    return object;
}

void pp_object_publish(pp_thread *thread, pp_value value)
{
    pp_object *object = pp_value_object(value);
    if (object == NULL || has_flag(object, PP_OBJECT_PUBLISHED) ||
        pp_ref_local_(object) == PP_REF_IMMORTAL)
        return;
    if (pp_ref_is_owner_(thread, object) && pp_ref_local_(object) == 1 &&
        /* Acquire: pairs with the releases of others whose references have come and gone. */
        atomic_load_explicit(&object->shared, memory_order_acquire) == 0) {
        /* The only reference, and nobody looks: merged with plain stores, which the slot's store
         * publishes. */
        atomic_store_explicit(&object->owner, NULL, memory_order_relaxed);
        atomic_store_explicit(&object->local, 0, memory_order_relaxed);
        atomic_store_explicit(&object->shared, (1 << PP_REF_SHIFT) | PP_REF_MERGED,
                              memory_order_relaxed);
    }
    /* Relaxed: see has_flag(). Atomic, because two holders may put it into two containers. */
    atomic_fetch_or_explicit(&object->flags, PP_OBJECT_PUBLISHED, memory_order_relaxed);
}

/* ---- ends ---------------------------------------------------------------- */

/* Locks a dead container that others may have borrowed: one of them may be about to change it, and
 * give that up. Whether there was something to lock. */
static bool lock_dead(pp_thread *thread, pp_object *object)
{
    if (!type_of(object)->container || !has_flag(object, PP_OBJECT_PUBLISHED))
        return false;
    if (!pp_mutex_trylock(&object->lock)) {
        pp_thread_block(thread);
        pp_mutex_lock(&object->lock);
        pp_thread_unblock(thread);
    }
    return true;
}

static void clear_locked(pp_thread *thread, pp_object *object)
{
    const pp_object_type *type = type_of(object);
    assert(pp_object_is_dead(object));
    if (PP_UNLIKELY(has_flag(object, PP_OBJECT_NUMBERED)))
        pp_registry_remove(object);
    if (type->clear != NULL)
        type->clear(thread, object);
}

void pp_object_clear(pp_thread *thread, pp_object *object)
{
    bool locked = lock_dead(thread, object);
    clear_locked(thread, object);
    if (locked)
        pp_object_unlock(object);
}

void pp_object_bury(pp_thread *thread, pp_object *object)
{
    const pp_object_type *type = type_of(object);
    pp_tally(&thread->counters.objects[type->kind], UINT64_MAX); /* less one */
    if (type->container)
        pp_collector_gone(thread);
    size_t size = type->size(object);
    if (has_flag(object, PP_OBJECT_PUBLISHED))
        pp_qsbr_retire(thread, object, size);
    else
        pp_heap_free(thread, object, size);
}

void pp_object_end_dying(pp_thread *thread)
{
    assert(!thread->clearing);
    thread->clearing = true;
    pp_object *object;
    while ((object = thread->dying) != NULL) {
        thread->dying = object->link;
        object->link = NULL;
        thread->ending = object;
        pp_object_clear(thread, object);
        thread->ending = NULL;
        pp_object_bury(thread, object);
    }
    thread->clearing = false;
}

void pp_object_die(pp_thread *thread, pp_object *object)
{
    assert(pp_object_is_dead(object) && object->link == NULL);
    if (PP_LIKELY(!thread->clearing) && type_of(object)->clear == NULL &&
        !has_flag(object, PP_OBJECT_NUMBERED)) {
        pp_object_bury(thread, object); /* refers to nothing: no list needed */
        return;
    }
    object->link = thread->dying;
    thread->dying = object;
    if (!thread->clearing)
        pp_object_end_dying(thread);
}

void pp_object_drop_value(pp_thread *thread, pp_object *object, pp_value value)
{
    pp_object *target = pp_value_object(value);
    if (target == NULL)
        return;
    if (PP_UNLIKELY((object->gc & PP_GC_CONDEMNED) != 0) && (target->gc & PP_GC_CONDEMNED) != 0)
        return;
    pp_ref_release(thread, target);
}

/* ---- locks --------------------------------------------------------------- */

static uint64_t longer(uint64_t stay)
{
    return 2 * stay < LOCK_STAY_MAX ? 2 * stay : LOCK_STAY_MAX;
}

/* How long a thread that meets a locked object now stays away from it. Threads that take turns at
 * every operation wait for the lines of the object each time; where each lets the other work alone
 * for a while, nearly all operations find everything in their own cache. So the time doubles while
 * meetings follow each other closely, and halves while they do not. */
static uint64_t next_stay(pp_thread *thread)
{
    uint64_t stay = thread->lock_stay;
    bool contended = pp_clock_now() - thread->lock_met_at < LOCK_CONTENDED;
    stay = contended ? longer(stay) : stay / 2;
    thread->lock_stay = stay < LOCK_STAY_MIN ? LOCK_STAY_MIN : stay;
    return thread->lock_stay;
}

static void stay_away(uint64_t ns)
{
    uint64_t end = pp_clock_now() + ns;
    do
        pp_cpu_relax();
    while (pp_clock_now() < end);
}

static PP_NOINLINE bool lock_slow(pp_thread *thread, pp_object *object)
{
    uint64_t stay = next_stay(thread);
    for (uint64_t away = 0; away < LOCK_AWAY; away += stay, stay = longer(stay)) {
        stay_away(stay);
        if (!pp_mutex_is_locked(&object->lock) && pp_mutex_trylock(&object->lock)) {
            thread->lock_met_at = pp_clock_now();
            return true;
        }
    }
    if (!thread->may_wait)
        return false;
    pp_tally(&thread->counters.lock_waits, 1);
    pp_thread_block(thread);
    pp_mutex_lock(&object->lock);
    pp_thread_unblock(thread);
    return true;
}

bool pp_object_lock(pp_thread *thread, pp_object *object)
{
    PP_YIELD_POINT();
    return PP_LIKELY(pp_mutex_trylock(&object->lock)) || lock_slow(thread, object);
}

void pp_object_unlock(pp_object *object)
{
    pp_mutex_unlock(&object->lock);
}
