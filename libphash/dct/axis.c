/* Lanczos weights along one side, as Pillow computes them.
 *
 * Pillow evaluates w = sinc(t) * sinc(t / 3) with libm for every tap, divides by the window's sum
 * and rounds to 22 fraction bits. Two sines for each tap would take longer than the reduction of a
 * small photo, so long windows take another way to the same integers: with u = pi * t / 3,
 *
 *     w = 3 * sin(3u) * sin(u) / (3u)^2 * 3,    sin(3u) = sin(u) * (3 - 4 * sin(u)^2)
 *
 * and sin(u) of equidistant u by rotation. What comes out differs from libm's value by less than
 * 1e-7 of the unit that it is rounded to (see TOLERANCE), so only a window in which a weight lies
 * that near to the middle between two integers is computed again in Pillow's way.
 */
#include "dct/stages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

enum {
    LOBES = 3,
    FEW_TAPS = 16 /* windows shorter than this are not worth the detour */
};

/* In units of the 22nd fraction bit. A rotation adds at most 2^-52 to the error of sin(u), so after
 * k taps of a window of 6 * fs it is under k * 2.3e-16. Below |t| = 1/4 the sines are libm's; above
 * it both factors are divided by t > 1/4, and the sum of a window is about fs, so the error of a
 * weight is under 6 fs * 2.3e-16 * 2 * 16 / fs * 2^22 < 2e-7. Ten times that is allowed. */
static const double TOLERANCE = 2e-6;

static double sinc(double x)
{
    if (x == 0.0)
        return 1.0;
    x *= M_PI;
    return sin(x) / x;
}

static double lanczos(double t)
{
    return t >= -LOBES && t < LOBES ? sinc(t) * sinc(t / LOBES) : 0.0;
}

