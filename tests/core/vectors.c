#include "test.h"

#include "vectors.h"

json_t *vectors_load(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", PP_TEST_VECTORS, name);
    json_error_t error;
    json_t *list = json_load_file(path, 0, &error);
    if (!json_is_array(list) || json_array_size(list) == 0)
        fail_msg("%s: %s", path, error.text);
    return list;
}

static uint8_t hex_byte(const char *p)
{
    unsigned v;
    if (sscanf(p, "%2x", &v) != 1)
        fail_msg("not hex: %s", p);
    return (uint8_t)v;
}

uint8_t *vectors_bytes(const char *hex, size_t *size)
{
    pp_buffer buffer;
    pp_buffer_init(&buffer, NULL);
    while (*hex != '\0') {
        size_t digits = strcspn(hex, " *");
        const char *rest = hex + digits;
        unsigned long times = 1;
        if (*rest == '*') {
            char *end;
            times = strtoul(rest + 1, &end, 10);
            rest = end;
        }
        for (; times > 0; times--) {
            for (size_t i = 0; i + 1 < digits; i += 2) {
                uint8_t byte = hex_byte(hex + i);
                assert_status(PP_OK, pp_buffer_append(&buffer, &byte, 1));
            }
        }
        hex = rest + strspn(rest, " ");
    }
    *size = buffer.size;
    uint8_t *exact = test_copy(buffer.data, buffer.size);
    pp_buffer_deinit(&buffer);
    return exact;
}

const char *vectors_text(json_t *vector, const char *key)
{
    const char *text = json_string_value(json_object_get(vector, key));
    if (text == NULL)
        fail_msg("a vector has no %s", key);
    return text;
}
