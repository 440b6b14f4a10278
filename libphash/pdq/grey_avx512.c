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

/* ---- tents ---- */

typedef struct chain {
    float sum;
    const float *in; /* the last four rows', then the block's */
    float *out;
} chain;

static inline void chain_step(chain *c, int i)
{
    c->sum += c->in[PDQ_GREY_WINDOW + i];
    c->sum -= c->in[i];
    c->out[i] = c->sum;
}

/* 16 samples' tents of one row. The lower eight lie in the 64 columns at p, the others at q. */
static inline VI tent(const uint8_t *p, const uint8_t *q, VI pick0, VI pick1)
{
    const VI rising = _mm512_set1_epi32(0x04030201), falling = _mm512_set1_epi32(0x00010203);
    const __mmask64 upper = UINT64_C(0xffffffff00000000);
    const VI a = load(p), b = load(q);
    const VI v0 = _mm512_mask_permutexvar_epi8(_mm512_permutexvar_epi8(pick0, a), upper, pick0, b);
    const VI v1 = _mm512_mask_permutexvar_epi8(_mm512_permutexvar_epi8(pick1, a), upper, pick1, b);
    const VI s = _mm512_dpbusd_epi32(_mm512_setzero_si512(), v0, rising);
    return _mm512_dpbusd_epi32(s, v1, falling);
}

/* Tents of two groups of 16 samples, four rows high, for all rows of the block. The chains of
 * additions take as long as the tents, and almost no work: two of them go along with group 0. */
static inline __attribute__((always_inline)) void tents(pdq_grey *g,
                                                        const uint8_t *const rows[ROWS],
                                                        const int group, chain chains[2],
                                                        int32_t out[ROWS][PDQ_SIDE])
{
    VI row[2][4], pick[2][2];
    const uint32_t *base = g->base + 2 * (size_t)group;
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < ABOVE; i++)
            row[k][i + 1] = load(g->tent[i] + (group + k) * 16);
        pick[k][0] = load(g->pick[group + k][0]);
        pick[k][1] = load(g->pick[group + k][1]);
    }
    for (int at = 0; at < ROWS; at += 4)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const uint8_t *p = rows[at + i];
            if (group == 0) {
                chain_step(&chains[0], at + i);
                chain_step(&chains[1], at + i);
            }
#pragma GCC unroll 2
            for (int k = 0; k < 2; k++) {
                row[k][i] = tent(p + base[2 * k], p + base[2 * k + 1], pick[k][0], pick[k][1]);
                const VI two = _mm512_add_epi32(row[k][0], row[k][1]);
                const VI more = _mm512_add_epi32(row[k][2], row[k][3]);
                _mm512_storeu_si512(out[at + i] + (group + k) * 16, _mm512_add_epi32(two, more));
            }
        }
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < ABOVE; i++)
            _mm512_storeu_si512(g->tent[i] + (group + k) * 16, row[k][i + 1]);
}

/* ---- residues ---- */

/* The exponent of the least sum that rounds r: 2^24 times r's last bit. 15 and more: none, for sums
 * of five are under 2^15; 0 has none. */
static inline VI exponent_of(VF r, __mmask16 *rounds)
{
    const VI bits = _mm512_castps_si512(r), one = _mm512_set1_epi32(1);
    const VI biased = _mm512_and_si512(_mm512_srli_epi32(bits, 23), _mm512_set1_epi32(0xff));
    const VI mantissa = _mm512_or_si512(_mm512_and_si512(bits, _mm512_set1_epi32(0x7fffff)),
                                        _mm512_set1_epi32(0x800000));
    const VI last = _mm512_andnot_si512(_mm512_sub_epi32(mantissa, one), mantissa);
    const VI place = _mm512_srli_epi32(_mm512_castps_si512(to_float(last)), 23); /* plus 127 */
    const VI t = _mm512_sub_epi32(_mm512_add_epi32(biased, place), _mm512_set1_epi32(126 + 127));
    *rounds = _mm512_cmplt_epi32_mask(t, _mm512_set1_epi32(15)) &
              _mm512_cmp_ps_mask(r, _mm512_setzero_ps(), _CMP_NEQ_OQ);
    return t;
}

