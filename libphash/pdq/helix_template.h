/* The arithmetic of the helix (helix.h), for any vector of floats. Included once by each ISA's file,
 * after its ops_*.h (VF, VI of LANES lanes, load, store, add, sub, mul, masked, divide, group_of, product,
 * grey, colours: see wave_template.h), and which defines besides:
 *
 *   two_groups_of(r, q, turn, at, d)  as group_of, of 32 bytes and eight vectors
 *
 *   down(a, b)         lanes 1 .. of a, then lane 0 of b
 *   first(v, p)        puts lane 0 of v at *p
 *   lowest(v, p)       puts lanes 0 .. 3 of v at p[0 .. 3]
 *   pick(a, z, n)      a with lanes 3 - n, 7 - n, ... of z; n is 1 .. 3
 *   join(v, a, p)      a, and v added to it where the integers p[0 ..] are all ones, not 0
 */

#include "pdq/unroll.h"

#include <string.h>

enum { PARTS = PDQ_HELIX_ROWS / LANES };

/* 16 lanes. */
typedef struct sixteen {
    VF part[PARTS];
} sixteen;
typedef struct dwords {
    VI part[PARTS];
} dwords;

#define EACH_PART for (int i = 0; i < PARTS; i++)
#define INLINE    static inline __attribute__((always_inline))

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

INLINE sixteen inside(sixteen v, const uint32_t *mask)
{
    EACH_PART v.part[i] = masked(v.part[i], mask + i * LANES);
    return v;
}

/* a + v, but only a where v is of another row. */
INLINE sixteen joined(sixteen v, sixteen a, const uint32_t *mask)
{
    EACH_PART v.part[i] = join(v.part[i], a.part[i], mask + i * LANES);
    return v;
}

INLINE sixteen times(sixteen v, const float *p)
{
    EACH_PART v.part[i] = mul(v.part[i], load(p + i * LANES));
    return v;
}

INLINE sixteen over(sixteen v, const float *count, const float *inverse)
{
    EACH_PART v.part[i] = divide(v.part[i], load(count + i * LANES), load(inverse + i * LANES));
    return v;
}

