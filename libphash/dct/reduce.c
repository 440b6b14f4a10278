/* Reduction to side * side, row by row, with Pillow's arithmetic.
 *
 * A row of the image becomes grey, is reduced along its length and rounded to 8 bits, and is added,
 * times its weights, to every row of the reduced picture whose window it lies in. So no rows are
 * kept, only the sums of the picture that is being built. Rows go through in small batches, because
 * the kernels can then use a weight, or a sum, for several of them.
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
    const bool by_fours = kernels.horizontal4 != NULL;
    if (r->kernels.horizontal != kernels.horizontal ||
        r->kernels.horizontal4 != kernels.horizontal4)
        dct_axis_free(&r->h);
    const bool pack = r->h.in != desc->width || r->h.out != side;
    r->kernels = kernels;
    r->format = desc->format;
    r->side = side;
    r->row = r->open = 0;

    phash_status status = dct_axis_reset(&r->h, desc->width, side);
    if (status == PHASH_OK && pack && !by_fours)
        status = dct_axis_pack(&r->h, &kernels);
    if (status == PHASH_OK)
        status = dct_axis_reset(&r->v, desc->height, side);
    if (status == PHASH_OK && by_fours)
        status = dct_quads_reset(r, side);
    if (status != PHASH_OK) {
        dct_axis_free(&r->h); /* it may be without its packed weights */
        return status;
    }
    const size_t stride = ((size_t)desc->width + 2 * DCT_PAD - 1) / DCT_PAD * DCT_PAD;
    if (r->grey_stride != stride) {
        dct_wipe_free(r->grey, r->grey_stride * DCT_BATCH);
        r->grey_stride = 0;
        r->grey = dct_alloc(DCT_BATCH, stride);
        if (!r->grey)
            return PHASH_E_MEMORY;
        r->grey_stride = stride;
    }
    memset(r->grey, 0, DCT_BATCH * stride);
    if (r->sums_side != side) {
        dct_wipe_free(r->lines, (size_t)r->sums_side * DCT_BATCH);
        dct_wipe_free(r->sums, (size_t)r->sums_side * r->sums_side * sizeof *r->sums);
        r->sums_side = side;
        r->lines = dct_alloc(DCT_BATCH, side);
        r->sums = dct_alloc((size_t)side * side, sizeof *r->sums);
        if (!r->lines || !r->sums) {
            free(r->lines);
            free(r->sums);
            r->lines = NULL;
            r->sums = NULL;
            r->sums_side = 0;
            return PHASH_E_MEMORY;
        }
    }
    for (size_t i = 0; i < (size_t)side * side; i++)
        r->sums[i] = DCT_ROUND;
    return PHASH_OK;
}

/* Adds `count` reduced rows, from row r->row on, to the rows of the picture that they belong to. */
static void add_lines(dct_reduce *r, uint32_t count)
{
    const uint32_t begin = r->row, end = begin + count;
    for (uint32_t i = r->open; i < r->side && r->v.first[i] < end; i++) {
        const uint32_t first = r->v.first[i], last = first + r->v.count[i];
        const uint32_t from = first > begin ? first : begin, to = last < end ? last : end;
        if (from < to)
            r->kernels.vertical(
                r->sums + (size_t)i * r->side, r->lines + (size_t)(from - begin) * r->side,
                r->v.weights + (size_t)i * r->v.taps + (from - first), to - from, r->side);
    }
    r->row = end;
    while (r->open < r->side && r->v.first[r->open] + r->v.count[r->open] <= end)
        r->open++;
}

void dct_reduce_push(dct_reduce *r, const uint8_t *pixels, size_t count, ptrdiff_t stride)
{
    if (r->kernels.horizontal4) {
        dct_quads_push(r, pixels, count, stride);
        return;
    }
    for (size_t done = 0; done < count;) {
        const size_t n = count - done < DCT_BATCH ? count - done : DCT_BATCH;
        for (size_t i = 0; i < n; i++, done++)
            r->kernels.grey(r->format, pixels + (ptrdiff_t)done * stride,
                            r->grey + i * r->grey_stride, r->h.in);
        r->kernels.horizontal(&r->h, r->grey, r->grey_stride, r->lines, n);
        add_lines(r, (uint32_t)n);
    }
}

void dct_reduce_picture(const dct_reduce *r, uint8_t *picture)
{
    for (size_t i = 0; i < (size_t)r->side * r->side; i++)
        picture[i] = dct_clip(r->sums[i]);
}

void dct_reduce_wipe(dct_reduce *r)
{
    dct_quads_wipe(r);
    dct_wipe(r->grey, r->grey_stride * DCT_BATCH);
    dct_wipe(r->lines, (size_t)r->sums_side * DCT_BATCH);
    dct_wipe(r->sums, (size_t)r->sums_side * r->sums_side * sizeof *r->sums);
}

void dct_reduce_free(dct_reduce *r)
{
    dct_reduce_wipe(r);
    dct_axis_free(&r->h);
    dct_axis_free(&r->v);
    dct_quads_free(r);
    free(r->grey);
    free(r->lines);
    free(r->sums);
    memset(r, 0, sizeof *r);
}
