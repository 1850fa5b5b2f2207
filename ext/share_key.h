/* share_key.h - Python objects as keys of dicts and members of sets.
 *
 * A key is a str, bytes, int, float, bool or None, or an instance of a subclass of one of the first
 * four, as the plain value. Equal numbers are one key, as in a dict. A
 * lookup allocates nothing: the key points to the str's or bytes' own memory.
 */
#ifndef PARAPACK_EXT_SHARE_KEY_H
#define PARAPACK_EXT_SHARE_KEY_H

#include "pycompat.h"

#include "parapack/value.h"
#include "share_value.h"

typedef struct share_key {
    pp_key key;
    PyObject
        *owner; /* strong reference to what the key's bytes lie in, or NULL: the object itself */
} share_key;

/* Calls `use(..., const pp_key *)` with the key that `o` is: for the kinds of keys that are
 * frequent the key is made where it is read, since copying one costs as much as looking it up. */
#define SHARE_WITH_FAST_KEY(o, use)                                                                \
    do {                                                                                           \
        int64_t integer_;                                                                          \
        if (Py_IS_TYPE((o), &PyUnicode_Type) && PP_LIKELY(PyUnicode_IS_COMPACT_ASCII(o))) {        \
            pp_key key_ = pp_key_str((PyASCIIObject *)(o) + 1, (size_t)PyUnicode_GET_LENGTH(o));   \
            return use(&key_);                                                                     \
        }                                                                                          \
        if (Py_IS_TYPE((o), &PyLong_Type) && PP_LIKELY(long_small_value((o), &integer_))) {        \
            pp_key key_ = pp_key_int(integer_);                                                    \
            return use(&key_);                                                                     \
        }                                                                                          \
    } while (0)

/* share_key_of() for what is not inline below. (share_key.c) */
int share_key_slowly(PyObject *o, share_key *key);

/* Makes a key of `o`, which the caller holds until the key is cleared: 1. 0 and no exception where
 * `o` could be a key of a dict but none of ours, which therefore contains none like it. -1 with an
 * exception, TypeError where it cannot be hashed. Outside of scopes; may run code of the caller's
 * where it returns 0 or -1. */
PP_INLINE int share_key_of(PyObject *o, share_key *key)
{
    int64_t integer;
    key->owner = NULL;
    PyTypeObject *type = Py_TYPE(o);
    if (type == &PyUnicode_Type && PP_LIKELY(PyUnicode_IS_COMPACT_ASCII(o))) {
        key->key = pp_key_str((PyASCIIObject *)o + 1, (size_t)PyUnicode_GET_LENGTH(o));
        return 1;
    }
    if (type == &PyLong_Type && PP_LIKELY(long_small_value(o, &integer))) {
        key->key = pp_key_int(integer);
        return 1;
    }
    return share_key_slowly(o, key);
}

/* The same for storing: TypeError or OverflowError that says what may be a key. 0 or -1. */
int share_key_refused(PyObject *o);

PP_INLINE int share_key_to_store(PyObject *o, share_key *key)
{
    int found = share_key_of(o, key);
    if (PP_LIKELY(found > 0))
        return 0;
    return found < 0 ? -1 : share_key_refused(o);
}

PP_INLINE void share_key_clear(share_key *key)
{
    if (PP_UNLIKELY(key->owner != NULL))
        Py_CLEAR(key->owner);
}

#endif /* PARAPACK_EXT_SHARE_KEY_H */