/* A sum of 2^t has weights of 80, so some column's mean of four pixels must be this or more. */
static const uint8_t least_mean[15] = {1, 1, 1, 1, 1, 1, 1, 2, 4, 7, 13, 26, 52, 103, 205};

static int exponent_of_one(float r)
{
    __mmask16 rounds;
    const VI t = exponent_of(_mm512_set1_ps(r), &rounds);
    return rounds ? _mm_cvtsi128_si32(_mm512_castsi512_si128(t)) : 15;
}

/* Bit c of mean[c / 64]: the mean of column c, rounded up, is t or more. */
static inline uint64_t columns_above(const uint8_t *const rows[4], uint32_t width, uint8_t t,
                                     uint64_t above[PDQ_GREY_SIDE / 64])
{
    const VI least = _mm512_set1_epi8((char)t);
    uint64_t any = 0;
    for (uint32_t x = 0; x < width; x += 64) {
        const __mmask64 have =
            width - x < 64 ? (__mmask64)((UINT64_C(1) << (width - x)) - 1) : ~(__mmask64)0;
        const VI a = _mm512_maskz_loadu_epi8(have, rows[0] + x);
        const VI b = _mm512_maskz_loadu_epi8(have, rows[1] + x);
        const VI c = _mm512_maskz_loadu_epi8(have, rows[2] + x);
        const VI d = _mm512_maskz_loadu_epi8(have, rows[3] + x);
        const VI mean = _mm512_avg_epu8(_mm512_avg_epu8(a, b), _mm512_avg_epu8(c, d));
        any |= above[x / 64] = _mm512_cmpge_epu8_mask(mean, least);
    }
    return any;
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
    uint16_t one[2 * 32] = {0}, two[2 * 32] = {0};
    _mm512_storeu_si512(one, v);
    const VI v2 = _mm512_add_epi16(v, load(one + 1));
    _mm512_storeu_si512(two, v2);
    const VI v4 = _mm512_add_epi16(v2, load(two + 2));
    _mm512_storeu_si512(one, v4);
    const VI v5 = _mm512_add_epi16(v4, load(one + 1));
    _mm512_storeu_si512(two, v5);
    return _mm512_add_epi16(_mm512_add_epi16(v5, load(two + 2)), load(one + 4));
}

