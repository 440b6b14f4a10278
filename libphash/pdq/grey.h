/* The Jarosz filter of grey images whose windows are both 4 (sides of 385 to 512), in integers.
 *
 * Away from the edges everything before the second column box is a small integer: the first three
 * boxes divide by 4, and put off, that is no division at all. So their tent of 7 x 4 pixels is summed
 * only where the second column box looks: at 64 columns. What is not an integer comes from the edges:
 *
 *   columns 0 and n - 2  The first row box divides by 3. The first column box carries its running sum
 *           of these down the image, in floats, row by row: two chains of additions.
 *   rows 0 and m - 2     The first column box divides by 3. The second row box runs along these two
 *           rows in floats, column by column.
 *
 * In every other row the second row box begins with column 0, which is no integer, and drops it four
 * columns later: exactly, but for what the five additions have rounded off. From there on its sum is
 * E + r with an integer E and a small residue r, which it carries to the end of the row. A sum only
 * rounds r again where it is so large that its last place is more than r's last bit. E is a multiple
 * of any such place, and an even one, so r is rounded as if it stood alone. The places that sums
 * need are known: r's last bit gives the least sum T that rounds it. Whether a row has a sum of T
 * right of column 2 is mostly answered by a bound, an average of bytes that is rounded up; where it
 * may have one, the sums are computed, and r changes from the first of them on.
 *
 * Column n - 2 is in the last sample's sum only, and enters there as the reference adds it.
 *
 * Sums are kept times 4 for each division put off; a power of two changes no rounding, for nothing
 * here comes near the least float: all is a multiple of 2^-24 or so (see grey_template.h). */
#ifndef PHASH_PDQ_GREY_H
#define PHASH_PDQ_GREY_H

#include "pdq/stages.h"

#include <stdbool.h>

enum {
    PDQ_GREY_WINDOW = 4,
    PDQ_GREY_SIDE = PDQ_GREY_WINDOW * PDQ_WINDOW_DIVISOR, /* the longest */
    PDQ_GREY_ROWS = 16,                                   /* of a block */
    PDQ_GREY_ABOVE = PDQ_GREY_WINDOW - 1, /* rows of the blocks before, in a window */
    PDQ_GREY_LINE = PDQ_GREY_SIDE + 64,
};
#define PDQ_GREY_SCALE 0x1p-8f /* the four divisions by 4 */

struct pdq_kernels;

/* The second row box along an edge row: a long chain of additions, none of which can wait. */
typedef struct pdq_grey_chain {
    float in[PDQ_GREY_LINE];  /* the row after the first column box */
    float out[PDQ_GREY_LINE]; /* sums of columns 2 .. x - 1 */
    float sum;
    uint32_t x;
} pdq_grey_chain;

/* Column x, after a sum. */
static inline float pdq_grey_chain_step(pdq_grey_chain *c, float sum, size_t x)
{
    sum += c->in[x + 2];
    sum -= c->in[x - 2];
    c->out[x] = sum;
    return sum;
}

/* Goes on to column `end`, which is left out. Where no vectors of 512 bits are under way, an addition
 * takes half as long, so this is no gain where it is put between a few of them. (Unrolled because the
 * fewer instructions it has, the more of those that follow run beside its last steps.) */
static inline void pdq_grey_chain_to(pdq_grey_chain *c, uint32_t end)
{
    float sum = c->sum;
#pragma GCC unroll 8
    for (uint32_t x = c->x; x < end; x++)
        sum = pdq_grey_chain_step(c, sum, x);
    c->sum = sum;
    c->x = end;
}

/* Rows of an image: PDQ_GREY_ABOVE that lie above, then `count` of its own, at most PDQ_GREY_ROWS.
 * What remains of the array can be read and says nothing. */
typedef struct pdq_grey_block {
    const uint8_t *rows[PDQ_GREY_ABOVE + PDQ_GREY_ROWS];
    uint32_t first, count;
} pdq_grey_block;

/* What is prepared for the rows of a block. */
typedef struct pdq_grey_rows {
    _Alignas(64) float first[PDQ_GREY_ROWS]; /* residues at first */
    float residue[PDQ_GREY_ROWS][PDQ_SIDE];  /* by sample, or the same 16 for all */
    uint32_t residue_step[PDQ_GREY_ROWS];    /* 16, or 0 */
    float right[PDQ_GREY_ROWS];              /* column n - 2 after the first column box */
    float leaving[PDQ_GREY_ROWS];            /* and n - 6 */
} pdq_grey_rows;

