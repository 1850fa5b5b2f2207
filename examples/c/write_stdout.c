/* Writes the lines of standard input to standard output as MessagePack, one str
 * after another, through a callback: memory stays constant however long the input is.
 *
 * Try: write_stdout < /etc/os-release | print_msgpack */
#include <stdio.h>
#include <string.h>

#include <parapack/parapack.h>

static bool to_stream(void *context, const uint8_t *data, size_t size)
{
    return fwrite(data, 1, size, context) == size;
}

int main(void)
{
    uint8_t room[4096];
    char line[1024];
    pp_writer w;
    pp_writer_init_sink(&w, room, sizeof room, to_stream, stdout);
    while (w.status == PP_OK && fgets(line, sizeof line, stdin) != NULL) {
        size_t size = strcspn(line, "\n");
        if (pp_utf8_validate((const uint8_t *)line, size, NULL) == PP_OK)
            pp_write_str(&w, line, size);
        else
            pp_write_bin(&w, line, size);
    }
    pp_status status = pp_writer_finish(&w, NULL);
    if (status != PP_OK || fflush(stdout) != 0) {
        fprintf(stderr, "writing failed: %s\n", pp_status_text(status));
        return 1;
    }
    return 0;
}
