/* Trees and nodes: see parapack/tree.h. */
#include <string.h>

#include "parapack/skip.h"

#include "doc/table.h"
#include "doc/walk.h"

enum { SHORT_STR = 31 /* bytes of a fixstr at the most */ };

const pp__record pp__no_records[1] = {{UINT32_MAX, UINT32_MAX, 0, 0}};

/* ---- the whole ---------------------------------------------------------------- */

pp_status pp_tree_init(pp_tree *tree, const uint8_t *data, size_t size, uint32_t max_depth,
                       const pp_allocator *allocator, size_t *error_offset)
{
    size_t unused, *where = error_offset != NULL ? error_offset : &unused;
    pp_status status = PP_OK;
    *where = 0;
    tree->data = data;
    tree->size = size;
    tree->index = NULL;
    if (size > UINT32_MAX)
        return PP_ERR_TOO_LONG;
    if (max_depth > PP_MAX_DEPTH)
        return PP_ERR_ARGUMENT;
    if (size >= PP__INDEX_MIN) {
        status =
            pp__index_build(data, size, max_depth,
                            allocator != NULL ? allocator : pp_malloc_allocator(), &tree->index);
        if (status == PP_OK || status == PP_ERR_NOMEM)
            return status;
    }
    /* Small, or not good: this one tells what is wrong, and where. */
    status = pp_validate(data, size, max_depth, PP_CHECK_UTF8, where);
    return status == PP_OK && *where < size ? PP_ERR_EXTRA : status;
}

void pp_tree_deinit(pp_tree *tree)
{
    if (tree->index != NULL) {
        pp__tables_free(tree->index);
        pp__index_free(tree->index);
    }
    tree->index = NULL;
}

void pp_tree_memory(const pp_tree *tree, size_t *index, size_t *tables)
{
    pp_tree_index *i = tree->index;
    if (index != NULL)
        *index = i == NULL ? 0 : pp__index_size(i->table_count, i->record_count, i->word_count);
    if (tables != NULL) /* relaxed: a statistic */
        *tables = i == NULL ? 0 : atomic_load_explicit(&i->table_bytes, memory_order_relaxed);
}

pp_node pp_tree_root(const pp_tree *tree)
{
    return (pp_node){tree, 0, 0};
}

pp_node pp_tree_node(const pp_tree *tree, uint32_t offset)
{
    uint32_t records = tree->index == NULL ? 0 : tree->index->record_count;
    return (pp_node){tree, offset, pp__record_search(pp__tree_records(tree), 0, records, offset)};
}

/* ---- one value ------------------------------------------------------------------ */

static const uint8_t *bytes_at(pp_node node)
{
    return node.tree->data + node.offset;
}

pp_type pp_node_type(pp_node node)
{
    pp_token token;
    pp_node_token(node, &token);
    return token.type;
}

void pp_node_token(pp_node node, pp_token *token)
{
    pp_reader reader;
    pp_node_read(node, &reader);
    bool good = pp_read_token(&reader, token);
    (void)good; /* the tree is valid, and the reader has no container open */
}

void pp_node_read(pp_node node, pp_reader *reader)
{
    pp_reader_init(reader, bytes_at(node), node.tree->size - node.offset, PP_MAX_DEPTH, 0);
}

pp_view pp_node_bytes(pp_node node)
{
    pp__walk w = pp__walk_from(node);
    pp__walk_pass(&w, 1);
    return (pp_view){bytes_at(node), w.at - node.offset};
}

/* ---- searching the index ----------------------------------------------------------- */

/* Large containers tend to be of one kind, so a first guess in proportion is near; from there in
 * steps that double, then by halving. */
