/* The arithmetic of the wave (wave.h), for any vector of floats. Included once by each ISA's file,
 * which defines before:
 *
 *   VF, VI             vectors of LANES floats, and of as many 32-bit integers
 *   load, store, splat, add, sub, mul
 *   masked(v, p)       v where the integers p[0 ..] are all ones, 0 where they are 0
 *   divide(s, inverse, rest)  s / c, correctly rounded: see pdq_reciprocal; 0 where both are 0
 *   group_of(r, q, turn, at, d)  bytes at .. at + 15 of rows q, q + turn, ... to four vectors: d[i] has
 *                      the bytes 4i .. 4i + 3 of them
 *   colours            constants of the luma; colours_of() makes them
 *   product(d, at, c, k)  byte `at` of each 32-bit lane times the weight of colour c, rounded
 *   grey(d, at, k)     the same byte as a float
 *   leave(s, p)        puts the last lane of s at *p; gives s in a form for enter
 *   enter(s, p)        lanes of s one up, *p in lane 0
 *   KEEPS, keep(p, mask, z)  stores z, or, where KEEPS, only the lanes in *mask
 *   STAGGERED          1: what a step does is spread over the three steps after it, too. From pixel to z
 *                      it is some fifteen operations one after the other; where a processor cannot look
 *                      ahead far enough to have several steps under way, it would wait for most of them.
 *   window(w), window_of(shift, &a, &b), leaving(a, b, w)  lanes of a up by shift, filled up with the last
 *                      lanes of b; window_of may move the pointers to where leaving wants them
 */

#include "pdq/unroll.h"

/* What a variant of the loop knows when it is compiled. */
typedef struct variant {
    int channels;
    pdq_divide row, column;
} variant;

/* Registers of the loop; the arrays are indexed by constants only. Pointers are copied out of pdq_run
 * and stand at the vector of the current 16 steps: the compiler must take it that a store of a vector
 * changes anything in memory. */
typedef struct wave {
    VF s, z, up0, up1; /* row sum, second row sum, column sums of two steps */
    VF luma, v, mean;  /* of the newest step that has them */
    VI d[12];
    window lag;
    colours k;
    VF row_rest, row_inverse, column_rest, column_inverse;
    const uint8_t *pixels;
    ptrdiff_t pitch;
    const float *edge_rest, *edge_inverse;
    const uint32_t *edge_mask;
    float *out_v, *carry, *out_z;
    const float *v_same, *v_before;
    const uint16_t *keep;
    /* Where KEEPS: from one step's z to the next, within four, within 16, after. */
    size_t z_step, z_four, z_all;
    const float *luma_old, *mean_old;
    float *luma_new, *mean_new;
} wave;

/* 16 bytes of each lane's row. */
static inline __attribute__((always_inline)) void fetch(const uint8_t *pixels, ptrdiff_t pitch,
                                                        VI d[4])
{
    const pdq_rows rows = {NULL, pixels, pitch};
    group_of(&rows, 0, 1, 0, d);
}

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

/* The parts of a step. k is counted from the group of steps that the pointers stand at, and negative where
 * a step of the group before is finished. */
static inline __attribute__((always_inline)) void pixels(wave *w, const int k, const variant how)
{
    /* 16 pixels are one group of 16 bytes, or three: each is read when its first byte is due. */
    if (k == 0)
        fetch(w->pixels, w->pitch, w->d);
    if (how.channels == 3 && k == 5)
        fetch(w->pixels + 16, w->pitch, w->d + 4);
    if (how.channels == 3 && k == 10)
        fetch(w->pixels + 32, w->pitch, w->d + 8);

    w->luma = luma_at(w, k, how.channels);
    if (how.row == PDQ_DIVIDE_STEP)
        w->luma = masked(w->luma, w->edge_mask + k * LANES);
    store(w->luma_new + k * LANES, w->luma);
}

