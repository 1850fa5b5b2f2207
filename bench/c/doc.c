/* Times trees: lookups in maps of 10 to a million pairs against walking through them, items of
 * arrays, making the index against validating alone; and prints how large index and tables are.
 *
 * Usage: bench_doc   (takes a few seconds)
 * Prints nanoseconds per operation, best of several, and per cent of the document's bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "parapack/parapack.h"

enum { ROUNDS = 5, LOOKUPS = 20000, WALKED = 2000000 /* pairs to walk past, in all */ };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static size_t next_number(size_t below)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (size_t)(x % below);
}

static void check(bool good)
{
    if (!good) {
        fprintf(stderr, "a result is wrong\n");
        exit(1);
    }
}

static void write_text(pp_writer *w, const char *prefix, size_t number)
{
    char text[48];
    int n = snprintf(text, sizeof text, "%s%zu", prefix, number);
    pp_write_str(w, text, (size_t)n);
}

static void write_record(pp_writer *w, size_t i)
{
    pp_write_map(w, 4);
    pp_write_str(w, "id", 2);
    pp_write_uint(w, i * 37);
    pp_write_str(w, "name", 4);
    write_text(w, "a name of some length ", i);
    pp_write_str(w, "price", 5);
    pp_write_double(w, (double)i * 0.1);
    pp_write_str(w, "tags", 4);
    pp_write_array(w, 2);
    pp_write_str(w, "größer", 8);
    pp_write_nil(w);
}

typedef void write_value(pp_writer *w, size_t i);

static void write_int(pp_writer *w, size_t i)
{
    pp_write_uint(w, i);
}

static pp_buffer make_map(size_t pairs, write_value *value)
{
    pp_buffer b;
    pp_writer w;
    pp_buffer_init(&b, NULL);
    pp_writer_init_buffer(&w, &b);
    pp_write_map(&w, pairs);
    for (size_t i = 0; i < pairs; i++) {
        write_text(&w, "key ", i);
        value(&w, i);
    }
    check(pp_writer_finish(&w, NULL) == PP_OK);
    return b;
}

static pp_buffer make_array(size_t items, write_value *value)
{
    pp_buffer b;
    pp_writer w;
    pp_buffer_init(&b, NULL);
    pp_writer_init_buffer(&w, &b);
    pp_write_array(&w, items);
    for (size_t i = 0; i < items; i++)
        value(&w, i);
    check(pp_writer_finish(&w, NULL) == PP_OK);
    return b;
}

/* ---- what is measured ------------------------------------------------------------- */

/* Reading from the front until the key comes, as one does without an index. */
static bool walk_to(const pp_buffer *b, const char *key, size_t size)
{
    pp_reader r;
    pp_reader_init(&r, b->data, b->size, PP_MAX_DEPTH, 0);
    size_t pairs = pp_read_map(&r);
    for (size_t i = 0; i < pairs; i++) {
        pp_view k = pp_read_str(&r);
        if (k.size == size && memcmp(k.data, key, size) == 0)
            return true;
        pp_read_skip(&r);
    }
    return false;
}

static double time_lookups(const pp_tree *tree, const pp_buffer *b, size_t pairs, size_t count)
{
    double best = 1e18;
    pp_node root = pp_tree_root(tree), value;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (size_t i = 0; i < count; i++) {
            char key[48];
            int n = snprintf(key, sizeof key, "key %zu", next_number(pairs));
            check(b == NULL ? pp_node_find_str(root, key, (size_t)n, &value)
                            : walk_to(b, key, (size_t)n));
        }
        double ns = (now() - start) / (double)count;
        best = ns < best ? ns : best;
    }
    return best;
}

/* What making the keys costs, which is in both figures. */
static double time_keys(size_t pairs)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (size_t i = 0; i < LOOKUPS; i++) {
            char key[48];
            check(snprintf(key, sizeof key, "key %zu", next_number(pairs)) > 4);
        }
        double ns = (now() - start) / LOOKUPS;
        best = ns < best ? ns : best;
    }
    return best;
}

static void report_map(size_t pairs, write_value *value, const char *name)
{
    pp_buffer b = make_map(pairs, value);
    pp_tree tree;
    pp_node found;
    size_t index, tables;
    check(pp_tree_init(&tree, b.data, b.size, PP_MAX_DEPTH, NULL, NULL) == PP_OK);
    double start = now();
    check(pp_node_find_str(pp_tree_root(&tree), "key 0", 5, &found));
    double first = now() - start;
    double keys = time_keys(pairs);
    double find = time_lookups(&tree, NULL, pairs, LOOKUPS) - keys;
    size_t walks = WALKED / pairs < LOOKUPS ? WALKED / pairs + 1 : LOOKUPS;
    double walk = time_lookups(&tree, &b, pairs, walks) - keys;
    pp_tree_memory(&tree, &index, &tables);
    printf("map of %7zu %-8s find %6.0f ns, walk %9.0f ns, first find %10.0f ns; "
           "index %4.1f %%, table %4.1f %%\n",
           pairs, name, find, walk, first, 100.0 * (double)index / (double)b.size,
           100.0 * (double)tables / (double)b.size);
    pp_tree_deinit(&tree);
    pp_buffer_deinit(&b);
}

static void report_array(size_t items, write_value *value, const char *name)
{
    pp_buffer b = make_array(items, value);
    pp_tree tree;
    pp_node item = {0};
    size_t index, end, sum = 0;
    double build = 1e18, validate = 1e18, at = 1e18, in_order = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        check(pp_validate(b.data, b.size, PP_MAX_DEPTH, PP_CHECK_UTF8, &end) == PP_OK);
        double ns = now() - start;
        validate = ns < validate ? ns : validate;
        start = now();
        check(pp_tree_init(&tree, b.data, b.size, PP_MAX_DEPTH, NULL, NULL) == PP_OK);
        ns = now() - start;
        build = ns < build ? ns : build;
        start = now();
        for (size_t i = 0; i < LOOKUPS; i++) {
            check(pp_node_at(pp_tree_root(&tree), next_number(items), &item));
            sum += item.offset;
        }
        ns = (now() - start) / LOOKUPS;
        at = ns < at ? ns : at;
        start = now();
        pp_cursor cursor = pp_node_cursor(pp_tree_root(&tree));
        while (pp_cursor_next(&cursor, &item))
            sum += item.offset;
        ns = (now() - start) / (double)items;
        in_order = ns < in_order ? ns : in_order;
        pp_tree_memory(&tree, &index, NULL);
        pp_tree_deinit(&tree);
    }
    check(sum > 0);
    printf("array of %7zu %-8s at %5.0f ns, next %5.1f ns; index %4.1f %%, made in %7.0f us "
           "(validating alone: %7.0f us)\n",
           items, name, at, in_order, 100.0 * (double)index / (double)b.size, build / 1e3,
           validate / 1e3);
    pp_buffer_deinit(&b);
}

int main(void)
{
    static const size_t sizes[] = {10, 100, 1000, 10000, 100000, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        report_map(sizes[i], write_int, "ints");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] - 1; i++)
        report_map(sizes[i], write_record, "records");
    for (size_t i = 1; i < sizeof sizes / sizeof sizes[0]; i++)
        report_array(sizes[i], write_int, "ints");
    for (size_t i = 1; i < sizeof sizes / sizeof sizes[0] - 1; i++)
        report_array(sizes[i], write_record, "records");
    return 0;
}
