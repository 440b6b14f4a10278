/* The filter of grey images (grey.h) for AVX-512: a vector is 16 samples or rows. */
#include "pdq/ops_avx512.h"

enum { ROWS = PDQ_GREY_ROWS, ABOVE = PDQ_GREY_ABOVE, GROUPS = PDQ_SIDE / 16 };

static inline VI load_dwords(const void *p)
{
    return _mm512_loadu_si512(p);
}
static inline VI zeros(void)
{
    return _mm512_setzero_si512();
}
static inline VI add_dwords(VI a, VI b)
{
    return _mm512_add_epi32(a, b);
}
static inline VF to_float(VI v)
{
    return _mm512_cvtepi32_ps(v);
}
static inline uint32_t unequal(VF a, VF b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_OQ);
}

static inline VF third(VF s)
{
    float inverse, rest;
    pdq_reciprocal(3.0f, &inverse, &rest);
    return divide(s, splat(inverse), splat(rest));
}

/* ---- near the edges ---- */

static inline VI lanes(const __m128i x[4])
{
    VI v = _mm512_zextsi128_si512(x[0]);
    v = _mm512_inserti32x4(v, x[1], 1);
    v = _mm512_inserti32x4(v, x[2], 2);
    return _mm512_inserti32x4(v, x[3], 3);
}

static inline VI shuffle(VI v, __m128i s)
{
    return _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(s));
}

static inline VI fours(VI v)
{
    return _mm512_dpbusd_epi32(_mm512_setzero_si512(), v, _mm512_set1_epi8(1));
}

static inline void transpose(const VI v[4], VI out[4])
{
    turn_dwords(v, out);
}

#define shifted(now, above, n) _mm512_alignr_epi32(now, above, 16 - (n))

static inline void load_pairs(const float *p, VF *even, VF *odd)
{
    const VI at = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const VF low = _mm512_loadu_ps(p), high = _mm512_loadu_ps(p + 16);
    *even = _mm512_permutex2var_ps(low, at, high);
    *odd = _mm512_permutex2var_ps(low, _mm512_add_epi32(at, _mm512_set1_epi32(1)), high);
}

static inline void store_pairs(float *p, VF even, VF odd)
{
    const VI low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const VI high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
    _mm512_storeu_ps(p, _mm512_permutex2var_ps(even, low, odd));
    _mm512_storeu_ps(p + 16, _mm512_permutex2var_ps(even, high, odd));
}

static inline VI edge_fours(VI v, const uint8_t *p, uint32_t have)
{
    const VI step = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const VI at = _mm512_add_epi32(_mm512_mullo_epi32(step, _mm512_set1_epi32(0x01010101)),
                                   _mm512_set1_epi32(0x03020100));
    const __mmask32 mask = have < 32 ? (__mmask32)((1u << have) - 1) : ~0u;
    const VI pixels = _mm512_castsi256_si512(_mm256_maskz_loadu_epi8(mask, p));
    return _mm512_dpbusd_epi32(v, _mm512_permutexvar_epi8(at, pixels), _mm512_set1_epi8(1));
}

/* ---- residues ---- */

/* 16 samples stand in a vector as tent() leaves them: two of the lower eight, two of the upper, and so
 * on. Only what goes in or out is in order. */
static inline VF from_order(VF v)
{
    return _mm512_permutexvar_ps(
        _mm512_setr_epi32(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15), v);
}

static inline VF to_order(VF v)
{
    return _mm512_permutexvar_ps(
        _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15), v);
}

static inline uint64_t columns_of_word(const uint8_t *const rows[4], uint32_t width, uint32_t x,
                                       uint8_t least)
{
    const __mmask64 have = width - x < 64 ? (UINT64_C(1) << (width - x)) - 1 : ~(__mmask64)0;
    const VI a = _mm512_maskz_loadu_epi8(have, rows[0] + x);
    const VI b = _mm512_maskz_loadu_epi8(have, rows[1] + x);
    const VI c = _mm512_maskz_loadu_epi8(have, rows[2] + x);
    const VI d = _mm512_maskz_loadu_epi8(have, rows[3] + x);
    const VI mean = _mm512_avg_epu8(_mm512_avg_epu8(a, b), _mm512_avg_epu8(c, d));
    return _mm512_cmpge_epu8_mask(mean, _mm512_set1_epi8((char)least));
}

enum { SUMS = 25 }; /* from 32 columns */