typedef struct pdq_grey {
    const struct pdq_kernels *kernels;
    uint32_t width, height;
    uint32_t row;         /* rows prepared */
    uint32_t staged;      /* rows that wait in `stage` */
    uint32_t next_sample; /* next row of out */

    /* Of the size. */
    uint32_t sample_x[PDQ_SIDE]; /* the last one's is one less: see grey.c */
    uint32_t tents;              /* of a load of 8 * tents columns: see grey_tents in kernels.h */
    uint32_t base[PDQ_SIDE / 2]; /* by load: its first column */
    _Alignas(64) uint8_t pick[PDQ_SIDE * 8]; /* 8 columns of each tent, from base */
    uint8_t first_sample[PDQ_GREY_SIDE];     /* by column: the first sample there or right of it */
    uint32_t sample_row[PDQ_SIDE + 1];       /* newest row when a row of out is complete */

    /* Goes from block to block as blocks are prepared. */
    _Alignas(64) int32_t beside[5][PDQ_GREY_ROWS]; /* sums of four pixels near the edges */
    _Alignas(64) float chain_in[PDQ_GREY_WINDOW + PDQ_GREY_ROWS]
                               [2]; /* columns 0, n - 2 after the row box */
    float chain_sum[2];

    pdq_grey_rows rows[2]; /* of the block prepared and the next: by pdq_grey_rows_of */
    _Alignas(64) float edge[PDQ_GREY_ABOVE][PDQ_SIDE]; /* what the first block's first rows are */
    pdq_grey_chain chain; /* of the first edge row, then of the last one */

    /* Goes from block to block as samples are summed: see pdq_grey_place. */
    _Alignas(64) int32_t tent[PDQ_GREY_WINDOW + 1][PDQ_SIDE]; /* as the ISA's file has them */
    float z[PDQ_GREY_WINDOW][PDQ_SIDE]; /* rows in the second column box's window, y at y % 4 */
    float sum[PDQ_SIDE];                /* of the second column box */

    _Alignas(64) uint8_t
        stage[PDQ_GREY_ABOVE + PDQ_GREY_ROWS][PDQ_GREY_SIDE]; /* rows above, rows that wait */
    _Alignas(64) float out[PDQ_SIDE * PDQ_SIDE];
} pdq_grey;

static inline pdq_grey_rows *pdq_grey_rows_of(pdq_grey *g, const pdq_grey_block *b)
{
    return &g->rows[b->first / PDQ_GREY_ROWS % 2];
}

/* What an edge row needs: 3 rows of pixels, columns 0 and n - 2 after the first column box. */
typedef struct pdq_grey_edge {
    const uint8_t *rows[3];
    float left, right;
} pdq_grey_edge;

/* Whether the filter can take this image with these kernels. */
bool pdq_grey_takes(const struct pdq_kernels *kernels, uint32_t width, uint32_t height,
                    phash_pixel_format format);

/* The samples of an edge row after the second row box. */
static inline void pdq_grey_edge_samples(pdq_grey *g, float z[PDQ_SIDE])
{
    const uint32_t last = g->sample_x[PDQ_SIDE - 1] + 1; /* see fill_tables */
    if (g->chain.x <= last)
        pdq_grey_chain_to(&g->chain, last + 1);
    for (uint32_t j = 0; j < PDQ_SIDE; j++)
        z[j] = g->chain.out[g->sample_x[j] + (j == PDQ_SIDE - 1)];
}

/* Where sample j stands in tent, z and sum: 16 at a time, by twos of the lower and the upper eight,
 * which is how tents come out of their vectors. */
static inline uint32_t pdq_grey_place(uint32_t j)
{
    return (j & ~15u) | (j & 6) << 1 | (j >> 3 & 1) << 1 | (j & 1);
}

/* Below the image everything is zero: the window moves down by one row, which only a sum of three
 * enters, and row height - 4 leaves it. The last row of out looks no further. */
static inline void pdq_grey_last_row(pdq_grey *g, const float old[PDQ_SIDE])
{
    float z[PDQ_SIDE], *out = g->out + (size_t)(PDQ_SIDE - 1) * PDQ_SIDE;
    pdq_grey_edge_samples(g, z);
    for (uint32_t j = 0; j < PDQ_SIDE; j++) {
        const uint32_t at = pdq_grey_place(j);
        out[j] = ((g->sum[at] + z[j]) - old[at]) * PDQ_GREY_SCALE;
    }
}

/* As pdq_wave_reset and _push, but that the last row of `out` comes with kernels->grey_dct64. The struct is zeroed before first use and owns no memory; its content
 * is derived from pixels. */
void pdq_grey_reset(pdq_grey *g, const struct pdq_kernels *kernels, uint32_t width,
                    uint32_t height);
void pdq_grey_push(pdq_grey *g, const uint8_t *rows, size_t count, ptrdiff_t stride);

#endif
