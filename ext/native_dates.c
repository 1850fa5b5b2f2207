#include "native_dates.h"

#include <datetime.h>

#include "datetimes.h"
#include "timestamp.h"

/* The header's static pointer is not for us: it would be shared by interpreters. */
#define NO_STATIC_API (void)PyDateTimeAPI

enum {
    DATE_SIZE = 10,    /* 2024-02-29 */
    TIME_SIZE = 8,     /* 12:30:15 */
    FRACTION_SIZE = 7, /* .123456 */
};

/* `count` decimal digits of `value`, which has no more. Returns the place after them. */
static Py_UCS1 *put_digits(Py_UCS1 *p, int value, int count)
{
    for (int i = count; i-- > 0; value /= 10)
        p[i] = (Py_UCS1)('0' + value % 10);
    return p + count;
}

static Py_UCS1 *put_date(Py_UCS1 *p, PyObject *o)
{
    p = put_digits(p, PyDateTime_GET_YEAR(o), 4);
    *p++ = '-';
    p = put_digits(p, PyDateTime_GET_MONTH(o), 2);
    *p++ = '-';
    return put_digits(p, PyDateTime_GET_DAY(o), 2);
}

static Py_UCS1 *put_time(Py_UCS1 *p, int hour, int minute, int second, int microsecond)
{
    p = put_digits(p, hour, 2);
    *p++ = ':';
    p = put_digits(p, minute, 2);
    *p++ = ':';
    p = put_digits(p, second, 2);
    if (!microsecond)
        return p;
    *p++ = '.';
    return put_digits(p, microsecond, 6);
}

/* A new ASCII str of `size` characters, to be filled from *p on. */
static PyObject *new_text(Py_ssize_t size, Py_UCS1 **p)
{
    PyObject *text = PyUnicode_New(size, 127);
    if (text)
        *p = PyUnicode_1BYTE_DATA(text);
    return text;
}

static PyObject *call_isoformat(native_types *types, PyObject *o)
{
    return PyObject_CallMethodNoArgs(o, types->name[NAME_ISOFORMAT]);
}

PyObject *native_from_date(module_state *Py_UNUSED(st), native_types *types, PyObject *o)
{
    NO_STATIC_API;
    PyTypeObject *datetime;
    if (!Py_IS_TYPE(o, native_type_known(types, TYPE_DATE))) {
        int found = native_type_find(types, TYPE_DATETIME, &datetime);
        if (found < 0 || (found && PyObject_TypeCheck(o, datetime)))
            return NULL;
        return call_isoformat(types, o);
    }
    Py_UCS1 *p;
    PyObject *text = new_text(DATE_SIZE, &p);
    if (text)
        put_date(p, o);
    return text;
}

PyObject *native_from_time(module_state *Py_UNUSED(st), native_types *types, PyObject *o)
{
    if (!Py_IS_TYPE(o, native_type_known(types, TYPE_TIME)) ||
        PyDateTime_TIME_GET_TZINFO(o) != Py_None)
        return call_isoformat(types, o);
    int microsecond = PyDateTime_TIME_GET_MICROSECOND(o);
    Py_UCS1 *p;
    PyObject *text = new_text(TIME_SIZE + (microsecond ? FRACTION_SIZE : 0), &p);
    if (text)
        put_time(p, PyDateTime_TIME_GET_HOUR(o), PyDateTime_TIME_GET_MINUTE(o),
                 PyDateTime_TIME_GET_SECOND(o), microsecond);
    return text;
}

static PyObject *naive_datetime_to_text(native_types *types, PyObject *o)
{
    if (!Py_IS_TYPE(o, native_type_known(types, TYPE_DATETIME)) ||
        PyDateTime_DATE_GET_TZINFO(o) != Py_None)
        return call_isoformat(types, o);
    int microsecond = PyDateTime_DATE_GET_MICROSECOND(o);
    Py_UCS1 *p;
    PyObject *text = new_text(DATE_SIZE + 1 + TIME_SIZE + (microsecond ? FRACTION_SIZE : 0), &p);
    if (text) {
        p = put_date(p, o);
        *p++ = 'T';
        put_time(p, PyDateTime_DATE_GET_HOUR(o), PyDateTime_DATE_GET_MINUTE(o),
                 PyDateTime_DATE_GET_SECOND(o), microsecond);
    }
    return text;
}

/* Does the datetime `o` know its offset from UTC? A tzinfo may say that there
 * is none; datetime.timezone never does. -1 with an exception. */
static int is_aware(module_state *st, native_types *types, PyObject *o)
{
    PyObject *tzinfo = PyDateTime_DATE_GET_TZINFO(o);
    if (tzinfo == Py_None)
        return 0;
    if (state_datetime_ready(st))
        return -1;
    if (Py_IS_TYPE(tzinfo, Py_TYPE(PyDateTime_DATE_GET_TZINFO(st->epoch))))
        return 1;
    PyObject *offset = PyObject_CallMethodNoArgs(o, types->name[NAME_UTCOFFSET]);
    if (!offset)
        return -1;
    int aware = !Py_IsNone(offset);
    Py_DECREF(offset);
    return aware;
}

PyObject *native_from_datetime(module_state *st, native_types *types, PyObject *o)
{
    int aware = is_aware(st, types, o);
    if (aware <= 0)
        return aware ? NULL : naive_datetime_to_text(types, o);
    int64_t seconds;
    uint32_t nanoseconds;
    if (timestamp_from_datetime(st, o, &seconds, &nanoseconds))
        return NULL;
    return timestamp_new(st, seconds, nanoseconds);
}
