/* Lists on one thread and on two, beside a plain array under a mutex.
 *
 * Usage: bench_list [ITEMS]   (default 1000) */
#include "parapack/list.h"
#include "places.h"

static pp_value number(pp_thread *self, size_t n)
{
    pp_value value;
    require(pp_int(self, (int64_t)n, &value));
    return value;
}

/* ---- lists -------------------------------------------------------------------------- */

typedef struct subject {
    pp_list *list;
    unsigned per_scope; /* operations in one scope */
    unsigned write_one_in;
    bool from_end;
} subject;

static void fill(subject *s)
{
    pp_thread *self = pp_thread_self();
    pp_thread_enter(self);
    require(pp_list_new(self, 0, &s->list));
    for (size_t i = 0; i < places; i++)
        require(pp_list_append(self, s->list, number(self, i)));
    pp_thread_leave(self);
}

static void use_list(void *context, unsigned thread, size_t count)
{
    const subject *s = context;
    pp_thread *self = pp_thread_self();
    uint64_t random = thread + 1, sum = 0;
    for (size_t done = 0; done < count; done += s->per_scope) {
        pp_thread_enter(self);
        for (unsigned i = 0; i < s->per_scope; i++) {
            bool write = s->write_one_in != 0 && (random >> 40) % s->write_one_in == 0;
            int64_t index = (int64_t)next_place(&random);
            if (s->from_end)
                index = -1 - index;
            if (write)
                require(pp_list_set(self, s->list, index, number(self, done)));
            else
                sum += pp_list_get(self, s->list, index).word;
        }
        pp_thread_leave(self);
    }
    consumed[thread][0] = sum;
}

/* A hundred on, a hundred off. */
static void append_and_pop(void *context, unsigned thread, size_t count)
{
    const subject *s = context;
    pp_thread *self = pp_thread_self();
    for (size_t done = 0; done < count; done += SCOPE) {
        pp_thread_enter(self);
        for (unsigned i = 0; i < SCOPE / 2; i++)
            require(pp_list_append(self, s->list, number(self, done)));
        for (unsigned i = 0; i < SCOPE / 2; i++)
            require(pp_list_pop(self, s->list, -1, NULL));
        pp_thread_leave(self);
    }
    consumed[thread][0] = count;
}

/* ---- a plain array under a mutex -------------------------------------------------------- */

static struct plain {
    pthread_mutex_t mutex;
    uint64_t items[PLACES_MAX];
} plain = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void use_plain(void *context, unsigned thread, size_t count)
{
    const unsigned *write_one_in = context;
    uint64_t random = thread + 1, sum = 0;
    for (size_t i = 0; i < count; i++) {
        bool write = *write_one_in != 0 && (random >> 40) % *write_one_in == 0;
        size_t index = next_place(&random);
        pthread_mutex_lock(&plain.mutex);
        if (write)
            plain.items[index] = i;
        else
            sum += plain.items[index];
        pthread_mutex_unlock(&plain.mutex);
    }
    consumed[thread][0] = sum;
}

int main(int argc, char **argv)
{
    static subject gets = {.per_scope = SCOPE};
    static subject scoped = {.per_scope = 1};
    static subject from_end = {.per_scope = SCOPE, .from_end = true};
    static subject mixed = {.per_scope = SCOPE, .write_one_in = 10};
    static subject ends = {.per_scope = SCOPE};
    static unsigned never = 0, tenth = 10;
    subject *subjects[] = {&gets, &scoped, &from_end, &mixed, &ends};
    scaling_case cases[] = {
        {.name = "(the loop alone)", .work = use_nothing, .count = 4000000},
        {.name = "get", .work = use_list, .context = &gets, .count = 2000000},
        {.name = "get, a scope for each", .work = use_list, .context = &scoped, .count = 1000000},
        {.name = "get, from the end", .work = use_list, .context = &from_end, .count = 2000000},
        {.name = "10% set", .work = use_list, .context = &mixed, .count = 1000000},
        {.name = "append, pop", .work = append_and_pop, .context = &ends, .count = 400000},
        {.name = "plain array and mutex, get",
         .work = use_plain,
         .context = &never,
         .count = 500000},
        {.name = "plain array and mutex, 10% set",
         .work = use_plain,
         .context = &tenth,
         .count = 500000},
    };
    read_places(argc, argv, 1);
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        fill(subjects[i]);
    scaling_run(cases, sizeof cases / sizeof *cases);
    scaling_print_gain(&cases[1], &cases[6]);
    scaling_print_gain(&cases[2], &cases[6]);
    scaling_print_gain(&cases[4], &cases[7]);
    return 0;
}
