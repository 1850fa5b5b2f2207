/* parapack.Packer.
 *
 * A pack never writes into the Packer: it has a scratch area of its own, and
 * what it made is returned (autoreset) or appended in one step that runs no
 * code of anybody's. So a Packer may be shared by threads, a hook may call the
 * Packer that called it, and a pack that fails leaves nothing behind.
 *
 * Lock: the Packer's critical section, where there is no GIL, guards `buffer`,
 * `length`, `exports` and `options`.
 */
#include "packer.h"

#include "pack_options.h"

typedef struct {
    PyObject_HEAD pack_options options; /* on_default and unicode_errors are owned here */
    PyObject *buffer;   /* bytes object, NULL while there is nothing: its size is the capacity */
    Py_ssize_t length;  /* bytes in use */
    Py_ssize_t exports; /* buffers of ours that somebody holds */
} Packer;

enum { BUFFER_MIN = 1024 };

/* ---- the buffer ------------------------------------------------------------------ */

static int check_exports_locked(Packer *self)
{
    if (self->exports == 0)
        return 0;
    PyErr_SetString(PyExc_BufferError, "Existing exports of data: Packer cannot be changed");
    return -1;
}

static int check_exports(Packer *self)
{
    LOCK_OBJECT((PyObject *)self);
    int failed = check_exports_locked(self);
    UNLOCK_OBJECT();
    return failed;
}

/* Room for `size` bytes after `length`. */
static int reserve_locked(Packer *self, Py_ssize_t size)
{
    Py_ssize_t capacity = self->buffer ? PyBytes_GET_SIZE(self->buffer) : 0;
    if (capacity - self->length >= size)
        return 0;
    if (size > PY_SSIZE_T_MAX / 2 - self->length) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t wanted = Py_MAX(capacity * 2, self->length + size);
    wanted = Py_MAX(wanted, Py_MAX(BUFFER_MIN, self->options.buf_size));
    PyObject *larger = PyBytes_FromStringAndSize(NULL, wanted);
    if (!larger)
        return -1;
    if (self->length)
        memcpy(PyBytes_AS_STRING(larger), PyBytes_AS_STRING(self->buffer), (size_t)self->length);
    Py_XSETREF(self->buffer, larger);
    return 0;
}

/* Appends what `pk` has made, or takes its scratch area over as the buffer. */
static int append_locked(Packer *self, pack *pk, PyObject *gathered)
{
    if (check_exports_locked(self))
        return -1;
    if (gathered && self->length == 0) {
        Py_XSETREF(self->buffer, Py_NewRef(gathered));
        self->length = PyBytes_GET_SIZE(gathered);
        return 0;
    }
    Py_ssize_t size = gathered ? PyBytes_GET_SIZE(gathered) : (Py_ssize_t)pack_size(pk);
    if (reserve_locked(self, size))
        return -1;
    uint8_t *to = (uint8_t *)PyBytes_AS_STRING(self->buffer) + self->length;
    if (gathered)
        memcpy(to, PyBytes_AS_STRING(gathered), (size_t)size);
    else
        pack_gather(pk, to);
    self->length += size;
    return 0;
}

static int append(Packer *self, pack *pk)
{
    /* A large result is gathered first, with the GIL given up; a small one is
     * written straight into the buffer. */
    PyObject *gathered = NULL;
    if (pack_size(pk) >= PACK_RELEASE_MIN) {
        gathered = pack_result(pk);
        if (!gathered)
            return -1;
    }
    LOCK_OBJECT((PyObject *)self);
    int failed = append_locked(self, pk, gathered);
    UNLOCK_OBJECT();
    Py_XDECREF(gathered);
    return failed;
}

/* ---- one call ---------------------------------------------------------------------- */

typedef struct {
    pack pk;
    pack_options options; /* a copy, with references of its own */
} call;

/* The options may be replaced by __init__() while the call runs. */
static int call_begin(call *c, Packer *self)
{
    LOCK_OBJECT((PyObject *)self);
    int failed = check_exports_locked(self);
    c->options = self->options;
    Py_XINCREF(c->options.on_default);
    Py_XINCREF(c->options.unicode_errors);
    UNLOCK_OBJECT();
    pack_begin(&c->pk, state_of_type(Py_TYPE(self)), &c->options);
    return failed;
}

