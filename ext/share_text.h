/* share_text.h - str objects for the short values that are read again and again.
 *
 * A live value is no Python object, so each read of a str makes one, and that takes most of the
 * time of the read. Where there is a GIL an interpreter keeps the last str that it
 * made for each of SHARE_TEXTS groups of values, by their words, and hands it out again where
 * its bytes are those of the value: nothing else about the entry has to be true, so values that
 * have died, or whose memory others use now, need not be told. Without a GIL the reference
 * counts of such objects would be what threads contend for, and there is no such table.
 *
 * Under the interpreter's GIL. Holds at most SHARE_TEXTS strs of at most SHORT_TEXT_MAX bytes.
 */
#ifndef PARAPACK_EXT_SHARE_TEXT_H
#define PARAPACK_EXT_SHARE_TEXT_H

#include "state.h"

#include "parapack/value.h"
#include "unpack_leaf.h"

#if !defined(Py_GIL_DISABLED)
PP_INLINE PyObject **share_text_place(module_state *st, pp_value value)
{
    return &st->share.texts[value.word * UINT64_C(0x9E3779B97F4A7C15) >> 52];
}
_Static_assert(SHARE_TEXTS == 1 << (64 - 52), "the upper bits choose the place");
#endif

/* short_ascii() of the value's bytes (2 to SHORT_TEXT_MAX), or the same str as before; without `st`
 * always a new one. */
PP_INLINE PyObject *share_text(module_state *st, pp_value value, pp_slice body, bool *ascii)
{
#if defined(Py_GIL_DISABLED)
    (void)st, (void)value;
    return short_ascii(body.data, body.size, ascii);
#else
    if (st == NULL)
        return short_ascii(body.data, body.size, ascii);
    PyObject **place = share_text_place(st, value), *seen = *place;
    if (PP_LIKELY(seen != NULL && (size_t)PyUnicode_GET_LENGTH(seen) == body.size &&
                  short_equal((const uint8_t *)((PyASCIIObject *)seen + 1), body.data, body.size)))
        return Py_NewRef(seen);
    PyObject *made = short_ascii(body.data, body.size, ascii);
    if (made != NULL)
        Py_XSETREF(*place, Py_NewRef(made)); /* a str's end runs no code */
    return made;
#endif
}

#endif /* PARAPACK_EXT_SHARE_TEXT_H */
