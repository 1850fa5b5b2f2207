/* view.h - parapack.View: an array or a map in a frozen document, as a read-only list or dict.
 *
 * A document is an object that keeps the bytes: of a bytes object, of a copy, or of a
 * document of the share runtime (parapack/doc.h). All views of one document hold that one
 * object; what each of them adds is where it is (pp_node).
 *
 * Neither ever changes, so they need no lock, and they hold no Python objects that
 * could refer to them, so they need no place in Python's garbage collector.
 */
#ifndef PARAPACK_EXT_VIEW_H
#define PARAPACK_EXT_VIEW_H

#include "state.h"

#include "parapack/doc.h"

/* Makes the types and sets st->views. 0, or -1 with an exception. */
int view_add_types(PyObject *module, module_state *st);
int view_traverse(view_state *views, visitproc visit, void *arg);
void view_clear(view_state *views);

/* The value at `offset` of `doc`, a counted reference, which is taken over in any case: a View of
 * a container, an object for a scalar. NULL with an exception. Outside of scopes. */
PyObject *pp_py_view_new(module_state *st, pp_doc *doc, uint32_t offset);

/* Is `o` a View? If so, its MessagePack in `*bytes`, which live as long as it. */
bool view_bytes(module_state *st, PyObject *o, pp_view *bytes);

/* The document of the share runtime of which `o` is a View that shows all of it: borrowed from `o`.
 * NULL for anything else. */
pp_object *view_shared_document(module_state *st, PyObject *o);

/* ---- between the files of view_*.c -------------------------------------------------- */

typedef struct view_object {
    PyObject_HEAD PyObject *document; /* keeps node.tree */
    module_state *state;              /* of the type's module, which the type keeps alive */
    pp_node node;
    Py_ssize_t length; /* of a map: -1 until it was asked for; relaxed atomic, always the same */
} view_object;

PP_INLINE view_object *as_view(PyObject *self)
{
    return (view_object *)self;
}

/* An object for the value at `node` of the document: what unpackb() makes of a scalar, a View of a
 * container, a memoryview for a bin of VIEW_BODY_MIN bytes. NULL with an exception. */
enum { VIEW_BODY_MIN = 4096 };
PyObject *view_value(module_state *st, PyObject *document, pp_node node);

/* The same for a scalar. */
PyObject *view_scalar(module_state *st, PyObject *document, const pp_token *token);

/* A key, or another scalar, to look for. `token` points into `stamp`, into the Python object,
 * or into `owner`. */
typedef struct view_key {
    pp_token token;
    PyObject *owner;
    uint8_t stamp[12];
} view_key;

/* 1, or 0 for an object that equals nothing in a document, or -1 with an exception: it cannot be
 * hashed. After 1 view_key_clear(). */
int view_key_of(module_state *st, PyObject *o, view_key *key);

PP_INLINE void view_key_clear(view_key *key)
{
    Py_XDECREF(key->owner);
}

typedef enum view_order { VIEW_ITEMS, VIEW_KEYS, VIEW_VALUES, VIEW_PAIRS } view_order;

/* An iterator over an array's items, or what is asked for of a map's pairs. NULL with MemoryError.
 */
PyObject *view_iterate(view_object *v, view_order what);

/* How many different keys a map has. */
Py_ssize_t view_map_length(view_object *v);

/* `a` == `b`: 1, 0, or -1 with an exception. */
int view_equals_sequence(view_object *a, PyObject *b); /* of a list or tuple */
int view_equals_dict(view_object *a, PyObject *b);

/* Raises KeyError(key). Returns NULL. */
PyObject *view_no_such_key(PyObject *key);

PyObject *view_repr(PyObject *self);
PyObject *view_unpack(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

/* Decodes all of [data, data + size): for view_unpack, and for the exception that describes what is
 * wrong. */
PyObject *view_decode(module_state *st, const uint8_t *data, size_t size, PyObject *const *values,
                      PyObject *kwnames);

extern PyType_Spec view_array_spec, view_map_spec, view_iterator_spec;

#endif /* PARAPACK_EXT_VIEW_H */
