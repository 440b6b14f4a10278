/* The baseline: pair by pair, in plain C. */
#include "search.h"

#include <stdlib.h>
#include <string.h>

struct scalar {
    const uint8_t *hashes; /* the caller's */
    size_t n;
};

static void *build(const uint8_t *hashes, size_t n, uint32_t radius)
{
    (void)radius;
    struct scalar *s = malloc(sizeof *s);
    if (s)
        *s = (struct scalar){hashes, n};
    return s;
}

static uint64_t memory(const void *index)
{
    return ((const struct scalar *)index)->n * 32;
}

static int search(void *index, const uint8_t *queries, size_t n, uint32_t radius,
                  phash_matches *found)
{
    const struct scalar *s = index;
    for (size_t q = 0; q < n; q++) {
        uint64_t b[4];
        memcpy(b, queries + 32 * q, 32);
        for (size_t i = 0; i < s->n; i++) {
            uint64_t a[4];
            memcpy(a, s->hashes + 32 * i, 32);
            const uint32_t d =
                (uint32_t)(__builtin_popcountll(a[0] ^ b[0]) + __builtin_popcountll(a[1] ^ b[1]) +
                           __builtin_popcountll(a[2] ^ b[2]) + __builtin_popcountll(a[3] ^ b[3]));
            if (d <= radius && search_append(found, i, (uint32_t)q, d))
                return 1;
        }
    }
    return 0;
}

/* The way of Meta's published flat scan: each pair's four words by vector popcount. */
static int search_meta(void *index, const uint8_t *queries, size_t n, uint32_t radius,
                       phash_matches *found)
{
    const struct scalar *s = index;
    for (size_t q = 0; q < n; q++)
        if (search_scan_avx512(s->hashes, s->n, queries + 32 * q, (uint32_t)q, radius, found))
            return 1;
    return 0;
}

const struct search_engine engine_scalar = {
    "scalar", "pair by pair, plain C", 0, false, build, search, memory, free};
const struct search_engine engine_meta_flat = {"meta-flat",
                                               "pair by pair, AVX-512 popcount (Meta's flat way)",
                                               PHASH_CPU_AVX512,
                                               false,
                                               build,
                                               search_meta,
                                               memory,
                                               free};
