/* Reduction of rows by fours, for kernels that want them so (kernels.h): their weights, and what is
 * kept between pushes. Sixteen rows, four quads, go through at once. */
#include "dct/stages.h"

#include <stdlib.h>
#include <string.h>

enum { FOUR = 4, ROWS = DCT_QUADS * FOUR };

/* w = low + (middle << 8) + (high << 16), all of them signed bytes. */
static void split(int32_t weight, int8_t digits[DCT_DIGITS])
{
    for (unsigned p = 0; p < DCT_DIGITS; p++) {
        digits[p] = (int8_t)(uint8_t)(weight & 0xff);
        weight = (weight - digits[p]) / 256;
    }
}

static void pack_window(dct_axis *a, uint32_t i, uint32_t step)
{
    dct_window *win = &a->windows[i];
    const uint32_t begin = a->first[i], end = begin + a->count[i];
    int8_t *at = a->digits + (size_t)a->steps * DCT_DIGITS * step * i;
    win->first = begin / step;
    win->count = (end + step - 1) / step - win->first;
    win->wide = win->narrow = 0;
    for (uint32_t x = begin; x < end; x++) {
        const uint32_t k = x / step - win->first;
        int8_t digits[DCT_DIGITS];
        split(a->weights[(size_t)i * a->taps + (x - begin)], digits);
        for (unsigned p = 0; p < DCT_DIGITS; p++)
            at[((size_t)k * DCT_DIGITS + p) * step + x % step] = digits[p];
        if (digits[DCT_DIGITS - 1]) {
            if (!win->narrow)
                win->wide = k;
            win->narrow = k + 1;
        }
    }
}

phash_status dct_axis_pack_quads(dct_axis *a, uint32_t step)
{
    if (a->digits)
        return PHASH_OK;
    a->steps = (a->taps + step - 1) / step + 1; /* a window may begin within a step */
    const size_t bytes = (size_t)a->steps * DCT_DIGITS * step;
    free(a->windows);
    a->windows = dct_alloc(a->out, sizeof *a->windows);
    a->digits = a->windows ? dct_alloc(a->out, bytes) : NULL;
    if (!a->digits)
        return PHASH_E_MEMORY;
    memset(a->digits, 0, bytes * a->out);
    for (uint32_t i = 0; i < a->out; i++)
        pack_window(a, i, step);
    return PHASH_OK;
}

static size_t lines_bytes(uint32_t side)
{
    return ((size_t)side * FOUR + 63) / 64 * 64;
}

void dct_quads_wipe(dct_reduce *r)
{
    for (int i = 0; i < DCT_QUADS; i++) {
        dct_wipe(r->quads[i], r->quad_bytes);
        dct_wipe(r->quad_lines[i], lines_bytes(r->quad_side));
    }
}

void dct_quads_free(dct_reduce *r)
{
    dct_quads_wipe(r);
    for (int i = 0; i < DCT_QUADS; i++) {
        free(r->quads[i]);
        free(r->quad_lines[i]);
        r->quads[i] = r->quad_lines[i] = NULL;
    }
}

phash_status dct_quads_reset(dct_reduce *r, uint32_t side)
{
    const size_t bytes = ((size_t)r->h.in + DCT_BLOCK - 1) / DCT_BLOCK * DCT_BLOCK * FOUR;
    if (!r->quads[0] || r->quad_bytes != bytes || r->quad_side != side) {
        dct_quads_free(r);
        r->quad_bytes = bytes;
        r->quad_side = side;
        for (int i = 0; i < DCT_QUADS; i++) {
            r->quads[i] = dct_alloc(bytes, 1);
            r->quad_lines[i] = dct_alloc(lines_bytes(side), 1);
        }
        for (int i = 0; i < DCT_QUADS; i++)
            if (!r->quads[i] || !r->quad_lines[i]) {
                dct_quads_free(r);
                return PHASH_E_MEMORY;
            }
    }
    /* What lies behind a row, and in rows behind the last one, is multiplied by nothing but zero. */
    for (int i = 0; i < DCT_QUADS; i++) {
        memset(r->quads[i], 0, bytes);
        memset(r->quad_lines[i], 0, lines_bytes(side));
    }
    phash_status status = dct_axis_pack_quads(&r->h, DCT_BLOCK);
    if (status == PHASH_OK)
        status = dct_axis_pack_quads(&r->v, FOUR);
    return status;
}

/* Adds four rows, number `quad` of the image. */
static void add_quad(dct_reduce *r, uint32_t quad, const uint8_t *lines)
{
    const size_t room = (size_t)r->v.steps * DCT_DIGITS * FOUR;
    for (uint32_t i = r->open; i < r->v.out && r->v.windows[i].first <= quad; i++) {
        const dct_window *win = &r->v.windows[i];
        const uint32_t k = quad - win->first;
        if (k < win->count)
            r->kernels.vertical4(r->sums + (size_t)i * r->h.out, lines,
                                 r->v.digits + room * i + (size_t)k * DCT_DIGITS * FOUR, r->h.out);
    }
    while (r->open < r->v.out &&
           r->v.windows[r->open].first + r->v.windows[r->open].count <= quad + 1)
        r->open++;
}

/* The rows since the last flush. */
static void flush(dct_reduce *r)
{
    const uint32_t rows = (r->row - 1) % ROWS + 1, quad = (r->row - rows) / FOUR,
                   n = (rows + FOUR - 1) / FOUR;
    const uint8_t *quads[DCT_QUADS];
    uint8_t *lines[DCT_QUADS];
    for (uint32_t q = 0; q < DCT_QUADS; q++) { /* where there are fewer: the last again */
        quads[q] = r->quads[q < n ? q : n - 1];
        lines[q] = r->quad_lines[q < n ? q : n - 1];
    }
    r->kernels.horizontal4(&r->h, quads, lines);
    for (uint32_t q = 0; q < n; q++)
        add_quad(r, quad + q, lines[q]);
}

/* One row, where there are not four that belong together. */
static void push_row(dct_reduce *r, const uint8_t *pixels, uint32_t slot)
{
    uint8_t *to = r->quads[slot / FOUR] + (size_t)DCT_BLOCK * (slot % FOUR);
    r->kernels.grey(r->format, pixels, r->grey, r->h.in);
    for (uint32_t x = 0; x < r->h.in; x += DCT_BLOCK, to += (size_t)DCT_BLOCK * FOUR)
        memcpy(to, r->grey + x, DCT_BLOCK);
}

void dct_quads_push(dct_reduce *r, const uint8_t *pixels, size_t count, ptrdiff_t stride)
{
    for (size_t done = 0; done < count;) {
        const uint32_t slot = r->row % ROWS;
        const uint8_t *row = pixels + (ptrdiff_t)done * stride;
        uint32_t n = 1;
        if (slot % FOUR == 0 && count - done >= FOUR) {
            const uint8_t *const four[FOUR] = {row, row + stride, row + 2 * stride,
                                               row + 3 * stride};
            r->kernels.grey4(r->format, four, r->quads[slot / FOUR], r->h.in);
            n = FOUR;
        } else {
            push_row(r, row, slot);
        }
        done += n;
        r->row += n;
        if (r->row % ROWS == 0 || r->row == r->v.in)
            flush(r);
    }
}
