#include "datetimes.h"

#include <datetime.h>

/* The header's static pointer is not for us: it would be shared by interpreters. */
#define NO_STATIC_API (void)PyDateTimeAPI

enum { SECONDS_PER_DAY = 86400 };

static PyDateTime_CAPI *api(module_state *st)
{
#if FREE_THREADED
    return __atomic_load_n((PyDateTime_CAPI **)&st->datetime_api, __ATOMIC_ACQUIRE);
#else
    return st->datetime_api;
#endif
}

int state_datetime_ready(module_state *st)
{
    NO_STATIC_API;
    if (api(st))
        return 0;
    PyDateTime_CAPI *loaded = PyCapsule_Import(PyDateTime_CAPSULE_NAME, 0);
    if (!loaded)
        return -1;
    PyObject *utc = loaded->TimeZone_UTC;
    PyObject *epoch =
        loaded->DateTime_FromDateAndTime(1970, 1, 1, 0, 0, 0, 0, utc, loaded->DateTimeType);
    if (!epoch)
        return -1;
#if FREE_THREADED
    /* Two threads may come here at once: the first epoch stays. The release
     * pairs with the acquire in api(): who sees the API sees utc and epoch. */
    PyObject *none = NULL;
    if (!__atomic_compare_exchange_n(&st->epoch, &none, epoch, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        Py_DECREF(epoch);
    __atomic_store_n((PyDateTime_CAPI **)&st->datetime_api, loaded, __ATOMIC_RELEASE);
#else
    /* The import may have let another thread in, which uses its epoch now. */
    if (st->epoch)
        Py_DECREF(epoch);
    else
        st->epoch = epoch;
    st->datetime_api = loaded;
#endif
    return 0;
}

bool is_datetime(module_state *st, PyObject *o)
{
    return api(st) && Py_IS_TYPE(o, api(st)->DateTimeType);
}

int is_aware_datetime(module_state *st, PyObject *o)
{
    if (state_datetime_ready(st))
        return -1;
    return is_datetime(st, o) && PyDateTime_DATE_GET_TZINFO(o) != Py_None;
}

bool datetime_is_plain(module_state *st, PyObject *o)
{
    return Py_IS_TYPE(PyDateTime_DATE_GET_TZINFO(o), Py_TYPE(api(st)->TimeZone_UTC));
}

int timestamp_from_datetime(module_state *st, PyObject *datetime, int64_t *seconds,
                            uint32_t *nanoseconds)
{
    if (state_datetime_ready(st))
        return -1;
    /* datetime's own subtraction: that of a subclass, such as pandas.Timestamp,
     * may return another type. */
    PyObject *delta = api(st)->DateTimeType->tp_as_number->nb_subtract(datetime, st->epoch);
    if (!delta)
        return -1;
    if (!Py_IS_TYPE(delta, api(st)->DeltaType)) {
        Py_DECREF(delta);
        PyErr_SetString(PyExc_ValueError, "failed to calculate delta");
        return -1;
    }
    *seconds = (int64_t)PyDateTime_DELTA_GET_DAYS(delta) * SECONDS_PER_DAY +
               PyDateTime_DELTA_GET_SECONDS(delta);
    *nanoseconds = (uint32_t)PyDateTime_DELTA_GET_MICROSECONDS(delta) * 1000;
    Py_DECREF(delta);
    return 0;
}

PyObject *datetime_from_timestamp(module_state *st, int64_t seconds, uint32_t nanoseconds)
{
    if (state_datetime_ready(st))
        return NULL;
    int64_t days = seconds / SECONDS_PER_DAY, rest = seconds % SECONDS_PER_DAY;
    if (days < INT_MIN || days > INT_MAX)
        return PyErr_Format(PyExc_OverflowError,
                            "timestamp of %lld seconds is outside datetime's years 1 to 9999",
                            (long long)seconds);
    PyDateTime_CAPI *c = api(st);
    PyObject *delta =
        c->Delta_FromDelta((int)days, (int)rest, (int)(nanoseconds / 1000), 1, c->DeltaType);
    PyObject *result = delta ? PyNumber_Add(st->epoch, delta) : NULL;
    Py_XDECREF(delta);
    return result;
}
