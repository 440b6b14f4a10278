/* The C kernels: what every other set is compared with, and what runs where there is no other.
 *
 * The bit-sliced scan uses GNU C vectors of 16 bytes, which become SSE2 or whatever the baseline of
 * the architecture has.
 */
#include "hamming/hamming.h"

#include <string.h>

typedef uint64_t V __attribute__((vector_size(16)));
#define SUM3(a, b, c)   ((a) ^ (b) ^ (c))
#define MAJ3(a, b, c)   ((((a) ^ (b)) & (c)) | ((a) & (b)))
#define SUM_OR(a, b, c) ((a) | (b) | (c))
#define SPLAT(bit)      ((V){0} - (uint64_t)(bit))
#define NONE(v)         (!((v)[0] | (v)[1]))
#include "hamming/scan_template.h"

static inline uint32_t scan_checks(const uint16_t *checks, uint32_t first, uint32_t count,
                                   uint32_t posting, const phash_probe_group *g, uint32_t level,
                                   uint32_t group, phash_candidate *out, size_t room, size_t *n)
{
    const int limit = g->limit[level], own_limit = g->own_limit[level];
    for (uint32_t i = first; i < count; i++) {
        if (*n + PHASH_PROBE_ROOM > room)
            return i;
        const unsigned x = (unsigned)(checks[i] ^ g->check);
        if (__builtin_popcount(x & g->mask) <= limit &&
            __builtin_popcount(x & g->own_mask) <= own_limit)
            out[(*n)++] = (phash_candidate){posting + i, group};
    }
    return count;
}
#include "hamming/probe_template.h"

static size_t rows(const void *data, size_t n, size_t words, const uint64_t *query, uint32_t radius,
                   phash_hit *hits)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t row[4] = {0};
        memcpy(row, (const char *)data + i * words * 8, words * 8);
        const uint32_t d = phash_row_distance(row, query, words);
        hits[count] = (phash_hit){(uint32_t)i, d};
        count += d <= radius;
    }
    return count;
}

void phash_hamming_c(phash_hamming_kernels *k)
{
    *k = (phash_hamming_kernels){rows, transpose, slice, probe_runs, probe_lines};
}
