/* Quiescent-state-based reclamation.
 *
 * Each record has a queue of chunks, each with the blocks of one goal. The last chunk is
 * open: it has no goal yet. Closing it advances the epoch, so that costs one atomic addition
 * for dozens of blocks, and is right for all of them: they were unlinked before. */
#include <stdlib.h>

#include "share/heap.h"
#include "share/qsbr.h"
#include "share/thread_state.h"

enum {
#if defined(PP_HOSTILE)
    CHUNK_BLOCKS = 3,
    FIRST_POLL = 2,
#else
    CHUNK_BLOCKS = 63,
    FIRST_POLL = 64,
#endif
    /* A block of this size is reason enough to poll when the scope ends. */
    LARGE = 64 << 10,
};

struct pp_retired_chunk {
    struct pp_retired_chunk *next;
    uint64_t goal; /* 0: open */
    size_t used;
    struct {
        void *block;
        size_t size;
    } blocks[CHUNK_BLOCKS];
};
typedef struct pp_retired_chunk chunk;

struct pp_qsbr_global pp_qsbr_global_ = {.epoch = 1};

/* ---- chunks ---------------------------------------------------------------------- */

static chunk *new_chunk(void)
{
    chunk *c = malloc(sizeof *c);
    if (c != NULL) {
        c->next = NULL;
        c->goal = 0;
        c->used = 0;
    }
    return c;
}

bool pp_qsbr_thread_init(pp_thread *thread)
{
    thread->retired.spare = new_chunk();
    thread->retired.next_poll = FIRST_POLL;
    return thread->retired.spare != NULL;
}

void pp_qsbr_thread_deinit(pp_thread *thread)
{
    free(thread->retired.spare);
    thread->retired.spare = NULL;
}

/* A chunk with room, or NULL. The spare one is taken last and replaced first. */
static chunk *open_chunk(pp_retired *retired)
{
    chunk *c = retired->last;
    if (c != NULL && c->goal == 0 && c->used < CHUNK_BLOCKS)
        return c;
    c = new_chunk();
    if (c == NULL) {
        c = retired->spare;
        retired->spare = NULL;
    } else if (retired->spare == NULL) {
        retired->spare = new_chunk();
    }
    if (c == NULL)
        return NULL;
    if (retired->last != NULL)
        retired->last->next = c;
    else
        retired->first = c;
    retired->last = c;
    return c;
}

static void close_last(pp_retired *retired)
{
    chunk *c = retired->last;
    if (c == NULL || c->goal != 0)
        return;
    /* seq_cst: after the stores that unlinked the blocks, before the scan (Q2). */
    c->goal = atomic_fetch_add_explicit(&pp_qsbr_global_.epoch, 1, memory_order_seq_cst) + 1;
    PP_YIELD_POINT();
}

static void drop_first(pp_retired *retired)
{
    chunk *c = retired->first;
    retired->first = c->next;
    if (retired->first == NULL)
        retired->last = NULL;
    if (retired->spare != NULL) {
        free(c);
        return;
    }
    c->next = NULL;
    c->goal = 0;
    c->used = 0;
    retired->spare = c;
}

/* ---- reclaiming ------------------------------------------------------------------ */

/* The epoch of the oldest scope, but for `self`'s. The list is read after the epoch: a record that
 * is missing was published later, and its thread enters after that. */
static uint64_t oldest_but(const pp_thread *self)
{
    uint64_t oldest = atomic_load_explicit(&pp_qsbr_global_.epoch, memory_order_seq_cst);
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next) {
        PP_YIELD_POINT();
        /* seq_cst: pairs with pp_state_enter() (Q2); acquires what a scope that has ended
         * has read (pp_state_leave()). */
        uint64_t epoch = pp_state_load(thread) >> PP_THREAD_EPOCH_SHIFT;
        if (thread != self && epoch != 0 && epoch < oldest)
            oldest = epoch;
    }
    return oldest;
}

uint64_t pp_qsbr_oldest(void)
{
    return oldest_but(NULL);
}

PP_INLINE size_t count(const pp_retired *retired)
{
    return atomic_load_explicit(&retired->count, memory_order_relaxed);
}

static void free_blocks(pp_thread *thread, pp_retired *retired, const chunk *c)
{
    size_t bytes = 0;
    for (size_t i = 0; i < c->used; i++) {
        bytes += c->blocks[i].size;
        pp_heap_free(thread, c->blocks[i].block, c->blocks[i].size);
    }
    pp_tally(&retired->count, (size_t)0 - c->used);
    pp_tally(&retired->bytes, (size_t)0 - bytes);
    pp_tally(&thread->counters.reclaimed, c->used);
}

/* Frees what `oldest` allows. The next poll comes when half as much again has been retired, so that
 * a reader that stays costs little. */
static void reclaim(pp_thread *thread, pp_retired *retired, uint64_t oldest)
{
    while (retired->first != NULL && retired->first->goal != 0 && retired->first->goal <= oldest) {
        free_blocks(thread, retired, retired->first);
        drop_first(retired);
    }
    size_t left = count(retired);
    retired->next_poll = left + left / 2 + FIRST_POLL;
}

void pp_qsbr_close(pp_thread *thread)
{
    close_last(&thread->retired);
}

void pp_qsbr_poll(pp_thread *thread)
{
    close_last(&thread->retired);
    reclaim(thread, &thread->retired, oldest_but(NULL));
}

void pp_qsbr_poll_leaving(pp_thread *thread)
{
    close_last(&thread->retired);
    reclaim(thread, &thread->retired, oldest_but(thread));
}

void pp_qsbr_poll_for(pp_thread *thread, pp_thread *owner)
{
    close_last(&owner->retired);
    reclaim(thread, &owner->retired, oldest_but(NULL));
}

void pp_qsbr_retire(pp_thread *thread, void *block, size_t size)
{
    pp_retired *retired = &thread->retired;
    chunk *c = open_chunk(retired);
    if (PP_UNLIKELY(c == NULL)) {
        /* What can be freed gives its chunk back; and this scope delays only what it
         * retired itself. */
        pp_qsbr_poll(thread);
        c = open_chunk(retired);
        if (c == NULL)
            return;
    }
    c->blocks[c->used].block = block;
    c->blocks[c->used].size = size;
    c->used++;
    pp_tally(&retired->count, 1);
    pp_tally(&retired->bytes, size);
    if (c->used == CHUNK_BLOCKS)
        close_last(retired);
    if (PP_UNLIKELY(size >= LARGE) && count(retired) < retired->next_poll)
        retired->next_poll = count(retired); /* when the scope ends */
    else if (count(retired) == retired->next_poll)
        pp_qsbr_poll(thread);
}
