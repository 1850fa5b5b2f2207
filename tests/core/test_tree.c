/* Trees: every way to a value against walking there, the size of the index, keys, damage, and
 * memory that runs out. */
#include "test.h"

#include "doc/key.h"
#include "documents.h"
#include "parapack/parapack.h"
#include "properties.h"

/* Buffers of the hostile build move at every byte, which takes its time. */
#ifdef PP_HOSTILE
enum { SCALE = 30, LARGEST = 60 };
#else
enum { SCALE = 500, LARGEST = 4000 };
#endif

static pp_tree tree_of(const pp_buffer *buffer)
{
    pp_tree tree;
    size_t where = 99;
    assert_status(PP_OK,
                  pp_tree_init(&tree, buffer->data, buffer->size, PP_MAX_DEPTH, NULL, &where));
    return tree;
}

/* ---- all documents ----------------------------------------------------------------- */

static void random_documents(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 400; round++) {
        pp_buffer buffer = document_random(&seed, 40 + test_below(&seed, 4000));
        property_tree(buffer.data, buffer.size);
        pp_buffer_deinit(&buffer);
    }
}

static void shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < document_shape_count; i++) {
        pp_buffer buffer = document_shapes[i].make(SCALE);
        property_tree(buffer.data, buffer.size);
        pp_buffer_deinit(&buffer);
    }
}

/* The promise of tree.h, for sizes from the smallest indexed on. (The hostile build's index is
 * large.) */
static void the_index_is_a_tenth_at_most(void **state)
{
    (void)state;
    size_t index, tables;
    for (size_t i = 0; i < document_shape_count; i++) {
        for (size_t scale = 1; scale <= LARGEST; scale = scale * 2 + 1) {
            pp_buffer buffer = document_shapes[i].make(scale);
            pp_tree tree = tree_of(&buffer);
            pp_tree_memory(&tree, &index, &tables);
            assert_int_equal(tables, 0);
#ifndef PP_HOSTILE
            if (index * 10 > buffer.size)
                fail_msg("%s, %zu: %zu bytes of index for %zu", document_shapes[i].name, scale,
                         index, buffer.size);
            if (buffer.size < PP_TREE_INDEX_MIN)
                assert_int_equal(index, 0);
#endif
            pp_tree_deinit(&tree);
            pp_buffer_deinit(&buffer);
        }
    }
}

/* ---- keys --------------------------------------------------------------------------- */

typedef struct scalar {
    const char *name;
    pp_token token;
    int same; /* equal scalars have the same number; 0 equals nothing, itself included */
} scalar;

#define BYTES(text) .count = sizeof(text) - 1, .as.data = (const uint8_t *)(text)

/* clang-format off */
static const scalar scalars[] = {
    {"nil", {.type = PP_TYPE_NIL}, 1},
    {"false", {.type = PP_TYPE_BOOL, .as.boolean = false}, 2},
    {"0", {.type = PP_TYPE_UINT, .as.uint = 0}, 2},
    {"0.0", {.type = PP_TYPE_FLOAT64, .as.float64 = 0.0}, 2},
    {"-0.0", {.type = PP_TYPE_FLOAT64, .as.float64 = -0.0}, 2},
    {"true", {.type = PP_TYPE_BOOL, .as.boolean = true}, 3},
    {"1", {.type = PP_TYPE_UINT, .as.uint = 1}, 3},
    {"1.0f", {.type = PP_TYPE_FLOAT32, .as.float32 = 1.0f}, 3},
    {"1.0", {.type = PP_TYPE_FLOAT64, .as.float64 = 1.0}, 3},
    {"-1", {.type = PP_TYPE_INT, .as.sint = -1}, 4},
    {"-1.0", {.type = PP_TYPE_FLOAT64, .as.float64 = -1.0}, 4},
    {"2**64-1", {.type = PP_TYPE_UINT, .as.uint = UINT64_MAX}, 5},
    {"2**64", {.type = PP_TYPE_FLOAT64, .as.float64 = 18446744073709551616.0}, 6},
    {"2**63", {.type = PP_TYPE_UINT, .as.uint = UINT64_C(1) << 63}, 7},
    {"2.0**63", {.type = PP_TYPE_FLOAT64, .as.float64 = 9223372036854775808.0}, 7},
    {"-2**63", {.type = PP_TYPE_INT, .as.sint = INT64_MIN}, 8},
    {"-2.0**63", {.type = PP_TYPE_FLOAT64, .as.float64 = -9223372036854775808.0}, 8},
    {"2**53+1", {.type = PP_TYPE_UINT, .as.uint = (UINT64_C(1) << 53) + 1}, 9},
    {"2.0**53", {.type = PP_TYPE_FLOAT64, .as.float64 = 9007199254740992.0}, 10},
    {"0.5f", {.type = PP_TYPE_FLOAT32, .as.float32 = 0.5f}, 11},
    {"0.5", {.type = PP_TYPE_FLOAT64, .as.float64 = 0.5}, 11},
    {"0.1f", {.type = PP_TYPE_FLOAT32, .as.float32 = 0.1f}, 12},
    {"0.1", {.type = PP_TYPE_FLOAT64, .as.float64 = 0.1}, 13},
    {"nan", {.type = PP_TYPE_FLOAT64, .as.float64 = 0.0 / 0.0}, 0},
    {"inf", {.type = PP_TYPE_FLOAT32, .as.float32 = 1.0f / 0.0f}, 14},
    {"''", {.type = PP_TYPE_STR, BYTES("")}, 15},
    {"b''", {.type = PP_TYPE_BIN, BYTES("")}, 16},
    {"'1'", {.type = PP_TYPE_STR, BYTES("1")}, 17},
    {"b'1'", {.type = PP_TYPE_BIN, BYTES("1")}, 18},
    {"ext 1 '1'", {.type = PP_TYPE_EXT, .ext_type = 1, BYTES("1")}, 19},
    {"ext 2 '1'", {.type = PP_TYPE_EXT, .ext_type = 2, BYTES("1")}, 20},
    {"timestamp 32", {.type = PP_TYPE_EXT, .ext_type = -1, BYTES("\0\0\0\1")}, 21},
    {"timestamp 96", {.type = PP_TYPE_EXT, .ext_type = -1, BYTES("\0\0\0\0\0\0\0\0\0\0\0\1")}, 21},
    {"no timestamp", {.type = PP_TYPE_EXT, .ext_type = -1, BYTES("\0\0\1")}, 22},
    {"array", {.type = PP_TYPE_ARRAY}, 0},
};
/* clang-format on */

