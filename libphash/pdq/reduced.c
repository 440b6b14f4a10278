/* The folded filter: see reduced.h. The result is an approximation by design, but its arithmetic is
 * plain + - * / in a fixed order, without a function of libm, whose last bits differ between systems:
 * so it is the same on every machine.
 *
 * How far it is from the hash of all pixels, in bits, over 900 JPEGs of 48 photographs of Debian's
 * background packages (bench/fetch-photos), all of quality 50 and more: as they are, and at up to 15
 * sizes, compressed to qualities 50 to 95. By the window of the shorter side:
 *
 *     window   means of 8, no other   looked at closer   what comes out then
 *              mean   99 %   most                        mean   99 %   most
 *     6        5.6    26     26       96 %
 *     7, 8     4.2    32     32       38 %
 *     9        2.8    14     14       15 %               1.9    6      8
 *     10       1.9    12     12       12 %               1.4    6      8
 *     11, 12   2.0    12     12        6 %               1.6    8      8
 *     13-16    0.9    4      4         0 %               0.8    4      4
 *     over 16  0.5    2      2         0 %               0.4    2      2
 *
 * The same windows in means of 4 or 2 fare the same, or a little better. Drawings, 68 of the same
 * packages in 1182 JPEGs, were off by up to 50 bits: of stripes, say, nearly all coefficients are next
 * to nothing. With the closer look, for one of eleven, it is 8 bits.
 */
#include "pdq/reduced.h"

#include "core/internal.h"

#include <string.h>

