/* The filter of grey images (grey.h) for AVX-512: blocks of sixteen rows, and the edge rows. */
#include "pdq/kernels.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = PDQ_GREY_ROWS, ABOVE = PDQ_GREY_ABOVE, GROUPS = PDQ_SIDE / 16 };
typedef __m512 VF;
typedef __m512i VI;

static inline VI load(const void *p)
{
    return _mm512_loadu_si512(p);
}

static inline VF to_float(VI v)
{
    return _mm512_cvtepi32_ps(v);
}

/* s / 3, correctly rounded: see divide() in wave_avx512.c. */
static inline VF third(VF s)
{
    const VF c = _mm512_set1_ps(3.0f), r = _mm512_set1_ps(1.0f / 3.0f), q = _mm512_mul_ps(s, r);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(q, c, s), r, q);
}

/* ---- near the edges: vectors of sixteen rows ---- */

/* Sums of pixels of a row: columns 0 .. 2; 0 .. 3 to 3 .. 6; n - 3 .. n - 1; n - 7 .. n - 4. */
typedef struct beside {
    VI first, four[4], last, before;
} beside;

/* The first and last eight pixels of rows i, i + 4, i + 8 and i + 12. */
static inline VI ends(const uint8_t *const rows[ROWS], uint32_t width, int i)
{
    VI v = _mm512_setzero_si512();
#define LANE(k)                                                                                    \
    v = _mm512_inserti32x4(                                                                        \
        v,                                                                                         \
        _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)rows[i + 4 * (k)]),                    \
                           _mm_loadl_epi64((const __m128i *)(rows[i + 4 * (k)] + width - 8))),     \
        k)
    LANE(0);
    LANE(1);
    LANE(2);
    LANE(3);
#undef LANE
    return v;
}

/* Vector k of the result has dword k of each 128-bit lane: lane 4j + i from lane j of vector i. */
static inline void transpose(const VI v[4], VI out[4])
{
    const VI ab0 = _mm512_unpacklo_epi32(v[0], v[1]), ab1 = _mm512_unpackhi_epi32(v[0], v[1]);
    const VI cd0 = _mm512_unpacklo_epi32(v[2], v[3]), cd1 = _mm512_unpackhi_epi32(v[2], v[3]);
    out[0] = _mm512_unpacklo_epi64(ab0, cd0);
    out[1] = _mm512_unpackhi_epi64(ab0, cd0);
    out[2] = _mm512_unpacklo_epi64(ab1, cd1);
    out[3] = _mm512_unpackhi_epi64(ab1, cd1);
}

static inline beside beside_of(const uint8_t *const rows[ROWS], uint32_t width)
{
    enum { NO = -1 };
    const VI fours =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6));
    const VI others = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 1, 2, NO, 13, 14, 15, NO, 9, 10, 11, 12, NO, NO, NO, NO));
    const VI ones = _mm512_set1_epi8(1), zero = _mm512_setzero_si512();
    VI a[4], b[4], rest[4];
    beside s;
    for (int i = 0; i < 4; i++) {
        const VI v = ends(rows, width, i);
        a[i] = _mm512_dpbusd_epi32(zero, _mm512_shuffle_epi8(v, fours), ones);
        b[i] = _mm512_dpbusd_epi32(zero, _mm512_shuffle_epi8(v, others), ones);
    }
    transpose(a, s.four);
    transpose(b, rest);
    s.first = rest[0];
    s.last = rest[1];
    s.before = rest[2];
    return s;
}

/* Sums down four rows; `before` are those of the sixteen rows above, and now's afterwards. */
static inline VI four_down(VI now, int32_t before[ROWS])
{
    const VI above = load(before);
    _mm512_storeu_si512(before, now);
    const VI two = _mm512_add_epi32(now, _mm512_alignr_epi32(now, above, 15));
    const VI more =
        _mm512_add_epi32(_mm512_alignr_epi32(now, above, 14), _mm512_alignr_epi32(now, above, 13));
    return _mm512_add_epi32(two, more);
}

/* ---- samples ---- */

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

/* 16 samples' tents of one row. The lower eight lie in the 64 columns at p, the others at q; `pick`
 * lays out eight columns for each. Where the samples are eight columns apart they lie so (pick_p and
 * pick_q are false). Half a tent is under 2^12. */
