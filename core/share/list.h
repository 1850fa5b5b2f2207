/* share/list.h - the list as an object: an array of words under its lock, read without it.
 *
 * The array is a block that holds its length and its words. Changes at the end are in place;
 * each change is seen at the moment of one store:
 *
 *   set              the word
 *   append, extend   the length, after the words behind the end were written
 *   pop at the end   the length; the word stays what it was until something else is appended
 *   all others       the pointer to a new block, filled in before. The old one is frozen
 *                    from then on, and retired (qsbr.h)
 *
 * The length is a word {count, version}. The version is another one after each change of the
 * length, and a block whose versions are used up is replaced: no length word occurs twice in a
 * block.
 *
 * Writers hold the lock. Readers hold nothing, and are right:
 *
 *   L1  A reader of index i sees i < count at t0, loads word i at t1, and sees i < count at
 *       t2 (where the count says no at t0 or t2, the item was not there at that time). If the item
 * was there at t1, it is right at t1. If not, it was popped after t0 and something was appended in
 * its place before t2: the word is the one that was popped, right until then, or the one that was
 * being appended, right when that was done. L2  A reader of index -i needs the length and the word
 * of one moment: it sees the same length word before and after it loads the word, so the length
 * never changed between. Otherwise it starts again; some thread has got ahead then. L3  A reader in
 * a frozen block sees what was there at the moment when its successor was published, after the
 * reader loaded the pointer.
 *
 * The stores at these moments and the loads that look for them are seq_cst, as in table.h.
 */
#ifndef PP_SHARE_LIST_H
#define PP_SHARE_LIST_H

#include "parapack/list.h"
#include "share/object.h"

typedef struct pp_items {
    _Atomic uint64_t length; /* count << 32 | version */
    uint32_t capacity;
    uint32_t spare;
} pp_items; /* the words follow */

/* The pointer that every reader loads is kept off the cache line of the lock, which every writer
 * writes. */
struct pp_list {
    pp_object base;
    char apart[PP_CACHE_LINE];
    _Atomic(pp_items *) items;
};

/* Listed in object_types.c. */
extern const pp_object_type pp_list_type;

#endif /* PP_SHARE_LIST_H */
