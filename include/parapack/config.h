/* parapack/config.h - version, export and compiler macros.
 *
 * The only header that looks at the compiler. Everything public is declared
 * PP_API; everything else in the library is hidden.
 */
#ifndef PARAPACK_CONFIG_H
#define PARAPACK_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_VERSION_MAJOR  0
#define PP_VERSION_MINOR  1
#define PP_VERSION_PATCH  0
#define PP_VERSION_STRING "0.1.0"

#if defined(PP_STATIC)
#define PP_API
#elif defined(__GNUC__)
#define PP_API __attribute__((visibility("default")))
#else
#define PP_API
#endif

#if defined(__GNUC__)
#define PP_NODISCARD   __attribute__((warn_unused_result))
#define PP_LIKELY(x)   __builtin_expect(!!(x), 1)
#define PP_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PP_INLINE      static inline __attribute__((always_inline, unused))
#define PP_NOINLINE    __attribute__((noinline))
#define PP_COLD        __attribute__((cold, noinline))
#else
#define PP_NODISCARD
#define PP_LIKELY(x)   (x)
#define PP_UNLIKELY(x) (x)
#define PP_INLINE      static inline
#define PP_NOINLINE
#define PP_COLD
#endif

/* The byte order, and swapping it in one instruction. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define PP_BIG_ENDIAN 1
#else
#define PP_BIG_ENDIAN 0
#endif

#if defined(__GNUC__)
#define PP_BSWAP32(v) __builtin_bswap32(v)
#define PP_BSWAP64(v) __builtin_bswap64(v)
#else
#define PP_BSWAP32(v)                                                                              \
    ((uint32_t)(v) << 24 | ((uint32_t)(v)&0xff00) << 8 | ((uint32_t)(v) >> 8 & 0xff00) |           \
     (uint32_t)(v) >> 24)
#define PP_BSWAP64(v)                                                                              \
    ((uint64_t)PP_BSWAP32((uint32_t)(v)) << 32 | PP_BSWAP32((uint32_t)((uint64_t)(v) >> 32)))
#endif

/* The version of the library that is linked, such as "0.1.0"; the macros above
 * tell the one that was compiled against. Static. Thread safety: any thread. */
#ifdef __cplusplus
extern "C" {
#endif
PP_API const char *pp_version(void);
#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_CONFIG_H */
