/* Median of the 256 coefficients, and the bits above it. */
#include "pdq/stages.h"

#include <string.h>

enum { COEFFICIENTS = PDQ_DCT_SIDE * PDQ_DCT_SIDE, LOWER_MEDIAN = COEFFICIENTS / 2 - 1 };

/* Hoare's quickselect: the value that stands at `rank` in sorted order. Reorders v. */
static float select_rank(float *v, int n, int rank)
{
    int lo = 0, hi = n - 1;
    while (lo < hi) {
        const float pivot = v[rank];
        int i = lo, j = hi;
        do {
            while (v[i] < pivot)
                i++;
            while (pivot < v[j])
                j--;
            if (i <= j) {
                const float swap = v[i];
                v[i++] = v[j];
                v[j--] = swap;
            }
        } while (i <= j);
        if (j < rank)
            lo = i;
        if (rank < i)
            hi = j;
    }
    return v[rank];
}

void pdq_threshold(const float b[COEFFICIENTS], phash_hash256 *hash)
{
    float v[COEFFICIENTS];
    memcpy(v, b, sizeof v);
    const float median = select_rank(v, COEFFICIENTS, LOWER_MEDIAN);
    memset(hash, 0, sizeof *hash);
    for (int k = 0; k < COEFFICIENTS; k++)
        if (b[k] > median)
            hash->bytes[PHASH_HASH256_BYTES - 1 - k / 8] |= (uint8_t)(1 << k % 8);
}
