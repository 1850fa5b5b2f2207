/* The golden vectors, in every direction: read, written, skipped, validated, and
 * refused at the right byte. */
#include "test.h"

#include <inttypes.h>

#include "parapack/parapack.h"
#include "vectors.h"

static const struct {
    const char *name;
    pp_status status;
} errors[] = {
    {"eof", PP_ERR_EOF},   {"format", PP_ERR_FORMAT},       {"depth", PP_ERR_DEPTH},
    {"utf8", PP_ERR_UTF8}, {"timestamp", PP_ERR_TIMESTAMP},
};

static pp_status error_named(const char *name)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (strcmp(errors[i].name, name) == 0)
            return errors[i].status;
    }
    fail_msg("unknown error %s", name);
    return PP_OK;
}

static uint64_t bits_of(const char *hex)
{
    return strtoull(hex, NULL, 16);
}

/* ---- reading --------------------------------------------------------------- */

static void match_bytes(pp_view actual, const char *hex)
{
    size_t size;
    uint8_t *expected = vectors_bytes(hex, &size);
    assert_int_equal(actual.size, size);
    assert_memory_equal(actual.data, expected, size);
    free(expected);
}

static void match_integer(pp_reader *r, const char *decimal)
{
    /* Copies of the reader, so that each typed read sees the same value. */
    pp_reader as_signed = *r, as_unsigned = *r, as_double = *r;
    char text[32];
    int64_t s = pp_read_int64(&as_signed);
    uint64_t u = pp_read_uint64(&as_unsigned);
    double d = pp_read_double(&as_double);
    bool negative = decimal[0] == '-';
    assert_status(negative ? PP_ERR_RANGE : PP_OK, as_unsigned.status);
    if (as_signed.status == PP_OK)
        snprintf(text, sizeof text, "%" PRId64, s);
    else
        snprintf(text, sizeof text, "%" PRIu64, u);
    assert_string_equal(text, decimal);
    if (as_signed.status != PP_OK) {
        assert_status(PP_ERR_RANGE, as_signed.status);
        assert_true(u > INT64_MAX);
    }
    if (as_double.status == PP_OK) {
        snprintf(text, sizeof text, "%.0f", d);
        assert_string_equal(text, decimal);
    } else {
        assert_status(PP_ERR_RANGE, as_double.status);
        assert_true(negative ? s < -(INT64_C(1) << 53) : u > UINT64_C(1) << 53);
    }
    *r = as_signed.status == PP_OK ? as_signed : as_unsigned;
}

static void match_float(pp_reader *r, json_t *value)
{
    json_t *single = json_object_get(value, "float32");
    pp_reader again = *r;
    pp_token t;
    assert_true(pp_read_token(&again, &t));
    if (single != NULL) {
        uint32_t bits;
        assert_int_equal(t.type, PP_TYPE_FLOAT32);
        memcpy(&bits, &t.as.float32, sizeof bits);
        assert_int_equal(bits, bits_of(json_string_value(single)));
    }
    double d = pp_read_double(r);
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    assert_int_equal(bits, bits_of(vectors_text(value, "float64")));
}

static void match_value(pp_reader *r, json_t *value);

static void match_runs(pp_reader *r, json_t *runs, size_t count, bool map)
{
    size_t index;
    json_t *run;
    json_array_foreach(runs, index, run)
    {
        json_int_t times = json_integer_value(json_array_get(run, 0));
        for (; times > 0; times--, count--) {
            match_value(r, json_array_get(run, 1));
            if (map)
                match_value(r, json_array_get(run, 2));
        }
    }
    assert_int_equal(count, 0);
    pp_read_end(r);
}