static PyObject *call_end(call *c, Packer *self, int failed)
{
    PyObject *result = NULL;
    if (!failed && c->options.autoreset)
        result = pack_result(&c->pk);
    else if (!failed && append(self, &c->pk) == 0)
        result = Py_NewRef(Py_None);
    pack_end(&c->pk);
    Py_XDECREF(c->options.on_default);
    Py_XDECREF(c->options.unicode_errors);
    return result;
}

/* The one argument of a method, borrowed, or NULL with TypeError. */
static PyObject *one_argument(const char *method, const char *parameter, PyObject *const *args,
                              Py_ssize_t nargs, PyObject *kwnames)
{
    const char *const parameters[] = {parameter, NULL};
    PyObject *bound;
    if (PP_LIKELY(nargs == 1 && !kwnames))
        return args[0];
    return arguments_bind(method, parameters, 1, false, args, nargs, kwnames, &bound) ? NULL
                                                                                      : bound;
}

PyDoc_STRVAR(pack_doc,
             "pack($self, obj)\n--\n\n"
             "Pack *obj* and return it as bytes; with ``autoreset=False`` append it to the\n"
             "internal buffer and return None.\n\n"
             "Raises TypeError for a type that cannot be packed, ValueError for nesting deeper\n"
             "than 1024 or a body longer than 2**32-1, OverflowError for an int outside 64\n"
             "bits, RuntimeError where a container changed while a hook ran, and whatever the\n"
             "hooks raise. A pack that fails leaves the buffer as it was.\n\n"
             "Thread safety: any thread may call it at any time, also a hook of the same\n"
             "Packer.");

static PyObject *Packer_pack(Packer *self, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames)
{
    call c;
    PyObject *obj = one_argument("pack", "obj", args, nargs, kwnames);
    if (!obj)
        return NULL;
    int failed = call_begin(&c, self) || pack_object(&c.pk, obj);
    return call_end(&c, self, failed);
}

PyDoc_STRVAR(pack_array_header_doc, "pack_array_header($self, size)\n--\n\n"
                                    "Pack the header of an array; *size* values are to follow.\n"
                                    "Raises ValueError if *size* is negative or above 2**32-1.");

/* `what` is "array" or "map". -1 with ValueError unless 0 <= size <= 2**32-1. */
static int header_size(PyObject *arg, const char *what, uint32_t *size)
{
    long long v = PyLong_AsLongLong(arg);
    if (v == -1 && PyErr_Occurred())
        return -1;
    if (v < 0) {
        PyErr_Format(PyExc_ValueError, "%s size must be non-negative, not %lld", what, v);
        return -1;
    }
    if (v > (long long)PACK_LENGTH_MAX) {
        PyErr_Format(PyExc_ValueError, "%s too large: %lld is above 2**32-1", what, v);
        return -1;
    }
    *size = (uint32_t)v;
    return 0;
}

static PyObject *Packer_pack_array_header(Packer *self, PyObject *const *args, Py_ssize_t nargs,
                                          PyObject *kwnames)
{
    call c;
    uint32_t size;
    PyObject *arg = one_argument("pack_array_header", "size", args, nargs, kwnames);
    if (!arg || header_size(arg, "array", &size))
        return NULL;
    int failed = call_begin(&c, self) || pack_array_header(&c.pk, size);
    return call_end(&c, self, failed);
}

PyDoc_STRVAR(pack_map_header_doc,
             "pack_map_header($self, size)\n--\n\n"
             "Pack the header of a map; *size* pairs of values are to follow.\n"
             "Raises ValueError if *size* is negative or above 2**32-1.");

static PyObject *Packer_pack_map_header(Packer *self, PyObject *const *args, Py_ssize_t nargs,
                                        PyObject *kwnames)
{
    call c;
    uint32_t size;
    PyObject *arg = one_argument("pack_map_header", "size", args, nargs, kwnames);
    if (!arg || header_size(arg, "map", &size))
        return NULL;
    int failed = call_begin(&c, self) || pack_map_header(&c.pk, size);
    return call_end(&c, self, failed);
}

PyDoc_STRVAR(pack_map_pairs_doc, "pack_map_pairs($self, pairs)\n--\n\n"
                                 "Pack an iterable of (key, value) pairs as a map, in its order.");

