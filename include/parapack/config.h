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

#define PP_VERSION_MAJOR 0
#define PP_VERSION_MINOR 1
#define PP_VERSION_PATCH 0
#define PP_VERSION_STRING "0.1.0"

#if defined(PP_STATIC)
#define PP_API
#elif defined(__GNUC__)
#define PP_API __attribute__((visibility("default")))
#else
#define PP_API
#endif

#if defined(__GNUC__)
#define PP_NODISCARD __attribute__((warn_unused_result))
#define PP_LIKELY(x) __builtin_expect(!!(x), 1)
#define PP_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PP_INLINE static inline __attribute__((always_inline, unused))
#define PP_NOINLINE __attribute__((noinline))
#define PP_COLD __attribute__((cold, noinline))
#else
#define PP_NODISCARD
#define PP_LIKELY(x) (x)
#define PP_UNLIKELY(x) (x)
#define PP_INLINE static inline
#define PP_NOINLINE
#define PP_COLD
#endif

#endif /* PARAPACK_CONFIG_H */
