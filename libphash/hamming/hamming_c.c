/* The C kernels: what every other set is compared with, and what runs where there is no other.
 *
 * The bit-sliced scan uses GNU C vectors of 16 bytes, which become SSE2 or whatever the baseline of
 * the architecture has.
 */
#include "hamming/hamming.h"

#include <stdbool.h>
#include <string.h>

typedef uint64_t V __attribute__((vector_size(16)));
#define SUM3(a, b, c)   ((a) ^ (b) ^ (c))
#define MAJ3(a, b, c)   ((((a) ^ (b)) & (c)) | ((a) & (b)))
#define SUM_OR(a, b, c) ((a) | (b) | (c))
#define SPLAT(bit)      ((V){0} - (uint64_t)(bit))
#define NONE(v)         (!((v)[0] | (v)[1]))
enum { DIRECT_QUERIES = 3 };
#include "hamming/scan_template.h"

#include "hamming/probe_scalar.h"
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
    *k = (phash_hamming_kernels){reorder,     rows,       transpose,   slice,
                                 confirm,     probe_add,  probe_keys,  probe_runs,
                                 probe_lines, probe_wide, probe_verify};
}
