/* parapack/object.h - what all objects of the share runtime have in common: counted references.
 *
 * An object lives until its last reference is released, or until the collector
 * (collect.h) finds that only garbage refers to it. References are
 *
 *   counted    held across scopes: by containers, by variables of a program;
 *   borrowed   what a container handed out inside a scope (thread.h): readable
 *              until the scope ends, also when the container drops it meanwhile.
 *              pp_try_retain makes a counted one of it.
 *
 * Counting is biased (Choi, Shull, Torrellas: "Biased reference counting", PACT
 * 2018; CPython's PEP 703): the thread that made an object counts in a plain field,
 * all others in an atomic one. The first is inlined into the program that uses the library.
 */
#ifndef PARAPACK_OBJECT_H
#define PARAPACK_OBJECT_H

#include "parapack/config.h"
#include "parapack/thread.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An object of any kind. Opaque; every pp_list, pp_dict, ... begins with one. */
typedef struct pp_object pp_object;

/* What a value is. The numbers are pinned. */
typedef enum pp_kind {
    PP_KIND_NONE = 0, /* no value */
    PP_KIND_NIL = 1,
    PP_KIND_BOOL = 2,
    PP_KIND_INT = 3,  /* -2**63 to 2**63-1 */
    PP_KIND_UINT = 4, /* 2**63 to 2**64-1 */
    PP_KIND_FLOAT = 5,
    PP_KIND_STR = 6,
    PP_KIND_BIN = 7,
    PP_KIND_TIMESTAMP = 8,
    PP_KIND_EXT = 9,
    PP_KIND_DOC = 10,
    PP_KIND_LIST = 11,
    PP_KIND_DICT = 12,
    PP_KIND_SET = 13,
    PP_KIND_QUEUE = 14,
    PP_KIND_COUNTER = 15
} pp_kind;

PP_API pp_kind pp_object_kind(const pp_object *object);

/* The name of a kind, such as "dict"; "?" for another number. Static. */
PP_API const char *pp_kind_name(pp_kind kind);

/* ---- out-of-line halves of the inline functions below: not to be called directly ---- */

PP_API void pp_retain_shared_(pp_object *object);
PP_NODISCARD PP_API bool pp_try_retain_shared_(pp_object *object);
PP_API void pp_release_last_(pp_thread *thread, pp_object *object);
PP_API void pp_release_shared_(pp_thread *thread, pp_object *object);

/* What every object begins with. Private: other threads read and write it too (share/refcount.h).
 */
struct pp_object_head_ {
    pp_thread *owner; /* who counts in `local` */
    uint32_t local;   /* the owner's count, or PP_REF_IMMORTAL_ */
};

#define PP_REF_IMMORTAL_ UINT32_MAX

PP_INLINE struct pp_object_head_ *pp_object_head_of_(pp_object *object)
{
    return (struct pp_object_head_ *)(void *)object;
}

/* Relaxed, here and below: an owner only ever becomes NULL, by itself or by who has its rights, so
 * the answer yes is never out of date, and no other thread is answered yes; and of another thread's
 * count only PP_REF_IMMORTAL_ matters, which is for good. */
PP_INLINE bool pp_object_is_mine_(const pp_thread *thread, const struct pp_object_head_ *head)
{
    return PP_LIKELY(__atomic_load_n(&head->owner, __ATOMIC_RELAXED) == thread);
}

PP_INLINE uint32_t pp_object_local_(const struct pp_object_head_ *head)
{
    return __atomic_load_n(&head->local, __ATOMIC_RELAXED);
}

/* One more counted reference. The caller holds one already. Inside a scope.
 * Never fails. An owner's count that is full (2**32-1) makes the object immortal. */
PP_INLINE void pp_retain(pp_thread *thread, pp_object *object)
{
    struct pp_object_head_ *head = pp_object_head_of_(object);
    uint32_t local = pp_object_local_(head);
    if (PP_UNLIKELY(local == PP_REF_IMMORTAL_))
        return;
    if (pp_object_is_mine_(thread, head))
        __atomic_store_n(&head->local, local + 1, __ATOMIC_RELAXED);
    else
        pp_retain_shared_(object);
}

/* Makes a counted reference of a borrowed one. False where the object has died
 * since it was borrowed: look it up again. Inside the scope that borrowed it. */
PP_NODISCARD PP_INLINE bool pp_try_retain(pp_thread *thread, pp_object *object)
{
    struct pp_object_head_ *head = pp_object_head_of_(object);
    uint32_t local = pp_object_local_(head);
    if (PP_UNLIKELY(local == PP_REF_IMMORTAL_))
        return true;
    if (!pp_object_is_mine_(thread, head))
        return pp_try_retain_shared_(object);
    __atomic_store_n(&head->local, local + 1, __ATOMIC_RELAXED);
    return true;
}

/* Gives up a counted reference; the last one frees the object and releases what it
 * refers to. Inside a scope. Never fails, never runs foreign code; waits at most for a thread that
 * has locked a container which dies, and gives that lock up without waiting for others. */
PP_INLINE void pp_release(pp_thread *thread, pp_object *object)
{
    struct pp_object_head_ *head = pp_object_head_of_(object);
    uint32_t local = pp_object_local_(head);
    if (PP_UNLIKELY(local == PP_REF_IMMORTAL_))
        return;
    if (!pp_object_is_mine_(thread, head))
        pp_release_shared_(thread, object);
    else if (PP_LIKELY(local != 1))
        __atomic_store_n(&head->local, local - 1, __ATOMIC_RELAXED);
    else
        pp_release_last_(thread, object);
}

/* Makes `object` immortal: never freed, its counts never move again. For what
 * lives as long as the process. The caller owns it and nobody else has seen it. */
PP_API void pp_object_immortalize(pp_thread *thread, pp_object *object);

/* Defers `object`, a container: it is freed by the collector alone, and a thread may
 * hold it without a count in a handle. For long-lived containers that many threads
 * use. The caller made it and nobody else has seen it. Where it is no container
 * nothing happens. Inside a scope. */
PP_API void pp_object_defer(pp_thread *thread, pp_object *object);

/* Holds the deferred `object`, borrowed or counted, in one of the thread's 16 handles: the
 * collector keeps it alive until pp_handle_drop, and no count moves. False when
 * all are in use, or it is not deferred, or it has died. Handles go with the thread. Inside a
 * scope. */
PP_API PP_NODISCARD bool pp_handle_hold(pp_thread *thread, pp_object *object);

/* Gives up one handle that holds `object`. Inside a scope. */
PP_API void pp_handle_drop(pp_thread *thread, pp_object *object);

/* An identifier for passing `object` around by number: the same each time, never
 * used for another one. It holds no reference. PP_ERR_NOMEM. Inside a scope; the
 * caller's reference is counted or borrowed. */
PP_API PP_NODISCARD pp_status pp_object_id(pp_thread *thread, pp_object *object, uint64_t *id);

/* The object of that identifier with a new counted reference, or NULL if it is gone or
 * never was. Inside a scope. */
PP_API PP_NODISCARD pp_object *pp_object_from_id(pp_thread *thread, uint64_t id);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_OBJECT_H */