static inline VI sums_at(const uint8_t *const rows[4], uint32_t width, uint32_t x)
{
    const uint32_t from = x - 3;
    const __mmask32 have = width - from < 32 ? (__mmask32)((1u << (width - from)) - 1) : ~0u;
    VI v = _mm512_setzero_si512();
    for (int i = 0; i < 4; i++)
        v = _mm512_add_epi16(v,
                             _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(have, rows[i] + from)));
    const VI next =
        _mm512_setr_epi32(0x00020001, 0x00040003, 0x00060005, 0x00080007, 0x000a0009, 0x000c000b,
                          0x000e000d, 0x0010000f, 0x00120011, 0x00140013, 0x00160015, 0x00180017,
                          0x001a0019, 0x001c001b, 0x001e001d, 0x0000001f);
    const VI v2 = _mm512_add_epi16(v, _mm512_permutexvar_epi16(next, v));
    const VI v4 = _mm512_add_epi16(v2, _mm512_alignr_epi32(v2, v2, 1));
    const VI v5 = _mm512_add_epi16(v4, _mm512_permutexvar_epi16(next, v4));
    return _mm512_add_epi16(_mm512_add_epi16(v5, _mm512_alignr_epi32(v5, v5, 1)),
                            _mm512_alignr_epi32(v4, v4, 2));
}

static inline uint32_t sums_from(VI sums, int least)
{
    return _mm512_cmpge_epu16_mask(sums, _mm512_set1_epi16((short)least));
}

static inline int sum_of(VI sums, int i)
{
    const VI at = _mm512_permutexvar_epi16(_mm512_set1_epi16((short)i), sums);
    return _mm_cvtsi128_si32(_mm512_castsi512_si128(at)) & 0xffff;
}

static inline VF from_sample(VF v, int j, VF r)
{
    const VI number = _mm512_setr_epi32(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    return _mm512_mask_mov_ps(v, _mm512_cmpge_epi32_mask(number, _mm512_set1_epi32(j)), r);
}

#include "pdq/grey_template.h"

/* ---- samples ---- */

/* 16 samples' tents of one row. The lower eight lie in the 64 columns at p, the others at q; `pick`
 * lays out eight columns for each. Where the samples are eight columns apart they lie so (pick_p and
 * pick_q are false). Half a tent is under 2^12. */
static inline __attribute__((always_inline)) VI
tent(const uint8_t *p, const uint8_t *q, const VI pick[2], const bool pick_p, const bool pick_q)
{
    const VI weights = _mm512_set1_epi64(0x0001020304030201), zero = _mm512_setzero_si512();
    const VI a = pick_p ? _mm512_permutexvar_epi8(pick[0], load_dwords(p)) : load_dwords(p);
    const VI b = pick_q ? _mm512_permutexvar_epi8(pick[1], load_dwords(q)) : load_dwords(q);
    const VI halves = _mm512_packs_epi32(_mm512_dpbusd_epi32(zero, a, weights),
                                         _mm512_dpbusd_epi32(zero, b, weights));
    return _mm512_madd_epi16(halves, _mm512_set1_epi16(1));
}

/* 16 samples: their tents of the last row, and of the last two pairs of rows; the rows that the
 * second column box holds, and its sums. */
typedef struct samples {
    VI pick[2], last, pair[2];
    VF z[PDQ_GREY_WINDOW], sum;
} samples;

static inline samples samples_load(const pdq_grey *g, int group)
{
    const int at = 16 * group;
    samples s = {.pick = {load_dwords(g->pick + 8 * at), load_dwords(g->pick + 8 * at + 64)},
                 .last = load_dwords(g->tent[0] + at),
                 .pair = {load_dwords(g->tent[1] + at), load_dwords(g->tent[2] + at)},
                 .sum = _mm512_loadu_ps(g->sum + at)};
    for (int i = 0; i < PDQ_GREY_WINDOW; i++)
        s.z[i] = _mm512_loadu_ps(g->z[i] + at);
    return s;
}

static inline void samples_store(pdq_grey *g, int group, const samples *s)
{
    const int at = 16 * group;
    _mm512_storeu_si512(g->tent[0] + at, s->last);
    _mm512_storeu_si512(g->tent[1] + at, s->pair[0]);
    _mm512_storeu_si512(g->tent[2] + at, s->pair[1]);
    _mm512_storeu_ps(g->sum + at, s->sum);
    for (int i = 0; i < PDQ_GREY_WINDOW; i++)
        _mm512_storeu_ps(g->z[i] + at, s->z[i]);
}

/* Tents are summed down four rows as two pairs; i is the row modulo 4. */
static inline VI tents_down(samples *s, VI now, const int i)
{
    const VI pair = _mm512_add_epi32(now, s->last);
    const VI sum = _mm512_add_epi32(pair, s->pair[i % 2]);
    s->pair[i % 2] = pair;
    s->last = now;
    return sum;
}

/* Where 32 samples stand in a block. */
typedef struct place {
    const pdq_grey *g;
    const pdq_grey_block *b;
    const pdq_grey_rows *rows;
    int group;
    bool edge;   /* the block is the first: see g->edge */
    bool eights; /* samples are eight columns apart */
    uint32_t base[4];
} place;

/* A row goes through; i is the row modulo 4. */
static inline __attribute__((always_inline)) void sum_row(const place *at, samples s[2],
                                                          uint32_t row, const int i)
{
    const pdq_grey *g = at->g;
    const uint8_t *p = at->b->rows[ABOVE + row];
    const uint32_t step = at->rows->residue_step[row];
    const float *residue = at->rows->residue[row] + (size_t)at->group * step;
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++, residue += step) {
        /* The last eight would go beyond the row, and the last sample is one column further left. */
        const VI now = tent(p + at->base[2 * k], p + at->base[2 * k + 1], s[k].pick, !at->eights,
                            !at->eights || at->group + k == GROUPS - 1);
        VF z = _mm512_add_ps(to_float(tents_down(&s[k], now, i)), _mm512_loadu_ps(residue));
        /* What the last sample's sum of five has beyond its tent: the column that is no integer,
         * and the one that leaves. */
        if (at->group + k == GROUPS - 1) {
            z = _mm512_mask_add_ps(z, 0x8000, z, _mm512_set1_ps(at->rows->right[row]));
            z = _mm512_mask_sub_ps(z, 0x8000, z, _mm512_set1_ps(at->rows->leaving[row]));
        }
        if (at->edge && i < ABOVE && row < ABOVE)
            z = from_order(_mm512_loadu_ps(g->edge[i] + 16 * (at->group + k)));
        s[k].sum = _mm512_sub_ps(_mm512_add_ps(s[k].sum, z), s[k].z[i]);
        s[k].z[i] = z;
    }
}