uint32_t pdq_reduced_pitch(uint32_t width, uint32_t height, bool again)
{
    /* Windows that the shorter side, which has the smaller one, needs for means of 8, 4 and 2. */
    static const uint32_t least[2][3] = {{13, 6, 3}, {9, 5, 3}};
    const uint32_t window = pdq_window(width < height ? width : height);
    for (uint32_t i = 0; i < 3; i++)
        if (window >= least[again][i])
            return 8u >> i;
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

/* What is known about the pixels along an axis are their means; between them they wander. With an image
 * whose spectrum falls as 1 / f^2, as those of photographs do (Field, Relations between the statistics
 * of natural images and the response properties of cortical cells, JOSA A 4(12), 1987), they do so like
 * a Brownian motion, and what is to be expected of that, given its means, is the smoothest curve that
 * has them: the histospline of Boneva, Kendall and Stefanov (Spline transformations, J. Royal
 * Statistical Society B 33(1), 1971), a parabola for each mean, joined without kinks and level at both
 * ends. It depends on far means by as little as 0.27 to the power of their distance, so it is taken
 * through those that a sample's window touches and REACH more on either side.
 *
 * With e and f for its values at both ends of a mean m, and t from 0 to 1 between them, the parabola is
 * e (1 - 4 t + 3 t^2) + f (3 t^2 - 2 t) + m 6 (t - t^2), and the ends follow from
 *
 *     2 e0 + e1 = 3 m0,  e0 + 4 e1 + e2 = 3 (m0 + m1),  ...,  ek-1 + 2 ek = 3 mk-1.
 *
 * A sample is a weighted sum of pixels and so of ends and means. The matrix of these equations is
 * symmetric: so it is solved for the weights of the ends, once, and not for the ends.
 *
 * In the mean over the photographs above the error is 7 to 16 % under that of parabolas through three means
 * each. A reach of 2 would take off 1 % more; best weights for pixels that correlate by 0.9 to 0.99 with
 * the next one are no better. */
enum { REACH = 1 };

enum { PITCH_MAX = 8 };

typedef struct fold {
    double *pixel;             /* weights of single pixels */
    double *end, *mean, *flat; /* of the ends, and of the means */
    double *ratio;             /* 1 over the pivots of the equations; the last pivot is another */
    struct {
        double before, mean, behind; /* shares of the ends and the mean in a pixel */
    } share[PITCH_MAX];
} fold;

static size_t fold_doubles(uint32_t window, uint32_t most)
{
    return 2 * (size_t)window + 3 + 4 * ((size_t)most + 1);
}

static fold fold_of(double *memory, uint32_t window, uint32_t most, uint32_t pitch)
{
    fold f = {.pixel = memory};
    f.end = memory + 2 * (size_t)window + 3;
    f.mean = f.end + most + 1;
    f.flat = f.mean + most + 1;
    f.ratio = f.flat + most + 1;
    f.ratio[0] = 0.5;
    for (uint32_t k = 1; k <= most; k++)
        f.ratio[k] = 1 / (4 - f.ratio[k - 1]);
    /* A pixel is the curve's mean over its width: so the pixels of a mean have that mean. */
    for (uint32_t x = 0; x < pitch; x++) {
        const double t = (x + 0.5) / pitch, square = t * t + 1 / (12.0 * pitch * pitch);
        f.share[x].before = 1 - 4 * t + 3 * square;
        f.share[x].mean = 6 * (t - square);
        f.share[x].behind = 3 * square - 2 * t;
    }
    return f;
}

/* From weights of n + 1 ends to weights of their n means. */
static void solve_ends(fold *f, size_t n)
{
    for (size_t k = 1; k <= n; k++)
        f->end[k] -= f->end[k - 1] * f->ratio[k - 1];
    f->end[n] /= 2 - f->ratio[n - 1];
    for (size_t k = n; k-- > 0;) {
        f->end[k] = (f->end[k] - f->end[k + 1]) * f->ratio[k];
        f->mean[k] += 3 * (f->end[k] + f->end[k + 1]);
    }
}

/* From weights of `count` pixels, of which the first is pixel x of a mean, to those of n means, in
 * f->mean and f->flat. That mean is the one after `before` others. */
static void fold_pixels(fold *f, bool reverse, size_t count, uint32_t x, size_t before, size_t n,
                        uint32_t pitch)
{
    memset(f->end, 0, (n + 1) * sizeof *f->end);
    memset(f->mean, 0, n * sizeof *f->mean);
    memset(f->flat, 0, n * sizeof *f->flat);
    for (size_t k = 0, b = before; k < count; k++) {
        const double w = f->pixel[reverse ? count - 1 - k : k];
        f->end[b] += w * f->share[x].before;
        f->end[b + 1] += w * f->share[x].behind;
        f->mean[b] += w * f->share[x].mean;
        f->flat[b] += w;
        if (++x == pitch) {
            x = 0;
            b++;
        }
    }
    solve_ends(f, n);
}

/* Dot products add up LANES sums at once; so weights are filled up with zeros, and so are sums of means,
 * behind the last one. */
enum { LANES = 4 };

static uint32_t lanes_up(uint32_t count)
{
    return (count + LANES - 1) / LANES * LANES;
}

static phash_status reserve(float **memory, size_t *capacity, size_t floats)
{
    if (*capacity >= floats)
        return PHASH_OK;
    phash_wipe_free(*memory, *capacity * sizeof **memory);
    *capacity = 0;
    *memory = phash_alloc(floats, sizeof **memory);
    if (!*memory)
        return PHASH_E_MEMORY;
    *capacity = floats;
    return PHASH_OK;
}

static phash_status axis_reset(pdq_reduced_axis *axis, uint32_t pixels, uint32_t pitch,
                               bool reverse)
{
    const uint32_t window = pdq_window(pixels), means = (pixels + pitch - 1) / pitch;
    const uint32_t most = (2 * window + 2) / pitch + 2 + 2 * REACH;
    axis->length = means;
    phash_status status =
        reserve(&axis->weight, &axis->capacity, (size_t)2 * lanes_up(most) * PDQ_SIDE);
    if (status != PHASH_OK)
        return status;
    const size_t doubles = fold_doubles(window, most);
    double *scratch = phash_alloc(doubles, sizeof *scratch);
    if (!scratch)
        return PHASH_E_MEMORY;
    fold f = fold_of(scratch, window, most, pitch);
    uint32_t used = 0;
    for (uint32_t i = 0; i < PDQ_SIDE; i++) {
        int64_t start, count;
        pixel_weights(pdq_sample(i, pixels), pixels, window, f.pixel, &start, &count);
        /* Mean of the first and of the last pixel that counts, and REACH more on each side. */
        const int64_t a = reverse ? (int64_t)pixels - start - count : start, z = a + count - 1;
        const int64_t from = a / pitch > REACH ? a / pitch - REACH : 0;
        const int64_t to = z / pitch + 1 + REACH < means ? z / pitch + 1 + REACH : means;
        fold_pixels(&f, reverse, (size_t)count, (uint32_t)(a % pitch), (size_t)(a / pitch - from),
                    (size_t)(to - from), pitch);
        axis->first[i] = (uint32_t)from;
        axis->count[i] = (uint32_t)(to - from);
        axis->offset[i] = used;
        const uint32_t n = lanes_up(axis->count[i]);
        float *weight = axis->weight + used, *flat = weight + n;
        for (uint32_t k = 0; k < n; k++) {
            weight[k] = k < axis->count[i] ? (float)f.mean[k] : 0;
            flat[k] = k < axis->count[i] ? (float)f.flat[k] : 0;
        }
        used += 2 * n;
    }
    phash_wipe_free(scratch, 0);
    return PHASH_OK;
}

/* How many samples one after another there are, at most, that have a mean in common. */
static uint32_t most_open(const pdq_reduced_axis *axis)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < PDQ_SIDE; i++)
        for (uint32_t j = i + most; j < PDQ_SIDE; j++) {
            const bool before = axis->first[i] + axis->count[i] <= axis->first[j];
            if (before || axis->first[j] + axis->count[j] <= axis->first[i])
                break;
            most = j - i + 1;
        }
    return most;
}