static PyObject *Packer_pack_map_pairs(Packer *self, PyObject *const *args, Py_ssize_t nargs,
                                       PyObject *kwnames)
{
    call c;
    PyObject *pairs = one_argument("pack_map_pairs", "pairs", args, nargs, kwnames);
    if (!pairs)
        return NULL;
    int failed = call_begin(&c, self) || pack_pairs(&c.pk, pairs);
    return call_end(&c, self, failed);
}

PyDoc_STRVAR(pack_ext_type_doc,
             "pack_ext_type($self, typecode, data)\n--\n\n"
             "Pack an ext value of type *typecode* (-128 to 127) with the bytes *data*.");

static PyObject *Packer_pack_ext_type(Packer *self, PyObject *const *args, Py_ssize_t nargs,
                                      PyObject *kwnames)
{
    static const char *const parameters[] = {"typecode", "data", NULL};
    PyObject *bound[2];
    if (arguments_bind("pack_ext_type", parameters, 2, false, args, nargs, kwnames, bound))
        return NULL;
    long typecode = PyLong_AsLong(bound[0]);
    if (typecode == -1 && PyErr_Occurred())
        return NULL;
    if (typecode < INT8_MIN || typecode > INT8_MAX)
        return PyErr_Format(PyExc_OverflowError, "typecode must be -128 to 127, not %ld", typecode);
    PyObject *data = PyBytes_Check(bound[1]) ? Py_NewRef(bound[1]) : PyBytes_FromObject(bound[1]);
    if (!data)
        return NULL;
    call c;
    int failed = call_begin(&c, self) || pack_ext(&c.pk, (int8_t)typecode, data);
    PyObject *result = call_end(&c, self, failed);
    Py_DECREF(data);
    return result;
}

/* ---- looking at the buffer ------------------------------------------------------------ */

PyDoc_STRVAR(reset_doc, "reset($self, /)\n--\n\n"
                        "Empty the internal buffer (of use with ``autoreset=False``).\n"
                        "Raises BufferError while a buffer of it is exported.");

static PyObject *Packer_reset(Packer *self, PyObject *Py_UNUSED(ignored))
{
    LOCK_OBJECT((PyObject *)self);
    int failed = check_exports_locked(self);
    if (!failed)
        self->length = 0;
    UNLOCK_OBJECT();
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(bytes_doc, "bytes($self, /)\n--\n\n"
                        "The contents of the internal buffer, as bytes.");

static PyObject *Packer_bytes(Packer *self, PyObject *Py_UNUSED(ignored))
{
    LOCK_OBJECT((PyObject *)self);
    PyObject *result = PyBytes_FromStringAndSize(
        self->length ? PyBytes_AS_STRING(self->buffer) : NULL, self->length);
    UNLOCK_OBJECT();
    return result;
}

PyDoc_STRVAR(getbuffer_doc,
             "getbuffer($self, /)\n--\n\n"
             "A read-only memoryview of the internal buffer, without a copy. Until it is\n"
             "released, whatever would change the buffer raises BufferError.");

static PyObject *Packer_getbuffer(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyMemoryView_FromObject(self);
}

static int Packer_bf_getbuffer(Packer *self, Py_buffer *view, int flags)
{
    static char nothing;
    LOCK_OBJECT((PyObject *)self);
    void *data = self->length ? PyBytes_AS_STRING(self->buffer) : &nothing;
    int failed = PyBuffer_FillInfo(view, (PyObject *)self, data, self->length, 1, flags);
    if (!failed)
        self->exports++;
    UNLOCK_OBJECT();
    return failed;
}

static void Packer_bf_releasebuffer(Packer *self, Py_buffer *Py_UNUSED(view))
{
    LOCK_OBJECT((PyObject *)self);
    self->exports--;
    UNLOCK_OBJECT();
}

/* ---- life ------------------------------------------------------------------------------ */

static PyObject *Packer_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                            PyObject *Py_UNUSED(kwargs))
{
    Packer *self = (Packer *)type->tp_alloc(type, 0);
    if (self)
        pack_options_init(&self->options);
    return (PyObject *)self;
}

