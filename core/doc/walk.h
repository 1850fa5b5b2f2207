/* Walking through a tree whose bytes are known to be good: nothing is checked. */
#ifndef PP_DOC_WALK_H
#define PP_DOC_WALK_H

#include "doc/index.h"

/* Where one is. `record` is the first one whose offset is not below `at`. */
typedef struct pp__walk {
    const uint8_t *data;
    const pp__record *records;
    uint32_t at;
    uint32_t record;
} pp__walk;

/* The records of a tree without an index: only the one that ends them. */
extern const pp__record pp__no_records[1];

PP_INLINE const pp__record *pp__tree_records(const pp_tree *tree)
{
    return tree->index == NULL ? pp__no_records : pp__index_records(tree->index);
}

PP_INLINE pp__walk pp__walk_from(pp_node node)
{
    return (pp__walk){node.tree->data, pp__tree_records(node.tree), node.offset, node.record};
}

PP_INLINE pp_node pp__walk_node(const pp__walk *w, const pp_tree *tree)
{
    return (pp_node){tree, w->at, w->record};
}

/* What a header says: how many values are in the container; 0 for a scalar. */
PP_INLINE uint64_t pp__values_in(const uint8_t *p)
{
    pp__kind kind = pp__header_kind(*p);
    if (!pp__is_container(kind))
        return 0;
    return (uint64_t)pp__header_length(p) << (kind == PP__KIND_MAP);
}

/* Passes `count` values with everything in them. */
PP_INLINE void pp__walk_pass(pp__walk *w, uint64_t count)
{
    const uint8_t *data = w->data;
    uint32_t at = w->at;
    while (count > 0) {
        const uint8_t *p = data + at;
        uint32_t size = pp__whole_size[*p];
        count--;
        if (PP_LIKELY(size > 0)) {
            at += size;
            continue;
        }
        pp__kind kind = pp__header_kind(*p);
        size = (uint32_t)pp__header_size(*p);
        if (!pp__is_container(kind)) {
            at += size + pp__header_length(p);
        } else if (w->records[w->record].offset == at) {
            at = w->records[w->record].end;
            w->record = w->records[w->record].next;
        } else {
            at += size;
            count += (uint64_t)pp__header_length(p) << (kind == PP__KIND_MAP);
        }
    }
    w->at = at;
}

/* The first record of [low, high) whose offset is not below `offset`; `high` if none. */
uint32_t pp__record_search(const pp__record *records, uint32_t low, uint32_t high, uint32_t offset);

#endif /* PP_DOC_WALK_H */