static void what_equals_what(void **state)
{
    (void)state;
    enum { COUNT = sizeof scalars / sizeof scalars[0] };
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++) {
            bool expected = scalars[i].same != 0 && scalars[i].same == scalars[j].same;
            if (pp_token_equal(&scalars[i].token, &scalars[j].token) != expected)
                fail_msg("%s and %s", scalars[i].name, scalars[j].name);
            pp__key a = pp__key_of(&scalars[i].token), b = pp__key_of(&scalars[j].token);
            if (expected)
                assert_true(pp__key_hash(&a) == pp__key_hash(&b));
        }
    }
}

/* Each scalar that can be written, as a key among others, found by all that equal it. */
static void find_by_equal_keys(void **state)
{
    (void)state;
    static const size_t fillers[] = {0, 10, 2000};
    for (size_t f = 0; f < 3; f++) {
        for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++) {
            pp_buffer buffer;
            pp_writer w;
            pp_node value;
            pp_buffer_init(&buffer, NULL);
            pp_writer_init_buffer(&w, &buffer);
            pp_write_map(&w, fillers[f] + 1);
            for (size_t k = 0; k < fillers[f]; k++) {
                pp_write_uint(&w, 1000 + k);
                pp_write_uint(&w, 77);
            }
            document_write_token(&w, &scalars[i].token);
            pp_write_str(&w, "here", 4);
            assert_status(PP_OK, pp_writer_finish(&w, NULL));
            pp_tree tree = tree_of(&buffer);
            for (size_t j = 0; j < sizeof scalars / sizeof scalars[0]; j++) {
                bool expected = scalars[i].same != 0 && scalars[i].same == scalars[j].same;
                bool found = pp_node_find(pp_tree_root(&tree), &scalars[j].token, &value);
                if (found != expected)
                    fail_msg("%s in a map with %s", scalars[j].name, scalars[i].name);
                if (found)
                    assert_int_equal(pp_node_type(value), PP_TYPE_STR);
            }
            pp_tree_deinit(&tree);
            pp_buffer_deinit(&buffer);
        }
    }
}

/* Families of keys that a weak hash would put in one place. */
static void prepared_keys_do_not_collide(void **state)
{
    (void)state;
    enum { KEYS = 20000, HOMES = 1 << 15, CROWD = 16 };
    static uint16_t low[HOMES], high[HOMES];
    for (int family = 0; family < 6; family++) {
        memset(low, 0, sizeof low);
        memset(high, 0, sizeof high);
        for (uint64_t k = 0; k < KEYS; k++) {
            char text[64];
            pp_token t = {.type = PP_TYPE_UINT, .as.uint = k};
            if (family == 1)
                t.as.uint = k << 49;
            if (family == 2)
                t.as.uint = k * UINT64_C(0x9e3779b97f4a7c15);
            if (family == 3)
                t = (pp_token){.type = PP_TYPE_FLOAT64, .as.float64 = (double)k * 0x1p-40};
            if (family >= 4) {
                int n = family == 4 ? sprintf(text, "%020d", (int)k)
                                    : sprintf(text, "%05d%040d", (int)k, 0);
                t = (pp_token){
                    .type = PP_TYPE_STR, .count = (uint32_t)n, .as.data = (const uint8_t *)text};
            }
            pp__key key = pp__key_of(&t);
            uint64_t hash = pp__key_hash(&key);
            assert_true(++low[hash % HOMES] < CROWD);
            assert_true(++high[hash >> 49] < CROWD);
        }
    }
}

