/* The arithmetic of the helix (helix.h), for any vector of floats. Included once by each ISA's file,
 * after its ops_*.h (VF, VI of LANES lanes, load, store, add, sub, mul, masked, divide, group_of, product,
 * grey, colours: see wave_template.h), and which defines besides:
 *
 *   TOGETHER           steps whose boxes go before their luma: 2, 4, or 1 where registers hold both
 *   KEEPS_MEANS        1 where registers also hold the column box's outputs of the last four steps
 *   STAGGERED          1: the three boxes of a step are spread over the two steps after it, too, where a
 *                      processor cannot look ahead far enough to have several steps under way
 *   two_groups_of(r, q, turn, at, d)  where TOGETHER is 1: as group_of, of 32 bytes and eight vectors
 *
 *   enter(a, p)        lanes 1 .. of a, then *p
 *   first(v, p)        puts lane 0 of v at *p
 *   lowest(v, p)       puts the first LAST lanes of v[0], then v[1], ... at p[0 ..]
 *   keep(p, z, n)      puts lanes LAST - 1 - n, 2 LAST - 1 - n, ... of z at theirs of p; n is 0, then 1,
 *                      ...: what the other lanes become at n = 0 does not matter
 *   edge               lanes inside the image: edge_of(p) is those where the integers p[0 ..] are all
 *                      ones, not 0
 *   only(p, e)         load, and zeros outside
 *   join(v, a, e)      a, and v added to it inside: helix_edges.h has these where masks are vectors
 */

#include "pdq/unroll.h"

#include <string.h>

/* Part i of the rows are rows i, i + PARTS, ...: the last of them in its first lane. */
enum {
    PARTS = PDQ_HELIX_ROWS / LANES,
    LAST = PDQ_HELIX_WINDOW / PARTS /* lanes that are of the block's last four rows */
};

/* 16 lanes. */
typedef struct sixteen {
    VF part[PARTS];
} sixteen;

#define INLINE    static inline __attribute__((always_inline))
#define EACH_PART for (int i = 0; i < PARTS; i++)
/* The same for much code, which compilers would leave a loop, and its registers in memory. */
#define WITH_EACH_PART(call)                                                                       \
    do {                                                                                           \
        call(0);                                                                                   \
        if (PARTS > 1)                                                                             \
            call(PARTS > 1 ? 1 : 0);                                                               \
        if (PARTS > 2) {                                                                           \
            call(PARTS > 2 ? 2 : 0);                                                               \
            call(PARTS > 2 ? 3 : 0);                                                               \
        }                                                                                          \
    } while (0)

INLINE sixteen get(const float *p)
{
    sixteen v;
    EACH_PART v.part[i] = load(p + i * LANES);
    return v;
}

INLINE void put(float *p, sixteen v)
{
    EACH_PART store(p + i * LANES, v.part[i]);
}

INLINE sixteen plus(sixteen a, sixteen b)
{
    EACH_PART a.part[i] = add(a.part[i], b.part[i]);
    return a;
}

INLINE sixteen minus(sixteen a, sixteen b)
{
    EACH_PART a.part[i] = sub(a.part[i], b.part[i]);
    return a;
}

/* Pointers are loaded again where they are wanted rather than kept. */
INLINE void forget(pdq_rows *from, bool lanes)
{
    if (!lanes)
        return;
    __asm__("" : "+r"(from->lanes)::"memory");
    if (!from->lanes)
        __builtin_unreachable();
}

/* 16 bytes of each row of part i from byte `at` on, as four times 4 bytes of all. */
INLINE void fetch(const pdq_rows *from, int i, int at, VI *d)
{
    group_of(from, PDQ_HELIX_ROWS - PARTS + i, -PARTS, at, d);
}

/* The first 32 bytes of RGB, in as few steps as there are. */
INLINE void fetch_first(const pdq_rows *from, int i, int k, VI *d)
{
#if TOGETHER == 1
    if (k == 0)
        two_groups_of(from, PDQ_HELIX_ROWS - PARTS + i, -PARTS, 0, d);
#else
    if (k == 0)
        fetch(from, i, 0, d);
    if (k == 5)
        fetch(from, i, 16, d + 4);
#endif
}

