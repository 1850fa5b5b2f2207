/* The slow halves of parapack/writer.h: no room left, or an error before. */
#include "parapack/writer.h"

static pp_status fixed_grow(pp_writer *writer, size_t need)
{
    (void)writer;
    (void)need;
    return PP_ERR_FULL;
}

static pp_status buffer_grow(pp_writer *writer, size_t need)
{
    pp_buffer *buffer = writer->target;
    size_t start = buffer->data != NULL ? (size_t)(writer->base - buffer->data) : 0;
    buffer->size = buffer->data != NULL ? (size_t)(writer->cursor - buffer->data) : 0;
    pp_status status = pp_buffer_reserve(buffer, need);
    if (status != PP_OK)
        return status;
    writer->base = buffer->data + start;
    writer->cursor = buffer->data + buffer->size;
    writer->end = buffer->data + buffer->capacity;
    return PP_OK;
}

static pp_status flush(pp_writer *writer)
{
    size_t size = (size_t)(writer->cursor - writer->base);
    if (size == 0)
        return PP_OK;
    if (!writer->sink(writer->target, writer->base, size))
        return PP_ERR_SINK;
    writer->flushed += size;
    writer->cursor = writer->base;
    return PP_OK;
}

static pp_status sink_grow(pp_writer *writer, size_t need)
{
    if ((size_t)(writer->end - writer->base) < need)
        return PP_ERR_FULL;
    return flush(writer);
}

static void init(pp_writer *writer, uint8_t *base, size_t used, size_t capacity, pp_grow grow)
{
    writer->base = base;
    writer->cursor = used == 0 ? base : base + used;
    writer->end = capacity == 0 ? base : base + capacity;
    writer->grow = grow;
    writer->target = NULL;
    writer->sink = NULL;
    writer->flushed = 0;
    writer->status = PP_OK;
}

void pp_writer_init_fixed(pp_writer *writer, void *data, size_t capacity)
{
    init(writer, data, 0, capacity, fixed_grow);
}

void pp_writer_init_buffer(pp_writer *writer, pp_buffer *buffer)
{
    init(writer, buffer->data, buffer->size, buffer->capacity, buffer_grow);
    writer->base = writer->cursor;
    writer->target = buffer;
}

void pp_writer_init_sink(pp_writer *writer, void *data, size_t capacity, pp_sink sink,
                         void *context)
{
    init(writer, data, 0, capacity, sink_grow);
    writer->sink = sink;
    writer->target = context;
    if (capacity < 16)
        pp_writer_fail(writer, PP_ERR_ARGUMENT);
}

void pp_writer_fail(pp_writer *writer, pp_status status)
{
    if (writer->status == PP_OK)
        writer->status = status;
    writer->end = writer->cursor;
}

pp_status pp_writer_finish(pp_writer *writer, uint64_t *size)
{
    if (writer->sink != NULL && writer->status == PP_OK) {
        pp_status status = flush(writer);
        if (status != PP_OK)
            pp_writer_fail(writer, status);
    } else if (writer->grow == buffer_grow) {
        pp_buffer *buffer = writer->target;
        buffer->size = buffer->data != NULL ? (size_t)(writer->cursor - buffer->data) : 0;
    }
    if (size != NULL) {
        size_t kept = writer->sink == NULL ? (size_t)(writer->cursor - writer->base) : 0;
        *size = writer->flushed + kept;
    }
    return writer->status;
}

bool pp_writer_grow_(pp_writer *writer, size_t need)
{
    if (writer->status != PP_OK)
        return false;
    pp_status status = writer->grow(writer, need);
    if (status != PP_OK) {
        pp_writer_fail(writer, status);
        return false;
    }
    return true;
}

/* Near the end of the room the exact size decides, so that a fixed array can be
 * filled to its last byte. */
static void write_encoded(pp_writer *writer, const uint8_t *encoded, const uint8_t *encoded_end)
{
    size_t size = (size_t)(encoded_end - encoded);
    if (pp_writer_reserve(writer, size)) {
        memcpy(writer->cursor, encoded, size);
        writer->cursor += size;
    }
}

void pp_write_uint_slow_(pp_writer *writer, uint64_t v)
{
    uint8_t encoded[PP_HEADER_MAX];
    write_encoded(writer, encoded, pp_put_uint(encoded, v));
}

void pp_write_int_slow_(pp_writer *writer, int64_t v)
{
    uint8_t encoded[PP_HEADER_MAX];
    write_encoded(writer, encoded, pp_put_int(encoded, v));
}

void pp_write_header_slow_(pp_writer *writer, pp_header_kind_ kind, int8_t type, size_t size)
{
    uint8_t encoded[PP_HEADER_MAX];
    if (size > UINT32_MAX)
        pp_writer_fail(writer, PP_ERR_TOO_LONG);
    else
        write_encoded(writer, encoded, pp_put_header_(encoded, kind, type, (uint32_t)size));
}

/* A body that does not fit: what is waiting goes out first, then a body as
 * large as the whole array goes out by itself. */
static void sink_bytes(pp_writer *writer, const void *data, size_t size)
{
    if (writer->status != PP_OK)
        return;
    pp_status status = flush(writer);
    if (status == PP_OK && size > pp_writer_room(writer)) {
        if (writer->sink(writer->target, data, size))
            writer->flushed += size;
        else
            status = PP_ERR_SINK;
    } else if (status == PP_OK) {
        memcpy(writer->cursor, data, size);
        writer->cursor += size;
    }
    if (status != PP_OK)
        pp_writer_fail(writer, status);
}

void pp_write_bytes_slow_(pp_writer *writer, const void *data, size_t size)
{
    if (writer->sink != NULL) {
        sink_bytes(writer, data, size);
    } else if (pp_writer_grow_(writer, size)) {
        memcpy(writer->cursor, data, size);
        writer->cursor += size;
    }
}

void pp_write_body_slow_(pp_writer *writer, pp_header_kind_ kind, int8_t type, const void *data,
                         size_t size)
{
    uint8_t header[PP_HEADER_MAX];
    if (size > UINT32_MAX) {
        pp_writer_fail(writer, PP_ERR_TOO_LONG);
        return;
    }
    uint8_t *header_end = pp_put_header_(header, kind, type, (uint32_t)size);
    size_t header_size = (size_t)(header_end - header);
    /* Both or neither, except for a sink, which may have to take them apart. */
    if (writer->sink == NULL &&
        (size > SIZE_MAX - header_size || !pp_writer_reserve(writer, header_size + size))) {
        pp_writer_fail(writer, PP_ERR_TOO_LONG);
        return;
    }
    write_encoded(writer, header, header_end);
    pp_write_bytes(writer, data, size);
}

void pp_write_timestamp(pp_writer *writer, pp_timestamp timestamp)
{
    uint8_t encoded[PP_TIMESTAMP_MAX];
    if (timestamp.nanoseconds > PP_NANOSECONDS_MAX)
        pp_writer_fail(writer, PP_ERR_TIMESTAMP);
    else
        write_encoded(writer, encoded,
                      pp_put_timestamp(encoded, timestamp.seconds, timestamp.nanoseconds));
}
