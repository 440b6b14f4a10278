/* The filter of grey images (grey.h) for AVX2: 16 samples or rows are two vectors. */
#include "pdq/kernels.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = PDQ_GREY_ROWS, ABOVE = PDQ_GREY_ABOVE, GROUPS = PDQ_SIDE / 16 };
typedef struct VF {
    __m256 a, b;
} VF;
typedef struct VI {
    __m256i a, b;
} VI;

#define INLINE static inline __attribute__((always_inline))

INLINE __m256i load_half(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
INLINE __m128i load_quarter(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}
INLINE void store_half(void *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}
INLINE VI load_dwords(const int32_t *p)
{
    return (VI){load_half(p), load_half(p + 8)};
}
INLINE void store_dwords(int32_t *p, VI v)
{
    store_half(p, v.a);
    store_half(p + 8, v.b);
}
INLINE VF load(const float *p)
{
    return (VF){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
INLINE void store(float *p, VF v)
{
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
}
INLINE VI zeros(void)
{
    return (VI){_mm256_setzero_si256(), _mm256_setzero_si256()};
}
INLINE VF splat(float v)
{
    return (VF){_mm256_set1_ps(v), _mm256_set1_ps(v)};
}
INLINE VF add(VF x, VF y)
{
    return (VF){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
INLINE VF sub(VF x, VF y)
{
    return (VF){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
INLINE VF mul(VF x, VF y)
{
    return (VF){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
INLINE VI add_dwords(VI x, VI y)
{
    return (VI){_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)};
}
INLINE VF to_float(VI v)
{
    return (VF){_mm256_cvtepi32_ps(v.a), _mm256_cvtepi32_ps(v.b)};
}
INLINE uint32_t unequal(VF x, VF y)
{
    const int a = _mm256_movemask_ps(_mm256_cmp_ps(x.a, y.a, _CMP_NEQ_OQ));
    const int b = _mm256_movemask_ps(_mm256_cmp_ps(x.b, y.b, _CMP_NEQ_OQ));
    return (uint32_t)(a | b << 8);
}

/* See pdq_reciprocal. */
INLINE __m256 third_of_half(__m256 s)
{
    float inverse, rest;
    pdq_reciprocal(3.0f, &inverse, &rest);
    return _mm256_fmadd_ps(s, _mm256_set1_ps(inverse), _mm256_mul_ps(s, _mm256_set1_ps(rest)));
}
INLINE VF third(VF s)
{
    return (VF){third_of_half(s.a), third_of_half(s.b)};
}

/* ---- near the edges ---- */

INLINE VI lanes(const __m128i x[4])
{
    return (VI){_mm256_set_m128i(x[1], x[0]), _mm256_set_m128i(x[3], x[2])};
}

INLINE VI shuffle(VI v, __m128i s)
{
    const __m256i both = _mm256_broadcastsi128_si256(s);
    return (VI){_mm256_shuffle_epi8(v.a, both), _mm256_shuffle_epi8(v.b, both)};
}

/* Each four bytes' sum. */
INLINE __m256i fours_of_half(__m256i v)
{
    return _mm256_madd_epi16(_mm256_maddubs_epi16(v, _mm256_set1_epi8(1)), _mm256_set1_epi16(1));
}
INLINE VI fours(VI v)
{
    return (VI){fours_of_half(v.a), fours_of_half(v.b)};
}

INLINE void transpose_half(__m256i *a, __m256i *b, __m256i *c, __m256i *d)
{
    const __m256i ab0 = _mm256_unpacklo_epi32(*a, *b), ab1 = _mm256_unpackhi_epi32(*a, *b);
    const __m256i cd0 = _mm256_unpacklo_epi32(*c, *d), cd1 = _mm256_unpackhi_epi32(*c, *d);
    *a = _mm256_unpacklo_epi64(ab0, cd0);
    *b = _mm256_unpackhi_epi64(ab0, cd0);
    *c = _mm256_unpacklo_epi64(ab1, cd1);
    *d = _mm256_unpackhi_epi64(ab1, cd1);
}
INLINE void transpose(const VI v[4], VI out[4])
{
    for (int i = 0; i < 4; i++)
        out[i] = v[i];
    transpose_half(&out[0].a, &out[1].a, &out[2].a, &out[3].a);
    transpose_half(&out[0].b, &out[1].b, &out[2].b, &out[3].b);
}

/* n bytes up, from 0 to 15, filled up with the last of `below`. */
#define BYTES_UP(v, below, n)                                                                      \
    _mm256_alignr_epi8(v, _mm256_permute2x128_si256(below, v, 0x21), 16 - (n))
#define shifted(now, above, n)                                                                     \
    ((VI){BYTES_UP((now).a, (above).b, 4 * (n)), BYTES_UP((now).b, (now).a, 4 * (n))})

INLINE void load_pairs(const float *p, VF *even, VF *odd)
{
    __m256 half[2][2];
    for (int i = 0; i < 2; i++) {
        const __m256 low = _mm256_loadu_ps(p + 16 * i), high = _mm256_loadu_ps(p + 16 * i + 8);
        half[0][i] = _mm256_shuffle_ps(low, high, 0x88);
        half[1][i] = _mm256_shuffle_ps(low, high, 0xdd);
        for (int k = 0; k < 2; k++)
            half[k][i] = _mm256_castpd_ps(
                _mm256_permute4x64_pd(_mm256_castps_pd(half[k][i]), _MM_SHUFFLE(3, 1, 2, 0)));
    }
    *even = (VF){half[0][0], half[0][1]};
    *odd = (VF){half[1][0], half[1][1]};
}

INLINE void store_pairs_of_half(float *p, __m256 even, __m256 odd)
{
    const __m256 low = _mm256_unpacklo_ps(even, odd), high = _mm256_unpackhi_ps(even, odd);
    _mm256_storeu_ps(p, _mm256_permute2f128_ps(low, high, 0x20));
    _mm256_storeu_ps(p + 8, _mm256_permute2f128_ps(low, high, 0x31));
}
INLINE void store_pairs(float *p, VF even, VF odd)
{
    store_pairs_of_half(p, even.a, odd.a);
    store_pairs_of_half(p + 16, even.b, odd.b);
}

/* Eight sums lie in 11 pixels, which both lanes are given. */
INLINE VI edge_fours(VI v, const uint8_t *p, uint32_t have)
{
    const __m256i at = _mm256_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, 4, 5, 6, 7,
                                        5, 6, 7, 8, 6, 7, 8, 9, 7, 8, 9, 10);
    uint8_t end[24] = {0};
    if (have < sizeof end)
        p = memcpy(end, p, have);
    const __m256i a = _mm256_broadcastsi128_si256(load_quarter(p));
    const __m256i b = _mm256_broadcastsi128_si256(load_quarter(p + 8));
    return add_dwords(v, fours((VI){_mm256_shuffle_epi8(a, at), _mm256_shuffle_epi8(b, at)}));
}

/* ---- residues ---- */

/* 16 samples stand in two vectors as four_rows() leaves them. Only what goes in or out is in order. */
INLINE __m256i in_fours(__m256i v)
{
    return _mm256_permute4x64_epi64(v, _MM_SHUFFLE(3, 1, 2, 0));
}
INLINE __m256 floats_in_fours(__m256 v)
{
    return _mm256_castsi256_ps(in_fours(_mm256_castps_si256(v)));
}
INLINE __m256 low_twos(__m256 x, __m256 y)
{
    return _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(x), _mm256_castps_pd(y)));
}
INLINE __m256 high_twos(__m256 x, __m256 y)
{
    return _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(x), _mm256_castps_pd(y)));
}
INLINE VF from_order(VF v)
{
    const __m256 low = floats_in_fours(v.a), high = floats_in_fours(v.b);
    return (VF){low_twos(low, high), high_twos(low, high)};
}
INLINE VF to_order(VF v)
{
    return (VF){floats_in_fours(low_twos(v.a, v.b)), floats_in_fours(high_twos(v.a, v.b))};
}

INLINE uint64_t columns_of_half(const uint8_t *const rows[4], uint32_t x, uint8_t least)
{
    const __m256i a = _mm256_avg_epu8(load_half(rows[0] + x), load_half(rows[1] + x));
    const __m256i c = _mm256_avg_epu8(load_half(rows[2] + x), load_half(rows[3] + x));
    const __m256i mean = _mm256_avg_epu8(a, c);
    const __m256i most = _mm256_max_epu8(mean, _mm256_set1_epi8((char)least));
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(mean, most));
}

/* The last word of a row is read so that it ends there. */
INLINE uint64_t columns_of_word(const uint8_t *const rows[4], uint32_t width, uint32_t x,
                                uint8_t least)
{
    const uint32_t from = x < width - 64 ? x : width - 64;
    return (columns_of_half(rows, from, least) | columns_of_half(rows, from + 32, least) << 32) >>
           (x - from);
}

/* n bytes down, from 0 to 15; what comes in says nothing. */
#define BYTES_DOWN(v, n) _mm256_alignr_epi8(_mm256_permute2x128_si256(v, v, 0x11), v, n)

/* From 16 columns, the first of which has mostly enough: the sums' places are not far from a column that
 * is known to be bright. They are in a; there is no b. */
enum { SUMS = 9 };

static inline VI sums_at(const uint8_t *const rows[4], uint32_t width, uint32_t x)
{
    const uint32_t from = x - 3, at = from < width - 16 ? from : width - 16;
    __m256i v = _mm256_setzero_si256();
    for (int i = 0; i < 4; i++)
        v = _mm256_add_epi16(v, _mm256_cvtepu8_epi16(load_quarter(rows[i] + at)));
    if (at != from) { /* 0 from the row's end on */
        uint16_t column[32] = {0};
        store_half(column, v);
        v = load_half(column + (from - at));
    }
    const __m256i v2 = _mm256_add_epi16(v, BYTES_DOWN(v, 2));
    const __m256i v4 = _mm256_add_epi16(v2, BYTES_DOWN(v2, 4));
    const __m256i v5 = _mm256_add_epi16(v4, BYTES_DOWN(v4, 2));
    const __m256i sums =
        _mm256_add_epi16(_mm256_add_epi16(v5, BYTES_DOWN(v5, 4)), BYTES_DOWN(v4, 8));
    return (VI){sums, _mm256_setzero_si256()};
}

/* Sums are under 2^15. */
INLINE uint32_t sums_from(VI sums, int least)
{
    const __m256i found = _mm256_cmpgt_epi16(sums.a, _mm256_set1_epi16((short)(least - 1)));
    return (uint32_t)_mm_movemask_epi8(
        _mm_packs_epi16(_mm256_castsi256_si128(found), _mm256_extracti128_si256(found, 1)));
}

INLINE int sum_of(VI sums, int i)
{
    uint16_t sum[16];
    store_half(sum, sums.a);
    return sum[i];
}

INLINE VF from_sample(VF v, int j, VF r)
{
    const __m256i low = _mm256_setr_epi32(0, 1, 8, 9, 2, 3, 10, 11);
    const __m256i before = _mm256_set1_epi32(j);
    const __m256i in_a = _mm256_cmpgt_epi32(before, low);
    const __m256i in_b = _mm256_cmpgt_epi32(before, _mm256_add_epi32(low, _mm256_set1_epi32(4)));
    return (VF){_mm256_blendv_ps(r.a, v.a, _mm256_castsi256_ps(in_a)),
                _mm256_blendv_ps(r.b, v.b, _mm256_castsi256_ps(in_b))};
}

#include "pdq/grey_template.h"

/* ---- samples ---- */

enum { FIRST_OF_EIGHTS = 2 }; /* where samples are eight columns apart: the first tent's column */

/* Two samples' tents lie in 16 columns; `pick` lays out eight for each. */
typedef struct picks {
    const uint8_t *pick;
    uint32_t base[8];
} picks;

INLINE void picks_of(const pdq_grey *g, int group, picks *at)
{
    at->pick = g->pick + (size_t)group * 128;
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        at->base[i] = g->base[group * 8 + i];
}

/* The columns of samples 4i .. 4i + 3. */
INLINE __m256i picked(const uint8_t *row, const picks *at, int i)
{
    const __m256i v =
        _mm256_inserti128_si256(_mm256_castsi128_si256(load_quarter(row + at->base[2 * i])),
                                load_quarter(row + at->base[2 * i + 1]), 1);
    return _mm256_shuffle_epi8(v, load_half(at->pick + 32 * (size_t)i));
}

/* 0 but in the last lane: it changes no sum of others, none of which is -0. */
INLINE __m256 in_last(float v)
{
    const __m256i last = _mm256_setr_epi32(0, 0, 0, 0, 0, 0, 0, -1);
    return _mm256_and_ps(_mm256_set1_ps(v), _mm256_castsi256_ps(last));
}

/* The four products, each of two columns, for each of samples 4i .. 4i + 3 of a group.
 *
 * Where the samples are eight columns apart their tents lie so, but that the row's last four would go
 * beyond it, and its last sample is one column further left. */
INLINE __m256i products_of(const uint8_t *row, const picks *at, const bool eights, const int group,
                           const int i)
{
    const __m256i v = eights && !(group == GROUPS - 1 && i == 3)
                          ? load_half(row + FIRST_OF_EIGHTS + 128 * group + 32 * (ptrdiff_t)i)
                          : picked(row, at, i);
    return _mm256_maddubs_epi16(v, _mm256_set1_epi64x(0x0001020304030201));
}

/* 16 samples' tents in a row, as 16-bit integers: in the lower 128 bits those of two samples of the first
 * four, two of the third, two of the second and two of the last; and so in the upper ones. A tent is under
 * 2^12. Either way of adding neighbours has too few ports to do all of it. */
INLINE __m256i tents_of(const uint8_t *row, const picks *at, const bool eights, const int group)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i v[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        v[i] = products_of(row, at, eights, group, i);
    const __m256i a = _mm256_hadd_epi16(v[0], v[2]), b = _mm256_hadd_epi16(v[1], v[3]);
    return _mm256_packs_epi32(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones));
}

/* Sums of four rows' tents, in whose place there is always one of a row that leaves: its tents are read
 * from `leaving`, and the new row's kept there. */
INLINE VI four_rows(int32_t *sum, int32_t *leaving, __m256i tents)
{
    const __m256i four =
        _mm256_add_epi16(_mm256_sub_epi16(load_half(sum), load_half(leaving)), tents);
    store_half(leaving, tents);
    store_half(sum, four);
    const __m256i zero = _mm256_setzero_si256();
    return (VI){_mm256_unpacklo_epi16(four, zero), _mm256_unpackhi_epi16(four, zero)};
}

/* A block, and where its samples are. */
typedef struct place {
    pdq_grey *g;
    const pdq_grey_block *b;
    const pdq_grey_rows *rows;
    picks picks[GROUPS];
    bool edge;   /* the block is the first: see g->edge */
    bool eights; /* samples are eight columns apart */
} place;

/* A row goes through; i is the row modulo 4, where the rings of rows have it. The sums are in registers:
 * each waits for the one before, but there are eight. */
INLINE void sum_row(const place *at, VF sum[GROUPS], uint32_t row, const int i)
{
    pdq_grey *g = at->g;
    const uint8_t *p =
        at->b->rows[ABOVE + row]; /* here, for what is stored below may be anything */
    const size_t step = at->rows->residue_step[row];
    const float *residue = at->rows->residue[row];
#pragma GCC unroll 4
    for (int group = 0; group < GROUPS; group++, residue += step) {
        const int sample = 16 * group;
        float *z = g->z[i] + sample;
        const __m256i tents = tents_of(p, &at->picks[group], at->eights, group);
        const VI four = four_rows(g->tent[PDQ_GREY_WINDOW] + sample, g->tent[i] + sample, tents);
        VF v = add(to_float(four), load(residue));
        /* What the last sample's sum of five has beyond its tent: the column that is no integer,
         * and the one that leaves. */
        if (group == GROUPS - 1) {
            v.b = _mm256_add_ps(v.b, in_last(at->rows->right[row]));
            v.b = _mm256_sub_ps(v.b, in_last(at->rows->leaving[row]));
        }
        if (at->edge && i < ABOVE && row < ABOVE)
            v = from_order(load(g->edge[i] + sample));
        sum[group] = sub(add(sum[group], v), load(z));
        store(z, v);
    }
}

/* All rows of a block. The chains of the next block go along: they take long, and almost no work. */
INLINE void sum_samples_as(pdq_grey *g, const pdq_grey_block *b, float chain[ROWS][2],
                           const bool edge, const bool eights)
{
    place at = {.g = g, .b = b, .rows = pdq_grey_rows_of(g, b), .edge = edge, .eights = eights};
    VF sum[GROUPS];
#pragma GCC unroll 4
    for (int group = 0; group < GROUPS; group++) {
        picks_of(g, group, &at.picks[group]);
        sum[group] = load(g->sum + 16 * group);
    }
    const VF scale = splat(PDQ_GREY_SCALE);
    __m128 chain_sum = two_floats(g->chain_sum);
    uint32_t next = g->next_sample, next_row = g->sample_row[next] - b->first;
    for (uint32_t quad = 0; quad < ROWS; quad += 4)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const uint32_t row = quad + (uint32_t)i;
            if (row == b->count)
                goto end;
            chain_sum = chain_step(g, chain_sum, row, chain[row]);
            sum_row(&at, sum, row, i);
            if (row == next_row) {
                float *out = g->out + (size_t)next * PDQ_SIDE;
#pragma GCC unroll 4
                for (int group = 0; group < GROUPS; group++)
                    store(out + 16 * group, to_order(mul(sum[group], scale)));
                next_row = g->sample_row[++next] - b->first;
            }
        }
end:
#pragma GCC unroll 4
    for (int group = 0; group < GROUPS; group++)
        store(g->sum + 16 * group, sum[group]);
    g->next_sample = next;
}

INLINE void sum_samples_of(pdq_grey *g, const pdq_grey_block *b, float chain[ROWS][2],
                           const bool edge)
{
    if (g->width == PDQ_SIDE * 8)
        sum_samples_as(g, b, chain, edge, true);
    else
        sum_samples_as(g, b, chain, edge, false);
}

/* All samples are the first. A branch that no row needs costs more than another copy of the loop. */
static void sum_first(pdq_grey *g, const pdq_grey_block *b, float chain[ROWS][2])
{
    if (b->first == 0)
        sum_samples_of(g, b, chain, true);
    else
        sum_samples_of(g, b, chain, false);
}

static void sum_others(pdq_grey *g, const pdq_grey_block *b)
{
    (void)g;
    (void)b;
}

void pdq_grey_avx2(pdq_kernels *kernels)
{
    kernels->grey = grey_block;
    kernels->grey_edge = grey_edge;
    kernels->grey_tents = 2;
}