/* Reads the next value and compares it with its description. */
static void match_value(pp_reader *r, json_t *value)
{
    const char *kind = json_object_iter_key(json_object_iter(value));
    json_t *content = json_object_get(value, kind);
    if (strcmp(kind, "nil") == 0) {
        pp_read_nil(r);
    } else if (strcmp(kind, "bool") == 0) {
        assert_int_equal(pp_read_bool(r), json_is_true(content));
    } else if (strcmp(kind, "int") == 0) {
        match_integer(r, json_string_value(content));
    } else if (strncmp(kind, "float", 5) == 0) {
        match_float(r, value);
    } else if (strcmp(kind, "str") == 0) {
        pp_reader raw = *r;
        match_bytes(pp_read_raw(&raw), json_string_value(content));
        match_bytes(pp_read_str(r), json_string_value(content));
    } else if (strcmp(kind, "bin") == 0) {
        pp_reader raw = *r;
        match_bytes(pp_read_raw(&raw), json_string_value(content));
        match_bytes(pp_read_bin(r), json_string_value(content));
    } else if (strcmp(kind, "ext") == 0) {
        int8_t type = 0;
        pp_view body = pp_read_ext(r, &type);
        assert_int_equal(type, json_integer_value(json_array_get(content, 0)));
        match_bytes(body, json_string_value(json_array_get(content, 1)));
    } else if (strcmp(kind, "timestamp") == 0) {
        pp_timestamp t = pp_read_timestamp(r);
        char text[32];
        snprintf(text, sizeof text, "%" PRId64, t.seconds);
        assert_string_equal(text, json_string_value(json_array_get(content, 0)));
        assert_int_equal(t.nanoseconds, json_integer_value(json_array_get(content, 1)));
    } else if (strcmp(kind, "array") == 0) {
        match_runs(r, content, pp_read_array(r), false);
    } else if (strcmp(kind, "map") == 0) {
        match_runs(r, content, pp_read_map(r), true);
    } else {
        fail_msg("unknown kind %s", kind);
    }
    if (r->status != PP_OK)
        fail_msg("%s: %s", kind, pp_status_text(r->status));
}

static void valid_are_read(void **state)
{
    (void)state;
    json_t *list = vectors_load("valid.json"), *vector;
    size_t index, size;
    json_array_foreach(list, index, vector)
    {
        uint8_t *bytes = vectors_bytes(vectors_text(vector, "hex"), &size);
        pp_reader r;
        pp_reader_init(&r, bytes, size, PP_MAX_DEPTH, PP_CHECK_UTF8);
        match_value(&r, json_object_get(vector, "value"));
        assert_true(pp_reader_at_end(&r));
        assert_status(PP_OK, pp_reader_finish(&r));
        free(bytes);
    }
    json_decref(list);
}

/* ---- writing --------------------------------------------------------------- */

static void write_value(pp_writer *w, json_t *value);

static void write_runs(pp_writer *w, json_t *runs, bool map)
{
    size_t index, count = 0;
    json_t *run;
    json_array_foreach(runs, index, run) count +=
        (size_t)json_integer_value(json_array_get(run, 0));
    if (map)
        pp_write_map(w, count);
    else
        pp_write_array(w, count);
    json_array_foreach(runs, index, run)
    {
        json_int_t times = json_integer_value(json_array_get(run, 0));
        for (; times > 0; times--) {
            write_value(w, json_array_get(run, 1));
            if (map)
                write_value(w, json_array_get(run, 2));
        }
    }
}

static void write_value(pp_writer *w, json_t *value)
{
    const char *kind = json_object_iter_key(json_object_iter(value));
    json_t *content = json_object_get(value, kind);
    const char *text = json_string_value(content);
    size_t size = 0;
    uint8_t *bytes = NULL;
    if (strcmp(kind, "str") == 0 || strcmp(kind, "bin") == 0)
        bytes = vectors_bytes(text, &size);
    if (strcmp(kind, "nil") == 0) {
        pp_write_nil(w);
    } else if (strcmp(kind, "bool") == 0) {
        pp_write_bool(w, json_is_true(content));
    } else if (strcmp(kind, "int") == 0 && text[0] == '-') {
        pp_write_int(w, strtoll(text, NULL, 10));
    } else if (strcmp(kind, "int") == 0) {
        uint64_t v = strtoull(text, NULL, 10);
        /* Both ways to write it, in turn. */
        if (v <= INT64_MAX && v % 2 == 0)
            pp_write_int(w, (int64_t)v);
        else
            pp_write_uint(w, v);
    } else if (strcmp(kind, "float32") == 0) {
        uint32_t bits = (uint32_t)bits_of(text);
        float f;
        memcpy(&f, &bits, sizeof f);
        pp_write_float(w, f);
    } else if (strcmp(kind, "float64") == 0) {
        uint64_t bits = bits_of(text);
        double d;
        memcpy(&d, &bits, sizeof d);
        pp_write_double(w, d);
    } else if (strcmp(kind, "str") == 0) {
        pp_write_str(w, (const char *)bytes, size);
    } else if (strcmp(kind, "bin") == 0) {
        pp_write_bin(w, bytes, size);
    } else if (strcmp(kind, "ext") == 0) {
        bytes = vectors_bytes(json_string_value(json_array_get(content, 1)), &size);
        pp_write_ext(w, (int8_t)json_integer_value(json_array_get(content, 0)), bytes, size);
    } else if (strcmp(kind, "timestamp") == 0) {
        pp_timestamp t = {strtoll(json_string_value(json_array_get(content, 0)), NULL, 10),
                          (uint32_t)json_integer_value(json_array_get(content, 1))};
        pp_write_timestamp(w, t);
    } else {
        write_runs(w, content, strcmp(kind, "map") == 0);
    }
    free(bytes);
}

