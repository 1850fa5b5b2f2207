/* The heap of our own: slabs.
 *
 * A slab is SLAB_SIZE bytes, aligned to as much, so that a block's slab is found by
 * masking its address. It belongs to one heap, one part and one class of sizes:
 *
 *     | header | block | block | ... | block | not yet carved ... |
 *
 * A heap has, for each part and class, a bin of slabs that may have a free block (its
 * head is allocated from), and for each part a list of all its slabs, which is walked.
 *
 * The thread that has the heap's record allocates and frees in it with plain
 * loads and stores. Another thread pushes the block it frees on the heap's `remote`
 * stack; the heap takes the whole stack when a bin is empty, when its thread begins or ends, and
 * when somebody claims its record and drains it.
 *
 * Slabs without a used block go back to a pool for all heaps, except for one per bin.
 *
 * Blocks beyond SMALL_MAX come from malloc (heap.c).
 *
 * Equations, of each slab, while nobody is inside of these functions:
 *     used + length of `free` (+ its blocks on `remote`, counted in used) == carved <= capacity
 *     in a bin  ==  some block is free or not yet carved, or it was when last looked at
 */
#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* madvise */
#endif
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mutex.h"
#include "base/yield_point.h"
#include "share/heap_internal.h"

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

#if defined(PP_HOSTILE)
/* Tiny slabs, so that they fill up, empty, and go back all the time. */
#define SLAB_SIZE ((size_t)4096)
#define SMALL_MAX ((size_t)1280)
enum { POOL_KEEPS = 4, ARENA_SLABS = 16 };
#else
#define SLAB_SIZE ((size_t)65536)
#define SMALL_MAX ((size_t)32704)
enum {
    POOL_KEEPS = 256, /* empty slabs whose pages the pool keeps: 16 MiB */
    ARENA_SLABS = 16  /* taken from the system at once: 1 MiB */
};
#endif

enum {
    FINE = 8,       /* classes of 16, 32, ... 128 bytes */
    QUARTERED = 24, /* up to there four per doubling, up to 2048 */
    CLASSES = 34,
    CARVE_BYTES = 2048 /* how much is carved at a time: within a page or two */
};

/* Bytes of a block, by class. Beyond 2048: what divides a slab well. */
static const uint16_t class_sizes[CLASSES] = {
    16,   32,   48,   64,   80,   96,   112,  128,   160,   192,  224,  256,
    320,  384,  448,  512,  640,  768,  896,  1024,  1280,  1536, 1792, 2048,
    2720, 3264, 4080, 5440, 6528, 8176, 9344, 13072, 16352, 32704};

/* A free block. */
typedef struct free_block {
    struct free_block *next;
} free_block;
_Static_assert(sizeof(free_block) <= offsetof(pp_object, kind), "the kind of a free block stays");

typedef struct slab {
    struct pp_heap *heap; /* whose it is; of a slab in use it never changes */
    free_block *free;     /* the next to be allocated */
    uint32_t block_size;
    uint32_t used;     /* blocks that are allocated, or lie on the remote stack */
    uint32_t carved;   /* blocks that have ever been handed out or put on `free` */
    uint32_t capacity; /* blocks in all */
    uint8_t part;
    uint8_t class;
    bool in_bin;
    struct slab *next, *previous;         /* all of the part */
    struct slab *next_bin, *previous_bin; /* of the bin */
    free_block *free_last; /* the end of `free`; only where blocks are reused in order */
} slab;

enum { SLAB_HEADER = 128 };
_Static_assert(sizeof(slab) <= SLAB_HEADER, "the first block begins behind the header");
_Static_assert(SLAB_HEADER % 16 == 0, "blocks are aligned to 16");

struct pp_heap {
    slab *bins[PP_HEAP_PARTS][CLASSES];
    slab *slabs[PP_HEAP_PARTS];
    _Alignas(PP_CACHE_LINE) _Atomic(free_block *) remote;
};

/* ---- slabs for all heaps ------------------------------------------------- */

/* A leaf lock: held for a few instructions, or one system call, by a thread that stays attached. */
static struct {
    pp_mutex lock;
    slab *free; /* by `next` */
    size_t count;
    uint8_t *fresh, *end; /* of the newest arena */
} pool;

/* Slabs in use or with pages, and bytes of large blocks: for pp_heap_reserved(). Relaxed:
 * statistics. */
static _Atomic size_t slabs_with_pages;

