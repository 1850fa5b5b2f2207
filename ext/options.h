/* options.h - keyword options of the functions and types, from tables.
 *
 * msgpack-python's options are the same for packb and Packer, and for unpackb
 * and Unpacker; one table each says their names, kinds and places.
 */
#ifndef PARAPACK_EXT_OPTIONS_H
#define PARAPACK_EXT_OPTIONS_H

#include "pycompat.h"

typedef enum option_kind {
    OPTION_BOOL,     /* bool: any object, by its truth */
    OPTION_INT,      /* int: an integer */
    OPTION_SSIZE,    /* Py_ssize_t: an integer */
    OPTION_CALLABLE, /* PyObject *, borrowed: a callable, or NULL for None */
    OPTION_TEXT,     /* PyObject *, borrowed: a str, or NULL for None */
    OPTION_OBJECT,   /* PyObject *, borrowed: anything */
} option_kind;

typedef struct option_spec {
    const char *name;
    option_kind kind;
    size_t offset; /* of the field in the options struct */
} option_spec;

/* The interned names of a table that ends with a NULL name, as a new tuple. */
PyObject *options_names(const option_spec *specs);

/* Sets the field of `options` that `key` names. 0, or -1 with TypeError (an
 * unknown key, a wrong type) or whatever converting the value raised. */
int options_set(void *options, const option_spec *specs, PyObject *names, PyObject *key,
                PyObject *value, const char *function);

/* Sets fields from a vectorcall's keyword arguments, except those that
 * arguments_bind() has taken (`parameters`, or NULL); or from a dict or NULL. */
int options_set_vector(void *options, const option_spec *specs, PyObject *names,
                       const char *const *parameters, PyObject *const *values, PyObject *kwnames,
                       const char *function);
int options_set_dict(void *options, const option_spec *specs, PyObject *names, PyObject *dict,
                     const char *function);

/* The arguments of a vectorcall for `parameters`, names that end with NULL, by
 * position or by keyword: `bound` gets a borrowed reference for each, NULL for one
 * that is missing. The first `required` may not miss. Keywords of other names are
 * left alone where `options` follow, and an error elsewhere. 0, or -1 with TypeError. */
int arguments_bind(const char *function, const char *const *parameters, Py_ssize_t required,
                   bool options, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                   PyObject **bound);

#endif /* PARAPACK_EXT_OPTIONS_H */
