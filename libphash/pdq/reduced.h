/* The Jarosz filter on an image of reduced resolution: what profile `fast` looks through.
 *
 * The filter with its 64x64 sample points is linear and separable: out = V Y H', with a 64-row
 * weight matrix per axis. A JPEG decoder gives means of 2x2, 4x4 or 8x8 pixels almost for free (a
 * scaled inverse DCT). Here the weights of the full-size filter, same window, same sample points,
 * are folded onto those means, with the pixels inside a mean filled in by a parabola through the
 * three nearest means that keeps their values. So the result approximates what the full filter
 * gives, and not the hash of a thumbnail, whose windows and sample points would lie elsewhere.
 *
 * EXIF orientation costs nothing: an axis is run backwards by reversing its weights, and a
 * transposed image is a transposed 64x64.
 */
#ifndef PHASH_PDQ_REDUCED_H
#define PHASH_PDQ_REDUCED_H

#include "pdq/stages.h"

#include <stdbool.h>

/* The weights along one axis: sample i is the sum of weight[k] * mean[first[i] + k]. */
typedef struct pdq_reduced_axis {
    uint32_t length; /* means along the axis */
    uint32_t first[PDQ_SIDE];
    uint32_t count[PDQ_SIDE];
    uint32_t offset[PDQ_SIDE]; /* of its first weight */
    float *weight;
    size_t capacity;
} pdq_reduced_axis;

typedef struct pdq_reduced {
    pdq_reduced_axis x, y;
    bool transpose;
    uint32_t row; /* rows of means taken */
    float *means; /* one row */
    size_t means_capacity;
    float out[PDQ_SIDE * PDQ_SIDE];
} pdq_reduced;

/* Pixels per mean, 1, 2, 4 or 8, for a side of `length`: the coarsest for which a window spans
 * enough means. Measured over photographs; see the table in reduced.c. */
uint32_t pdq_reduced_pitch(uint32_t width, uint32_t height);

/* Prepares for an image stored as width * height pixels, of which ceil(width / pitch) *
 * ceil(height / pitch) means will come. reverse_x, reverse_y: the axis of the stored image runs
 * backwards in the picture as it is seen; transpose: stored columns are rows of the picture. The
 * struct is zeroed before first use. Returns PHASH_E_MEMORY or PHASH_OK. */
phash_status pdq_reduced_reset(pdq_reduced *r, uint32_t width, uint32_t height, uint32_t pitch,
                               bool reverse_x, bool reverse_y, bool transpose);

/* Takes the next row of means. */
void pdq_reduced_push(pdq_reduced *r, const uint8_t *means);

/* After the last row: fills hash, quality, profile and, if asked for, the dihedral hashes. */
void pdq_reduced_finish(pdq_reduced *r, bool dihedral, phash_pdq_result *result);

/* Wipes and frees; the struct may be reset again. */
void pdq_reduced_free(pdq_reduced *r);

#endif
