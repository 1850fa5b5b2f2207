/* unpack_options.h - reading the options of unpackb and Unpacker. */
#ifndef PARAPACK_EXT_UNPACK_OPTIONS_H
#define PARAPACK_EXT_UNPACK_OPTIONS_H

#include "options.h"
#include "unpack.h"

extern const option_spec unpack_option_specs[];

enum { UNPACKER_BUFFER_SIZE = 100 * 1024 * 1024 }; /* bytes: the default of max_buffer_size */

/* The defaults; lengths are -1, which unpack_options_limits() replaces. */
void unpack_options_init(unpack_options *options);

/* From the keywords of unpackb, except `parameters` (see options_set_vector()), or
 * of Unpacker, as a dict or NULL. References are borrowed from the arguments. 0, or
 * -1 with an exception. */
int unpack_options_vector(module_state *st, unpack_options *options, const char *const *parameters,
                          PyObject *const *values, PyObject *kwnames, const char *function);
int unpack_options_dict(module_state *st, unpack_options *options, PyObject *dict);

/* Limits that were not given become what `size` bytes of input can hold. */
void unpack_options_limits(unpack_options *options, Py_ssize_t size);

/* The object that [data, data + size) is, all of it: a new reference, or NULL with an exception
 * (ExtraData where bytes are left over). The bytes hold still meanwhile. (unpack_functions.c) */
PyObject *unpack_whole(module_state *st, const unpack_options *options, const uint8_t *data,
                       size_t size);

#endif /* PARAPACK_EXT_UNPACK_OPTIONS_H */
