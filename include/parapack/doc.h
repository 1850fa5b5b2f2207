/* parapack/doc.h - documents: frozen MessagePack values as objects of the share runtime.
 *
 * A document is a tree (tree.h) together with its bytes, and one object: one count keeps all of it,
 * and nodes are not counted. Any thread reads it, at any time, without a lock.
 *
 * Inside a scope a document may be borrowed from a container, and its nodes be used until the scope
 * ends. Who holds a counted reference uses them in scopes or outside.
 */
#ifndef PARAPACK_DOC_H
#define PARAPACK_DOC_H

#include "parapack/config.h"
#include "parapack/object.h"
#include "parapack/status.h"
#include "parapack/thread.h"
#include "parapack/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pp_doc pp_doc;

/* A new document of the `size` bytes at `data`, which are copied and must not change meanwhile: one
 * counted reference. Inside a scope, which a long document makes long: a few
 * milliseconds for a megabyte. Errors and `*error_offset` (which may be NULL) as for pp_tree_init
 * with PP_MAX_DEPTH. */
PP_NODISCARD PP_API pp_status pp_doc_new(pp_thread *thread, const void *data, size_t size,
                                         pp_doc **doc, size_t *error_offset);

/* What the document says. It lives as long as the document. A hash table for a map (see
 * pp_node_find) is not made while a collection's pause is on: the map is walked then. */
PP_API const pp_tree *pp_doc_tree(const pp_doc *doc);

/* Bytes of memory that the document takes: of itself and its index, and of the tables made so
 * far. */
PP_API size_t pp_doc_memory(const pp_doc *doc);

/* The same reference, as an object: to retain, to release, to make a value of. */
PP_API pp_object *pp_doc_object(pp_doc *doc);

/* The same reference; `object` is of the kind PP_KIND_DOC. */
PP_API pp_doc *pp_object_doc(pp_object *object);

#ifdef __cplusplus
}
#endif

#endif /* PARAPACK_DOC_H */
