/* Filling large bodies, all in one pass. */
#include "unpack.h"

#include "parapack/utf8.h"

int decoder_add_fill(decoder *d, PyObject *owner, fill_kind kind, void *to, const uint8_t *from,
                     size_t size)
{
    if (d->fills_count == d->fills_capacity) {
        size_t capacity = d->fills_capacity ? d->fills_capacity * 2 : 8;
        unpack_fill *fills = PyMem_Realloc(d->fills, capacity * sizeof *fills);
        if (!fills) {
            PyErr_NoMemory();
            return -1;
        }
        d->fills = fills;
        d->fills_capacity = capacity;
    }
    d->fills[d->fills_count++] = (unpack_fill){
        .owner = Py_NewRef(owner), .to = to, .from = from, .size = size, .kind = kind};
    d->fills_bytes += size;
    return 0;
}

static void fill_all(const unpack_fill *fills, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unpack_fill *f = &fills[i];
        switch (f->kind) {
        case FILL_COPY:
            memcpy(f->to, f->from, f->size);
            break;
        case FILL_UCS1:
            pp_utf8_to_ucs1(f->from, f->size, f->to);
            break;
        case FILL_UCS2:
            pp_utf8_to_ucs2(f->from, f->size, f->to);
            break;
        case FILL_UCS4:
            pp_utf8_to_ucs4(f->from, f->size, f->to);
            break;
        }
    }
}

void decoder_drop_fills(decoder *d)
{
    while (d->fills_count)
        Py_DECREF(d->fills[--d->fills_count].owner);
    d->fills_bytes = 0;
}

void decoder_flush(decoder *d)
{
    if (d->fills_count == 0)
        return;
    if (d->fills_bytes < UNPACK_RELEASE_MIN || d->options->atomic) {
        fill_all(d->fills, d->fills_count);
    } else {
        bool suspended = d->slice.gc_suspended;
        slice_resume_gc(&d->slice);
        Py_BEGIN_ALLOW_THREADS
            fill_all(d->fills, d->fills_count);
        Py_END_ALLOW_THREADS
        if (suspended)
            slice_suspend_gc(&d->slice);
    }
    decoder_drop_fills(d);
}
