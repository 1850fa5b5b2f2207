/* pack_walk.h - between the walk over containers (pack_walk.c) and the values that
 * it does not know itself (pack_other.c).
 *
 * Functions that return int return DONE, FAILED with an exception, or RESTART.
 */
#ifndef PARAPACK_EXT_PACK_WALK_H
#define PARAPACK_EXT_PACK_WALK_H

#include "pack.h"

enum {
    DONE = 0,
    FAILED = -1,
    RESTART = -2, /* the pack is to start over; no exception is set */
};

/* ---- pack_walk.c ------------------------------------------------------------------ */

/* Packs a value that pack_leaf() does not handle: writes it, or writes its header
 * and leaves what cannot be packed at once on the stack of frames. Takes over the
 * reference where `owned`. */
int pack_enter(pack *pk, PyObject *o, bool owned, bool may_default);

/* Each packs a container: its header, and what can be packed of it at once, which
 * for shallow containers is everything. The rest is left on the stack of frames
 * for walk(). They take over the reference where `owned`. */
int pack_open_list(pack *pk, PyObject *list, bool owned);
int pack_open_tuple(pack *pk, PyObject *tuple, bool owned);
int pack_open_dict(pack *pk, PyObject *dict, bool owned);
int pack_open_pairs(pack *pk, PyObject *pairs); /* a list of pairs of our own; taken over */

/* Makes every container on the stack a strong reference of its frame: before
 * anything that lets other code run. */
void pack_pin_frames(pack *pk);

/* Everything that may run code of the caller's comes after this. */
void pack_before_hook(pack *pk);

PP_INLINE int pack_header_room(pack *pk)
{
    return (size_t)(pk->end - pk->cursor) < PP_HEADER_MAX ? pack_grow(pk, PP_HEADER_MAX) : DONE;
}

/* ---- pack_other.c ----------------------------------------------------------------- */

/* Packs a value that is neither a leaf nor exactly a list, tuple or dict. Borrows
 * `o`, which stays alive. */
int pack_other(pack *pk, PyObject *o, bool may_default);

/* Packs a new reference in place of another object. */
int pack_enter_replacement(pack *pk, PyObject *o, bool may_default);

#endif /* PARAPACK_EXT_PACK_WALK_H */
