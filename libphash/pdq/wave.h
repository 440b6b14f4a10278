/* The Jarosz filter as a wave: all four box filters in one pass over blocks of 8 or 16 rows.
 *
 * A block's rows are the lanes of a vector. At step t lane q stands at column t - 2q, so that
 *   - both row scans are running sums inside a lane,
 *   - the sum that the column scan carries down from the row above is the neighbouring lane's of two
 *     steps ago: one rotation, with two steps to hide its latency in,
 *   - the skew costs nothing on input: lane q simply reads 2q pixels further left.
 * Each lane does the additions and subtractions of its row and column in the reference's order, so
 * the bits are the reference's. Nothing but the skewed vectors below is ever stored:
 *
 *   v      outputs of the first row box, of the last `wc` rows: what leaves the column window
 *   carry  the last lane's column sums, for the first lane of the next block
 *   z      outputs of the second row box at the 64 columns that the second column box looks at
 *
 * Rows and columns outside the image count as zero. Then (sum + new) - old serves everywhere: x + 0
 * and x - 0 are x. Only the divisor knows about edges; a reciprocal of zero blanks what lies
 * outside. A division by a power of two is left out and made up for by one exact multiplication at
 * the end. All sampled rows and columns see whole windows: sample 0 stands at floor(n / 128), sample
 * 63 at n - ceil(n / 128), for a side of n.
 */
#ifndef PHASH_PDQ_WAVE_H
#define PHASH_PDQ_WAVE_H

#include "pdq/stages.h"

#include <stdbool.h>

enum {
    PDQ_LANES_MAX = 16,
    PDQ_LAG = 2,                /* columns that a lane stands behind the one before it */
    PDQ_STEPS = 16,             /* steps come in multiples of this: 16 bytes of one channel */
    PDQ_BUFFER = 6 * PDQ_STEPS, /* steps between two moves of the delay lines: few, for a wide
                                   image's lines fill half of the first cache */
    PDQ_LATE = 3,               /* steps that the second row box may stand behind the pixels */
    PDQ_WINDOW_MAX = 1024       /* divisions are proven up to it; larger images take the C path */
};

typedef enum pdq_divide {
    PDQ_DIVIDE_NONE,  /* by a power of two: put off */
    PDQ_DIVIDE_CONST, /* every step by the same */
    PDQ_DIVIDE_STEP   /* every step by its own: edges */
} pdq_divide;

/* A stretch of steps. Vectors are `lanes` floats. */
typedef struct pdq_run {
    const uint8_t *pixels; /* lane 0's pixel at step `first`; grey or RGB */
    ptrdiff_t pitch;       /* from a lane's to the next lane's */
    uint32_t channels;     /* 1 or 3 */
    uint32_t first, last;  /* multiples of PDQ_STEPS; last is not included */
    uint32_t wr;           /* window along the row */
    pdq_divide divide_row, divide_column;
    const float *row_rest, *row_inverse; /* one vector, or one for each step from `first` on */
    const uint32_t *row_mask; /* with PDQ_DIVIDE_STEP: which lanes stand inside the image */
    const float *column_rest, *column_inverse; /* one vector */

    /* Vector t belongs to step t. */
    float *v;
    /* Step t goes to vector t >> keep_shift of z. Where that is not 0, only the lanes in keep[t] do:
     * those that stand at a sampled column. */
    float *z;
    uint32_t keep_shift; /* 0, 2 or 4 */
    const uint16_t *keep;
    const float *v_same, *v_before; /* of the row that leaves the column window: in the same block
                                       as counted from there, and in the block before */
    uint32_t shift;                 /* lanes of v_same move up by this much, v_before fills up */
    float *carry;                   /* column sums by step of lane 0 */

    /* What goes from stretch to stretch, set to zero before a block. The delay lines hold the last
     * wr + PDQ_LATE inputs of the row boxes before `position`. */
    float *luma_line, *mean_line; /* wr + PDQ_LATE + PDQ_BUFFER vectors */
    uint32_t position;
    float row_sum[PDQ_LANES_MAX], column_sum[2][PDQ_LANES_MAX], second_sum[PDQ_LANES_MAX];
} pdq_run;

/* The second column box takes a row: z[index[i]], i = 0 .. 63, all
 * divided if `inverse` is not 0, goes into sum[64], and what stands in slot[64], the row that
 * leaves, goes out. */
typedef struct pdq_second {
    const float *z;
    const int32_t *index;
    float inverse, rest;
    float *sum, *slot;
} pdq_second;

struct pdq_kernels;

typedef struct pdq_wave {
    const struct pdq_kernels *kernels;
    uint32_t width, height;
    phash_pixel_format format;
    uint32_t lanes, channels;
    uint32_t wr, wc, lead_r, lead_c;
    uint32_t steps, left, right; /* edges are steps 0 .. left - 1 and right .. steps - 1 */
    uint32_t rows_needed, row;   /* rows, also below the image; rows that went through */
    uint32_t staged;             /* rows that wait in `stage` */
    uint32_t next_sample;
    bool keeps;
    uint32_t keep_shift;
    uint32_t ring, shift; /* arrays of v; wc = (ring - 1) * lanes + shift */
    float scale;          /* makes up for the divisions left out */

    float *memory;
    size_t capacity;
    float *v, *carry, *z, *luma_line, *mean_line, *edge_rest, *edge_inverse, *second_ring;
    uint32_t *edge_mask;
    uint16_t *keep;
    /* Of whole windows. */
    float row_rest[PDQ_LANES_MAX], row_inverse[PDQ_LANES_MAX];
    float column_rest[PDQ_LANES_MAX], column_inverse[PDQ_LANES_MAX];
    uint8_t *stage, *edge_pixels;
    size_t v_stride;     /* floats */
    size_t state_floats; /* at the start of memory: what is zeroed before an image */
    int32_t index[PDQ_STEPS / PDQ_LAG]
                 [PDQ_SIDE]; /* of the samples in z, for lanes modulo `turns` */
    uint32_t turns;
    float sum[PDQ_SIDE];
    float out[PDQ_SIDE * PDQ_SIDE];
} pdq_wave;

/* Whether the filter can take this image with these kernels. */
bool pdq_wave_takes(const struct pdq_kernels *kernels, uint32_t width, uint32_t height);

/* As pdq_jarosz_reset, _push (rows of pixels, any number of them) and _free. */
phash_status pdq_wave_reset(pdq_wave *w, const struct pdq_kernels *kernels, uint32_t width,
                            uint32_t height, phash_pixel_format format);
void pdq_wave_push(pdq_wave *w, const uint8_t *rows, size_t count, ptrdiff_t stride);
void pdq_wave_free(pdq_wave *w);

#endif
