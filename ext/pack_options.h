/* pack_options.h - reading the options of packb and Packer. */
#ifndef PARAPACK_EXT_PACK_OPTIONS_H
#define PARAPACK_EXT_PACK_OPTIONS_H

#include "options.h"
#include "pack.h"

extern const option_spec pack_option_specs[];

/* The defaults of msgpack-python. */
void pack_options_init(pack_options *options);

/* From a vectorcall's keywords, except `parameters` (see options_set_vector());
 * from a dict or NULL. References are borrowed from the arguments. 0, or -1 with
 * an exception. */
int pack_options_vector(module_state *st, pack_options *options, const char *const *parameters,
                        PyObject *const *values, PyObject *kwnames, const char *function);
int pack_options_dict(module_state *st, pack_options *options, PyObject *dict);

#endif /* PARAPACK_EXT_PACK_OPTIONS_H */
