#include "properties.h"
#include "require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parapack/parapack.h"

enum {
    MANY = 100,  /* pairs of a map whose keys are not compared one with each other */
    LOOKUPS = 20 /* keys of a map to look up, each of which searches all of it here */
};

/* Where the values of one container begin, found by skipping. */
typedef struct contents {
    uint32_t *offsets; /* one more than there are values: the end of the last */
    size_t count;
    bool map;
} contents;

static contents list_values(const pp_tree *tree, pp_node node, const pp_token *t)
{
    size_t value_size;
    contents c = {.map = t->type == PP_TYPE_MAP};
    uint32_t at = node.offset + 1;
    uint8_t first = tree->data[node.offset];
    if (first == 0xdc || first == 0xde)
        at += 2;
    else if (first == 0xdd || first == 0xdf)
        at += 4;
    c.count = (size_t)t->count << c.map;
    c.offsets = malloc((c.count + 1) * sizeof *c.offsets);
    REQUIRE(c.offsets != NULL);
    for (size_t i = 0; i < c.count; i++) {
        c.offsets[i] = at;
        REQUIRE(pp_skip(tree->data + at, tree->size - at, PP_MAX_DEPTH, &value_size) == PP_OK);
        at += (uint32_t)value_size;
    }
    c.offsets[c.count] = at;
    return c;
}

static bool same(pp_node a, pp_node b)
{
    return a.tree == b.tree && a.offset == b.offset && a.record == b.record;
}

/* Every way to a value ends at the same node. */
static void check_places(const pp_tree *tree, pp_node node, const contents *c)
{
    pp_cursor cursor = pp_node_cursor(node);
    pp_node item, again, value;
    REQUIRE(pp_node_count(node) == c->count >> c->map);
    REQUIRE(pp_node_bytes(node).size == c->offsets[c->count] - node.offset);
    for (size_t i = 0; i < c->count; i++) {
        REQUIRE(pp_cursor_next(&cursor, &item));
        REQUIRE(same(item, pp_tree_node(tree, c->offsets[i])));
        if (!c->map) {
            REQUIRE(pp_node_at(node, i, &again) && same(item, again));
        } else if (i % 2 == 0) {
            REQUIRE(pp_node_pair_at(node, i / 2, &again, &value));
            REQUIRE(same(item, again) && value.offset == c->offsets[i + 1]);
        } else {
            REQUIRE(pp_node_pair_at(node, i / 2, &again, &value) && same(item, value));
        }
    }
    REQUIRE(!pp_cursor_next(&cursor, &item));
    REQUIRE(!pp_node_at(node, c->map ? 0 : c->count, &item));
    REQUIRE(!pp_node_pair_at(node, c->map ? c->count / 2 : 0, &item, NULL));
}

/* What is found for the key of pair `pair` is what looking at all of them finds. */
static void check_key(const pp_tree *tree, pp_node node, const contents *c, size_t pair)
{
    pp_token key, other;
    pp_node found;
    size_t last = SIZE_MAX;
    pp_node_token(pp_tree_node(tree, c->offsets[2 * pair]), &key);
    for (size_t i = 0; i < c->count; i += 2) {
        pp_node_token(pp_tree_node(tree, c->offsets[i]), &other);
        if (pp_token_equal(&key, &other))
            last = i;
    }
    bool there = pp_node_find(node, &key, &found);
    REQUIRE(there == (last != SIZE_MAX));
    if (there)
        REQUIRE(same(found, pp_tree_node(tree, c->offsets[last + 1])));
    if (there && key.type == PP_TYPE_STR)
        REQUIRE(pp_node_find_str(node, (const char *)key.as.data, key.count, &found) &&
                found.offset == c->offsets[last + 1]);
}

