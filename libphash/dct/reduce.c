/* Reduction to side * side, row by row, with Pillow's arithmetic.
 *
 * A row of the image becomes grey, is reduced along its length and rounded to 8 bits, and is added,
 * times its weights, to every row of the reduced picture whose window it lies in. So no rows are
 * kept, only the sums of the picture that is being built.
 */
#include "dct/stages.h"

#include <phash/cpu.h>

#include <stdlib.h>
#include <string.h>

phash_status dct_reduce_reset(dct_reduce *r, const phash_pdq_desc *desc, uint32_t side)
{
    /* Packed weights belong to the kernels that they were packed for. */
    dct_kernels kernels;
    memset(&kernels, 0, sizeof kernels);
    dct_kernels_fill(&kernels, phash_cpu_active());
    const bool pack =
        r->h.in != desc->width || r->h.out != side || r->kernels.horizontal != kernels.horizontal;
    r->kernels = kernels;
    r->format = desc->format;
    r->side = side;
    r->row = r->open = 0;

    phash_status status = dct_axis_reset(&r->h, desc->width, side);
    if (status == PHASH_OK && pack)
        status = dct_axis_pack(&r->h, &kernels);
    if (status == PHASH_OK)
        status = dct_axis_reset(&r->v, desc->height, side);
    if (status != PHASH_OK) {
        dct_axis_free(&r->h); /* it may be without its packed weights */
        return status;
    }
    const size_t grey_bytes = (size_t)desc->width + DCT_PAD;
    if (r->grey_bytes < grey_bytes) {
        dct_wipe_free(r->grey, r->grey_bytes);
        r->grey_bytes = 0;
        r->grey = dct_alloc(grey_bytes, 1);
        if (!r->grey)
            return PHASH_E_MEMORY;
        r->grey_bytes = grey_bytes;
    }
    memset(r->grey + desc->width, 0, DCT_PAD);
    if (r->sums_side != side) {
        dct_wipe_free(r->line, r->sums_side);
        dct_wipe_free(r->sums, (size_t)r->sums_side * r->sums_side * sizeof *r->sums);
        r->sums_side = side;
        r->line = dct_alloc(side, 1);
        r->sums = dct_alloc((size_t)side * side, sizeof *r->sums);
        if (!r->line || !r->sums) {
            free(r->line);
            free(r->sums);
            r->line = NULL;
            r->sums = NULL;
            r->sums_side = 0;
            return PHASH_E_MEMORY;
        }
    }
    for (size_t i = 0; i < (size_t)side * side; i++)
        r->sums[i] = DCT_ROUND;
    return PHASH_OK;
}

void dct_reduce_push(dct_reduce *r, const uint8_t *pixels)
{
    r->kernels.grey(r->format, pixels, r->grey, r->h.in);
    r->kernels.horizontal(&r->h, r->grey, r->line);
    for (uint32_t i = r->open; i < r->side && r->v.first[i] <= r->row; i++) {
        const uint32_t tap = r->row - r->v.first[i];
        if (tap < r->v.count[i])
            r->kernels.vertical(r->sums + (size_t)i * r->side, r->line,
                                r->v.weights[(size_t)i * r->v.taps + tap], r->side);
    }
    r->row++;
    while (r->open < r->side && r->v.first[r->open] + r->v.count[r->open] <= r->row)
        r->open++;
}

void dct_reduce_picture(const dct_reduce *r, uint8_t *picture)
{
    for (size_t i = 0; i < (size_t)r->side * r->side; i++)
        picture[i] = dct_clip(r->sums[i]);
}

void dct_reduce_free(dct_reduce *r)
{
    dct_axis_free(&r->h);
    dct_axis_free(&r->v);
    dct_wipe_free(r->grey, r->grey_bytes);
    dct_wipe_free(r->line, r->sums_side);
    dct_wipe_free(r->sums, (size_t)r->sums_side * r->sums_side * sizeof *r->sums);
    memset(r, 0, sizeof *r);
}