/* Each lane takes the sum of the row above it, which is the next lane; the last one the carry. */
INLINE sixteen descend(sixteen v, const float *carry)
{
    sixteen out;
    EACH_PART out.part[i] = down(v.part[i], i + 1 < PARTS ? v.part[i + 1] : load(carry));
    return out;
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

/* 16 bytes of each row from byte `at` on, as four times 4 bytes of all rows. */
INLINE void fetch(const pdq_rows *from, int at, dwords d[4])
{
    EACH_PART
    {
        VI four[4];
        group_of(from, PDQ_HELIX_ROWS - 1 - i * LANES, -1, at, four);
        for (int j = 0; j < 4; j++)
            d[j].part[i] = four[j];
    }
}

/* 32 bytes. */
INLINE void fetch_two(const pdq_rows *from, int at, dwords d[8])
{
    EACH_PART
    {
        VI eight[8];
        two_groups_of(from, PDQ_HELIX_ROWS - 1 - i * LANES, -1, at, eight);
        for (int j = 0; j < 8; j++)
            d[j].part[i] = eight[j];
    }
}

INLINE sixteen luma_of(const dwords *d, int k, int channels, const colours *c)
{
    sixteen v;
    const int at = 3 * k;
    EACH_PART v.part[i] = channels == 1
                              ? grey(d[k / 4].part[i], k % 4, c)
                              : add(add(product(d[at / 4].part[i], at % 4, 0, c),
                                        product(d[(at + 1) / 4].part[i], (at + 1) % 4, 1, c)),
                                    product(d[(at + 2) / 4].part[i], (at + 2) % 4, 2, c));
    return v;
}

/* What a variant of the loop knows when it is compiled. */
typedef struct variant {
    int channels;
    bool seam, column, dark, eighths;
} variant;

/* Registers of the loop, and pointers at the vectors of the current 16 steps: copied out of pdq_helix,
 * since the compiler must take it that a store of a vector changes anything in memory. */
typedef struct helix {
    sixteen s, z, up0, up1; /* row sum, second row sum, column sums of two steps */
    sixteen picked;         /* of `eighths`: lanes of z at samples, of up to 8 steps */
    dwords d[12];
    colours k;
    pdq_rows from;
    float *luma, *other; /* of this group; of the one before, and then of the next */
    float *above, *means, *bottom, *carry, *out_z;
    const pdq_helix_edge *edge;
    const pdq_helix_divisors *divisors;
} helix;

INLINE void boxes(helix *w, const int k, const variant how)
{
    enum { L = PDQ_HELIX_ROWS, FOUR = PDQ_HELIX_WINDOW };
    if (!how.dark) {
        sixteen luma = get(w->luma + k * L);
        if (how.seam) {
            luma = inside(luma, w->edge[k].mask);
            put(w->luma + k * L, luma);
        }
        const sixteen gone =
            get(k < FOUR ? w->other + (k + PDQ_HELIX_STEPS - FOUR) * L : w->luma + (k - FOUR) * L);
        /* A row begins with nothing, not with what rounding left of the one before. */
        w->s = minus(how.seam ? joined(w->s, luma, w->edge[k - 1].mask) : plus(w->s, luma), gone);
    }
    sixteen v = w->s;
    /* The windows of 3 are those of columns 2 and `width`: at 512, no row is there at odd steps. */
    if (how.seam && how.eighths && k % 2 == 1)
        v = times(v, w->edge[k].inverse);
    else if (how.seam)
        v = over(v, w->edge[k].count, w->edge[k].inverse);

    const sixteen above = descend(w->up0, w->carry + k);
    /* The row that leaves the window is four lanes on, 8 steps ago; stored there and read again four
     * floats on, with the last rows of the block before behind it, which stand at the step 24 further. */
    float *slot = w->above + k % 8 * PDQ_HELIX_SLOT, *bottom = w->bottom + k * FOUR;
    const sixteen sum = minus(plus(above, v), get(slot + FOUR));
    put(slot, v);
    memcpy(slot + L, bottom + (8 + PDQ_HELIX_LAG * (L - FOUR)) * FOUR, FOUR * sizeof *slot);
    lowest(v.part[0], bottom);
    w->up0 = w->up1;
    w->up1 = sum;
    first(sum.part[0], w->carry + k - PDQ_HELIX_SKEW);

    sixteen mean = sum;
    if (how.column)
        mean = over(mean, w->divisors->count, w->divisors->inverse);
    float *gone = w->means + k % FOUR * L;
    w->z = minus(how.seam ? joined(w->z, mean, w->edge[k - 1].mask) : plus(w->z, mean), get(gone));
    put(gone, mean);
    if (how.eighths) {
        /* At step u rows u / 2, u / 2 + 4, ... (modulo 4) stand at samples. */
        if (k % 8 == 0)
            w->picked = w->z;
        else if (k % 2 == 0)
            EACH_PART w->picked.part[i] = pick(w->picked.part[i], w->z.part[i], k % 8 / 2);
        if (k % 8 == 6)
            put(w->out_z + k / 8 * L, w->picked);
    } else {
        put(w->out_z + k * L, w->z);
    }
}

/* The boxes of step k of this group, and luma of step k of the next one. */
INLINE void step(helix *w, const int k, const variant how)
{
    boxes(w, k, how);
    if (how.dark)
        return;
    /* 16 pixels are 16 bytes, or 48: these are read when the first of them is due. */
    if (k == 0 || k == 10)
        forget(&w->from, how.seam);
    if (k == 0 && how.channels == 1)
        fetch(&w->from, 0, w->d);
    if (k == 0 && how.channels == 3)
        fetch_two(&w->from, 0, w->d);
    if (k == 10 && how.channels == 3)
        fetch(&w->from, 32, w->d + 8);
    /* After the boxes have read the group before for the last time: step k + 12 of it. */
    put(w->other + k * PDQ_HELIX_ROWS, luma_of(w->d, k, how.channels, &w->k));
}

/* Takes the samples of a group of steps from z; those of the seam are of two blocks. */
INLINE void take_samples(pdq_helix *h, uint32_t group, bool seam)
{
    const float *z = h->z[0];
    const uint32_t block = h->row / PDQ_HELIX_ROWS, of = seam ? 2 : 1;
    for (uint32_t blocks = 0; blocks < of; blocks++, group += h->period / PDQ_HELIX_STEPS) {
        float *out = h->laid[(block - blocks) % 2][0];
        for (uint32_t n = h->take_from[group]; n < h->take_from[group + 1]; n++)
            out[h->take[n].sample] = z[h->take[n].lane];
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
    w.k = colours_of();
    w.s = get(h->row_sum);
    w.z = get(h->second_sum);
    w.up0 = get(h->column_sum[0]);
    w.up1 = get(h->column_sum[1]);
    w.picked = w.z;
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

/* Where samples stand 8 columns apart, row q's sample i is in vector i + (lead + 8 + 2q) / 8 of z: four
 * rows of as many samples as there are lanes are one transposition, as four groups of pixels are. */
INLINE void lay(pdq_helix *h, float rows[][PDQ_SIDE])
{
    enum { L = PDQ_HELIX_ROWS };
    for (int q = 0; q < L; q += 4)
        for (int i = 0; i < PDQ_SIDE; i += LANES) {
            const float *z = h->z[h->lead / 8 + 1 + (uint32_t)(i + q / 4)] + (L - 4 - q);
            const pdq_rows samples = {NULL, (const uint8_t *)z, L * sizeof *z};
            VI d[4];
            group_of(&samples, 0, 1, 0, d);
            for (int j = 0; j < 4; j++)
                store_dwords(&rows[q + 3 - j][i], d[j]);
        }
}

/* The second column box, over the samples of rows h->row - 16 and on. */
INLINE void add_rows(pdq_helix *h, float rows[][PDQ_SIDE])
{
    enum { PIECES = PDQ_SIDE / PDQ_HELIX_ROWS, L = PDQ_HELIX_ROWS };
    const VF scale = splat(0x1p-8f); /* the four divisions by 4 */
    sixteen sum[PIECES];
    for (int i = 0; i < PIECES; i++)
        sum[i] = get(h->sum + i * L);
    for (uint32_t q = 0; q < L; q++) {
        const float *in = rows[q];
        const float *gone = q < PDQ_HELIX_WINDOW ? h->last[q] : rows[q - PDQ_HELIX_WINDOW];
        for (int i = 0; i < PIECES; i++)
            sum[i] = minus(plus(sum[i], get(in + i * L)), get(gone + i * L));
        if (h->sample_row[h->next_sample] != h->row - L + q)
            continue;
        float *out = h->out + (size_t)h->next_sample++ * PDQ_SIDE;
        for (int i = 0; i < PIECES; i++)
            for (int p = 0; p < PARTS; p++)
                store(out + i * L + p * LANES, mul(sum[i].part[p], scale));
    }
    for (int i = 0; i < PIECES; i++)
        put(h->sum + i * L, sum[i]);
    copy(h->last[0], rows[L - PDQ_HELIX_WINDOW], PDQ_HELIX_WINDOW * PDQ_SIDE / L);
}

/* After a seam. */
static void second_helix(pdq_helix *h)
{
    float(*const rows)[PDQ_SIDE] = h->laid[(h->row / PDQ_HELIX_ROWS + 1) % 2];
    if (h->row && h->eighths)
        lay(h, rows);
    if (h->row)
        add_rows(h, rows);
    /* The seam wrote behind the end of the block before; it is the beginning of this one, too. */
    if (h->eighths)
        copy(h->z[0], h->z[h->period / 8], (int)(h->seam / 8));
}
