#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "parapack/config.h"

#include "doc/hash.h"

static uint64_t key[2];
static pthread_once_t drawn = PTHREAD_ONCE_INIT;

/* Where the system gives no random bytes, the time and an address are better than a constant. */
static void draw(void)
{
    if (getentropy(key, sizeof key) == 0)
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    key[0] = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
    key[1] = (uint64_t)(uintptr_t)&now ^ (uint64_t)getpid() << 48;
}

PP_INLINE uint64_t rotate(uint64_t v, int bits)
{
    return v << bits | v >> (64 - bits);
}

PP_INLINE void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

PP_INLINE void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

uint64_t pp__doc_hash(const void *data, size_t size)
{
    pthread_once(&drawn, draw);
    const uint8_t *p = data;
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)size << 56, word;
    size_t left = size;
    for (; left >= 8; left -= 8, p += 8) {
        memcpy(&word, p, 8);
        absorb(v, word);
    }
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)p[i] << (8 * i);
    absorb(v, last);
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
