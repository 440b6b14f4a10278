/* Drives the wave: blocks of rows, edges, rings. See wave.h; the arithmetic is in wave_template.h.
 *
 * Why no division of the wave suffers from small numbers. Sums and differences of multiples of 2^g are
 * multiples of 2^g, also after rounding; so a sum is 0 or at least 2^g, whatever residue is left of it where
 * the image turns black. Divided by at most PDQ_WINDOW_MAX = 2^10 it is 0 or at least 2^(g - 10), and
 * then, having 24 bits, a multiple of 2^(g - 33). Luma is 0 or at least 0.114f, so a multiple of
 * 2^-27. Means of the first row box are multiples of 2^-60, of the column box of 2^-93, and quotients of the
 * second row box are at least 2^-103: all normal floats, 2^-126 and more. Products with what a reciprocal
 * lacks may be smaller, and are rounded to multiples of 2^-149, which is 2^-46 of the least quotient and
 * so still close enough. The second column box divides for real. Divisions that are put off leave larger
 * numbers. */
#include "pdq/wave.h"

#include "core/internal.h"
#include "pdq/kernels.h"

#include <string.h>

_Static_assert(PDQ_WINDOW_MAX <= 1 << 10, "the bound above");

static bool power_of_two(uint32_t n)
{
    return (n & (n - 1)) == 0;
}

static uint32_t round_up(uint32_t n, uint32_t to)
{
    return (n + to - 1) / to * to;
}

bool pdq_wave_takes(const pdq_kernels *kernels, uint32_t width, uint32_t height)
{
    /* Indices of the second column box are 32-bit numbers of floats. */
    return kernels->lanes && pdq_window(width) <= PDQ_WINDOW_MAX &&
           pdq_window(height) <= PDQ_WINDOW_MAX;
}

/* Samples in the window after newest sample n of `length`, and 0 where no output belongs to it. */
static uint32_t window_count(int64_t n, uint32_t window, uint32_t length)
{
    const int64_t out = n - window / 2;
    if (out < 0 || out >= length)
        return 0;
    const int64_t newest = n < length ? n : (int64_t)length - 1, oldest = n - window + 1;
    return (uint32_t)(newest - (oldest > 0 ? oldest : 0) + 1);
}

/* The divisor's reciprocal. Where divisions by the whole window are put off, a shorter window's sum must
 * be put on the same scale, which is exact. */
static void divisor(uint32_t count, uint32_t window, float *inverse, float *rest)
{
    *inverse = *rest = 0.0f;
    if (count)
        pdq_reciprocal(power_of_two(window) ? (float)count / (float)window : (float)count, inverse,
                       rest);
}

/* Reciprocals and masks of the edges' steps. Neighbouring steps mostly have the same count. */
static void fill_edges(pdq_wave *w)
{
    float *inverse = w->edge_inverse, *rest = w->edge_rest;
    uint32_t *mask = w->edge_mask;
    uint32_t last = UINT32_MAX;
    float reciprocal = 0.0f, missing = 0.0f;
    for (uint32_t t = w->left ? 0 : w->right; t < w->steps; t = t + 1 == w->left ? w->right : t + 1)
        for (uint32_t q = 0; q < w->lanes; q++) {
            const int64_t x = (int64_t)t - PDQ_LAG * q;
            const uint32_t n = window_count(x, w->wr, w->width);
            if (n != last)
                divisor(n, w->wr, &reciprocal, &missing);
            last = n;
            *inverse++ = reciprocal;
            *rest++ = missing;
            *mask++ = x >= 0 && x < w->width ? UINT32_MAX : 0;
        }
}

/* Which lanes of z are kept. Samples are at least width / 64 columns apart, so a lane has at most
 * one in 2^keep_shift steps. */
static void fill_keep(pdq_wave *w)
{
    memset(w->keep, 0, w->steps * sizeof *w->keep);
    w->turns = w->keep_shift ? (1u << w->keep_shift) / PDQ_LAG : 1;
    for (uint32_t i = 0; i < PDQ_SIDE; i++) {
        const uint32_t step = pdq_sample(i, w->width) + 2 * w->lead_r;
        for (uint32_t q = 0; q < w->lanes; q++)
            w->keep[step + PDQ_LAG * q] |= (uint16_t)(1u << q);
        for (uint32_t q = 0; q < w->turns; q++)
            w->index[q][i] = (int32_t)(((step + PDQ_LAG * q) >> w->keep_shift) * w->lanes);
    }
}

