/* Sets of hashes and brute force; nothing of the library but the type of a match. */
#include "index/data.h"

#include <string.h>

const char *const data_names[DATA_SHAPES] = {"uniform",   "biased",     "correlated",
                                             "clustered", "duplicates", "equal"};

static void uniform(uint64_t *state, uint8_t *hash, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash[i] = (uint8_t)test_random(state);
}

static void flip(uint64_t *state, uint8_t *hash, uint32_t bits, uint32_t flips)
{
    while (flips--) {
        const uint64_t bit = test_random(state) % bits;
        hash[bit / 8] = (uint8_t)(hash[bit / 8] ^ 1u << bit % 8);
    }
}

void data_fill(enum data_shape shape, uint64_t seed, size_t n, uint32_t bits, uint8_t *hashes)
{
    const size_t bytes = bits / 8;
    uint64_t state = seed;
    for (size_t i = 0; i < n; i++) {
        uint8_t *h = hashes + i * bytes;
        uint64_t centre;
        switch (shape) {
        case DATA_BIASED:
            for (size_t k = 0; k < bytes; k++) {
                const uint64_t r = test_random(&state);
                h[k] = (uint8_t)(k % 4 == 0 ? r : k % 4 == 1 ? 0 : r & r >> 8 & r >> 16);
            }
            break;
        case DATA_CORRELATED:
            uniform(&state, h, bytes);
            for (size_t k = 0; k + bytes / 2 < bytes; k++) {
                const uint64_t r = test_random(&state);
                h[k + bytes / 2] = (uint8_t)(h[k] ^ (r & r >> 8 & r >> 16 & r >> 24));
            }
            break;
        case DATA_CLUSTERED:
            uniform(&state, h, bytes);
            if (i % 5 == 0) {
                centre = seed ^ test_random(&state) % 8;
                uniform(&centre, h, bytes);
                flip(&state, h, bits, (uint32_t)(test_random(&state) % 12));
            }
            break;
        case DATA_DUPLICATES:
            centre = seed ^ test_random(&state) % (n / 8 + 1);
            uniform(&centre, h, bytes);
            break;
        case DATA_EQUAL:
            memset(h, 0x5a, bytes);
            break;
        default:
            uniform(&state, h, bytes);
            break;
        }
    }
}

void data_queries(enum data_shape shape, uint64_t seed, const uint8_t *hashes, size_t count,
                  size_t n, uint32_t bits, uint8_t *queries)
{
    const size_t bytes = bits / 8;
    uint64_t state = seed + 1;
    data_fill(shape, seed + 2, n, bits, queries);
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0)
            uniform(&state, queries + i * bytes, bytes);
        else if (i % 4 < 3 && count) {
            memcpy(queries + i * bytes, hashes + test_random(&state) % count * bytes, bytes);
            if (i % 4 == 1)
                flip(&state, queries + i * bytes, bits,
                     (uint32_t)(test_random(&state) % (bits / 4)));
        }
    }
}

static uint32_t distance(const uint8_t *a, const uint8_t *b, size_t bytes)
{
    uint32_t d = 0;
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t x, y;
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        d += (uint32_t)__builtin_popcountll(x ^ y);
    }
    return d;
}

static int compare(const void *left, const void *right)
{
    const phash_match *a = left, *b = right;
    if (a->query != b->query)
        return a->query < b->query ? -1 : 1;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

void brute_force(const uint8_t *hashes, const uint64_t *ids, const uint8_t *hidden, size_t count,
                 const uint8_t *queries, size_t n, uint32_t bits, uint32_t radius,
                 phash_matches *found)
{
    const size_t bytes = bits / 8;
    found->count = 0;
    for (size_t q = 0; q < n; q++)
        for (size_t i = 0; i < count; i++) {
            const uint32_t d = distance(hashes + i * bytes, queries + q * bytes, bytes);
            if (d > radius || (hidden && hidden[i]))
                continue;
            if (found->count == found->capacity) {
                found->capacity = found->capacity * 2 + 64;
                found->items = realloc(found->items, found->capacity * sizeof *found->items);
                ck_assert_ptr_nonnull(found->items);
            }
            found->items[found->count++] = (phash_match){ids ? ids[i] : i, (uint32_t)q, d};
        }
    if (found->count)
        qsort(found->items, found->count, sizeof *found->items, compare);
}

void brute_cut(phash_matches *found, size_t k)
{
    size_t kept = 0;
    for (size_t i = 0; i < found->count;) {
        const uint32_t query = found->items[i].query;
        for (size_t j = 0; i < found->count && found->items[i].query == query; i++, j++)
            if (j < k)
                found->items[kept++] = found->items[i];
    }
    found->count = kept;
}

void matches_compare(const phash_matches *expected, const phash_matches *found, const char *what)
{
    const size_t n = expected->count < found->count ? expected->count : found->count;
    for (size_t i = 0; i < n; i++) {
        const phash_match *a = &expected->items[i], *b = &found->items[i];
        if (compare(a, b) != 0)
            ck_abort_msg("%s: match %zu of %zu: expected query %u id %llu distance %u, "
                         "found query %u id %llu distance %u",
                         what, i, expected->count, a->query, (unsigned long long)a->id, a->distance,
                         b->query, (unsigned long long)b->id, b->distance);
    }
    if (expected->count != found->count)
        ck_abort_msg("%s: expected %zu matches, found %zu", what, expected->count, found->count);
}
