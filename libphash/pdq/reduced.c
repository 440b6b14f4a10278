/* The folded filter: see reduced.h. The result is an approximation by design, but its arithmetic is
 * plain float in a fixed order, so it is the same on every machine. */
#include "pdq/reduced.h"

#include "core/internal.h"

#include <string.h>

uint32_t pdq_reduced_pitch(uint32_t width, uint32_t height)
{
    /* The shorter side has the smaller window, but the finer samples along it cost the same for
     * both sides, so it decides. */
    const uint32_t window = pdq_window(width < height ? width : height);
    if (window >= 13)
        return 8;
    if (window >= 6)
        return 4;
    if (window >= 3)
        return 2;
    return 1;
}

/* The box of output o covers samples [*lo, *hi): see jarosz.c. */
static void box_span(int64_t o, int64_t length, int64_t window, int64_t *lo, int64_t *hi)
{
    const int64_t half = (window + 2) / 2;
    *lo = o + half - window;
    *hi = o + half;
    if (*lo < 0)
        *lo = 0;
    if (*hi > length)
        *hi = length;
}

/* Weights of the two rounds of box filter over single pixels for the sample at `o`, into
 * weight[0 .. *count), the first of which is for pixel *first. `weight` holds 2 * window + 2. Two
 * nested averages: differences first, then their running sum. */
static void pixel_weights(int64_t o, int64_t length, int64_t window, double *weight, int64_t *first,
                          int64_t *count)
{
    int64_t lo, hi, from, to;
    box_span(o, length, window, &lo, &hi);
    box_span(lo, length, window, first, &to);
    box_span(hi - 1, length, window, &from, &to);
    *count = to - *first;
    memset(weight, 0, (size_t)(*count + 1) * sizeof *weight);
    for (int64_t m = lo; m < hi; m++) {
        box_span(m, length, window, &from, &to);
        const double each = 1.0 / ((double)(hi - lo) * (double)(to - from));
        weight[from - *first] += each;
        weight[to - *first] -= each;
    }
    for (int64_t k = 1; k < *count; k++)
        weight[k] += weight[k - 1];
}

/* Adds the weight w of a pixel to the means around it. u is its place inside its mean b, -1/2 to
 * 1/2. The parabola m(u) = b + u (next - previous) / 2 + (u^2 - v) (next - 2 b + previous) / 2,
 * with v the mean of u^2 over the pixels of a mean, has the mean b. Missing neighbours are the mean
 * itself. */
static void fold_pixel(double *folded, int64_t first, int64_t b, int64_t length, double u, double v,
                       double w)
{
    const int64_t next = b + 1 < length ? b + 1 : b, previous = b > 0 ? b - 1 : b;
    const double slope = u / 2, bend = (u * u - v) / 2;
    folded[b - first] += w * (1 - 2 * bend);
    folded[next - first] += w * (bend + slope);
    folded[previous - first] += w * (bend - slope);
}

static phash_status axis_reset(pdq_reduced_axis *axis, uint32_t pixels, uint32_t pitch,
                               bool reverse)
{
    const uint32_t window = pdq_window(pixels), means = (pixels + pitch - 1) / pitch;
    const size_t most = (2 * (size_t)window + 2) / pitch + 4;
    axis->length = means;
    if (axis->capacity < most * PDQ_SIDE) {
        phash_wipe_free(axis->weight, axis->capacity * sizeof *axis->weight);
        axis->capacity = 0;
        axis->weight = phash_alloc(most * PDQ_SIDE, sizeof *axis->weight);
        if (!axis->weight)
            return PHASH_E_MEMORY;
        axis->capacity = most * PDQ_SIDE;
    }
    double *scratch = phash_alloc(2 * (size_t)window + 3 + most, sizeof *scratch);
    if (!scratch)
        return PHASH_E_MEMORY;
    double *folded = scratch + 2 * (size_t)window + 3;
    const double v = (1.0 - 1.0 / ((double)pitch * pitch)) / 12;
    uint32_t used = 0;
    for (uint32_t i = 0; i < PDQ_SIDE; i++) {
        int64_t start, count;
        pixel_weights(pdq_sample(i, pixels), pixels, window, scratch, &start, &count);
        /* Mean of the first and of the last pixel that counts, with a neighbour on each side. */
        const int64_t a = reverse ? (int64_t)pixels - start - count : start, z = a + count - 1;
        const int64_t from = a / pitch > 0 ? a / pitch - 1 : 0;
        const int64_t to = z / pitch + 1 < means ? z / pitch + 2 : means;
        memset(folded, 0, (size_t)(to - from) * sizeof *folded);
        for (int64_t k = 0; k < count; k++) {
            const int64_t x = a + k, b = x / pitch;
            const double u = ((double)(x - b * pitch) - (pitch - 1) / 2.0) / pitch;
            fold_pixel(folded, from, b, means, u, v, scratch[reverse ? count - 1 - k : k]);
        }
        axis->first[i] = (uint32_t)from;
        axis->count[i] = (uint32_t)(to - from);
        axis->offset[i] = used;
        for (int64_t k = 0; k < to - from; k++)
            axis->weight[used++] = (float)folded[k];
    }
    phash_wipe_free(scratch, 0);
    return PHASH_OK;
}

