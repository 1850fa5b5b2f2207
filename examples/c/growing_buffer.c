/* Encodes records into a buffer that grows, then reads them back.
 *
 * Usage: growing_buffer [RECORDS]   (default 1000) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <parapack/parapack.h>

static pp_status encode(pp_buffer *buffer, size_t records)
{
    pp_writer w;
    pp_writer_init_buffer(&w, buffer);
    pp_write_array(&w, records);
    for (size_t i = 0; i < records; i++) {
        char name[32];
        int length = snprintf(name, sizeof name, "sensor %zu", i);
        pp_write_map(&w, 3);
        pp_write_str(&w, "name", 4);
        pp_write_str(&w, name, (size_t)length);
        pp_write_str(&w, "value", 5);
        pp_write_double(&w, (double)i / 8);
        pp_write_str(&w, "time", 4);
        pp_write_timestamp(&w, (pp_timestamp){1700000000 + (int64_t)i, 0});
    }
    return pp_writer_finish(&w, NULL);
}

/* The sum of all values. Keys that are not known are skipped, as a reader of a
 * format that may grow should. */
static pp_status sum_values(const pp_buffer *buffer, double *sum)
{
    pp_reader r;
    pp_reader_init(&r, buffer->data, buffer->size, PP_MAX_DEPTH, PP_CHECK_UTF8);
    *sum = 0;
    size_t records = pp_read_array(&r);
    for (size_t i = 0; i < records && r.status == PP_OK; i++) {
        size_t pairs = pp_read_map(&r);
        for (size_t k = 0; k < pairs && r.status == PP_OK; k++) {
            pp_view key = pp_read_str(&r);
            if (key.size == 5 && memcmp(key.data, "value", 5) == 0)
                *sum += pp_read_double(&r);
            else
                pp_read_skip(&r);
        }
        pp_read_end(&r);
    }
    pp_read_end(&r);
    return pp_reader_finish(&r);
}

int main(int argc, char **argv)
{
    size_t records = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    pp_buffer buffer;
    pp_buffer_init(&buffer, NULL);
    double sum = 0;
    pp_status status = encode(&buffer, records);
    if (status == PP_OK)
        status = sum_values(&buffer, &sum);
    if (status == PP_OK)
        printf("%zu records, %zu bytes, sum %.3f\n", records, buffer.size, sum);
    else
        fprintf(stderr, "failed: %s\n", pp_status_text(status));
    pp_buffer_deinit(&buffer);
    return status == PP_OK ? 0 : 1;
}
