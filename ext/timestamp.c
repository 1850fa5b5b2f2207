/* timestamp.c - parapack.Timestamp. */
#include "timestamp.h"

#include <structmember.h>

#include "datetimes.h"
#include "parapack/format.h"
#include "parapack/timestamp.h"

#define GIGA 1000000000

typedef struct timestamp {
    PyObject_HEAD int64_t seconds; /* meaningless where large is set */
    PyObject *large;               /* an exact int that int64_t cannot hold, or NULL */
    uint32_t nanoseconds;          /* <= 999,999,999 */
} timestamp;

/* Instances hold at most an int, so they cannot be part of a cycle (the type is
 * immutable, hence holds none of them) and need no place in the collector. */

/* ---- the C side -------------------------------------------------------------- */

static PyObject *new_of(PyTypeObject *type, int64_t seconds, uint32_t nanoseconds)
{
    timestamp *self = (timestamp *)type->tp_alloc(type, 0);
    if (self) {
        self->seconds = seconds;
        self->nanoseconds = nanoseconds;
    }
    return (PyObject *)self;
}

PyObject *timestamp_new(module_state *st, int64_t seconds, uint32_t nanoseconds)
{
    return new_of(st->timestamp_type, seconds, nanoseconds);
}

int timestamp_get(PyObject *self, int64_t *seconds, uint32_t *nanoseconds)
{
    const timestamp *ts = (timestamp *)self;
    if (ts->large) {
        PyErr_SetString(PyExc_OverflowError,
                        "Timestamp seconds must be -2**63 to 2**63-1 to be packed");
        return -1;
    }
    *seconds = ts->seconds;
    *nanoseconds = ts->nanoseconds;
    return 0;
}

PyObject *timestamp_to_float(int64_t seconds, uint32_t nanoseconds)
{
    return PyFloat_FromDouble((double)seconds + (double)nanoseconds / 1e9);
}

/* seconds * 10**9 + nanoseconds, for any int. */
static PyObject *nanoseconds_of_long(PyObject *seconds, uint32_t nanoseconds)
{
    PyObject *giga = PyLong_FromLong(GIGA);
    PyObject *product = giga ? PyNumber_Multiply(seconds, giga) : NULL;
    PyObject *rest = product ? PyLong_FromUnsignedLong(nanoseconds) : NULL;
    PyObject *sum = rest ? PyNumber_Add(product, rest) : NULL;
    Py_XDECREF(giga);
    Py_XDECREF(product);
    Py_XDECREF(rest);
    return sum;
}

PyObject *timestamp_to_nanoseconds(int64_t seconds, uint32_t nanoseconds)
{
    if (seconds > INT64_MIN / GIGA && seconds < INT64_MAX / GIGA)
        return PyLong_FromLongLong(seconds * GIGA + nanoseconds);
    PyObject *large = PyLong_FromLongLong(seconds);
    PyObject *sum = large ? nanoseconds_of_long(large, nanoseconds) : NULL;
    Py_XDECREF(large);
    return sum;
}

/* ---- construction ------------------------------------------------------------- */

/* A Timestamp of `type` from any two objects, checked. */
static PyObject *new_checked(PyTypeObject *type, PyObject *seconds, PyObject *nanoseconds)
{
    if (!PyLong_Check(seconds)) {
        PyErr_SetString(PyExc_TypeError, "seconds must be an integer");
        return NULL;
    }
    if (nanoseconds && !PyLong_Check(nanoseconds)) {
        PyErr_SetString(PyExc_TypeError, "nanoseconds must be an integer");
        return NULL;
    }
    int overflow = 0;
    long long fraction = nanoseconds ? PyLong_AsLongLongAndOverflow(nanoseconds, &overflow) : 0;
    if (overflow || fraction < 0 || fraction > PP_NANOSECONDS_MAX) {
        PyErr_SetString(PyExc_ValueError,
                        "nanoseconds must be a non-negative integer not greater than 999999999.");
        return NULL;
    }
    long long value = PyLong_AsLongLongAndOverflow(seconds, &overflow);
    PyObject *self = new_of(type, value, (uint32_t)fraction);
    if (self && overflow) {
        /* The int's own slot: a subclass may have any __int__. */
        PyObject *large = PyLong_Type.tp_as_number->nb_int(seconds);
        if (!large)
            Py_CLEAR(self);
        else
            ((timestamp *)self)->large = large;
    }
    return self;
}

static int parse_arguments(PyObject *args, PyObject *kwargs, PyObject **seconds,
                           PyObject **nanoseconds)
{
    static char *names[] = {"seconds", "nanoseconds", NULL};
    *nanoseconds = NULL;
    return PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:Timestamp", names, seconds, nanoseconds);
}