/* An arena of ARENA_SLABS aligned slabs. */
static bool pool_grow(void)
{
    size_t size = (ARENA_SLABS + 1) * SLAB_SIZE;
    uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    pool.fresh = (uint8_t *)(((uintptr_t)p + SLAB_SIZE - 1) & ~(SLAB_SIZE - 1));
    pool.end = pool.fresh + ARENA_SLABS * SLAB_SIZE;
    return true;
}

/* Memory for a slab: anything in it but the header is undefined. NULL without memory. */
static slab *pool_take(void)
{
    slab *s = NULL;
    pp_mutex_lock(&pool.lock);
    if (pool.free != NULL) {
        s = pool.free;
        pool.free = s->next;
        if (pool.count-- <= POOL_KEEPS)
            atomic_fetch_sub_explicit(&slabs_with_pages, 1, memory_order_relaxed);
    } else if (pool.fresh < pool.end || pool_grow()) {
        s = (slab *)(void *)pool.fresh;
        pool.fresh += SLAB_SIZE;
    }
    pp_mutex_unlock(&pool.lock);
    if (s != NULL)
        atomic_fetch_add_explicit(&slabs_with_pages, 1, memory_order_relaxed);
    return s;
}

static void pool_give(slab *s)
{
    PP_HEAP_UNPOISON(s, SLAB_SIZE);
    pp_mutex_lock(&pool.lock);
    bool keep = pool.count < POOL_KEEPS;
    if (!keep) {
        /* All pages but the header's; whoever gets the slab finds zeros. */
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        if (page < SLAB_SIZE)
            (void)madvise((uint8_t *)s + page, SLAB_SIZE - page, MADV_DONTNEED);
        atomic_fetch_sub_explicit(&slabs_with_pages, 1, memory_order_relaxed);
    }
    s->next = pool.free;
    pool.free = s;
    pool.count++;
    pp_mutex_unlock(&pool.lock);
}

/* ---- bins ---------------------------------------------------------------- */

static void bin_add(slab *s)
{
    slab **bin = &s->heap->bins[s->part][s->class];
    s->next_bin = *bin;
    s->previous_bin = NULL;
    if (*bin != NULL)
        (*bin)->previous_bin = s;
    *bin = s;
    s->in_bin = true;
}

static void bin_remove(slab *s)
{
    if (s->previous_bin != NULL)
        s->previous_bin->next_bin = s->next_bin;
    else
        s->heap->bins[s->part][s->class] = s->next_bin;
    if (s->next_bin != NULL)
        s->next_bin->previous_bin = s->previous_bin;
    s->in_bin = false;
}

static size_t class_of(size_t size)
{
    if (size <= 128)
        return (size - 1) / 16;
    if (size <= 2048) {
        unsigned exponent = 31u - (unsigned)__builtin_clz((unsigned)size - 1); /* 7 to 10 */
        return FINE + (exponent - 7) * 4 + (((size - 1) >> (exponent - 2)) & 3);
    }
    size_t c = QUARTERED;
    while (class_sizes[c] < size)
        c++;
    return c;
}

static slab *slab_new(struct pp_heap *heap, pp_heap_part part, size_t class)
{
    slab *s = pool_take();
    if (s == NULL)
        return NULL;
    memset(s, 0, sizeof *s);
    s->heap = heap;
    s->part = (uint8_t)part;
    s->class = (uint8_t) class;
    s->block_size = class_sizes[class];
    s->capacity = (uint32_t)((SLAB_SIZE - SLAB_HEADER) / s->block_size);
    PP_HEAP_POISON((uint8_t *)s + SLAB_HEADER, SLAB_SIZE - SLAB_HEADER);
    s->next = heap->slabs[part];
    if (s->next != NULL)
        s->next->previous = s;
    heap->slabs[part] = s;
    bin_add(s);
    return s;
}

static PP_NOINLINE void slab_delete(slab *s)
{
    bin_remove(s);
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        s->heap->slabs[s->part] = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    pool_give(s);
}

/* ---- blocks in slabs ----------------------------------------------------- */

static inline slab *slab_of(void *block)
{
    return (slab *)((uintptr_t)block & ~(uintptr_t)(SLAB_SIZE - 1));
}

static inline void *slab_block(slab *s, size_t index)
{
    return (uint8_t *)s + SLAB_HEADER + index * s->block_size;
}