static inline __attribute__((always_inline)) void row_box(wave *w, const VF luma, const int k,
                                                          const variant how)
{
    w->s = sub(add(w->s, luma), load(w->luma_old + k * LANES));
    w->v = w->s;
    if (how.row == PDQ_DIVIDE_CONST)
        w->v = divide(w->v, w->row_inverse, w->row_rest);
    if (how.row == PDQ_DIVIDE_STEP)
        w->v = divide(w->v, load(w->edge_inverse + k * LANES), load(w->edge_rest + k * LANES));
}

static inline __attribute__((always_inline)) void column_box(wave *w, const int k,
                                                             const variant how)
{
    const VF above = enter(w->up0, w->carry + k);
    store(w->out_v + k * LANES, w->v);
    const VF left = leaving(w->v_same + k * LANES, w->v_before + k * LANES, &w->lag);
    const VF sum = sub(add(above, w->v), left);
    w->up0 = w->up1;
    w->up1 = leave(sum, w->carry + k - PDQ_LAG * (LANES - 1));
    w->mean = sum;
    if (how.column != PDQ_DIVIDE_NONE)
        w->mean = divide(w->mean, w->column_inverse, w->column_rest);
}

static inline __attribute__((always_inline)) void second_row_box(wave *w, const int k)
{
    const int in_group = (k + PDQ_STEPS) % PDQ_STEPS;
    store(w->mean_new + k * LANES, w->mean);
    w->z = sub(add(w->z, w->mean), load(w->mean_old + k * LANES));
    keep(w->out_z + (KEEPS ? 0 : k * LANES), w->keep + k, w->z);
    if (KEEPS)
        w->out_z += in_group == 15 ? w->z_all : in_group % 4 == 3 ? w->z_four : w->z_step;
}

/* `begun`: this is not the first group. */
static inline __attribute__((always_inline)) void step(wave *w, const int k, const bool begun,
                                                       const variant how)
{
    const VF luma_before = w->luma;
    pixels(w, k, how);
    if (STAGGERED) {
        if (begun || k >= 3)
            second_row_box(w, k - 3);
        if (begun || k >= 2)
            column_box(w, k - 2, how);
        if (begun || k >= 1)
            row_box(w, luma_before, k - 1, how);
        return;
    }
    row_box(w, w->luma, k, how);
    column_box(w, k, how);
    second_row_box(w, k);
}

/* What is left of the last three steps. */
static inline __attribute__((always_inline)) void end_steps(wave *w, const variant how)
{
    second_row_box(w, -3);
    column_box(w, -2, how);
    row_box(w, w->luma, -1, how);
    second_row_box(w, -2);
    column_box(w, -1, how);
    second_row_box(w, -1);
}

/* Of the means the newest PDQ_LATE are still to come. */
static inline __attribute__((always_inline)) void move_line(float *line, uint32_t position,
                                                            uint32_t kept)
{
    for (uint32_t i = 0; i < kept; i++)
        store(line + i * LANES, load(line + (size_t)(position - kept + i) * LANES));
}

static inline __attribute__((always_inline)) void aim_lines(wave *w, const pdq_run *run,
                                                            uint32_t position)
{
    w->luma_new = run->luma_line + (size_t)position * LANES;
    w->mean_new = run->mean_line + (size_t)position * LANES;
    w->luma_old = w->luma_new - (size_t)run->wr * LANES;
    w->mean_old = w->mean_new - (size_t)run->wr * LANES;
}

