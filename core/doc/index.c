/* Making the index: one pass, a stack of the open containers.
 *
 * Marks are made while it is not yet known whether their container will be large
 * enough for a record, and containers nest. But they also close in order: `pending` is a stack in
 * which each open container's marks lie above those of the containers around it, and when one
 * closes its own are on top: moved to `words`, or dropped.
 *
 * Records come into being as their containers close, so inner ones are before outer ones;
 * in_order() puts them right.
 */
#include <string.h>

#include "parapack/buffer.h"
#include "parapack/skip.h"
#include "parapack/utf8.h"

#include "doc/index.h"

enum { SIZES_DIFFER = UINT32_MAX };

/* An open container. Its items are values, or in a map pairs. */
typedef struct frame {
    uint64_t left;      /* values still to come */
    uint64_t cost;      /* of walking through what is complete of it, its header included */
    uint64_t marked;    /* `cost` at the last mark */
    uint32_t offset;    /* of its header */
    uint32_t items;     /* complete */
    uint32_t item;      /* where the current one begins */
    uint32_t item_size; /* of every complete item; 0 before the first; or SIZES_DIFFER */
    uint32_t pending;   /* marks that belong to the containers around it */
    uint32_t records;   /* records when it opened */
    bool map;
} frame;

typedef struct builder {
    const uint8_t *data;
    size_t size;
    size_t at;
    uint32_t max_depth;
    uint32_t depth;
    uint32_t tables;
    pp_buffer frames;  /* frame[depth] */
    pp_buffer pending; /* pp__mark */
    pp_buffer records; /* pp__record; `next` is the number of records when it opened */
    pp_buffer words;   /* uint32_t */
} builder;

static uint32_t count_of(const pp_buffer *buffer, size_t element)
{
    return (uint32_t)(buffer->size / element);
}

static frame *innermost(const builder *b)
{
    return (frame *)(void *)b->frames.data + b->depth - 1;
}

static bool push(pp_buffer *buffer, const void *element, size_t size)
{
    if (buffer->capacity - buffer->size < size && pp_buffer_reserve(buffer, size) != PP_OK)
        return false;
    memcpy(buffer->data + buffer->size, element, size);
    buffer->size += size;
    return true;
}

/* ---- containers that close ---------------------------------------------------- */

static bool add_words(builder *b, const frame *f)
{
    bool equal = f->items > 0 && f->item_size <= UINT32_MAX / 2;
    uint32_t marks = equal ? 0 : count_of(&b->pending, sizeof(pp__mark)) - f->pending;
    uint32_t head = equal ? f->item_size << 1 | 1 : marks << 1;
    if (!push(&b->words, &head, sizeof head))
        return false;
    if (f->map) {
        uint32_t table = f->items > TABLE_PAIRS ? ++b->tables : 0;
        if (!push(&b->words, &table, sizeof table))
            return false;
    }
    if (marks == 0)
        return true;
    const uint8_t *own = b->pending.data + f->pending * sizeof(pp__mark);
    return push(&b->words, own, marks * sizeof(pp__mark));
}

/* The innermost container is complete and behind it is b->at. `*cost` is what it
 * costs the one around it. */
static bool close_container(builder *b, uint64_t *cost)
{
    const frame *f = innermost(b);
    *cost = f->cost;
    if (f->cost >= RECORD_COST) {
        pp__record record = {f->offset, (uint32_t)b->at, f->records,
                             count_of(&b->words, sizeof(uint32_t))};
        if (!add_words(b, f) || !push(&b->records, &record, sizeof record))
            return false;
        *cost = JUMP_COST;
    }
    b->pending.size = f->pending * sizeof(pp__mark);
    b->frames.size -= sizeof(frame);
    b->depth--;
    return true;
}

/* An item of `f` is complete and ends before `at`. */
PP_INLINE bool item_complete(builder *b, frame *f, size_t at)
{
    uint32_t size = (uint32_t)at - f->item;
    if (size != f->item_size)
        f->item_size = f->items == 0 ? size : SIZES_DIFFER;
    f->items++;
    f->item = (uint32_t)at;
    if (PP_LIKELY(f->cost - f->marked < MARK_COST) || f->left == 0)
        return true;
    pp__mark mark = {f->items, f->item};
    f->marked = f->cost;
    return push(&b->pending, &mark, sizeof mark);
}

PP_INLINE bool value_complete(builder *b, frame *f, size_t at, uint64_t cost)
{
    f->cost += cost;
    f->left--;
    return (f->map && f->left & 1) || item_complete(b, f, at);
}

/* A value that costs `cost` ends before b->at; so may the containers around it. */
static bool end_value(builder *b, uint64_t cost)
{
    while (b->depth > 0) {
        frame *f = innermost(b);
        if (!value_complete(b, f, b->at, cost))
            return false;
        if (f->left > 0)
            return true;
        if (!close_container(b, &cost))
            return false;
    }
    return true;
}

/* ---- the pass ------------------------------------------------------------------- */

static bool open_container(builder *b, bool map, uint32_t length, size_t header)
{
    size_t behind = b->at + header;
    frame f = {.left = map ? (uint64_t)length * 2 : length,
               .cost = header,
               .marked = header,
               .offset = (uint32_t)b->at,
               .item = (uint32_t)behind,
               .pending = count_of(&b->pending, sizeof(pp__mark)),
               .records = count_of(&b->records, sizeof(pp__record)),
               .map = map};
    b->at = behind;
    b->depth++;
    return push(&b->frames, &f, sizeof f);
}