#if defined(PP_HOSTILE)
/* A free block is filled with SPOILT, but for its link, kind and flags; a byte that has changed
 * when it is handed out again was written by somebody who had no right to it any more. */
enum { SPOILT = 0xdb };
#define SPOIL(block, size) memset(block, SPOILT, size)

static void check_spoilt(const void *block, size_t size)
{
    const uint8_t *p = block;
    for (size_t i = 8; i < size; i++)
        if (p[i] != SPOILT && (i < 12 || i >= PP_HEAP_HEAD)) {
            fprintf(stderr, "a free block of %zu bytes was written to at byte %zu: %#x\n", size, i,
                    p[i]);
            abort();
        }
}
#else
#define SPOIL(block, size) ((void)0)
#endif

/* Puts a block on its slab's free list. Sanitizer and hostile builds reuse blocks as late as they
 * can, and overwrite them, so that whoever still looks at one is found out. */
static inline void push_free(slab *s, void *block)
{
    free_block *b = block;
    PP_HEAP_UNPOISON(b, PP_HEAP_HEAD);
#if defined(PP_ASAN) || defined(PP_HOSTILE)
    b->next = NULL;
    if (s->free == NULL) {
        s->free = b;
    } else {
        PP_HEAP_UNPOISON(s->free_last, PP_HEAP_HEAD);
        s->free_last->next = b;
        PP_HEAP_POISON(s->free_last, PP_HEAP_HEAD);
    }
    s->free_last = b;
#else
    b->next = s->free;
    s->free = b;
#endif
    PP_HEAP_POISON(b, s->block_size);
}

static inline void *pop_free(slab *s, size_t size)
{
    free_block *b = s->free;
#if defined(PP_HOSTILE)
    PP_HEAP_UNPOISON(b, s->block_size);
    check_spoilt(b, s->block_size);
    PP_HEAP_POISON(b, s->block_size);
#endif
    PP_HEAP_UNPOISON(b, size);
    s->free = b->next;
    __builtin_prefetch(s->free, 1); /* freed long ago, after its readers: the next call needs it */
    s->used++;
    memset(b, 0, PP_HEAP_HEAD);
    return b;
}

