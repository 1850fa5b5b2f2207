/* The index of a tree: which of its containers are large, and where in them things are.
 *
 * Walking a value costs its bytes, except that a container with a record is
 * stepped over. A container gets a record when walking through it would cost
 * RECORD_COST or more, counting JUMP_COST for each one inside that already has a record. So a byte
 * is walked for one record only, however deep it lies, and the number of records is bounded:
 *
 *     records <= bytes / (RECORD_COST - JUMP_COST)
 *
 * In a container with a record, a mark says where an item begins, every MARK_COST of
 * walking or a little more; where all its items have the same size there are no marks, only the
 * size.
 *
 *     marks <= (bytes + records * JUMP_COST) / MARK_COST
 *
 * With 20 to 32 bytes a record (with its part of `words` and `tables`) and 8 a mark, all together
 * is less than a tenth of the bytes.
 */
#ifndef PP_DOC_INDEX_H
#define PP_DOC_INDEX_H

#include <stdatomic.h>

#include "parapack/tree.h"
#include "wire/header.h"

/* The hostile build has everything in miniature. (There the index is larger than the bytes.) */
#ifdef PP_HOSTILE
enum { PP__INDEX_MIN = 8, RECORD_COST = 12, JUMP_COST = 3, MARK_COST = 5, TABLE_PAIRS = 2 };
#else
enum {
    PP__INDEX_MIN = PP_TREE_INDEX_MIN,
    RECORD_COST = 640,
    JUMP_COST = 64,
    MARK_COST = 256,
    TABLE_PAIRS = 16 /* maps of more pairs have a table, if a record */
};
#endif

/* A large container. Records are in the order of their offsets, which is the order in
 * which the containers begin. */
typedef struct pp__record {
    uint32_t offset; /* of its header */
    uint32_t end;    /* behind it */
    uint32_t next;   /* the first record that is not inside it */
    uint32_t words;  /* where in the index's words it goes on */
} pp__record;

/* What the words of a record are:
 *   [0]  size << 1 | 1: every item (a map: every pair) takes `size` bytes; or
 *        marks << 1
 *   [1]  of a map only: 1 + the number of its table; 0 if it has none
 *   then the marks, two words each: how many items are before, and the offset behind them */
typedef struct pp__mark {
    uint32_t item;
    uint32_t offset;
} pp__mark;

typedef struct pp__table pp__table; /* table.h */

/* Followed in one block by: _Atomic(pp__table *) tables[table_count]; pp__record
 * records[record_count + 1], the last with offset UINT32_MAX; uint32_t words[word_count]. */
typedef struct pp_tree_index {
    const pp_allocator *allocator;
    _Atomic size_t table_bytes; /* of all tables; a statistic */
    uint32_t table_count;
    uint32_t record_count;
    uint32_t word_count;
    uint32_t unused;
} pp_tree_index;

PP_INLINE _Atomic(pp__table *) *pp__index_tables(pp_tree_index *index)
{
    return (_Atomic(pp__table *) *)(index + 1);
}

PP_INLINE const pp__record *pp__index_records(const pp_tree_index *index)
{
    const char *behind = (const char *)(index + 1);
    return (const pp__record *)(behind + index->table_count * sizeof(_Atomic(pp__table *)));
}

PP_INLINE const uint32_t *pp__index_words(const pp_tree_index *index)
{
    return (const uint32_t *)(pp__index_records(index) + index->record_count + 1);
}

PP_INLINE size_t pp__index_size(uint32_t tables, uint32_t records, uint32_t words)
{
    return sizeof(pp_tree_index) + tables * sizeof(_Atomic(pp__table *)) +
           ((size_t)records + 1) * sizeof(pp__record) + (size_t)words * sizeof(uint32_t);
}

/* Validates the value and makes its index, for pp_tree_init. `size` is at least 1 and below
 * 2**32. On PP_OK `*index` may be NULL: nothing in it is large. PP_ERR_NOMEM; PP_ERR_FORMAT for
 * whatever is wrong with the bytes (pp_validate tells what), or bytes behind the value. */
PP_NODISCARD pp_status pp__index_build(const uint8_t *data, size_t size, uint32_t max_depth,
                                       const pp_allocator *allocator, pp_tree_index **index);

void pp__index_free(pp_tree_index *index);

#endif /* PP_DOC_INDEX_H */