phash_status pdq_reduced_reset(pdq_reduced *r, uint32_t width, uint32_t height, uint32_t pitch,
                               bool reverse_x, bool reverse_y, bool transpose)
{
    phash_status status = axis_reset(&r->x, width, pitch, reverse_x);
    if (status == PHASH_OK)
        status = axis_reset(&r->y, height, pitch, reverse_y);
    if (status != PHASH_OK)
        return status;
    if (r->means_capacity < r->x.length) {
        phash_wipe_free(r->means, r->means_capacity * sizeof *r->means);
        r->means_capacity = 0;
        r->means = phash_alloc(r->x.length, sizeof *r->means);
        if (!r->means)
            return PHASH_E_MEMORY;
        r->means_capacity = r->x.length;
    }
    r->transpose = transpose;
    r->row = 0;
    memset(r->out, 0, sizeof r->out);
    return PHASH_OK;
}

void pdq_reduced_push(pdq_reduced *r, const uint8_t *means)
{
    float sample[PDQ_SIDE];
    bool sampled = false;
    /* Each row counts for the few samples whose window it lies in. */
    for (uint32_t i = 0; i < PDQ_SIDE; i++) {
        if (r->row - r->y.first[i] >= r->y.count[i])
            continue;
        if (!sampled) {
            for (uint32_t x = 0; x < r->x.length; x++)
                r->means[x] = (float)means[x];
            for (uint32_t j = 0; j < PDQ_SIDE; j++) {
                const float *weight = r->x.weight + r->x.offset[j],
                            *mean = r->means + r->x.first[j];
                float sum = 0;
                for (uint32_t k = 0; k < r->x.count[j]; k++)
                    sum += weight[k] * mean[k];
                sample[j] = sum;
            }
            sampled = true;
        }
        const float w = r->y.weight[r->y.offset[i] + (r->row - r->y.first[i])];
        for (uint32_t j = 0; j < PDQ_SIDE; j++)
            r->out[i * PDQ_SIDE + j] += w * sample[j];
    }
    r->row++;
}

static void transpose(float a[PDQ_SIDE * PDQ_SIDE])
{
    for (uint32_t i = 0; i < PDQ_SIDE; i++)
        for (uint32_t j = i + 1; j < PDQ_SIDE; j++) {
            const float swap = a[i * PDQ_SIDE + j];
            a[i * PDQ_SIDE + j] = a[j * PDQ_SIDE + i];
            a[j * PDQ_SIDE + i] = swap;
        }
}

void pdq_reduced_finish(pdq_reduced *r, bool dihedral, phash_pdq_result *result)
{
    float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE], turned[PDQ_DCT_SIDE * PDQ_DCT_SIDE];
    if (r->transpose)
        transpose(r->out);
    pdq_dct64(r->out, b);
    pdq_threshold(b, &result->hash);
    result->quality = pdq_quality(r->out);
    result->profile = PHASH_PDQ_FAST;
    result->has_dihedral = dihedral;
    for (int d = 0; dihedral && d < PHASH_DIHEDRALS; d++) {
        pdq_dihedral((phash_dihedral)d, b, turned);
        pdq_threshold(turned, &result->dihedral[d]);
    }
    phash_wipe(b, sizeof b);
    phash_wipe(turned, sizeof turned);
}

void pdq_reduced_free(pdq_reduced *r)
{
    phash_wipe_free(r->x.weight, r->x.capacity * sizeof *r->x.weight);
    phash_wipe_free(r->y.weight, r->y.capacity * sizeof *r->y.weight);
    phash_wipe_free(r->means, r->means_capacity * sizeof *r->means);
    phash_wipe(r, sizeof *r);
}
