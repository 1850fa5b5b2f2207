/* pack_native.c - what the `native` option packs, and as what. */
#include "pack_native.h"

#include "native_array.h"
#include "native_dates.h"
#include "native_types.h"

/* Conversions of one object that may follow one another: an enum whose value is
 * a dataclass takes two. Only a __msgpack__ that never ends takes so many. */
enum { CONVERSIONS_MAX = 1024 };

/* ---- the option ----------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned bit;
} kinds[] = {
    {"dataclass", NATIVE_DATACLASS}, {"enum", NATIVE_ENUM},   {"uuid", NATIVE_UUID},
    {"datetime", NATIVE_DATETIME},   {"date", NATIVE_DATE},   {"time", NATIVE_TIME},
    {"decimal", NATIVE_DECIMAL},     {"numpy", NATIVE_NUMPY}, {"set", NATIVE_SET},
    {"msgpack", NATIVE_MSGPACK},
};

static int add_kind(PyObject *name, unsigned *mask)
{
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "native: the name of a kind must be a str, not %.200s",
                     Py_TYPE(name)->tp_name);
        return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(kinds); i++) {
        if (PyUnicode_CompareWithASCIIString(name, kinds[i].name) == 0) {
            *mask |= kinds[i].bit;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError,
                 "native: unknown kind %R; the kinds are dataclass, enum, uuid, datetime, date, "
                 "time, decimal, numpy, set and msgpack",
                 name);
    return -1;
}

int native_mask_from_object(PyObject *option, unsigned *mask)
{
    *mask = Py_IsTrue(option) ? NATIVE_ALL : 0;
    if (PyBool_Check(option) || Py_IsNone(option))
        return 0;
    if (PyUnicode_Check(option))
        return add_kind(option, mask);
    PyObject *names = PyObject_GetIter(option);
    if (!names) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "native must be a bool or the names of kinds, not %.200s",
                         Py_TYPE(option)->tp_name);
        return -1;
    }
    PyObject *name;
    int failed = 0;
    while (!failed && (name = PyIter_Next(names))) {
        failed = add_kind(name, mask);
        Py_DECREF(name);
    }
    Py_DECREF(names);
    return failed || PyErr_Occurred() ? -1 : 0;
}

/* ---- conversions: a new reference; NULL with an exception, or without one where
 * the object is to be left to others --------------------------------------------- */

typedef PyObject *converter(module_state *st, native_types *types, PyObject *o);

static PyObject *set_to_list(module_state *Py_UNUSED(st), native_types *Py_UNUSED(types),
                             PyObject *o)
{
    return PySequence_List(o);
}

static PyObject *enum_to_value(module_state *Py_UNUSED(st), native_types *types, PyObject *o)
{
    return PyObject_GetAttr(o, types->name[NAME_VALUE]);
}

static PyObject *decimal_to_str(module_state *Py_UNUSED(st), native_types *Py_UNUSED(types),
                                PyObject *o)
{
    return PyObject_Str(o);
}

/* The 128 bits of `number`, an int. 0, or -1 with OverflowError or TypeError. */
static int split_128_bits(PyObject *number, uint64_t *high, uint64_t *low)
{
    PyObject *shift = PyLong_FromLong(64);
    PyObject *upper = shift ? PyNumber_Rshift(number, shift) : NULL;
    if (upper) {
        *high = PyLong_AsUnsignedLongLong(upper);
        *low = PyErr_Occurred() ? 0 : PyLong_AsUnsignedLongLongMask(number);
    }
    Py_XDECREF(shift);
    Py_XDECREF(upper);
    return PyErr_Occurred() ? -1 : 0;
}

/* 8-4-4-4-12 hexadecimal digits, as RFC 9562 has them and str() returns them. */
static PyObject *uuid_to_str(module_state *Py_UNUSED(st), native_types *types, PyObject *o)
{
    uint64_t half[2];
    PyObject *number = PyObject_GetAttr(o, types->name[NAME_INT]);
    int failed = number ? split_128_bits(number, &half[0], &half[1]) : -1;
    Py_XDECREF(number);
    PyObject *text = failed ? NULL : PyUnicode_New(36, 127);
    if (!text)
        return NULL;
    Py_UCS1 *to = PyUnicode_1BYTE_DATA(text);
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *to++ = '-';
        *to++ = (Py_UCS1) "0123456789abcdef"[half[i / 16] >> (60 - i % 16 * 4) & 15];
    }
    return text;
}

/* The kind of the dtype of `o`, one of NumPy's letters, where its elements
 * become plain objects without loss: one of `accepted`, and no float longer than
 * 64 bits. Else 0; -1 with an exception. *size is that of an element, in bytes. */