static PyObject *timestamp_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *seconds, *nanoseconds;
    if (!parse_arguments(args, kwargs, &seconds, &nanoseconds))
        return NULL;
    return new_checked(type, seconds, nanoseconds);
}

static PyObject *seconds_object(const timestamp *ts)
{
    return ts->large ? Py_NewRef(ts->large) : PyLong_FromLongLong(ts->seconds);
}

/* Lets a subclass written for msgpack-python call super().__init__() with the
 * arguments that __new__ had. Other arguments would be lost silently. */
static int timestamp_tp_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    if (Py_IS_TYPE(self, state_of_type(Py_TYPE(self))->timestamp_type))
        return 0; /* tp_new has done everything */
    PyObject *seconds, *nanoseconds;
    if (!parse_arguments(args, kwargs, &seconds, &nanoseconds))
        return -1;
    const timestamp *ts = (timestamp *)self;
    PyObject *own[] = {seconds_object(ts), PyLong_FromUnsignedLong(ts->nanoseconds)};
    int same = own[0] && own[1] ? PyObject_RichCompareBool(own[0], seconds, Py_EQ) : -1;
    if (same > 0 && (nanoseconds || ts->nanoseconds))
        same = nanoseconds ? PyObject_RichCompareBool(own[1], nanoseconds, Py_EQ) : 0;
    Py_XDECREF(own[0]);
    Py_XDECREF(own[1]);
    if (same == 0)
        PyErr_SetString(PyExc_TypeError, "Timestamp is immutable: a subclass whose arguments are "
                                         "others overrides __new__()");
    return same > 0 ? 0 : -1;
}

static void timestamp_tp_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(((timestamp *)self)->large);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- comparison, hash, representation ------------------------------------------- */

static PyObject *timestamp_tp_richcompare(PyObject *a, PyObject *b, int op)
{
    /* Equal types, as in msgpack-python: a subclass is a kind of time of its own. */
    if (!Py_IS_TYPE(b, Py_TYPE(a)))
        Py_RETURN_NOTIMPLEMENTED;
    const timestamp *x = (timestamp *)a, *y = (timestamp *)b;
    if (x->large || y->large) {
        PyObject *left = seconds_object(x), *right = seconds_object(y), *result = NULL;
        int same = left && right ? PyObject_RichCompareBool(left, right, Py_EQ) : -1;
        if (same == 0)
            result = PyObject_RichCompare(left, right, op);
        Py_XDECREF(left);
        Py_XDECREF(right);
        if (same <= 0)
            return result;
    } else if (x->seconds != y->seconds) {
        Py_RETURN_RICHCOMPARE(x->seconds, y->seconds, op);
    }
    Py_RETURN_RICHCOMPARE(x->nanoseconds, y->nanoseconds, op);
}

static Py_hash_t timestamp_tp_hash(PyObject *self)
{
    const timestamp *ts = (timestamp *)self;
    uint64_t h = (uint64_t)ts->seconds;
    if (ts->large) {
        Py_hash_t large = PyObject_Hash(ts->large);
        if (large == -1)
            return -1;
        h = (uint64_t)large;
    }
    /* Two rounds of multiply and shift, so that both numbers reach the low bits. */
    h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15) + ts->nanoseconds;
    h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    Py_hash_t hash = (Py_hash_t)(h ^ h >> 32);
    return hash == -1 ? -2 : hash;
}

static PyObject *timestamp_tp_repr(PyObject *self)
{
    const timestamp *ts = (timestamp *)self;
    if (ts->large)
        return PyUnicode_FromFormat("Timestamp(seconds=%R, nanoseconds=%u)", ts->large,
                                    (unsigned)ts->nanoseconds);
    return PyUnicode_FromFormat("Timestamp(seconds=%lld, nanoseconds=%u)", (long long)ts->seconds,
                                (unsigned)ts->nanoseconds);
}

static PyObject *get_seconds(PyObject *self, void *Py_UNUSED(closure))
{
    return seconds_object((timestamp *)self);
}

/* ---- methods ------------------------------------------------------------------------ */

/* The one positional argument of a class method. NULL with TypeError. */
static PyObject *only_argument(const char *name, PyObject *const *args, Py_ssize_t count,
                               PyObject *keywords)
{
    if (count != 1 || (keywords && PyTuple_GET_SIZE(keywords))) {
        PyErr_Format(PyExc_TypeError, "%s() takes exactly one positional argument", name);
        return NULL;
    }
    return args[0];
}