static int Packer_init(Packer *self, PyObject *args, PyObject *kwargs)
{
    if (PyTuple_GET_SIZE(args)) {
        PyErr_Format(PyExc_TypeError, "Packer() takes no positional arguments (%zd given)",
                     PyTuple_GET_SIZE(args));
        return -1;
    }
    pack_options options;
    pack_options_init(&options);
    if (kwargs && pack_options_dict(state_of_type(Py_TYPE(self)), &options, kwargs))
        return -1;
    if (check_exports(self))
        return -1;
    options.native = NULL; /* has become native_mask */
    Py_XINCREF(options.on_default);
    Py_XINCREF(options.unicode_errors);
    LOCK_OBJECT((PyObject *)self);
    pack_options old = self->options;
    self->options = options;
    self->length = 0;
    UNLOCK_OBJECT();
    Py_XDECREF(old.on_default);
    Py_XDECREF(old.unicode_errors);
    return 0;
}

static int Packer_traverse(Packer *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->options.on_default);
    return 0;
}

static int Packer_clear(Packer *self)
{
    Py_CLEAR(self->options.on_default);
    Py_CLEAR(self->options.unicode_errors);
    return 0;
}

static void Packer_dealloc(Packer *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Packer_clear(self);
    Py_XDECREF(self->buffer);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(
    packer_doc,
    "Packer(*, default=None, use_single_float=False, autoreset=True, use_bin_type=True,\n"
    "       strict_types=False, datetime=False, unicode_errors=None, buf_size=262144,\n"
    "       atomic=False, native=False)\n--\n\n"
    "Packs objects into MessagePack.\n\n"
    "default: callable, given every object of a type that cannot be packed; what it returns\n"
    "    is packed instead.\n"
    "use_single_float: pack float as float 32; OverflowError for one that does not fit.\n"
    "autoreset: pack() returns what it made. If false it is collected in an internal buffer;\n"
    "    see bytes(), getbuffer() and reset().\n"
    "use_bin_type: pack bytes as bin, and str with str 8. If false, write the old raw family.\n"
    "strict_types: pack exact types only; subclasses and tuples go to *default*.\n"
    "datetime: pack datetime objects that have a tzinfo as timestamps.\n"
    "unicode_errors: the error handler for encoding str, 'strict' by default.\n"
    "buf_size: the size of the internal buffer when it is first needed, in bytes.\n"
    "atomic: hold the GIL throughout, so that no other Python code runs during a pack unless a\n"
    "    hook lets it. By default a long pack gives the GIL up at least once every\n"
    "    sys.getswitchinterval(): it is still well formed and, where no hook has run,\n"
    "    undisturbed by containers that change size, but it is no snapshot of a graph whose\n"
    "    items other threads replace meanwhile.\n"
    "native: also pack dataclasses, enums, UUID, datetime, Decimal, NumPy, sets and objects\n"
    "    with __msgpack__: True for all, or an iterable of names.\n\n"
    "Thread safety: a Packer may be shared by threads.");

#define METHOD(name, flags)                                                                        \
    {                                                                                              \
#name, (PyCFunction)(void (*)(void))Packer_##name, flags, name##_doc                       \
    }

static PyMethodDef methods[] = {
    METHOD(pack, METH_FASTCALL | METH_KEYWORDS),
    METHOD(pack_array_header, METH_FASTCALL | METH_KEYWORDS),
    METHOD(pack_map_header, METH_FASTCALL | METH_KEYWORDS),
    METHOD(pack_map_pairs, METH_FASTCALL | METH_KEYWORDS),
    METHOD(pack_ext_type, METH_FASTCALL | METH_KEYWORDS),
    METHOD(reset, METH_NOARGS),
    METHOD(bytes, METH_NOARGS),
    METHOD(getbuffer, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)packer_doc},
    {Py_tp_new, Packer_new},
    {Py_tp_init, Packer_init},
    {Py_tp_traverse, Packer_traverse},
    {Py_tp_clear, Packer_clear},
    {Py_tp_dealloc, Packer_dealloc},
    {Py_tp_methods, methods},
    {Py_bf_getbuffer, Packer_bf_getbuffer},
    {Py_bf_releasebuffer, Packer_bf_releasebuffer},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "parapack.Packer",
    .basicsize = sizeof(Packer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int packer_add_type(PyObject *module, module_state *st)
{
    st->packer_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return st->packer_type ? PyModule_AddType(module, st->packer_type) : -1;
}
