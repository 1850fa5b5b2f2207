/* share/object.h - the header of every object, what its kind can do, how it ends.
 *
 * The life of an object:
 *
 *   made       pp_object_new: one reference, of the making thread. Unpublished: no
 *              container has ever held it, so nobody can have borrowed it.
 *   published  pp_object_publish, before a container's slot first holds it. Where
 *              its maker's is the only reference, which goes to the container,
 *              it is merged on the way (plain stores): whoever replaces it
 *              later releases it with one atomic subtraction, and no queue.
 *   dead       its last count is gone, or the collector condemned it. In the same
 *              thread its kind's `clear` gives up what it refers to; one that was
 *              ever published is then retired (qsbr.h), another freed at once.
 *   freed      its memory goes back to the heap: `kind` becomes PP_KIND_NONE.
 *
 * A borrower may look at a dead object until its scope ends: `clear` leaves fixed
 * fields as they are and retires tables instead of freeing them. pp_try_retain
 * fails on a dead object.
 *
 * Deaths inside a `clear` are put on the thread's `dying` list and cleared one
 * after the other: a long chain does not recurse. With thread->clearing set, deaths
 * are only put there; pp_object_end_dying does the rest later.
 *
 * A container may be borrowed by a thread that waits for its lock to change it, and
 * die meanwhile. So `clear` runs under the object's lock, and whoever has locked a container to
 * change it asks pp_object_is_dead first: what is put into a dead container after its `clear`
 * would never be released, and what is taken out of a condemned one may be dead
 * itself (PP_ERR_GONE).
 */
#ifndef PP_SHARE_OBJECT_H
#define PP_SHARE_OBJECT_H

#include "base/mutex.h"
#include "parapack/object.h"
#include "parapack/value.h"
#include "share/thread.h"

/* Bits of `flags`. Written while unpublished, by the owner, or in a pause. */
enum {
    PP_OBJECT_PUBLISHED = 1, /* a container has held it: readers may have borrowed it */
    PP_OBJECT_DEFERRED = 2,  /* freed by the collector alone (refcount.h) */
    PP_OBJECT_NUMBERED =
        4 /* has an identifier: its end goes through the registry (registry.h); atomic */
};

/* Bits of `gc`, the collector's. Written in a pause and, for what it condemned, by the collecting
 * thread. */
enum {
    PP_GC_REACHED = 1,
    PP_GC_CONDEMNED =
        2,          /* found garbage: dead; references between condemned objects are not released */
    PP_GC_LEAF = 4, /* referred to no object when it was last counted */
};

/* 32 bytes. */
struct pp_object {
    _Atomic(pp_thread *) owner; /* who counts in `local`; NULL once merged (refcount.h) */
    _Atomic uint32_t local;     /* the owner's count, or PP_REF_IMMORTAL */
    _Atomic uint8_t kind; /* pp_kind; PP_KIND_NONE in a free block, which the heap walk skips */
    _Atomic uint8_t flags;
    pp_mutex lock; /* of a container; one byte */
    uint8_t gc;
    _Atomic int64_t shared; /* everybody else's count and its state (refcount.h) */
    /* 0 in a live object that is in no list and no pause: taking it off a queue clears it. */
    union {
        pp_object *link;  /* in a merge queue, or among the dying */
        int64_t gc_refs;  /* during a pause, of containers: references not yet explained */
        uint64_t scratch; /* for a kind's own use never: reserved */
    };
};
_Static_assert(sizeof(struct pp_object) == 32, "the header is four words");

/* Called for each value that an object refers to. */
typedef void pp_visit(void *context, pp_value value);

/* What a kind can do. Constant and static. */
typedef struct pp_object_type {
    pp_kind kind;
    bool container; /* may refer to containers: lives in the heap that the collector walks */
    /* Gives up every reference with pp_object_drop_value and every table with pp_qsbr_retire. May
     * be NULL. A container's is called with its lock held. */
    void (*clear)(pp_thread *thread, pp_object *object);
    /* In a pause: shows each value that may be a container and that it holds a reference to, once
     * per reference. Need not show words that are no objects. NULL where there are none. */
    void (*visit)(pp_object *object, pp_visit *visit, void *context);
    /* Where in the object the pointer lies to what `visit` reads first: the collector asks memory
     * for that ahead. 0: nowhere. */
    size_t reads_first;
    /* The same for keys and whatever else never is a container: only the audit asks. May be NULL.
     */
    void (*visit_keys)(pp_object *object, pp_visit *visit, void *context);
    /* The size of the object's block in bytes, fixed fields and what follows them. Also of a dead
     * object. */
    size_t (*size)(const pp_object *object);
    /* Whether two objects of this kind say the same (pp_value_equal). NULL: only an object itself.
     */
    bool (*equal)(const pp_object *a, const pp_object *b);
    /* In a pause, in builds with PP_AUDIT: aborts with a message where the invariants of the
     * object's tables do not hold. May be NULL. */
    void (*check)(const pp_object *object);
    /* In the child of fork, of a container: threads that are gone no longer wait here. May be NULL.
     */
    void (*after_fork)(pp_object *object);
} pp_object_type;

/* The type of a kind. The table in object_types.c lists those of core/share; core/doc sets its one
 * before it makes the first object (setting it again is harmless). NULL for kinds that never are
 * objects. */
extern _Atomic(const pp_object_type *) pp_object_types_[16];
const pp_object_type *pp_object_type_of(pp_kind kind);
void pp_object_type_set(const pp_object_type *type);

/* Memory for an object of `size` bytes whose header is filled in and owned by `thread`: one
 * reference, unpublished. NULL without memory. `thread` is attached. */
PP_NODISCARD pp_object *pp_object_new(pp_thread *thread, pp_kind kind, size_t size);

/* To be called before `value`, a reference that the caller gives away, is first stored where other
 * threads can read it. */
void pp_object_publish(pp_thread *thread, pp_value value);

/* The last count is gone (refcount.c): clears `object` and gives its memory up, at once or when the
 * deaths before it are through. Outside of pauses. */
void pp_object_die(pp_thread *thread, pp_object *object);

/* The two halves of it for the collector, which clears all that it condemned before it gives any
 * memory up: `clear` looks at the headers that it refers to. What dies of it is put on the dying
 * list as in pp_object_die. */
void pp_object_clear(pp_thread *thread, pp_object *object);
void pp_object_bury(pp_thread *thread, pp_object *object);

/* What was put on the dying list while thread->clearing was set by the caller (the collector sets
 * it in a pause, where the counts that it merges may be last ones), and what dies of that. `thread`
 * is attached, no longer clearing. */
void pp_object_end_dying(pp_thread *thread);

/* In `clear`: releases a value that `object` held, unless the collector condemned both. */
void pp_object_drop_value(pp_thread *thread, pp_object *object, pp_value value);

/* The object's lock. False where it would have to wait and the scope may not (PP_ERR_BUSY);
 * otherwise waits, blocked (thread.h), so that pauses go on. Bounded spin first. */
PP_NODISCARD bool pp_object_lock(pp_thread *thread, pp_object *object);
void pp_object_unlock(pp_object *object);

#endif /* PP_SHARE_OBJECT_H */
