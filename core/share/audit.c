#include "share/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "share/heap.h"
#include "share/refcount.h"

static pp_kind kind_of(const pp_object *object)
{
    return (pp_kind)atomic_load_explicit(&object->kind, memory_order_relaxed);
}

static bool is_immortal(const pp_object *object)
{
    return atomic_load_explicit(&object->local, memory_order_relaxed) == PP_REF_IMMORTAL;
}

static PP_COLD void fail(const pp_object *object, const char *what, int64_t counted, int64_t found)
{
    fprintf(stderr,
            "parapack: audit: %s %p %s: %" PRId64 " references counted, %" PRId64 " found\n",
            pp_kind_name(kind_of(object)), (const void *)object, what, counted, found);
    abort();
}

/* ---- finding: gc_refs becomes the number of references that containers hold ----- */

static void expect_no_link(void *context, pp_object *object)
{
    (void)context;
    if (!pp_object_is_dead(object) && object->gc_refs != 0)
        fail(object, "has a link left in its header", pp_ref_total(object), object->gc_refs);
}

static void find_reference(void *context, pp_value value)
{
    pp_object *target = pp_value_object(value);
    (void)context;
    if (target == NULL)
        return;
    if (kind_of(target) == PP_KIND_NONE || pp_object_is_dead(target))
        fail(target, "is dead, but a live container refers to it", 0, 1);
    target->gc_refs++;
}

static void find_in_container(void *context, pp_object *object)
{
    if (pp_object_is_dead(object))
        return;
    const pp_object_type *type = pp_object_type_of(kind_of(object));
    if (type->check != NULL)
        type->check(object);
    if (type->visit != NULL)
        type->visit(object, find_reference, context);
    if (type->visit_keys != NULL)
        type->visit_keys(object, find_reference, context);
}

/* ---- comparing -------------------------------------------------------------------- */

static void compare(void *context, pp_object *object)
{
    int64_t *external = context;
    if (pp_object_is_dead(object))
        return;
    int64_t found = object->gc_refs;
    object->gc_refs = 0;
    if (is_immortal(object))
        return;
    uint8_t flags = atomic_load_explicit(&object->flags, memory_order_relaxed);
    int64_t counted = pp_ref_total(object) - ((flags & PP_OBJECT_DEFERRED) != 0);
    if (counted < found)
        fail(object, "is held more often than it is counted", counted, found);
    *external += counted - found;
}

int64_t pp_audit(void)
{
    int64_t external = 0;
    pp_heap_walk(PP_HEAP_CONTAINERS, expect_no_link, NULL);
    pp_heap_walk(PP_HEAP_LEAVES, expect_no_link, NULL);
    pp_heap_walk(PP_HEAP_CONTAINERS, find_in_container, NULL);
    pp_heap_walk(PP_HEAP_CONTAINERS, compare, &external);
    pp_heap_walk(PP_HEAP_LEAVES, compare, &external);
    return external;
}
