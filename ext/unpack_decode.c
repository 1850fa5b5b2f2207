/* The decoder's loops over arrays and maps. */
#include "unpack_leaf.h"

/* Exported by every CPython up to 3.15 but no longer declared; where it is
 * gone a dict grows as it is filled. */
extern PyObject *_PyDict_NewPresized(Py_ssize_t size) __attribute__((weak));

enum {
    PRESIZE_MIN = 6,    /* pairs: PyDict_New has room for five */
    PRESIZE_MAX = 4096, /* pairs */
};

/* ---- life ---------------------------------------------------------------------------- */

void decoder_init(decoder *d, module_state *state, const unpack_options *options)
{
    d->cursor = d->end = d->base = NULL;
    d->offset = 0;
    d->options = options;
    d->state = state;
    d->keys = NULL;
    d->frames = d->first_frames;
    d->values = d->first_values;
    d->fills = NULL;
    d->result = NULL;
    d->values_count = 0;
    d->values_capacity = UNPACK_VALUES;
    d->fills_count = d->fills_capacity = d->fills_bytes = 0;
    d->depth = 0;
    d->frames_capacity = UNPACK_FRAMES;
    d->hooks = d->suspend = false;
}

void decoder_clear(decoder *d)
{
    PyObject *type, *value, *traceback;
    if (d->depth == 0 && d->values_count == 0 && !d->fills && !d->result &&
        d->frames == d->first_frames && d->values == d->first_values)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    decoder_drop_fills(d);
    PyMem_Free(d->fills);
    d->fills = NULL;
    d->fills_capacity = 0;
    while (d->depth) {
        unpack_frame *f = &d->frames[--d->depth];
        Py_CLEAR(f->key);
        Py_CLEAR(f->container);
    }
    while (d->values_count)
        Py_DECREF(d->values[--d->values_count]);
    Py_CLEAR(d->result);
    if (d->frames != d->first_frames)
        PyMem_Free(d->frames);
    if (d->values != d->first_values)
        PyMem_Free(d->values);
    d->frames = d->first_frames;
    d->frames_capacity = UNPACK_FRAMES;
    d->values = d->first_values;
    d->values_capacity = UNPACK_VALUES;
    PyErr_Restore(type, value, traceback);
}

int decoder_leave(decoder *d)
{
    decoder_flush(d);
    slice_resume_gc(&d->slice);
    return 0;
}

void decoder_return(decoder *d)
{
    if (d->suspend)
        slice_suspend_gc(&d->slice);
}

/* ---- stacks -------------------------------------------------------------------------- */

static int grow_values(decoder *d, size_t need)
{
    size_t capacity = Py_MAX(d->values_capacity * 2, d->values_count + need);
    bool first = d->values == d->first_values;
    PyObject **values = PyMem_Realloc(first ? NULL : d->values, capacity * sizeof *values);
    if (!values) {
        PyErr_NoMemory();
        return -1;
    }
    if (first)
        memcpy(values, d->first_values, d->values_count * sizeof *values);
    d->values = values;
    d->values_capacity = capacity;
    return 0;
}

/* Takes over the reference, also on failure. */
static int push_value(decoder *d, PyObject *v)
{
    if (PP_UNLIKELY(d->values_count == d->values_capacity) && grow_values(d, 1)) {
        Py_DECREF(v);
        return -1;
    }
    d->values[d->values_count++] = v;
    return 0;
}

static int grow_frames(decoder *d)
{
    int capacity = d->frames_capacity * 4;
    bool first = d->frames == d->first_frames;
    unpack_frame *frames = PyMem_Realloc(first ? NULL : d->frames,
                                         (size_t)capacity * sizeof *frames);
    if (!frames) {
        PyErr_NoMemory();
        return -1;
    }
    if (first)
        memcpy(frames, d->first_frames, sizeof d->first_frames);
    d->frames = frames;
    d->frames_capacity = capacity;
    return 0;
}

static int push_frame(decoder *d, unpack_frame_kind kind, PyObject *container, uint32_t size)
{
    if (PP_UNLIKELY(d->depth == d->frames_capacity) && grow_frames(d)) {
        Py_XDECREF(container);
        return -1;
    }
    d->frames[d->depth++] = (unpack_frame){
        .container = container, .size = size, .left = size, .kind = (uint8_t)kind};
    return 0;
}

/* Does the input that is left hold a byte for each of `items` more values and
 * for each that the open containers still owe? */
static bool backed_by_input(const decoder *d, uint64_t items)
{
    uint64_t have = (uint64_t)(d->end - d->cursor);
    for (int i = d->depth - 1; i >= 0 && items <= have; i--) {
        const unpack_frame *f = &d->frames[i];
        bool map = f->kind == UNPACK_MAP || f->kind == UNPACK_PAIRS;
        items += map ? 2 * (uint64_t)f->left : f->left;
    }
    return items <= have;
}