static inline __attribute__((always_inline)) void run_as(pdq_run *run, const variant how)
{
    wave w;
    w.k = colours_of();
    w.s = load(run->row_sum);
    w.z = load(run->second_sum);
    w.up0 = load(run->column_sum[0]);
    w.up1 = load(run->column_sum[1]);
    w.luma = w.v = w.mean = splat(0.0f); /* no step has any yet */
    w.row_rest = load(run->row_rest);
    w.row_inverse = load(run->row_inverse);
    w.column_rest = load(run->column_rest);
    w.column_inverse = load(run->column_inverse);
    w.pixels = run->pixels;
    w.pitch = run->pitch;
    w.edge_rest = run->row_rest;
    w.edge_inverse = run->row_inverse;
    w.edge_mask = run->row_mask;
    w.out_v = run->v + (size_t)run->first * LANES;
    w.v_same = run->v_same + (size_t)run->first * LANES;
    w.v_before = run->v_before + (size_t)run->first * LANES;
    w.lag = window_of(run->shift, &w.v_same, &w.v_before);
    w.carry = run->carry + run->first;
    w.keep = run->keep + run->first;
    w.out_z = run->z + (size_t)(run->first >> run->keep_shift) * LANES;
    w.z_step = run->keep_shift == 0 ? LANES : 0;
    w.z_four = run->keep_shift <= 2 ? LANES : 0;
    w.z_all = LANES;
    uint32_t position = run->position;
    const uint32_t kept = run->wr + PDQ_LATE;
    for (uint32_t t = run->first; t < run->last; t += PDQ_STEPS) {
        if (position + PDQ_STEPS > kept + PDQ_BUFFER) {
            move_line(run->luma_line, position, kept);
            move_line(run->mean_line, position, kept);
            position = kept;
        }
        aim_lines(&w, run, position);
        position += PDQ_STEPS;
        const bool begun = t != run->first;
#define STEP(k) step(&w, k, begun, how)
        PDQ_SIXTEEN(STEP)
#undef STEP
        w.pixels += PDQ_STEPS * how.channels;
        w.out_v += PDQ_STEPS * LANES;
        w.carry += PDQ_STEPS;
        w.keep += PDQ_STEPS;
        w.out_z += KEEPS ? 0 : PDQ_STEPS * LANES;
        if (how.row == PDQ_DIVIDE_STEP) {
            w.edge_rest += PDQ_STEPS * LANES;
            w.edge_inverse += PDQ_STEPS * LANES;
            w.edge_mask += PDQ_STEPS * LANES;
        }
        w.v_same += PDQ_STEPS * LANES;
        w.v_before += PDQ_STEPS * LANES;
    }
    if (STAGGERED) {
        aim_lines(&w, run, position);
        end_steps(&w, how);
    }
    run->position = position;
    store(run->row_sum, w.s);
    store(run->second_sum, w.z);
    store(run->column_sum[0], w.up0);
    store(run->column_sum[1], w.up1);
}

#define VARIANT(name, channels, row, column)                                                       \
    static __attribute__((noinline)) void name(pdq_run *run)                                       \
    {                                                                                              \
        run_as(run, (variant){channels, row, column});                                             \
    }
#define VARIANTS(name, channels)                                                                   \
    VARIANT(name, channels, PDQ_DIVIDE_NONE, PDQ_DIVIDE_NONE)                                      \
    VARIANT(name##_column, channels, PDQ_DIVIDE_NONE, PDQ_DIVIDE_CONST)                            \
    VARIANT(name##_both, channels, PDQ_DIVIDE_CONST, PDQ_DIVIDE_CONST)                             \
    VARIANT(name##_edge, channels, PDQ_DIVIDE_STEP, PDQ_DIVIDE_CONST)
VARIANTS(grey_any, 1)
VARIANTS(rgb_any, 3)
#undef VARIANTS
#undef VARIANT

/* Dividing by 1 is exact, so a variant that divides more than is asked for is right too. */
static void run_wave(pdq_run *run)
{
    enum { NONE, COLUMN, BOTH, EDGE };
    static void (*const table[2][4])(pdq_run *) = {
        {grey_any, grey_any_column, grey_any_both, grey_any_edge},
        {rgb_any, rgb_any_column, rgb_any_both, rgb_any_edge},
    };
    int which = run->divide_column != PDQ_DIVIDE_NONE ? COLUMN : NONE;
    if (run->divide_row == PDQ_DIVIDE_CONST)
        which = BOTH;
    if (run->divide_row == PDQ_DIVIDE_STEP)
        which = EDGE;
    table[run->channels == 3][which](run);
}