/* Scalars whose size the first byte tells, up to the container's last value. False: no
 * memory. What it leaves, pass_value() does. */
static bool pass_small(builder *b)
{
    frame *f = innermost(b);
    size_t at = b->at;
    bool good = true;
    while (good && f->left > 1 && at < b->size) {
        const uint8_t *p = b->data + at;
        size_t size = pp__whole_size[*p];
        if (size == 0 || size > b->size - at ||
            (pp__header_kind(*p) == PP__KIND_STR && !pp_utf8_is_ascii(p + 1, size - 1)))
            break;
        at += size;
        good = value_complete(b, f, at, size);
    }
    b->at = at;
    return good;
}

/* One value, or the header of a container that is not empty. */
static pp_status pass_value(builder *b)
{
    const uint8_t *p = b->data + b->at;
    size_t left = b->size - b->at;
    if (left == 0)
        return PP_ERR_FORMAT;
    pp__kind kind = pp__header_kind(*p);
    size_t size = pp__header_size(*p);
    if (kind == PP__KIND_NEVER || size > left)
        return PP_ERR_FORMAT;
    uint32_t length = pp__header_length(p);
    if (pp__is_container(kind)) {
        if (b->depth == b->max_depth)
            return PP_ERR_FORMAT;
        if (length > 0)
            return open_container(b, kind == PP__KIND_MAP, length, size) ? PP_OK : PP_ERR_NOMEM;
    } else {
        if (length > left - size ||
            (kind == PP__KIND_STR && pp_utf8_validate(p + size, length, NULL) != PP_OK))
            return PP_ERR_FORMAT;
        size += length;
    }
    b->at += size;
    return end_value(b, size) ? PP_OK : PP_ERR_NOMEM;
}

static pp_status pass_all(builder *b)
{
    do {
        if (b->depth > 0 && !pass_small(b))
            return PP_ERR_NOMEM;
        pp_status status = pass_value(b);
        if (status != PP_OK)
            return status;
    } while (b->depth > 0);
    return b->at == b->size ? PP_OK : PP_ERR_FORMAT;
}

/* ---- what comes of it ------------------------------------------------------------- */

/* From the order in which containers end to the order in which they begin. Record number
 * j as they end, with `start` records complete when it began, holds those from
 * start to j - 1; before it begin those `start` and the records that hold it, which
 * the way back through the records meets first. */
static void in_order(const pp__record *ended, uint32_t count, pp__record *sorted)
{
    uint32_t around[PP_MAX_DEPTH]; /* `start` of the records that hold the present one */
    uint32_t depth = 0;
    for (uint32_t j = count; j-- > 0;) {
        uint32_t start = ended[j].next;
        while (depth > 0 && around[depth - 1] > j)
            depth--;
        uint32_t place = start + depth;
        sorted[place] = ended[j];
        sorted[place].next = place + (j - start + 1);
        around[depth++] = start;
    }
    sorted[count] = (pp__record){UINT32_MAX, UINT32_MAX, count, 0};
}

static pp_status finish(const builder *b, const pp_allocator *allocator, pp_tree_index **result)
{
    uint32_t records = count_of(&b->records, sizeof(pp__record));
    uint32_t words = count_of(&b->words, sizeof(uint32_t));
    *result = NULL;
    if (records == 0)
        return PP_OK;
    size_t size = pp__index_size(b->tables, records, words);
    pp_tree_index *index = allocator->resize(allocator->context, NULL, 0, size);
    if (index == NULL)
        return PP_ERR_NOMEM;
    index->allocator = allocator;
    atomic_init(&index->table_bytes, 0);
    index->table_count = b->tables;
    index->record_count = records;
    index->word_count = words;
    index->unused = 0;
    for (uint32_t i = 0; i < b->tables; i++)
        atomic_init(&pp__index_tables(index)[i], NULL);
    in_order((const pp__record *)(void *)b->records.data, records,
             (pp__record *)pp__index_records(index));
    memcpy((uint32_t *)pp__index_words(index), b->words.data, b->words.size);
    *result = index;
    return PP_OK;
}

pp_status pp__index_build(const uint8_t *data, size_t size, uint32_t max_depth,
                          const pp_allocator *allocator, pp_tree_index **index)
{
    builder b = {.data = data, .size = size, .max_depth = max_depth};
    pp_buffer_init(&b.frames, allocator);
    pp_buffer_init(&b.pending, allocator);
    pp_buffer_init(&b.records, allocator);
    pp_buffer_init(&b.words, allocator);
    pp_status status = pass_all(&b);
    if (status == PP_OK)
        status = finish(&b, allocator, index);
    pp_buffer_deinit(&b.frames);
    pp_buffer_deinit(&b.pending);
    pp_buffer_deinit(&b.records);
    pp_buffer_deinit(&b.words);
    return status;
}

void pp__index_free(pp_tree_index *index)
{
    size_t size = pp__index_size(index->table_count, index->record_count, index->word_count);
    index->allocator->release(index->allocator->context, index, size);
}
