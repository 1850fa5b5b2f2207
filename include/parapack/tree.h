/* parapack/tree.h - a frozen MessagePack value: any part of it in a few steps, nothing decoded
 * that is not touched.
 *
 *     pp_tree tree;
 *     size_t where;
 *     if (pp_tree_init(&tree, data, size, PP_MAX_DEPTH, NULL, &where) != PP_OK)
 *         ...
 *     pp_node orders, order, price;
 *     if (pp_node_find_str(pp_tree_root(&tree), "orders", 6, &orders) &&
 *         pp_node_at(orders, 70000, &order) && pp_node_find_str(order, "price", 5, &price)) {
 *         pp_reader r;
 *         pp_node_read(price, &r);
 *         double value = pp_read_double(&r);
 *         ...
 *     }
 *     pp_tree_deinit(&tree);
 *
 * The bytes are validated once and stay as they are; a tree adds an index of its large
 * containers, at most a tenth of the bytes (nothing below PP_TREE_INDEX_MIN bytes). A small
 * container is walked, which is at most a few hundred bytes; in a large one an item is found from
 * the nearest mark before it. A large map gets a hash table when something is first looked up in
 * it: see pp_node_find.
 *
 * Ownership: a tree borrows the bytes, which must neither change nor go before
 * pp_tree_deinit; a node is two words, borrows from its tree and is never released.
 * Thread safety: between init and deinit a tree never changes (its tables apart, which take care of
 * themselves): every function that takes a const tree, a node, or a cursor of
 * one's own, may be called by any number of threads at once.
 */
#ifndef PARAPACK_TREE_H
#define PARAPACK_TREE_H

#include "parapack/alloc.h"
#include "parapack/config.h"
#include "parapack/reader.h"
#include "parapack/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PP_TREE_INDEX_MIN = 1280 /* bytes of the smallest value that has an index */
};

/* The fields are for reading only. May be moved to another place as a whole while no node or
 * cursor of it is in use. */
typedef struct pp_tree {
    const uint8_t *data;         /* the value; not owned */
    size_t size;                 /* its bytes, all of them */
    struct pp_tree_index *index; /* owned; NULL for small values */
} pp_tree;

/* A value in a tree: the root, or something in it. The fields are for the library. */
typedef struct pp_node {
    const pp_tree *tree;
    uint32_t offset; /* of its first byte */
    uint32_t record; /* in the index: the first container not before `offset` */
} pp_node;

/* ---- the whole ---------------------------------------------------------------- */

/* Validates the `size` bytes at `data`, which must be exactly one value (structure, nesting of at
 * most max_depth containers, UTF-8 of every str; timestamps are not looked into), and makes the
 * index. One pass; allocates in proportion to `size`, never to what a header claims. `allocator`:
 * NULL for malloc. Otherwise it must outlive the tree, and bear calls from several threads at once
 * where the tree is used by several. On an error the tree is not to be used, or deinitialised, and
 * `*error_offset` (which may be NULL) is where the bytes are wrong: what pp_validate finds, as
 * there; PP_ERR_EXTRA, bytes behind the value; PP_ERR_TOO_LONG, more than 2**32-1 bytes,
 * PP_ERR_NOMEM, PP_ERR_ARGUMENT (max_depth above PP_MAX_DEPTH): 0. */
PP_NODISCARD PP_API pp_status pp_tree_init(pp_tree *tree, const uint8_t *data, size_t size,
                                           uint32_t max_depth, const pp_allocator *allocator,
                                           size_t *error_offset);

/* Frees the index and the tables. Nobody uses the tree any more. */
PP_API void pp_tree_deinit(pp_tree *tree);

/* Bytes that the tree has allocated: its index in `*index`, the hash tables made so
 * far in `*tables`. Either may be NULL. */
PP_API void pp_tree_memory(const pp_tree *tree, size_t *index, size_t *tables);

/* The outermost value. */
PP_API pp_node pp_tree_root(const pp_tree *tree);

