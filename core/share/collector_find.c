#include "share/collector_find.h"

#include "share/heap.h"
#include "share/refcount.h"

/* What an immortal container's gc_refs starts with: more than anything can take off. */
#define IMMORTAL_REFS (INT64_C(1) << 62)

/* What was asked of memory and will be looked at when as much else was asked: first in, first out.
 */
enum { WINDOW = 16 };
typedef struct window {
    pp_object *items[WINDOW];
    unsigned first, count;
} window;

/* The oldest, or NULL. */
static inline pp_object *window_take(window *w)
{
    if (w->count == 0)
        return NULL;
    pp_object *out = w->items[w->first];
    w->first = (w->first + 1) % WINDOW;
    w->count--;
    return out;
}

/* Lets `object` in; gives the oldest where the window is full, else NULL. */
static inline pp_object *window_pass(window *w, pp_object *object)
{
    pp_object *out = w->count == WINDOW ? window_take(w) : NULL;
    w->items[(w->first + w->count) % WINDOW] = object;
    w->count++;
    return out;
}

/* What pp_object_type_of tells, for the length of a pause and without a call. */
static struct {
    void (*visit[16])(pp_object *object, pp_visit *visit, void *context);
    size_t reads_first[16];
    unsigned containers; /* a bit for each kind */
} kinds;

static void learn_kinds(void)
{
    kinds.containers = 0;
    for (unsigned kind = 0; kind < 16; kind++) {
        const pp_object_type *type = pp_object_type_of((pp_kind)kind);
        if (type == NULL || !type->container)
            continue;
        kinds.visit[kind] = type->visit;
        kinds.reads_first[kind] = type->reads_first;
        kinds.containers |= 1u << kind;
    }
}

static inline unsigned kind_of(const pp_object *object)
{
    return atomic_load_explicit(&object->kind, memory_order_relaxed);
}

static inline bool is_container(const pp_object *object)
{
    return (kinds.containers >> kind_of(object) & 1) != 0;
}

static inline void visit(pp_object *object, pp_visit *show, void *context)
{
    if (kinds.visit[kind_of(object)] != NULL)
        kinds.visit[kind_of(object)](object, show, context);
}

/* Asks memory for what `visit` will read first. */
static inline void prefetch_inside(const pp_object *object)
{
    size_t offset = kinds.reads_first[kind_of(object)];
    if (offset == 0)
        return;
    const char *inside = *(const char *const *)((const char *)object + offset);
    __builtin_prefetch(inside);
    __builtin_prefetch(inside + PP_CACHE_LINE);
}

static inline bool is_immortal(const pp_object *object)
{
    return atomic_load_explicit(&object->local, memory_order_relaxed) == PP_REF_IMMORTAL;
}

/* ---- counting: all references, minus those of containers --------------------- */

typedef struct census {
    pp_found *found;
    window containers; /* whose references come next */
    window targets;    /* of references */
    bool refers;       /* the container that is visited refers to an object */
} census;

static inline void take_off(pp_object *target)
{
    if (is_container(target))
        target->gc_refs--;
}

static void count_reference(void *context, pp_value value)
{
    census *c = context;
    pp_object *target = pp_value_object(value);
    if (target == NULL)
        return;
    c->refers = true;
    __builtin_prefetch(target, 1);
    pp_object *out = window_pass(&c->targets, target);
    if (out != NULL)
        take_off(out);
}

/* Takes the references of one container off; one that has none need not be visited again. */
static inline void count_inside(census *c, pp_object *object)
{
    c->refers = false;
    visit(object, count_reference, c);
    if (!c->refers)
        object->gc |= PP_GC_LEAF;
}

static int64_t references(const pp_object *object)
{
    if (is_immortal(object))
        return IMMORTAL_REFS;
    bool deferred =
        (atomic_load_explicit(&object->flags, memory_order_relaxed) & PP_OBJECT_DEFERRED) != 0;
#if defined(PP_MUTANT_COLLECT_DEFERRED_COUNTED)
    deferred = false;
#endif
    return pp_ref_total(object) - deferred; /* without the collector's own */
}

static void count_container(void *context, pp_object *object)
{
    census *c = context;
    if (pp_object_is_dead(object))
        return;
    c->found->alive++;
    object->gc = 0;
    object->gc_refs += references(object);
    prefetch_inside(object);
    pp_object *out = window_pass(&c->containers, object);
    if (out != NULL)
        count_inside(c, out);
}

static void count_handles(void)
{
#if defined(PP_MUTANT_COLLECT_HANDLES_IGNORED)
    return;
#endif
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        for (int i = 0; i < PP_THREAD_HANDLES; i++)
            if (thread->handles[i] != NULL)
                thread->handles[i]->gc_refs++;
}

static void count_all(pp_found *found)
{
    census c = {.found = found};
    pp_heap_walk(PP_HEAP_CONTAINERS, count_container, &c);
    pp_object *out;
    while ((out = window_take(&c.containers)) != NULL)
        count_inside(&c, out);
    while ((out = window_take(&c.targets)) != NULL)
        take_off(out);
    count_handles();
}

/* ---- marking: what can be reached from outside --------------------------------- */

typedef struct marking {
    pp_object *stack; /* reached, its references still to be followed; by the link */
    window targets;   /* of references that were followed */
    size_t reached;
} marking;

static inline void reach(marking *m, pp_object *object)
{
    if (!is_container(object) || (object->gc & PP_GC_REACHED) != 0)
        return;
    object->gc |= PP_GC_REACHED;
    m->reached++;
    if ((object->gc & PP_GC_LEAF) != 0) {
        object->gc_refs = 0;
        return;
    }
    prefetch_inside(object);
    object->link = m->stack;
    m->stack = object;
}

static void mark_reference(void *context, pp_value value)
{
    marking *m = context;
    pp_object *target = pp_value_object(value);
    if (target == NULL)
        return;
    __builtin_prefetch(target, 1);
    pp_object *out = window_pass(&m->targets, target);
    if (out != NULL)
        reach(m, out);
}

/* Follows what is on the stack; what the window holds is left for the next ones. */
static inline void follow(marking *m)
{
    while (m->stack != NULL) {
        pp_object *object = m->stack;
        m->stack = object->link;
        object->gc_refs = 0;
        visit(object, mark_reference, m);
    }
}

static void mark_container(void *context, pp_object *object)
{
    marking *m = context;
    if (pp_object_is_dead(object) || (object->gc & PP_GC_REACHED) != 0)
        return;
    /* Below 0 would be a wrong count, for the audit to report: such a container is kept. */
    if (object->gc_refs != 0) {
        reach(m, object);
        follow(m);
    }
}

static size_t mark_all(void)
{
    marking m = {0};
    pp_heap_walk(PP_HEAP_CONTAINERS, mark_container, &m);
    pp_object *out;
    while ((out = window_take(&m.targets)) != NULL) {
        reach(&m, out);
        follow(&m); /* which may let others in */
    }
    return m.reached;
}

/* ---- condemning: the rest ------------------------------------------------------ */

static void condemn_container(void *context, pp_object *object)
{
    pp_found *found = context;
    if ((object->gc & PP_GC_REACHED) != 0 || pp_object_is_dead(object))
        return;
    pp_ref_condemn(object);
    object->gc = PP_GC_CONDEMNED;
    object->link = found->condemned;
    found->condemned = object;
    found->garbage++;
}

void pp_collector_find(pp_found *found)
{
    *found = (pp_found){0};
    learn_kinds();
    count_all(found);
    if (mark_all() < found->alive)
        pp_heap_walk(PP_HEAP_CONTAINERS, condemn_container, found);
}
