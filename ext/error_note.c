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
    PyObject *nothing =
        note ? PyObject_CallMethod(PyExc_BaseException, "add_note", "OO", value, note) : NULL;
    if (!nothing)
        PyErr_Clear();
    Py_XDECREF(nothing);
    Py_XDECREF(note);
    PyErr_Restore(type, value, traceback);
}
