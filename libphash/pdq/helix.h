/* The Jarosz filter of images whose windows are both 4 (sides of 385 to 512, so all of profile nn512):
 * the wave (wave.h) wound around the image.
 *
 * A block is 16 rows, one to a lane; row q stands 2q columns behind the first. Where the wave ends
 * a block with a ramp that empties the lanes and begins the next with one that fills them, here each
 * lane goes on to its row of the next block as soon as it has done its own: a row is `period` steps,
 * of which the last are padding (at least 16 columns of zeros), and nothing ever runs empty. All that
 * edges need falls together in the seam, the first steps of each block:
 *
 *   step u of a block      0 ............ pad + 30 ....... seam ............................ period
 *   lane q < row q:        end of row q - 16 | padding | row q, columns 0, 1, ... whole windows only
 *
 * At step u row q stands at column u - lead - 2q; below 0 that is the row above it by 16, at the
 * column + period.
 *
 * Rows are dealt out to vectors in turn: two vectors of eight have the even rows and the odd ones. So the
 * sums that go down a row go from vector to vector, lane by lane, and through a shuffle only from the
 * last one to the first. In a vector lanes run backwards, the last row in lane 0: what enters the next
 * block's first row leaves from there, where a scalar store takes it without a shuffle, and the row that
 * leaves a window is read from memory, a few floats further on.
 *
 * Chains of additions set the pace where nothing else is there to do. So pixels become luma one group
 * of 16 steps before the boxes want it, and the boxes' chains run beside that.
 *
 * The order of all operations on a row and a column is the reference's: see wave.h for the zeros at
 * the edges, for divisions that are put off and for why none can underflow. */
#ifndef PHASH_PDQ_HELIX_H
#define PHASH_PDQ_HELIX_H

#include "pdq/stages.h"

#include <stdbool.h>

enum {
    PDQ_HELIX_WINDOW = 4,
    PDQ_HELIX_LAG = 2,    /* columns that a row stands behind the one before it */
    PDQ_HELIX_ROWS = 16,  /* of a block */
    PDQ_HELIX_STEPS = 16, /* of a group: 16 bytes of one channel */
    PDQ_HELIX_SKEW = PDQ_HELIX_LAG * (PDQ_HELIX_ROWS - 1),
    PDQ_HELIX_PAD = 16, /* the least padding: no group has pixels of two rows in one lane */
    PDQ_HELIX_SIDE = PDQ_HELIX_WINDOW * PDQ_WINDOW_DIVISOR,
    PDQ_HELIX_PERIOD = PDQ_HELIX_SIDE + PDQ_HELIX_PAD, /* the longest, a multiple of 16 */
    PDQ_HELIX_SEAM = 80, /* the longest: lead 32, skew 30, 3 columns */
    PDQ_HELIX_TAIL = 96, /* bytes of a row's end that its seam looks at */
    /* The slot of a step in `above`: each vector, and behind it its lanes of the last 4 rows of the block
     * before. */
    PDQ_HELIX_SLOT = 2 * PDQ_HELIX_ROWS,
    PDQ_HELIX_BESIDE = 16, /* of a row of `laid`: before it, and behind */
    PDQ_HELIX_LAID = PDQ_SIDE + 2 * PDQ_HELIX_BESIDE,
    PDQ_HELIX_COPIED = 48, /* steps of the seam that the end of a block asks for again */
    PDQ_HELIX_GROUPS = (PDQ_HELIX_PERIOD + PDQ_HELIX_SEAM) / PDQ_HELIX_STEPS,
    PDQ_HELIX_TAKEN = 4 /* samples that are taken at once: fewer branches */
};

struct pdq_kernels;

/* The edges that rows have at a step, by lane: all ones where it stands inside the image, divisor and
 * reciprocal of the row box. */
typedef struct pdq_helix_edge {
    uint32_t mask[PDQ_HELIX_ROWS];
    float inverse[PDQ_HELIX_ROWS], rest[PDQ_HELIX_ROWS];
} pdq_helix_edge;