/* The value whose first byte is `offset`, as told by `node.offset` earlier. The
 * caller knows that a value begins there. */
PP_API pp_node pp_tree_node(const pp_tree *tree, uint32_t offset);

/* ---- one value ------------------------------------------------------------------ */

/* Its type; exact for numbers, as pp_read_token tells it. */
PP_API pp_type pp_node_type(pp_node node);

/* The value: all of a scalar, the type and count of a container. */
PP_API void pp_node_token(pp_node node, pp_token *token);

/* Prepares `*reader` to read from `node` to the end of the tree, with typed reads and sticky
 * errors. */
PP_API void pp_node_read(pp_node node, pp_reader *reader);

/* The encoded value with everything in it: a part of the tree's bytes. A large
 * container is not walked. */
PP_API pp_view pp_node_bytes(pp_node node);

/* ---- containers ------------------------------------------------------------------- */

/* Items of an array, pairs of a map (each pair counts, also where keys are equal); 0 for a scalar.
 */
PP_API size_t pp_node_count(pp_node node);

/* Item `i`, from 0, of an array. False: no array, or no such item; `*item` is as it was. */
PP_API bool pp_node_at(pp_node array, size_t i, pp_node *item);

/* Pair `i`, from 0, in the order of the bytes; `value` may be NULL. False: no map, or no such pair.
 */
PP_API bool pp_node_pair_at(pp_node map, size_t i, pp_node *key, pp_node *value);

/* The value whose key equals `*key`; where several do, the last, as if the map were put into a
 * Python dict. False: no map, or no such key; `*value` is as it was.
 *
 * Equal are: nil and nil; numbers and booleans of the same numeric value, whatever their
 * types (1, 1.0, true), but a NaN equals nothing; strs, and bins, of the same bytes, never a str
 * and a bin; timestamps of the same time; other exts of the same type and bytes. A container equals
 * nothing.
 *
 * A map of more than 16 pairs that the index knows is not searched: the first lookup in
 * it, in time proportional to its bytes, makes a hash table of about 5 bytes a pair, kept until
 * pp_tree_deinit (without memory for it the map is walked each time). The hash is keyed with
 * a secret of the process: whoever makes a map cannot make its lookups slow. */
PP_API bool pp_node_find(pp_node map, const pp_token *key, pp_node *value);

/* The same for a str of `size` bytes. */
PP_API bool pp_node_find_str(pp_node map, const char *key, size_t size, pp_node *value);

/* Pairs of a map that no later pair with an equal key overrides: how large a Python dict of them
 * would be, if keys that equal nothing count each. 0 for other values. Looks every key up. */
PP_API size_t pp_node_distinct(pp_node map);

/* Whether two scalars are equal as keys are in pp_node_find. A container equals nothing. */
PP_API bool pp_token_equal(const pp_token *a, const pp_token *b);

/* Whether two values are equal, of the same tree or of two: scalars as above; arrays item by item;
 * maps as Python dicts, without regard to order, of equal keys the last. A map with a key
 * that equals nothing equals no map. Uses the C stack in proportion to the nesting: about
 * 200 KiB for PP_MAX_DEPTH levels. */
PP_API bool pp_node_equal(pp_node a, pp_node b);

/* ---- in order ----------------------------------------------------------------------- */

/* Where one is in a container. Belongs to one thread at a time; never released. */
typedef struct pp_cursor {
    pp_node next;  /* the next value, if `left` > 0 */
    uint64_t left; /* values still to come: items, or keys and values */
} pp_cursor;

/* Begins before the first item of an array, or the first key of a map, whose keys and
 * values come in turn. A scalar has none. */
PP_API pp_cursor pp_node_cursor(pp_node container);

/* The next value into `*node`; false, and `*node` as it was, behind the last. Passing a
 * large container takes one step. */
PP_API bool pp_cursor_next(pp_cursor *cursor, pp_node *node);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_TREE_H */