/* Where things lie in the memory of a filter. Sizes are in floats, and multiples of 16. */
static phash_status allocate(pdq_wave *w)
{
    const size_t lanes = w->lanes, steps = w->steps, line = (w->wr + PDQ_LATE + PDQ_BUFFER) * lanes;
    const size_t edge = (size_t)(w->left + w->steps - w->right);
    const size_t stage = (size_t)round_up(w->width * w->channels, 64) / 4 * lanes;
    const size_t edge_pixels = edge * w->channels * lanes / 4;
    /* v: lanes of the row above reach 2 * lanes steps ahead, those of the same block back; what is read
     * beside them, by up to a vector, lies in the memory, too. */
    w->v_stride = (steps + 4 * lanes) * lanes;
    const size_t carry = steps + 2 * 64, v = w->v_stride * w->ring, second = w->wc * PDQ_SIDE;
    size_t need = v + carry + second;
    w->state_floats = need;
    const size_t z = ((steps >> w->keep_shift) + 1) * lanes;
    const size_t keep = round_up((uint32_t)steps, 32) / 2;
    need += z + 2 * line + 3 * edge * lanes + stage + edge_pixels + keep;
    if (need > w->capacity) {
        pdq_wave_free(w);
        w->memory = phash_alloc(need, sizeof *w->memory);
        if (!w->memory)
            return PHASH_E_MEMORY;
        w->capacity = need;
    }
    float *p = w->memory;
    w->v = p + 2 * lanes * lanes, p += v;
    w->carry = p + 64, p += carry;
    w->second_ring = p, p += second;
    w->z = p, p += z;
    w->keep = (uint16_t *)p, p += keep;
    w->luma_line = p, p += line;
    w->mean_line = p, p += line;
    w->edge_rest = p, p += edge * lanes;
    w->edge_inverse = p, p += edge * lanes;
    w->edge_mask = (uint32_t *)p, p += edge * lanes;
    w->stage = (uint8_t *)p, p += stage;
    w->edge_pixels = (uint8_t *)p;
    return PHASH_OK;
}

phash_status pdq_wave_reset(pdq_wave *w, const pdq_kernels *kernels, uint32_t width,
                            uint32_t height, phash_pixel_format format)
{
    const uint32_t lanes = kernels->lanes, skew = PDQ_LAG * (lanes - 1);
    const uint32_t channels = format == PHASH_PIXEL_GREY8 ? 1 : 3;
    const bool same = w->memory && w->lanes == lanes && w->keeps == kernels->keeps &&
                      w->width == width && w->height == height && w->channels == channels;
    w->kernels = kernels;
    w->keeps = kernels->keeps;
    w->width = width;
    w->height = height;
    w->format = format;
    w->channels = channels;
    w->row = w->staged = w->next_sample = 0;
    memset(w->sum, 0, sizeof w->sum);
    if (same) {
        memset(w->memory, 0, w->state_floats * sizeof *w->memory);
        return PHASH_OK;
    }
    w->lanes = lanes;
    w->wr = pdq_window(width);
    w->wc = pdq_window(height);
    w->lead_r = w->wr / 2;
    w->lead_c = w->wc / 2;
    w->ring = w->wc / lanes + 1;
    w->shift = w->wc % lanes;
    /* The last sample, and what two boxes look ahead of it. */
    const uint32_t last_x = pdq_sample(PDQ_SIDE - 1, width) + 2 * w->lead_r;
    w->rows_needed = pdq_sample(PDQ_SIDE - 1, height) + 2 * w->lead_c + 1;
    w->steps = round_up(last_x + skew + 1, PDQ_STEPS);
    w->left = round_up(w->wr + skew, PDQ_STEPS);
    w->right = width / PDQ_STEPS * PDQ_STEPS;
    if (w->right > w->steps)
        w->right = w->steps;
    if (w->left >= w->right)
        w->left = w->right = w->steps; /* all edge */
    w->scale = 1.0f;
    if (power_of_two(w->wr))
        w->scale /= (float)w->wr * (float)w->wr;
    if (power_of_two(w->wc))
        w->scale /= (float)w->wc * (float)w->wc;
    w->keep_shift = 0;
    if (kernels->keeps)
        w->keep_shift = width >= 16 * PDQ_SIDE ? 4 : width >= 4 * PDQ_SIDE ? 2 : 0;
    const phash_status status = allocate(w);
    if (status != PHASH_OK)
        return status;
    memset(w->memory, 0, w->state_floats * sizeof *w->memory);
    fill_edges(w);
    for (uint32_t q = 0; q < lanes; q++) {
        divisor(w->wr, w->wr, &w->row_inverse[q], &w->row_rest[q]);
        divisor(w->wc, w->wc, &w->column_inverse[q], &w->column_rest[q]);
    }
    fill_keep(w);
    return PHASH_OK;
}

