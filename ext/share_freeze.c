/* Plain containers as documents: one pack, then one copy, which is validated and indexed. */
#include "pack_options.h"
#include "parapack/doc.h"
#include "share_value.h"
#include "view.h"
#include "view.h"

/* A document of bytes that hold still; a long one without the GIL. */
static int document_of(const void *data, size_t size, pp_value *value)
{
    pp_doc *doc = NULL;
    pp_thread *t = share_begin();
    if (!t)
        return -1;
    pp_status status;
    if (size < SHARE_RELEASE_MIN / 8) {
        status = pp_doc_new(t, data, size, &doc, NULL);
        share_end(t);
    } else {
        PyThreadState *saved = share_wait_begin(t);
        status = pp_doc_new(t, data, size, &doc, NULL);
        share_wait_end(t, saved);
    }
    if (status != PP_OK) {
        share_raise(status);
        return -1;
    }
    *value = pp_object_value(pp_doc_object(doc));
    return 0;
}

/* Large bodies were only noted: puts everything together first. */
static int document_of_plan(pack *pk, pp_value *value)
{
    size_t size = pack_size(pk);
    uint8_t *bytes = PyMem_RawMalloc(size);
    if (!bytes) {
        PyErr_NoMemory();
        return -1;
    }
    pack_gather(pk, bytes);
    int failed = document_of(bytes, size, value);
    PyMem_RawFree(bytes);
    return failed;
}

int share_freeze(module_state *st, PyObject *o, pp_value *value)
{
    pp_view bytes;
    if (view_bytes(st, o, &bytes))
        return document_of(bytes.data, bytes.size, value);
    pack pk;
    pack_options options;
    pack_options_init(&options);
    pack_begin(&pk, st, &options);
    pk.sharing = true;
    int failed = pack_object(&pk, o);
    if (!failed)
        failed = pk.plan.count ? document_of_plan(&pk, value)
                               : document_of(pk.base, pack_size(&pk), value);
    pack_end(&pk);
    return failed ? -1 : 0;
}

PyObject *share_view_of(module_state *st, pp_object *document)
{
    return pp_py_view_new(st, pp_object_doc(document), 0);
}
