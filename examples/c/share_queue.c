/* Counts primes with several threads that take their work from one queue and put results into
 * another.
 *
 *     share_queue [THREADS [MILLIONS]]   (default 4, 1)
 *
 * The queue of work holds a few pieces at most, so that the thread that deals them out never runs
 * far ahead: it waits until a worker has taken one. When there is no more work the queue is shut
 * down, which the workers see once it is empty. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <parapack/queue.h>

enum { PIECE = 10000, MOST_THREADS = 64 };

static pp_queue *work;
static pp_queue *results;

static void require(pp_status status)
{
    if (status == PP_OK)
        return;
    fprintf(stderr, "share_queue: %s\n", pp_status_text(status));
    exit(1);
}

static pp_thread *this_thread(void)
{
    pp_thread *self = pp_thread_self();
    if (self == NULL)
        require(PP_ERR_NOMEM);
    return self;
}

static pp_queue *make_queue(pp_thread *self, size_t limit)
{
    pp_queue *queue;
    pp_thread_enter(self);
    require(pp_queue_new(self, limit, &queue));
    pp_thread_leave(self);
    return queue;
}

static void drop_queue(pp_thread *self, pp_queue *queue)
{
    pp_thread_enter(self);
    pp_release(self, pp_queue_object(queue));
    pp_thread_leave(self);
}

/* Waits for room. An int of this size is in the word itself, so there is nothing to release. */
static void put_number(pp_thread *self, pp_queue *queue, int64_t number)
{
    pp_value value;
    require(pp_int(self, number, &value));
    require(pp_queue_wait_put(self, queue, value, PP_FOREVER, false));
}

/* Waits for an item. False where there will be none any more. */
static bool get_number(pp_thread *self, pp_queue *queue, int64_t *number)
{
    pp_value value;
    pp_status status = pp_queue_wait_get(self, queue, &value, PP_FOREVER, false);
    if (status == PP_ERR_SHUT_DOWN)
        return false;
    require(status);
    return pp_value_int(value, number);
}

static void no_more(pp_thread *self, pp_queue *queue)
{
    pp_thread_enter(self);
    require(pp_queue_shutdown(self, queue, false));
    pp_thread_leave(self);
}

static bool is_prime(int64_t n)
{
    if (n < 4)
        return n > 1;
    if (n % 2 == 0)
        return false;
    for (int64_t d = 3; d * d <= n; d += 2)
        if (n % d == 0)
            return false;
    return true;
}

static void *worker(void *context)
{
    pp_thread *self = this_thread();
    int64_t start;
    (void)context;
    while (get_number(self, work, &start)) {
        int64_t primes = 0;
        for (int64_t n = start; n < start + PIECE; n++)
            primes += is_prime(n);
        put_number(self, results, primes);
    }
    return NULL;
}

static void *dealer(void *context)
{
    pp_thread *self = this_thread();
    int64_t end = *(const int64_t *)context;
    for (int64_t start = 0; start < end; start += PIECE)
        put_number(self, work, start);
    no_more(self, work);
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 4;
    int64_t end = 1000000 * (argc > 2 ? (int64_t)atol(argv[2]) : 1);
    pthread_t ids[MOST_THREADS], dealing;
    int64_t primes, sum = 0;
    if (threads < 1 || threads > MOST_THREADS || end < PIECE)
        return 2;
    pp_thread *self = this_thread();
    work = make_queue(self, 2 * (size_t)threads);
    results = make_queue(self, 0);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, worker, NULL) != 0)
            return 1;
    if (pthread_create(&dealing, NULL, dealer, &end) != 0)
        return 1;
    for (int64_t pieces = end / PIECE; pieces > 0 && get_number(self, results, &primes); pieces--)
        sum += primes;
    pthread_join(dealing, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    drop_queue(self, work);
    drop_queue(self, results);
    printf("%lld primes below %lld, by %d threads\n", (long long)sum, (long long)end, threads);
    return 0;
}
