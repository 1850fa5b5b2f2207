#include "key_cache.h"

/* Without a GIL the slot is chosen by thread, so that threads rarely meet. */
static size_t home_slot(void)
{
#if FREE_THREADED
    uint64_t id = (uint64_t)PyThread_get_thread_ident();
    return (size_t)((id * UINT64_C(0x9E3779B97F4A7C15)) >> 40) & (KEY_CACHE_SLOTS - 1);
#else
    return 0;
#endif
}

/* Acquire pairs with the release of the exchange in key_cache_release(): the
 * next owner sees the entries as the last one left them. */
static key_cache *exchange(key_cache **slot, key_cache *cache)
{
#if FREE_THREADED
    return __atomic_exchange_n(slot, cache, __ATOMIC_ACQ_REL);
#else
    key_cache *old = *slot;
    *slot = cache;
    return old;
#endif
}

static void cache_free(key_cache *cache)
{
    for (size_t i = 0; i < KEY_CACHE_SIZE; i++)
        Py_XDECREF(cache->entry[i]);
    shape_table_clear(&cache->shapes);
    PyMem_Free(cache);
}

key_cache *key_cache_acquire(key_cache_pool *pool)
{
    key_cache *cache = exchange(&pool->slot[home_slot()].cache, NULL);
    return cache ? cache : PyMem_Calloc(1, sizeof *cache);
}

void key_cache_release(key_cache_pool *pool, key_cache *cache)
{
    key_cache *old = exchange(&pool->slot[home_slot()].cache, cache);
    if (old)
        cache_free(old);
}

void key_cache_pool_clear(key_cache_pool *pool)
{
    for (size_t i = 0; i < KEY_CACHE_SLOTS; i++) {
        key_cache *cache = exchange(&pool->slot[i].cache, NULL);
        if (cache)
            cache_free(cache);
    }
}

void key_cache_store(key_cache *cache, size_t slot, PyObject *key)
{
    PyObject_Hash(key); /* set now; a str's hash cannot fail */
    PyObject *old = cache->entry[slot];
    cache->entry[slot] = Py_NewRef(key);
    Py_XDECREF(old);
}
