/* The yardstick of bodies and threads: malloc, memcpy, free, again and again, with no interpreter
 * in between. Compiled and loaded by yardstick.py; a foreign call that ctypes makes without the
 * GIL. */
#include <stdlib.h>
#include <string.h>

/* Copies `size` bytes from `source` into fresh memory `count` times, behind `offset` bytes that
 * stay as they are. Returns 0, or -1 when memory runs out. */
int parapack_copy_loop(const char *source, size_t size, size_t offset, long count)
{
    for (long i = 0; i < count; i++) {
        char *fresh = malloc(offset + size);
        if (!fresh)
            return -1;
        memcpy(fresh + offset, source, size);
        /* The compiler must not see that nobody reads the copy. */
        __asm__ volatile("" : : "r"(fresh) : "memory");
        free(fresh);
    }
    return 0;
}
