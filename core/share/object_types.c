/* Which kinds are objects, and what each can do: one line for each kind. */
#include "share/counter.h"
#include "share/dict.h"
#include "share/list.h"
#include "share/object.h"
#include "share/queue.h"
#include "share/set.h"
#include "share/value.h"

/* Relaxed: what is pointed to is constant, and written before the program starts. */
_Atomic(const pp_object_type *) pp_object_types_[16] = {
    [PP_KIND_INT] = &pp_int_type,     [PP_KIND_UINT] = &pp_uint_type,
    [PP_KIND_FLOAT] = &pp_float_type, [PP_KIND_STR] = &pp_str_type,
    [PP_KIND_BIN] = &pp_bin_type,     [PP_KIND_TIMESTAMP] = &pp_timestamp_type,
    [PP_KIND_EXT] = &pp_ext_type,     [PP_KIND_LIST] = &pp_list_type,
    [PP_KIND_DICT] = &pp_dict_type,   [PP_KIND_SET] = &pp_set_type,
    [PP_KIND_QUEUE] = &pp_queue_type, [PP_KIND_COUNTER] = &pp_counter_type,
};

const pp_object_type *pp_object_type_of(pp_kind kind)
{
    return atomic_load_explicit(&pp_object_types_[kind & 15], memory_order_relaxed);
}

void pp_object_type_set(const pp_object_type *type)
{
    atomic_store_explicit(&pp_object_types_[type->kind & 15], type, memory_order_relaxed);
}

const char *pp_kind_name(pp_kind kind)
{
    static const char *const names[16] = {"none", "nil", "bool",      "int",    "uint", "float",
                                          "str",  "bin", "timestamp", "ext",    "doc",  "list",
                                          "dict", "set", "queue",     "counter"};
    return (unsigned)kind < 16 ? names[kind] : "?";
}