PyDoc_STRVAR(from_bytes_doc, "from_bytes($type, b, /)\n--\n\n\
Make a Timestamp from the body of an ext of type -1.\n\n\
Args:\n    b: a bytes-like object of 4, 8 or 12 bytes.\n\n\
Raises:\n    ValueError: another length, or nanoseconds above 999999999.");

static PyObject *timestamp_from_bytes(PyObject *Py_UNUSED(cls), PyTypeObject *type,
                                      PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    PyObject *object = only_argument("from_bytes", args, count, keywords);
    Py_buffer view;
    if (!object || PyObject_GetBuffer(object, &view, PyBUF_SIMPLE))
        return NULL;
    uint8_t body[12]; /* a copy: the buffer may be changed by others */
    size_t size = (size_t)view.len;
    if (size <= sizeof body)
        memcpy(body, view.buf, size);
    PyBuffer_Release(&view);
    if (size != 4 && size != 8 && size != 12) {
        PyErr_SetString(PyExc_ValueError,
                        "Timestamp type can only be created from 32, 64, or 96-bit byte objects");
        return NULL;
    }
    pp_timestamp value;
    if (pp_timestamp_decode(body, size, &value)) {
        PyErr_SetString(PyExc_ValueError,
                        "nanoseconds must be a non-negative integer not greater than 999999999.");
        return NULL;
    }
    return new_of(type, value.seconds, value.nanoseconds);
}

PyDoc_STRVAR(to_bytes_doc, "to_bytes($self, /)\n--\n\n\
Return the body of the ext of type -1, in its shortest form: 4, 8 or 12 bytes.\n\n\
Raises:\n    OverflowError: the seconds are outside -2**63 .. 2**63-1.");

static PyObject *timestamp_to_bytes(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    int64_t seconds;
    uint32_t nanoseconds;
    if (timestamp_get(self, &seconds, &nanoseconds))
        return NULL;
    uint8_t ext[PP_TIMESTAMP_MAX];
    size_t size = (size_t)(pp_put_timestamp(ext, seconds, nanoseconds) - ext);
    size_t header = ext[0] == PP_EXT8 ? 3 : 2;
    return PyBytes_FromStringAndSize((char *)ext + header, (Py_ssize_t)(size - header));
}

PyDoc_STRVAR(from_unix_doc, "from_unix($type, unix_sec, /)\n--\n\n\
Make a Timestamp from seconds since 1970.\n\n\
Args:\n    unix_sec: an int, float or other number; cut to whole nanoseconds.\n\n\
Raises:\n    ValueError: unix_sec is infinite or not a number.");

/* The nanoseconds in the fractional part of `number`, as an int. */
static PyObject *fraction_of(PyObject *number, PyObject *one)
{
    PyObject *giga = PyLong_FromLong(GIGA);
    PyObject *fraction = giga ? PyNumber_Remainder(number, one) : NULL;
    PyObject *product = fraction ? PyNumber_Multiply(fraction, giga) : NULL;
    PyObject *result = product ? PyNumber_Long(product) : NULL;
    Py_XDECREF(giga);
    Py_XDECREF(fraction);
    Py_XDECREF(product);
    return result;
}

/* A small negative number's fractional part is rounded up to a whole second. */
static int carry_second(PyObject **seconds, PyObject **nanoseconds, PyObject *one)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(*nanoseconds, &overflow);
    if (value != GIGA)
        return 0;
    PyObject *next = PyNumber_Add(*seconds, one);
    PyObject *zero = next ? PyLong_FromLong(0) : NULL;
    if (!zero) {
        Py_XDECREF(next);
        return -1;
    }
    Py_SETREF(*seconds, next);
    Py_SETREF(*nanoseconds, zero);
    return 0;
}

static PyObject *timestamp_from_unix(PyObject *Py_UNUSED(cls), PyTypeObject *type,
                                     PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    PyObject *number = only_argument("from_unix", args, count, keywords);
    if (!number)
        return NULL;
    PyObject *one = PyLong_FromLong(1), *result = NULL;
    PyObject *floor = one ? PyNumber_FloorDivide(number, one) : NULL;
    PyObject *seconds = floor ? PyNumber_Long(floor) : NULL;
    PyObject *nanoseconds = seconds ? fraction_of(number, one) : NULL;
    if (nanoseconds && carry_second(&seconds, &nanoseconds, one) == 0)
        result = new_checked(type, seconds, nanoseconds);
    Py_XDECREF(one);
    Py_XDECREF(floor);
    Py_XDECREF(seconds);
    Py_XDECREF(nanoseconds);
    return result;
}