/* Copies, for each lane, the columns that it stands at in steps first .. last - 1; zero outside. */
static void stage_edge(const pdq_wave *w, const uint8_t *rows, ptrdiff_t stride, uint32_t first,
                       uint32_t last)
{
    const size_t bytes = w->channels, pitch = (last - first) * bytes;
    for (uint32_t q = 0; q < w->lanes; q++) {
        uint8_t *out = w->edge_pixels + q * pitch;
        const uint32_t skew = PDQ_LAG * q, before = first < skew ? skew - first : 0;
        const uint32_t from = first < skew ? 0 : first - skew, end = last < skew ? 0 : last - skew;
        const uint32_t to = end < w->width ? end : w->width;
        const uint32_t zeros = before < last - first ? before : last - first;
        const uint32_t n = to > from ? to - from : 0;
        memset(out, 0, zeros * bytes);
        memcpy(out + zeros * bytes, rows + (ptrdiff_t)q * stride + from * bytes, n * bytes);
        memset(out + (zeros + n) * bytes, 0, pitch - (zeros + n) * bytes);
    }
}

/* `direct`: lanes may read beyond the ends of their rows; what they read there is masked out. */
static void run_edge(const pdq_wave *w, pdq_run *run, const uint8_t *rows, ptrdiff_t stride,
                     uint32_t first, uint32_t last, bool direct)
{
    if (first == last)
        return;
    const size_t at = (size_t)(first ? w->left : 0) * w->lanes;
    if (direct) {
        run->pixels = rows + (size_t)first * w->channels;
        run->pitch = stride - (ptrdiff_t)(PDQ_LAG * w->channels);
    } else {
        stage_edge(w, rows, stride, first, last);
        run->pixels = w->edge_pixels;
        run->pitch = (ptrdiff_t)((last - first) * w->channels);
    }
    run->first = first;
    run->last = last;
    run->divide_row = PDQ_DIVIDE_STEP;
    run->row_rest = w->edge_rest + at;
    run->row_inverse = w->edge_inverse + at;
    run->row_mask = w->edge_mask + at;
    w->kernels->run(run);
}

/* A row of the second column box's sums, as often as it is sampled. */
static void take_sampled(pdq_wave *w, uint32_t y)
{
    while (w->next_sample < PDQ_SIDE && pdq_sample(w->next_sample, w->height) == y) {
        float *out = w->out + (size_t)w->next_sample++ * PDQ_SIDE;
        for (uint32_t i = 0; i < PDQ_SIDE; i++)
            out[i] = w->sum[i] * w->scale;
        if (!power_of_two(w->wc))
            for (uint32_t i = 0; i < PDQ_SIDE; i++)
                out[i] /= (float)w->wc;
    }
}

static void second_round(pdq_wave *w)
{
    pdq_second second = {.sum = w->sum};
    if (!power_of_two(w->wr))
        pdq_reciprocal((float)w->wr, &second.inverse, &second.rest);
    for (uint32_t q = 0; q < w->lanes; q++) {
        const uint32_t y = w->row + q;
        if (y < w->lead_c)
            continue;
        if (y >= w->rows_needed)
            break;
        const uint32_t box = y - w->lead_c;
        const uint32_t turn = q % w->turns;
        second.index = w->index[turn];
        second.z = w->z + (size_t)(((q - turn) * PDQ_LAG) >> w->keep_shift) * w->lanes + q;
        second.slot = w->second_ring + (size_t)(box % w->wc) * PDQ_SIDE;
        w->kernels->second(&second);
        if (box >= w->lead_c)
            take_sampled(w, box - w->lead_c);
    }
}

