/* parapack.Unpacker.
 *
 * Lock: everything in an Unpacker is guarded by `lock`, which every method holds
 * while it runs, hooks and reads included. Another thread waits; a hook that calls
 * the Unpacker it is called by gets RuntimeError. After an error the value under
 * construction is dropped and the Unpacker goes on behind what it has read of it; a
 * byte that begins no value is not passed.
 */
#include "unpacker.h"

#include "owner_lock.h"
#include "parapack/skip.h"
#include "stream.h"
#include "unpack_options.h"

enum { SKIP_HELD = 256 * 1024 }; /* bytes: passing over fewer does not pay for giving up the GIL */

/* The method that began the value under construction: another one cannot go on with it. */
typedef enum unpack_method {
    METHOD_NONE,
    METHOD_UNPACK,
    METHOD_SKIP,
} unpack_method;

typedef struct {
    PyObject_HEAD owner_lock lock;
    module_state *state;
    unpack_options options; /* hooks and unicode_errors are owned here */
    stream input;
    decoder decoder;
    pp_skipper skipper;
    uint64_t *skip_stack; /* PP_MAX_DEPTH counts, allocated by the first skip() */
    unpack_method method;
} Unpacker;

/* ---- options ---------------------------------------------------------------------- */

static void options_own(unpack_options *o)
{
    Py_XINCREF(o->object_hook);
    Py_XINCREF(o->object_pairs_hook);
    Py_XINCREF(o->list_hook);
    Py_XINCREF(o->ext_hook);
    Py_XINCREF(o->unicode_errors);
    o->file_like = NULL; /* the stream has its read method */
}

static void options_disown(unpack_options *o)
{
    Py_CLEAR(o->object_hook);
    Py_CLEAR(o->object_pairs_hook);
    Py_CLEAR(o->list_hook);
    Py_CLEAR(o->ext_hook);
    Py_CLEAR(o->unicode_errors);
}

static int options_read(module_state *st, unpack_options *o, PyObject *args, PyObject *kwargs)
{
    unpack_options_init(o);
    if (PyTuple_GET_SIZE(args) > 1) {
        PyErr_Format(PyExc_TypeError,
                     "Unpacker() takes at most 1 positional argument, file_like (%zd given)",
                     PyTuple_GET_SIZE(args));
        return -1;
    }
    if (kwargs && unpack_options_dict(st, o, kwargs))
        return -1;
    if (PyTuple_GET_SIZE(args) == 1) {
        if (o->file_like) {
            PyErr_SetString(PyExc_TypeError,
                            "Unpacker() got multiple values for argument 'file_like'");
            return -1;
        }
        o->file_like = PyTuple_GET_ITEM(args, 0);
    }
    if (o->file_like == Py_None)
        o->file_like = NULL;
    if (o->max_buffer_size == 0)
        o->max_buffer_size = (Py_ssize_t)Py_MIN((uint64_t)PY_SSIZE_T_MAX, (uint64_t)UINT32_MAX);
    if (o->max_buffer_size < 0 || o->read_size < 0) {
        PyErr_Format(PyExc_ValueError, "%s must not be negative",
                     o->read_size < 0 ? "read_size" : "max_buffer_size");
        return -1;
    }
    if (o->read_size > o->max_buffer_size) {
        PyErr_SetString(PyExc_ValueError, "read_size should be less or equal to max_buffer_size");
        return -1;
    }
    if (o->read_size == 0)
        o->read_size = Py_MIN(o->max_buffer_size, 1024 * 1024);
    unpack_options_limits(o, o->max_buffer_size);
    return 0;
}

/* The read method of a file, as a new reference. */
static PyObject *read_method(module_state *st, PyObject *file)
{
    PyObject *read = PyObject_GetAttr(file, st->str_read);
    if (read && !PyCallable_Check(read)) {
        PyErr_SetString(PyExc_TypeError, "`file_like.read` must be a callable.");
        Py_CLEAR(read);
    }
    return read;
}

/* ---- decoding ------------------------------------------------------------------------ */

/* One attempt with the bytes at hand: 1 done, 0 more are needed, -1 failed.
 * `*result` is a new reference where it is 1. */
typedef int (*attempt)(Unpacker *self, PyObject **result);