static inline __attribute__((always_inline)) VI
tent(const uint8_t *p, const uint8_t *q, const VI pick[2], const bool pick_p, const bool pick_q)
{
    const VI weights = _mm512_set1_epi64(0x0001020304030201), zero = _mm512_setzero_si512();
    const VI a = pick_p ? _mm512_permutexvar_epi8(pick[0], load(p)) : load(p);
    const VI b = pick_q ? _mm512_permutexvar_epi8(pick[1], load(q)) : load(q);
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
    samples s = {.pick = {load(g->pick[group][0]), load(g->pick[group][1])},
                 .last = load(g->tent[0] + at),
                 .pair = {load(g->tent[1] + at), load(g->tent[2] + at)},
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

/* The columns next to the edges, one step down: sum += new, sum -= old, both at once. */
static inline __m128 two_floats(const float p[2])
{
    return _mm_castpd_ps(_mm_load_sd((const double *)(const void *)p));
}

static inline __m128 chain_step(const pdq_grey *g, __m128 sum, uint32_t i, float out[2])
{
    sum = _mm_add_ps(sum, two_floats(g->chain_in[PDQ_GREY_WINDOW + i]));
    sum = _mm_sub_ps(sum, two_floats(g->chain_in[i]));
    _mm_storel_pi((__m64 *)(void *)out, sum);
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
static void sum_samples(pdq_grey *g, const pdq_grey_block *b, const int group, float chain[ROWS][2])
{
    if (b->first == 0)
        group == 0 ? sum_samples_of(g, b, 0, true, chain) : sum_samples_of(g, b, 2, true, NULL);
    else
        group == 0 ? sum_samples_of(g, b, 0, false, chain) : sum_samples_of(g, b, 2, false, NULL);
}

/* ---- residues ---- */

/* Which residues a sum may still round: those that are no multiple of 2^-9, the last place of sums
 * from 2^14, for sums of five are under 2^15. */
static inline __mmask16 rounded_again(VF r)
{
    const VF magic = _mm512_set1_ps(0x1.8p14f);
    return _mm512_cmp_ps_mask(_mm512_sub_ps(_mm512_add_ps(r, magic), magic), r, _CMP_NEQ_OQ);
}

/* A sum of 2^t has weights of 80, so some column's mean of four pixels must be this or more. */
static const uint8_t least_mean[15] = {1, 1, 1, 1, 1, 1, 1, 2, 4, 7, 13, 26, 52, 103, 205};

/* The exponent t of the least sum that rounds r: 2^24 times r's last bit. 15: none does. */
static int exponent_of(float r)
{
    uint32_t bits;
    memcpy(&bits, &r, sizeof bits);
    const uint32_t mantissa = (bits & 0x7fffff) | 0x800000;
    return r == 0.0f ? 15 : (int)(bits >> 23 & 0xff) + __builtin_ctz(mantissa) - 126;
}

/* Bits of the columns x .. x + 63 whose mean of four pixels, rounded up, is `least` or more. */
static inline uint64_t columns_of_word(const uint8_t *const rows[4], uint32_t x, __mmask64 have,
                                       VI least)
{
    const VI a = _mm512_maskz_loadu_epi8(have, rows[0] + x);
    const VI b = _mm512_maskz_loadu_epi8(have, rows[1] + x);
    const VI c = _mm512_maskz_loadu_epi8(have, rows[2] + x);
    const VI d = _mm512_maskz_loadu_epi8(have, rows[3] + x);
    const VI mean = _mm512_avg_epu8(_mm512_avg_epu8(a, b), _mm512_avg_epu8(c, d));
    return _mm512_cmpge_epu8_mask(mean, least);
}

/* The first such column at or right of `from`; `width` if there is none. */
static inline uint32_t next_column(const uint8_t *const rows[4], uint32_t width, uint8_t least,
                                   uint32_t from)
{
    const VI bound = _mm512_set1_epi8((char)least);
    uint64_t wanted = ~UINT64_C(0) << from % 64;
    for (uint32_t x = from / 64 * 64; x < width; x += 64, wanted = ~UINT64_C(0)) {
        const __mmask64 have = width - x < 64 ? (UINT64_C(1) << (width - x)) - 1 : ~(__mmask64)0;
        const uint64_t bits = columns_of_word(rows, x, have, bound) & wanted;
        if (bits)
            return x + (uint32_t)__builtin_ctzll(bits);
    }
    return width;
}

enum { SUMS = 25 }; /* from 32 columns */

/* The sums of five of columns x .. x + 24, which begin three columns further left. Columns right of
 * the image count as 0. */
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

/* From sample j on the residue is r. */
static void change_residue(float residue[PDQ_SIDE], uint8_t j, float r)
{
    const __mmask64 mask = j < 64 ? ~UINT64_C(0) << j : 0;
    for (int i = 0; i < PDQ_SIDE; i += 16)
        _mm512_mask_storeu_ps(residue + i, (__mmask16)(mask >> i), _mm512_set1_ps(r));
}

/* The residue of a row that begins with r, where it changes. Returns whether it does. */
static bool track(const pdq_grey *g, const uint8_t *const rows[4], float r, float residue[PDQ_SIDE])
{
    const uint32_t width = g->width, end = width - 4; /* of sums of five of whole pixels */
    bool changed = false;
    for (uint32_t x = 3;;) {
        const int t = exponent_of(r);
        if (t >= 15)
            return changed;
        float rounded = r;
        for (; rounded == r; x++) {
            const uint32_t column = next_column(rows, width, least_mean[t], x - 3);
            if (column > x + 4)
                x = column - 4;
            if (x >= end)
                return changed;
            const VI sums = sums_at(rows, width, x);
            const uint32_t n = end - x < SUMS ? end - x : SUMS;
            const uint32_t found =
                _mm512_cmpge_epu16_mask(sums, _mm512_set1_epi16((short)(1 << t))) & ((1u << n) - 1);
            x += found ? (uint32_t)__builtin_ctz(found) : n - 1;
            if (!found)
                continue;
            const VI at =
                _mm512_permutexvar_epi16(_mm512_set1_epi16((short)__builtin_ctz(found)), sums);
            const float e = (float)(_mm_cvtsi128_si32(_mm512_castsi512_si128(at)) & 0xffff);
            rounded = (e + r) - e;
        }
        if (!changed)
            change_residue(residue, 0, r);
        changed = true;
        r = rounded;
        change_residue(residue, g->first_sample[x - 1], r);
    }
}

/* ---- edge rows ---- */

/* Four times the mean of three rows' sums of four pixels: columns x + 1 .. x + 16 of an edge row. */
static inline VF edge_columns(const uint8_t *const rows[3], uint32_t width, uint32_t x)
{
    const VI step = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const VI fours = _mm512_add_epi32(_mm512_mullo_epi32(step, _mm512_set1_epi32(0x01010101)),
                                      _mm512_set1_epi32(0x03020100));
    const __mmask32 have = width - x < 32 ? (__mmask32)((1u << (width - x)) - 1) : ~0u;
    VI v = _mm512_setzero_si512();
    for (int i = 0; i < 3; i++) {
        const VI pixels = _mm512_castsi256_si512(_mm256_maskz_loadu_epi8(have, rows[i] + x));
        v = _mm512_dpbusd_epi32(v, _mm512_permutexvar_epi8(fours, pixels), _mm512_set1_epi8(1));
    }
    return _mm512_mul_ps(third(to_float(v)), _mm512_set1_ps(4.0f));
}

static void grey_edge(pdq_grey *g, const pdq_grey_edge *edge)
{
    pdq_grey_chain *c = &g->chain;
    c->in[0] = edge->left;
    for (uint32_t x = 0; x < g->width; x += 16)
        _mm512_storeu_ps(c->in + 1 + x, edge_columns(edge->rows, g->width, x));
    c->in[g->width - 2] = edge->right;
    /* Until column 0 leaves, nothing does. */
    c->sum = ((c->in[0] + c->in[1]) + c->in[2]) + c->in[3];
    c->x = 2;
}

/* ---- a block ---- */

/* Prepares a block but for changes of the residues. Returns a bit for each row where there may be
 * some. */
static uint32_t prepare(pdq_grey *g, const pdq_grey_block *b, const beside *near,
                        float chain[ROWS][2])
{
    pdq_grey_rows *rows = pdq_grey_rows_of(g, b);
    const VI even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const VI odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    const VF low = _mm512_loadu_ps(chain[0]), high = _mm512_loadu_ps(chain[8]);
    const VF left = _mm512_permutex2var_ps(low, even, high);
    _mm512_storeu_ps(rows->right, _mm512_permutex2var_ps(low, odd, high));
    _mm512_storeu_ps(rows->leaving, to_float(four_down(near->before, g->beside[4])));
    /* The second row box's first five columns. */
    VF sum = left, exact = _mm512_setzero_ps();
    for (int k = 0; k < 4; k++) {
        const VF c = to_float(four_down(near->four[k], g->beside[k]));
        sum = _mm512_add_ps(sum, c);
        exact = _mm512_add_ps(exact, c);
    }
    const VF r = _mm512_sub_ps(_mm512_sub_ps(sum, left), exact);
    _mm512_storeu_ps(rows->first, r);
    for (int i = 0; i < ROWS; i++)
        _mm512_storeu_ps(rows->residue[i], _mm512_set1_ps(rows->first[i]));
    memset(rows->residue_step, 0, sizeof rows->residue_step);
    memcpy(g->chain_sum, chain[b->count - 1], sizeof g->chain_sum);
    _mm256_storeu_ps(g->chain_in[0], _mm256_loadu_ps(g->chain_in[b->count]));
    uint32_t real = (1u << b->count) - 1;
    if (b->first == 0) {
        const pdq_grey_edge edge = {{b->rows[ABOVE], b->rows[ABOVE + 1], b->rows[ABOVE + 2]},
                                    chain[2][0] / 3.0f * 4.0f,
                                    chain[2][1] / 3.0f * 4.0f};
        memset(g->edge, 0, 2 * sizeof g->edge[0]); /* rows -2 and -1 */
        grey_edge(g, &edge);
        pdq_grey_edge_samples(g, g->edge[2]);
        real &= ~7u;
    }
    return rounded_again(r) & real;
}

static void track_rows(pdq_grey *g, const pdq_grey_block *b, uint32_t todo)
{
    pdq_grey_rows *rows = pdq_grey_rows_of(g, b);
    for (; todo; todo &= todo - 1) {
        const int i = __builtin_ctz(todo);
        float *residue = rows->residue[i];
        if (!track(g, b->rows + i, rows->first[i], residue))
            continue;
        rows->residue_step[i] = 16;
        for (int j = 0; j < PDQ_SIDE; j += 16)
            _mm512_storeu_ps(residue + j, from_order(_mm512_loadu_ps(residue + j)));
    }
}

/* Columns 0 and n - 2 after the first row box. */
static void begin_chains(pdq_grey *g, const beside *b)
{
    const VF four = _mm512_set1_ps(4.0f);
    const VF left = _mm512_mul_ps(third(to_float(b->first)), four);
    const VF right = _mm512_mul_ps(third(to_float(b->last)), four);
    const VI low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const VI high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
    _mm512_storeu_ps(g->chain_in[PDQ_GREY_WINDOW], _mm512_permutex2var_ps(left, low, right));
    _mm512_storeu_ps(g->chain_in[PDQ_GREY_WINDOW + 8], _mm512_permutex2var_ps(left, high, right));
}

static void grey(pdq_grey *g, const pdq_grey_block *prepared, const pdq_grey_block *next)
{
    float chain[ROWS][2];
    beside b;
    if (next) {
        b = beside_of(next->rows + ABOVE, g->width);
        begin_chains(g, &b);
    }
    if (prepared) {
        sum_samples(g, prepared, 0, chain);
    } else {
        __m128 sum = two_floats(g->chain_sum);
        for (uint32_t i = 0; i < ROWS; i++)
            sum = chain_step(g, sum, i, chain[i]);
    }
    uint32_t todo = 0;
    if (next) /* here, for what follows has work to do while this waits for its sums */
        todo = prepare(g, next, &b, chain);
    if (prepared)
        sum_samples(g, prepared, 2, NULL);
    if (next)
        track_rows(g, next, todo);
}

void pdq_grey_avx512(pdq_kernels *kernels)
{
    kernels->grey = grey;
    kernels->grey_edge = grey_edge;
}