PyDoc_STRVAR(to_unix_doc, "to_unix($self, /)\n--\n\n\
Return the seconds since 1970 as a float, which is exact to about 0.2 microseconds today.\n\n\
Raises:\n    OverflowError: the seconds exceed what a float holds.");

static PyObject *timestamp_to_unix(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    const timestamp *ts = (timestamp *)self;
    if (!ts->large)
        return timestamp_to_float(ts->seconds, ts->nanoseconds);
    double seconds = PyLong_AsDouble(ts->large);
    return seconds == -1.0 && PyErr_Occurred() ? NULL : PyFloat_FromDouble(seconds);
}

PyDoc_STRVAR(from_unix_nano_doc, "from_unix_nano($type, unix_ns, /)\n--\n\n\
Make a Timestamp from nanoseconds since 1970.\n\n\
Args:\n    unix_ns: an int.\n\n\
Raises:\n    TypeError: unix_ns is not an int.");

static PyObject *timestamp_from_unix_nano(PyObject *Py_UNUSED(cls), PyTypeObject *type,
                                          PyObject *const *args, Py_ssize_t count,
                                          PyObject *keywords)
{
    PyObject *number = only_argument("from_unix_nano", args, count, keywords);
    PyObject *giga = number ? PyLong_FromLong(GIGA) : NULL;
    PyObject *parts = giga ? PyNumber_Divmod(number, giga) : NULL;
    PyObject *result = NULL;
    if (parts && (!PyTuple_Check(parts) || PyTuple_GET_SIZE(parts) != 2))
        PyErr_SetString(PyExc_TypeError, "unix_ns must be an integer");
    else if (parts)
        result = new_checked(type, PyTuple_GET_ITEM(parts, 0), PyTuple_GET_ITEM(parts, 1));
    Py_XDECREF(giga);
    Py_XDECREF(parts);
    return result;
}

PyDoc_STRVAR(to_unix_nano_doc, "to_unix_nano($self, /)\n--\n\n\
Return the nanoseconds since 1970 as an int, exact.");

static PyObject *timestamp_to_unix_nano(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    const timestamp *ts = (timestamp *)self;
    return ts->large ? nanoseconds_of_long(ts->large, ts->nanoseconds)
                     : timestamp_to_nanoseconds(ts->seconds, ts->nanoseconds);
}

PyDoc_STRVAR(from_datetime_doc, "from_datetime($type, dt, /)\n--\n\n\
Make a Timestamp from a datetime, exact to the microsecond.\n\n\
Args:\n    dt: a datetime.datetime; one without tzinfo is local time.\n\n\
Raises:\n    TypeError: dt is not a datetime, or its tzinfo does not say the offset from UTC.");

static PyObject *timestamp_from_datetime_method(PyObject *Py_UNUSED(cls), PyTypeObject *type,
                                                PyObject *const *args, Py_ssize_t count,
                                                PyObject *keywords)
{
    PyObject *datetime = only_argument("from_datetime", args, count, keywords);
    module_state *st = state_of_type(type);
    if (!datetime || state_datetime_ready(st))
        return NULL;
    if (!PyObject_TypeCheck(datetime, Py_TYPE(st->epoch)))
        return PyErr_Format(PyExc_TypeError, "expected a datetime.datetime, not %.200s",
                            Py_TYPE(datetime)->tp_name);
    PyObject *tzinfo = PyObject_GetAttrString(datetime, "tzinfo");
    if (!tzinfo)
        return NULL;
    PyObject *aware =
        Py_IsNone(tzinfo) ? PyObject_CallMethod(datetime, "astimezone", NULL) : Py_NewRef(datetime);
    Py_DECREF(tzinfo);
    int64_t seconds;
    uint32_t nanoseconds;
    int failed = aware ? timestamp_from_datetime(st, aware, &seconds, &nanoseconds) : -1;
    Py_XDECREF(aware);
    return failed ? NULL : new_of(type, seconds, nanoseconds);
}

PyDoc_STRVAR(to_datetime_doc, "to_datetime($self, /)\n--\n\n\
Return a datetime in UTC, the nanoseconds cut to microseconds.\n\n\
Raises:\n    OverflowError: the time is outside the years 1 to 9999.");

static PyObject *timestamp_to_datetime_method(PyObject *self, PyTypeObject *type,
                                              PyObject *const *Py_UNUSED(args), Py_ssize_t count,
                                              PyObject *keywords)
{
    if (count || (keywords && PyTuple_GET_SIZE(keywords))) {
        PyErr_SetString(PyExc_TypeError, "to_datetime() takes no arguments");
        return NULL;
    }
    const timestamp *ts = (timestamp *)self;
    if (ts->large) {
        PyErr_Format(PyExc_OverflowError,
                     "timestamp of %R seconds is outside the years 1 to 9999 of datetime",
                     ts->large);
        return NULL;
    }
    return datetime_from_timestamp(state_of_type(type), ts->seconds, ts->nanoseconds);
}

