/* From coefficients to bits, and the spectra of variants. */
#include "dct/stages.h"

#include <math.h>
#include <string.h>

void dct_variant_spectrum(const phash_dct *dct, dct_variant variant, const double *low, double *out)
{
    const uint32_t n = dct->hash_size;
    /* The DCT of a turned or mirrored picture is that of the picture, transposed and with the sign
     * of odd frequencies changed. */
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            const double v = low[i * n + j];
            const uint32_t here = i * n + j, across = j * n + i;
            switch (variant.dihedral) {
            case PHASH_DIHEDRAL_ORIGINAL:
                out[here] = v;
                break;
            case PHASH_DIHEDRAL_ROTATE90:
                out[across] = j & 1 ? -v : v;
                break;
            case PHASH_DIHEDRAL_ROTATE180:
                out[here] = (i + j) & 1 ? -v : v;
                break;
            case PHASH_DIHEDRAL_ROTATE270:
                out[across] = i & 1 ? -v : v;
                break;
            case PHASH_DIHEDRAL_FLIPX:
                out[here] = i & 1 ? -v : v;
                break;
            case PHASH_DIHEDRAL_FLIPY:
                out[here] = j & 1 ? -v : v;
                break;
            case PHASH_DIHEDRAL_TRANSPOSE:
                out[across] = v;
                break;
            case PHASH_DIHEDRAL_ANTITRANSPOSE:
                out[across] = (i + j) & 1 ? -v : v;
                break;
            }
        }
    if (!variant.inverted)
        return;
    /* 255 - v: every coefficient changes its sign, and the constant term, 4 times the sum of all
     * samples, is counted from the other end. */
    const double white = 4.0 * 255.0 * dct->side * dct->side, constant = out[0];
    for (uint32_t i = 0; i < n * n; i++)
        out[i] = -out[i];
    out[0] = white - constant;
}

/* Hoare's quickselect: the value that stands at `rank` in sorted order; smaller ones end up before
 * it, larger ones behind it. */
static double select_rank(double *v, size_t n, size_t rank)
{
    ptrdiff_t lo = 0, hi = (ptrdiff_t)n - 1;
    const ptrdiff_t r = (ptrdiff_t)rank;
    while (lo < hi) {
        const double pivot = v[r];
        ptrdiff_t i = lo, j = hi;
        do {
            while (v[i] < pivot)
                i++;
            while (pivot < v[j])
                j--;
            if (i <= j) {
                const double swap = v[i];
                v[i++] = v[j];
                v[j--] = swap;
            }
        } while (i <= j);
        if (j < r)
            lo = i;
        if (r < i)
            hi = j;
    }
    return v[r];
}

/* NumPy's median: the middle value, or the mean of the two. Reorders v. */
static double median_of(double *v, size_t n)
{
    const double lower = select_rank(v, n, (n - 1) / 2);
    if (n & 1)
        return lower;
    double upper = v[n / 2];
    for (size_t i = n / 2 + 1; i < n; i++)
        upper = v[i] < upper ? v[i] : upper;
    return (lower + upper) / 2.0;
}

/* Whether a coefficient is above the median must not hang on the last bits of the transform, which
 * differ from machine to machine. Coefficients that are zero, or equal to one another, in exact
 * arithmetic come out a little apart; those of a picture without such symmetries are never that
 * close. So values nearer than this are taken for equal: 16 units in the last place of the largest
 * value that a coefficient can have. */
static double tolerance(const phash_dct *dct)
{
    return 4.0 * 255.0 * dct->side * dct->side * 0x1p-48;
}

void dct_threshold(const phash_dct *dct, double *spectrum, double *scratch, phash_bits *hash)
{
    const size_t n = (size_t)dct->hash_size * dct->hash_size;
    const double near = tolerance(dct);
    for (size_t i = 0; i < n; i++) {
        if (fabs(spectrum[i]) < near)
            spectrum[i] = 0.0;
        scratch[i] = spectrum[i];
    }
    const double limit = median_of(scratch, n) + near;
    memset(hash, 0, sizeof *hash);
    hash->length = (uint32_t)n;
    /* The first bit is the most significant of the number that the hash is. */
    for (size_t i = 0; i < n; i++)
        if (spectrum[i] > limit) {
            const size_t weight = n - 1 - i;
            hash->bytes[PHASH_BITS_BYTES(n) - 1 - weight / 8] |= (uint8_t)(1 << weight % 8);
        }
}
