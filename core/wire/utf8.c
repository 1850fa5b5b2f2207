/* The public UTF-8 functions: each calls the best table of functions that the
 * processor can run.
 *
 * The choice is made at the first call and kept in one atomic pointer. Relaxed
 * order is enough: the tables are constants initialised before the program
 * runs, so there is nothing a reader of the pointer could see too late, and two
 * threads that both find it unset store the same value.
 */
#include <stdatomic.h>

#include "wire/utf8_internal.h"

/* utf8_avx2.c is compiled for AVX2 where the build can (see core/CMakeLists.txt).
 * __builtin_cpu_supports reads what the compiler's run-time library found out
 * before main and also asks the operating system's part (that it saves the
 * registers). */
#ifdef PP_UTF8_AVX2
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}
#endif

size_t pp__utf8_available(const pp__utf8_ops *tables[PP__UTF8_TABLES])
{
    size_t count = 0;
#ifdef PP_UTF8_AVX2
    if (has_avx2())
        tables[count++] = &pp__utf8_avx2;
#endif
#if defined(PP__UTF8_SSE2)
    tables[count++] = &pp__utf8_sse2;
#elif defined(PP__UTF8_NEON)
    tables[count++] = &pp__utf8_neon;
#endif
    tables[count++] = &pp__utf8_scalar;
    return count;
}

static _Atomic(const pp__utf8_ops *) chosen;

static PP_COLD const pp__utf8_ops *choose(void)
{
    const pp__utf8_ops *tables[PP__UTF8_TABLES];
    pp__utf8_available(tables);
    atomic_store_explicit(&chosen, tables[0], memory_order_relaxed);
    return tables[0];
}

PP_INLINE const pp__utf8_ops *ops(void)
{
    const pp__utf8_ops *table = atomic_load_explicit(&chosen, memory_order_relaxed);
    return PP_LIKELY(table != NULL) ? table : choose();
}

bool pp_utf8_is_ascii_(const uint8_t *s, size_t n)
{
    return ops()->is_ascii(s, n);
}

pp_status pp_utf8_scan_(const uint8_t *s, size_t n, pp_utf8_info *info)
{
    return ops()->scan(s, n, info);
}

pp_status pp_utf8_validate(const uint8_t *s, size_t n, size_t *error_offset)
{
    pp_utf8_info info;
    pp_status status = pp_utf8_scan(s, n, &info);
    if (error_offset != NULL)
        *error_offset = info.error_offset;
    return status;
}

void pp_utf8_to_ucs1(const uint8_t *s, size_t n, uint8_t *dst)
{
    ops()->to_ucs1(s, n, dst);
}

void pp_utf8_to_ucs2(const uint8_t *s, size_t n, uint16_t *dst)
{
    ops()->to_ucs2(s, n, dst);
}

void pp_utf8_to_ucs4(const uint8_t *s, size_t n, uint32_t *dst)
{
    ops()->to_ucs4(s, n, dst);
}

pp_status pp_utf8_size_ucs1(const uint8_t *src, size_t count, size_t *size, size_t *error_index)
{
    return ops()->size_ucs1(src, count, size, error_index);
}

pp_status pp_utf8_size_ucs2(const uint16_t *src, size_t count, size_t *size, size_t *error_index)
{
    return ops()->size_ucs2(src, count, size, error_index);
}

pp_status pp_utf8_size_ucs4(const uint32_t *src, size_t count, size_t *size, size_t *error_index)
{
    return ops()->size_ucs4(src, count, size, error_index);
}

uint8_t *pp_utf8_from_ucs1(uint8_t *dst, const uint8_t *src, size_t count)
{
    return ops()->from_ucs1(dst, src, count);
}

uint8_t *pp_utf8_from_ucs2(uint8_t *dst, const uint16_t *src, size_t count)
{
    return ops()->from_ucs2(dst, src, count);
}

uint8_t *pp_utf8_from_ucs4(uint8_t *dst, const uint32_t *src, size_t count)
{
    return ops()->from_ucs4(dst, src, count);
}