/* Half away from zero. */
static int32_t to_fixed(double w)
{
    const double scaled = w * (1 << DCT_WEIGHT_BITS);
    return (int32_t)(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
}

typedef struct window {
    double centre;
    double inverse; /* 1 / fs */
    uint32_t first, count;
} window;

static double position(const window *w, uint32_t k)
{
    return ((double)k + (double)w->first - w->centre + 0.5) * w->inverse;
}

static void weights_exact(const window *w, double *scratch, int32_t *out)
{
    double sum = 0.0;
    for (uint32_t k = 0; k < w->count; k++) {
        scratch[k] = lanczos(position(w, k));
        sum += scratch[k];
    }
    for (uint32_t k = 0; k < w->count; k++)
        out[k] = to_fixed(sum != 0.0 ? scratch[k] / sum : scratch[k]);
}

/* Returns false when a weight is too near to a rounding boundary to be sure of it. */
static bool weights_fast(const window *w, double *scratch, int32_t *out)
{
    const double third = M_PI / LOBES, step = third * w->inverse, cos_step = cos(step),
                 sin_step = sin(step);
    double u = third * position(w, 0), s = sin(u), c = cos(u), sum = 0.0;
    for (uint32_t k = 0; k < w->count; k++) {
        const double t = position(w, k);
        double value;
        if (t < -LOBES || t >= LOBES)
            value = 0.0;
        else if (fabs(t) < 0.25)
            value = lanczos(t);
        else
            value = s * s * (3.0 - 4.0 * s * s) * (LOBES / (M_PI * M_PI)) / (t * t);
        scratch[k] = value;
        sum += value;
        const double next = s * cos_step + c * sin_step;
        c = c * cos_step - s * sin_step;
        s = next;
    }
    if (!(sum > 0.0))
        return false;
    const double scale = (1 << DCT_WEIGHT_BITS) / sum;
    bool sure = true;
    for (uint32_t k = 0; k < w->count; k++) {
        const double scaled = scratch[k] * scale,
                     shifted = scaled < 0.0 ? 0.5 - scaled : scaled + 0.5;
        const int32_t whole = (int32_t)shifted;
        const double rest = shifted - whole;
        sure &= rest > TOLERANCE && rest < 1.0 - TOLERANCE;
        out[k] = scaled < 0.0 ? -whole : whole;
    }
    return sure;
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b) {
        const uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Whether window i is window i - period, moved by a whole number of samples: then its taps lie at
 * the same distances from the centre, but for the last bits of a double, and where the weights of
 * the one are sure (see weights_fast) they are the other's too. Windows that the edge cuts differ in
 * their sum. */
static bool repeats(const dct_axis *a, uint32_t i, uint32_t period)
{
    if (i < period)
        return false;
    const uint32_t j = i - period, moved = (uint32_t)((uint64_t)period * a->in / a->out);
    return a->first[j] > 0 && a->first[i] + a->count[i] < a->in && a->count[i] == a->count[j] &&
           a->first[i] == a->first[j] + moved;
}

static void axis_compute(dct_axis *a, double *scratch)
{
    const uint32_t period = a->out / gcd(a->in, a->out);
    bool sure[DCT_SIDE_MAX];
    const double scale = (double)a->in / a->out, fs = scale < 1.0 ? 1.0 : scale, reach = LOBES * fs;
    for (uint32_t i = 0; i < a->out; i++) {
        window w = {.centre = (i + 0.5) * scale, .inverse = 1.0 / fs};
        const double from = w.centre - reach + 0.5, to = w.centre + reach + 0.5;
        w.first = from < 0.0 ? 0 : (uint32_t)from;
        w.count = (to > a->in ? a->in : (uint32_t)to) - w.first;
        a->first[i] = w.first;
        a->count[i] = w.count;
        int32_t *out = a->weights + (size_t)i * a->taps;
        sure[i] = false;
        if (repeats(a, i, period) && sure[i - period]) {
            memcpy(out, out - (size_t)period * a->taps, w.count * sizeof *out);
            sure[i] = true;
            continue;
        }
        if (w.count >= FEW_TAPS)
            sure[i] = weights_fast(&w, scratch, out);
        if (!sure[i])
            weights_exact(&w, scratch, out);
    }
}

/* A side that keeps its length is copied: one tap of weight 1 each. */
static void axis_identity(dct_axis *a)
{
    for (uint32_t i = 0; i < a->out; i++) {
        a->first[i] = i;
        a->count[i] = 1;
        a->weights[i] = 1 << DCT_WEIGHT_BITS;
    }
}

phash_status dct_axis_reset(dct_axis *a, uint32_t in, uint32_t out)
{
    if (a->in == in && a->out == out)
        return PHASH_OK;
    dct_axis_free(a);
    const double scale = (double)in / out;
    a->taps = in == out ? 1 : 2 * (uint32_t)ceil(LOBES * (scale < 1.0 ? 1.0 : scale)) + 1;
    if (a->taps > in)
        a->taps = in;
    a->out = out; /* from here on dct_axis_free knows the sizes */
    a->first = dct_alloc(out, sizeof *a->first);
    a->count = dct_alloc(out, sizeof *a->count);
    a->weights = dct_alloc((size_t)out * a->taps, sizeof *a->weights);
    double *scratch = dct_alloc(a->taps, sizeof *scratch);
    if (!a->first || !a->count || !a->weights || !scratch) {
        free(scratch);
        dct_axis_free(a);
        return PHASH_E_MEMORY;
    }
    a->in = in;
    if (in == out)
        axis_identity(a);
    else
        axis_compute(a, scratch);
    free(scratch);
    return PHASH_OK;
}

/* Splits the weights of window i, and notes where they need their high words. */
static void pack_window(dct_axis *a, uint32_t i, uint32_t lanes)
{
    const int32_t *weights = a->weights + (size_t)i * a->taps;
    int16_t *low = a->packed + (size_t)i * 2 * a->padded, *high = low + a->padded;
    dct_window *win = &a->windows[i];
    *win = (dct_window){.first = a->first[i], .count = (a->count[i] + lanes - 1) / lanes};
    for (uint32_t t = 0; t < a->count[i]; t++) {
        low[t] = (int16_t)(uint16_t)(weights[t] & 0xffff);
        high[t] = (int16_t)((weights[t] - low[t]) / (1 << 16));
        if (high[t]) {
            if (!win->narrow)
                win->wide = t / lanes;
            win->narrow = t / lanes + 1;
        }
    }
}

phash_status dct_axis_pack(dct_axis *a, const dct_kernels *k)
{
    free(a->packed);
    free(a->windows);
    a->packed = NULL;
    a->windows = NULL;
    if (!k->lanes)
        return PHASH_OK;
    a->padded = (a->taps + k->lanes - 1) / k->lanes * k->lanes;
    const size_t words = (size_t)a->padded * 2;
    a->windows = dct_alloc(a->out, sizeof *a->windows);
    a->packed = dct_alloc(a->out, words * sizeof *a->packed);
    if (!a->windows || !a->packed)
        return PHASH_E_MEMORY;
    memset(a->packed, 0, words * sizeof *a->packed * a->out);
    for (uint32_t i = 0; i < a->out; i++)
        pack_window(a, i, k->lanes);
    return PHASH_OK;
}

/* Weights tell an image's size and nothing else of it: no need to wipe them. */
void dct_axis_free(dct_axis *a)
{
    free(a->first);
    free(a->count);
    free(a->weights);
    free(a->packed);
    free(a->windows);
    free(a->digits);
    memset(a, 0, sizeof *a);
}