static size_t distinct(const pp_tree *tree, const contents *c)
{
    size_t count = c->count / 2;
    for (size_t i = 0; i < c->count; i += 2) {
        for (size_t j = i + 2; j < c->count; j += 2) {
            pp_token a, b;
            pp_node_token(pp_tree_node(tree, c->offsets[i]), &a);
            pp_node_token(pp_tree_node(tree, c->offsets[j]), &b);
            if (pp_token_equal(&a, &b)) {
                count--;
                break;
            }
        }
    }
    return count;
}

static void check_absent(pp_node node)
{
    pp_token key = {.type = PP_TYPE_FLOAT64};
    pp_node found;
    key.as.float64 = 0.0 / 0.0;
    REQUIRE(!pp_node_find(node, &key, &found));
    REQUIRE(!pp_node_find_str(node, "no map has a key such as this, or?", 34, &found));
}

static void check_value(const pp_tree *tree, pp_node node, unsigned level)
{
    pp_token token;
    pp_node_token(node, &token);
    REQUIRE(level <= DEPTH && pp_node_type(node) == token.type);
    if (token.type != PP_TYPE_ARRAY && token.type != PP_TYPE_MAP) {
        size_t end;
        REQUIRE(pp_skip(tree->data + node.offset, tree->size - node.offset, 0, &end) == PP_OK);
        REQUIRE(pp_node_bytes(node).size == end);
        REQUIRE(pp_node_count(node) == 0);
        check_absent(node);
        return;
    }
    contents c = list_values(tree, node, &token);
    check_places(tree, node, &c);
    size_t pairs = c.map ? c.count / 2 : 0;
    size_t step = pairs / LOOKUPS + 1;
    size_t different = c.map && pairs <= MANY ? distinct(tree, &c) : pp_node_distinct(node);
    REQUIRE(pp_node_distinct(node) == different && different <= pairs);
    for (size_t pair = 0; pair < pairs; pair += step)
        check_key(tree, node, &c, pair);
    check_absent(node);
    for (size_t i = 0; i < c.count; i++)
        check_value(tree, pp_tree_node(tree, c.offsets[i]), level + 1);
    free(c.offsets);
}

/* Whether everything in it equals something: no NaN, and no container as a key. */
static bool comparable(pp_node node)
{
    pp_token scalar;
    pp_node_token(node, &scalar);
    if (scalar.type != PP_TYPE_ARRAY && scalar.type != PP_TYPE_MAP)
        return pp_token_equal(&scalar, &scalar);
    pp_cursor cursor = pp_node_cursor(node);
    bool map = pp_node_type(node) == PP_TYPE_MAP;
    pp_node value;
    pp_token token;
    for (size_t i = 0; pp_cursor_next(&cursor, &value); i++) {
        pp_node_token(value, &token);
        bool container = token.type == PP_TYPE_ARRAY || token.type == PP_TYPE_MAP;
        if ((container && map && i % 2 == 0) || !comparable(value))
            return false;
    }
    return true;
}

void property_tree(const uint8_t *data, size_t size)
{
    pp_tree tree;
    size_t end, where = SIZE_MAX, index;
    uint8_t *input = calloc(size, 1);
    REQUIRE(input != NULL || size == 0);
    if (size > 0)
        memcpy(input, data, size);
    pp_status expected = pp_validate(input, size, DEPTH, PP_CHECK_UTF8, &end);
    if (expected == PP_OK && end < size)
        expected = PP_ERR_EXTRA;
    pp_status status = pp_tree_init(&tree, input, size, DEPTH, NULL, &where);
    REQUIRE(status == expected);
    if (status == PP_OK) {
        check_value(&tree, pp_tree_root(&tree), 0);
        if (comparable(pp_tree_root(&tree)))
            REQUIRE(pp_node_equal(pp_tree_root(&tree), pp_tree_root(&tree)));
        pp_tree_memory(&tree, &index, NULL);
#ifndef PP_HOSTILE
        REQUIRE(index * 10 <= size);
#endif
        pp_tree_deinit(&tree);
    } else {
        REQUIRE(where == end);
    }
    free(input);
}
