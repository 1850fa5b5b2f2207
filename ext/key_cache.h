/* key_cache.h - str objects for the map keys that come again and again.
 *
 * A decoder borrows a whole cache for the length of one call and is then its
 * only user, so that lookups need neither lock nor atomic. The pool hands out
 * the cache that this thread used last where it can, because without a GIL a
 * str is cheapest to count for the thread that made it.
 *
 * Keys are not interned: free-threaded builds make interned strings immortal
 * (CPython gh-113993), so that unique keys would leak. A cache holds at most
 * KEY_CACHE_SIZE keys of at most KEY_CACHE_MAX_KEY bytes.
 */
#ifndef PARAPACK_EXT_KEY_CACHE_H
#define PARAPACK_EXT_KEY_CACHE_H

#include "pycompat.h"

#include "shape.h"
#include "short_text.h"

enum {
    KEY_CACHE_SIZE = 1024,              /* entries; a power of two */
    KEY_CACHE_MAX_KEY = SHORT_TEXT_MAX, /* bytes */
    KEY_CACHE_SLOTS = 32,               /* caches a pool keeps; a power of two */
};

typedef struct key_cache {
    PyObject *entry[KEY_CACHE_SIZE]; /* compact ASCII str with its hash set, or NULL */
    shape_table shapes;
} key_cache;

/* Invariant: each slot is NULL or a cache that no call is using. A slot changes
 * only by atomic exchange, so a cache is always owned by exactly one call or
 * one slot. */
typedef struct key_cache_pool {
    struct {
        key_cache *cache;
        char padding[64 - sizeof(key_cache *)]; /* threads share no cache line */
    } slot[KEY_CACHE_SLOTS];
} key_cache_pool;

/* A cache for the calling thread, to be given back with key_cache_release().
 * NULL with no exception set where memory is short: decode without. */
key_cache *key_cache_acquire(key_cache_pool *pool);
void key_cache_release(key_cache_pool *pool, key_cache *cache);

/* Frees all caches. No call may be using one. */
void key_cache_pool_clear(key_cache_pool *pool);

/* Puts a new reference to `key`, a compact ASCII str of `size` bytes, at `slot`. */
void key_cache_store(key_cache *cache, size_t slot, PyObject *key);

/* Where the key of `size` bytes (1 to KEY_CACHE_MAX_KEY) belongs. */
PP_INLINE size_t key_cache_slot(const uint8_t *key, size_t size)
{
    return (size_t)(short_hash(key, size) >> 40) & (KEY_CACHE_SIZE - 1);
}

/* The cached str equal to the bytes, as a new reference, or NULL (no exception). */
PP_INLINE PyObject *key_cache_get(key_cache *cache, size_t slot, const uint8_t *key, size_t size)
{
    PyObject *found = cache->entry[slot];
    if (PP_LIKELY(found != NULL && (size_t)PyUnicode_GET_LENGTH(found) == size &&
                  short_equal(PyUnicode_1BYTE_DATA(found), key, size))) {
        return Py_NewRef(found);
    }
    return NULL;
}

#endif /* PARAPACK_EXT_KEY_CACHE_H */
