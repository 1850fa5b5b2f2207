/* Pauses. */
#include <assert.h>

#include "base/clock.h"
#include "base/parking.h"
#include "share/pause.h"
#include "share/thread_state.h"

/* How often to look whether a thread has left before parking: most scopes are over sooner. */
enum { SPINS = 256 };

char pp_pause_address;

static _Thread_local bool pausing;

/* Under the list's lock; atomic for pp_pause_figures_get(). */
static struct figures {
    _Atomic uint64_t count, wait_last, wait_max, length_last, length_max, length_total;
} figures;
static uint64_t stopped_at;

void pp_pause_tell(void)
{
    pp_unpark_all(&pp_pause_address);
}

static void set(_Atomic uint64_t *figure, uint64_t value)
{
    atomic_store_explicit(figure, value, memory_order_relaxed);
}

static uint64_t get(_Atomic uint64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

static void note(_Atomic uint64_t *last, _Atomic uint64_t *max, uint64_t value)
{
    set(last, value);
    if (value > get(max))
        set(max, value);
}

/* ---- letting those in who were turned away ------------------------------------ */

static bool is_waited_for(void *context)
{
    pp_thread *thread = context;
    /* seq_cst: pairs with refuse() and entered_at_last() in thread.c. */
    return atomic_load_explicit(&thread->turned_away, memory_order_seq_cst) ==
           PP_TURNED_AWAY_WAITED_FOR;
}

/* One that does not come in time is not waited for again until it has entered: it may have given
 * up its wish. */
static void let_in(pp_thread *thread, uint64_t deadline)
{
    pp_park_request request = {.check = is_waited_for, .context = thread, .deadline = deadline};
    while (is_waited_for(thread)) {
        if (pp_park(&pp_pause_address, &request) != PP_PARK_TIMEOUT)
            continue;
        uint32_t waited_for = PP_TURNED_AWAY_WAITED_FOR;
        atomic_compare_exchange_strong_explicit(&thread->turned_away, &waited_for,
                                                PP_TURNED_AWAY_GIVEN_UP, memory_order_seq_cst,
                                                memory_order_seq_cst);
    }
}

static pp_thread *first_waited_for(const pp_thread *self)
{
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        if (thread != self && is_waited_for(thread))
            return thread;
    return NULL;
}

/* Takes the list's lock when nobody is left that the last pause turned away. Not held while
 * waiting: a thread that is to come may need somebody who registers. */
static void lock_list_in_turn(const pp_thread *self, uint64_t grace)
{
    uint64_t deadline = pp_deadline_after(grace);
    for (;;) {
        pp_thread *waited_for;
        while (grace > 0 && (waited_for = first_waited_for(self)) != NULL)
            let_in(waited_for, deadline);
        pp_thread_list_lock();
        if (grace == 0 || first_waited_for(self) == NULL)
            return;
        pp_thread_list_unlock();
    }
}

/* ---- stopping ------------------------------------------------------------------ */

static bool is_attached(void *context)
{
    return pp_state_is_attached(context);
}

static void wait_until_left(pp_thread *thread)
{
    for (int i = 0; i < SPINS; i++) {
        if (!pp_state_is_attached(thread))
            return;
        pp_cpu_relax();
    }
    pp_park_request request = {.check = is_attached, .context = thread, .deadline = PP_FOREVER};
    while (pp_state_is_attached(thread))
        pp_park(&pp_pause_address, &request);
}

static void stop_all_but(const pp_thread *self)
{
    /* All are asked before the first is waited for. */
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        if (thread != self)
            pp_state_pause(thread);
    for (pp_thread *thread = pp_thread_list(); thread != NULL; thread = thread->next)
        if (thread != self)
            wait_until_left(thread);
}

uint64_t pp_pause_begin(pp_thread *thread, uint64_t grace)
{
    assert(!pausing);
    uint64_t wish = pp_clock_now();
    bool inside = thread != NULL && thread->depth > 0;
    /* Others may pause while this one waits for its turn: they must not wait for it. */
    if (inside)
        pp_thread_block(thread);
    lock_list_in_turn(thread, grace);
    stop_all_but(thread);
    /* Nobody is left who could hold a claim on this record (T5) or pause it. */
    if (inside)
        pp_thread_unblock(thread);
    pausing = true;
    stopped_at = pp_clock_now();
    note(&figures.wait_last, &figures.wait_max, stopped_at - wish);
    set(&figures.count, get(&figures.count) + 1);
    return stopped_at - wish;
}

/* ---- going on ------------------------------------------------------------------ */

/* Merges and reclaims for those who could not. The caller may hold locks of its own, so it does not
 * wait: if another pause is on, that one's end does it. */
static void help(pp_thread *thread)
{
    if (thread == NULL || !pp_thread_try_enter(thread))
        return;
    pp_thread_help_others(thread);
    pp_thread_leave(thread);
}

void pp_pause_end(pp_thread *thread)
{
    assert(pausing);
    pausing = false;
    for (pp_thread *other = pp_thread_list(); other != NULL; other = other->next) {
        if (other == thread)
            continue;
        pp_state_resume(other);
        pp_thread_wake(other);
    }
    uint64_t length = pp_clock_now() - stopped_at;
    note(&figures.length_last, &figures.length_max, length);
    set(&figures.length_total, get(&figures.length_total) + length);
    pp_thread_list_unlock();
    help(thread);
}

bool pp_pause_is_mine(void)
{
    return pausing;
}

void pp_pause_figures_get(pp_pause_figures *result)
{
    *result = (pp_pause_figures){
        .count = get(&figures.count),
        .wait_last = get(&figures.wait_last),
        .wait_max = get(&figures.wait_max),
        .length_last = get(&figures.length_last),
        .length_max = get(&figures.length_max),
        .length_total = get(&figures.length_total),
    };
}
