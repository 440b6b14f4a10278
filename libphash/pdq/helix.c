/* Drives the helix: blocks of rows, seams, the end of the image. See helix.h; the arithmetic is in
 * helix_template.h. */
#include "pdq/helix.h"

#include "core/internal.h"
#include "pdq/kernels.h"

#include <string.h>

enum {
    ROWS = PDQ_HELIX_ROWS,
    STEPS = PDQ_HELIX_STEPS,
    LAG = PDQ_HELIX_LAG,
    WINDOW = PDQ_HELIX_WINDOW,
    REACH = WINDOW, /* columns, and rows, that two boxes look ahead of a sample */
    GROUPS = PDQ_HELIX_SEAM / STEPS
};

_Static_assert(PDQ_HELIX_PERIOD % STEPS == 0 && PDQ_HELIX_SEAM % STEPS == 0, "whole groups");
_Static_assert((int)PDQ_HELIX_PAD >= (int)STEPS && (int)PDQ_HELIX_PAD > 2 * (int)WINDOW,
               "rows do not meet");

static uint32_t round_up(uint32_t n)
{
    return (n + STEPS - 1) / STEPS * STEPS;
}

bool pdq_helix_takes(const pdq_kernels *kernels, uint32_t width, uint32_t height)
{
    return kernels->helix && pdq_window(width) == WINDOW && pdq_window(height) == WINDOW;
}

/* The reciprocal of how many samples are in the window after newest sample n of `length`, put on the scale
 * of a whole window, which is exact. 0 blanks: no output belongs to it. None that a sample needs is further
 * on than n = length. */
static void divisor(uint32_t n, uint32_t length, float *inverse, float *rest)
{
    const bool edge = n < WINDOW - 1 || n == length;
    *inverse = *rest = 0.0f;
    if (n >= WINDOW / 2)
        pdq_reciprocal(edge ? (float)(WINDOW - 1) / (float)WINDOW : 1.0f, inverse, rest);
}

/* Column of row q at step u, of the block or, from the end of a row on, of the block before. */
static uint32_t column_at(const pdq_helix *h, uint32_t u, uint32_t q)
{
    const uint32_t behind = h->lead + LAG * q;
    return u >= behind ? u - behind : u + h->period - behind;
}

/* Rows go around the vectors: see PARTS in helix_template.h. */
static void fill_lanes(pdq_helix *h)
{
    const uint32_t parts = ROWS / h->lanes;
    for (uint32_t q = 0; q < ROWS; q++)
        h->lane[q] = (uint8_t)(q % parts * h->lanes + h->lanes - 1 - q / parts);
}

static void fill_seam(pdq_helix *h)
{
    memset(h->edges[0].mask, 0xff, sizeof h->edges[0].mask);
    for (uint32_t u = 0; u < h->seam; u++)
        for (uint32_t q = 0; q < ROWS; q++) {
            const uint32_t l = h->lane[q], x = column_at(h, u, q);
            pdq_helix_edge *e = &h->edges[u + 1];
            e->mask[l] = x < h->width ? UINT32_MAX : 0;
            divisor(x, h->width, &e->inverse[l], &e->rest[l]);
            if (x > h->width)
                e->inverse[l] = e->rest[l] = 0.0f;
        }
}

/* Which samples are taken after which group. */
static void fill_take(pdq_helix *h)
{
    enum { ALL = PDQ_HELIX_GROUPS, TAKEN = PDQ_HELIX_TAKEN };
    uint32_t count[ALL] = {0}, next[ALL + 1] = {0};
    memset(h->take, 0, sizeof h->take);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t q = 0; q < ROWS; q++)
            for (uint32_t i = 0; i < PDQ_SIDE; i++) {
                const uint32_t u = pdq_sample(i, h->width) + REACH + h->lead + LAG * q;
                const uint32_t g = u / STEPS;
                if (pass == 0)
                    count[g]++;
                else
                    h->take[next[g]++] = (u % STEPS * ROWS + h->lane[q]) |
                                         (q * PDQ_HELIX_LAID + PDQ_HELIX_BESIDE + i) << 16;
            }
        for (uint32_t g = 0; g < ALL && pass == 0; g++)
            next[g + 1] = next[g] + (count[g] + TAKEN - 1) / TAKEN * TAKEN;
        for (uint32_t g = 0; g <= ALL && pass == 0; g++)
            h->take_from[g] = (uint16_t)next[g];
    }
}

