/* Counts words in one dict with several threads, while another thread watches.
 *
 *     share_dict [THREADS [ROUNDS]]   (default 4, 1000)
 *
 * Prints each word with its count, in order of first appearance, and checks the sum. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <parapack/dict.h>

static const char *const text[] = {"many", "threads", "count", "words",    "in",  "one",
                                   "dict", "and",     "no",    "word",     "is",  "lost",
                                   "no",   "count",   "is",    "doubled",  "and", "everybody",
                                   "sees", "the",     "same",  "everybody"};
enum { WORDS = sizeof text / sizeof *text };

static pp_dict *counts;
static long rounds;
static _Atomic int running;

static void require(pp_status status)
{
    if (status == PP_OK)
        return;
    fprintf(stderr, "share_dict: %s\n", pp_status_text(status));
    exit(1);
}

static pp_thread *this_thread(void)
{
    pp_thread *self = pp_thread_self();
    if (self == NULL)
        require(PP_ERR_NOMEM);
    return self;
}

/* Each addition is one atomic step: read, add, write. */
static void *count_words(void *unused)
{
    pp_thread *self = this_thread();
    pp_value one, sum;
    require(pp_int(self, 1, &one));
    for (long round = 0; round < rounds; round++) {
        pp_thread_enter(self); /* a scope is short: others may want to pause us */
        for (size_t i = 0; i < WORDS; i++) {
            pp_key word = pp_key_str(text[i], strlen(text[i]));
            require(pp_dict_add(self, counts, &word, one, &sum));
        }
        pp_thread_leave(self);
    }
    atomic_fetch_sub(&running, 1);
    return unused;
}

/* Reads take no lock and never wait; what they see only grows. */
static void *watch(void *unused)
{
    pp_thread *self = this_thread();
    pp_key word = pp_key_str("count", 5);
    int64_t before = 0;
    while (atomic_load(&running) > 0) {
        int64_t now = 0;
        pp_thread_enter(self);
        pp_value value = pp_dict_get(self, counts, &word);
        if (value.word != PP_NO_VALUE.word && !pp_value_int(value, &now))
            require(PP_ERR_TYPE);
        pp_thread_leave(self);
        if (now < before) {
            fprintf(stderr, "share_dict: a count went back\n");
            exit(1);
        }
        before = now;
    }
    return unused;
}

/* All pairs as they were at one moment. Gives their sum. */
static int64_t print_all(pp_thread *self)
{
    pp_values all;
    int64_t sum = 0;
    require(pp_dict_snapshot(self, counts, PP_DICT_ITEMS, &all));
    for (size_t i = 0; i < all.count; i += 2) {
        pp_slice word;
        int64_t count;
        if (!pp_value_bytes(&all.items[i], &word) || !pp_value_int(all.items[i + 1], &count))
            require(PP_ERR_TYPE);
        printf("%-20.*s %8lld\n", (int)word.size, (const char *)word.data, (long long)count);
        sum += count;
    }
    pp_values_release(self, &all);
    return sum;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 4;
    rounds = argc > 2 ? atol(argv[2]) : 1000;
    if (threads < 1 || threads > 64 || rounds < 0)
        return 2;
    pp_thread *self = this_thread();
    pthread_t workers[64], watcher;
    pp_thread_enter(self);
    require(pp_dict_new(self, 0, &counts));
    pp_thread_leave(self);

    atomic_store(&running, threads);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&workers[i], NULL, count_words, NULL) != 0)
            return 1;
    if (pthread_create(&watcher, NULL, watch, NULL) != 0)
        return 1;
    for (int i = 0; i < threads; i++)
        pthread_join(workers[i], NULL);
    pthread_join(watcher, NULL);

    pp_thread_enter(self);
    int64_t sum = print_all(self);
    pp_release(self, pp_dict_object(counts));
    pp_thread_leave(self);
    printf("%lld words by %d threads\n", (long long)sum, threads);
    return sum == (int64_t)threads * rounds * WORDS ? 0 : 1;
}
