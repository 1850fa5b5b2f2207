/* Dicts on one thread and on two, beside a plain hash table under a mutex.
 *
 * Usage: bench_dict [KEYS]   (default 1000)
 *
 * Targets: reads on two threads at 1.9 times the rate of one, and 8 times that of the table under
 * the mutex. */
#include <string.h>

#include "parapack/dict.h"
#include "places.h"

/* ---- dicts ------------------------------------------------------------------------- */

static char names[PLACES_MAX][24];
static size_t name_sizes[PLACES_MAX];

typedef struct subject {
    pp_dict *dict;
    const char *format; /* of str keys; NULL: ints */
    bool made;          /* keys are made beforehand */
    bool in_turn;       /* not in a random order, which no processor can predict */
    pp_key *made_keys;
    unsigned per_scope; /* operations in one scope */
    unsigned write_one_in;
} subject;

static void make_names(const char *format)
{
    for (size_t i = 0; i < places; i++)
        name_sizes[i] = (size_t)snprintf(names[i], sizeof names[i], format, (int)i);
}

static void fill(subject *s)
{
    pp_thread *self = pp_thread_self();
    pp_value value;
    if (s->format != NULL)
        make_names(s->format);
    pp_thread_enter(self);
    require(pp_dict_new(self, 0, &s->dict));
    s->made_keys = calloc(places, sizeof *s->made_keys);
    for (size_t i = 0; i < places; i++) {
        s->made_keys[i] =
            s->format == NULL ? pp_key_int((int64_t)i) : pp_key_str(names[i], name_sizes[i]);
        require(pp_int(self, (int64_t)i, &value));
        require(pp_dict_set(self, s->dict, &s->made_keys[i], value));
    }
    pp_thread_leave(self);
}

static uint64_t apply(pp_thread *self, const subject *s, const pp_key *key, size_t i, bool write)
{
    if (write) {
        pp_value value;
        require(pp_int(self, (int64_t)i, &value));
        require(pp_dict_set(self, s->dict, key, value));
        return 0;
    }
    return pp_dict_get(self, s->dict, key).word;
}

static uint64_t one(pp_thread *self, const subject *s, size_t i, bool write)
{
    if (s->made)
        return apply(self, s, &s->made_keys[i], i, write);
    if (s->format == NULL) {
        pp_key key = pp_key_int((int64_t)i);
        return apply(self, s, &key, i, write);
    }
    pp_key key = pp_key_str(names[i], name_sizes[i]);
    return apply(self, s, &key, i, write);
}

static void use_dict(void *context, unsigned thread, size_t count)
{
    const subject *s = context;
    pp_thread *self = pp_thread_self();
    uint64_t random = thread + 1, sum = 0;
    for (size_t done = 0; done < count; done += s->per_scope) {
        pp_thread_enter(self);
        for (unsigned i = 0; i < s->per_scope; i++) {
            bool write = s->write_one_in != 0 && (random >> 40) % s->write_one_in == 0;
            size_t key = next_place(&random);
            sum += one(self, s, s->in_turn ? (done + i) % 100 : key, write);
        }
        pp_thread_leave(self);
    }
    consumed[thread][0] = sum;
}

/* ---- a plain hash table under a mutex -------------------------------------------------- */

static struct plain {
    pthread_mutex_t mutex;
    size_t mask;
    struct {
        uint64_t key, value; /* key + 1; 0: empty */
    } slots[2 * PLACES_MAX];
} plain = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static uint64_t *plain_place(uint64_t key)
{
    uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(hash >> 32) & plain.mask;
    while (plain.slots[i].key != 0 && plain.slots[i].key != key + 1)
        i = (i + 1) & plain.mask;
    plain.slots[i].key = key + 1;
    return &plain.slots[i].value;
}

static void fill_plain(void)
{
    plain.mask = 1;
    while (plain.mask < 3 * places / 2)
        plain.mask *= 2;
    plain.mask -= 1;
    for (size_t i = 0; i < places; i++)
        *plain_place(i) = i;
}

static void use_plain(void *context, unsigned thread, size_t count)
{
    const unsigned *write_one_in = context;
    uint64_t random = thread + 1, sum = 0;
    for (size_t i = 0; i < count; i++) {
        bool write = *write_one_in != 0 && (random >> 40) % *write_one_in == 0;
        size_t key = next_place(&random);
        pthread_mutex_lock(&plain.mutex);
        uint64_t *place = plain_place(key);
        if (write)
            *place = key;
        else
            sum += *place;
        pthread_mutex_unlock(&plain.mutex);
    }
    consumed[thread][0] = sum;
}

/* ---- everything ---------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    static subject ints = {.per_scope = SCOPE};
    static subject ints_in_turn = {.per_scope = SCOPE, .made = true, .in_turn = true};
    static subject ints_made = {.per_scope = SCOPE, .made = true};
    static subject ints_scoped = {.per_scope = 1};
    static subject short_strs = {.per_scope = SCOPE, .format = "%d", .made = true};
    static subject long_strs = {.per_scope = SCOPE, .format = "instrument-%06d"};
    static subject mixed = {.per_scope = SCOPE, .write_one_in = 10};
    static subject mixed_scoped = {.per_scope = 1, .write_one_in = 10};
    static unsigned never = 0, tenth = 10;
    subject *subjects[] = {&ints,       &ints_in_turn, &ints_made,    &ints_scoped,
                           &short_strs, &mixed,        &mixed_scoped, &long_strs};
    scaling_case cases[] = {
        {.name = "(the loop alone)", .work = use_nothing, .count = 4000000},
        {.name = "get, int", .work = use_dict, .context = &ints, .count = 2000000},
        {.name = "get, int, key made before",
         .work = use_dict,
         .context = &ints_made,
         .count = 2000000},
        {.name = "get, int, a scope for each",
         .work = use_dict,
         .context = &ints_scoped,
         .count = 1000000},
        {.name = "get, short str, key made before",
         .work = use_dict,
         .context = &short_strs,
         .count = 2000000},
        {.name = "get, str of 17 bytes", .work = use_dict, .context = &long_strs, .count = 1000000},
        {.name = "get, int, 100 made before, in turn",
         .work = use_dict,
         .context = &ints_in_turn,
         .count = 2000000},
        {.name = "10% set, int", .work = use_dict, .context = &mixed, .count = 1000000},
        {.name = "10% set, int, a scope for each",
         .work = use_dict,
         .context = &mixed_scoped,
         .count = 500000},
        {.name = "plain table and mutex, get",
         .work = use_plain,
         .context = &never,
         .count = 500000},
        {.name = "plain table and mutex, 10% set",
         .work = use_plain,
         .context = &tenth,
         .count = 500000},
    };
    read_places(argc, argv, 100);
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        fill(subjects[i]); /* the last one's names stay */
    fill_plain();
    scaling_run(cases, sizeof cases / sizeof *cases);
    scaling_print_gain(&cases[1], &cases[9]);
    scaling_print_gain(&cases[3], &cases[9]);
    scaling_print_gain(&cases[7], &cases[10]);
    return 0;
}
