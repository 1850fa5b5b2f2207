/* A hash that nobody can prepare keys for. */
#ifndef PP_DOC_HASH_H
#define PP_DOC_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of `size` bytes at `data` (NULL for none): SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast
 * short-input PRF", 2012), keyed with 16 random bytes that the process draws at the first
 * call. Thread safety: any. */
uint64_t pp__doc_hash(const void *data, size_t size);

#endif /* PP_DOC_HASH_H */