static int plain_kind(native_types *types, PyObject *o, const char *accepted, Py_ssize_t *size)
{
    PyObject *dtype = PyObject_GetAttr(o, types->name[NAME_DTYPE]);
    PyObject *kind = dtype ? PyObject_GetAttr(dtype, types->name[NAME_KIND]) : NULL;
    PyObject *itemsize = kind ? PyObject_GetAttr(dtype, types->name[NAME_ITEMSIZE]) : NULL;
    *size = itemsize ? PyLong_AsSsize_t(itemsize) : -1;
    int letter = itemsize && PyUnicode_Check(kind) && PyUnicode_GET_LENGTH(kind) == 1
                     ? (int)PyUnicode_READ_CHAR(kind, 0)
                     : 0;
    Py_XDECREF(dtype);
    Py_XDECREF(kind);
    Py_XDECREF(itemsize);
    if (PyErr_Occurred())
        return -1;
    return letter && letter < 128 && strchr(accepted, letter) && !(letter == 'f' && *size > 8)
               ? letter
               : 0;
}

/* Left out are complex numbers, datetime64 and timedelta64 (which become plain
 * ints without their unit), long double and structures. */
static PyObject *numpy_scalar_to_plain(module_state *Py_UNUSED(st), native_types *types,
                                       PyObject *o)
{
    int truth;
    Py_ssize_t size;
    switch (plain_kind(types, o, "biufUS", &size)) {
    case 'b':
        truth = PyObject_IsTrue(o);
        return truth < 0 ? NULL : PyBool_FromLong(truth);
    case 'i':
    case 'u':
        return PyNumber_Index(o);
    case 'f':
        return PyNumber_Float(o);
    case 'U':
    case 'S':
        return PyObject_CallMethodNoArgs(o, types->name[NAME_ITEM]);
    default: /* another kind, or an exception */
        return NULL;
    }
}

/* Nested lists; encode_numpy() has had what it can encode. */
static PyObject *numpy_array_to_list(module_state *Py_UNUSED(st), native_types *types, PyObject *o)
{
    Py_ssize_t size;
    return plain_kind(types, o, "biufUSOT", &size) > 0
               ? PyObject_CallMethodNoArgs(o, types->name[NAME_TOLIST])
               : NULL;
}

/* Packs `o` if it is an array of numbers, or a float of at most 32 bits, which
 * are packed as what they are. Not of a subclass of ndarray: the elements may be
 * other than its memory says (a masked array). 1, 0 or -1. */
static int encode_numpy(native_types *types, unsigned mask, PyObject *o, PyObject **encoded)
{
    PyTypeObject *scalar = native_type_known(types, TYPE_NUMPY_GENERIC);
    if (!(mask & NATIVE_NUMPY) || mask & NATIVE_NO_ENCODING || !scalar)
        return 0;
    Py_ssize_t size;
    if (Py_IS_TYPE(o, native_type_known(types, TYPE_NUMPY_ARRAY))) {
        int kind = plain_kind(types, o, "biuf", &size);
        return kind > 0 ? native_encode_array(o, kind, encoded) : kind;
    }
    if (!PyObject_TypeCheck(o, scalar))
        return 0;
    int kind = plain_kind(types, o, "f", &size);
    if (kind <= 0 || size > 4)
        return kind < 0 ? -1 : 0;
    double value = PyFloat_AsDouble(o);
    if (value == -1.0 && PyErr_Occurred())
        return -1;
    *encoded = native_encode_float32(value);
    return *encoded ? 1 : -1;
}