/* ---- opening containers ------------------------------------------------------------------ */

static int too_deep(decoder *d)
{
    PyErr_Format(d->state->StackError,
                 "containers are nested more than %d deep at offset %llu", UNPACK_DEPTH_MAX,
                 (unsigned long long)decoder_position(d, d->cursor));
    return -1;
}

/* A list or tuple with NULL items, unseen by the collector. */
static PyObject *new_in_place(decoder *d, uint32_t size)
{
    PyObject *o = d->options->use_list ? PyList_New(size) : PyTuple_New(size);
    if (o)
        PyObject_GC_UnTrack(o);
    return o;
}

static int open_array(decoder *d, uint32_t size)
{
    if (PP_UNLIKELY(size > (size_t)d->options->max_array_len)) {
        PyErr_Format(PyExc_ValueError, "%u exceeds max_array_len(%zd)", size,
                     d->options->max_array_len);
        return -1;
    }
    if (PP_UNLIKELY(d->depth == UNPACK_DEPTH_MAX))
        return too_deep(d);
    if (size <= UNPACK_GATHER_MAX || !backed_by_input(d, size))
        return push_frame(d, UNPACK_GATHER, NULL, size);
    PyObject *container = new_in_place(d, size);
    return container ? push_frame(d, UNPACK_PLACE, container, size) : -1;
}

static PyObject *new_dict(decoder *d, uint32_t size)
{
    if (size >= PRESIZE_MIN && _PyDict_NewPresized && backed_by_input(d, 2 * (uint64_t)size))
        return _PyDict_NewPresized(Py_MIN(size, PRESIZE_MAX));
    return PyDict_New();
}

static int open_map(decoder *d, uint32_t size)
{
    if (PP_UNLIKELY(size > (size_t)d->options->max_map_len)) {
        PyErr_Format(PyExc_ValueError, "%u exceeds max_map_len(%zd)", size,
                     d->options->max_map_len);
        return -1;
    }
    if (PP_UNLIKELY(d->depth == UNPACK_DEPTH_MAX))
        return too_deep(d);
    if (PP_UNLIKELY(d->options->object_pairs_hook != NULL))
        return push_frame(d, UNPACK_PAIRS, NULL, size);
    PyObject *container = new_dict(d, size);
    return container ? push_frame(d, UNPACK_MAP, container, size) : -1;
}

/* ---- finishing containers ------------------------------------------------------------------ */

/* The last `n` values as a list or tuple. */
static PyObject *take_values(decoder *d, uint32_t n, bool list)
{
    PyObject *o = list ? PyList_New(n) : PyTuple_New(n);
    if (PP_UNLIKELY(!o))
        return NULL;
    if (n == 0)
        return o;
    PyObject **items = list ? ((PyListObject *)o)->ob_item : ((PyTupleObject *)o)->ob_item;
    d->values_count -= n;
    memcpy(items, d->values + d->values_count, n * sizeof *items);
    return o;
}

/* Replaces `o` by what the hook returns for it. */
static PyObject *call_hook(decoder *d, PyObject *hook, PyObject *o)
{
    PyObject *result = decoder_leave(d) ? NULL : PyObject_CallOneArg(hook, o);
    Py_DECREF(o);
    decoder_return(d);
    return result;
}

/* Pops the top frame and returns the finished container, or NULL with an exception. */
PP_INLINE PyObject *finish(decoder *d)
{
    unpack_frame *f = &d->frames[d->depth - 1];
    PyObject *o = f->container, *hook;
    switch (f->kind) {
    case UNPACK_MAP:
        hook = d->options->object_hook;
        break;
    case UNPACK_PAIRS:
        hook = d->options->object_pairs_hook;
        o = take_values(d, f->size, true);
        break;
    case UNPACK_PLACE:
        hook = d->options->list_hook;
        PyObject_GC_Track(o);
        break;
    default:
        hook = d->options->list_hook;
        o = take_values(d, f->size, d->options->use_list);
        break;
    }
    if (PP_UNLIKELY(!o))
        return NULL;
    d->depth--;
    return PP_UNLIKELY(hook != NULL) ? call_hook(d, hook, o) : o;
}

/* ---- adding values --------------------------------------------------------------------------- */

static bool plain_key(PyObject *k)
{
    return PyUnicode_CheckExact(k) || PyBytes_CheckExact(k) || PyLong_CheckExact(k) ||
           PyFloat_CheckExact(k) || PyBool_Check(k) || k == Py_None;
}

static int check_key(decoder *d, PyObject *key)
{
    if (PyUnicode_CheckExact(key) || PyBytes_CheckExact(key) || !d->options->strict_map_key)
        return 0;
    PyErr_Format(PyExc_ValueError,
                 "%.100s is not allowed for map key when strict_map_key=True",
                 Py_TYPE(key)->tp_name);
    return -1;
}

