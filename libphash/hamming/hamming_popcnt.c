/* Kernels for x86-64 with POPCNT. The bit-sliced scan stays as it is in C: it counts without
 * popcount, 128 pairs at a time, which beats four popcounts a pair. */
#include "hamming/hamming.h"

#include <stdbool.h>
#include <string.h>

static size_t rows(const void *data, size_t n, size_t words, const uint64_t *query, uint32_t radius,
                   phash_hit *hits)
{
    size_t count = 0;
    const char *row = data;
    if (words == 1) {
        for (size_t i = 0; i < n; i++, row += 8) {
            uint64_t w;
            memcpy(&w, row, sizeof w);
            const uint32_t d = (uint32_t)__builtin_popcountll(w ^ query[0]);
            hits[count] = (phash_hit){(uint32_t)i, d};
            count += d <= radius;
        }
        return count;
    }
    const uint64_t q0 = query[0], q1 = query[1], q2 = query[2], q3 = query[3];
    for (size_t i = 0; i < n; i++, row += 32) {
        uint64_t w[4];
        memcpy(w, row, sizeof w);
        const uint32_t d =
            (uint32_t)(__builtin_popcountll(w[0] ^ q0) + __builtin_popcountll(w[1] ^ q1) +
                       __builtin_popcountll(w[2] ^ q2) + __builtin_popcountll(w[3] ^ q3));
        hits[count] = (phash_hit){(uint32_t)i, d};
        count += d <= radius;
    }
    return count;
}

#include "hamming/probe_scalar.h"
#include "hamming/probe_template.h"

void phash_hamming_popcnt(phash_hamming_kernels *k)
{
    k->rows = rows;
    k->probe_runs = probe_runs;
    k->probe_lines = probe_lines;
    k->probe_wide = probe_wide;
    k->confirm = confirm;
    k->probe_add = probe_add;
    k->probe_keys = probe_keys;
    k->probe_verify = probe_verify;
}
