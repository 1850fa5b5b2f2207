/* The yardstick of bodies and threads: malloc, memcpy, free, again and again, with no interpreter
 * in between. Compiled and loaded by yardstick.py; a foreign call that ctypes makes without the
 * GIL. */
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Has malloc keep what is freed, in the whole process. It would give the end of its heap back to
 * the system whenever that is large, and what is taken again then costs a page fault for each
 * 4 KiB: whether that happens depends on what else lies there, and not on what is measured. */
void parapack_keep_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

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
