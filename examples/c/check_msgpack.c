/* Validates files of MessagePack values, of any size, in constant memory.
 *
 * Usage: check_msgpack FILE...   ("-" is standard input)
 * Prints "FILE: N values" or "FILE: byte OFFSET: what is wrong". Exit status 1 if any
 * file is bad. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <parapack/parapack.h>

typedef struct check {
    pp_skipper skipper;
    uint64_t open[PP_MAX_DEPTH];
    uint64_t values; /* complete */
    uint64_t start;  /* where in the file the value begins that is not */
    bool inside;     /* that value has a byte */
    pp_status status;
} check;

static void feed(check *c, const uint8_t *data, size_t size)
{
    while (size > 0 && c->status == PP_OK) {
        size_t used;
        pp_status status = pp_skipper_feed(&c->skipper, data, size, &used);
        data += used;
        size -= used;
        c->inside = status != PP_OK;
        if (status == PP_OK) {
            c->values++;
            c->start += c->skipper.offset;
        } else if (status != PP_ERR_EOF) {
            c->status = status;
        }
    }
}

static bool check_file(const char *name, FILE *file)
{
    static uint8_t piece[65536];
    static check c;
    c.values = c.start = 0;
    c.inside = false;
    c.status = PP_OK;
    pp_skipper_init(&c.skipper, c.open, PP_MAX_DEPTH, PP_CHECK_UTF8 | PP_CHECK_TIMESTAMPS);
    size_t n;
    while (c.status == PP_OK && (n = fread(piece, 1, sizeof piece, file)) > 0)
        feed(&c, piece, n);
    if (ferror(file)) {
        printf("%s: %s\n", name, strerror(errno));
        return false;
    }
    if (c.status == PP_OK && c.inside)
        c.status = PP_ERR_EOF;
    if (c.status == PP_OK) {
        printf("%s: %" PRIu64 " values\n", name, c.values);
        return true;
    }
    printf("%s: byte %" PRIu64 ": %s\n", name, c.start + c.skipper.offset,
           pp_status_text(c.status));
    return false;
}

int main(int argc, char **argv)
{
    bool good = true;
    if (argc < 2) {
        fprintf(stderr, "usage: check_msgpack FILE...\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        bool standard_input = strcmp(argv[i], "-") == 0;
        FILE *file = standard_input ? stdin : fopen(argv[i], "rb");
        if (file == NULL) {
            printf("%s: %s\n", argv[i], strerror(errno));
            good = false;
            continue;
        }
        good = check_file(argv[i], file) && good;
        if (!standard_input)
            fclose(file);
    }
    return good ? 0 : 1;
}
