/* Prints any MessagePack, from a file or standard input, as JSON-like text: one
 * line per value. What JSON has no words for is written as a call:
 * bin("00ff"), ext(5, "00ff"), timestamp(0, 1), and keys may be of any type.
 *
 * Usage: print_msgpack [FILE] */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <parapack/parapack.h>

static void print_hex(pp_view bytes)
{
    putchar('"');
    for (size_t i = 0; i < bytes.size; i++)
        printf("%02x", bytes.data[i]);
    putchar('"');
}

static void print_str(pp_view text)
{
    putchar('"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void print_ext(const pp_token *t)
{
    pp_timestamp time;
    if (t->ext_type == PP_EXT_TIMESTAMP &&
        pp_timestamp_decode(t->as.data, t->count, &time) == PP_OK) {
        printf("timestamp(%" PRId64 ", %" PRIu32 ")", time.seconds, time.nanoseconds);
        return;
    }
    printf("ext(%d, ", t->ext_type);
    print_hex((pp_view){t->as.data, t->count});
    putchar(')');
}

/* Everything but containers. */
static void print_scalar(const pp_token *t)
{
    switch (t->type) {
    case PP_TYPE_NIL:
        printf("null");
        break;
    case PP_TYPE_BOOL:
        printf(t->as.boolean ? "true" : "false");
        break;
    case PP_TYPE_UINT:
        printf("%" PRIu64, t->as.uint);
        break;
    case PP_TYPE_INT:
        printf("%" PRId64, t->as.sint);
        break;
    case PP_TYPE_FLOAT32:
        printf("%.9g", (double)t->as.float32);
        break;
    case PP_TYPE_FLOAT64:
        printf("%.17g", t->as.float64);
        break;
    case PP_TYPE_STR:
        print_str((pp_view){t->as.data, t->count});
        break;
    case PP_TYPE_BIN:
        printf("bin(");
        print_hex((pp_view){t->as.data, t->count});
        putchar(')');
        break;
    case PP_TYPE_EXT:
        print_ext(t);
        break;
    case PP_TYPE_ARRAY:
    case PP_TYPE_MAP:
        break;
    }
}

/* Prints one value. The reader bounds the recursion by its depth. */
static void print_value(pp_reader *r)
{
    pp_token t;
    if (!pp_read_token(r, &t))
        return;
    bool map = t.type == PP_TYPE_MAP;
    if (!map && t.type != PP_TYPE_ARRAY) {
        print_scalar(&t);
        return;
    }
    putchar(map ? '{' : '[');
    for (uint32_t i = 0; i < t.count && r->status == PP_OK; i++) {
        if (i > 0)
            printf(", ");
        print_value(r);
        if (map) {
            printf(": ");
            print_value(r);
        }
    }
    pp_read_end(r);
    putchar(map ? '}' : ']');
}

static pp_status read_all(FILE *file, pp_buffer *buffer)
{
    for (;;) {
        pp_status status = pp_buffer_reserve(buffer, 65536);
        if (status != PP_OK)
            return status;
        size_t n = fread(buffer->data + buffer->size, 1, buffer->capacity - buffer->size, file);
        if (n == 0)
            return PP_OK;
        buffer->size += n;
    }
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : stdin;
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    pp_buffer buffer;
    pp_buffer_init(&buffer, NULL);
    pp_reader r;
    pp_status status = read_all(file, &buffer);
    pp_reader_init(&r, buffer.data, buffer.size, PP_MAX_DEPTH, PP_CHECK_UTF8);
    while (status == PP_OK && !pp_reader_at_end(&r)) {
        print_value(&r);
        putchar('\n');
    }
    if (status == PP_OK)
        status = pp_reader_finish(&r);
    if (status != PP_OK)
        fprintf(stderr, "byte %zu: %s\n", r.error_offset, pp_status_text(status));
    pp_buffer_deinit(&buffer);
    if (file != stdin)
        fclose(file);
    return status == PP_OK ? 0 : 1;
}
