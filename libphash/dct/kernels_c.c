/* The reduction's kernels in plain C: the reference of every other. */
#include "dct/kernels.h"

#include <string.h>

static void grey_c(phash_pixel_format format, const uint8_t *p, uint8_t *grey, size_t n)
{
    switch (format) {
    case PHASH_PIXEL_GREY8:
        memcpy(grey, p, n);
        break;
    case PHASH_PIXEL_RGB8:
        for (size_t x = 0; x < n; x++)
            grey[x] = dct_grey_of(p[3 * x], p[3 * x + 1], p[3 * x + 2]);
        break;
    case PHASH_PIXEL_BGR8:
        for (size_t x = 0; x < n; x++)
            grey[x] = dct_grey_of(p[3 * x + 2], p[3 * x + 1], p[3 * x]);
        break;
    case PHASH_PIXEL_RGBA8:
        for (size_t x = 0; x < n; x++)
            grey[x] = dct_grey_of(p[4 * x], p[4 * x + 1], p[4 * x + 2]);
        break;
    case PHASH_PIXEL_BGRA8:
        for (size_t x = 0; x < n; x++)
            grey[x] = dct_grey_of(p[4 * x + 2], p[4 * x + 1], p[4 * x]);
        break;
    }
}

static void row_c(const dct_axis *axis, const uint8_t *grey, uint8_t *out)
{
    for (uint32_t i = 0; i < axis->out; i++) {
        const uint8_t *g = grey + axis->first[i];
        const int32_t *w = axis->weights + (size_t)i * axis->taps;
        uint32_t sum = DCT_ROUND;
        for (uint32_t t = 0; t < axis->count[i]; t++)
            sum += (uint32_t)w[t] * g[t];
        out[i] = dct_clip((int32_t)sum);
    }
}

static void horizontal_c(const dct_axis *axis, const uint8_t *grey, size_t stride, uint8_t *out,
                         size_t rows)
{
    for (size_t r = 0; r < rows; r++)
        row_c(axis, grey + r * stride, out + r * axis->out);
}

static void vertical_c(int32_t *sums, const uint8_t *lines, const int32_t *weights, size_t rows,
                       size_t n)
{
    for (size_t r = 0; r < rows; r++, lines += n)
        for (size_t i = 0; i < n; i++)
            sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)weights[r] * lines[i]);
}

void dct_kernels_c(dct_kernels *k)
{
    k->lanes = 0;
    k->grey = grey_c;
    k->horizontal = horizontal_c;
    k->vertical = vertical_c;
}