static int attempt_unpack(Unpacker *self, PyObject **result)
{
    stream *in = &self->input;
    decoder *d = &self->decoder;
    decoder_feed(d, in->data + in->head, (size_t)stream_size(in), in->offset);
    int status = decoder_run(d, result);
    stream_advance(in, d->cursor - d->base);
    self->method = status == DECODE_NEED && (decoder_busy(d)) ? METHOD_UNPACK : METHOD_NONE;
    if (status == DECODE_ERROR)
        decoder_clear(d);
    return status;
}

/* The exception for bad input that skip() has found. */
static int skip_failed(Unpacker *self, pp_status status, uint64_t start)
{
    PyObject *type = status == PP_ERR_DEPTH ? self->state->StackError : self->state->FormatError;
    PyErr_Format(type, "%s (at offset %llu)", pp_status_text(status),
                 (unsigned long long)(start + self->skipper.offset));
    return -1;
}

/* Skips in the bytes at hand: a short value with the GIL, what is left of a long one without. */
static pp_status skip_some(Unpacker *self)
{
    stream *in = &self->input;
    size_t used, size = (size_t)stream_size(in);
    size_t held = self->options.atomic ? size : Py_MIN(size, SKIP_HELD);
    pp_status status = pp_skipper_feed(&self->skipper, in->data + in->head, held, &used);
    stream_advance(in, (Py_ssize_t)used);
    if (status != PP_ERR_EOF || held == size)
        return status;
    Py_BEGIN_ALLOW_THREADS
        status = pp_skipper_feed(&self->skipper, in->data + in->head, size - held, &used);
    Py_END_ALLOW_THREADS
    stream_advance(in, (Py_ssize_t)used);
    return status;
}

static int attempt_skip(Unpacker *self, PyObject **result)
{
    if (!self->skip_stack) {
        self->skip_stack = PyMem_New(uint64_t, PP_MAX_DEPTH);
        if (!self->skip_stack) {
            PyErr_NoMemory();
            return -1;
        }
    }
    if (self->method == METHOD_NONE)
        pp_skipper_init(&self->skipper, self->skip_stack, PP_MAX_DEPTH, 0);
    uint64_t start = self->input.offset - self->skipper.offset;
    pp_status status = skip_some(self);
    self->method = status == PP_ERR_EOF ? METHOD_SKIP : METHOD_NONE;
    if (status == PP_ERR_EOF)
        return 0;
    if (status != PP_OK)
        return skip_failed(self, status, start);
    *result = Py_NewRef(Py_None);
    return 1;
}

/* A header of the kind whose first byte is `fix` (short form) or `wide`, `wide` + 1. */
static int attempt_header(Unpacker *self, uint8_t fix, uint8_t wide, PyObject **result)
{
    stream *in = &self->input;
    const uint8_t *p = in->data + in->head;
    uint32_t size;
    Py_ssize_t need = 1;
    if ((*p & 0xf0) == fix) {
        size = *p & 0x0f;
    } else if (*p == wide || *p == wide + 1) {
        need = *p == wide ? 3 : 5;
        if (stream_size(in) < need)
            return 0;
        size = need == 3 ? pp_load_be16(p + 1) : pp_load_be32(p + 1);
    } else {
        PyErr_Format(PyExc_ValueError,
                     "Unexpected type header on stream: byte 0x%x at offset %llu begins no %s", *p,
                     (unsigned long long)in->offset, fix == PP_FIXARRAY ? "array" : "map");
        return -1;
    }
    *result = PyLong_FromUnsignedLong(size);
    if (!*result)
        return -1;
    stream_advance(in, need);
    return 1;
}

static int attempt_array_header(Unpacker *self, PyObject **result)
{
    return attempt_header(self, PP_FIXARRAY, PP_ARRAY16, result);
}

static int attempt_map_header(Unpacker *self, PyObject **result)
{
    return attempt_header(self, PP_FIXMAP, PP_MAP16, result);
}

/* Attempts until there is a result. NULL with an exception; NULL without one
 * where the input ends. */
static PyObject *try_until_done(Unpacker *self, unpack_method method, attempt try_once)
{
    stream *in = &self->input;
    if (self->method != METHOD_NONE && self->method != method) {
        PyErr_SetString(PyExc_ValueError,
                        "Cannot switch unpacking methods while an object is incomplete");
        return NULL;
    }
    for (;;) {
        PyObject *result = NULL;
        int done = stream_size(in) ? try_once(self, &result) : 0;
        if (done > 0)
            return result;
        if (done < 0 || !in->read || stream_read(in, self->state) < 0)
            return NULL;
    }
}

