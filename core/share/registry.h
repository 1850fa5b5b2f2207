/* share/registry.h - objects by number.
 *
 * pp_object_id gives an object its number, and an entry here, at the first call; the entry is weak.
 * An object with a number takes its entry out when it dies, before its memory can be reused:
 * whoever finds an entry under the lock finds memory that is still an object, and pp_try_retain
 * tells whether it lives.
 */
#ifndef PP_SHARE_REGISTRY_H
#define PP_SHARE_REGISTRY_H

#include "share/object.h"

/* Takes out the entry of a dying object that has PP_OBJECT_NUMBERED. */
void pp_registry_remove(pp_object *object);

/* In the child of fork. */
void pp_registry_after_fork(void);

#endif /* PP_SHARE_REGISTRY_H */
