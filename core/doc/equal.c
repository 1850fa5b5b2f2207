#include "doc/key.h"
#include "parapack/tree.h"

static bool arrays_equal(pp_node a, pp_node b)
{
    pp_cursor in_a = pp_node_cursor(a), in_b = pp_node_cursor(b);
    pp_node x, y;
    while (pp_cursor_next(&in_a, &x)) {
        if (!pp_cursor_next(&in_b, &y) || !pp_node_equal(x, y))
            return false;
    }
    return in_b.left == 0;
}

/* What becomes of a pair of `map` whose keys are looked up: another one comes later with an equal
 * key, or none does, or its key equals nothing. */
typedef enum occurrence { NEVER_FOUND, OVERRIDDEN, LAST } occurrence;

static occurrence occurs(pp_node map, const pp_token *key, pp_node value)
{
    pp_node last;
    if (!pp_node_find(map, key, &last))
        return NEVER_FOUND;
    return last.offset == value.offset ? LAST : OVERRIDDEN;
}

enum { FEW = 32 }; /* pairs of maps whose keys are compared with one another */

/* Of pairwise comparisons there are at most a few hundred, and most end at the first look. */
static size_t distinct_of_few(pp_node map, size_t pairs)
{
    pp__key keys[FEW];
    size_t overridden = 0;
    pp_cursor cursor = pp_node_cursor(map);
    pp_node key, value;
    for (size_t i = 0; i < pairs && pp_cursor_next(&cursor, &key); i++) {
        (void)pp_cursor_next(&cursor, &value);
        keys[i] = pp__key_at(key);
        for (size_t j = 0; j < i; j++) {
            if (pp__key_equal(&keys[j], &keys[i])) {
                overridden++;
                keys[j].class = PP__KEY_NEVER;
                break;
            }
        }
    }
    return pairs - overridden;
}

size_t pp_node_distinct(pp_node map)
{
    size_t pairs = pp_node_type(map) == PP_TYPE_MAP ? pp_node_count(map) : 0, count = 0;
    pp_cursor cursor = pp_node_cursor(map);
    pp_node key, value;
    pp_token token;
    if (pairs <= FEW)
        return distinct_of_few(map, pairs);
    while (pp_cursor_next(&cursor, &key) && pp_cursor_next(&cursor, &value)) {
        pp_node_token(key, &token);
        count += occurs(map, &token, value) != OVERRIDDEN;
    }
    return count;
}

static bool maps_equal(pp_node a, pp_node b)
{
    pp_cursor in_a = pp_node_cursor(a);
    pp_node key, value, other;
    pp_token token;
    size_t left = pp_node_distinct(b); /* a key of b that equals nothing stays */
    while (pp_cursor_next(&in_a, &key) && pp_cursor_next(&in_a, &value)) {
        pp_node_token(key, &token);
        occurrence o = occurs(a, &token, value);
        if (o == NEVER_FOUND)
            return false;
        if (o == OVERRIDDEN)
            continue;
        if (left-- == 0 || !pp_node_find(b, &token, &other) || !pp_node_equal(value, other))
            return false;
    }
    return left == 0;
}

bool pp_node_equal(pp_node a, pp_node b)
{
    pp_token x, y;
    pp_node_token(a, &x);
    pp_node_token(b, &y);
    if (x.type == PP_TYPE_ARRAY)
        return y.type == PP_TYPE_ARRAY && arrays_equal(a, b);
    if (x.type == PP_TYPE_MAP)
        return y.type == PP_TYPE_MAP && maps_equal(a, b);
    return pp_token_equal(&x, &y);
}
