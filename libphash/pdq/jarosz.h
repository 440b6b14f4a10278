/* The Jarosz filter as a machine that rows are pushed into.
 *
 * The filter is two rounds of a box filter along rows and one along columns (a tent, to good
 * approximation), of which only 64x64 points are looked at. A column box that runs down the image
 * needs the last `window` rows and one running sum per column, so that is all that is kept:
 *
 *   luma row → row box → ring of `window` rows, running column sums     (every column)
 *            → row box → ring of `window` rows, running column sums     (the 64 sampled columns)
 *            → the sampled rows of out[64][64]
 */
#ifndef PHASH_PDQ_JAROSZ_H
#define PHASH_PDQ_JAROSZ_H

#include "pdq/stages.h"

/* One column box. Sums are carried over the whole height, in the reference's order. */
typedef struct pdq_column_box {
    uint32_t columns;
    uint32_t window;
    uint32_t height;
    uint32_t fed;     /* rows put in */
    uint32_t drained; /* rows taken out */
    float *ring;      /* window * columns: row y stands at y % window */
    float *sum;       /* columns */
} pdq_column_box;

typedef struct pdq_jarosz {
    uint32_t width, height;
    pdq_column_box first, second;
    uint32_t sample_x[PDQ_SIDE];
    uint32_t next_sample; /* next row of out */
    float *scratch;       /* 2 * width */
    float *memory;        /* what the pointers above point into */
    size_t capacity;      /* floats in memory */
    float out[PDQ_SIDE * PDQ_SIDE];
} pdq_jarosz;

/* Prepares for an image of width * height, reusing memory where it is large enough. The struct is
 * zeroed before its first use. Returns PHASH_E_MEMORY or PHASH_OK. */
phash_status pdq_jarosz_reset(pdq_jarosz *j, uint32_t width, uint32_t height);

/* Takes the next row of luma. After `height` rows `out` is complete. */
void pdq_jarosz_push(pdq_jarosz *j, const float *luma);

/* Wipes and frees; the struct may be reset again. */
void pdq_jarosz_free(pdq_jarosz *j);

#endif
