/* The heap on mimalloc 2 (package libmimalloc-dev of Debian: 2.0.9).
 *
 * A record's heap is three mi_heaps, one for each part, made by its thread, which alone allocates
 * from them; anybody frees. A walk visits the blocks of every record's heap: mimalloc does that for
 * the heaps of threads that have stopped, as they are in a pause.
 *
 * When a thread ends, mimalloc gives its heaps up, and no visit finds their blocks any more. So the
 * thread notes them in the table of orphans before; whoever takes the record over gets new heaps.
 * An orphan is struck off when it is freed. The table is a few sets of addresses, each with a lock,
 * and a filter in front that tells at once that most blocks are none.
 *
 * mimalloc ends a thread in the destructor of a key that it made before we made ours, thus before
 * thread.c ends the record. So the orphans are noted earlier, by the functions that C++ registers
 * for thread_local objects: these run first. What is allocated after that is an orphan from the
 * start.
 *
 * No sanitizer sees into this heap, and ThreadSanitizer does not know how it orders a free and
 * the reuse: sanitizer builds take heap_slab.c. */
#include <mimalloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutex.h"
#include "base/yield_point.h"
#include "share/heap_internal.h"

/* glibc's: runs `destroy(object)` when the calling thread ends, before destructors of keys. */
extern int __cxa_thread_atexit_impl(void (*destroy)(void *object), void *object, void *library);
extern void *__dso_handle __attribute__((visibility("hidden")));

enum {
    SMALL_MAX = 32 << 10, /* of what is walked: mimalloc does not always show larger ones */
    SETS = 64,
    FILTER = 1 << 14
};

struct pp_heap {
    mi_heap_t *parts[PP_HEAP_PARTS]; /* NULL while no thread has the record, and while one ends */
};

/* ---- orphans --------------------------------------------------------------------- */

typedef struct orphan_set {
    _Alignas(PP_CACHE_LINE) pp_mutex lock; /* a leaf */
    uintptr_t *entries; /* a block with its part in the low bits; 0: none. Open addressing */
    size_t mask;        /* their number, a power of two, less one */
    size_t count;
} orphan_set;

static orphan_set orphans[SETS];

/* For each address modulo FILTER, how many orphans there are; SATURATED means many, for good. */
static _Atomic uint8_t filter[FILTER];
enum { SATURATED = 255 };

