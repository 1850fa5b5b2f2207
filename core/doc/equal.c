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

/* How many different keys a map has; -1 if one equals nothing. */
static int64_t different_keys(pp_node map)
{
    pp_cursor cursor = pp_node_cursor(map);
    pp_node key, value;
    pp_token token;
    int64_t count = 0;
    while (pp_cursor_next(&cursor, &key) && pp_cursor_next(&cursor, &value)) {
        pp_node_token(key, &token);
        occurrence o = occurs(map, &token, value);
        if (o == NEVER_FOUND)
            return -1;
        count += o == LAST;
    }
    return count;
}

static bool maps_equal(pp_node a, pp_node b)
{
    pp_cursor in_a = pp_node_cursor(a);
    pp_node key, value, other;
    pp_token token;
    int64_t left = different_keys(b);
    while (pp_cursor_next(&in_a, &key) && pp_cursor_next(&in_a, &value)) {
        pp_node_token(key, &token);
        occurrence o = occurs(a, &token, value);
        if (o == NEVER_FOUND)
            return false;
        if (o == OVERRIDDEN)
            continue;
        left--;
        if (!pp_node_find(b, &token, &other) || !pp_node_equal(value, other))
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
