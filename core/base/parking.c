#include <pthread.h>
#include <stdalign.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/parking.h"
#include "base/wakeup.h"
#include "base/yield_point.h"

/* A thread that waits, on its own stack. All but `wakeup` is under the bucket's lock. */
typedef struct node {
    struct node *next;
    struct node *previous;
    const void *address;
    void *token;
    bool queued;
    pp_wakeup wakeup;
} node;

typedef struct bucket {
    alignas(PP_CACHE_LINE) pthread_mutex_t lock;
    node *first; /* waits longest */
    node *last;
} bucket;

#if defined(PP_HOSTILE)
enum { BUCKET_BITS = 1 }; /* everybody meets in the same queues */
#else
enum { BUCKET_BITS = 8 };
#endif

#define BUCKET_1                                                                                   \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                          \
    }
#define BUCKET_2   BUCKET_1, BUCKET_1
#define BUCKET_16  BUCKET_2, BUCKET_2, BUCKET_2, BUCKET_2, BUCKET_2, BUCKET_2, BUCKET_2, BUCKET_2
#define BUCKET_64  BUCKET_16, BUCKET_16, BUCKET_16, BUCKET_16
#define BUCKET_256 BUCKET_64, BUCKET_64, BUCKET_64, BUCKET_64

static bucket buckets[] = {
#if defined(PP_HOSTILE)
    BUCKET_2
#else
    BUCKET_256
#endif
};

_Static_assert(sizeof buckets / sizeof buckets[0] == (size_t)1 << BUCKET_BITS, "one per hash");

static bucket *bucket_of(const void *address)
{
    uint64_t hash = (uint64_t)(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15);
    return &buckets[hash >> (64 - BUCKET_BITS)];
}

static void enqueue(bucket *b, node *n)
{
    n->next = NULL;
    n->previous = b->last;
    n->queued = true;
    if (b->last != NULL)
        b->last->next = n;
    else
        b->first = n;
    b->last = n;
}

static void dequeue(bucket *b, node *n)
{
    if (n->previous != NULL)
        n->previous->next = n->next;
    else
        b->first = n->next;
    if (n->next != NULL)
        n->next->previous = n->previous;
    else
        b->last = n->previous;
    n->queued = false;
}

/* The first of `n` and those behind it that waits for `address`. */
static node *find(node *n, const void *address)
{
    while (n != NULL && n->address != address)
        n = n->next;
    return n;
}

/* After a sleep that ended without a signal. Whoever took the node out of the queue is
 * about to send one, and uses the node until then. */
static pp_park_result give_up(bucket *b, node *n, pp_park_result reason)
{
    pthread_mutex_lock(&b->lock);
    bool queued = n->queued;
    if (queued)
        dequeue(b, n);
    pthread_mutex_unlock(&b->lock);
    if (queued)
        return reason;
    pp_wakeup_wait(&n->wakeup, PP_FOREVER, false);
    return PP_PARK_WOKEN;
}

static pp_park_result sleep_until_woken(bucket *b, node *n, const pp_park_request *request)
{
    switch (pp_wakeup_wait(&n->wakeup, request->deadline, request->interruptible)) {
    case PP_WAKEUP_TIMEOUT:
        return give_up(b, n, PP_PARK_TIMEOUT);
    case PP_WAKEUP_INTERRUPTED:
        return give_up(b, n, PP_PARK_INTERRUPTED);
    case PP_WAKEUP_SIGNALLED:
        break;
    }
    return PP_PARK_WOKEN;
}

pp_park_result pp_park(const void *address, const pp_park_request *request)
{
    node n = {.address = address, .token = request->token};
    bucket *b = bucket_of(address);
    pp_wakeup_init(&n.wakeup);
    pthread_mutex_lock(&b->lock);
    if (request->check != NULL && !request->check(request->context)) {
        pthread_mutex_unlock(&b->lock);
        pp_wakeup_destroy(&n.wakeup);
        return PP_PARK_MISMATCH;
    }
    enqueue(b, &n);
    pthread_mutex_unlock(&b->lock);
    PP_YIELD_POINT();
    if (request->before_sleep != NULL)
        request->before_sleep(request->context);
    PP_YIELD_POINT();
    pp_park_result result = sleep_until_woken(b, &n, request);
    pp_wakeup_destroy(&n.wakeup);
    return result;
}

bool pp_unpark_one(const void *address, pp_unpark_callback callback, void *context)
{
    bucket *b = bucket_of(address);
    pthread_mutex_lock(&b->lock);
    node *n = find(b->first, address);
    bool more = n != NULL && find(n->next, address) != NULL;
    if (n != NULL)
        dequeue(b, n);
    if (callback != NULL)
        callback(context, n != NULL ? n->token : NULL, more);
    pthread_mutex_unlock(&b->lock);
    PP_YIELD_POINT();
    if (n != NULL)
        pp_wakeup_signal(&n->wakeup);
    return n != NULL;
}

size_t pp_unpark_all(const void *address)
{
    bucket *b = bucket_of(address);
    node *woken = NULL;
    node **tail = &woken;
    size_t count = 0;
    pthread_mutex_lock(&b->lock);
    for (node *n = find(b->first, address), *next; n != NULL; n = next) {
        next = find(n->next, address);
        dequeue(b, n);
        n->next = NULL;
        *tail = n;
        tail = &n->next;
    }
    pthread_mutex_unlock(&b->lock);
    for (node *n = woken, *next; n != NULL; n = next, count++) {
        next = n->next; /* before the signal: then `n` is gone */
        PP_YIELD_POINT();
        pp_wakeup_signal(&n->wakeup);
    }
    return count;
}

size_t pp_parked_count(const void *address)
{
    bucket *b = bucket_of(address);
    size_t count = 0;
    pthread_mutex_lock(&b->lock);
    for (node *n = find(b->first, address); n != NULL; n = find(n->next, address))
        count++;
    pthread_mutex_unlock(&b->lock);
    return count;
}

void pp_parking_after_fork_child(void)
{
    for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++) {
        pthread_mutex_init(&buckets[i].lock, NULL);
        buckets[i].first = buckets[i].last = NULL;
    }
}
