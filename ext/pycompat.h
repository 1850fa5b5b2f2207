/* pycompat.h - what differs between CPython 3.11 and 3.15, in one place.
 *
 * Only documented or header-visible API; no CPython internal headers. Nothing
 * here depends on a particular free-threaded release, only on
 * Py_GIL_DISABLED.
 */
#ifndef PARAPACK_EXT_PYCOMPAT_H
#define PARAPACK_EXT_PYCOMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "parapack/config.h"

#if PY_VERSION_HEX < 0x030b0000
#error "Parapack needs CPython 3.11 or later"
#endif

/* ---- critical sections -------------------------------------------------- */

/* LOCK_OBJECT/UNLOCK_OBJECT bracket reads of a mutable container. With the GIL
 * they are nothing. Without it they take the object's own lock, which anything
 * that blocks or runs Python code may suspend: leave the section first. */
#ifdef Py_GIL_DISABLED
#define FREE_THREADED 1
#define LOCK_OBJECT(object)                                                                        \
    PyCriticalSection critical_section_;                                                           \
    PyCriticalSection_Begin(&critical_section_, (object))
#define UNLOCK_OBJECT() PyCriticalSection_End(&critical_section_)
#else
#define FREE_THREADED       0
#define LOCK_OBJECT(object) ((void)0)
#define UNLOCK_OBJECT()     ((void)0)
#endif

/* ---- int ------------------------------------------------------------------ */

/* The value of an int of at most two digits (60 bits), without a call.
 * Returns false for larger ones. */
PP_INLINE bool long_small_value(PyObject *o, int64_t *value)
{
#if PY_VERSION_HEX >= 0x030c0000
    const PyLongObject *v = (const PyLongObject *)o;
    uintptr_t tag = v->long_value.lv_tag;
    int64_t sign = 1 - (int64_t)(tag & 3); /* 0 positive, 1 zero, 2 negative */
    if (PP_LIKELY(tag < (2 << 3))) {
        *value = sign * (int64_t)v->long_value.ob_digit[0];
        return true;
    }
    if (PP_LIKELY(tag < (3 << 3))) {
        *value = sign * ((int64_t)v->long_value.ob_digit[1] << PyLong_SHIFT |
                         (int64_t)v->long_value.ob_digit[0]);
        return true;
    }
    return false;
#else
    const PyLongObject *v = (const PyLongObject *)o;
    Py_ssize_t size = Py_SIZE(v);
    switch (size) {
    case 0:
        *value = 0;
        return true;
    case 1:
    case -1:
        *value = size * (int64_t)v->ob_digit[0];
        return true;
    case 2:
    case -2:
        *value = (size / 2) * ((int64_t)v->ob_digit[1] << PyLong_SHIFT | (int64_t)v->ob_digit[0]);
        return true;
    default:
        return false;
    }
#endif
}

/* The magnitude of any int that 64 bits hold, and its sign, without a call. Returns
 * false for larger ones. */
PP_INLINE bool long_wide_value(PyObject *o, uint64_t *magnitude, bool *negative)
{
    const PyLongObject *v = (const PyLongObject *)o;
#if PY_VERSION_HEX >= 0x030c0000
    const digit *d = v->long_value.ob_digit;
    Py_ssize_t n = (Py_ssize_t)(v->long_value.lv_tag >> 3);
    *negative = (v->long_value.lv_tag & 3) == 2;
#else
    const digit *d = v->ob_digit;
    Py_ssize_t n = Py_ABS(Py_SIZE(v));
    *negative = Py_SIZE(v) < 0;
#endif
    *magnitude = 0;
    while (n--) {
        if (*magnitude >> (64 - PyLong_SHIFT))
            return false;
        *magnitude = *magnitude << PyLong_SHIFT | d[n];
    }
    return true;
}

#endif /* PARAPACK_EXT_PYCOMPAT_H */
