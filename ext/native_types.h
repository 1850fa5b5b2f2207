/* native_types.h - types of other modules, found when those are imported.
 *
 * Each is looked up in sys.modules until its module is there, and kept from
 * then on.
 *
 * Thread safety: any thread of the interpreter; a found type is published with
 * a release store and never replaced.
 */
#ifndef PARAPACK_EXT_NATIVE_TYPES_H
#define PARAPACK_EXT_NATIVE_TYPES_H

#include "state.h"

typedef enum native_type {
    TYPE_SET,
    TYPE_FROZENSET,
    TYPE_ENUM,
    TYPE_UUID,
    TYPE_DECIMAL,
    TYPE_DATETIME,
    TYPE_DATE,
    TYPE_TIME,
    TYPE_NUMPY_GENERIC,
    TYPE_NUMPY_ARRAY,
    NATIVE_TYPE_COUNT,
} native_type;

typedef enum native_name {
    NAME_MSGPACK,
    NAME_DATACLASS_FIELDS,
    NAME_NAME,
    NAME_VALUE,
    NAME_INT,
    NAME_ISOFORMAT,
    NAME_UTCOFFSET,
    NAME_DTYPE,
    NAME_KIND,
    NAME_ITEMSIZE,
    NAME_ITEM,
    NAME_TOLIST,
    NATIVE_NAME_COUNT,
} native_name;

typedef struct native_types {
    PyObject *type[NATIVE_TYPE_COUNT]; /* atomic on free-threaded builds; NULL: not found yet */
    PyObject *name[NATIVE_NAME_COUNT]; /* interned, constant */
    PyObject *dataclass_fields;        /* dict: weak reference to a class -> its field names */
} native_types;

/* The interpreter's. Borrowed from `st`; NULL with MemoryError. */
native_types *native_types_of(module_state *st);

/* The type if it has been found already, else NULL. Borrowed. */
PyTypeObject *native_type_known(native_types *types, native_type which);

/* The type, looked for in sys.modules where needed. 1 with a borrowed type, 0
 * if its module is not imported (or has no such type), -1 with an exception. */
int native_type_find(native_types *types, native_type which, PyTypeObject **type);

/* The names of the fields of the dataclass `cls`, in order, as a new reference
 * to a tuple of str; NULL with an exception. Remembered for each class. */
PyObject *native_dataclass_fields(native_types *types, PyTypeObject *cls);

/* getattr(o, name), or no result: 1, 0, or -1 with an exception other than AttributeError. */
int native_optional_attribute(PyObject *o, PyObject *name, PyObject **value);

#endif /* PARAPACK_EXT_NATIVE_TYPES_H */