/* The first column at or right of `from` that has a bit; `width` if there is none. */
static inline uint32_t next_column(const uint64_t *above, uint32_t width, uint32_t from)
{
    if (from >= width)
        return width;
    uint32_t word = from / 64;
    uint64_t bits = above[word] >> (from % 64) << (from % 64);
    while (!bits) {
        if (++word * 64 >= width)
            return width;
        bits = above[word];
    }
    return word * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* The residue of one row, where it changes: z, the samples, has been made with r. */
static void track(const pdq_grey *g, const uint8_t *const rows[4], const int32_t *tent, float r,
                  float *z)
{
    uint64_t above[PDQ_GREY_SIDE / 64];
    const uint32_t width = g->width, end = width - 4; /* sums of five of whole pixels */
    int t = exponent_of_one(r);
    uint32_t x = 3;
    while (t < 15 && columns_above(rows, width, least_mean[t], above)) {
        bool changed = false;
        while (!changed) {
            const uint32_t column = next_column(above, width, x - 3);
            if (column == width)
                return;
            if (column > x + 4)
                x = column - 4;
            if (x >= end)
                return;
            const VI sums = sums_at(rows, width, x);
            const uint32_t n = end - x < SUMS ? end - x : SUMS;
            const uint32_t found =
                _mm512_cmpge_epu16_mask(sums, _mm512_set1_epi16((short)(1 << t))) & ((1u << n) - 1);
            if (!found) {
                x += n;
                continue;
            }
            const uint32_t at = (uint32_t)__builtin_ctz(found);
            uint16_t sum[32];
            _mm512_storeu_si512(sum, sums);
            const float e = (float)sum[at], rounded = (e + r) - e;
            x += at;
            changed = rounded != r;
            r = rounded;
            if (changed) {
                const VI j = _mm512_set1_epi32(g->first_sample[x]);
                for (int i = 0; i < PDQ_SIDE; i += 16) {
                    const VI here = _mm512_add_epi32(
                        _mm512_set1_epi32(i),
                        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
                    _mm512_mask_storeu_ps(
                        z + i, _mm512_cmpge_epi32_mask(here, j),
                        _mm512_add_ps(to_float(load(tent + i)), _mm512_set1_ps(r)));
                }
            }
            x++;
        }
        t = exponent_of_one(r);
    }
}

/* ---- edge rows ---- */

static void grey_edge(const pdq_grey *g, const pdq_grey_edge *edge, float z[PDQ_SIDE])
{
    const uint32_t width = g->width;
    uint16_t down[PDQ_GREY_LINE];
    float row[PDQ_GREY_LINE] = {edge->left}, box[PDQ_GREY_LINE];
    for (uint32_t x = 0; x < width; x += 32) {
        const __mmask32 have = width - x < 32 ? (__mmask32)((1u << (width - x)) - 1) : ~0u;
        VI v = _mm512_setzero_si512();
        for (int i = 0; i < 3; i++)
            v = _mm512_add_epi16(
                v, _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(have, edge->rows[i] + x)));
        _mm512_storeu_si512(down + x, v);
    }
    memset(down + width, 0, 64);
    for (uint32_t x = 0; x < width; x += 16) {
        VI v = _mm512_setzero_si512();
        for (int i = 0; i < 4; i++)
            v = _mm512_add_epi32(
                v, _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(down + x + i))));
        _mm512_storeu_ps(row + 1 + x, _mm512_mul_ps(third(to_float(v)), _mm512_set1_ps(4.0f)));
    }
    row[width - 2] = edge->right;
    /* Until column 0 leaves, nothing does. */
    float sum = ((row[0] + row[1]) + row[2]) + row[3];
    for (uint32_t x = 2; x < width - 3; x++) {
        sum += row[x + 2];
        sum -= row[x - 2];
        box[x] = sum;
    }
    for (uint32_t j = 0; j < PDQ_SIDE; j++)
        z[j] = box[g->sample_x[j] + (j == PDQ_SIDE - 1)];
}

/* ---- a block ---- */

/* Adds what the last sample's sum of five has beyond its tent: the column that is no integer, and
 * the one that leaves. */
static void last_sample(pdq_grey *g, const float right[ROWS], VI leaving)
{
    const VI at =
        _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                           _mm512_set1_epi32(PDQ_SIDE));
    float *z = g->z[PDQ_GREY_WINDOW] + PDQ_SIDE - 1;
    const VF sum = _mm512_add_ps(_mm512_i32gather_ps(at, z, 4), _mm512_loadu_ps(right));
    _mm512_i32scatter_ps(z, at, _mm512_sub_ps(sum, to_float(leaving)), 4);
}