void pdq_helix_reset(pdq_helix *h, const pdq_kernels *kernels, uint32_t width, uint32_t height,
                     phash_pixel_format format)
{
    const uint32_t channels = format == PHASH_PIXEL_GREY8 ? 1 : 3;
    const bool same = h->width == width && h->lanes == kernels->lanes;
    h->kernels = kernels;
    h->format = format;
    h->channels = channels;
    h->row = h->staged = h->next_sample = h->group = 0;
    memset(h->row_sum, 0, offsetof(pdq_helix, tail) - offsetof(pdq_helix, row_sum));
    if (h->height != height) {
        h->height = height;
        for (uint32_t i = 0; i < PDQ_SIDE; i++)
            h->sample_row[i] = pdq_sample(i, height) + REACH;
        h->sample_row[PDQ_SIDE] = UINT32_MAX;
    }
    if (same)
        return;
    h->width = width;
    h->lanes = kernels->lanes;
    fill_lanes(h);
    h->period = round_up(width + PDQ_HELIX_PAD);
    h->pad = h->period - width;
    h->lead = round_up(h->pad);
    h->seam = round_up(h->lead + PDQ_HELIX_SKEW + WINDOW - 1);
    fill_seam(h);
    h->eighths = width == 8 * PDQ_SIDE;
    if (!h->eighths)
        fill_take(h);
}

/* The rows of a block, or NULL: dark ones. */
typedef struct block {
    const uint8_t *rows;
    ptrdiff_t stride;
} block;

/* Column `x` of row 0 of the block before, and bytes from row to row; where its rows are gone, of their
 * ends, that were kept. */
static block end_of(const pdq_helix *h, const block *before, uint32_t x)
{
    if (before->rows)
        return (block){before->rows + (size_t)x * h->channels, before->stride};
    /* Columns left of the tail are masked, or rows' that begin further right in it. */
    return (block){h->tail[0] + PDQ_HELIX_TAIL -
                       ((ptrdiff_t)h->width - (ptrdiff_t)x) * (ptrdiff_t)h->channels,
                   sizeof h->tail[0]};
}

/* Where each row's pixels of group g of the seam are: rows of the block, dark ones, which are between
 * two rows, then ends of rows of the block before. No group has pixels of two rows in one lane. What
 * lies beyond the row in a group is masked, but read: it belongs to the rows beside it. */
static void aim(const pdq_helix *h, uint32_t g, const block *before, const block *now,
                const uint8_t *lanes[ROWS])
{
    const uint32_t u = g * STEPS;
    const ptrdiff_t skew = (ptrdiff_t)(LAG * h->channels);
    uint32_t begun = 0, ended = 0; /* rows of the block; those and dark ones */
    if (u + STEPS > h->lead)
        begun = (u + STEPS - h->lead) / LAG;
    if (u + h->pad >= h->lead)
        ended = (u + h->pad - h->lead) / LAG + 1;
    begun = begun < ROWS ? begun : ROWS;
    ended = ended < ROWS ? ended : ROWS;
    for (uint32_t q = 0; q < ROWS; q++)
        lanes[q] = h->nothing;
    if (now->rows) {
        const uint8_t *at =
            now->rows + ((ptrdiff_t)u - (ptrdiff_t)h->lead) * (ptrdiff_t)h->channels;
        for (uint32_t q = 0; q < begun; q++)
            lanes[q] = at + q * (now->stride - skew);
    }
    if (h->row) {
        const block end = end_of(h, before, u + h->period - h->lead);
        for (uint32_t q = ended; q < ROWS; q++)
            lanes[q] = end.rows + q * (end.stride - skew);
    }
}

/* Whether the column box has an edge in the block that begins with row y. */
static bool at_edge(const pdq_helix *h, uint32_t y)
{
    return y == 0 || (y <= h->height && y + ROWS > h->height);
}

static void column_divisors(const pdq_helix *h, uint32_t y, pdq_helix_divisors *d)
{
    for (uint32_t q = 0; q < ROWS; q++)
        divisor(y + q, h->height, &d->inverse[h->lane[q]], &d->rest[h->lane[q]]);
}

/* The seam has rows of two blocks, so divisors of two. Edges are of rows 0 to 2 or of row `height`, and
 * never of both blocks. In the lanes of these there is padding for at least 16 steps between the two
 * blocks' rows: the divisors change at the beginning of a group in that. */
static void seam_divisors(const pdq_helix *h, pdq_helix_run *run, pdq_helix_divisors d[2])
{
    const bool above = h->row && at_edge(h, h->row - ROWS), here = at_edge(h, h->row);
    if (h->row)
        column_divisors(h, h->row - ROWS, &d[0]);
    column_divisors(h, h->row, &d[1]);
    const uint32_t row = h->row > ROWS ? h->height % ROWS : 0;
    run->column = above || here;
    run->before = &d[h->row ? 0 : 1];
    run->divisors = &d[1];
    run->turn = (h->lead + LAG * row) / STEPS * STEPS;
}

/* Groups of the seam, at least as many as still have pixels of the block before; then that block is
 * complete. */
