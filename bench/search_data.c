/* Hashes for the search bench: uniform; PDQ-like; with heavy clusters.
 *
 * PDQ-like: a hash of PDQ has exactly 128 ones (its threshold is the median of its coefficients),
 * neighbouring coefficients are correlated, and some bits lean to one side. So each of 16 x 16
 * values is a sum of uniform noise of its own, of its left and upper neighbours, and of a lean of
 * its place; the greater half become ones.
 */
#include "search.h"

#include <stdlib.h>
#include <string.h>

const char *const search_data_names[SEARCH_DATA_KINDS] = {"uniform", "pdq-like", "clustered"};

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void uniform(uint64_t *state, uint8_t *hash, uint32_t bytes)
{
    for (uint32_t w = 0; w < bytes; w += 8) {
        const uint64_t v = next(state);
        memcpy(hash + w, &v, 8);
    }
}

static int ascending(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* A square of 16 x 16 or, for 64 bits, 8 x 8. */
static void pdq_like(uint64_t *state, uint8_t *hash, uint32_t bits)
{
    const uint32_t side = bits == 256 ? 16 : 8;
    int noise[256], value[256], sorted[256];
    for (uint32_t i = 0; i < bits; i += 4) {
        const uint64_t r = next(state);
        for (uint32_t k = 0; k < 4; k++)
            noise[i + k] = (int)(r >> 16 * k & 0xffff) - 32768;
    }
    uint64_t lean_state = 42; /* the same lean for all */
    for (uint32_t i = 0; i < bits; i++) {
        const int lean = (int)(next(&lean_state) % 16384) - 8192;
        value[i] = 4 * noise[i] + 4 * lean / 4 + (i % side ? noise[i - 1] : 0) +
                   (i >= side ? noise[i - side] : 0);
        sorted[i] = value[i];
    }
    qsort(sorted, bits, sizeof *sorted, ascending);
    memset(hash, 0, bits / 8);
    for (uint32_t i = 0; i < bits; i++)
        if (value[i] >= sorted[bits / 2])
            hash[i / 8] = (uint8_t)(hash[i / 8] | 1u << i % 8);
}

static void flip(uint64_t *state, uint8_t *hash, uint32_t bits, uint64_t flips)
{
    for (; flips; flips--) {
        const uint64_t bit = next(state) % bits;
        hash[bit / 8] = (uint8_t)(hash[bit / 8] ^ 1u << bit % 8);
    }
}

/* Every fifth hash of clustered data is near one of 20 centres, within 10 changes. */
void search_data_fill(enum search_data kind, uint32_t bits, uint64_t seed, size_t n,
                      uint8_t *hashes)
{
    const uint32_t bytes = bits / 8;
    uint64_t state = seed;
    for (size_t i = 0; i < n; i++) {
        uint8_t *h = hashes + bytes * i;
        if (kind == SEARCH_PDQ) {
            pdq_like(&state, h, bits);
        } else {
            uniform(&state, h, bytes);
            if (kind == SEARCH_CLUSTERED && i % 5 == 0) {
                uint64_t centre = 7919 * (1 + next(&state) % 20);
                uniform(&centre, h, bytes);
                flip(&state, h, bits, next(&state) % 10);
            }
        }
    }
}

void search_data_queries(enum search_data kind, uint32_t bits, uint64_t seed, const uint8_t *hashes,
                         size_t n, size_t queries, uint8_t *out)
{
    const uint32_t bytes = bits / 8;
    uint64_t state = seed;
    search_data_fill(kind == SEARCH_CLUSTERED ? SEARCH_UNIFORM : kind, bits, next(&state), queries,
                     out);
    for (size_t i = 0; n && i < queries; i += 4) {
        memcpy(out + bytes * i, hashes + bytes * (next(&state) % n), bytes);
        flip(&state, out + bytes * i, bits, next(&state) % (bits * 40 / 256 + 1));
    }
}