/* ---- limits and errors ----------------------------------------------------------------- */

static void nesting(void **state)
{
    (void)state;
    for (uint32_t levels = 1023; levels <= 1025; levels++) {
        pp_buffer buffer = document_nested(levels);
        pp_tree tree;
        size_t where = 0;
        pp_status status =
            pp_tree_init(&tree, buffer.data, buffer.size, PP_MAX_DEPTH, NULL, &where);
        if (levels <= 1024) {
            assert_status(PP_OK, status);
            pp_node node = pp_tree_root(&tree), inner;
            uint32_t depth = 1;
            while (pp_node_at(node, 0, &inner) && pp_node_type(inner) == PP_TYPE_ARRAY) {
                node = inner;
                depth++;
            }
            assert_int_equal(depth, levels);
            assert_true(pp_node_equal(pp_tree_root(&tree), pp_tree_root(&tree)));
            pp_tree_deinit(&tree);
        } else {
            assert_status(PP_ERR_DEPTH, status);
            assert_true(where > 0 && buffer.data[where] >> 4 == 9);
        }
        pp_buffer_deinit(&buffer);
    }
}

static void arguments(void **state)
{
    (void)state;
    static const uint8_t two[] = {1, 2};
    pp_tree tree;
    size_t where = 9;
    assert_status(PP_ERR_EXTRA, pp_tree_init(&tree, two, 2, 0, NULL, &where));
    assert_int_equal(where, 1);
    assert_status(PP_ERR_EOF, pp_tree_init(&tree, NULL, 0, 0, NULL, &where));
    assert_int_equal(where, 0);
    assert_status(PP_ERR_ARGUMENT, pp_tree_init(&tree, two, 1, PP_MAX_DEPTH + 1, NULL, NULL));
    assert_status(PP_ERR_TOO_LONG,
                  pp_tree_init(&tree, two, (size_t)UINT32_MAX + 1, 0, NULL, &where));
    assert_status(PP_OK, pp_tree_init(&tree, two, 1, 0, NULL, NULL));
    pp_node node;
    assert_false(pp_node_at(pp_tree_root(&tree), 0, &node));
    assert_false(pp_node_find_str(pp_tree_root(&tree), "", 0, &node));
    pp_tree_deinit(&tree);
}

/* Documents large enough for an index, cut at every byte and damaged at every byte. */
static void damage(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x80, 0x1f, 0xff};
    uint64_t seed = 3;
    for (int round = 0; round < 2; round++) {
        pp_buffer buffer = document_random(&seed, 1500);
        while (buffer.size < PP_TREE_INDEX_MIN + 100 || buffer.size > 2000) {
            pp_buffer_deinit(&buffer);
            buffer = document_random(&seed, 1500);
        }
        for (size_t n = 0; n < buffer.size; n++)
            property_tree(buffer.data, n);
        for (size_t i = 0; i < buffer.size; i++) {
            buffer.data[i] ^= masks[i % sizeof masks];
            property_tree(buffer.data, buffer.size);
            buffer.data[i] ^= masks[i % sizeof masks];
        }
        pp_buffer_deinit(&buffer);
    }
}

/* A container may claim what it likes: memory follows the bytes. */
static void claims_cost_nothing(void **state)
{
    (void)state;
    test_limit limit = {.fail_at = UINT64_MAX};
    pp_allocator allocator = test_allocator(&limit);
    uint8_t *data = test_block(5000);
    static const uint8_t headers[] = {0xdd, 0xdf};
    for (int i = 0; i < 2; i++) {
        for (size_t at = 0; at < 5000; at++)
            data[at] = at % 5 == 0 ? headers[i] : 0xff;
        pp_tree tree;
        size_t where;
        limit.peak = 0;
        assert_status(PP_ERR_DEPTH, pp_tree_init(&tree, data, 5000, 900, &allocator, &where));
        assert_int_equal(where, 4500);
        assert_status(PP_ERR_EOF, pp_tree_init(&tree, data, 4000, 900, &allocator, &where));
        assert_int_equal(where, 4000);
        assert_int_equal(limit.live, 0);
        assert_true(limit.peak < 40 * 5000);
    }
    free(data);
}

