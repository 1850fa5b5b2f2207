/* Thread records, scopes, claims. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutex.h"
#include "base/parking.h"
#include "share/collector.h"
#include "share/fork.h"
#include "share/heap.h"
#include "share/object.h"
#include "share/thread_state.h"

/* The program loads the library at its start, or a dlopen finds room for one pointer: glibc
 * keeps some. Without this each access is a call. */
#if defined(__GLIBC__) && defined(__GNUC__)
#define THREAD_LOCAL_FAST __attribute__((tls_model("initial-exec")))
#else
#define THREAD_LOCAL_FAST
#endif

static _Thread_local THREAD_LOCAL_FAST pp_thread *current;

static _Atomic(pp_thread *) records; /* the newest */
static pp_mutex list_lock = PP_MUTEX_INIT;
static uint64_t last_id; /* under list_lock */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key; /* its destructor ends a thread's use of its record */
static bool exit_key_made;

void (*pp_thread_merge_hook)(pp_thread *self, pp_thread *owner);

/* How often a refused thread looks again before it parks, or gives up: about the length of
 * a claim. */
enum { SPINS = 64 };

/* ---- the list ---------------------------------------------------------------- */

pp_thread *pp_thread_list(void)
{
    /* Acquire: pairs with the release in publish(). */
    return atomic_load_explicit(&records, memory_order_acquire);
}

void pp_thread_list_lock(void)
{
    pp_mutex_lock(&list_lock);
}

void pp_thread_list_unlock(void)
{
    pp_mutex_unlock(&list_lock);
}

/* With the list's lock: nobody else publishes. */
static void publish(pp_thread *thread)
{
    thread->next = atomic_load_explicit(&records, memory_order_relaxed);
    /* Release: pairs with the acquire in pp_thread_list(). */
    atomic_store_explicit(&records, thread, memory_order_release);
}

/* ---- entering and leaving ----------------------------------------------------- */

static bool is_barred(void *context)
{
    return (pp_state_load(context) & PP_THREAD_BARRED) != 0;
}

/* Before a refused thread looks a last time: whoever lets threads in looks here
 * after that (T6). */
static void refuse(pp_thread *thread)
{
    thread->refused = true;
    atomic_store_explicit(&thread->turned_away, PP_TURNED_AWAY_WAITED_FOR, memory_order_seq_cst);
    PP_YIELD_POINT();
}

/* A thread that had been refused has entered: a pause may have waited for that. */
static PP_COLD void entered_at_last(pp_thread *thread)
{
    thread->refused = false;
    atomic_store_explicit(&thread->turned_away, PP_TURNED_AWAY_NOT, memory_order_seq_cst);
    pp_pause_tell();
}

static void park_while_barred(pp_thread *thread)
{
    pp_park_request request = {
        .check = is_barred, .context = thread, .deadline = PP_FOREVER, .token = thread};
    refuse(thread);
    pp_park(&thread->state, &request);
}

static bool spin_while_barred(pp_thread *thread)
{
    for (int i = 0; i < SPINS; i++) {
        if (!is_barred(thread))
            return true;
        pp_cpu_relax();
    }
    return false;
}

void pp_thread_wake(pp_thread *thread)
{
    /* seq_cst: pairs with refuse(); see T6. */
    if (atomic_load_explicit(&thread->turned_away, memory_order_seq_cst) != PP_TURNED_AWAY_NOT)
        pp_unpark_all(&thread->state);
}

static PP_COLD void enter_slow(pp_thread *thread)
{
    do {
        if (!spin_while_barred(thread))
            park_while_barred(thread);
    } while (!pp_state_enter(thread));
}

/* Without regard for `depth`. */
PP_INLINE void attach(pp_thread *thread)
{
    if (PP_UNLIKELY(!pp_state_enter(thread)))
        enter_slow(thread);
    if (PP_UNLIKELY(thread->refused))
        entered_at_last(thread);
}

PP_INLINE void detach(pp_thread *thread)
{
    if (PP_UNLIKELY(pp_state_leave(thread)))
        pp_pause_tell();
}

PP_INLINE bool has_merges(const pp_thread *thread)
{
    /* seq_cst: pairs with the push in refcount.c; see T4. */
    return atomic_load_explicit(&thread->merge_queue, memory_order_seq_cst) != NULL;
}