/* Into a fixed array of exactly the right size, and one byte less. */
static void canonical_are_written(void **state)
{
    (void)state;
    json_t *list = vectors_load("valid.json"), *vector;
    size_t index, size;
    json_array_foreach(list, index, vector)
    {
        if (!json_is_true(json_object_get(vector, "canonical")))
            continue;
        uint8_t *expected = vectors_bytes(vectors_text(vector, "hex"), &size);
        for (size_t less = 0; less < 2; less++) {
            uint8_t *actual = test_block(size - less);
            uint64_t written = 0;
            pp_writer w;
            pp_writer_init_fixed(&w, actual, size - less);
            write_value(&w, json_object_get(vector, "value"));
            assert_status(less ? PP_ERR_FULL : PP_OK, pp_writer_finish(&w, &written));
            if (!less) {
                assert_int_equal(written, size);
                assert_memory_equal(actual, expected, size);
            }
            free(actual);
        }
        free(expected);
    }
    json_decref(list);
}

/* ---- skipping -------------------------------------------------------------- */

static void valid_are_skipped(void **state)
{
    (void)state;
    json_t *list = vectors_load("valid.json"), *vector;
    size_t index, size, end;
    json_array_foreach(list, index, vector)
    {
        uint8_t *bytes = vectors_bytes(vectors_text(vector, "hex"), &size);
        assert_status(PP_OK, pp_skip(bytes, size, PP_MAX_DEPTH, &end));
        assert_int_equal(end, size);
        assert_status(PP_OK, pp_validate(bytes, size, PP_MAX_DEPTH,
                                         PP_CHECK_UTF8 | PP_CHECK_TIMESTAMPS, &end));
        assert_int_equal(end, size);
        free(bytes);
    }
    json_decref(list);
}

static void invalid_are_refused(void **state)
{
    (void)state;
    json_t *list = vectors_load("invalid.json"), *vector;
    size_t index, size, end;
    json_array_foreach(list, index, vector)
    {
        const char *hex = vectors_text(vector, "hex");
        uint8_t *bytes = vectors_bytes(hex, &size);
        pp_status expected = error_named(vectors_text(vector, "error"));
        size_t offset = (size_t)json_integer_value(json_object_get(vector, "offset"));
        pp_status status =
            pp_validate(bytes, size, PP_MAX_DEPTH, PP_CHECK_UTF8 | PP_CHECK_TIMESTAMPS, &end);
        if (status != expected || end != offset)
            fail_msg("%s (%s): %s at %zu", hex, vectors_text(vector, "why"), pp_status_name(status),
                     end);
        /* Without the checks these are well-formed. */
        status = pp_skip(bytes, size, PP_MAX_DEPTH, &end);
        if (expected == PP_ERR_UTF8 || expected == PP_ERR_TIMESTAMP)
            expected = PP_OK;
        assert_status(expected, status);
        free(bytes);
    }
    json_decref(list);
}

/* The reader refuses them too, if not always at the same byte. */
static void invalid_are_not_read(void **state)
{
    (void)state;
    json_t *list = vectors_load("invalid.json"), *vector;
    size_t index, size;
    json_array_foreach(list, index, vector)
    {
        uint8_t *bytes = vectors_bytes(vectors_text(vector, "hex"), &size);
        pp_status expected = error_named(vectors_text(vector, "error"));
        pp_reader r;
        pp_reader_init(&r, bytes, size, PP_MAX_DEPTH, PP_CHECK_UTF8);
        if (expected == PP_ERR_TIMESTAMP)
            (void)pp_read_timestamp(&r);
        else
            pp_read_skip(&r);
        assert_status(expected, pp_reader_finish(&r));

        pp_token t;
        pp_reader_init(&r, bytes, size, PP_MAX_DEPTH, PP_CHECK_UTF8);
        do {
        } while (pp_read_token(&r, &t) && r.owed > 0);
        if (expected != PP_ERR_TIMESTAMP)
            assert_status(expected, r.status);
        free(bytes);
    }
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_are_read),       cmocka_unit_test(canonical_are_written),
        cmocka_unit_test(valid_are_skipped),    cmocka_unit_test(invalid_are_refused),
        cmocka_unit_test(invalid_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
