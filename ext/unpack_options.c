#include "unpack_options.h"

#define FIELD(name) offsetof(unpack_options, name)

const option_spec unpack_option_specs[] = {
    {"raw", OPTION_BOOL, FIELD(raw)},
    {"use_list", OPTION_BOOL, FIELD(use_list)},
    {"strict_map_key", OPTION_BOOL, FIELD(strict_map_key)},
    {"object_hook", OPTION_CALLABLE, FIELD(object_hook)},
    {"ext_hook", OPTION_CALLABLE, FIELD(ext_hook)},
    {"timestamp", OPTION_INT, FIELD(timestamp)},
    {"list_hook", OPTION_CALLABLE, FIELD(list_hook)},
    {"object_pairs_hook", OPTION_CALLABLE, FIELD(object_pairs_hook)},
    {"unicode_errors", OPTION_TEXT, FIELD(unicode_errors)},
    {"max_str_len", OPTION_SSIZE, FIELD(max_str_len)},
    {"max_bin_len", OPTION_SSIZE, FIELD(max_bin_len)},
    {"max_array_len", OPTION_SSIZE, FIELD(max_array_len)},
    {"max_map_len", OPTION_SSIZE, FIELD(max_map_len)},
    {"max_ext_len", OPTION_SSIZE, FIELD(max_ext_len)},
    {"atomic", OPTION_BOOL, FIELD(atomic)},
    /* Unpacker only, from here on. */
    {"file_like", OPTION_OBJECT, FIELD(file_like)},
    {"read_size", OPTION_SSIZE, FIELD(read_size)},
    {"max_buffer_size", OPTION_SSIZE, FIELD(max_buffer_size)},
    {NULL, 0, 0},
};

void unpack_options_init(unpack_options *options)
{
    *options = (unpack_options){
        .max_str_len = -1,
        .max_bin_len = -1,
        .max_array_len = -1,
        .max_map_len = -1,
        .max_ext_len = -1,
        .max_buffer_size = UNPACKER_BUFFER_SIZE,
        .use_list = true,
        .strict_map_key = true,
    };
}

static int check(unpack_options *options)
{
    if (options->object_hook && options->object_pairs_hook) {
        PyErr_SetString(PyExc_TypeError,
                        "object_pairs_hook and object_hook are mutually exclusive.");
        return -1;
    }
    if (options->timestamp < 0 || options->timestamp > 3) {
        PyErr_Format(PyExc_ValueError, "timestamp must be 0..3, not %d", options->timestamp);
        return -1;
    }
    if (options->unicode_errors &&
        PyUnicode_CompareWithASCIIString(options->unicode_errors, "strict") == 0)
        options->unicode_errors = NULL;
    return 0;
}

int unpack_options_vector(module_state *st, unpack_options *options, const char *const *parameters,
                          PyObject *const *values, PyObject *kwnames, const char *function)
{
    if (options_set_vector(options, unpack_option_specs, st->unpack_option_names, parameters,
                           values, kwnames, function))
        return -1;
    if (options->file_like || options->read_size ||
        options->max_buffer_size != UNPACKER_BUFFER_SIZE) {
        PyErr_Format(PyExc_TypeError,
                     "%s() takes no file_like, read_size or max_buffer_size; Unpacker does",
                     function);
        return -1;
    }
    return check(options);
}

int unpack_options_dict(module_state *st, unpack_options *options, PyObject *dict)
{
    if (options_set_dict(options, unpack_option_specs, st->unpack_option_names, dict, "Unpacker"))
        return -1;
    return check(options);
}

static void limit(Py_ssize_t *length, Py_ssize_t size)
{
    if (*length < 0)
        *length = size;
}

void unpack_options_limits(unpack_options *options, Py_ssize_t size)
{
    limit(&options->max_str_len, size);
    limit(&options->max_bin_len, size);
    limit(&options->max_array_len, size);
    limit(&options->max_map_len, size / 2);
    limit(&options->max_ext_len, size);
}
