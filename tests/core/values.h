/* Values and keys for tests of containers: numbered, each number a value of its own. */
#ifndef PP_TEST_VALUES_H
#define PP_TEST_VALUES_H

#include "test.h"

#include "parapack/value.h"

/* An int in the word. */
static inline pp_value value_int(int64_t number)
{
    pp_value value;
    if (number > INT64_MAX >> 3 || number < INT64_MIN >> 3 ||
        pp_int(pp_thread_self(), number, &value) != PP_OK)
        abort();
    return value;
}

/* A str object that tells `number`, with a reference of its own; PP_NO_VALUE without memory. */
static inline pp_value value_text(int64_t number)
{
    char text[40];
    int size = snprintf(text, sizeof text, "the text of number %lld", (long long)number);
    pp_value value;
    return pp_str(pp_thread_self(), text, (size_t)size, &value) == PP_OK ? value : PP_NO_VALUE;
}

/* Even numbers are ints, odd ones are objects. */
static inline pp_value value_numbered(int64_t number)
{
    return number % 2 == 0 ? value_int(number) : value_text(number);
}

/* The number of a value of one of these three; -1 for no value. Anything else is a bug, of whoever
 * made it so. */
static inline int64_t value_number(pp_value value)
{
    static const char prefix[] = "the text of number ";
    int64_t number;
    pp_slice bytes;
    if (value.word == 0)
        return -1;
    if (pp_value_int(value, &number))
        return number;
    char text[40] = {0};
    if (!pp_value_bytes(&value, &bytes) || bytes.size >= sizeof text)
        abort();
    memcpy(text, bytes.data, bytes.size);
    if (strncmp(text, prefix, sizeof prefix - 1) != 0)
        abort();
    return strtoll(text + sizeof prefix - 1, NULL, 10);
}

/* The same, and gives up the reference. */
static inline int64_t value_take(pp_thread *self, pp_value value)
{
    int64_t number = value_number(value);
    pp_value_release(self, value);
    return number;
}

/* Room for the bytes of a key. */
typedef struct key_text {
    char bytes[40];
} key_text;

/* The key of that number, of a kind that depends on it: ints, short and long str, floats, bin,
 * large ints. */
static inline pp_key key_numbered(int64_t number, key_text *text)
{
    int size;
    switch (number % 6) {
    case 1:
        size =
            snprintf(text->bytes, sizeof text->bytes, "the key of number %lld", (long long)number);
        return pp_key_str(text->bytes, (size_t)size);
    case 2:
        size = snprintf(text->bytes, sizeof text->bytes, "%lld", (long long)number);
        return pp_key_str(text->bytes, (size_t)size);
    case 3:
        return pp_key_float((double)number + 0.5);
    case 4:
        size = snprintf(text->bytes, sizeof text->bytes, "key%03d%lld", 0, (long long)number);
        return pp_key_bin(text->bytes, (size_t)size);
    case 5:
        return pp_key_uint(UINT64_MAX - (uint64_t)number);
    default:
        return pp_key_int(number);
    }
}

/* The number of a key that was made so. */
static inline int64_t key_number(pp_value key)
{
    int64_t number;
    uint64_t large;
    double real;
    pp_slice bytes;
    char text[40] = {0};
    if (pp_value_int(key, &number))
        return number;
    if (pp_value_uint(key, &large))
        return (int64_t)(UINT64_MAX - large);
    if (pp_value_float(key, &real))
        return (int64_t)real;
    if (!pp_value_bytes(&key, &bytes) || bytes.size >= sizeof text)
        abort();
    memcpy(text, bytes.data, bytes.size);
    if (pp_value_kind(key) == PP_KIND_BIN)
        return strtoll(text + 6, NULL, 10);
    return strtoll(bytes.size > 12 ? text + sizeof "the key of number " - 1 : text, NULL, 10);
}

#endif