/* Floats of a row of sums. */
static size_t sums_of(const pdq_reduced *r)
{
    return (size_t)lanes_up(r->x.length) + LANES;
}

phash_status pdq_reduced_reset(pdq_reduced *r, uint32_t width, uint32_t height, uint32_t pitch,
                               bool reverse_x, bool reverse_y, bool transpose)
{
    phash_status status = axis_reset(&r->x, width, pitch, reverse_x);
    if (status == PHASH_OK)
        status = axis_reset(&r->y, height, pitch, reverse_y);
    if (status != PHASH_OK)
        return status;
    pdq_kernels_fill(&r->kernels, phash_cpu_active());
    r->span = (double)pdq_window(width < height ? width : height) / pitch;
    r->transpose = transpose;
    r->row = 0;
    r->open = most_open(&r->y);
    return reserve(&r->means, &r->means_capacity, (1 + 2 * (size_t)r->open) * sums_of(r));
}

static void add_weighted(float *restrict sum, const float *restrict mean, float weight, uint32_t n)
{
    for (uint32_t x = 0; x < n; x++)
        sum[x] += weight * mean[x];
}

/* n is a multiple of LANES. */
static float dot(const float *weight, const float *sum, uint32_t n)
{
    float lane[LANES] = {0};
    for (uint32_t k = 0; k < n; k += LANES)
        for (uint32_t l = 0; l < LANES; l++)
            lane[l] += weight[k + l] * sum[k + l];
    return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

/* A row of samples, whose columns have been summed up. */
static void sample_row(const pdq_reduced_axis *axis, const float *sum, const float *flat_sum,
                       float *out, float *flat)
{
    for (uint32_t j = 0; j < PDQ_SIDE; j++) {
        const uint32_t first = axis->first[j], n = lanes_up(axis->count[j]);
        const float *weight = axis->weight + axis->offset[j];
        out[j] = dot(weight, sum + first, n);
        flat[j] = dot(weight + n, flat_sum + first, n);
    }
}

void pdq_reduced_push(pdq_reduced *r, const uint8_t *means)
{
    const uint32_t n = r->x.length;
    const size_t sums = sums_of(r);
    for (uint32_t x = 0; x < n; x++)
        r->means[x] = (float)means[x];
    /* Each row counts for the few samples whose window it lies in. */
    for (uint32_t i = 0; i < PDQ_SIDE; i++) {
        const uint32_t at = r->row - r->y.first[i], count = r->y.count[i];
        if (at >= count)
            continue;
        float *sum = r->means + (1 + 2 * (i % r->open)) * sums, *flat = sum + sums;
        if (at == 0)
            memset(sum, 0, 2 * sums * sizeof *sum);
        const float *weight = r->y.weight + r->y.offset[i] + at,
                    *flat_weight = weight + lanes_up(count);
        add_weighted(sum, r->means, *weight, n);
        if (*flat_weight != 0)
            add_weighted(flat, r->means, *flat_weight, n);
        if (at + 1 == count)
            sample_row(&r->x, sum, flat, r->out + i * PDQ_SIDE, r->flat + i * PDQ_SIDE);
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

/* How many bits are in doubt: coefficients within twice their error of the median. One in five of
 * these comes out on the other side.
 *
 * The error is not known, but what it comes from, detail as fine as a mean, is also what makes the
 * difference when the pixels of a mean are all taken to be alike. Of that difference, squared and
 * averaged over all coefficients, it is 1.65 / span^2, measured over photographs, with spans from 1 to 2
 * means: by span the median is 0.8 to 1.2 of it. Rounding, of means and in decoding, adds 0.15. */
static uint32_t bits_in_doubt(const pdq_reduced *r, const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE],
                              const phash_hash256 *hash)
{
    enum { COEFFICIENTS = PDQ_DCT_SIDE * PDQ_DCT_SIDE };
    float c[COEFFICIENTS];
    r->kernels.dct64(r->flat, c); /* transposed or not, their sum of squares is the same */
    float power = 0;
    for (int k = 0; k < COEFFICIENTS; k++)
        power += c[k] * c[k];
    phash_wipe(c, sizeof c);
    const double share = 1.65 / (r->span * r->span);
    const double variance = share * share * power / COEFFICIENTS + 0.15 * 0.15;
    /* The lower median is the greatest of those whose bit is not set: see pdq_threshold. */
    float median = -FLT_MAX;
    for (int k = 0; k < COEFFICIENTS; k++)
        if (!(hash->bytes[PHASH_HASH256_BYTES - 1 - k / 8] >> k % 8 & 1) && b[k] > median)
            median = b[k];
    uint32_t doubt = 0;
    for (int k = 0; k < COEFFICIENTS; k++) {
        const double from = (double)b[k] - (double)median;
        doubt += from * from < 4 * variance;
    }
    return doubt;
}

uint32_t pdq_reduced_finish(pdq_reduced *r, bool dihedral, phash_pdq_result *result)
{
    float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE];
    for (int k = 0; k < PDQ_SIDE * PDQ_SIDE; k++)
        r->flat[k] = r->out[k] - r->flat[k];
    if (r->transpose)
        transpose(r->out);
    r->kernels.dct64(r->out, b);
    r->kernels.threshold(b, &result->hash);
    result->quality = r->kernels.quality(r->out);
    result->profile = PHASH_PDQ_FAST;
    result->has_dihedral = dihedral;
    if (dihedral)
        r->kernels.dihedral(b, result->dihedral);
    /* A picture of less has no hash that is worth a closer look. */
    const uint32_t doubt =
        result->quality < PHASH_PDQ_QUALITY_MIN ? 0 : bits_in_doubt(r, b, &result->hash);
    phash_wipe(b, sizeof b);
    return doubt;
}

void pdq_reduced_free(pdq_reduced *r)
{
    phash_wipe_free(r->x.weight, r->x.capacity * sizeof *r->x.weight);
    phash_wipe_free(r->y.weight, r->y.capacity * sizeof *r->y.weight);
    phash_wipe_free(r->means, r->means_capacity * sizeof *r->means);
    phash_wipe(r, sizeof *r);
}
