/* share/refcount.h - biased reference counts.
 *
 * An object has an owner (a thread record, or NULL), the owner's plain count
 * `local`, and everybody else's `shared`:
 *
 *     shared = count * 4 + state        count is signed
 *
 *     DEFAULT  references are local + count; the owner has it
 *     QUEUED   as DEFAULT, and it is (about to be) in its owner's merge queue, which
 *              holds one of the references
 *     MERGED   no owner any more: references are count; 0 means dead
 *
 * States only grow. Who may do what:
 *
 *   owner retains       local + 1, plain
 *   owner releases      local - 1, plain; at 0: merges (below)
 *   others retain       shared + 4, relaxed
 *   others release      shared - 4, release; but where the state is DEFAULT and the
 *                       count 0, it becomes QUEUED instead and the reference goes
 *                       to the merge queue: the owner, or a claimant, subtracts it.
 *                       MERGED and count 0 after it: the object dies (acquire)
 *   try_retain          as the owner, or: shared + 4 unless it is MERGED with count 0
 *   merge               owner = NULL and local = 0 first, then shared becomes
 *                       (count + local - queue's reference) * 4 + MERGED in one
 *                       exchange (acq_rel); 0: the object dies. By the owner, by who
 *                       claimed its record (thread.h), by the collector in a pause
 *
 * A releaser that has set QUEUED may find no owner: that has given up its last count
 * meanwhile, and the reference is among those that the merge has left. So it is given
 * up like any other (CPython gh-121794: no owner must mean merged). owner and local
 * are written before MERGED is published, because the object may be freed right after
 * it (gh-119999); the read that finds a last reference acquires (gh-118111). Owners
 * that are not attached, or ended, are merged for (gh-157838).
 *
 * Immortal: local == PP_REF_IMMORTAL; nothing is ever written.
 * Deferred: the DEFERRED flag; made with one more reference that only the collector
 * gives up, so that no release is ever the last. Handles hold it without a count:
 * the collector counts one for each.
 *
 * Invariants (tests/models/refcount.pml):
 *   R1  MERGED with count 0, exactly once, by exactly one thread: it dies once.
 *   R2  Nobody writes a header that has been MERGED, but `shared`, unless it died.
 *   R3  Nothing is freed while a counted reference to it exists; everything is, after
 *       the last is given up and every queue that it is in was drained.
 *   R4  owner == NULL implies MERGED, or a merge in progress that does not wait.
 */
#ifndef PP_SHARE_REFCOUNT_H
#define PP_SHARE_REFCOUNT_H

#include "share/object.h"

#define PP_REF_IMMORTAL PP_REF_IMMORTAL_

_Static_assert(offsetof(struct pp_object, owner) == offsetof(struct pp_object_head_, owner) &&
                   offsetof(struct pp_object, local) == offsetof(struct pp_object_head_, local),
               "the public header and share/object.h agree");

enum {
    PP_REF_DEFAULT = 0,
    PP_REF_QUEUED = 2,
    PP_REF_MERGED = 3,
    PP_REF_STATE = 3,
    PP_REF_SHIFT = 2
};

/* The owner's count. Relaxed: see parapack/object.h. */
PP_INLINE uint32_t pp_ref_local_(const pp_object *object)
{
    return atomic_load_explicit(&object->local, memory_order_relaxed);
}

/* Whether `thread`, the caller's own or one whose rights it has, is the owner. Relaxed: see
 * parapack/object.h. */
PP_INLINE bool pp_ref_is_owner_(const pp_thread *thread, const pp_object *object)
{
    return atomic_load_explicit(&object->owner, memory_order_relaxed) == thread;
}

/* The public functions by the core's names. */
PP_INLINE void pp_ref_retain(pp_thread *thread, pp_object *object)
{
    pp_retain(thread, object);
}

PP_INLINE PP_NODISCARD bool pp_ref_try_retain(pp_thread *thread, pp_object *object)
{
    return pp_try_retain(thread, object);
}

PP_INLINE void pp_ref_release(pp_thread *thread, pp_object *object)
{
    pp_release(thread, object);
}

/* Merges everything in `owner`'s merge queue. The caller is the owner, attached, or has claimed it.
 * What dies is put on `thread`'s dying list and, where the caller is not the owner, left there: a
 * claimant calls pp_object_end_dying after it has given the claim up, because ends may wait for a
 * lock, and the lock for the owner. */
void pp_ref_merge_queue(pp_thread *thread, pp_thread *owner);

/* Whether `object` has died. In a pause, or for who has locked a container to change it (object.h):
 * what dies only after this was asked is cleared after the lock is given back. Relaxed: it decides
 * nothing else. */
PP_INLINE bool pp_object_is_dead(const pp_object *object)
{
    return atomic_load_explicit(&object->shared, memory_order_relaxed) == PP_REF_MERGED;
}

/* The references to `object`, all counts together, a queue's among them; above 2**31 of an immortal
 * one. In a pause. */
int64_t pp_ref_total(const pp_object *object);

/* In a pause, for the collector: makes `object` dead (MERGED, count 0, no owner). */
void pp_ref_condemn(pp_object *object);

#endif /* PP_SHARE_REFCOUNT_H */
