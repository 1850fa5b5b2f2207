/* Keys from Python objects. */
#include "share_key.h"

/* An int of more than 64 bits cannot be in any container of ours. */
static int key_of_int(PyObject *o, share_key *key)
{
    int overflow;
    long long integer = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (!overflow) {
        if (integer == -1 && PyErr_Occurred())
            return -1;
        key->key = pp_key_int(integer);
        return 1;
    }
    if (overflow < 0)
        return 0;
    unsigned long long large = PyLong_AsUnsignedLongLong(o);
    if (large == UINT64_MAX && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    key->key = pp_key_uint(large);
    return 1;
}

/* A str with lone surrogates has no UTF-8. */
static int key_of_str(PyObject *o, share_key *key)
{
    Py_ssize_t size = 0;
    const char *utf8;
    if (PyUnicode_GET_LENGTH(o) <= SHARE_UTF8_CACHE) {
        utf8 = PyUnicode_AsUTF8AndSize(o, &size);
    } else {
        key->owner = PyUnicode_AsUTF8String(o);
        utf8 = key->owner ? PyBytes_AS_STRING(key->owner) : NULL;
        size = key->owner ? PyBytes_GET_SIZE(key->owner) : 0;
    }
    if (utf8) {
        key->key = pp_key_str(utf8, (size_t)size);
        return 1;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return -1;
    PyErr_Clear();
    return 0;
}

int share_key_slowly(PyObject *o, share_key *key)
{
    key->owner = NULL;
    if (PyUnicode_Check(o))
        return key_of_str(o, key);
    if (PyBool_Check(o)) {
        key->key = pp_key_bool(o == Py_True);
        return 1;
    }
    if (PyLong_Check(o))
        return key_of_int(o, key);
    if (PyBytes_Check(o)) {
        key->key = pp_key_bin(PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o));
        return 1;
    }
    if (PyFloat_Check(o)) {
        key->key = pp_key_float(PyFloat_AS_DOUBLE(o));
        return 1;
    }
    if (o == Py_None) {
        key->key = pp_key_nil();
        return 1;
    }
    return PyObject_Hash(o) == -1 ? -1 : 0;
}

int share_key_refused(PyObject *o)
{
    if (PyLong_Check(o))
        PyErr_SetString(PyExc_OverflowError, "a key is an int of -2**63 to 2**64-1");
    else if (PyUnicode_Check(o))
        PyErr_SetString(PyExc_ValueError, "a key is a str without surrogates");
    else
        PyErr_Format(PyExc_TypeError,
                     "a key is a str, bytes, int, float, bool or None, not a '%.200s'",
                     Py_TYPE(o)->tp_name);
    return -1;
}