/* Each allocation fails once: an error or, for a table, a walk instead; nothing is lost. */
static void allocations_that_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < document_shape_count; i++) {
        pp_buffer buffer = document_shapes[i].make(SCALE);
        pp_status status = PP_ERR_NOMEM;
        for (uint64_t n = 0; status == PP_ERR_NOMEM; n++) {
            test_limit limit = {.fail_at = n};
            pp_allocator allocator = test_allocator(&limit);
            pp_tree tree;
            size_t where = 9;
            status =
                pp_tree_init(&tree, buffer.data, buffer.size, PP_MAX_DEPTH, &allocator, &where);
            if (status == PP_OK)
                pp_tree_deinit(&tree);
            else
                assert_int_equal(where, 0);
            assert_int_equal(limit.live, 0);
        }
        assert_status(PP_OK, status);
        pp_buffer_deinit(&buffer);
    }
}

static void a_table_without_memory(void **state)
{
    (void)state;
    pp_buffer buffer = document_map(500);
    test_limit limit = {.fail_at = UINT64_MAX};
    pp_allocator allocator = test_allocator(&limit);
    pp_tree tree;
    pp_node value;
    size_t tables;
    assert_status(PP_OK, pp_tree_init(&tree, buffer.data, buffer.size, 8, &allocator, NULL));
    limit.fail_at = limit.count;
    for (int found = 0; found < 2; found++) {
        assert_true(pp_node_find_str(pp_tree_root(&tree), "key 123", 7, &value));
        assert_false(pp_node_find_str(pp_tree_root(&tree), "key", 3, &value));
        pp_tree_memory(&tree, NULL, &tables);
        assert_true(found ? tables > 0 && tables < 500 * 8 : tables == 0 || limit.count > 1);
        limit.fail_at = UINT64_MAX;
    }
    pp_tree_deinit(&tree);
    assert_int_equal(limit.live, 0);
    pp_buffer_deinit(&buffer);
}

/* ---- equality ------------------------------------------------------------------------ */

static bool equal_text(const char *a, size_t a_size, const char *b, size_t b_size)
{
    pp_tree x, y;
    assert_status(PP_OK, pp_tree_init(&x, (const uint8_t *)a, a_size, 8, NULL, NULL));
    assert_status(PP_OK, pp_tree_init(&y, (const uint8_t *)b, b_size, 8, NULL, NULL));
    bool equal = pp_node_equal(pp_tree_root(&x), pp_tree_root(&y));
    assert_true(pp_node_equal(pp_tree_root(&y), pp_tree_root(&x)) == equal);
    return equal;
}

#define EQUAL(a, b) equal_text(a, sizeof(a) - 1, b, sizeof(b) - 1)

static void values_that_are_equal(void **state)
{
    (void)state;
    assert_true(EQUAL("\x92\x01\x02", "\xdc\x00\x02\xcc\x01\xca\x40\x00\x00\x00"));
    assert_false(EQUAL("\x92\x01\x02", "\x91\x01"));
    assert_false(EQUAL("\x92\x01\x02", "\x92\x01\x03"));
    assert_false(EQUAL("\x90", "\x80"));
    assert_true(EQUAL("\x80", "\xde\x00\x00"));
    assert_true(EQUAL("\x82\x01\x90\x02\xc0", "\x82\x02\xc0\x01\x90"));
    assert_false(EQUAL("\x82\x01\x90\x02\xc0", "\x82\x02\xc0\x03\x90"));
    assert_false(EQUAL("\x82\x01\x90\x02\xc0", "\x81\x01\x90"));
    /* Of equal keys the last. */
    assert_true(EQUAL("\x83\x01\x05\x01\x06\xc3\x07", "\x81\x01\x07"));
    assert_false(EQUAL("\x82\x01\x05\x01\x06", "\x81\x01\x05"));
    assert_false(EQUAL("\x82\x01\x05\x01\x06", "\x82\x01\x06\x02\x06"));
    /* What equals nothing. */
    assert_false(EQUAL("\x91\xca\x7f\xc0\x00\x00", "\x91\xca\x7f\xc0\x00\x00"));
    assert_false(EQUAL("\x81\x90\x01", "\x81\x90\x01"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_documents),
        cmocka_unit_test(shapes),
        cmocka_unit_test(the_index_is_a_tenth_at_most),
        cmocka_unit_test(what_equals_what),
        cmocka_unit_test(find_by_equal_keys),
        cmocka_unit_test(prepared_keys_do_not_collide),
        cmocka_unit_test(nesting),
        cmocka_unit_test(arguments),
        cmocka_unit_test(damage),
        cmocka_unit_test(claims_cost_nothing),
        cmocka_unit_test(allocations_that_fail),
        cmocka_unit_test(a_table_without_memory),
        cmocka_unit_test(values_that_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
