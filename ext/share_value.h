/* share_value.h - Python objects as values of the share runtime, and back.
 *
 * In: None, bool, int (64 bits, signed or unsigned), float, str, bytes and their
 * subclasses as what they are; bytearray and memoryview as bytes; Timestamp; ExtType;
 * a proxy as a live reference; list, tuple, dict and whatever else packb packs
 * as a frozen document, made by one pack. TypeError for anything else, with the
 * path to it.
 *
 * Out: the same as Python objects; documents as View, live containers as proxies, a large
 * bin as a memoryview of it (share_bin.h).
 *
 *     share_input in;
 *     if (share_input_of(st, object, &in))         outside of scopes: looks, may run code
 *         return -1;
 *     pp_thread *t = share_begin();
 *     ...
 *     pp_value value;
 *     status = share_input_make(t, &in, &value);   inside: a counted value
 *     ... give the value away ...
 *     share_end(t);
 *     share_input_clear(&in);                      outside, on every path
 */
#ifndef PARAPACK_EXT_SHARE_VALUE_H
#define PARAPACK_EXT_SHARE_VALUE_H

#include "share_proxy.h"

enum {
    SHARE_RELEASE_MIN = 192 * 1024, /* bytes: a smaller copy does not pay for giving up the GIL */
    SHARE_SCOPE_COPY = 4096,        /* bytes: str of as many or more are not made inside a scope */
    SHARE_UTF8_CACHE = 128,         /* characters: only a shorter str may keep its UTF-8 form */
};

/* ---- in ---------------------------------------------------------------------------------- */

typedef enum share_form {
    SHARE_NIL,
    SHARE_BOOL,
    SHARE_INT,
    SHARE_UINT,
    SHARE_FLOAT,
    SHARE_STR,
    SHARE_BYTES,
    SHARE_OBJECT, /* of a proxy */
    SHARE_READY,  /* made already */
} share_form;

/* A Python object that has been looked at. Borrows from it. */
typedef struct share_input {
    share_form form;
    union {
        bool truth;
        int64_t integer;
        uint64_t large;
        double number;
        pp_slice bytes;
        pp_object *object;
        pp_value value; /* counted */
    };
    PyObject *owner; /* strong reference to what `bytes` lie in, or NULL: the object itself */
} share_input;

/* share_input_of() for what is not inline below. (share_value.c) */
int share_input_slowly(module_state *st, PyObject *o, share_input *in);

/* Looks at `o`, which the caller holds until `in` is cleared. 0, or -1 with an exception and
 * nothing to clear. Outside of scopes; may run code of the caller's and give the GIL up. */
PP_INLINE int share_input_of(module_state *st, PyObject *o, share_input *in)
{
    in->owner = NULL;
    PyTypeObject *type = Py_TYPE(o);
    if (type == &PyLong_Type && PP_LIKELY(long_small_value(o, &in->integer))) {
        in->form = SHARE_INT;
        return 0;
    }
    if (type == &PyUnicode_Type && PyUnicode_IS_COMPACT_ASCII(o) &&
        PyUnicode_GET_LENGTH(o) < SHARE_RELEASE_MIN) {
        in->form = SHARE_STR;
        in->bytes.data = (const uint8_t *)((PyASCIIObject *)o + 1);
        in->bytes.size = (size_t)PyUnicode_GET_LENGTH(o);
        return 0;
    }
    if (type == &PyFloat_Type) {
        in->form = SHARE_FLOAT;
        in->number = PyFloat_AS_DOUBLE(o);
        return 0;
    }
    return share_input_slowly(st, o, in);
}

/* Makes the counted value; at most once. PP_ERR_NOMEM, PP_ERR_TOO_LONG. Inside a scope. */
PP_NODISCARD pp_status share_input_make(pp_thread *t, share_input *in, pp_value *value);

/* Gives back what `in` holds, also a value that was not asked for. Outside of scopes. */
void share_input_clear_slowly(share_input *in);

PP_INLINE void share_input_clear(share_input *in)
{
    if (PP_UNLIKELY(in->owner || in->form == SHARE_READY))
        share_input_clear_slowly(in);
}

/* The whole of it in one call: a counted value. 0, or -1 with an exception. Outside of scopes. */
int share_value_of(module_state *st, PyObject *o, pp_value *value);

/* Freezes a container, or anything else that the packer knows, into a document. (share_freeze.c) */
int share_freeze(module_state *st, PyObject *o, pp_value *value);

/* A new View of a document, a counted reference, which is taken over. NULL with an exception.
 * (share_freeze.c) */
PyObject *share_view_of(module_state *st, pp_object *document);

/* ---- out ----------------------------------------------------------------------------------- */

/* An object for a nil, bool, int or float, or a str or bin below 4096 bytes, in *result (NULL
 * with MemoryError). False for others. Inside the scope of a borrowed value, any time of a counted
 * one. With `st` it may be a str that was made before (share_text.h), for values that are read
 * where they stay; NULL makes a new one. */
bool share_scalar(module_state *st, pp_value value, PyObject **result);

/* What share_leave_with() does for values that share_scalar() leaves over. */
bool share_leave_with_object(module_state *st, pp_thread *t, pp_value value, PyObject **result);

/* Ends the scope in which `value` was borrowed, and makes a Python object of it: *result is new, or
 * NULL with an exception. False where the value has died meanwhile: the scope is ended, look it up
 * again. */
PP_INLINE bool share_leave_with(module_state *st, pp_thread *t, pp_value value, PyObject **result)
{
    if (PP_LIKELY(share_scalar(st, value, result))) {
        share_end(t);
        return true;
    }
    return share_leave_with_object(st, t, value, result);
}

/* A new Python object for a counted value, which is taken over. NULL with an exception. Outside of
 * scopes; may run code of ours in Python and give the GIL up. */
PyObject *share_object_of(module_state *st, pp_value value);

/* The same for a borrowed one that the caller holds a counted reference to meanwhile. */
PyObject *share_object_of_held(module_state *st, pp_value value);

/* Both for a key of a dict or a member of a set, which is bytes also where it is large. */
PyObject *share_key_object_of(module_state *st, pp_value key);
PyObject *share_key_object_of_held(module_state *st, pp_value key);

#endif /* PARAPACK_EXT_SHARE_VALUE_H */