/* The second column box. */
static void second_box(pdq_grey *g, uint32_t count)
{
    VF sum[GROUPS];
    for (int k = 0; k < GROUPS; k++)
        sum[k] = _mm512_loadu_ps(g->sum + 16 * k);
    uint32_t next = g->next_sample;
    for (uint32_t i = 0; i < count; i++) {
        float *out = g->out + (size_t)next * PDQ_SIDE;
        for (int k = 0; k < GROUPS; k++) {
            sum[k] = _mm512_add_ps(sum[k], _mm512_loadu_ps(g->z[PDQ_GREY_WINDOW + i] + 16 * k));
            sum[k] = _mm512_sub_ps(sum[k], _mm512_loadu_ps(g->z[i] + 16 * k));
            _mm512_storeu_ps(out + 16 * k, sum[k]);
        }
        /* Written over by the next row, unless this one is sampled: no branch to guess wrong. */
        next += g->sample_row[next] == g->row + i;
    }
    g->next_sample = next;
    for (int k = 0; k < GROUPS; k++)
        _mm512_storeu_ps(g->sum + 16 * k, sum[k]);
}

static void grey(pdq_grey *g, const uint8_t *const all[ABOVE + ROWS], uint32_t count)
{
    const uint8_t *const *rows = all + ABOVE;
    const beside b = beside_of(rows, g->width);
    const VF four = _mm512_set1_ps(4.0f);
    float left_out[ROWS], right_out[ROWS];
    _mm512_storeu_ps(g->left_in + PDQ_GREY_WINDOW, _mm512_mul_ps(third(to_float(b.first)), four));
    _mm512_storeu_ps(g->right_in + PDQ_GREY_WINDOW, _mm512_mul_ps(third(to_float(b.last)), four));
    chain chains[2] = {{g->left_sum, g->left_in, left_out}, {g->right_sum, g->right_in, right_out}};
    int32_t tent[ROWS][PDQ_SIDE];
    tents(g, rows, 0, chains, tent);
    tents(g, rows, 2, chains, tent);

    /* The second row box's first five columns. */
    const VF a = _mm512_loadu_ps(left_out);
    VF sum = a, exact = _mm512_setzero_ps();
    for (int k = 0; k < 4; k++) {
        const VF c = to_float(four_down(b.four[k], g->beside[k]));
        sum = _mm512_add_ps(sum, c);
        exact = _mm512_add_ps(exact, c);
    }
    const VF r = _mm512_sub_ps(_mm512_sub_ps(sum, a), exact);
    const VI leaving = four_down(b.before, g->beside[4]);
    float residue[ROWS];
    _mm512_storeu_ps(residue, r);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < PDQ_SIDE; k += 16)
            _mm512_storeu_ps(
                g->z[PDQ_GREY_WINDOW + i] + k,
                _mm512_add_ps(to_float(load(tent[i] + k)), _mm512_set1_ps(residue[i])));

    __mmask16 rounds;
    exponent_of(r, &rounds);
    uint32_t todo = rounds & ((1u << count) - 1);
    if (g->row == 0)
        todo &= ~7u;
    for (; todo; todo &= todo - 1) {
        const int i = __builtin_ctz(todo);
        track(g, all + i, tent[i], residue[i], g->z[PDQ_GREY_WINDOW + i]);
    }
    last_sample(g, right_out, leaving);
    if (g->row == 0) { /* rows -2 and -1, which there are not, and 0 */
        const pdq_grey_edge edge = {
            {rows[0], rows[1], rows[2]}, left_out[2] / 3.0f * 4.0f, right_out[2] / 3.0f * 4.0f};
        memset(g->z[PDQ_GREY_WINDOW], 0, 2 * sizeof g->z[0]);
        grey_edge(g, &edge, g->z[PDQ_GREY_WINDOW + 2]);
    }
    second_box(g, count);

    g->left_sum = left_out[count - 1];
    g->right_sum = right_out[count - 1];
    memmove(g->left_in, g->left_in + count, PDQ_GREY_WINDOW * sizeof *g->left_in);
    memmove(g->right_in, g->right_in + count, PDQ_GREY_WINDOW * sizeof *g->right_in);
    memmove(g->z, g->z + count, PDQ_GREY_WINDOW * sizeof g->z[0]);
}

void pdq_grey_avx512(pdq_kernels *kernels)
{
    kernels->grey = grey;
    kernels->grey_edge = grey_edge;
}