/* Takes over both references, also on failure. */
static int add_pair(decoder *d, unpack_frame *f, PyObject *key, PyObject *value)
{
    int failed;
    if (PP_UNLIKELY(f->kind == UNPACK_PAIRS)) {
        PyObject *pair = PyTuple_Pack(2, key, value);
        failed = pair ? push_value(d, pair) : -1;
    } else if (PP_LIKELY(plain_key(key) && !d->hooks)) {
        failed = PyDict_SetItem(f->container, key, value);
    } else { /* the key's __hash__ and __eq__, or what a second value replaces, may be the caller's */
        failed = decoder_leave(d) || PyDict_SetItem(f->container, key, value);
        decoder_return(d);
    }
    Py_DECREF(key);
    Py_DECREF(value);
    if (PP_UNLIKELY(failed))
        return -1;
    f->left--;
    return 0;
}

/* Gives a finished container to the frame below, or makes it the result. */
static int attach(decoder *d, PyObject *v)
{
    if (d->depth == 0) {
        d->result = v;
        return 0;
    }
    unpack_frame *f = &d->frames[d->depth - 1];
    switch (f->kind) {
    case UNPACK_GATHER:
        f->left--;
        return push_value(d, v);
    case UNPACK_PLACE: {
        PyObject **items = d->options->use_list ? ((PyListObject *)f->container)->ob_item
                                                : ((PyTupleObject *)f->container)->ob_item;
        items[f->size - f->left--] = v;
        return 0;
    }
    default:
        if (!f->key) {
            f->key = v; /* the decoder's now, also if it is refused */
            return check_key(d, v);
        }
        PyObject *key = f->key;
        f->key = NULL;
        return add_pair(d, f, key, v);
    }
}

/* ---- tokens with a long body ------------------------------------------------------------------- */

token read_body_token(decoder *d, const uint8_t **p, const uint8_t *end, bool is_key,
                      PyObject **value)
{
    const uint8_t *at = *p;
    size_t have = (size_t)(end - at), header, n;
    uint8_t byte = *at;
    bool ext = (byte >= PP_EXT8 && byte <= PP_EXT32) || (byte >= PP_FIXEXT1 && byte <= PP_FIXEXT16);
    switch (byte) {
    case PP_BIN8:
    case PP_EXT8:
        header = 2;
        break;
    case PP_BIN16:
    case PP_EXT16:
    case PP_STR16:
        header = 3;
        break;
    case PP_BIN32:
    case PP_EXT32:
    case PP_STR32:
        header = 5;
        break;
    case PP_NEVER_USED:
        PyErr_Format(d->state->FormatError, "byte 0xc1 at offset %llu begins no MessagePack value",
                     (unsigned long long)decoder_position(d, at));
        return TOKEN_ERROR;
    default: /* fixext */
        header = 1;
        break;
    }
    if (have < header)
        return TOKEN_NEED;
    n = header == 1   ? (size_t)1 << (byte - PP_FIXEXT1)
        : header == 2 ? at[1]
        : header == 3 ? pp_load_be16(at + 1)
                      : pp_load_be32(at + 1);
    header += ext;
    Py_ssize_t limit = ext                                    ? d->options->max_ext_len
                       : byte == PP_STR16 || byte == PP_STR32 ? d->options->max_str_len
                                                              : d->options->max_bin_len;
    /* A body over its limit is an error before it has come. */
    if (have < header || (have - header < n && (Py_ssize_t)n <= limit))
        return TOKEN_NEED;
    const uint8_t *body = at + header;
    d->cursor = at;
    if (ext)
        *value = decode_ext(d, (int8_t)at[header - 1], body, n);
    else if (byte == PP_STR16 || byte == PP_STR32)
        *value = decode_str(d, body, n, is_key);
    else
        *value = decode_bin(d, body, n, is_key);
    *p = body + n;
    return *value ? TOKEN_LEAF : TOKEN_ERROR;
}

/* ---- loops --------------------------------------------------------------------------------------- */

enum { GO_ON = 2 }; /* beside decode_status: nothing to report, look at the top frame */

static int open_container(decoder *d, token t, uint32_t size)
{
    d->slice.budget--;
    return (t == TOKEN_ARRAY ? open_array(d, size) : open_map(d, size)) ? DECODE_ERROR : GO_ON;
}

/* Decodes items of the array on top until it is complete, an item is a
 * container, the budget or the input ends. */