INLINE VF luma_of(const VI *d, int k, int channels, const colours *c)
{
    const int at = 3 * k;
    if (channels == 1)
        return grey(d[k / 4], k % 4, c);
    return add(add(product(d[at / 4], at % 4, 0, c), product(d[(at + 1) / 4], (at + 1) % 4, 1, c)),
               product(d[(at + 2) / 4], (at + 2) % 4, 2, c));
}

/* What a variant of the loop knows when it is compiled. */
typedef struct variant {
    int channels;
    bool seam, column, dark, eighths;
} variant;

/* Registers of the loop, and pointers at the vectors of the current 16 steps: copied out of pdq_helix,
 * since the compiler must take it that a store of a vector changes anything in memory. */
typedef struct helix {
    sixteen s, z, up0, up1;         /* row sum, second row sum, column sums of two steps */
    sixteen mean[PDQ_HELIX_WINDOW]; /* where KEEPS_MEANS */
    sixteen v;                      /* the first row box's newest outputs */
    edge edge_before[PARTS];        /* of the step before */
    VI d[PARTS][12];
    colours k;
    pdq_rows from;
    float *luma, *other; /* of this group; of the one before, and then of the next */
    float *above, *means, *bottom, *carry, *out_z;
    const pdq_helix_edge *edge;
    const pdq_helix_divisors *divisors;
} helix;

/* The first row box of step k, for part i; lanes inside the image at the step before, and now. */
INLINE void row_box(helix *w, const int i, const int k, const edge before, const edge now,
                    const variant how)
{
    enum { L = PDQ_HELIX_ROWS, FOUR = PDQ_HELIX_WINDOW };
    const int lane = i * LANES;
    if (!how.dark) {
        const VF luma = how.seam ? only(w->luma + k * L + lane, now) : load(w->luma + k * L + lane);
        if (how.seam)
            store(w->luma + k * L + lane, luma);
        const float *gone =
            k < FOUR ? w->other + (k + PDQ_HELIX_STEPS - FOUR) * L : w->luma + (k - FOUR) * L;
        /* A row begins with nothing, not with what rounding left of the one before. */
        const VF s = w->s.part[i];
        w->s.part[i] = sub(how.seam ? join(s, luma, before) : add(s, luma), load(gone + lane));
    }
    VF v = w->s.part[i];
    /* The windows of 3 are those of columns 2 and `width`: at 512, no row is there at odd steps. */
    if (how.seam && how.eighths && k % 2 == 1)
        v = mul(v, load(w->edge[k].inverse + lane));
    else if (how.seam)
        v = divide(v, load(w->edge[k].inverse + lane), load(w->edge[k].rest + lane));
    w->v.part[i] = v;
}

/* The column box of step k, for part i, which has the column sums `above`. */
INLINE void column_box(helix *w, const int i, const int k, const VF above)
{
    enum { FOUR = PDQ_HELIX_WINDOW, DOWN = PDQ_HELIX_LAG * (PDQ_HELIX_ROWS - FOUR) };
    const VF v = w->v.part[i];
    /* The row that leaves the window is LAST lanes on, 8 steps ago; stored there and read again LAST
     * floats on, with the last rows of the block before behind it, which stand at the step 24 further. */
    float *slot = w->above + k % 8 * PDQ_HELIX_SLOT + i * 2 * LANES;
    const float *bottom = w->bottom + (k + 8 + DOWN) * FOUR + i * LAST;
    const VF sum = sub(add(above, v), load(slot + LAST));
    store(slot, v);
    memcpy(slot + LANES, bottom, LAST * sizeof *slot);
    w->up0.part[i] = w->up1.part[i];
    w->up1.part[i] = sum;
    if (i == PARTS - 1)
        first(sum, w->carry + k - PDQ_HELIX_SKEW);
}

