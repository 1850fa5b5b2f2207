/* The slow halves of the counts: merging, and releasing by others than the owner.
 *
 * tests/models/refcount.pml is this file as a state machine; its names are the functions' names. */
#include <assert.h>

#include "base/yield_point.h"
#include "share/refcount.h"

enum { ONE = 1 << PP_REF_SHIFT };

/* Takes one off a count whose state is not DEFAULT, and so never will be. */
static void subtract(pp_thread *thread, pp_object *object)
{
    /* Release: what this thread did with the object comes before its end. Acquire: if this is the
     * end, what all others did with it (their releases here, and in release_default) comes before.
     */
#if defined(PP_MUTANT_LAST_RELEASE_DOES_NOT_ACQUIRE)
    int64_t before = atomic_fetch_sub_explicit(&object->shared, ONE, memory_order_release);
#else
    int64_t before = atomic_fetch_sub_explicit(&object->shared, ONE, memory_order_acq_rel);
#endif
    if (before - ONE == PP_REF_MERGED)
        pp_object_die(thread, object);
}

/* The owner's count joins the others', less `minus`. With the owner's rights. True where no
 * reference is left: then the object is the caller's to end. */
static bool merge(pp_object *object, uint32_t local, uint32_t minus)
{
#if !defined(PP_MUTANT_MERGED_BEFORE_OWNER)
    /* Both before MERGED can be seen: from then on others may free the object. The release below
     * orders them. */
    atomic_store_explicit(&object->owner, NULL, memory_order_relaxed);
    atomic_store_explicit(&object->local, 0, memory_order_relaxed);
#endif
    PP_YIELD_POINT();
    int64_t before = atomic_load_explicit(&object->shared, memory_order_relaxed), after;
    do {
        after =
            ((before & ~(int64_t)PP_REF_STATE) + ((int64_t)local - minus) * ONE) | PP_REF_MERGED;
        /* Release: pairs with the acquire of whoever gives up the last reference (subtract), which
         * then sees what the owner did. Acquire: pairs with their releases, where this finds none
         * left. */
    } while (!atomic_compare_exchange_weak_explicit(&object->shared, &before, after,
                                                    memory_order_acq_rel, memory_order_relaxed));
#if defined(PP_MUTANT_MERGED_BEFORE_OWNER)
    PP_YIELD_POINT();
    atomic_store_explicit(&object->owner, NULL, memory_order_relaxed);
    atomic_store_explicit(&object->local, 0, memory_order_relaxed);
#endif
    return after == PP_REF_MERGED;
}

void pp_release_last_(pp_thread *thread, pp_object *object)
{
    /* Acquire: pairs with the releases of others whose references have come and gone. */
    if (atomic_load_explicit(&object->shared, memory_order_acquire) == 0 &&
        (atomic_load_explicit(&object->flags, memory_order_relaxed) & PP_OBJECT_PUBLISHED) == 0) {
        /* Nobody can have borrowed it, nobody holds it: nobody else is looking. */
        atomic_store_explicit(&object->owner, NULL, memory_order_relaxed);
        atomic_store_explicit(&object->local, 0, memory_order_relaxed);
        atomic_store_explicit(&object->shared, PP_REF_MERGED, memory_order_relaxed);
        pp_object_die(thread, object);
        return;
    }
    if (merge(object, 0, 0))
        pp_object_die(thread, object);
}

/* Hands the reference of this thread, which has just set QUEUED, to the owner's merge queue. */
static void enqueue(pp_thread *thread, pp_object *object)
{
    PP_YIELD_POINT();
    /* Seq_cst as the exchange that set QUEUED: if the owner is gone, its merge() has begun. */
    pp_thread *owner = atomic_load_explicit(&object->owner, memory_order_seq_cst);
    if (owner == NULL) {
        /* It has merged, or is about to, and left this reference to those that count here. */
        subtract(thread, object);
        return;
    }
    pp_object *top = atomic_load_explicit(&owner->merge_queue, memory_order_relaxed);
    do {
        object->link = top;
        /* Seq_cst: before the look at the owner's state (T4 in thread.h). Its release part pairs
         * with the acquire in pp_ref_merge_queue(). */
    } while (!atomic_compare_exchange_weak_explicit(&owner->merge_queue, &top, object,
                                                    memory_order_seq_cst, memory_order_relaxed));
    PP_YIELD_POINT();
    pp_thread_merge_for(thread, owner);
}

