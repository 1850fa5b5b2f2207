/* parapack/status.h - the one error type of the C API.
 *
 * Every fallible function returns a pp_status; results go through
 * out-pointers, which are written only on success unless a function says
 * otherwise. The numbers are pinned: they never change meaning or value.
 */
#ifndef PARAPACK_STATUS_H
#define PARAPACK_STATUS_H

#include "parapack/config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
/*      name               number  text */
#define PP_STATUS_LIST(XX)                                                     \
    XX(PP_OK,               0, "success")                                      \
    XX(PP_ERR_NOMEM,        1, "out of memory")                                \
    XX(PP_ERR_FULL,         2, "the buffer or queue is full")                     \
    XX(PP_ERR_EOF,          3, "the input ends inside a value")                \
    XX(PP_ERR_FORMAT,       4, "byte 0xc1 begins no MessagePack value")        \
    XX(PP_ERR_DEPTH,        5, "containers are nested too deeply")             \
    XX(PP_ERR_UTF8,         6, "a str holds invalid UTF-8")                    \
    XX(PP_ERR_TYPE,         7, "the value has another type than asked for")    \
    XX(PP_ERR_RANGE,        8, "the value does not fit the type asked for")    \
    XX(PP_ERR_TOO_LONG,     9, "a length exceeds 2**32-1 or the limit given")  \
    XX(PP_ERR_TIMESTAMP,   10, "a timestamp's length or nanoseconds are wrong") \
    XX(PP_ERR_EXTRA,       11, "bytes follow the value")                       \
    XX(PP_ERR_SINK,        12, "the output callback failed")                   \
    XX(PP_ERR_ARGUMENT,    13, "an argument is outside its contract")       \
    XX(PP_ERR_BUSY,        14, "another thread is at work there and the scope may not wait") \
    XX(PP_ERR_EMPTY,       15, "the queue is empty")                           \
    XX(PP_ERR_TIMEOUT,     16, "the deadline has passed")                      \
    XX(PP_ERR_SHUT_DOWN,   17, "the queue was shut down")                      \
    XX(PP_ERR_INTERRUPTED, 18, "a signal interrupted the wait")                \
    XX(PP_ERR_WAITING,     19, "the wait goes on")                             \
    XX(PP_ERR_DONE,        20, "the wait is over already")                     \
    XX(PP_ERR_GONE,        21, "the object is gone")
/* clang-format on */

typedef enum pp_status {
#define PP_STATUS_ENUM(name, number, text) name = number,
    PP_STATUS_LIST(PP_STATUS_ENUM)
#undef PP_STATUS_ENUM
} pp_status;

/* The English text of `status`; "unknown status" for any other number.
 * Returns a static string, never NULL. Thread safety: safe from any thread. */
PP_API const char *pp_status_text(pp_status status);

/* The identifier of `status`, such as "PP_ERR_EOF"; "PP_ERR_?" for any other
 * number. Returns a static string, never NULL. Thread safety: any thread. */
PP_API const char *pp_status_name(pp_status status);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_STATUS_H */