PyDoc_STRVAR(reduce_doc, "__reduce__($self, /)\n--\n\nFor pickle and copy.");

static PyObject *timestamp_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    const timestamp *ts = (timestamp *)self;
    PyObject *state =
        PyObject_CallMethod(self, "__getstate__", NULL); /* of a subclass; else None */
    PyObject *seconds = state ? seconds_object(ts) : NULL;
    PyObject *result = NULL;
    if (seconds)
        result = Py_BuildValue("O(OI)O", Py_TYPE(self), seconds, (unsigned)ts->nanoseconds, state);
    Py_XDECREF(state);
    Py_XDECREF(seconds);
    return result;
}

/* ---- the type -------------------------------------------------------------------------- */

/* A method that is told the type it belongs to: constructors return exactly
 * Timestamp, as the static methods of msgpack-python do. */
#define WITH_TYPE(function) (PyCFunction)(void (*)(void))(function)
#define WITH_TYPE_FLAGS     (METH_METHOD | METH_FASTCALL | METH_KEYWORDS)

static PyMethodDef timestamp_methods[] = {
    {"from_bytes", WITH_TYPE(timestamp_from_bytes), WITH_TYPE_FLAGS | METH_CLASS, from_bytes_doc},
    {"to_bytes", timestamp_to_bytes, METH_NOARGS, to_bytes_doc},
    {"from_unix", WITH_TYPE(timestamp_from_unix), WITH_TYPE_FLAGS | METH_CLASS, from_unix_doc},
    {"to_unix", timestamp_to_unix, METH_NOARGS, to_unix_doc},
    {"from_unix_nano", WITH_TYPE(timestamp_from_unix_nano), WITH_TYPE_FLAGS | METH_CLASS,
     from_unix_nano_doc},
    {"to_unix_nano", timestamp_to_unix_nano, METH_NOARGS, to_unix_nano_doc},
    {"from_datetime", WITH_TYPE(timestamp_from_datetime_method), WITH_TYPE_FLAGS | METH_CLASS,
     from_datetime_doc},
    {"to_datetime", WITH_TYPE(timestamp_to_datetime_method), WITH_TYPE_FLAGS, to_datetime_doc},
    {"__reduce__", timestamp_reduce, METH_NOARGS, reduce_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef timestamp_getset[] = {
    {"seconds", get_seconds, NULL, "Whole seconds since 1970, an int; negative before.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef timestamp_members[] = {
    {"nanoseconds", T_UINT, offsetof(timestamp, nanoseconds), READONLY,
     "What adds to the seconds, an int of 0 to 999999999, also before 1970."},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(timestamp_doc, "Timestamp(seconds, nanoseconds=0)\n--\n\n\
A point in time: what the timestamp extension (type -1) packs from and unpacks to.\n\n\
Immutable, hashable, and ordered by time among its own type. -0.5 seconds is\n\
Timestamp(-1, 500000000): the nanoseconds always add.\n\n\
Args:\n\
    seconds: an int, since 1970-01-01T00:00:00Z without leap seconds. Only\n\
        -2**63 .. 2**63-1 can be packed.\n\
    nanoseconds: an int, 0 .. 999999999.\n\n\
Raises:\n\
    TypeError: an argument is not an int.\n\
    ValueError: nanoseconds are out of range.\n\n\
Thread safety: instances never change; any thread may use them.");

static PyType_Slot timestamp_slots[] = {
    {Py_tp_doc, (void *)timestamp_doc},
    {Py_tp_new, timestamp_tp_new},
    {Py_tp_init, timestamp_tp_init},
    {Py_tp_dealloc, timestamp_tp_dealloc},
    {Py_tp_richcompare, timestamp_tp_richcompare},
    {Py_tp_hash, timestamp_tp_hash},
    {Py_tp_repr, timestamp_tp_repr},
    {Py_tp_methods, timestamp_methods},
    {Py_tp_getset, timestamp_getset},
    {Py_tp_members, timestamp_members},
    {0, NULL},
};

static PyType_Spec timestamp_spec = {
    .name = "parapack.Timestamp",
    .basicsize = sizeof(timestamp),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = timestamp_slots,
};

int timestamp_add_type(PyObject *module, module_state *st)
{
    st->timestamp_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &timestamp_spec, NULL);
    return st->timestamp_type ? PyModule_AddType(module, st->timestamp_type) : -1;
}
