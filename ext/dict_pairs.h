/* dict_pairs.h - the pairs of a dict, read where they lie.
 *
 * PyDict_Next() costs as much as packing what it finds: a call for each pair, and
 * the kind of the table asked for again each time. A dict made from a decoded or
 * literal {"key": value} keeps its pairs in one array, in order, with holes where
 * some were deleted; its keys are all str. PyDictObject is in the public
 * headers; the head of its table is not, and is declared here as CPython 3.11 to
 * 3.15 have it (Include/internal/pycore_dict.h). On any other version, and
 * for any other kind of dict, PyDict_Next() is used.
 *
 * Thread safety: with the GIL, or under the dict's lock.
 */
#ifndef PARAPACK_EXT_DICT_PAIRS_H
#define PARAPACK_EXT_DICT_PAIRS_H

#include "pycompat.h"

/* PyDictUnicodeEntry. `value` is NULL in a hole. */
typedef struct dict_pair {
    PyObject *key, *value;
} dict_pair;

#if PY_VERSION_HEX < 0x03100000

/* The head of PyDictKeysObject. */
struct dict_table {
    Py_ssize_t references;
    uint8_t log2_size;
    uint8_t log2_index_bytes;
    uint8_t kind;
#if FREE_THREADED
    PyMutex mutex;
#endif
    uint32_t version;
    Py_ssize_t usable;
    Py_ssize_t entries; /* so many pairs, holes among them */
    char indices[];     /* 2**log2_index_bytes bytes, and behind them the pairs */
};

enum { DICT_TABLE_OF_STR = 1 }; /* kind: DICT_KEYS_UNICODE */

/* The pairs of `dict`, borrowed until it changes, and how many there are with the
 * holes. NULL where they must be asked for with PyDict_Next(), whose position is
 * the index here. */
PP_INLINE const dict_pair *dict_pairs(PyObject *dict, Py_ssize_t *count)
{
    const PyDictObject *d = (const PyDictObject *)dict;
    const struct dict_table *table = (const struct dict_table *)d->ma_keys;
    if (d->ma_values || table->kind != DICT_TABLE_OF_STR)
        return NULL;
    *count = table->entries;
    return (const dict_pair *)(const void *)(table->indices +
                                             ((size_t)1 << table->log2_index_bytes));
}

#else

PP_INLINE const dict_pair *dict_pairs(PyObject *dict, Py_ssize_t *count)
{
    (void)dict;
    *count = 0;
    return NULL;
}

#endif

#endif /* PARAPACK_EXT_DICT_PAIRS_H */