/* The second row box of step k, for part i, after its column box. */
INLINE void second_row_box(helix *w, const int i, const int k, const edge before, const variant how)
{
    enum { L = PDQ_HELIX_ROWS };
    const int lane = i * LANES;
    VF mean = w->up1.part[i];
    if (how.column)
        mean = divide(mean, load(w->divisors->inverse + lane), load(w->divisors->rest + lane));
    float *stored = w->means + k % PDQ_HELIX_WINDOW * L + lane;
    VF *kept = &w->mean[k % PDQ_HELIX_WINDOW].part[i];
    const VF z = w->z.part[i], gone = KEEPS_MEANS ? *kept : load(stored);
    w->z.part[i] = sub(how.seam ? join(z, mean, before) : add(z, mean), gone);
    if (KEEPS_MEANS)
        *kept = mean;
    else
        store(stored, mean);
    if (!how.eighths) {
        store(w->out_z + k * L + lane, w->z.part[i]);
        return;
    }
    /* At step u rows u / 2, u / 2 + 4, ... (modulo 4) stand at samples. */
    const int n = k % 8 / 2;
    if (k % 2 == 0 && n % PARTS == i)
        keep(w->out_z + k / 8 * L + lane, w->z.part[i], n / PARTS);
}

/* Each row takes the sum of the row above it: lane by lane of the part before, or the next lane of the last
 * part. */
INLINE VF above_of(const helix *w, const sixteen *up, const int i, const int k)
{
    return i ? up->part[i ? i - 1 : 0] : enter(up->part[PARTS - 1], w->carry + k);
}

INLINE edge edge_at(const helix *w, const int i, const int k, const variant how)
{
    return edge_of(w->edge[how.seam ? k : 0].mask + i * LANES);
}

INLINE void row_boxes(helix *w, const int k, const variant how)
{
#define ROW(i) row_box(w, i, k, edge_at(w, i, k - 1, how), edge_at(w, i, k, how), how)
    WITH_EACH_PART(ROW);
#undef ROW
}

INLINE void column_boxes(helix *w, const int k)
{
    const sixteen up = w->up0;
#define COLUMN(i) column_box(w, i, k, above_of(w, &up, i, k))
    WITH_EACH_PART(COLUMN);
#undef COLUMN
    lowest(w->v.part, w->bottom + k * PDQ_HELIX_WINDOW);
}

INLINE void second_row_boxes(helix *w, const int k, const variant how)
{
#define SECOND(i) second_row_box(w, i, k, edge_at(w, i, k - 1, how), how)
    WITH_EACH_PART(SECOND);
#undef SECOND
}

/* All boxes of step k for part i. */
INLINE void boxes(helix *w, const int i, const int k, const VF above, const variant how)
{
    const edge before = w->edge_before[i];
    if (how.seam)
        w->edge_before[i] = edge_at(w, i, k, how);
    row_box(w, i, k, before, w->edge_before[i], how);
    column_box(w, i, k, above);
    second_row_box(w, i, k, before, how);
}

/* The boxes of step k, or, where they are staggered, the first of it and others of the two steps before;
 * with the last step of a group all are done. */
INLINE void boxes_of_step(helix *w, const int k, const variant how)
{
    if (!STAGGERED) {
        const sixteen up = w->up0;
#define BOXES(i) boxes(w, i, k, above_of(w, &up, i, k), how)
        WITH_EACH_PART(BOXES);
#undef BOXES
        lowest(w->v.part, w->bottom + k * PDQ_HELIX_WINDOW);
        return;
    }
    if (k > 1)
        second_row_boxes(w, k - 2, how);
    if (k > 0)
        column_boxes(w, k - 1);
    row_boxes(w, k, how);
    if (k < PDQ_HELIX_STEPS - 1)
        return;
    second_row_boxes(w, k - 1, how);
    column_boxes(w, k);
    second_row_boxes(w, k, how);
}