/* Runs one method under the lock; at the end of the input raises `at_end`. */
static PyObject *run_method(Unpacker *self, unpack_method method, attempt try_once,
                            PyObject *at_end)
{
    if (owner_lock_acquire(&self->lock, "Unpacker"))
        return NULL;
    PyObject *result = try_until_done(self, method, try_once);
    if (!result && !PyErr_Occurred())
        PyErr_SetString(at_end, "No more data to unpack.");
    owner_lock_release(&self->lock);
    return result;
}

/* ---- methods ---------------------------------------------------------------------------- */

PyDoc_STRVAR(feed_doc,
             "feed($self, next_bytes)\n--\n\n"
             "Append the bytes-like *next_bytes* to the input.\n\n"
             "Raises BufferFull where more than *max_buffer_size* bytes would wait, RuntimeError\n"
             "from a hook of the same Unpacker, AssertionError for one that reads a file.");

static PyObject *Unpacker_feed(Unpacker *self, PyObject *const *args, Py_ssize_t nargs,
                               PyObject *kwnames)
{
    static const char *const parameters[] = {"next_bytes", NULL};
    PyObject *data;
    if (arguments_bind("feed", parameters, 1, false, args, nargs, kwnames, &data))
        return NULL;
    if (owner_lock_acquire(&self->lock, "Unpacker.feed()"))
        return NULL;
    int failed;
    if (self->input.is_file) {
        PyErr_SetString(PyExc_AssertionError,
                        "unpacker.feed() is not be able to use with `file_like`.");
        failed = -1;
    } else {
        failed = stream_append(&self->input, self->state, data);
    }
    owner_lock_release(&self->lock);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(unpack_doc,
             "unpack($self, /)\n--\n\n"
             "Unpack one object.\n\n"
             "Raises OutOfData where the input ends before it does; feed more and call again.\n"
             "FormatError, StackError and ValueError for input that is not MessagePack, is\n"
             "nested more than 1024 deep, or exceeds a limit; whatever hooks and reads raise.\n\n"
             "Thread safety: threads may share an Unpacker; each gets whole objects.");

static PyObject *Unpacker_unpack(Unpacker *self, PyObject *Py_UNUSED(ignored))
{
    return run_method(self, METHOD_UNPACK, attempt_unpack, self->state->OutOfData);
}

PyDoc_STRVAR(skip_doc, "skip($self, /)\n--\n\n"
                       "Pass over one object without making it.\n"
                       "Raises OutOfData, FormatError and StackError as unpack() does.");

static PyObject *Unpacker_skip(Unpacker *self, PyObject *Py_UNUSED(ignored))
{
    return run_method(self, METHOD_SKIP, attempt_skip, self->state->OutOfData);
}

PyDoc_STRVAR(read_array_header_doc,
             "read_array_header($self, /)\n--\n\n"
             "Read the header of an array and return its size; its items are then unpacked one\n"
             "by one. Raises OutOfData, or ValueError (and reads nothing) if no array is next.");

static PyObject *Unpacker_read_array_header(Unpacker *self, PyObject *Py_UNUSED(ignored))
{
    return run_method(self, METHOD_NONE, attempt_array_header, self->state->OutOfData);
}

PyDoc_STRVAR(read_map_header_doc,
             "read_map_header($self, /)\n--\n\n"
             "Read the header of a map and return its number of pairs; keys and values are then\n"
             "unpacked one by one. Raises OutOfData, or ValueError (and reads nothing) if no map\n"
             "is next.");

static PyObject *Unpacker_read_map_header(Unpacker *self, PyObject *Py_UNUSED(ignored))
{
    return run_method(self, METHOD_NONE, attempt_map_header, self->state->OutOfData);
}

/* Appends to `*bytes` what the file gives for the rest. */
static int read_rest(Unpacker *self, PyObject **bytes, Py_ssize_t missing)
{
    PyObject *rest = PyObject_CallFunction(self->input.read, "n", missing);
    if (!rest)
        return -1;
    if (!PyBytes_Check(rest)) {
        PyErr_Format(PyExc_TypeError, "file_like.read() returned '%.200s', not bytes",
                     Py_TYPE(rest)->tp_name);
        Py_DECREF(rest);
        return -1;
    }
    self->input.offset += (uint64_t)PyBytes_GET_SIZE(rest);
    PyBytes_ConcatAndDel(bytes, rest);
    return *bytes ? 0 : -1;
}

PyDoc_STRVAR(read_bytes_doc, "read_bytes($self, nbytes)\n--\n\n"
                             "Take up to *nbytes* raw bytes from the input, as bytes.");

static PyObject *Unpacker_read_bytes(Unpacker *self, PyObject *const *args, Py_ssize_t nargs,
                                     PyObject *kwnames)
{
    static const char *const parameters[] = {"nbytes", NULL};
    PyObject *arg;
    if (arguments_bind("read_bytes", parameters, 1, false, args, nargs, kwnames, &arg))
        return NULL;
    Py_ssize_t wanted = PyNumber_AsSsize_t(arg, PyExc_OverflowError);
    if (wanted == -1 && PyErr_Occurred())
        return NULL;
    if (wanted < 0)
        return PyErr_Format(PyExc_ValueError, "nbytes must not be negative, but is %zd", wanted);
    if (owner_lock_acquire(&self->lock, "Unpacker.read_bytes()"))
        return NULL;
    PyObject *bytes = NULL;
    stream *in = &self->input;
    if (self->method != METHOD_NONE) {
        PyErr_SetString(PyExc_ValueError,
                        "Cannot switch unpacking methods while an object is incomplete");
    } else {
        Py_ssize_t n = Py_MIN(stream_size(in), wanted);
        bytes = PyBytes_FromStringAndSize(n ? (char *)in->data + in->head : NULL, n);
        if (bytes)
            stream_advance(in, n);
        if (bytes && n < wanted && in->read && read_rest(self, &bytes, wanted - n))
            Py_CLEAR(bytes);
    }
    owner_lock_release(&self->lock);
    return bytes;
}

PyDoc_STRVAR(tell_doc, "tell($self, /)\n--\n\n"
                       "How many bytes of the input have been used, as an int: where the next\n"
                       "object begins.");

static PyObject *Unpacker_tell(Unpacker *self, PyObject *Py_UNUSED(ignored))
{
    if (owner_lock_acquire(&self->lock, "Unpacker.tell()"))
        return NULL;
    uint64_t offset = self->input.offset;
    owner_lock_release(&self->lock);
    return PyLong_FromUnsignedLongLong(offset);
}

static PyObject *Unpacker_next(Unpacker *self)
{
    return run_method(self, METHOD_UNPACK, attempt_unpack, PyExc_StopIteration);
}

/* ---- life ----------------------------------------------------------------------------------- */

static PyObject *Unpacker_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                              PyObject *Py_UNUSED(kwargs))
{
    Unpacker *self = (Unpacker *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->state = state_of_type(type);
    unpack_options_init(&self->options);
    unpack_options_limits(&self->options, UNPACKER_BUFFER_SIZE);
    self->input.max_size = UNPACKER_BUFFER_SIZE;
    self->input.read_size = 1024 * 1024;
    decoder_init(&self->decoder, self->state, &self->options);
    if (owner_lock_init(&self->lock))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int Unpacker_init(Unpacker *self, PyObject *args, PyObject *kwargs)
{
    unpack_options options;
    PyObject *read = NULL;
    if (options_read(self->state, &options, args, kwargs))
        return -1;
    if (options.file_like) {
        read = read_method(self->state, options.file_like);
        if (!read)
            return -1;
    }
    if (owner_lock_acquire(&self->lock, "Unpacker.__init__()")) {
        Py_XDECREF(read);
        return -1;
    }
    decoder_clear(&self->decoder);
    stream_clear(&self->input);
    unpack_options old = self->options;
    options_own(&options);
    self->options = options;
    self->input.max_size = options.max_buffer_size;
    self->input.read_size = options.read_size;
    self->input.offset = 0;
    self->input.read = read;
    self->input.is_file = read != NULL;
    self->input.hold = options.atomic;
    self->method = METHOD_NONE;
    owner_lock_release(&self->lock);
    options_disown(&old);
    return 0;
}

static int Unpacker_traverse(Unpacker *self, visitproc visit, void *arg)
{
    const decoder *d = &self->decoder;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->options.object_hook);
    Py_VISIT(self->options.object_pairs_hook);
    Py_VISIT(self->options.list_hook);
    Py_VISIT(self->options.ext_hook);
    Py_VISIT(self->input.read);
    for (int i = 0; i < d->depth; i++) {
        const unpack_frame *f = &d->frames[i];
        Py_VISIT(f->key);
        if (f->kind != UNPACK_PLACE) {
            Py_VISIT(f->container);
            continue;
        }
        /* Nobody may get hold of a list that is not complete: its items stand for it. */
        for (uint32_t j = 0; j < f->size - f->left; j++)
            Py_VISIT(PySequence_Fast_ITEMS(f->container)[j]);
    }
    for (size_t i = 0; i < d->values_count; i++)
        Py_VISIT(d->values[i]);
    return 0;
}

static int Unpacker_clear(Unpacker *self)
{
    decoder_clear(&self->decoder);
    options_disown(&self->options);
    Py_CLEAR(self->input.read);
    return 0;
}

static void Unpacker_dealloc(Unpacker *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->decoder.frames) { /* tp_new may have failed before it */
        Unpacker_clear(self);
        stream_clear(&self->input);
    }
    PyMem_Free(self->skip_stack);
    owner_lock_deinit(&self->lock);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(
    unpacker_doc,
    "Unpacker(file_like=None, *, read_size=0, use_list=True, raw=False, timestamp=0,\n"
    "         strict_map_key=True, object_hook=None, object_pairs_hook=None, list_hook=None,\n"
    "         unicode_errors=None, max_buffer_size=104857600, ext_hook=None, max_str_len=-1,\n"
    "         max_bin_len=-1, max_array_len=-1, max_map_len=-1, max_ext_len=-1, atomic=False)\n"
    "--\n\n"
    "Unpacks a stream of objects, fed in pieces or read from a file. Iterate over it, or call\n"
    "unpack().\n\n"
    "file_like: an object whose read(n) returns bytes; feed() is for Unpackers without one.\n"
    "read_size: bytes asked for at a time, at most max_buffer_size.\n"
    "use_list: arrays become list (true) or tuple.\n"
    "raw: str values become bytes instead of str.\n"
    "timestamp: 0 Timestamp, 1 float seconds, 2 int nanoseconds, 3 aware datetime in UTC.\n"
    "strict_map_key: only str and bytes are accepted as map keys.\n"
    "object_hook, object_pairs_hook: called with the dict, or the list of (key, value) pairs,\n"
    "    of every map; what it returns takes its place.\n"
    "list_hook: called with every list. ext_hook: called with the code and data of every ext;\n"
    "    by default ExtType is.\n"
    "unicode_errors: the error handler for decoding str, 'strict' by default.\n"
    "max_buffer_size: bytes that may wait; 0 means 2**32-1. BufferFull beyond it.\n"
    "max_*_len: limits on claimed lengths; by default what max_buffer_size allows.\n"
    "atomic: hold the GIL throughout; see Packer.\n\n"
    "Thread safety: an Unpacker may be shared by threads, which wait for each other. A hook\n"
    "that uses the Unpacker it is called by gets RuntimeError.");

#define METHOD(name, flags)                                                                        \
    {                                                                                              \
#name, (PyCFunction)(void (*)(void))Unpacker_##name, flags, name##_doc                     \
    }

static PyMethodDef methods[] = {
    METHOD(feed, METH_FASTCALL | METH_KEYWORDS),
    METHOD(unpack, METH_NOARGS),
    METHOD(skip, METH_NOARGS),
    METHOD(read_array_header, METH_NOARGS),
    METHOD(read_map_header, METH_NOARGS),
    METHOD(read_bytes, METH_FASTCALL | METH_KEYWORDS),
    METHOD(tell, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)unpacker_doc}, {Py_tp_new, Unpacker_new},
    {Py_tp_init, Unpacker_init},       {Py_tp_traverse, Unpacker_traverse},
    {Py_tp_clear, Unpacker_clear},     {Py_tp_dealloc, Unpacker_dealloc},
    {Py_tp_iter, PyObject_SelfIter},   {Py_tp_iternext, Unpacker_next},
    {Py_tp_methods, methods},          {0, NULL},
};

static PyType_Spec spec = {
    .name = "parapack.Unpacker",
    .basicsize = sizeof(Unpacker),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int unpacker_add_type(PyObject *module, module_state *st)
{
    st->unpacker_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return st->unpacker_type ? PyModule_AddType(module, st->unpacker_type) : -1;
}