static void run_seam(pdq_helix *h, const block *before, const block *now, uint32_t groups)
{
    const uint8_t *lanes[GROUPS][ROWS];
    pdq_helix_divisors divisors[2];
    pdq_helix_run run = {
        .last = groups * STEPS, .seam = true, .lanes = (const uint8_t *const(*)[ROWS])lanes};
    for (uint32_t g = 0; g < groups; g++)
        aim(h, g + 1, before, now, lanes[g]);
    if (at_edge(h, h->row) || at_edge(h, h->row - ROWS))
        seam_divisors(h, &run, divisors);
    h->kernels->helix(h, &run);
    h->kernels->helix_second(h);
}

static void run_block(pdq_helix *h, const block *before, const block *now)
{
    run_seam(h, before, now, h->seam / STEPS);
    pdq_helix_divisors divisors;
    pdq_helix_run run = {.first = h->seam,
                         .last = h->period,
                         .column = at_edge(h, h->row),
                         .dark = !now->rows,
                         .divisors = &divisors};
    if (run.column)
        column_divisors(h, h->row, &divisors);
    if (!run.dark) {
        run.pixels = now->rows + (size_t)(h->seam + STEPS - h->lead) * h->channels;
        run.pitch = now->stride - (ptrdiff_t)(LAG * h->channels);
    }
    h->kernels->helix(h, &run);
    h->row += ROWS;
}

/* The ends of a block's rows, which the next seam looks at. */
static void keep_tails(pdq_helix *h, const block *b)
{
    const size_t bytes = (size_t)h->width * h->channels;
    for (uint32_t q = 0; q < ROWS; q++)
        memcpy(h->tail[q], b->rows + (ptrdiff_t)q * b->stride + bytes - PDQ_HELIX_TAIL,
               PDQ_HELIX_TAIL);
}

/* Bytes from a staged row to the next; before a row there are readable ones. */
static size_t stage_pitch(const pdq_helix *h)
{
    return (size_t)h->width * h->channels;
}

static uint8_t *staged_row(pdq_helix *h, uint32_t row)
{
    return h->stage + 64 + stage_pitch(h) * row;
}

static void run_staged(pdq_helix *h, const block *before)
{
    const block now = {staged_row(h, 0), (ptrdiff_t)stage_pitch(h)};
    run_block(h, before, &now);
    keep_tails(h, &now);
    h->staged = 0;
}

static void stage_row(pdq_helix *h, const uint8_t *row)
{
    uint8_t *out = staged_row(h, h->staged++);
    switch (h->format) {
    case PHASH_PIXEL_GREY8:
    case PHASH_PIXEL_RGB8:
        memcpy(out, row, stage_pitch(h));
        break;
    case PHASH_PIXEL_BGR8:
    case PHASH_PIXEL_RGBA8:
    case PHASH_PIXEL_BGRA8:
        h->kernels->rgb(row, out, h->width, phash_pixel_bytes(h->format),
                        h->format != PHASH_PIXEL_RGBA8);
        break;
    }
}

/* Below the image everything is zero: the window moves down to row `height`, which the last sample
 * looks at, and the lanes still have to do their rows. */
static void finish(pdq_helix *h, const block *before)
{
    const block none = {NULL, 0};
    if (h->staged) {
        memset(staged_row(h, h->staged), 0, stage_pitch(h) * (ROWS - h->staged));
        run_staged(h, before);
    } else {
        if (before->rows) /* nothing lies behind the last one */
            keep_tails(h, before);
        run_block(h, &none, &none);
        memset(h->tail, 0, sizeof h->tail);
        memset(h->luma, 0, sizeof h->luma);
    }
    const uint32_t q = h->height % ROWS;
    run_seam(h, &none, &none, (h->lead - h->pad + LAG * q) / STEPS + 1);
}

void pdq_helix_push(pdq_helix *h, const uint8_t *rows, size_t count, ptrdiff_t stride)
{
    /* Rows may be read beyond their ends, so there must be nothing between them but a little padding,
     * which is taken to be readable. */
    const ptrdiff_t packed = (ptrdiff_t)((size_t)h->width * h->channels);
    const bool direct = (h->format == PHASH_PIXEL_GREY8 || h->format == PHASH_PIXEL_RGB8) &&
                        stride >= packed && stride < packed + 64;
    block before = {NULL, 0}; /* its rows, where they are still there */
    uint32_t left = (uint32_t)(h->height - h->row - h->staged);
    while (count) {
        const bool whole = direct && !h->staged && count >= ROWS;
        if (whole) {
            const block now = {rows, stride};
            run_block(h, &before, &now);
            before = now;
        } else {
            stage_row(h, rows);
            if (h->staged == ROWS) {
                run_staged(h, &before);
                before.rows = NULL;
            }
        }
        const uint32_t taken = whole ? ROWS : 1;
        rows += (ptrdiff_t)taken * stride;
        count -= taken;
        left -= taken;
    }
    if (!left)
        finish(h, &before);
    else if (before.rows)
        keep_tails(h, &before);
}
