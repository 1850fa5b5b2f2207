/* Times the UTF-8 functions of every instruction set on real-looking text.
 *
 * Usage: bench_utf8 [SIZE...]   (bytes of text per call; default 12 32 100 1000 100000)
 * Prints nanoseconds per call and gigabytes of UTF-8 per second, best of several.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wire/utf8_internal.h"

typedef struct text {
    const char *name;
    const char *sample;
} text;

static const text texts[] = {
    {"ascii", "The quick brown fox jumps over the lazy dog. "},
    {"french", "Les naïfs ægithales hâtifs pondant à Noël où il gèle sont sûrs d'être déçus. "},
    {"russian", "Съешь же ещё этих мягких французских булок, да выпей чаю. "},
    {"japanese", "いろはにほへと ちりぬるを わかよたれそ つねならむ。うゐのおくやま けふこえて、"},
    {"tweet", "今日はいい天気です🌞 RT @someone: 東京タワー https://t.co/abc "},
};

enum { ROUNDS = 7, MARGIN = 64 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The operations under test over one prepared input. */
typedef struct input {
    const pp__utf8_ops *table;
    uint8_t *utf8;
    size_t size;
    void *units;
    void *out;
    pp_utf8_info info;
} input;

static volatile size_t consumed;

static void run_scan(input *in)
{
    pp_utf8_info info;
    consumed += in->table->scan(in->utf8, in->size, &info) == PP_OK ? info.code_points : 0;
}

static void run_decode(input *in)
{
    if (in->info.max_code_point_class <= 0xff)
        in->table->to_ucs1(in->utf8, in->size, in->out);
    else if (in->info.max_code_point_class <= 0xffff)
        in->table->to_ucs2(in->utf8, in->size, in->out);
    else
        in->table->to_ucs4(in->utf8, in->size, in->out);
}

static void run_size(input *in)
{
    size_t size = 0;
    pp_status status;
    if (in->info.max_code_point_class <= 0xff)
        status = in->table->size_ucs1(in->units, in->info.code_points, &size, NULL);
    else if (in->info.max_code_point_class <= 0xffff)
        status = in->table->size_ucs2(in->units, in->info.code_points, &size, NULL);
    else
        status = in->table->size_ucs4(in->units, in->info.code_points, &size, NULL);
    consumed += status == PP_OK ? size : 0;
}

static void run_encode(input *in)
{
    if (in->info.max_code_point_class <= 0xff)
        in->table->from_ucs1(in->out, in->units, in->info.code_points);
    else if (in->info.max_code_point_class <= 0xffff)
        in->table->from_ucs2(in->out, in->units, in->info.code_points);
    else
        in->table->from_ucs4(in->out, in->units, in->info.code_points);
}

static double best_ns(void (*run)(input *), input *in)
{
    size_t calls = 2000000 / (in->size + 100) + 10;
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (size_t i = 0; i < calls; i++) {
            run(in);
            __asm__ volatile("" ::: "memory");
        }
        double ns = (now() - start) / (double)calls;
        best = ns < best ? ns : best;
    }
    return best;
}

static void bench(const pp__utf8_ops *table, const text *t, size_t size)
{
    static const struct {
        const char *name;
        void (*run)(input *);
    } ops[] = {
        {"scan", run_scan}, {"decode", run_decode}, {"size", run_size}, {"encode", run_encode}};
    size_t sample = strlen(t->sample), whole = 0;
    input in = {.table = table, .utf8 = malloc(size + MARGIN)};
    in.out = malloc(4 * size + MARGIN);
    in.units = malloc(4 * size + MARGIN);
    if (in.utf8 == NULL || in.out == NULL || in.units == NULL)
        exit(1);
    for (size_t i = 0; i < size; i++)
        in.utf8[i] = (uint8_t)t->sample[i % sample];
    /* Cut after the last whole sequence. */
    while (whole < size) {
        int length = pp__utf8_sequence(in.utf8 + whole, size - whole);
        if (length <= 0)
            break;
        whole += (size_t)length;
    }
    in.size = whole;
    if (table->scan(in.utf8, in.size, &in.info) != PP_OK)
        exit(1);
    void *out = in.out;
    in.out = in.units;
    run_decode(&in);
    in.out = out;
    printf("%-9s %7zu %-7s", t->name, whole, table->name);
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        double ns = best_ns(ops[i].run, &in);
        printf("  %s %9.1f ns %5.2f GB/s", ops[i].name, ns, (double)whole / ns);
    }
    printf("\n");
    free(in.utf8);
    free(in.units);
    free(out);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {12, 32, 100, 1000, 100000};
    const pp__utf8_ops *tables[PP__UTF8_TABLES];
    size_t count = pp__utf8_available(tables);
    size_t n = argc > 1 ? (size_t)argc - 1 : sizeof sizes / sizeof sizes[0];
    for (size_t i = 0; i < n; i++) {
        size_t size = argc > 1 ? strtoul(argv[i + 1], NULL, 10) : sizes[i];
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            for (size_t t = 0; t < count; t++)
                bench(tables[t], &texts[k], size);
        }
    }
    return 0;
}
