/* Every golden vector, and longer documents, cut at every byte and damaged at every
 * byte: whatever comes of it, the properties of fuzz/properties.h hold. */
#include "test.h"

#include "parapack/parapack.h"
#include "properties.h"
#include "vectors.h"

enum {
    LARGEST = 600,   /* bytes of a vector to damage everywhere: larger ones differ in length only */
    HEAD = 6,        /* bytes to damage of those: a header ... */
    TAIL = 2,        /* ... and how a body ends */
    CUT_ONLY = 4096, /* bytes of a vector not to damage: each check takes a millisecond */
};

static void check(const uint8_t *data, size_t size)
{
    property_decode_any(data, size);
    property_round_trip(data, size);
    property_tree(data, size);
    /* The properties' first two bytes choose pieces and checks: one byte at a
     * time, and a few; nothing checked, and everything. */
    static const uint8_t ways[][2] = {{0, 0}, {0, 3}, {6, 3}, {39, 1}};
    uint8_t *prefixed = test_block(size + 2);
    if (size > 0)
        memcpy(prefixed + 2, data, size);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        memcpy(prefixed, ways[i], 2);
        property_streaming(prefixed, size + 2);
    }
    free(prefixed);
}

/* Cuts before, and damages in the first so many `ways`, every byte in [from, to). With
 * none it only cuts. */
static void damage_part(const uint8_t *data, size_t size, size_t from, size_t to, size_t ways)
{
    static const uint8_t masks[] = {0x01, 0xff, 0x80, 0x40, 0x1f};
    for (size_t n = from; n < to; n++)
        check(data, n);
    if (ways == 0)
        return;
    uint8_t *copy = test_copy(data, size);
    for (size_t i = from; i < to; i++) {
        for (size_t m = 0; m < ways && m < sizeof masks; m++) {
            copy[i] = data[i] ^ masks[m];
            check(copy, size);
        }
        copy[i] = PP_NEVER_USED;
        check(copy, size);
        copy[i] = data[i];
    }
    free(copy);
}

static void damage(const uint8_t *data, size_t size)
{
    check(data, size);
    damage_part(data, size, 0, size, SIZE_MAX);
}

static void damage_ends(const uint8_t *data, size_t size)
{
    check(data, size);
    size_t ways = size > CUT_ONLY ? 0 : 2;
    damage_part(data, size, 0, HEAD, ways);
    damage_part(data, size, size - TAIL, size, ways);
}

static void damage_vectors(const char *name)
{
    json_t *list = vectors_load(name), *vector;
    size_t index, size;
    json_array_foreach(list, index, vector)
    {
        uint8_t *bytes = vectors_bytes(vectors_text(vector, "hex"), &size);
        /* Bodies of one repeated byte: a few lengths stand for all. */
        if (size <= 80 || (size <= LARGEST && index % 8 == 0))
            damage(bytes, size);
        else
            damage_ends(bytes, size);
        free(bytes);
    }
    json_decref(list);
}

static void vectors_damaged(void **state)
{
    (void)state;
    damage_vectors("valid.json");
    damage_vectors("invalid.json");
}

/* A document with every type, nested. */
static void write_document(pp_writer *w)
{
    pp_write_map(w, 6);
    pp_write_str(w, "schlüssel", 10);
    pp_write_array(w, 4);
    pp_write_nil(w);
    pp_write_bool(w, true);
    pp_write_int(w, -70000);
    pp_write_uint(w, UINT64_MAX);
    pp_write_str(w, "floats", 6);
    pp_write_array(w, 2);
    pp_write_float(w, 1.5f);
    pp_write_double(w, -0.1);
    pp_write_str(w, "時刻", 6);
    pp_write_array(w, 3);
    pp_write_timestamp(w, (pp_timestamp){1, 0});
    pp_write_timestamp(w, (pp_timestamp){1, 999999999});
    pp_write_timestamp(w, (pp_timestamp){-1, 1});
    pp_write_bin(w, "\x00\xff\xc1", 3);
    pp_write_ext(w, 42, "0123456789", 10);
    pp_write_int(w, 7);
    pp_write_map(w, 1);
    pp_write_map(w, 0);
    pp_write_array(w, 0);
    pp_write_str(w, "emoji", 5);
    pp_write_str(w, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa🌍éß", 44);
}

static void document_damaged(void **state)
{
    (void)state;
    pp_buffer buffer;
    pp_writer w;
    pp_buffer_init(&buffer, NULL);
    pp_writer_init_buffer(&w, &buffer);
    write_document(&w);
    assert_status(PP_OK, pp_writer_finish(&w, NULL));
    size_t end;
    assert_status(PP_OK, pp_validate(buffer.data, buffer.size, PP_MAX_DEPTH,
                                     PP_CHECK_UTF8 | PP_CHECK_TIMESTAMPS, &end));
    assert_int_equal(end, buffer.size);
    damage(buffer.data, buffer.size);
    pp_buffer_deinit(&buffer);
}

/* Random bytes, most of which mean little, and random headers, which nest. */
static void noise(void **state)
{
    (void)state;
    static const uint8_t frequent[] = {0x90, 0x91, 0x93, 0x81, 0x82, 0xa0, 0xa3, 0xc0, 0xc4, 0xc7,
                                       0xca, 0xcd, 0xd6, 0xd9, 0xdc, 0xde, 0xff, 0x00, 0x04, 0x61};
    uint64_t seed = 42;
    uint8_t data[120];
    for (int round = 0; round < 20000; round++) {
        size_t n = test_below(&seed, sizeof data + 1);
        for (size_t i = 0; i < n; i++) {
            bool any = test_below(&seed, 4) == 0;
            data[i] =
                any ? (uint8_t)test_random(&seed) : frequent[test_below(&seed, sizeof frequent)];
        }
        uint8_t *copy = test_copy(data, n);
        check(copy, n);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_damaged),
        cmocka_unit_test(document_damaged),
        cmocka_unit_test(noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
