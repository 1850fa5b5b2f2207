#include "pack_options.h"

#include "pack_native.h"

#define FIELD(name) offsetof(pack_options, name)

const option_spec pack_option_specs[] = {
    {"default", OPTION_CALLABLE, FIELD(on_default)},
    {"use_bin_type", OPTION_BOOL, FIELD(use_bin_type)},
    {"strict_types", OPTION_BOOL, FIELD(strict_types)},
    {"datetime", OPTION_BOOL, FIELD(datetime)},
    {"use_single_float", OPTION_BOOL, FIELD(use_single_float)},
    {"autoreset", OPTION_BOOL, FIELD(autoreset)},
    {"unicode_errors", OPTION_TEXT, FIELD(unicode_errors)},
    {"buf_size", OPTION_SSIZE, FIELD(buf_size)},
    {"atomic", OPTION_BOOL, FIELD(atomic)},
    {"native", OPTION_OBJECT, FIELD(native)},
    {NULL, 0, 0},
};

void pack_options_init(pack_options *options)
{
    *options = (pack_options){.use_bin_type = true, .autoreset = true};
}

/* Options that need more than a conversion. */
static int finish(pack_options *options)
{
    if (options->buf_size < 0) {
        PyErr_Format(PyExc_ValueError, "buf_size must not be negative, but is %zd",
                     options->buf_size);
        return -1;
    }
    if (options->native && native_mask_from_object(options->native, &options->native_mask))
        return -1;
    if (options->native_mask && options->use_single_float)
        options->native_mask |= NATIVE_NO_ENCODING;
    return 0;
}

int pack_options_vector(module_state *st, pack_options *options, const char *const *parameters,
                        PyObject *const *values, PyObject *kwnames, const char *function)
{
    if (options_set_vector(options, pack_option_specs, st->pack_option_names, parameters, values,
                           kwnames, function))
        return -1;
    return finish(options);
}

int pack_options_dict(module_state *st, pack_options *options, PyObject *dict)
{
    if (options_set_dict(options, pack_option_specs, st->pack_option_names, dict, "Packer"))
        return -1;
    return finish(options);
}
