/* The arithmetic of the wave (wave.h), for any vector of floats. Included once by each ISA's file,
 * which defines before:
 *
 *   VF, VI             vectors of LANES floats, and of as many 32-bit integers
 *   load, store, splat, add, sub, mul
 *   divide(s, c, r)    s / c, correctly rounded, where r is 1 / c correctly rounded; 0 where r is 0
 *   group(p, pitch, d) bytes p[0 .. 15] of each lane to four vectors: d[i] has bytes 4i .. 4i + 3
 *   colours            constants of the luma; colours_of() makes them
 *   product(d, at, c, k)  byte `at` of each 32-bit lane times the weight of colour c, rounded
 *   grey(d, at, k)     the same byte as a float
 *   leave(s, p)        puts the last lane of s at *p; gives s in a form for enter
 *   enter(s, p)        lanes of s one up, *p in lane 0
 *   window(w), window_of(shift), leaving(a, b, w)  lanes of a up by shift, filled up with the last
 *                      lanes of b
 */

/* What a variant of the loop knows when it is compiled. FIXED: the window along the row is 4, and
 * its delay lines stay in registers. */
typedef struct variant {
    int channels;
    pdq_divide row, column;
    bool fixed;
} variant;

/* Registers of the loop. The arrays are indexed by constants only. */
typedef struct wave {
    VF s, z, up0, up1;             /* row sum, second row sum, column sums of two steps */
    VF luma[4 + PDQ_STEPS], mean[4 + PDQ_STEPS]; /* of FIXED */
    VI d[12];
    window lag;
    colours k;
    VF row_count, row_inverse, column_count, column_inverse;
    const float *luma_old, *mean_old;
    float *luma_new, *mean_new;
} wave;

static inline __attribute__((always_inline)) VF luma_at(wave *w, int k, int channels)
{
    if (channels == 1)
        return grey(w->d[k / 4], k % 4, &w->k);
    const int at = 3 * k;
    const VF r = product(w->d[at / 4], at % 4, 0, &w->k);
    const VF g = product(w->d[(at + 1) / 4], (at + 1) % 4, 1, &w->k);
    const VF b = product(w->d[(at + 2) / 4], (at + 2) % 4, 2, &w->k);
    return add(add(r, g), b);
}

static inline __attribute__((always_inline)) void step(wave *w, pdq_run *run, const int k,
                                                       const uint8_t *pixels, size_t t,
                                                       const variant how)
{
    /* 16 pixels are one group of 16 bytes, or three: each is read when its first byte is due. */
    if (k == 0)
        group(pixels, run->pitch, w->d);
    if (how.channels == 3 && k == 5)
        group(pixels + 16, run->pitch, w->d + 4);
    if (how.channels == 3 && k == 10)
        group(pixels + 32, run->pitch, w->d + 8);

    const size_t at = (t + (size_t)k) * LANES;
    const VF luma = luma_at(w, k, how.channels);
    VF gone;
    if (how.fixed) {
        w->luma[k + 4] = luma;
        gone = w->luma[k];
    } else {
        store(w->luma_new + k * LANES, luma);
        gone = load(w->luma_old + k * LANES);
    }
    w->s = sub(add(w->s, luma), gone);

    VF v = w->s;
    if (how.row == PDQ_DIVIDE_CONST)
        v = divide(v, w->row_count, w->row_inverse);
    if (how.row == PDQ_DIVIDE_STEP) {
        const size_t edge = at - (size_t)run->first * LANES;
        v = divide(v, load(run->row_count + edge), load(run->row_inverse + edge));
    }
    store(run->v + at, v);

    const VF above = enter(w->up0, run->carry + t + k);
    const VF sum = sub(add(above, v), leaving(run->v_same + at, run->v_before + at, &w->lag));
    w->up0 = w->up1;
    w->up1 = leave(sum, run->carry + (ptrdiff_t)(t + (size_t)k) - PDQ_LAG * (LANES - 1));

    VF mean = sum;
    if (how.column != PDQ_DIVIDE_NONE)
        mean = divide(mean, w->column_count, w->column_inverse);
    if (how.fixed) {
        w->mean[k + 4] = mean;
        gone = w->mean[k];
    } else {
        store(w->mean_new + k * LANES, mean);
        gone = load(w->mean_old + k * LANES);
    }
    w->z = sub(add(w->z, mean), gone);
    store(run->z + at, w->z);
}

static inline __attribute__((always_inline)) void move_line(float *line, uint32_t position,
                                                            uint32_t wr)
{
    for (uint32_t i = 0; i < wr; i++)
        store(line + i * LANES, load(line + (size_t)(position - wr + i) * LANES));
}