static void merge(pp_thread *self, pp_thread *owner)
{
    if (pp_thread_merge_hook != NULL)
        pp_thread_merge_hook(self, owner);
}

/* Something was pushed while the thread was about to detach, by somebody who relied on it (T4).
 * Where the record is barred now, whoever barred it has taken over that duty. */
static PP_COLD void merge_what_came_late(pp_thread *thread)
{
    while (has_merges(thread) && pp_state_enter(thread)) {
        thread->depth = 1;
        thread->may_wait = false;
        merge(thread, thread);
        thread->depth = 0;
        detach(thread);
    }
}

PP_INLINE bool poll_is_due(const pp_thread *thread)
{
    /* Relaxed: the owner's own. */
    return atomic_load_explicit(&thread->retired.count, memory_order_relaxed) >=
           thread->retired.next_poll;
}

void pp_thread_enter(pp_thread *thread)
{
    if (thread->depth++ > 0)
        return;
    thread->may_wait = true;
    attach(thread);
}

bool pp_thread_try_enter(pp_thread *thread)
{
    if (thread->depth == 0) {
        while (PP_UNLIKELY(!pp_state_enter(thread))) {
            if (!spin_while_barred(thread)) {
                refuse(thread);
                return false;
            }
        }
        thread->may_wait = false;
        if (PP_UNLIKELY(thread->refused))
            entered_at_last(thread);
    }
    thread->depth++;
    return true;
}

void pp_thread_leave(pp_thread *thread)
{
    assert(thread->depth > 0);
    if (thread->depth > 1) {
        thread->depth--;
        return;
    }
    if (PP_UNLIKELY(has_merges(thread)))
        merge(thread, thread);
    if (PP_UNLIKELY(poll_is_due(thread)))
        pp_qsbr_poll_leaving(thread);
    bool may_wait = thread->may_wait;
    thread->depth = 0;
    detach(thread);
    if (PP_UNLIKELY(has_merges(thread)))
        merge_what_came_late(thread);
    if (may_wait)
        pp_collector_scope_ended(thread);
}

void pp_thread_await(pp_thread *thread)
{
    assert(thread->depth == 0);
    while (is_barred(thread))
        if (!spin_while_barred(thread))
            park_while_barred(thread);
}

bool pp_thread_checkpoint(pp_thread *thread)
{
    assert(thread->depth > 0);
    if (has_merges(thread))
        merge(thread, thread);
    bool poll = poll_is_due(thread);
    if (poll)
        pp_qsbr_close(thread); /* before the new epoch, which then is late enough for it */
    if (PP_UNLIKELY(!pp_state_renew(thread))) {
        if (!thread->may_wait)
            return false;
        detach(thread);
        attach(thread);
    }
    if (poll)
        pp_qsbr_poll(thread);
    return true;
}

void pp_thread_block(pp_thread *thread)
{
    if (pp_state_block(thread))
        pp_pause_tell();
}

void pp_thread_unblock(pp_thread *thread)
{
    while (!pp_state_unblock(thread))
        if (!spin_while_barred(thread))
            park_while_barred(thread);
    if (thread->refused)
        entered_at_last(thread);
}

/* ---- work for other records --------------------------------------------------- */

bool pp_thread_claim(pp_thread *other)
{
    return pp_state_claim(other);
}

void pp_thread_unclaim(pp_thread *other)
{
    pp_state_unclaim(other);
    pp_thread_wake(other);
}

void pp_thread_merge_for(pp_thread *self, pp_thread *owner)
{
    while (has_merges(owner) && pp_thread_claim(owner)) {
        merge(self, owner);
        pp_thread_unclaim(owner); /* then look again: pushes meanwhile relied on this claim */
    }
    if (self->dying != NULL && !self->clearing)
        pp_object_end_dying(self); /* unclaimed: an end may wait for a lock that `owner` has */
}

void pp_thread_help_others(pp_thread *self)
{
    for (pp_thread *other = pp_thread_list(); other != NULL; other = other->next) {
        if (other == self)
            continue;
        pp_thread_merge_for(self, other);
        if ((atomic_load_explicit(&other->retired.count, memory_order_relaxed) > 0 ||
             pp_heap_has_remote(other)) &&
            pp_thread_claim(other)) {
            pp_qsbr_poll_for(self, other);
            pp_heap_drain(other);
            pp_thread_unclaim(other);
            pp_thread_merge_for(self, other);
        }
    }
}