/* Luma of step k of the next group, for part i. */
INLINE void luma(helix *w, const int i, const int k, const variant how)
{
    VI *d = w->d[i];
    /* 16 pixels are 16 bytes, or 48: these are read when the first of them is due. */
    const bool rgb = how.channels == 3;
    if (k == 0 || k == 10)
        forget(&w->from, how.seam);
    if (rgb)
        fetch_first(&w->from, i, k, d);
    else if (k == 0)
        fetch(&w->from, i, 0, d);
    if (k == 10 && rgb)
        fetch(&w->from, i, 32, d + 8);
    /* After the boxes have read the group before for the last time: step k + 12 of it. */
    store(w->other + k * PDQ_HELIX_ROWS + i * LANES, luma_of(d, k, how.channels, &w->k));
}

/* The boxes of step k of this group, and luma of step k of the next one. Where registers are few, these
 * take turns, and so do the parts: constants would be loaded again and again beside the sums, and loads
 * are what both have most of. */
INLINE void step(helix *w, const int k, const variant how)
{
    boxes_of_step(w, k, how);
    const int together = how.channels == 3 ? TOGETHER : 1;
    if (how.dark || k % together != together - 1)
        return;
#ifdef PDQ_LOOPED
#define LUMA(i)                                                                                    \
    for (int n = together - 1; n >= 0; n--)                                                        \
    luma(w, i, k - n, how)
#else
#define LUMA(i)                                                                                    \
    do {                                                                                           \
        if (together == 4) {                                                                       \
            luma(w, i, k - 3, how);                                                                \
            luma(w, i, k - 2, how);                                                                \
        }                                                                                          \
        if (together >= 2)                                                                         \
            luma(w, i, k - 1, how);                                                                \
        luma(w, i, k, how);                                                                        \
    } while (0)
#endif
    WITH_EACH_PART(LUMA);
#undef LUMA
}

/* Takes the samples of a group of steps from z; those of the seam are of two blocks. */
INLINE void take_samples(pdq_helix *h, uint32_t group, bool seam)
{
    const float *z = h->z[0];
    const uint32_t block = h->row / PDQ_HELIX_ROWS, of = seam ? 2 : 1;
    for (uint32_t blocks = 0; blocks < of; blocks++, group += h->period / PDQ_HELIX_STEPS) {
        float *out = h->laid[(block - blocks) % 2][0];
        const uint32_t *take = h->take + h->take_from[group];
        const uint32_t *end = h->take + h->take_from[group + 1];
        for (; take < end; take += PDQ_HELIX_TAKEN)
            for (int n = 0; n < PDQ_HELIX_TAKEN; n++)
                out[take[n] >> 16] = z[take[n] & 0xffff];
    }
}

INLINE void copy(float *to, const float *from, int vectors)
{
    for (int i = 0; i < vectors; i++)
        put(to + i * PDQ_HELIX_ROWS, get(from + i * PDQ_HELIX_ROWS));
}

/* What the end of the block asks for: what the seam wrote, behind what the block writes. */
INLINE void copy_seam(pdq_helix *h)
{
    enum { FIRST = 32 - PDQ_HELIX_SKEW }; /* 30 sums: two vectors of 16 that overlap */
    copy(h->bottom[h->period], h->bottom[0], PDQ_HELIX_COPIED * PDQ_HELIX_WINDOW / PDQ_HELIX_ROWS);
    copy(h->carry + h->period + FIRST, h->carry + FIRST, 1);
    copy(h->carry + h->period + 16, h->carry + 16, 1);
}