static inline __attribute__((always_inline)) void run_as(pdq_run *run, const variant how)
{
    wave w;
    w.k = colours_of();
    w.lag = window_of(run->shift);
    w.s = load(run->row_sum);
    w.z = load(run->second_sum);
    w.up0 = load(run->column_sum[0]);
    w.up1 = load(run->column_sum[1]);
    w.row_count = load(run->row_count);
    w.row_inverse = load(run->row_inverse);
    w.column_count = load(run->column_count);
    w.column_inverse = load(run->column_inverse);
    if (how.fixed)
        for (int i = 0; i < 4; i++) {
            w.luma[i] = load(run->luma_line + (run->position - 4 + (uint32_t)i) * LANES);
            w.mean[i] = load(run->mean_line + (run->position - 4 + (uint32_t)i) * LANES);
        }
    const uint8_t *pixels = run->pixels;
    uint32_t position = run->position;
    for (uint32_t t = run->first; t < run->last; t += PDQ_STEPS) {
        if (!how.fixed) {
            if (position + PDQ_STEPS > run->wr + PDQ_BUFFER) {
                move_line(run->luma_line, position, run->wr);
                move_line(run->mean_line, position, run->wr);
                position = run->wr;
            }
            w.luma_new = run->luma_line + (size_t)position * LANES;
            w.mean_new = run->mean_line + (size_t)position * LANES;
            w.luma_old = w.luma_new - (size_t)run->wr * LANES;
            w.mean_old = w.mean_new - (size_t)run->wr * LANES;
            position += PDQ_STEPS;
        }
        step(&w, run, 0, pixels, t, how);
        step(&w, run, 1, pixels, t, how);
        step(&w, run, 2, pixels, t, how);
        step(&w, run, 3, pixels, t, how);
        step(&w, run, 4, pixels, t, how);
        step(&w, run, 5, pixels, t, how);
        step(&w, run, 6, pixels, t, how);
        step(&w, run, 7, pixels, t, how);
        step(&w, run, 8, pixels, t, how);
        step(&w, run, 9, pixels, t, how);
        step(&w, run, 10, pixels, t, how);
        step(&w, run, 11, pixels, t, how);
        step(&w, run, 12, pixels, t, how);
        step(&w, run, 13, pixels, t, how);
        step(&w, run, 14, pixels, t, how);
        step(&w, run, 15, pixels, t, how);
        pixels += PDQ_STEPS * how.channels;
        if (how.fixed) {
            w.luma[0] = w.luma[PDQ_STEPS], w.luma[1] = w.luma[PDQ_STEPS + 1];
            w.luma[2] = w.luma[PDQ_STEPS + 2], w.luma[3] = w.luma[PDQ_STEPS + 3];
            w.mean[0] = w.mean[PDQ_STEPS], w.mean[1] = w.mean[PDQ_STEPS + 1];
            w.mean[2] = w.mean[PDQ_STEPS + 2], w.mean[3] = w.mean[PDQ_STEPS + 3];
        }
    }
    if (how.fixed) {
        for (int i = 0; i < 4; i++) {
            store(run->luma_line + i * LANES, w.luma[i]);
            store(run->mean_line + i * LANES, w.mean[i]);
        }
        position = 4;
    }
    run->position = position;
    store(run->row_sum, w.s);
    store(run->second_sum, w.z);
    store(run->column_sum[0], w.up0);
    store(run->column_sum[1], w.up1);
}

#define VARIANT(name, channels, row, column, fixed)                                                \
    static __attribute__((noinline)) void name(pdq_run *run)                                       \
    {                                                                                              \
        run_as(run, (variant){channels, row, column, fixed});                                      \
    }
VARIANT(grey_edge, 1, PDQ_DIVIDE_STEP, PDQ_DIVIDE_CONST, false)
VARIANT(grey_none, 1, PDQ_DIVIDE_NONE, PDQ_DIVIDE_NONE, false)
VARIANT(grey_column, 1, PDQ_DIVIDE_NONE, PDQ_DIVIDE_CONST, false)
VARIANT(grey_both, 1, PDQ_DIVIDE_CONST, PDQ_DIVIDE_CONST, false)
VARIANT(grey_four, 1, PDQ_DIVIDE_NONE, PDQ_DIVIDE_NONE, true)
VARIANT(rgb_edge, 3, PDQ_DIVIDE_STEP, PDQ_DIVIDE_CONST, false)
VARIANT(rgb_none, 3, PDQ_DIVIDE_NONE, PDQ_DIVIDE_NONE, false)
VARIANT(rgb_column, 3, PDQ_DIVIDE_NONE, PDQ_DIVIDE_CONST, false)
VARIANT(rgb_both, 3, PDQ_DIVIDE_CONST, PDQ_DIVIDE_CONST, false)
VARIANT(rgb_four, 3, PDQ_DIVIDE_NONE, PDQ_DIVIDE_NONE, true)
#undef VARIANT

/* Dividing by 1 is exact, so a variant that divides more than is asked for is right too. */
static void run_wave(pdq_run *run)
{
    static void (*const table[2][5])(pdq_run *) = {
        {grey_edge, grey_none, grey_column, grey_both, grey_four},
        {rgb_edge, rgb_none, rgb_column, rgb_both, rgb_four},
    };
    const int which = run->divide_row == PDQ_DIVIDE_STEP      ? 0
                      : run->divide_row == PDQ_DIVIDE_CONST   ? 3
                      : run->divide_column != PDQ_DIVIDE_NONE ? 2
                      : run->wr == 4                          ? 4
                                                              : 1;
    table[run->channels == 3][which](run);
}
