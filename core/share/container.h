/* share/container.h - the lock of a container as its changes use it.
 *
 * A change takes the lock, asks whether the container is dead (object.h), does its one step,
 * gives the lock back, and only then releases and retires what the step has left over. Never
 * before: the end of an object may need the very lock that is held. */
#ifndef PP_SHARE_CONTAINER_H
#define PP_SHARE_CONTAINER_H

#include "share/object.h"
#include "share/refcount.h"

/* Takes the lock for a change. PP_ERR_BUSY: the scope may not wait. PP_ERR_GONE: the container,
 * which was borrowed, has died. The lock is held on PP_OK only. */
PP_INLINE PP_NODISCARD pp_status pp_container_lock(pp_thread *thread, pp_object *object)
{
    if (PP_UNLIKELY(!pp_object_lock(thread, object)))
        return PP_ERR_BUSY;
#if !defined(PP_MUTANT_COLLECT_WRITE_TO_DEAD)
    if (PP_UNLIKELY(pp_object_is_dead(object))) {
        pp_object_unlock(object);
        return PP_ERR_GONE;
    }
#endif
    return PP_OK;
}

/* What a change that takes `value` does when pp_container_lock failed: it has not taken it where
 * the caller is to try again, and otherwise releases it. */
PP_INLINE pp_status pp_container_refuse(pp_thread *thread, pp_status status, pp_value value)
{
    if (status != PP_ERR_BUSY)
        pp_value_release(thread, value);
    return status;
}

/* Whether a compare-and-set finds what it expects: the same value (a NaN, too, is the same as
 * itself), or an equal one. */
PP_INLINE bool pp_container_expects(pp_value current, pp_value expected)
{
    return current.word == expected.word || pp_value_equal(current, expected);
}

#endif /* PP_SHARE_CONTAINER_H */
