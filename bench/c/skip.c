/* Times skipping and validating a document of records.
 *
 * Usage: bench_skip [RECORDS]   (default 20000)
 * Prints nanoseconds per value and gigabytes per second, best of several. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "parapack/parapack.h"

enum { ROUNDS = 9, VALUES_PER_RECORD = 13 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void write_records(pp_writer *w, size_t records)
{
    pp_write_array(w, records);
    for (size_t i = 0; i < records; i++) {
        pp_write_map(w, 5);
        pp_write_str(w, "id", 2);
        pp_write_uint(w, i * 37);
        pp_write_str(w, "name", 4);
        pp_write_str(w, "a name of some length", 21);
        pp_write_str(w, "price", 5);
        pp_write_double(w, (double)i * 0.1);
        pp_write_str(w, "active", 6);
        pp_write_bool(w, i % 2 == 0);
        pp_write_str(w, "tags", 4);
        pp_write_array(w, 2);
        pp_write_str(w, "größer", 8);
        pp_write_nil(w);
    }
}

static void report(const char *name, const pp_buffer *b, size_t records, unsigned flags, bool read)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        size_t end = 0;
        double start = now();
        pp_status status = PP_OK;
        if (read) {
            pp_reader r;
            pp_token t;
            pp_reader_init(&r, b->data, b->size, UINT32_MAX, flags);
            while (pp_read_token(&r, &t))
                continue;
            end = (size_t)(r.cursor - r.base);
        } else {
            status = pp_validate(b->data, b->size, PP_MAX_DEPTH, flags, &end);
        }
        double ns = now() - start;
        if (status != PP_OK || end != b->size)
            exit(1);
        best = ns < best ? ns : best;
    }
    printf("%-22s %5.2f ns per value, %5.2f GB/s\n", name,
           best / (double)(records * VALUES_PER_RECORD + 1), (double)b->size / best);
}

int main(int argc, char **argv)
{
    size_t records = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    pp_buffer buffer;
    pp_writer w;
    pp_buffer_init(&buffer, NULL);
    double start = now();
    pp_writer_init_buffer(&w, &buffer);
    write_records(&w, records);
    if (pp_writer_finish(&w, NULL) != PP_OK)
        return 1;
    double first = now() - start;
    buffer.size = 0;
    start = now();
    pp_writer_init_buffer(&w, &buffer);
    write_records(&w, records);
    if (pp_writer_finish(&w, NULL) != PP_OK)
        return 1;
    double again = now() - start;
    double values = (double)(records * VALUES_PER_RECORD + 1);
    printf("%-22s %5.2f ns per value; %5.2f into memory used before\n", "write", first / values,
           again / values);
    report("skip", &buffer, records, 0, false);
    report("validate UTF-8", &buffer, records, PP_CHECK_UTF8, false);
    report("read tokens", &buffer, records, 0, true);
    report("read tokens, UTF-8", &buffer, records, PP_CHECK_UTF8, true);
    pp_buffer_deinit(&buffer);
    return 0;
}
