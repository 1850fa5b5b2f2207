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

enum {
    KEY_CACHE_SIZE = 1024,  /* entries; a power of two */
    KEY_CACHE_MAX_KEY = 32, /* bytes */
    KEY_CACHE_SLOTS = 32,   /* caches a pool keeps; a power of two */
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

PP_INLINE uint64_t key_cache_load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Where the key of `size` bytes (1 to KEY_CACHE_MAX_KEY) belongs. Reads the
 * first and last eight bytes and a middle word: enough to tell apart the
 * names programs use, and a collision only costs a miss. */
PP_INLINE size_t key_cache_slot(const uint8_t *key, size_t size)
{
    uint64_t a, b;
    if (size >= 8) {
        a = key_cache_load64(key);
        b = key_cache_load64(key + size - 8);
        if (size > 16) {
            a ^= key_cache_load64(key + 8) * UINT64_C(0x9FB21C651E98DF25);
            b ^= key_cache_load64(key + size - 16) * UINT64_C(0xD6E8FEB86659FD93);
        }
    } else if (size >= 4) {
        uint32_t x, y;
        memcpy(&x, key, 4);
        memcpy(&y, key + size - 4, 4);
        a = x;
        b = y;
    } else {
        a = (uint64_t)key[0] | (uint64_t)key[size / 2] << 8 | (uint64_t)key[size - 1] << 16;
        b = 0;
    }
    uint64_t h = (a ^ (b << 7 | b >> 57) ^ size) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(h >> 40) & (KEY_CACHE_SIZE - 1);
}

/* Do the `size` bytes at `a` and `b` agree? size is 1 to KEY_CACHE_MAX_KEY. */
PP_INLINE bool key_cache_same(const uint8_t *a, const uint8_t *b, size_t size)
{
    if (size >= 8) {
        uint64_t d = (key_cache_load64(a) ^ key_cache_load64(b)) |
                     (key_cache_load64(a + size - 8) ^ key_cache_load64(b + size - 8));
        if (size > 16)
            d |= (key_cache_load64(a + 8) ^ key_cache_load64(b + 8)) |
                 (key_cache_load64(a + size - 16) ^ key_cache_load64(b + size - 16));
        return d == 0;
    }
    if (size >= 4) {
        uint32_t a0, b0, a1, b1;
        memcpy(&a0, a, 4);
        memcpy(&b0, b, 4);
        memcpy(&a1, a + size - 4, 4);
        memcpy(&b1, b + size - 4, 4);
        return ((a0 ^ b0) | (a1 ^ b1)) == 0;
    }
    return a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1];
}

/* The cached str equal to the bytes, as a new reference, or NULL (no exception). */
PP_INLINE PyObject *key_cache_get(key_cache *cache, size_t slot, const uint8_t *key, size_t size)
{
    PyObject *found = cache->entry[slot];
    if (PP_LIKELY(found != NULL && (size_t)PyUnicode_GET_LENGTH(found) == size &&
                  key_cache_same(PyUnicode_1BYTE_DATA(found), key, size))) {
        return Py_NewRef(found);
    }
    return NULL;
}

#endif /* PARAPACK_EXT_KEY_CACHE_H */
