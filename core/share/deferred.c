/* Deferred objects and the handles that hold them without a count: parapack/object.h,
 * share/refcount.h. */
#include <assert.h>

#include "share/refcount.h"

void pp_object_defer(pp_thread *thread, pp_object *object)
{
    const pp_object_type *type = pp_object_type_of(pp_object_kind(object));
    assert(atomic_load_explicit(&object->owner, memory_order_relaxed) == thread);
    if (!type->container ||
        (atomic_load_explicit(&object->flags, memory_order_relaxed) & PP_OBJECT_DEFERRED) != 0)
        return;
    pp_ref_retain(thread, object); /* the collector's */
    /* Published at once: threads may hold it without a count, so its memory has to wait for them,
     * whether a container ever held it or not. */
    atomic_fetch_or_explicit(&object->flags, PP_OBJECT_DEFERRED | PP_OBJECT_PUBLISHED,
                             memory_order_relaxed);
}

bool pp_handle_hold(pp_thread *thread, pp_object *object)
{
    if ((atomic_load_explicit(&object->flags, memory_order_relaxed) & PP_OBJECT_DEFERRED) == 0)
        return false;
    /* It dies in a pause only, and there is none while this thread is in its scope; it may have
     * been condemned in an earlier one, while the thread was blocked. */
    if (pp_object_is_dead(object))
        return false;
    for (int i = 0; i < PP_THREAD_HANDLES; i++)
        if (thread->handles[i] == NULL) {
            thread->handles[i] = object;
            return true;
        }
    return false;
}

void pp_handle_drop(pp_thread *thread, pp_object *object)
{
    for (int i = 0; i < PP_THREAD_HANDLES; i++)
        if (thread->handles[i] == object) {
            thread->handles[i] = NULL;
            return;
        }
    assert(!"a handle on this object");
}