/* ---- records ------------------------------------------------------------------ */

/* With the list's lock, so no pause is on. */
static bool begin(pp_thread *thread)
{
    attach(thread);
    bool begun = pp_heap_thread_begin(thread);
    if (begun) {
        thread->depth = 0;
        thread->id = ++last_id;
    }
    detach(thread);
    return begun;
}

/* With the list's lock. A heap that has ended cannot serve merges, and one that has not must not be
 * left: so the queue is looked at after the heap's end, and the end repeated. */
static void end(pp_thread *thread)
{
    attach(thread);
    memset(thread->handles, 0, sizeof thread->handles);
    for (;;) {
        merge(thread, thread);
        pp_qsbr_poll_leaving(thread);
        pp_heap_thread_end(thread);
        detach(thread);
        if (!has_merges(thread) || !pp_state_enter(thread))
            break;
        if (!pp_heap_thread_begin(thread)) {
            detach(thread); /* the next pause or the next owner merges */
            break;
        }
    }
    /* Release: pairs with the acquire in take_over(). */
    atomic_store_explicit(&thread->finished, true, memory_order_release);
}

static void at_thread_exit(void *record)
{
    pp_thread *thread = record;
    if (thread->depth > 0) {
        thread->depth = 1;
        thread->may_wait = false;
        pp_thread_leave(thread);
    }
    pp_thread_list_lock();
    end(thread);
    current = NULL;
    pp_thread_list_unlock();
}

static void start_up(void)
{
    exit_key_made = pthread_key_create(&exit_key, at_thread_exit) == 0 && pp_fork_start();
}

/* With the list's lock. */
static pp_thread *take_over(void)
{
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next) {
        /* Acquire: pairs with the release in end(). */
        if (!atomic_load_explicit(&thread->finished, memory_order_acquire))
            continue;
        if (!begin(thread))
            return NULL;
        atomic_store_explicit(&thread->finished, false, memory_order_relaxed);
        return thread;
    }
    return NULL;
}

/* With the list's lock. */
static pp_thread *make(void)
{
    pp_thread *thread = aligned_alloc(PP_CACHE_LINE, sizeof *thread);
    if (thread == NULL)
        return NULL;
    memset(thread, 0, sizeof *thread);
    if (!pp_qsbr_thread_init(thread)) {
        free(thread);
        return NULL;
    }
    if (!begin(thread)) {
        pp_qsbr_thread_deinit(thread);
        free(thread);
        return NULL;
    }
    publish(thread);
    return thread;
}

static PP_COLD pp_thread *self_slow(void)
{
    pthread_once(&once, start_up);
    if (!exit_key_made)
        return NULL;
    pp_thread_list_lock();
    pp_thread *thread = take_over();
    if (thread == NULL)
        thread = make();
    if (thread != NULL && pthread_setspecific(exit_key, thread) != 0) {
        end(thread);
        thread = NULL;
    }
    current = thread;
    pp_thread_list_unlock();
    if (thread != NULL)
        merge_what_came_late(thread); /* also what its last thread could not merge */
    return thread;
}

pp_thread *pp_thread_self(void)
{
    return PP_LIKELY(current != NULL) ? current : self_slow();
}

pp_thread *pp_thread_known(void)
{
    return current;
}

uint64_t pp_thread_id(const pp_thread *thread)
{
    return thread->id;
}

void pp_thread_after_fork_child(pp_thread *self)
{
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next) {
        if (thread == self)
            continue;
        /* PAUSED stays until the pause ends; epoch and scopes of the gone do not. */
        atomic_store_explicit(&thread->state, PP_THREAD_PAUSED, memory_order_seq_cst);
        atomic_store_explicit(&thread->turned_away, PP_TURNED_AWAY_NOT, memory_order_seq_cst);
        thread->refused = false;
        thread->depth = 0;
        memset(thread->handles, 0, sizeof thread->handles);
        atomic_store_explicit(&thread->finished, true, memory_order_release);
    }
}
