/* state.h - the module state: everything that belongs to one interpreter.
 *
 * There is no other mutable data in the extension, so that every interpreter
 * with its own GIL has its own copy. Fields are set in module execution and
 * constant afterwards, except where they say otherwise.
 */
#ifndef PARAPACK_EXT_STATE_H
#define PARAPACK_EXT_STATE_H

#include "pycompat.h"

#include "key_cache.h"
#include "share_state.h"
#include "view_state.h"

typedef struct module_state {
    /* Types of ours. */
    PyTypeObject *packer_type;
    PyTypeObject *unpacker_type;
    PyTypeObject *timestamp_type;
    PyObject *exttype_type; /* parapack.ext.ExtType, a namedtuple subclass */

    /* Exceptions, from parapack.exceptions. */
    PyObject *BufferFull;
    PyObject *ExtraData;
    PyObject *FormatError;
    PyObject *OutOfData;
    PyObject *StackError;

    /* Interned option names, in the order of the option tables. */
    PyObject *pack_option_names;
    PyObject *unpack_option_names;

    /* Interned attribute names. */
    PyObject *str_read, *str_write, *str_items, *str_code, *str_data;

    /* The ints -32 to 127 and the str of one ASCII character: what a decoder
     * meets most, without a call. Strong references. */
    PyObject *small_int[160]; /* small_int[32 + i] is i */
    PyObject *ascii[128];

    PyObject *dict_items;        /* dict.items, to see whether a subclass replaces it */
    PyObject *getswitchinterval; /* sys.getswitchinterval */
    PyObject *is_gil_enabled;    /* sys._is_gil_enabled on free-threaded builds, or NULL */

    /* The datetime module, imported by datetime_ready() on first use: some
     * interpreters with their own GIL cannot import it. */
    void *datetime_api; /* PyDateTime_CAPI *; written once, always the same value */

    PyObject *epoch; /* datetime(1970, 1, 1, tzinfo=utc) */

    size_t large_result; /* the size of the last large pack; relaxed atomic */

    key_cache_pool key_caches; /* has its own rules, see key_cache.h */

    share_state share;
    view_state views;

    void *native_types; /* struct native_types *, owned by pack_native.c */
} module_state;

extern struct PyModuleDef parapack_module_def;

/* The state of the module that `type` or one of its bases was made by.
 * Borrowed; never NULL for the types of this extension. */
PP_INLINE module_state *state_of_type(PyTypeObject *type)
{
    PyObject *module = PyType_GetModuleByDef(type, &parapack_module_def);
    return (module_state *)PyModule_GetState(module);
}

PP_INLINE module_state *state_of_module(PyObject *module)
{
    return (module_state *)PyModule_GetState(module);
}

/* Makes datetime_api, utc and epoch usable. 0, or -1 with an exception. */
int state_datetime_ready(module_state *st);

#endif /* PARAPACK_EXT_STATE_H */
