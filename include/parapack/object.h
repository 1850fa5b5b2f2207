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
 * all others in an atomic one.
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

/* One more counted reference. The caller holds one already. Inside a scope.
 * Never fails. */
PP_API void pp_retain(pp_thread *thread, pp_object *object);

/* Makes a counted reference of a borrowed one. False where the object has died
 * since it was borrowed: look it up again. Inside the scope that borrowed it. */
PP_API PP_NODISCARD bool pp_try_retain(pp_thread *thread, pp_object *object);

/* Gives up a counted reference; the last one frees the object and releases what it
 * refers to. Inside a scope. Never fails, never waits, never runs foreign code. */
PP_API void pp_release(pp_thread *thread, pp_object *object);

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
 * all are in use, or it is not deferred, or it has died. Handles go with the thread. Inside a scope. */
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
