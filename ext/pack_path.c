/* Errors of a pack, with the path to the value that they are about. */
#include "error_note.h"
#include "pack.h"

#include <stdarg.h>

/* The key of the `index`th pair of a dict as a new reference, or NULL. */
static PyObject *nth_key(PyObject *dict, Py_ssize_t index)
{
    PyObject *key = NULL, *value;
    Py_ssize_t pos = 0, i = 0;
    LOCK_OBJECT(dict);
    while (i <= index && PyDict_Next(dict, &pos, &key, &value))
        i++;
    if (i == index + 1)
        Py_INCREF(key);
    else
        key = NULL;
    UNLOCK_OBJECT();
    return key;
}

/* "[3]" or "['name']" for the item that `f` is at, or NULL. */
static PyObject *step(const pack_frame *f)
{
    PyObject *key = NULL;
    switch (f->kind) {
    case FRAME_LIST:
    case FRAME_TUPLE:
        return PyUnicode_FromFormat("[%zd]", f->position - 1);
    case FRAME_DICT:
        key = nth_key(f->container, f->size - f->left - 1);
        break;
    case FRAME_PAIRS: {
        PyObject *pair = PyList_GetItem(f->container, f->position - 1); /* private list */
        if (pair && PyTuple_CheckExact(pair) && PyTuple_GET_SIZE(pair) == 2)
            key = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
        break;
    }
    }
    /* Only keys whose repr runs no code of the caller's are shown. */
    bool plain =
        key && (PyUnicode_CheckExact(key) || PyLong_CheckExact(key) || PyBytes_CheckExact(key));
    PyObject *text = plain ? PyUnicode_FromFormat("[%.80R]", key) : PyUnicode_FromString("[?]");
    Py_XDECREF(key);
    return text;
}

PyObject *pack_path(pack *pk)
{
    enum { SHOWN = 12 };
    PyObject *path = PyUnicode_FromString(pk->sharing ? "value" : "$");
    const pack_frame *running = pk->running;
    if (running && pk->depth && running == &pk->frames[pk->depth - 1])
        running = NULL; /* on the stack already */
    int steps = pk->depth + (running != NULL);
    for (int i = 0; path && i < steps; i++) {
        PyObject *text;
        if (steps > 2 * SHOWN && i == SHOWN) {
            text = PyUnicode_FromString("...");
            i = steps - SHOWN;
        } else {
            text = step(i < pk->depth ? &pk->frames[i] : running);
        }
        PyObject *longer = text ? PyUnicode_Concat(path, text) : NULL;
        Py_XDECREF(text);
        Py_SETREF(path, longer);
    }
    if (!path)
        PyErr_Clear();
    return path;
}

/* The path, unless it is the object itself, as a new reference; NULL, without an exception,
 * otherwise. */
static PyObject *path_of_item(pack *pk)
{
    return pk->depth || pk->running ? pack_path(pk) : NULL;
}

void pack_note_path(pack *pk)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *path = path_of_item(pk);
    PyErr_Restore(type, value, traceback);
    if (path)
        error_note("while packing %U", path);
    Py_XDECREF(path);
}

int pack_fail(pack *pk, PyObject *type, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyObject *message = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (!message)
        return -1;
    PyObject *path = path_of_item(pk);
    if (path)
        PyErr_Format(type, "%U at %U", message, path);
    else
        PyErr_SetObject(type, message);
    Py_DECREF(message);
    Py_XDECREF(path);
    return -1;
}