/* `rows_after` of the same stride lie behind the block's rows. */
static void block(pdq_wave *w, const uint8_t *rows, ptrdiff_t stride, size_t rows_after)
{
    float column_rest[PDQ_LANES_MAX], column_inverse[PDQ_LANES_MAX];
    const uint32_t lanes = w->lanes, number = w->row / lanes;
    const bool edge = w->row < w->wc || w->row + lanes > w->height;
    float *now = w->v + (size_t)(number % w->ring) * w->v_stride;
    for (uint32_t q = 0; q < lanes && edge; q++)
        divisor(window_count(w->row + q, w->wc, w->height), w->wc, &column_inverse[q],
                &column_rest[q]);
    /* Lane q starts 2q pixels before its row, in the row above, and ends in the row below. Between
     * the rows there must be nothing but a little padding, which is taken to be readable. */
    const ptrdiff_t packed = (ptrdiff_t)((size_t)w->width * w->channels);
    const bool tight = stride >= packed && stride < packed + 64 && w->left < w->right;
    pdq_run run = {
        .channels = w->channels,
        .wr = w->wr,
        .divide_column = !edge && power_of_two(w->wc) ? PDQ_DIVIDE_NONE : PDQ_DIVIDE_CONST,
        .column_rest = edge ? column_rest : w->column_rest,
        .column_inverse = edge ? column_inverse : w->column_inverse,
        .v = now,
        .z = w->z,
        .keep_shift = w->keep_shift,
        .keep = w->keep,
        /* Lane q < shift wants row `q - wc`, which is lane lanes + q - shift one block further up,
         * in the array that this block overwrites as it goes; the others want lane q - shift. */
        .v_same = w->v + (size_t)((number + 1) % w->ring) * w->v_stride -
                  (ptrdiff_t)PDQ_LAG * w->shift * lanes,
        .v_before = now + (size_t)PDQ_LAG * (lanes - w->shift) * lanes,
        .shift = w->shift,
        .carry = w->carry,
        .luma_line = w->luma_line,
        .mean_line = w->mean_line,
        .position = w->wr + PDQ_LATE,
    };
    const size_t line = (w->wr + PDQ_LATE) * (size_t)lanes * sizeof *w->luma_line;
    memset(w->luma_line, 0, line);
    memset(w->mean_line, 0, line);
    run_edge(w, &run, rows, stride, 0, w->left, tight);
    if (w->left < w->right) {
        run.pixels = rows + (size_t)w->left * w->channels;
        run.pitch = stride - (ptrdiff_t)(PDQ_LAG * w->channels);
        run.first = w->left;
        run.last = w->right;
        run.divide_row = power_of_two(w->wr) ? PDQ_DIVIDE_NONE : PDQ_DIVIDE_CONST;
        run.row_rest = w->row_rest;
        run.row_inverse = w->row_inverse;
        w->kernels->run(&run);
    }
    run_edge(w, &run, rows, stride, w->right, w->steps, tight && rows_after);
    second_round(w);
    w->row += lanes;
}

static size_t stage_pitch(const pdq_wave *w)
{
    return round_up(w->width * w->channels, 64);
}

static void stage_row(pdq_wave *w, const uint8_t *row)
{
    uint8_t *out = w->stage + stage_pitch(w) * w->staged++;
    switch (w->format) {
    case PHASH_PIXEL_GREY8:
    case PHASH_PIXEL_RGB8:
        memcpy(out, row, (size_t)w->width * w->channels);
        break;
    case PHASH_PIXEL_BGR8:
    case PHASH_PIXEL_RGBA8:
    case PHASH_PIXEL_BGRA8:
        w->kernels->rgb(row, out, w->width, phash_pixel_bytes(w->format),
                        w->format != PHASH_PIXEL_RGBA8);
        break;
    }
    if (w->staged == w->lanes) {
        block(w, w->stage, (ptrdiff_t)stage_pitch(w), 0);
        w->staged = 0;
    }
}

void pdq_wave_push(pdq_wave *w, const uint8_t *rows, size_t count, ptrdiff_t stride)
{
    const bool direct = w->format == PHASH_PIXEL_GREY8 || w->format == PHASH_PIXEL_RGB8;
    while (count) {
        const bool whole = direct && !w->staged && count >= w->lanes;
        if (whole)
            block(w, rows, stride, count - w->lanes);
        else
            stage_row(w, rows);
        const uint32_t taken = whole ? w->lanes : 1;
        rows += (ptrdiff_t)taken * stride;
        count -= taken;
    }
    if (w->row + w->staged < w->height)
        return;
    /* Below the image everything is zero; the window still has to move down. */
    while (w->row < w->rows_needed) {
        memset(w->stage + stage_pitch(w) * w->staged, 0, stage_pitch(w) * (w->lanes - w->staged));
        block(w, w->stage, (ptrdiff_t)stage_pitch(w), 0);
        w->staged = 0;
    }
}

void pdq_wave_free(pdq_wave *w)
{
    phash_wipe_free(w->memory, w->capacity * sizeof *w->memory);
    w->memory = NULL;
    w->capacity = 0;
    phash_wipe(w->out, sizeof w->out);
}
