/* native_array.h - arrays of numbers, from their memory to MessagePack.
 *
 * Thread safety: any thread that holds the interpreter. The array may be
 * written to meanwhile: every element is read once, and what was read is packed.
 */
#ifndef PARAPACK_EXT_NATIVE_ARRAY_H
#define PARAPACK_EXT_NATIVE_ARRAY_H

#include "pycompat.h"

/* Packs the array `o`, whose elements are of NumPy's kind `kind` ('b' bool, 'i'
 * int, 'u' unsigned, 'f' float): nested arrays for its dimensions, an element
 * where it has none. The array is exported meanwhile, so that nobody can resize
 * it. A float of 16 or 32 bits is packed as float 32.
 *
 * 1 with a new bytes object in *encoded; 0 if the elements are not in the byte
 * order of this machine, or not of 1, 2, 4 or 8 bytes; -1 with ValueError (a
 * dimension longer than 2**32-1), MemoryError or what exporting it raised. */
int native_encode_array(PyObject *o, int kind, PyObject **encoded);

/* A float 32. Precondition: `value` is one. NULL with MemoryError. */
PyObject *native_encode_float32(double value);

#endif /* PARAPACK_EXT_NATIVE_ARRAY_H */