/* Some more blocks of `s` become free ones. */
static void carve(slab *s)
{
    size_t count = CARVE_BYTES / s->block_size + 1;
    if (count > s->capacity - s->carved)
        count = s->capacity - s->carved;
#if !defined(PP_ASAN) && !defined(PP_HOSTILE)
    /* Last to first, so that they are handed out in the order of their addresses. */
    for (size_t i = count; i-- > 0;) {
#else
    for (size_t i = 0; i < count; i++) {
#endif
        void *block = slab_block(s, s->carved + i);
        PP_HEAP_UNPOISON(block, s->block_size);
        SPOIL(block, s->block_size);
        pp_heap_mark_free(block);
        push_free(s, block);
    }
    s->carved += (uint32_t)count;
}

/* Gives a block back to its slab. With the rights of the heap's owner. */
static inline void free_here(slab *s, void *block)
{
    push_free(s, block);
    s->used--;
    if (PP_UNLIKELY(!s->in_bin))
        bin_add(s);
    if (PP_UNLIKELY(s->used == 0) && (s->next_bin != NULL || s->previous_bin != NULL))
        slab_delete(s); /* not the last one of its bin */
}

/* Takes back what other threads have freed. With the rights of the heap's owner. */
static void drain(struct pp_heap *heap)
{
    /* Acquire: pairs with the release in free_there(); what the freeing threads did comes before
     * the reuse. */
    free_block *b = atomic_exchange_explicit(&heap->remote, NULL, memory_order_acquire);
    while (b != NULL) {
        PP_HEAP_UNPOISON(b, PP_HEAP_HEAD);
        free_block *next = b->next;
        free_here(slab_of(b), b);
        b = next;
    }
}

/* Gives back a block of another record's heap. */
static PP_NOINLINE void free_there(struct pp_heap *heap, void *block)
{
    free_block *b = block;
    free_block *top = atomic_load_explicit(&heap->remote, memory_order_relaxed);
    do {
        PP_YIELD_POINT();
        b->next = top;
        /* Release: pairs with the acquire in drain(). */
    } while (!atomic_compare_exchange_weak_explicit(&heap->remote, &top, b, memory_order_release,
                                                    memory_order_relaxed));
}

/* A block where the head of the bin has none ready. NULL without memory. */
static PP_NOINLINE void *alloc_slow(struct pp_heap *heap, pp_heap_part part, size_t class,
                                    size_t size)
{
    /* Relaxed: what drain() takes is seen there. */
    if (atomic_load_explicit(&heap->remote, memory_order_relaxed) != NULL)
        drain(heap);
    for (;;) {
        slab *s = heap->bins[part][class];
        if (s == NULL) {
            s = slab_new(heap, part, class);
            if (s == NULL)
                return NULL;
        }
        if (s->free == NULL && s->carved < s->capacity)
            carve(s);
        if (s->free != NULL)
            return pop_free(s, size);
        bin_remove(s); /* full: comes back with its first free block */
    }
}

/* ---- the interface ------------------------------------------------------- */

void *pp_heap_alloc(pp_thread *thread, pp_heap_part part, size_t size)
{
    assert(size > 0);
    if (pp_heap_must_fail())
        return NULL;
    void *block;
    if (PP_LIKELY(size <= SMALL_MAX - PP_HEAP_REDZONE)) {
        size_t padded = (size < PP_HEAP_HEAD ? PP_HEAP_HEAD : size) + PP_HEAP_REDZONE;
        struct pp_heap *heap = thread->heap;
        size_t class = class_of(padded);
        slab *s = heap->bins[part][class];
        block = PP_LIKELY(s != NULL && s->free != NULL)
                    ? pop_free(s, padded - PP_HEAP_REDZONE)
                    : alloc_slow(heap, part, class, padded - PP_HEAP_REDZONE);
    } else {
        block = pp_heap_large_alloc(part, size);
    }
    if (PP_LIKELY(block != NULL))
        pp_tally(&thread->counters.bytes, (int64_t)size);
    return block;
}

void pp_heap_free(pp_thread *thread, void *block, size_t size)
{
    pp_tally(&thread->counters.bytes, -(int64_t)size);
    if (PP_UNLIKELY(size > SMALL_MAX - PP_HEAP_REDZONE)) {
        pp_heap_large_free(block);
        return;
    }
    slab *s = slab_of(block);
    assert(size + PP_HEAP_REDZONE <= s->block_size);
    PP_HEAP_UNPOISON(block, s->block_size);
    SPOIL(block, s->block_size);
    pp_heap_mark_free(block);
    if (PP_LIKELY(s->heap == thread->heap))
        free_here(s, block);
    else
        free_there(s->heap, block);
}

void pp_heap_walk(pp_heap_part part, void (*visit)(void *context, pp_object *object), void *context)
{
    for (pp_thread *t = pp_thread_list(); t != NULL; t = t->next)
        for (slab *s = t->heap == NULL ? NULL : t->heap->slabs[part]; s != NULL; s = s->next)
            for (size_t i = 0; i < s->carved; i++) {
                void *block = slab_block(s, i);
                if (pp_heap_is_object(block))
                    visit(context, block);
            }
    pp_heap_large_walk(part, visit, context);
}

bool pp_heap_thread_begin(pp_thread *thread)
{
    if (thread->heap == NULL) {
        if (pp_heap_must_fail())
            return false;
        struct pp_heap *heap = aligned_alloc(PP_CACHE_LINE, sizeof(struct pp_heap));
        if (heap == NULL)
            return false;
        memset(heap, 0, sizeof *heap);
        thread->heap = heap;
    }
    return true;
}

void pp_heap_thread_end(pp_thread *thread)
{
    pp_heap_drain(thread);
    /* The empty slabs that bins have kept. */
    for (size_t part = 0; part < PP_HEAP_PARTS; part++)
        for (slab *s = thread->heap->slabs[part], *next; s != NULL; s = next) {
            next = s->next;
            if (s->used == 0)
                slab_delete(s);
        }
}

void pp_heap_drain(pp_thread *thread)
{
    drain(thread->heap);
}

bool pp_heap_has_remote(const pp_thread *thread)
{
    /* Relaxed: a hint. */
    return thread->heap != NULL &&
           atomic_load_explicit(&thread->heap->remote, memory_order_relaxed) != NULL;
}

const char *pp_heap_name(void)
{
    return "slab";
}

size_t pp_heap_reserved(void)
{
    /* Relaxed: statistics. */
    return atomic_load_explicit(&slabs_with_pages, memory_order_relaxed) * SLAB_SIZE +
           pp_heap_large_bytes();
}
