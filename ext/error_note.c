/* Notes on exceptions. */
#include "error_note.h"

#include <stdarg.h>

void error_note(const char *format, ...)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    va_list arguments;
    va_start(arguments, format);
    PyObject *note = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    /* Interned: CPython's cache of methods would keep each of the strings that it is asked for. */
    PyObject *name = note ? PyUnicode_InternFromString("add_note") : NULL;
    PyObject *nothing =
        name ? PyObject_CallMethodObjArgs(PyExc_BaseException, name, value, note, NULL) : NULL;
    if (!nothing)
        PyErr_Clear();
    Py_XDECREF(nothing);
    Py_XDECREF(name);
    Py_XDECREF(note);
    PyErr_Restore(type, value, traceback);
}
