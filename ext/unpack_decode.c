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
        if (f->shape)
            shape_release(f->shape);
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
    unpack_frame *frames =
        PyMem_Realloc(first ? NULL : d->frames, (size_t)capacity * sizeof *frames);
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
    d->frames[d->depth++] =
        (unpack_frame){.container = container, .size = size, .left = size, .kind = (uint8_t)kind};
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

static int too_deep(decoder *d, const uint8_t *header)
{
    PyErr_Format(d->state->StackError, "containers are nested more than %d deep at offset %llu",
                 UNPACK_DEPTH_MAX, (unsigned long long)decoder_position(d, header));
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

static int open_array(decoder *d, uint32_t size, const uint8_t *header)
{
    if (PP_UNLIKELY(size > (size_t)d->options->max_array_len)) {
        decode_too_long(d, header, size, "max_array_len", d->options->max_array_len);
        return -1;
    }
    if (PP_UNLIKELY(d->depth == UNPACK_DEPTH_MAX))
        return too_deep(d, header);
    if (size <= UNPACK_GATHER_MAX || !backed_by_input(d, size))
        return push_frame(d, UNPACK_GATHER, NULL, size);
    PyObject *container = new_in_place(d, size);
    return container ? push_frame(d, UNPACK_PLACE, container, size) : -1;
}

/* The caches of keys and shapes, for as long as decoder_run() lasts. */
static key_cache *keys_of(decoder *d)
{
    if (PP_UNLIKELY(!d->keys))
        d->keys = key_cache_acquire(&d->state->key_caches);
    return d->keys;
}

static PyObject *new_dict(decoder *d, uint32_t size)
{
    if (size >= PRESIZE_MIN && _PyDict_NewPresized && backed_by_input(d, 2 * (uint64_t)size))
        return _PyDict_NewPresized(Py_MIN(size, PRESIZE_MAX));
    return PyDict_New();
}

static int open_map(decoder *d, uint32_t size, const uint8_t *header)
{
    if (PP_UNLIKELY(size > (size_t)d->options->max_map_len)) {
        decode_too_long(d, header, size, "max_map_len", d->options->max_map_len);
        return -1;
    }
    if (PP_UNLIKELY(d->depth == UNPACK_DEPTH_MAX))
        return too_deep(d, header);
    if (PP_UNLIKELY(d->options->object_pairs_hook != NULL))
        return push_frame(d, UNPACK_PAIRS, NULL, size);
    shape *expected = NULL;
    if (d->shaped && size - SHAPE_SIZE_MIN <= SHAPE_SIZE_MAX - SHAPE_SIZE_MIN && keys_of(d))
        expected = shape_expect(&d->keys->shapes, size, d->cursor, (size_t)(d->end - d->cursor));
    PyObject *container = expected ? PyDict_Copy(expected->template) : new_dict(d, size);
    if (PP_UNLIKELY(!container || push_frame(d, UNPACK_MAP, container, size))) {
        if (expected)
            shape_release(expected);
        return -1;
    }
    d->frames[d->depth - 1].shape = expected;
    return 0;
}

/* ---- shapes -------------------------------------------------------------------------------- */

/* Lets a map go on without the shape that was expected of it. */
static int leave_shape(decoder *d, unpack_frame *f, bool wrong)
{
    uint32_t done = f->size - f->left;
    PyObject *dict = wrong ? shape_abandon(&d->keys->shapes, f->shape, f->container, done)
                           : shape_partial(f->shape, f->container, done);
    shape_release(f->shape);
    f->shape = NULL;
    if (!dict)
        return -1;
    Py_SETREF(f->container, dict);
    return 0;
}

/* Between two calls no frame has a shape: its table may be another thread's by then. */
static int leave_shapes(decoder *d)
{
    int failed = 0;
    for (int i = 0; i < d->depth; i++)
        if (d->frames[i].shape && leave_shape(d, &d->frames[i], false))
            failed = -1;
    return failed;
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

/* Pops the top frame, which is of that kind, and returns the finished container, or
 * NULL with an exception. */
PP_INLINE PyObject *finish(decoder *d, unpack_frame_kind kind)
{
    unpack_frame *f = &d->frames[d->depth - 1];
    PyObject *o = f->container, *hook;
    switch (kind) {
    case UNPACK_MAP:
        hook = d->options->object_hook;
        if (f->shape)
            shape_release(f->shape);
        else if (d->shaped && d->keys &&
                 f->size - SHAPE_SIZE_MIN <= SHAPE_SIZE_MAX - SHAPE_SIZE_MIN)
            shape_learn(&d->keys->shapes, o, f->size);
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
                 "%.100s is not allowed for map key when strict_map_key=True (the key that ends "
                 "at offset %llu)",
                 Py_TYPE(key)->tp_name, (unsigned long long)decoder_position(d, d->cursor));
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
    } else { /* the key's __hash__ and __eq__, or what a second value replaces, may be the caller's
              */
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

/* ---- tokens with a long body -------------------------------------------------------------------
 */

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

/* ---- loops --------------------------------------------------------------------------------- */

/* What a loop reports beside decode_status. */
enum {
    GO_ON = 2, /* look at the top frame: another one is there, or the budget is used up */
    VALUE = 3, /* the container is complete; its frame is gone */
};

/* How many containers deep the C stack is used; deeper ones wait on the frames. */
enum { RECURSION_MAX = 24 };

static int run_top(decoder *d, PyObject **value);
static int run_gather(decoder *d, int at, PyObject **value);

/* Opens a container whose header has been read, and decodes it at once if it is
 * not deep. VALUE with `*value`; GO_ON, DECODE_NEED or DECODE_ERROR with its frame,
 * if it has one, on top. */
static PP_NOINLINE int run_container(decoder *d, token t, uint32_t size, const uint8_t *at,
                                     PyObject **value)
{
    d->slice.budget--;
    if (t == TOKEN_ARRAY ? open_array(d, size, at) : open_map(d, size, at))
        return DECODE_ERROR;
    if (PP_UNLIKELY(d->depth > RECURSION_MAX || d->slice.budget <= 0))
        return GO_ON;
    if (t == TOKEN_ARRAY && size <= UNPACK_GATHER_MAX)
        return run_gather(d, d->depth - 1, value);
    return run_top(d, value);
}

PP_INLINE PyObject **place(const decoder *d, const unpack_frame *f)
{
    return (d->options->use_list ? ((PyListObject *)f->container)->ob_item
                                 : ((PyTupleObject *)f->container)->ob_item) +
           (f->size - f->left);
}

/* What to report for a token that is neither a leaf nor a container. */
PP_INLINE int no_value(token t)
{
    return t == TOKEN_NEED ? DECODE_NEED : DECODE_ERROR;
}

/* Decodes items of the array frame `at`, which is on top: VALUE when it is
 * complete and taken off, else what stopped it. */
PP_INLINE int run_array(decoder *d, int at, bool gather, PyObject **value)
{
    const uint8_t *p = d->cursor, *end = d->end, *header;
    unpack_frame *f = &d->frames[at];
    while (f->left) {
        uint32_t begin = f->left, stop = 0, size = 0;
        token t = TOKEN_LEAF;
        PyObject *v;
        if (PP_UNLIKELY(begin > (uint32_t)d->slice.budget))
            stop = begin - (uint32_t)d->slice.budget;
        while (f->left > stop) {
            header = p;
            t = read_token(d, &p, end, false, &v, &size);
            if (PP_UNLIKELY(t != TOKEN_LEAF))
                break;
            if (!gather)
                *place(d, f) = v;
            else if (push_value(d, v))
                return DECODE_ERROR;
            f->left--;
        }
        d->cursor = p;
        d->slice.budget -= (int)(begin - f->left);
        if (t != TOKEN_LEAF) {
            if (t != TOKEN_ARRAY && t != TOKEN_MAP)
                return no_value(t);
            int status = run_container(d, t, size, header, &v);
            if (status != VALUE)
                return status;
            p = d->cursor;
            f = &d->frames[at];
            if (!gather)
                *place(d, f) = v;
            else if (push_value(d, v))
                return DECODE_ERROR;
            f->left--;
        }
        if (PP_UNLIKELY(d->slice.budget <= 0) && f->left)
            return GO_ON;
    }
    *value = finish(d, gather ? UNPACK_GATHER : UNPACK_PLACE);
    return PP_LIKELY(*value != NULL) ? VALUE : DECODE_ERROR;
}

static int run_gather(decoder *d, int at, PyObject **value)
{
    return run_array(d, at, true, value);
}

static int run_place(decoder *d, int at, PyObject **value)
{
    return run_array(d, at, false, value);
}

/* The same for the pairs of a map. Between the two, f->key holds the key. */
static int run_map(decoder *d, int at, PyObject **value)
{
    const uint8_t *p = d->cursor, *end = d->end, *header;
    unpack_frame *f = &d->frames[at];
    PyObject *key = f->key, *v;
    uint32_t size = 0;
    token t;
    int status;
    f->key = NULL;
    while (f->left) {
        if (PP_UNLIKELY(d->slice.budget <= 0)) {
            f->key = key;
            return GO_ON;
        }
        if (!key && f->shape) {
            PyObject *expected = f->shape->key[f->size - f->left];
            if (PP_LIKELY(shape_key_is(expected, p, (size_t)(end - p)))) {
                key = Py_NewRef(expected);
                p += 1 + PyUnicode_GET_LENGTH(expected);
            } else if (p < end && leave_shape(d, f, true)) {
                return DECODE_ERROR;
            }
        }
        if (!key) {
            header = p;
            t = read_token(d, &p, end, true, &key, &size);
            d->cursor = p;
            if (PP_UNLIKELY(t != TOKEN_LEAF)) {
                if (t != TOKEN_ARRAY && t != TOKEN_MAP)
                    return no_value(t);
                status = run_container(d, t, size, header, &key);
                if (status != VALUE)
                    return status;
                p = d->cursor;
                f = &d->frames[at];
            }
            if (PP_UNLIKELY(!PyUnicode_CheckExact(key)) && check_key(d, key)) {
                f->key = key;
                return DECODE_ERROR;
            }
        }
        header = p;
        t = read_token(d, &p, end, false, &v, &size);
        if (PP_UNLIKELY(t != TOKEN_LEAF)) {
            d->cursor = p;
            f->key = key;
            if (t != TOKEN_ARRAY && t != TOKEN_MAP)
                return no_value(t);
            status = run_container(d, t, size, header, &v);
            if (status != VALUE)
                return status;
            p = d->cursor;
            f = &d->frames[at];
            f->key = NULL;
        }
        d->cursor = p;
        d->slice.budget -= 2;
        if (PP_LIKELY(f->kind == UNPACK_MAP && !d->hooks && PyUnicode_CheckExact(key))) {
            status = PyDict_SetItem(f->container, key, v);
            Py_DECREF(key);
            Py_DECREF(v);
            f->left--;
        } else {
            status = add_pair(d, f, key, v);
        }
        key = NULL;
        if (PP_UNLIKELY(status))
            return DECODE_ERROR;
    }
    *value = finish(d, (unpack_frame_kind)d->frames[at].kind);
    return PP_LIKELY(*value != NULL) ? VALUE : DECODE_ERROR;
}

static int run_top(decoder *d, PyObject **value)
{
    int at = d->depth - 1;
    switch (d->frames[at].kind) {
    case UNPACK_GATHER:
        return run_gather(d, at, value);
    case UNPACK_PLACE:
        return run_place(d, at, value);
    default:
        return run_map(d, at, value);
    }
}

static int run(decoder *d)
{
    PyObject *value;
    int status = VALUE;
    if (d->depth == 0) {
        const uint8_t *p = d->cursor, *header = p;
        uint32_t size = 0;
        token t = read_token(d, &p, d->end, false, &value, &size);
        d->cursor = p;
        if (t == TOKEN_LEAF) {
            d->result = value;
            return DECODE_DONE;
        }
        if (t != TOKEN_ARRAY && t != TOKEN_MAP)
            return no_value(t);
        status = run_container(d, t, size, header, &value);
        if (status == VALUE) {
            d->result = value;
            return DECODE_DONE;
        }
        if (status != GO_ON)
            return status;
    }
    for (;;) {
        if (PP_UNLIKELY(d->slice.budget <= 0)) {
            decoder_flush(d); /* other threads could find the bodies in a dict that is begun */
            if (slice_checkpoint(&d->slice) < 0)
                return DECODE_ERROR;
        }
        status = run_top(d, &value);
        if (status == VALUE) {
            if (attach(d, value))
                return DECODE_ERROR;
            if (d->depth == 0)
                return DECODE_DONE;
        } else if (status != GO_ON) {
            return status;
        }
    }
}

decode_status decoder_run(decoder *d, PyObject **result)
{
    const unpack_options *o = d->options;
    d->hooks = o->object_hook || o->object_pairs_hook || o->list_hook || o->ext_hook;
    d->shaped = !d->hooks && !o->raw && o->max_str_len >= SHAPE_KEY_MAX;
    d->suspend = d->end - d->cursor >= UNPACK_SUSPEND_MIN;
    slice_begin(&d->slice, d->state, d->options->atomic);
    decoder_return(d); /* suspends the collector if d->suspend */
    int status = run(d);
    if (status == DECODE_NEED && leave_shapes(d))
        status = DECODE_ERROR;
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
