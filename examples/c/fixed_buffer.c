/* Encodes a message into an array on the stack and prints its bytes.
 *
 * No allocation anywhere: this is how a signal handler, a driver or a program
 * without a heap would do it. */
#include <inttypes.h>
#include <stdio.h>

#include <parapack/parapack.h>

int main(void)
{
    uint8_t bytes[64];
    pp_writer w;
    pp_writer_init_fixed(&w, bytes, sizeof bytes);
    pp_write_map(&w, 3);
    pp_write_str(&w, "id", 2);
    pp_write_uint(&w, 4711);
    pp_write_str(&w, "ok", 2);
    pp_write_bool(&w, true);
    pp_write_str(&w, "ratio", 5);
    pp_write_double(&w, 0.75);

    /* One check at the end: the writer remembers its first error. */
    uint64_t size;
    pp_status status = pp_writer_finish(&w, &size);
    if (status != PP_OK) {
        fprintf(stderr, "encoding failed: %s\n", pp_status_text(status));
        return 1;
    }
    printf("%" PRIu64 " bytes:", size);
    for (uint64_t i = 0; i < size; i++)
        printf(" %02x", bytes[i]);
    printf("\n");
    return 0;
}
