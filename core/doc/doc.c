/* Documents: an object whose block holds the tree and the bytes, and beside it the index and
 * tables, which come from the same heap and go the same way: dead ones wait for their readers. */
#include <string.h>

#include "parapack/doc.h"

#include "doc/table.h"
#include "share/heap.h"
#include "share/object.h"
#include "share/qsbr.h"

struct pp_doc {
    pp_object base;
    pp_tree tree; /* of `bytes` */
    uint8_t bytes[];
};

/* ---- the index and the tables ------------------------------------------------------- */

/* Memory for a tree is asked for by whichever thread reads it, in a scope or outside, perhaps with
 * a lock held that must not wait (thread.h). While a pause is on there is none. */
static void *heap_resize(void *context, void *block, size_t old_size, size_t new_size)
{
    (void)context;
    pp_thread *thread = pp_thread_self();
    if (thread == NULL || !pp_thread_try_enter(thread))
        return NULL;
    void *p = pp_heap_alloc(thread, PP_HEAP_TABLES, new_size);
    if (p != NULL && block != NULL) {
        memcpy(p, block, old_size < new_size ? old_size : new_size);
        pp_heap_free(thread, block, old_size);
    }
    pp_thread_leave(thread);
    return p;
}

/* While the tree is made: nobody else has seen the block. In the scope of pp_doc_new. */
static void heap_release(void *context, void *block, size_t size)
{
    (void)context;
    pp_heap_free(pp_thread_self(), block, size);
}

/* Afterwards. In a scope, but for a table that another thread was first with: there this may wait
 * for the end of a pause, which waits for nobody outside of scopes. */
static void heap_retire(void *context, void *block, size_t size)
{
    (void)context;
    pp_thread *thread = pp_thread_self();
    pp_thread_enter(thread);
    pp_qsbr_retire(thread, block, size);
    pp_thread_leave(thread);
}

static const pp_allocator making = {heap_resize, heap_release, NULL};
static const pp_allocator shared = {heap_resize, heap_retire, NULL};

/* ---- the object ------------------------------------------------------------------------ */

static const pp_doc *as_doc(const pp_object *object)
{
    return (const pp_doc *)(const void *)object;
}

/* A borrower may be reading, or about to make a table. */
static void clear_doc(pp_thread *thread, pp_object *object)
{
    pp_tree_index *index = as_doc(object)->tree.index;
    (void)thread;
    if (index == NULL)
        return;
    pp__tables_close(index);
    pp__index_free(index);
}

static size_t size_of_doc(const pp_object *object)
{
    return sizeof(pp_doc) + as_doc(object)->tree.size;
}

static bool docs_equal(const pp_object *a, const pp_object *b)
{
    return pp_node_equal(pp_tree_root(&as_doc(a)->tree), pp_tree_root(&as_doc(b)->tree));
}

static const pp_object_type doc_type = {
    .kind = PP_KIND_DOC, .clear = clear_doc, .size = size_of_doc, .equal = docs_equal};

pp_status pp_doc_new(pp_thread *thread, const void *data, size_t size, pp_doc **doc,
                     size_t *error_offset)
{
    pp_tree tree;
    pp_status status = pp_tree_init(&tree, data, size, PP_MAX_DEPTH, &making, error_offset);
    if (status != PP_OK)
        return status;
    pp_object_type_set(&doc_type);
    pp_doc *d = (pp_doc *)(void *)pp_object_new(thread, PP_KIND_DOC, sizeof(pp_doc) + size);
    if (d == NULL) {
        pp_tree_deinit(&tree); /* as it was made */
        return PP_ERR_NOMEM;
    }
    memcpy(d->bytes, data, size);
    tree.data = d->bytes;
    if (tree.index != NULL)
        tree.index->allocator = &shared;
    d->tree = tree;
    *doc = d;
    return PP_OK;
}

const pp_tree *pp_doc_tree(const pp_doc *doc)
{
    return &doc->tree;
}

size_t pp_doc_memory(const pp_doc *doc)
{
    size_t index, tables;
    pp_tree_memory(&doc->tree, &index, &tables);
    return sizeof(pp_doc) + doc->tree.size + index + tables;
}

pp_object *pp_doc_object(pp_doc *doc)
{
    return &doc->base;
}

pp_doc *pp_object_doc(pp_object *object)
{
    return (pp_doc *)(void *)object;
}