static size_t hash_of(const void *block)
{
    return (size_t)(((uintptr_t)block >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20);
}

static orphan_set *set_of(size_t hash)
{
    return &orphans[hash % SETS];
}

/* The block of an entry. */
static void *block_of(uintptr_t entry)
{
    return (void *)(entry & ~(uintptr_t)15);
}

static size_t slot_of(const orphan_set *set, size_t hash)
{
    return hash / SETS & set->mask;
}

static void put(orphan_set *set, uintptr_t entry)
{
    size_t i = slot_of(set, hash_of(block_of(entry)));
    while (set->entries[i] != 0)
        i = (i + 1) & set->mask;
    set->entries[i] = entry;
}

/* Room for one more, at most half full. */
static bool grow(orphan_set *set)
{
    if (set->entries != NULL && set->count * 2 <= set->mask)
        return true;
    size_t old_size = set->entries == NULL ? 0 : set->mask + 1,
           size = old_size == 0 ? 16 : old_size * 2;
    uintptr_t *old = set->entries, *entries = calloc(size, sizeof *entries);
    if (entries == NULL)
        return false;
    set->entries = entries;
    set->mask = size - 1;
    for (size_t i = 0; i < old_size; i++)
        if (old[i] != 0)
            put(set, old[i]);
    free(old);
    return true;
}

/* Notes a block. Without memory for that, no collection sees it again: what it refers to
 * lives on, which is safe. */
static void note(pp_heap_part part, void *block)
{
    size_t hash = hash_of(block);
    orphan_set *set = set_of(hash);
    pp_mutex_lock(&set->lock);
    if (grow(set)) {
        put(set, (uintptr_t)block | part);
        set->count++;
        _Atomic uint8_t *count = &filter[hash % FILTER];
        /* Relaxed: changed under the set's lock (SETS divides FILTER). Seq_cst: see note_object().
         */
        uint8_t n = atomic_load_explicit(count, memory_order_relaxed);
        if (n != SATURATED)
            atomic_store_explicit(count, (uint8_t)(n + 1), memory_order_seq_cst);
    }
    pp_mutex_unlock(&set->lock);
}

/* Takes an entry out, and closes the gap: those behind it that belong before move up. */
static void take_out(orphan_set *set, size_t gap)
{
    for (size_t i = gap;;) {
        i = (i + 1) & set->mask;
        if (set->entries[i] == 0)
            break;
        size_t home = slot_of(set, hash_of(block_of(set->entries[i])));
        if (((i - home) & set->mask) >= ((i - gap) & set->mask)) {
            set->entries[gap] = set->entries[i];
            gap = i;
        }
    }
    set->entries[gap] = 0;
    set->count--;
}

/* A block is about to be freed: it is no orphan any more, if it was one. */
static void strike_off(void *block)
{
    size_t hash = hash_of(block);
    _Atomic uint8_t *count = &filter[hash % FILTER];
    /* Relaxed: who frees a block has learnt of it from its owner or somebody after, and so has the
     * owner's note(). */
    uint8_t n = atomic_load_explicit(count, memory_order_relaxed);
    if (PP_LIKELY(n == 0))
        return;
    orphan_set *set = set_of(hash);
    pp_mutex_lock(&set->lock);
    if (set->entries != NULL)
        for (size_t i = slot_of(set, hash); set->entries[i] != 0; i = (i + 1) & set->mask)
            if (block_of(set->entries[i]) == block) {
                take_out(set, i);
                n = atomic_load_explicit(count, memory_order_relaxed);
                if (n != SATURATED)
                    atomic_store_explicit(count, (uint8_t)(n - 1), memory_order_relaxed);
                break;
            }
    pp_mutex_unlock(&set->lock);
}
_Static_assert(FILTER % SETS == 0, "one set's lock guards each place of the filter");

/* ---- walks ----------------------------------------------------------------------- */

typedef struct walk {
    void (*visit)(void *context, pp_object *object);
    void *context;
    pp_heap_part part;
} walk;

static bool visit_block(const mi_heap_t *heap, const mi_heap_area_t *area, void *block, size_t size,
                        void *argument)
{
    (void)heap;
    (void)area;
    (void)size;
    walk *w = argument;
    if (block != NULL && pp_heap_is_object(block)) /* NULL: the area begins */
        w->visit(w->context, block);
    return true;
}

void pp_heap_walk(pp_heap_part part, void (*visit)(void *context, pp_object *object), void *context)
{
    walk w = {visit, context, part};
    for (pp_thread *t = pp_thread_list(); t != NULL; t = t->next)
        if (t->heap != NULL && t->heap->parts[part] != NULL)
            mi_heap_visit_blocks(t->heap->parts[part], true, visit_block, &w);
    for (size_t s = 0; s < SETS; s++)
        for (size_t i = 0; orphans[s].entries != NULL && i <= orphans[s].mask; i++) {
            uintptr_t entry = orphans[s].entries[i];
            if (entry != 0 && (pp_heap_part)(entry & 15) == part &&
                pp_heap_is_object(block_of(entry)))
                visit(context, block_of(entry));
        }
    pp_heap_large_walk(part, visit, context);
}

/* ---- threads --------------------------------------------------------------------- */

/* Another thread may be freeing the object: it sets the kind to none, then looks for a note; this
 * one writes the note, then looks at the kind. All four are seq_cst, so at least one of them sees
 * the other, and the note goes. */
static void note_object(void *context, pp_object *object)
{
    note(*(const pp_heap_part *)context, object);
    PP_YIELD_POINT();
    if (atomic_load_explicit(&object->kind, memory_order_seq_cst) == PP_KIND_NONE)
        strike_off(object);
}

/* Notes the objects of a heap. With the owner's rights, or where its thread is no more. */
static void make_orphans(struct pp_heap *heap)
{
    for (pp_heap_part part = PP_HEAP_CONTAINERS; part <= PP_HEAP_LEAVES; part++) {
        walk w = {note_object, &part, part};
        if (heap->parts[part] != NULL)
            mi_heap_visit_blocks(heap->parts[part], true, visit_block, &w);
    }
}

static void end_heap(struct pp_heap *heap)
{
    make_orphans(heap);
    for (size_t part = 0; part < PP_HEAP_PARTS; part++)
        if (heap->parts[part] != NULL) {
            mi_heap_delete(heap->parts[part]); /* its blocks become the thread's default heap's */
            heap->parts[part] = NULL;
        }
}

/* The calling thread ends: see the head of this file. */
static void before_mimalloc(void *record)
{
    pp_thread *thread = record;
    if (pp_thread_known() != thread)
        return;              /* its beginning failed later on: the record is not this thread's */
    pp_thread_enter(thread); /* no pause looks at the heap meanwhile */
    end_heap(thread->heap);
    pp_thread_leave(thread);
}

bool pp_heap_thread_begin(pp_thread *thread)
{
    if (pp_heap_must_fail())
        return false;
    if (thread->heap == NULL)
        thread->heap = calloc(1, sizeof(struct pp_heap));
    struct pp_heap *heap = thread->heap;
    if (heap == NULL)
        return false;
    /* A thread that fork has not brought along. Its heaps are left as they are: another thread must
     * not delete them. */
    make_orphans(heap);
    memset(heap, 0, sizeof *heap);
    for (size_t part = 0; part < PP_HEAP_PARTS; part++) {
        heap->parts[part] = mi_heap_new();
        if (heap->parts[part] == NULL) {
            end_heap(heap);
            return false;
        }
    }
    if (__cxa_thread_atexit_impl(before_mimalloc, thread, &__dso_handle) != 0) {
        end_heap(heap);
        return false;
    }
    return true;
}

void pp_heap_thread_end(pp_thread *thread)
{
    end_heap(thread->heap);
}

void pp_heap_drain(pp_thread *thread)
{
    /* Only the thread itself can; mimalloc does it as it allocates. */
    (void)thread;
}

bool pp_heap_has_remote(const pp_thread *thread)
{
    (void)thread;
    return false;
}

/* ---- blocks ---------------------------------------------------------------------- */

static bool is_large(size_t size)
{
    return size > SMALL_MAX;
}

void *pp_heap_alloc(pp_thread *thread, pp_heap_part part, size_t size)
{
    if (pp_heap_must_fail())
        return NULL;
    void *block;
    if (PP_UNLIKELY(is_large(size))) {
        block = pp_heap_large_alloc(part, size);
    } else {
        size_t rounded = (size + 15) & ~(size_t)15; /* such blocks are aligned to 16 */
        mi_heap_t *heap = thread->heap->parts[part];
        block = PP_LIKELY(heap != NULL) ? mi_heap_malloc(heap, rounded) : mi_malloc(rounded);
        if (block != NULL) {
            memset(block, 0, PP_HEAP_HEAD);
            if (PP_UNLIKELY(heap == NULL) && part != PP_HEAP_TABLES)
                note(part, block);
        }
    }
    if (PP_LIKELY(block != NULL))
        pp_tally(&thread->counters.bytes, size);
    return block;
}

void pp_heap_free(pp_thread *thread, void *block, size_t size)
{
    pp_tally(&thread->counters.bytes, (size_t)0 - size);
    if (PP_UNLIKELY(is_large(size))) {
        pp_heap_large_free(block);
        return;
    }
#if defined(PP_HOSTILE)
    memset(block, 0xdb, size);
#endif
    pp_heap_mark_free(
        block); /* for a walk that finds it among blocks mimalloc has yet to take back */
    strike_off(block);
    PP_YIELD_POINT();
    mi_free(block);
}

const char *pp_heap_name(void)
{
    return "mimalloc";
}

size_t pp_heap_reserved(void)
{
    size_t unused, committed = 0;
    mi_process_info(&unused, &unused, &unused, &unused, &unused, &committed, &unused, &unused);
    return committed + pp_heap_large_bytes();
}