void pp_release_shared_(pp_thread *thread, pp_object *object)
{
    int64_t shared = atomic_load_explicit(&object->shared, memory_order_relaxed);
    while ((shared & PP_REF_STATE) == PP_REF_DEFAULT) {
        PP_YIELD_POINT();
        if (shared != 0) {
            /* Release: pairs with the acquire in merge() and pp_release_last_(). */
            if (atomic_compare_exchange_weak_explicit(&object->shared, &shared, shared - ONE,
                                                      memory_order_release, memory_order_relaxed))
                return;
        } else {
            /* The owner counts this reference, or nobody does. Seq_cst: see enqueue(). */
            if (atomic_compare_exchange_weak_explicit(&object->shared, &shared, PP_REF_QUEUED,
                                                      memory_order_seq_cst, memory_order_relaxed)) {
                enqueue(thread, object);
                return;
            }
        }
    }
    subtract(thread, object);
}

/* One object off `owner`'s queue, with its reference. */
static void merge_queued(pp_thread *thread, pp_thread *owner, pp_object *object)
{
    pp_tally(&thread->counters.merges, 1);
    uint32_t local = pp_ref_local_(object);
    if (local == PP_REF_IMMORTAL)
        return; /* it counted that far while it was queued */
    if (!pp_ref_is_owner_(owner, object))
        subtract(thread, object); /* merged already, by its owner's last release */
    else if (merge(object, local, 1))
        pp_object_die(thread, object);
}

void pp_ref_merge_queue(pp_thread *thread, pp_thread *owner)
{
    /* A plain look first: most calls find nothing. Seq_cst: after the state was changed (T4). */
    if (atomic_load_explicit(&owner->merge_queue, memory_order_seq_cst) == NULL)
        return;
    /* Acquire: pairs with the pushes in enqueue(). */
    pp_object *object = atomic_exchange_explicit(&owner->merge_queue, NULL, memory_order_seq_cst);
    bool clearing = thread->clearing;
    thread->clearing = true;
    while (object != NULL) {
        pp_object *next = object->link;
        object->link = NULL;
        merge_queued(thread, owner, object);
        object = next;
    }
    thread->clearing = clearing;
    if (thread == owner && !clearing)
        pp_object_end_dying(thread);
}

int64_t pp_ref_total(const pp_object *object)
{
    int64_t shared = atomic_load_explicit(&object->shared, memory_order_relaxed);
    return (int64_t)pp_ref_local_(object) + (shared - (shared & PP_REF_STATE)) / ONE;
}

void pp_ref_condemn(pp_object *object)
{
    /* Relaxed: in a pause. */
    atomic_store_explicit(&object->owner, NULL, memory_order_relaxed);
    atomic_store_explicit(&object->local, 0, memory_order_relaxed);
    atomic_store_explicit(&object->shared, PP_REF_MERGED, memory_order_relaxed);
}

/* Before main: thread.c calls it without knowing what it does. */
__attribute__((constructor)) static void set_hook(void)
{
    pp_thread_merge_hook = pp_ref_merge_queue;
}

void pp_retain_shared_(pp_object *object)
{
    /* Relaxed: who holds a reference keeps the object alive; nothing is published. */
    int64_t before = atomic_fetch_add_explicit(&object->shared, ONE, memory_order_relaxed);
    /* Unused, but asked for. x86 then has `lock xadd` here and not `lock add`, and a pair of retain
     * and release takes 4.9 instead of 5.3 ns (bench/c/refcount.c on AMD Zen). */
    __asm__ __volatile__("" : : "r"(before));
}

bool pp_try_retain_shared_(pp_object *object)
{
    int64_t shared = atomic_load_explicit(&object->shared, memory_order_relaxed);
    do {
        if (shared == PP_REF_MERGED)
            return false;
        PP_YIELD_POINT();
        /* Relaxed: that it succeeds means that the object had not died, and now cannot; what it
         * holds was published with the reference that was borrowed. */
    } while (!atomic_compare_exchange_weak_explicit(&object->shared, &shared, shared + ONE,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void pp_object_immortalize(pp_thread *thread, pp_object *object)
{
    (void)thread;
    assert(pp_ref_is_owner_(thread, object));
    atomic_store_explicit(&object->local, PP_REF_IMMORTAL, memory_order_relaxed);
}