static int run_array(decoder *d, unpack_frame *f)
{
    bool gather = f->kind == UNPACK_GATHER;
    const uint8_t *p = d->cursor, *end = d->end;
    uint32_t left = f->left, begin = left, stop = 0, size = 0;
    token t = TOKEN_LEAF;
    PyObject *v, **to;
    if (left > (uint32_t)d->slice.budget)
        stop = left - (uint32_t)d->slice.budget;
    if (gather) {
        if (PP_UNLIKELY(d->values_capacity - d->values_count < left - stop) &&
            grow_values(d, left - stop))
            return DECODE_ERROR;
        to = d->values + d->values_count;
    } else {
        to = (d->options->use_list ? ((PyListObject *)f->container)->ob_item
                                   : ((PyTupleObject *)f->container)->ob_item) +
             (f->size - left);
    }
    while (left > stop) {
        t = read_token(d, &p, end, false, &v, &size);
        if (PP_UNLIKELY(t != TOKEN_LEAF))
            break;
        *to++ = v;
        left--;
        /* An ext hook may have run: what is here belongs to the decoder. */
        if (gather)
            d->values_count++;
        f->left = left;
    }
    d->slice.budget -= (int)(begin - left);
    d->cursor = p;
    if (t == TOKEN_LEAF)
        return GO_ON;
    if (t == TOKEN_NEED)
        return DECODE_NEED;
    return t == TOKEN_ERROR ? DECODE_ERROR : open_container(d, t, size);
}

static int run_map(decoder *d, unpack_frame *f)
{
    const uint8_t *p = d->cursor, *end = d->end;
    PyObject *key = f->key, *value;
    uint32_t size = 0;
    int budget = d->slice.budget;
    token t = TOKEN_LEAF;
    f->key = NULL;
    while (f->left && budget > 0) {
        if (!key) {
            t = read_token(d, &p, end, true, &key, &size);
            if (PP_UNLIKELY(t != TOKEN_LEAF)) {
                key = NULL;
                break;
            }
            if (PP_UNLIKELY(!PyUnicode_CheckExact(key)) && check_key(d, key)) {
                t = TOKEN_ERROR;
                break;
            }
        }
        t = read_token(d, &p, end, false, &value, &size);
        if (PP_UNLIKELY(t != TOKEN_LEAF))
            break;
        budget -= 2;
        if (PP_UNLIKELY(add_pair(d, f, key, value))) {
            key = NULL;
            t = TOKEN_ERROR;
            break;
        }
        key = NULL;
    }
    f->key = key;
    d->slice.budget = budget;
    d->cursor = p;
    if (t == TOKEN_LEAF)
        return GO_ON;
    if (t == TOKEN_NEED)
        return DECODE_NEED;
    return t == TOKEN_ERROR ? DECODE_ERROR : open_container(d, t, size);
}

/* Runs the top frame, and hands it down once it is complete. */
static int step(decoder *d)
{
    unpack_frame *f = &d->frames[d->depth - 1];
    if (f->left) {
        bool map = f->kind == UNPACK_MAP || f->kind == UNPACK_PAIRS;
        int status = map ? run_map(d, f) : run_array(d, f);
        if (status != GO_ON)
            return status;
        f = &d->frames[d->depth - 1];
    }
    if (f->left == 0) {
        PyObject *v = finish(d);
        if (PP_UNLIKELY(!v) || attach(d, v))
            return DECODE_ERROR;
    }
    if (PP_UNLIKELY(d->slice.budget <= 0) && slice_checkpoint(&d->slice) < 0)
        return DECODE_ERROR;
    return GO_ON;
}

static int run(decoder *d)
{
    if (d->depth == 0) {
        const uint8_t *p = d->cursor;
        uint32_t size = 0;
        token t = read_token(d, &p, d->end, false, &d->result, &size);
        d->cursor = p;
        if (t == TOKEN_NEED)
            return DECODE_NEED;
        if (t == TOKEN_ERROR) {
            d->result = NULL;
            return DECODE_ERROR;
        }
        if (t == TOKEN_LEAF)
            return DECODE_DONE;
        if (open_container(d, t, size) == DECODE_ERROR)
            return DECODE_ERROR;
    }
    while (d->depth) {
        int status = step(d);
        if (PP_UNLIKELY(status != GO_ON))
            return status;
    }
    return DECODE_DONE;
}

decode_status decoder_run(decoder *d, PyObject **result)
{
    const unpack_options *o = d->options;
    d->hooks = o->object_hook || o->object_pairs_hook || o->list_hook || o->ext_hook;
    d->suspend = d->end - d->cursor >= UNPACK_SUSPEND_MIN;
    slice_begin(&d->slice, d->state, d->options->atomic);
    decoder_return(d); /* suspends the collector if d->suspend */
    int status = run(d);
    if (status != DECODE_ERROR)
        decoder_flush(d);
    slice_resume_gc(&d->slice);
    if (d->keys) {
        key_cache_release(&d->state->key_caches, d->keys);
        d->keys = NULL;
    }
    if (status == DECODE_DONE) {
        *result = d->result;
        d->result = NULL;
    }
    return (decode_status)status;
}
