/* Drives the filter of grey images: tables, blocks of rows, the last row. See grey.h. */
#include "pdq/grey.h"

#include "pdq/kernels.h"

#include <string.h>

bool pdq_grey_takes(const pdq_kernels *kernels, uint32_t width, uint32_t height,
                    phash_pixel_format format)
{
    return kernels->grey && format == PHASH_PIXEL_GREY8 && pdq_window(width) == PDQ_GREY_WINDOW &&
           pdq_window(height) == PDQ_GREY_WINDOW;
}

/* The tent of the sample at column x is columns x - 2 .. x + 4. The last sample's would end in
 * column n, which is none: it stands one column further left, and what is missing is added later. */
static void fill_tables(pdq_grey *g)
{
    for (uint32_t j = 0; j < PDQ_SIDE; j++)
        g->sample_x[j] = pdq_sample(j, g->width) - (j == PDQ_SIDE - 1);
    for (uint32_t j = 0; j < PDQ_SIDE; j++) {
        const uint32_t first = g->sample_x[j] - 2, last = g->width - 1;
        uint32_t *base = &g->base[j / 8];
        if (j % 8 == 0)
            *base = first < g->width - 64 ? first : g->width - 64;
        for (uint32_t k = 0; k < 8; k++) {
            /* The eighth has no weight. */
            const uint32_t column = first + k < last ? first + k : last;
            const uint32_t at = column - *base;
            g->pick[j / 16][k / 4][j % 16 * 4 + k % 4] = (uint8_t)(at < 64 ? at : 63);
        }
    }
    for (uint32_t x = 0, j = 0; x < g->width; x++) {
        while (j < PDQ_SIDE && g->sample_x[j] < x)
            j++;
        g->first_sample[x] = (uint8_t)j;
    }
}

void pdq_grey_reset(pdq_grey *g, const pdq_kernels *kernels, uint32_t width, uint32_t height)
{
    g->kernels = kernels;
    if (g->width != width) {
        g->width = width;
        fill_tables(g);
    }
    g->height = height;
    for (uint32_t i = 0; i < PDQ_SIDE; i++)
        g->sample_row[i] = pdq_sample(i, height) + 4; /* two boxes look two rows ahead each */
    g->sample_row[PDQ_SIDE] = UINT32_MAX;
    g->row = g->staged = g->next_sample = 0;
    memset(g->tent, 0, sizeof g->tent);
    memset(g->beside, 0, sizeof g->beside);
    memset(g->left_in, 0, sizeof g->left_in);
    memset(g->right_in, 0, sizeof g->right_in);
    g->left_sum = g->right_sum = 0.0f;
    memset(g->z, 0, sizeof g->z);
    memset(g->sum, 0, sizeof g->sum);
    memset(g->stage, 0, PDQ_GREY_ABOVE * sizeof g->stage[0]);
}

/* Below the image everything is zero: the window moves down by one row, which only a sum of three
 * enters. The last row of out looks no further. */
static void finish(pdq_grey *g, const uint8_t *const last[PDQ_GREY_ABOVE])
{
    const pdq_grey_edge edge = {
        .rows = {last[0], last[1], last[2]},
        .left = (g->left_sum - g->left_in[0]) / 3.0f * 4.0f,
        .right = (g->right_sum - g->right_in[0]) / 3.0f * 4.0f,
    };
    float z[PDQ_SIDE], *out = g->out + (size_t)g->next_sample * PDQ_SIDE;
    g->kernels->grey_edge(g, &edge, z);
    for (uint32_t j = 0; j < PDQ_SIDE; j++)
        out[j] = (g->sum[j] + z[j]) - g->z[0][j];
    for (uint32_t i = 0; i < PDQ_SIDE * PDQ_SIDE; i++)
        g->out[i] *= 0x1p-8f; /* the four divisions by 4 */
}

/* rows: those above the block, then `count` of its own. */
static void block(pdq_grey *g, const uint8_t *rows[PDQ_GREY_ABOVE + PDQ_GREY_ROWS], uint32_t count)
{
    for (uint32_t i = count; i < PDQ_GREY_ROWS; i++) /* the kernel reads them, and forgets */
        rows[PDQ_GREY_ABOVE + i] = rows[PDQ_GREY_ABOVE + count - 1];
    g->kernels->grey(g, rows, count);
    g->row += count;
    if (g->row == g->height)
        finish(g, rows + count);
}

static void save_above(pdq_grey *g, const uint8_t *const above[PDQ_GREY_ABOVE])
{
    for (uint32_t i = 0; i < PDQ_GREY_ABOVE; i++)
        memcpy(g->stage[i], above[i], g->width);
}

void pdq_grey_push(pdq_grey *g, const uint8_t *rows, size_t count, ptrdiff_t stride)
{
    const uint8_t *at[PDQ_GREY_ABOVE + PDQ_GREY_ROWS];
    bool saved = true; /* the rows above the next block are in `stage` */
    for (uint32_t i = 0; i < PDQ_GREY_ABOVE; i++)
        at[i] = g->stage[i];
    while (count) {
        const uint32_t room = PDQ_GREY_ROWS - g->staged, left = g->height - g->row - g->staged;
        const uint32_t need = room < left ? room : left;
        const uint32_t taken = count < need ? (uint32_t)count : need;
        const bool direct = !g->staged && taken == need;
        if (!direct && !saved) {
            save_above(g, at);
            saved = true;
        }
        for (uint32_t i = 0; i < taken; i++) {
            const uint8_t *row = rows + (ptrdiff_t)i * stride, *staged = NULL;
            if (!direct)
                staged = memcpy(g->stage[PDQ_GREY_ABOVE + g->staged + i], row, g->width);
            at[PDQ_GREY_ABOVE + g->staged + i] = direct ? row : staged;
        }
        rows += (ptrdiff_t)taken * stride;
        count -= taken;
        g->staged += taken;
        if (taken < need)
            break;
        const uint32_t n = g->staged;
        for (uint32_t i = 0; i < n; i++)
            if (!direct)
                at[PDQ_GREY_ABOVE + i] = g->stage[PDQ_GREY_ABOVE + i];
        block(g, at, n);
        g->staged = 0;
        memmove(at, at + n, PDQ_GREY_ABOVE * sizeof at[0]);
        saved = false;
    }
    if (!saved)
        save_above(g, at);
}
