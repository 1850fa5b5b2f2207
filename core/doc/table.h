/* The hash table of one large map, made when something is first looked up in it.
 *
 * Open addressing with linear probing; four bytes a slot, four slots for three pairs. A
 * slot is 0, or where the key is (its offset from the map's header, which is never 0), and in the
 * bits that such an offset does not need, bits of the key's hash, which spare most comparisons. Of
 * equal keys the table has the last.
 */
#ifndef PP_DOC_TABLE_H
#define PP_DOC_TABLE_H

#include "doc/index.h"
#include "doc/key.h"

/* Looks `*key` up in the table `number` of the tree, which is that of `map`, a container with a
 * record. On PP_OK `*at` is where the key is in the tree, or 0: there is none. PP_ERR_NOMEM: the
 * table could not be made. */
PP_NODISCARD pp_status pp__table_find(pp_node map, uint32_t number, const pp__key *key,
                                      uint32_t *at);

/* Frees the tables of an index. */
void pp__tables_free(pp_tree_index *index);

/* Frees them while others may still look at them, for an allocator that knows when that ends: makes
 * sure that no table is made from now on. */
void pp__tables_close(pp_tree_index *index);

#endif /* PP_DOC_TABLE_H */
