/* The Jarosz filter on an image of reduced resolution: what profile `fast` looks through.
 *
 * The filter with its 64x64 sample points is linear and separable: out = V Y H', with a 64-row
 * weight matrix per axis. A JPEG decoder gives means of 2x2, 4x4 or 8x8 pixels almost for free (a
 * scaled inverse DCT). Here the weights of the full-size filter, same window, same sample points,
 * are folded onto those means, with the pixels inside a mean filled in by a smooth curve that has
 * these means (reduced.c). So the result approximates what the full filter gives, and not the hash
 * of a thumbnail, whose windows and sample points would lie elsewhere.
 *
 * How far off that is depends on the picture: fine texture is lost in the means, and a coefficient
 * that stands near the median needs little to become another bit. Both can be told from the means,
 * so pdq_reduced_finish says how many bits are in doubt, and whoever has the file looks closer, at
 * means half as wide, where they are too many.
 *
 * EXIF orientation costs nothing: an axis is run backwards by reversing its weights, and a
 * transposed image is a transposed 64x64.
 */
#ifndef PHASH_PDQ_REDUCED_H
#define PHASH_PDQ_REDUCED_H

#include "pdq/kernels.h"

/* Bits in doubt up to which a hash is good enough: three or four of these are wrong. What that gives is
 * in reduced.c. */
enum { PDQ_REDUCED_DOUBT_MAX = 18 };

/* The weights along one axis. Sample i is the sum of weight[offset[i] + k] * mean[first[i] + k], k
 * under count[i]. The next `count` weights are those for pixels that are all like their mean. */
typedef struct pdq_reduced_axis {
    uint32_t length; /* means along the axis */
    uint32_t first[PDQ_SIDE];
    uint32_t count[PDQ_SIDE];
    uint32_t offset[PDQ_SIDE];
    float *weight;
    size_t capacity;
} pdq_reduced_axis;

typedef struct pdq_reduced {
    pdq_kernels kernels;
    pdq_reduced_axis x, y;
    double span; /* of the shorter side's window, in means */
    bool transpose;
    uint32_t row; /* rows of means taken */
    /* A row of means, and behind it, for each row of samples that is not complete, two rows of sums:
     * of the means above one another, weighted, and of the same as if pixels were like their mean. At
     * most `open` rows of samples are, one after another; row i has place i % open. */
    float *means;
    size_t means_capacity;
    uint32_t open;
    float out[PDQ_SIDE * PDQ_SIDE], flat[PDQ_SIDE * PDQ_SIDE]; /* the samples, either way */
} pdq_reduced;

/* Pixels per mean, 1, 2, 4 or 8: the coarsest that is worth a look. again: the file can be looked at
 * once more if too many bits are in doubt; if not, the coarsest that has done without. */
uint32_t pdq_reduced_pitch(uint32_t width, uint32_t height, bool again);

/* Prepares for an image stored as width * height pixels, of which ceil(width / pitch) *
 * ceil(height / pitch) means will come. reverse_x, reverse_y: the axis of the stored image runs
 * backwards in the picture as it is seen; transpose: stored columns are rows of the picture. The
 * struct is zeroed before first use. Returns PHASH_E_MEMORY or PHASH_OK. */
phash_status pdq_reduced_reset(pdq_reduced *r, uint32_t width, uint32_t height, uint32_t pitch,
                               bool reverse_x, bool reverse_y, bool transpose);

/* Takes the next row of means. */
void pdq_reduced_push(pdq_reduced *r, const uint8_t *means);

/* After the last row: fills hash, quality, profile and, if asked for, the dihedral hashes. Returns
 * how many bits are in doubt. */
uint32_t pdq_reduced_finish(pdq_reduced *r, bool dihedral, phash_pdq_result *result);

/* Wipes and frees; the struct may be reset again. */
void pdq_reduced_free(pdq_reduced *r);

#endif