uint32_t pp__record_search(const pp__record *records, uint32_t low, uint32_t high, uint32_t offset)
{
    uint32_t step = 1;
    if (low >= high || records[low].offset >= offset)
        return low;
    if (records[high - 1].offset < offset)
        return high;
    /* From here on records[low].offset < offset <= records[high - 1].offset. */
    uint64_t span = records[high - 1].offset - records[low].offset;
    uint32_t guess =
        low + (uint32_t)((uint64_t)(offset - records[low].offset) * (high - 1 - low) / span);
    high--;
    if (records[guess].offset < offset) {
        low = guess;
        while (step < high - low && records[low + step].offset < offset) {
            low += step;
            step *= 2;
        }
        high = step < high - low ? low + step : high;
    } else {
        high = guess;
        while (step < high - low && records[high - step].offset >= offset) {
            high -= step;
            step *= 2;
        }
        low = step < high - low ? high - step : low;
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (records[middle].offset < offset)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* What the index has of one container. */
typedef struct large {
    const pp__record *record; /* NULL: it is walked */
    const uint32_t *words;
    uint32_t marks;
    uint32_t item_size; /* 0: not all alike */
    uint32_t table;     /* 1 + its number; 0: none */
    bool map;
} large;

static large look_up(pp_node node)
{
    const pp__record *record = &pp__tree_records(node.tree)[node.record];
    large l = {0};
    if (record->offset != node.offset)
        return l;
    const uint32_t *words = pp__index_words(node.tree->index) + record->words;
    l.record = record;
    l.map = pp__header_kind(*bytes_at(node)) == PP__KIND_MAP;
    l.item_size = words[0] & 1 ? words[0] >> 1 : 0;
    l.marks = words[0] & 1 ? 0 : words[0] >> 1;
    l.table = l.map ? words[1] : 0;
    l.words = words + 1 + l.map;
    return l;
}

static uint32_t mark_item(const large *l, uint32_t i)
{
    return l->words[2 * i];
}

/* The number of marks whose item is not above `item`. Marks are a fixed cost apart, so the first
 * guess is in proportion here too. */
static uint32_t marks_before(const large *l, uint32_t item, uint32_t count)
{
    uint32_t low = 0, high = l->marks; /* marks below low are, marks from high on are not */
    uint32_t guess = (uint32_t)((uint64_t)item * (high + 1) / ((uint64_t)count + 1));
    uint32_t step = 1;
    if (high == 0)
        return 0;
    guess = guess < high ? guess : high - 1;
    if (mark_item(l, guess) <= item) {
        low = guess + 1;
        while (low + step < high && mark_item(l, low + step) <= item) {
            low += step + 1;
            step *= 2;
        }
        high = low + step < high ? low + step : high;
    } else {
        high = guess;
        while (step < high && mark_item(l, high - step) > item) {
            high -= step;
            step *= 2;
        }
        low = step < high ? high - step + 1 : 0;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mark_item(l, middle) <= item)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A walk that stands at `offset` inside the large container. */
static pp__walk walk_at(pp_node container, const large *l, uint32_t offset)
{
    const pp__record *records = pp__tree_records(container.tree);
    uint32_t record = pp__record_search(records, container.record + 1, l->record->next, offset);
    return (pp__walk){container.tree->data, records, offset, record};
}

/* A walk that stands at the first value of a container. */
static pp__walk walk_into(pp_node container)
{
    pp__walk w = pp__walk_from(container);
    if (w.records[w.record].offset == w.at)
        w.record++;
    w.at += (uint32_t)pp__header_size(*bytes_at(container));
    return w;
}

/* A walk that stands at item `i` of a container that has so many. */
static pp__walk walk_to_item(pp_node container, uint32_t i, uint32_t count, bool map)
{
    large l = look_up(container);
    pp__walk w = walk_into(container);
    uint64_t left = i;
    if (l.item_size > 0)
        return walk_at(container, &l, w.at + (uint32_t)(left * l.item_size));
    if (l.marks > 0) {
        uint32_t mark = marks_before(&l, i, count);
        if (mark > 0) {
            w = walk_at(container, &l, l.words[2 * mark - 1]);
            left -= mark_item(&l, mark - 1);
        }
    }
    pp__walk_pass(&w, left << map);
    return w;
}

/* ---- containers ------------------------------------------------------------------- */

size_t pp_node_count(pp_node node)
{
    const uint8_t *p = bytes_at(node);
    return pp__is_container(pp__header_kind(*p)) ? pp__header_length(p) : 0;
}

static bool has_item(pp_node container, size_t i, pp__kind kind)
{
    const uint8_t *p = bytes_at(container);
    return pp__header_kind(*p) == kind && i < pp__header_length(p);
}

bool pp_node_at(pp_node array, size_t i, pp_node *item)
{
    if (!has_item(array, i, PP__KIND_ARRAY))
        return false;
    pp__walk w = walk_to_item(array, (uint32_t)i, pp__header_length(bytes_at(array)), false);
    *item = pp__walk_node(&w, array.tree);
    return true;
}

bool pp_node_pair_at(pp_node map, size_t i, pp_node *key, pp_node *value)
{
    if (!has_item(map, i, PP__KIND_MAP))
        return false;
    pp__walk w = walk_to_item(map, (uint32_t)i, pp__header_length(bytes_at(map)), true);
    *key = pp__walk_node(&w, map.tree);
    if (value != NULL) {
        pp__walk_pass(&w, 1);
        *value = pp__walk_node(&w, map.tree);
    }
    return true;
}

/* Is the str at `p` of a length that a fixstr may have `size` bytes at `data`? Short keys are
 * nearly always fixstrs. */
PP_INLINE bool is_short_str(const uint8_t *p, const uint8_t *data, uint32_t size)
{
    if (PP_LIKELY(p[0] < PP_NIL))
        return p[0] == (PP_FIXSTR | size) && memcmp(p + 1, data, size) == 0;
    return pp__header_kind(p[0]) == PP__KIND_STR && pp__header_length(p) == size &&
           memcmp(p + pp__header_size(p[0]), data, size) == 0;
}

/* As find_walking, for the most frequent kind of key. */
static bool find_short_str(pp_node map, const pp__key *sought, pp_node *value)
{
    pp__walk w = walk_into(map), found = w;
    uint32_t start = w.at;
    for (uint32_t left = pp__header_length(bytes_at(map)); left > 0; left--) {
        bool equal = is_short_str(w.data + w.at, sought->data, sought->size);
        pp__walk_pass(&w, 1);
        if (PP_UNLIKELY(equal))
            found = w;
        pp__walk_pass(&w, 1);
    }
    if (found.at == start)
        return false;
    *value = pp__walk_node(&found, map.tree);
    return true;
}

/* Looks at each key; the last that is equal counts. */
static bool find_walking(pp_node map, const pp__key *sought, pp_node *value)
{
    if (sought->class == PP__KEY_STR && sought->size > 0 && sought->size <= SHORT_STR)
        return find_short_str(map, sought, value);
    uint32_t pairs = pp__header_length(bytes_at(map));
    pp__walk w = walk_into(map);
    bool found = false;
    for (uint32_t i = 0; i < pairs; i++) {
        pp__key key = pp__key_at(pp__walk_node(&w, map.tree));
        pp__walk_pass(&w, 1);
        if (pp__key_equal(&key, sought)) {
            *value = pp__walk_node(&w, map.tree);
            found = true;
        }
        pp__walk_pass(&w, 1);
    }
    return found;
}

static bool find(pp_node map, const pp__key *key, pp_node *value)
{
    uint32_t at;
    if (pp__header_kind(*bytes_at(map)) != PP__KIND_MAP || key->class == PP__KEY_NEVER)
        return false;
    large l = look_up(map);
    if (l.table == 0 || pp__table_find(map, l.table - 1, key, &at) != PP_OK)
        return find_walking(map, key, value);
    if (at == 0)
        return false;
    const uint8_t *p = map.tree->data + at; /* a scalar */
    size_t size = pp__whole_size[*p];
    if (size == 0)
        size = pp__header_size(*p) + pp__header_length(p);
    pp__walk w = walk_at(map, &l, at + (uint32_t)size);
    *value = pp__walk_node(&w, map.tree);
    return true;
}

bool pp_node_find(pp_node map, const pp_token *key, pp_node *value)
{
    pp__key k = pp__key_of(key);
    return find(map, &k, value);
}

bool pp_node_find_str(pp_node map, const char *key, size_t size, pp_node *value)
{
    pp__key k = {.class = PP__KEY_STR, .size = (uint32_t)size, .data = (const uint8_t *)key};
    return size <= UINT32_MAX && find(map, &k, value);
}

/* ---- in order ----------------------------------------------------------------------- */

pp_cursor pp_node_cursor(pp_node container)
{
    pp__walk w = walk_into(container);
    return (pp_cursor){pp__walk_node(&w, container.tree), pp__values_in(bytes_at(container))};
}

bool pp_cursor_next(pp_cursor *cursor, pp_node *node)
{
    if (cursor->left == 0)
        return false;
    pp_node current = cursor->next;
    if (--cursor->left > 0) {
        pp__walk w = pp__walk_from(current);
        pp__walk_pass(&w, 1);
        cursor->next = pp__walk_node(&w, current.tree);
    }
    *node = current;
    return true;
}
