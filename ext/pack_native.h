/* pack_native.h - the `native` option: common Python types as plain values.
 *
 * What MessagePack has no type for is packed as the nearest plain object. Which
 * types, and as what, is documented in docs/native-types.md. Nothing is imported
 * for it: an object of a module that is not in sys.modules cannot exist.
 *
 * Thread safety: every function may be called by any thread of its interpreter.
 */
#ifndef PARAPACK_EXT_PACK_NATIVE_H
#define PARAPACK_EXT_PACK_NATIVE_H

#include "state.h"

/* One bit for each kind that can be asked for. */
enum {
    NATIVE_DATACLASS = 1 << 0,
    NATIVE_ENUM = 1 << 1,
    NATIVE_UUID = 1 << 2,
    NATIVE_DATETIME = 1 << 3,
    NATIVE_DATE = 1 << 4,
    NATIVE_TIME = 1 << 5,
    NATIVE_DECIMAL = 1 << 6,
    NATIVE_NUMPY = 1 << 7,
    NATIVE_SET = 1 << 8,
    NATIVE_MSGPACK = 1 << 9,
    NATIVE_ALL = (1 << 10) - 1,
    /* Not a kind: floats are not packed as they are (use_single_float), so that
     * nothing may be encoded without the packer. */
    NATIVE_NO_ENCODING = 1 << 10,
};

/* What native_convert() found. */
enum {
    NATIVE_NOTHING = 0,
    NATIVE_OBJECT = 1,  /* an object that is packed instead */
    NATIVE_ENCODED = 2, /* bytes that are one MessagePack value, to be taken as they are */
};

/* Reads the option: None or False for nothing, True for everything, the name of
 * a kind, or an iterable of names. Sets *mask. 0, or -1 with TypeError (not one
 * of these), ValueError (no such kind) or what the iteration raised. */
int native_mask_from_object(PyObject *option, unsigned *mask);

/* Finds what is packed in place of `o`. NATIVE_OBJECT or NATIVE_ENCODED with a
 * new reference in *replacement; an object is not of an enabled kind itself.
 * NATIVE_NOTHING if `o` is of no enabled kind. -1 with an exception, of the
 * object's own code or ValueError where conversions follow one another without
 * end. Runs code of the caller's. */
int native_convert(module_state *st, unsigned mask, PyObject *o, PyObject **replacement);

/* For the module's m_traverse, m_clear and m_free: st->native_types. */
int native_traverse(module_state *st, visitproc visit, void *arg);
void native_clear(module_state *st);

#endif /* PARAPACK_EXT_PACK_NATIVE_H */
