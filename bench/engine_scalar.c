/* The baseline: pair by pair, in plain C; and the published flat way of Meta. */
#include "search.h"

#include <stdlib.h>
#include <string.h>

struct scalar {
    const uint8_t *hashes; /* the caller's */
    size_t n;
    uint32_t bytes; /* of a hash */
};

static void *build(const uint8_t *hashes, size_t n, uint32_t bits, uint32_t radius)
{
    (void)radius;
    struct scalar *s = malloc(sizeof *s);
    if (s)
        *s = (struct scalar){hashes, n, bits / 8};
    return s;
}

static void *build_256(const uint8_t *hashes, size_t n, uint32_t bits, uint32_t radius)
{
    return bits == 256 ? build(hashes, n, bits, radius) : NULL;
}

static uint64_t memory(const void *index)
{
    const struct scalar *s = index;
    return (uint64_t)s->n * s->bytes;
}

static int search_words(const struct scalar *s, const uint8_t *query, uint32_t number,
                        uint32_t words, uint32_t radius, phash_matches *found)
{
    uint64_t a[4], b[4];
    memcpy(b, query, 8 * words);
    for (size_t i = 0; i < s->n; i++) {
        uint32_t d = 0;
        memcpy(a, s->hashes + 8 * words * i, 8 * words);
        for (uint32_t w = 0; w < words; w++)
            d += (uint32_t)__builtin_popcountll(a[w] ^ b[w]);
        if (d <= radius && search_append(found, i, number, d))
            return 1;
    }
    return 0;
}

static int search(void *index, const uint8_t *queries, size_t n, uint32_t radius,
                  phash_matches *found)
{
    const struct scalar *s = index;
    for (size_t q = 0; q < n; q++) {
        /* Two calls, so that the compiler sees both lengths. */
        const uint8_t *query = queries + s->bytes * q;
        if (s->bytes == 32 ? search_words(s, query, (uint32_t)q, 4, radius, found)
                           : search_words(s, query, (uint32_t)q, 1, radius, found))
            return 1;
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
    .name = "scalar",
    .what = "pair by pair, plain C",
    .build = build,
    .search = search,
    .memory = memory,
    .free = free,
};
const struct search_engine engine_meta_flat = {
    .name = "meta-flat",
    .what = "pair by pair, AVX-512 popcount (Meta's flat way)",
    .sets = PHASH_CPU_AVX512,
    .build = build_256,
    .search = search_meta,
    .memory = memory,
    .free = free,
};