/* All rows of a block for 32 samples. For the first 32 the chains of the next block go along: they
 * take long, and almost no work. */
static inline __attribute__((always_inline)) void
sum_samples_as(pdq_grey *g, const pdq_grey_block *b, const int group, const bool edge,
               const bool eights, float chain[ROWS][2])
{
    const uint32_t *base = g->base + 2 * (size_t)group;
    const place at = {
        g, b, pdq_grey_rows_of(g, b), group, edge, eights, {base[0], base[1], base[2], base[3]}};
    samples s[2] = {samples_load(g, group), samples_load(g, group + 1)};
    const VF scale = _mm512_set1_ps(PDQ_GREY_SCALE);
    __m128 chain_sum = two_floats(g->chain_sum);
    uint32_t next = g->next_sample, next_row = g->sample_row[next] - b->first;
    for (uint32_t quad = 0; quad < ROWS; quad += 4)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const uint32_t row = quad + (uint32_t)i;
            if (row == b->count)
                goto end;
            if (group == 0)
                chain_sum = chain_step(g, chain_sum, row, chain[row]);
            sum_row(&at, s, row, i);
            if (row == next_row) {
                float *out = g->out + (size_t)next * PDQ_SIDE + (size_t)group * 16;
                _mm512_storeu_ps(out, to_order(_mm512_mul_ps(s[0].sum, scale)));
                _mm512_storeu_ps(out + 16, to_order(_mm512_mul_ps(s[1].sum, scale)));
                next_row = g->sample_row[++next] - b->first;
            }
        }
end:
    samples_store(g, group, &s[0]);
    samples_store(g, group + 1, &s[1]);
    if (group == GROUPS - 2)
        g->next_sample = next;
}

static inline __attribute__((always_inline)) void sum_samples_of(pdq_grey *g,
                                                                 const pdq_grey_block *b,
                                                                 const int group, const bool edge,
                                                                 float chain[ROWS][2])
{
    if (g->width == PDQ_SIDE * 8)
        sum_samples_as(g, b, group, edge, true, chain);
    else
        sum_samples_as(g, b, group, edge, false, chain);
}

/* A branch that no row needs costs more than another copy of the loop. */
static void sum_first(pdq_grey *g, const pdq_grey_block *b, float chain[ROWS][2])
{
    if (b->first == 0)
        sum_samples_of(g, b, 0, true, chain);
    else
        sum_samples_of(g, b, 0, false, chain);
}

static void sum_others(pdq_grey *g, const pdq_grey_block *b)
{
    if (b->first == 0)
        sum_samples_of(g, b, 2, true, NULL);
    else
        sum_samples_of(g, b, 2, false, NULL);
}

void pdq_grey_avx512(pdq_kernels *kernels)
{
    kernels->grey = grey_block;
    kernels->grey_edge = grey_edge;
    kernels->grey_tents = 8;
}
