#include "shape.h"

/* Where shapes of `size` pairs belong whose first key is the `n` bytes at `first`. */
static size_t slot_of_text(const uint8_t *first, size_t n, uint32_t size)
{
    return ((size_t)(short_hash(first, n) >> 40) ^ (size_t)size * 7) & (SHAPE_SLOTS - 1);
}

static size_t slot_of(PyObject *first_key, uint32_t size)
{
    return slot_of_text(PyUnicode_1BYTE_DATA(first_key), (size_t)PyUnicode_GET_LENGTH(first_key),
                        size);
}

shape *shape_expect(shape_table *table, uint32_t size, const uint8_t *p, size_t have)
{
    if (have == 0 || (*p & 0xe0) != 0xa0)
        return NULL;
    size_t n = *p & 0x1f;
    if (n == 0 || have <= n)
        return NULL;
    shape *s = table->slot[slot_of_text(p + 1, n, size)];
    if (!s || s->size != size || !shape_key_is(s->key[0], p, have))
        return NULL;
    s->references++;
    return s;
}

/* Is `key` one that a shape may have? */
static bool suits(PyObject *key)
{
    return PyUnicode_CheckExact(key) && PyUnicode_IS_COMPACT_ASCII(key) &&
           PyUnicode_GET_LENGTH(key) > 0 && PyUnicode_GET_LENGTH(key) <= SHAPE_KEY_MAX;
}

static shape *new_shape(PyObject *dict, uint32_t size)
{
    shape *s = PyMem_Calloc(1, sizeof *s);
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    if (!s)
        return NULL;
    s->references = 1;
    s->template = PyDict_New();
    while (s->template && PyDict_Next(dict, &pos, &key, &value)) {
        if (s->size == size || !suits(key) || PyDict_SetItem(s->template, key, Py_None))
            break;
        s->key[s->size++] = key;
    }
    if (s->template && s->size == size && PyDict_GET_SIZE(s->template) == (Py_ssize_t)size)
        return s;
    PyErr_Clear();
    Py_XDECREF(s->template);
    PyMem_Free(s);
    return NULL;
}

/* A mark that tells sequences of keys apart, mostly: the keys' addresses, which the
 * key cache keeps the same. */
static uint8_t mark_of(PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    uint64_t h = 0;
    while (PyDict_Next(dict, &pos, &key, &value))
        h = (h ^ (uintptr_t)key >> 4) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint8_t)(h >> 56 | 1);
}

void shape_learn(shape_table *table, PyObject *dict, uint32_t size)
{
    PyObject *first, *value;
    Py_ssize_t pos = 0;
    if (PyDict_GET_SIZE(dict) != (Py_ssize_t)size || !PyDict_Next(dict, &pos, &first, &value) ||
        !suits(first))
        return;
    size_t slot = slot_of(first, size);
    if (table->ban[slot]) {
        table->ban[slot]--;
        return;
    }
    uint8_t mark = mark_of(dict);
    if (table->seen[slot] != mark) {
        table->seen[slot] = mark;
        return;
    }
    shape *s = new_shape(dict, size);
    if (!s) {
        table->ban[slot] = SHAPE_BAN;
        return;
    }
    if (table->slot[slot])
        shape_release(table->slot[slot]);
    table->slot[slot] = s;
}

PyObject *shape_partial(const shape *s, PyObject *dict, uint32_t done)
{
    PyObject *partial = PyDict_New();
    for (uint32_t i = 0; partial && i < done; i++) {
        PyObject *value = PyDict_GetItemWithError(dict, s->key[i]);
        if (!value || PyDict_SetItem(partial, s->key[i], value))
            Py_CLEAR(partial);
    }
    return partial;
}

PyObject *shape_abandon(shape_table *table, const shape *s, PyObject *dict, uint32_t done)
{
    PyObject *partial = shape_partial(s, dict, done);
    size_t slot = slot_of(s->key[0], s->size);
    if (table->slot[slot] == s) {
        shape_release(table->slot[slot]); /* the caller has a reference of its own */
        table->slot[slot] = NULL;
        table->ban[slot] = SHAPE_BAN;
    }
    return partial;
}

void shape_table_clear(shape_table *table)
{
    for (size_t i = 0; i < SHAPE_SLOTS; i++) {
        if (table->slot[i])
            shape_release(table->slot[i]);
        table->slot[i] = NULL;
    }
}