INLINE void run_as(pdq_helix *h, const pdq_helix_run *run, const variant how)
{
    enum { L = PDQ_HELIX_ROWS };
    helix w;
    for (int i = 0; i < PARTS; i++)
        w.v.part[i] = splat(0.0f); /* no step has any yet */
    w.k = colours_of();
    w.s = get(h->row_sum);
    w.z = get(h->second_sum);
    w.up0 = get(h->column_sum[0]);
    w.up1 = get(h->column_sum[1]);
    for (int n = 0; n < PDQ_HELIX_WINDOW && KEEPS_MEANS; n++)
        w.mean[n] = get(h->means[n]);
    if (how.seam)
        EACH_PART w.edge_before[i] = edge_of(h->edges[0].mask + i * LANES);
    w.from = (pdq_rows){NULL, run->pixels, run->pitch};
    w.luma = h->luma[h->group][0];
    w.other = h->luma[!h->group][0];
    w.above = h->above[0];
    w.means = h->means[0];
    w.bottom = h->bottom[run->first];
    w.carry = h->carry + 32 + run->first;
    w.edge = h->edges + 1;
    w.divisors = run->divisors;
    /* The seam's z is also the end of the block before. */
    w.out_z = how.eighths ? h->z[(how.seam ? h->period : run->first) / 8] : h->z[0];
    for (uint32_t t = run->first; t < run->last; t += PDQ_HELIX_STEPS) {
        if (how.seam)
            w.from.lanes = run->lanes[t / PDQ_HELIX_STEPS];
        if (how.seam && how.column)
            w.divisors = t < run->turn ? run->before : run->divisors;
#define STEP(k) step(&w, k, how)
        PDQ_SIXTEEN(STEP)
#undef STEP
        float *next = w.other;
        w.other = w.luma;
        w.luma = next;
        if (!how.seam && !how.dark)
            w.from.first += PDQ_HELIX_STEPS * how.channels;
        w.bottom += PDQ_HELIX_STEPS * PDQ_HELIX_WINDOW;
        w.carry += PDQ_HELIX_STEPS;
        w.edge += how.seam ? PDQ_HELIX_STEPS : 0;
        if (how.eighths)
            w.out_z += PDQ_HELIX_STEPS / 8 * L;
        else
            take_samples(h, t / PDQ_HELIX_STEPS, how.seam);
    }
    if (how.seam)
        copy_seam(h);
    h->group = (h->group + (run->last - run->first) / PDQ_HELIX_STEPS) % 2;
    for (int n = 0; n < PDQ_HELIX_WINDOW && KEEPS_MEANS; n++)
        put(h->means[n], w.mean[n]);
    put(h->row_sum, w.s);
    put(h->second_sum, w.z);
    put(h->column_sum[0], w.up0);
    put(h->column_sum[1], w.up1);
}

#define VARIANT(name, channels, seam, column, dark, eighths)                                       \
    static __attribute__((noinline)) void name(pdq_helix *h, const pdq_helix_run *run)             \
    {                                                                                              \
        run_as(h, run, (variant){channels, seam, column, dark, eighths});                          \
    }
#define VARIANTS(name, channels, eighths)                                                          \
    VARIANT(name, channels, false, false, false, eighths)                                          \
    VARIANT(name##_column, channels, false, true, false, eighths)                                  \
    VARIANT(name##_seam, channels, true, false, false, eighths)                                    \
    VARIANT(name##_seam_column, channels, true, true, false, eighths)
VARIANTS(grey_any, 1, false)
VARIANTS(rgb_any, 3, false)
VARIANTS(grey_eighths, 1, true)
VARIANTS(rgb_eighths, 3, true)
VARIANT(dark_any, 1, false, true, true, false)
VARIANT(dark_eighths, 1, false, true, true, true)
#undef VARIANT
#undef VARIANTS

static void run_helix(pdq_helix *h, const pdq_helix_run *run)
{
    static void (*const table[2][2][4])(pdq_helix *, const pdq_helix_run *) = {
        {{grey_any, grey_any_column, grey_any_seam, grey_any_seam_column},
         {rgb_any, rgb_any_column, rgb_any_seam, rgb_any_seam_column}},
        {{grey_eighths, grey_eighths_column, grey_eighths_seam, grey_eighths_seam_column},
         {rgb_eighths, rgb_eighths_column, rgb_eighths_seam, rgb_eighths_seam_column}},
    };
    if (run->dark)
        (h->eighths ? dark_eighths : dark_any)(h, run);
    else
        table[h->eighths][h->channels == 3][2 * run->seam + run->column](h, run);
}