static PyObject *dataclass_to_dict(native_types *types, PyObject *o)
{
    PyObject *fields = native_dataclass_fields(types, Py_TYPE(o));
    PyObject *dict = fields ? PyDict_New() : NULL;
    for (Py_ssize_t i = 0; dict && i < PyTuple_GET_SIZE(fields); i++) {
        PyObject *name = PyTuple_GET_ITEM(fields, i);
        PyObject *value = PyObject_GetAttr(o, name);
        if (!value || PyDict_SetItem(dict, name, value))
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    Py_XDECREF(fields);
    return dict;
}

/* ---- dispatch --------------------------------------------------------------------- */

/* In the order in which they are tried for subclasses. */
static const struct {
    unsigned bit;
    native_type type;
    converter *convert;
} classes[] = {
    {NATIVE_SET, TYPE_SET, set_to_list},
    {NATIVE_SET, TYPE_FROZENSET, set_to_list},
    {NATIVE_DATETIME, TYPE_DATETIME, native_from_datetime},
    {NATIVE_DATE, TYPE_DATE, native_from_date},
    {NATIVE_TIME, TYPE_TIME, native_from_time},
    {NATIVE_UUID, TYPE_UUID, uuid_to_str},
    {NATIVE_DECIMAL, TYPE_DECIMAL, decimal_to_str},
    {NATIVE_NUMPY, TYPE_NUMPY_GENERIC, numpy_scalar_to_plain},
    {NATIVE_NUMPY, TYPE_NUMPY_ARRAY, numpy_array_to_list},
};

/* What convert_once() returns for the result of a conversion. */
static int outcome(PyObject *result, PyObject **replacement)
{
    *replacement = result;
    return result ? 1 : -(PyErr_Occurred() != NULL);
}

/* An attribute of the type of `o` that makes it one of ours: 1, 0 or -1. A
 * metaclass with a __getattr__ is not asked: up to 3.11 that of every enum is one. */
static int type_attribute(PyObject *o, PyObject *name, PyObject **value)
{
    PyTypeObject *type = Py_TYPE(o);
#if PY_VERSION_HEX >= 0x030d0000
    if (Py_TYPE(type)->tp_getattro == PyType_Type.tp_getattro)
        return PyObject_GetOptionalAttr((PyObject *)type, name, value);
    *value = PyType_Type.tp_getattro((PyObject *)type, name);
#else
    /* Without an AttributeError for every type that has none. */
    PyObject *attribute = Py_XNewRef(_PyType_Lookup(type, name));
    if (!attribute)
        return 0;
    descrgetfunc get = Py_TYPE(attribute)->tp_descr_get;
    *value = get ? get(attribute, NULL, (PyObject *)type) : Py_NewRef(attribute);
    Py_DECREF(attribute);
#endif
    if (*value)
        return 1;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    return 0;
}

/* What the class itself says: __msgpack__, being an enum, being a dataclass. */
static int convert_by_class_body(module_state *st, native_types *types, unsigned mask, PyObject *o,
                                 PyObject **replacement)
{
    PyObject *attribute;
    int found =
        mask & NATIVE_MSGPACK ? type_attribute(o, types->name[NAME_MSGPACK], &attribute) : 0;
    if (found < 0)
        return -1;
    if (found) {
        PyObject *result = PyObject_CallOneArg(attribute, o);
        Py_DECREF(attribute);
        return outcome(result, replacement);
    }
    PyTypeObject *enum_type = NULL;
    if (mask & NATIVE_ENUM && native_type_find(types, TYPE_ENUM, &enum_type) < 0)
        return -1;
    if (enum_type && PyObject_TypeCheck(o, enum_type))
        return outcome(enum_to_value(st, types, o), replacement);
    found = mask & NATIVE_DATACLASS
                ? type_attribute(o, types->name[NAME_DATACLASS_FIELDS], &attribute)
                : 0;
    if (found <= 0)
        return found;
    Py_DECREF(attribute);
    return outcome(dataclass_to_dict(types, o), replacement);
}

/* One conversion. The types that are exactly those of the table come first:
 * for them nothing has to be looked up. */
static int convert_once(module_state *st, native_types *types, unsigned mask, PyObject *o,
                        PyObject **replacement)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(classes); i++)
        if (mask & classes[i].bit && Py_IS_TYPE(o, native_type_known(types, classes[i].type)))
            return outcome(classes[i].convert(st, types, o), replacement);
    int found = convert_by_class_body(st, types, mask, o, replacement);
    if (found)
        return found;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(classes); i++) {
        PyTypeObject *type = NULL;
        if (mask & classes[i].bit && native_type_find(types, classes[i].type, &type) < 0)
            return -1;
        if (type && PyObject_TypeCheck(o, type))
            return outcome(classes[i].convert(st, types, o), replacement);
    }
    return 0;
}

/* Is `o` exactly of a type that needs no conversion and has no attributes of
 * ours? For those nothing is looked up. */
static bool is_plain(module_state *st, PyObject *o)
{
    PyTypeObject *type = Py_TYPE(o);
    return type == &PyUnicode_Type || type == &PyDict_Type || type == &PyList_Type ||
           type == &PyLong_Type || type == &PyFloat_Type || type == &PyTuple_Type ||
           type == &PyBytes_Type || type == &PyBool_Type || type == Py_TYPE(Py_None) ||
           type == st->timestamp_type || (PyObject *)type == st->exttype_type;
}

int native_convert(module_state *st, unsigned mask, PyObject *o, PyObject **replacement)
{
    native_types *types = native_types_of(st);
    if (!types)
        return -1;
    PyObject *current = Py_NewRef(o);
    for (int done = 0; done < CONVERSIONS_MAX; done++) {
        PyObject *next = NULL;
        int found = encode_numpy(types, mask, current, &next);
        if (found > 0) {
            Py_DECREF(current);
            *replacement = next;
            return NATIVE_ENCODED;
        }
        if (found == 0)
            found = is_plain(st, current) ? 0 : convert_once(st, types, mask, current, &next);
        if (found == 0 && done > 0) {
            *replacement = current;
            return NATIVE_OBJECT;
        }
        if (found <= 0) {
            Py_DECREF(current);
            return found;
        }
        Py_SETREF(current, next);
    }
    PyErr_Format(PyExc_ValueError, "a '%.200s' object is converted without end",
                 Py_TYPE(o)->tp_name);
    Py_DECREF(current);
    return -1;
}
