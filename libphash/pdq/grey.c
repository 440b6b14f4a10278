/* Drives the filter of grey images: tables, blocks of rows, the last row. See grey.h. */
#include "pdq/grey.h"

#include "pdq/kernels.h"

#include <string.h>

_Static_assert(PDQ_GREY_ROWS % PDQ_GREY_WINDOW == 0, "a row's place in the rings");

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
    const uint32_t tents = g->tents, columns = 8 * tents;
    for (uint32_t j = 0; j < PDQ_SIDE; j++)
        g->sample_x[j] = pdq_sample(j, g->width) - (j == PDQ_SIDE - 1);
    for (uint32_t j = 0; j < PDQ_SIDE; j++) {
        const uint32_t first = g->sample_x[j] - 2, last = g->width - 1;
        uint32_t *base = &g->base[j / tents];
        if (j % tents == 0)
            *base = first < g->width - columns ? first : g->width - columns;
        for (uint32_t k = 0; k < 8; k++) {
            /* The eighth has no weight. */
            const uint32_t column = first + k < last ? first + k : last;
            const uint32_t at = column - *base;
            g->pick[j * 8 + k] = (uint8_t)(at < columns ? at : columns - 1);
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
    if (g->width != width || g->tents != kernels->grey_tents) {
        g->width = width;
        g->tents = kernels->grey_tents;
        fill_tables(g);
    }
    if (g->height != height) {
        g->height = height;
        for (uint32_t i = 0; i < PDQ_SIDE; i++)
            g->sample_row[i] = pdq_sample(i, height) + 4; /* two boxes look two rows ahead each */
        g->sample_row[PDQ_SIDE] = UINT32_MAX;
    }
    g->row = g->staged = g->next_sample = 0;
    memset(g->beside, 0, sizeof g->beside);
    memset(g->chain_in, 0, sizeof g->chain_in);
    memset(g->chain_sum, 0, sizeof g->chain_sum);
    memset(g->tent, 0, sizeof g->tent);
    memset(g->z, 0, sizeof g->z);
    memset(g->sum, 0, sizeof g->sum);
    memset(g->stage, 0, PDQ_GREY_ABOVE * sizeof g->stage[0]);
}

/* The last edge row is begun: its sums go along with the DCT of the rows before it. */
static void finish(pdq_grey *g, const uint8_t *const last[PDQ_GREY_ABOVE])
{
    const pdq_grey_edge edge = {
        .rows = {last[0], last[1], last[2]},
        .left = (g->chain_sum[0] - g->chain_in[0][0]) / 3.0f * 4.0f,
        .right = (g->chain_sum[1] - g->chain_in[0][1]) / 3.0f * 4.0f,
    };
    g->kernels->grey_edge(g, &edge);
}

/* Two blocks are at work: while one's samples are summed, the next is prepared, which is a long chain
 * of few operations. */
typedef struct pipeline {
    pdq_grey *g;
    pdq_grey_block block[2];
    uint32_t next;                        /* which block is filled */
    bool prepared;                        /* whether the other one waits */
    const uint8_t *above[PDQ_GREY_ABOVE]; /* the rows above the next block */
} pipeline;

static void sum_prepared(pipeline *p)
{
    if (p->prepared)
        p->g->kernels->grey(p->g, &p->block[!p->next], NULL);
    p->prepared = false;
}

/* `count` rows are the next block's. */
static void next_block(pipeline *p, const uint8_t *rows, ptrdiff_t stride, uint32_t count)
{
    pdq_grey *g = p->g;
    pdq_grey_block *b = &p->block[p->next];
    for (uint32_t i = 0; i < PDQ_GREY_ABOVE; i++)
        b->rows[i] = p->above[i];
    b->rows[PDQ_GREY_ABOVE] = rows;
    for (uint32_t i = 1; i < count; i++)
        b->rows[PDQ_GREY_ABOVE + i] = rows += stride;
    for (uint32_t i = count; i < PDQ_GREY_ROWS; i++)
        b->rows[PDQ_GREY_ABOVE + i] = rows;
    b->first = g->row;
    b->count = count;
    g->kernels->grey(g, p->prepared ? &p->block[!p->next] : NULL, b);
    g->row += count;
    for (uint32_t i = 0; i < PDQ_GREY_ABOVE; i++)
        p->above[i] = b->rows[count + i];
    p->prepared = true;
    p->next = !p->next;
}

static void save_above(pdq_grey *g, const uint8_t *above[PDQ_GREY_ABOVE])
{
    for (uint32_t i = 0; i < PDQ_GREY_ABOVE; i++)
        if (above[i] != g->stage[i])
            above[i] = memcpy(g->stage[i], above[i], g->width);
}

static void stage(pipeline *p, const uint8_t *rows, ptrdiff_t stride, uint32_t count)
{
    pdq_grey *g = p->g;
    sum_prepared(p); /* its rows may be staged ones */
    save_above(g, p->above);
    for (uint32_t i = 0; i < count; i++)
        memcpy(g->stage[PDQ_GREY_ABOVE + g->staged++], rows + (ptrdiff_t)i * stride, g->width);
}

void pdq_grey_push(pdq_grey *g, const uint8_t *rows, size_t count, ptrdiff_t stride)
{
    pipeline p = {.g = g};
    for (uint32_t i = 0; i < PDQ_GREY_ABOVE; i++)
        p.above[i] = g->stage[i];
    while (count) {
        const uint32_t left = g->height - g->row;
        const uint32_t whole = left < PDQ_GREY_ROWS ? left : PDQ_GREY_ROWS;
        const uint32_t need = whole - g->staged;
        const uint32_t taken = count < need ? (uint32_t)count : need;
        if (taken == whole) {
            next_block(&p, rows, stride, whole);
        } else {
            stage(&p, rows, stride, taken);
            if (g->staged == whole) {
                g->staged = 0;
                next_block(&p, g->stage[PDQ_GREY_ABOVE], sizeof g->stage[0], whole);
            }
        }
        rows += (ptrdiff_t)taken * stride;
        count -= taken;
    }
    sum_prepared(&p);
    if (g->row == g->height)
        finish(g, p.above);
    else
        save_above(g, p.above);
}