/* Vectors are 16 floats, by lane. */
typedef struct pdq_helix {
    const struct pdq_kernels *kernels;
    uint32_t width, height;
    phash_pixel_format format;
    uint32_t channels;            /* 1 or 3 */
    uint32_t lanes;               /* of the kernels' vectors */
    uint8_t lane[PDQ_HELIX_ROWS]; /* of row q, among 16 */

    /* Of the size. */
    uint32_t period, pad, lead, seam; /* steps; lead is 16 or 32, seam a multiple of 16 */
    bool eighths; /* samples stand 8 columns apart: step u's z are in vector u / 8 */
    /* Else all of a group's steps are kept until its samples are taken: take[take_from[g] ..] are those
     * of group g of a block, of which the last are in the seam of the next. Each group's are filled up with
     * zeros, which put something beside row 0, where it says nothing. An entry is a lane of 16 vectors and,
     * from bit 16 on, where that goes to. */
    uint16_t take_from[PDQ_HELIX_GROUPS + 1];
    uint32_t take[PDQ_HELIX_ROWS * PDQ_SIDE + PDQ_HELIX_GROUPS * PDQ_HELIX_TAKEN];
    uint32_t sample_row[PDQ_SIDE + 1]; /* newest row when a row of out is complete */

    uint32_t row;         /* rows that went through */
    uint32_t staged;      /* rows that wait in `stage` */
    uint32_t next_sample; /* next row of out */
    uint32_t group;       /* groups that went through the boxes, modulo 2 */

    _Alignas(64) pdq_helix_edge edges[1 + PDQ_HELIX_SEAM]; /* of the seam's steps, from -1 on */

    /* What goes from step to step: set to zero before an image. */
    _Alignas(64) float row_sum[PDQ_HELIX_ROWS];
    float second_sum[PDQ_HELIX_ROWS], column_sum[2][PDQ_HELIX_ROWS];
    float luma[2][PDQ_HELIX_STEPS][PDQ_HELIX_ROWS]; /* of two groups, in turn */
    float means[PDQ_HELIX_WINDOW][PDQ_HELIX_ROWS];
    /* Outputs of the first row box, of the last 8 steps; then those of the last 4 rows, by step, and
     * the last row's column sums, by column. What is asked for at the end of a block was written in its
     * seam: copies of that stand behind. The column sums begin at 32: the seam writes before. */
    float above[8][PDQ_HELIX_SLOT];
    float bottom[PDQ_HELIX_PERIOD + PDQ_HELIX_COPIED][PDQ_HELIX_WINDOW];
    float carry[32 + PDQ_HELIX_PERIOD + 32];
    float last[PDQ_HELIX_WINDOW][PDQ_SIDE]; /* samples of the last rows of the block before */
    float sum[PDQ_SIDE];                    /* of the second column box */
    uint8_t tail[PDQ_HELIX_ROWS][PDQ_HELIX_TAIL + 64];

    _Alignas(64) uint8_t nothing[64]; /* dark pixels */
    _Alignas(64) uint8_t stage[64 + PDQ_HELIX_ROWS * PDQ_HELIX_SIDE * 3 + 64];
    _Alignas(64) float out[PDQ_SIDE * PDQ_SIDE];
    /* Samples of a block's rows, in turn. */
    _Alignas(64) float laid[2][PDQ_HELIX_ROWS][PDQ_HELIX_LAID];
    float z[(PDQ_HELIX_PERIOD + PDQ_HELIX_SEAM) / 8 + 8][PDQ_HELIX_ROWS];
} pdq_helix;

/* Of the column box, by lane. */
typedef struct pdq_helix_divisors {
    float inverse[PDQ_HELIX_ROWS], rest[PDQ_HELIX_ROWS];
} pdq_helix_divisors;

/* Groups of a block, steps first .. last - 1, through the boxes. `pixels` are those of the group after
 * each, for it becomes luma meanwhile. */
typedef struct pdq_helix_run {
    uint32_t first, last; /* multiples of PDQ_HELIX_STEPS */
    bool seam;            /* then first is 0 */
    bool dark;            /* no pixels: rows below the image */
    bool column;          /* the column box has edges */
    const pdq_helix_divisors *divisors;
    const pdq_helix_divisors *before; /* seam: until step `turn`, the beginning of a group */
    uint32_t turn;
    const uint8_t *const (*lanes)[PDQ_HELIX_ROWS]; /* seam: by group, by row */
    const uint8_t *pixels;                         /* else of row 0, at the first group's next */
    ptrdiff_t pitch;                               /* from row to row */
} pdq_helix_run;

/* Whether the filter can take this image with these kernels. */
bool pdq_helix_takes(const struct pdq_kernels *kernels, uint32_t width, uint32_t height);

/* As pdq_wave_reset and _push. The struct is zeroed before first use and owns no memory; its content
 * is derived from pixels. */
void pdq_helix_reset(pdq_helix *h, const struct pdq_kernels *kernels, uint32_t width,
                     uint32_t height, phash_pixel_format format);
void pdq_helix_push(pdq_helix *h, const uint8_t *rows, size_t count, ptrdiff_t stride);

#endif
