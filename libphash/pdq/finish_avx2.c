/* What follows the filter, for AVX2: quality, DCT, medians and the eight hashes. */
#include "core/internal.h"
#include "pdq/kernels.h"

#include "pdq/dct64_columns.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = PDQ_DCT_SIDE };

/* The quantised differences of 16 values. The reference truncates s / 255, which is rounded up to an
 * integer by no s below its multiple of 255 (so for all under 2^16), so s can be truncated before it is
 * divided, which is a multiplication then. */
static inline __m256i steps(const __m256 u[2], const __m256 v[2])
{
    __m256i s[2];
    for (int i = 0; i < 2; i++)
        s[i] = _mm256_abs_epi32(
            _mm256_cvttps_epi32(_mm256_mul_ps(_mm256_sub_ps(u[i], v[i]), _mm256_set1_ps(100.0f))));
    /* 32897 is 2^23 / 255, rounded up. */
    return _mm256_srli_epi16(
        _mm256_mulhi_epu16(_mm256_packus_epi32(s[0], s[1]), _mm256_set1_epi16((short)32897)), 7);
}

static inline void load_two(const float *p, __m256 v[2])
{
    v[0] = _mm256_loadu_ps(p);
    v[1] = _mm256_loadu_ps(p + 8);
}

static int quality(const float a[PDQ_SIDE * PDQ_SIDE])
{
    /* The last column has no neighbour. */
    const __m256i have = _mm256_setr_epi32(-1, -1, -1, -1, -1, -1, -1, 0);
    __m256i down = _mm256_setzero_si256(), across = down; /* each word of 4 * 64 steps of 100 */
    for (int i = 0; i < PDQ_SIDE; i++)
#pragma GCC unroll 4
        for (int j = 0; j < PDQ_SIDE; j += 16) {
            const float *at = a + i * PDQ_SIDE + j;
            __m256 u[2], v[2];
            load_two(at, u);
            if (j + 16 < PDQ_SIDE) {
                load_two(at + 1, v);
            } else {
                v[0] = _mm256_loadu_ps(at + 1);
                v[1] = _mm256_blendv_ps(u[1], _mm256_maskload_ps(at + 9, have),
                                        _mm256_castsi256_ps(have));
            }
            across = _mm256_add_epi16(across, steps(u, v));
            if (i + 1 < PDQ_SIDE) {
                load_two(at + PDQ_SIDE, v);
                down = _mm256_add_epi16(down, steps(u, v));
            }
        }
    const __m256i ones = _mm256_set1_epi16(1);
    int lane[8], sum = 0;
    _mm256_storeu_si256((__m256i *)lane, _mm256_add_epi32(_mm256_madd_epi16(down, ones),
                                                          _mm256_madd_epi16(across, ones)));
    for (int i = 0; i < 8; i++)
        sum += lane[i];
    return sum / 90 < 100 ? sum / 90 : 100;
}

enum { MOST = 6 }; /* rows of the transform at once */

/* Two vectors for each of `count` rows, from row `first` on: column k of the matrix times row k of 16
 * columns of a is added. What is loaded is used twice, for instructions are what is scarce. */
static inline __attribute__((always_inline)) void add_row(__m256 sum[2 * MOST], const float *a,
                                                          int k, const int first, const int count)
{
    const __m256 v = _mm256_loadu_ps(a + (ptrdiff_t)k * PDQ_SIDE);
    const __m256 w = _mm256_loadu_ps(a + (ptrdiff_t)k * PDQ_SIDE + 8);
#pragma GCC unroll 6
    for (int i = 0; i < count; i++) {
        const __m256 c = _mm256_set1_ps(dct_columns[k][first + i]);
        sum[2 * i] = _mm256_add_ps(sum[2 * i], _mm256_mul_ps(c, v));
        sum[2 * i + 1] = _mm256_add_ps(sum[2 * i + 1], _mm256_mul_ps(c, w));
    }
}

/* `count` rows of 16 columns' transform by rows 0 .. rows - 1. A chain goes along, a column with every
 * row: two operations that wait for each other beside many that don't. Its sum wants a register, or each
 * step waits for memory. */
static inline __attribute__((always_inline)) void transform_16(const float *a, float *t,
                                                               const int first, const int count,
                                                               const int rows,
                                                               pdq_grey_chain *chain)
{
    float chain_sum = chain ? chain->sum : 0.0f;
    const size_t x = chain ? chain->x : 0;
    __m256 sum[2 * MOST];
    for (int i = 0; i < 2 * count; i++)
        sum[i] = _mm256_setzero_ps();
#pragma GCC unroll 2
    for (int k = 0; k < rows; k++) {
        add_row(sum, a, k, first, count);
        if (chain)
            chain_sum = pdq_grey_chain_step(chain, chain_sum, x + (size_t)k);
    }
    t += (size_t)first * PDQ_SIDE;
    for (int i = 0; i < count; i++, t += PDQ_SIDE) {
        _mm256_storeu_ps(t, sum[2 * i]);
        _mm256_storeu_ps(t + 8, sum[2 * i + 1]);
    }
    if (chain) {
        chain->sum = chain_sum;
        chain->x += (uint32_t)rows;
    }
}

static inline __attribute__((always_inline)) void
transform_columns(const float a[PDQ_SIDE * PDQ_SIDE], float t[ROWS * PDQ_SIDE], const int rows,
                  pdq_grey_chain *chain)
{
    for (int j = 0; j < PDQ_SIDE; j += 16) {
        transform_16(a + j, t + j, 0, 5, rows, chain);
        transform_16(a + j, t + j, 5, 5, rows, chain);
        transform_16(a + j, t + j, 10, 6, rows, NULL);
    }
}

static inline void transform_rows(const float t[ROWS * PDQ_SIDE], float b[ROWS * ROWS])
{
    for (int first = 0; first < ROWS; first += 4) {
        __m256 sum[8];
        for (int i = 0; i < 8; i++)
            sum[i] = _mm256_setzero_ps();
#pragma GCC unroll 2
        for (int k = 0; k < PDQ_SIDE; k++) {
            const __m256 lo = _mm256_loadu_ps(dct_columns[k]);
            const __m256 hi = _mm256_loadu_ps(dct_columns[k] + 8);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const __m256 v = _mm256_set1_ps(t[(first + i) * PDQ_SIDE + k]);
                sum[2 * i] = _mm256_add_ps(sum[2 * i], _mm256_mul_ps(v, lo));
                sum[2 * i + 1] = _mm256_add_ps(sum[2 * i + 1], _mm256_mul_ps(v, hi));
            }
        }
        for (int i = 0; i < 4; i++) {
            _mm256_storeu_ps(b + (first + i) * ROWS, sum[2 * i]);
            _mm256_storeu_ps(b + (first + i) * ROWS + 8, sum[2 * i + 1]);
        }
    }
}

/* Vectorised across outputs: every dot product is summed on its own, k ascending, each product
 * rounded before it is added. */
static void dct64(const float a[PDQ_SIDE * PDQ_SIDE], float b[ROWS * ROWS])
{
    float t[ROWS * PDQ_SIDE];
    transform_columns(a, t, PDQ_SIDE, NULL);
    transform_rows(t, b);
}

/* The same, while the last row is still to come: its chain takes as long as half of all else. Where an
 * image is narrow, the chain runs over its end; nothing looks there. */
static void grey_dct64(pdq_grey *g, float b[ROWS * ROWS])
{
    enum { LAST = PDQ_SIDE - 1 };
    float t[ROWS * PDQ_SIDE];
    _Static_assert(PDQ_SIDE / 16 * 2 * LAST + 4 < PDQ_GREY_LINE, "columns of the chain");
    transform_columns(g->out, t, LAST, &g->chain);
    pdq_grey_last_row(g, g->z[g->height % PDQ_GREY_WINDOW]);
    for (int j = 0; j < PDQ_SIDE; j += 8) {
        const __m256 v = _mm256_loadu_ps(g->out + LAST * PDQ_SIDE + j);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            const __m256 product = _mm256_mul_ps(_mm256_set1_ps(dct_columns[LAST][i]), v);
            float *to = t + i * PDQ_SIDE + j;
            _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), product));
        }
    }
    transform_rows(t, b);
}

/* Floats as signed integers in the same order: the lower bits of a negative number are flipped.
 * (-0 comes before +0; as a threshold the two are the same.) */
static inline __m256i key_of(__m256 v)
{
    const __m256i bits = _mm256_castps_si256(v);
    return _mm256_xor_si256(bits, _mm256_srli_epi32(_mm256_srai_epi32(bits, 31), 1));
}

/* How many of the 256 halves are below the pivot. */
static int count_below(const __m256i half[ROWS], int pivot)
{
    const __m256i p = _mm256_set1_epi16((short)pivot);
    __m256i even = _mm256_setzero_si256(), odd = even;
    for (int i = 0; i < ROWS; i += 2) {
        even = _mm256_sub_epi16(even, _mm256_cmpgt_epi16(p, half[i]));
        odd = _mm256_sub_epi16(odd, _mm256_cmpgt_epi16(p, half[i + 1]));
    }
    const __m256i pairs = _mm256_madd_epi16(_mm256_add_epi16(even, odd), _mm256_set1_epi16(1));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    sum = _mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum));
    return _mm_cvtsi128_si32(sum) + _mm_extract_epi32(sum, 1);
}

/* The keys that have this upper half. Most groups of eight have none. */
static int gather(const int32_t key[ROWS * ROWS], int half, int32_t *candidate)
{
    const __m256i wanted = _mm256_set1_epi32(half);
    int n = 0;
    for (int i = 0; i < ROWS * ROWS; i += 8) {
        const __m256i upper = _mm256_srai_epi32(_mm256_loadu_si256((const __m256i *)(key + i)), 16);
        const __m256i same = _mm256_cmpeq_epi32(upper, wanted);
        unsigned m = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(same));
        for (; m; m &= m - 1)
            candidate[n++] = key[i + __builtin_ctz(m)];
    }
    return n;
}

/* The lower median. The upper halves of the keys are searched bit by bit: the largest h such that
 * at most 127 halves are below it. The few keys that have this half are then sorted out. */
static float lower_median(const float b[ROWS * ROWS])
{
    enum { RANK = ROWS * ROWS / 2 - 1 };
    int32_t key[ROWS * ROWS], candidate[ROWS * ROWS];
    __m256i half[ROWS];
    for (int i = 0; i < ROWS; i++) {
        const __m256i lo = key_of(_mm256_loadu_ps(b + i * ROWS));
        const __m256i hi = key_of(_mm256_loadu_ps(b + i * ROWS + 8));
        _mm256_storeu_si256((__m256i *)(key + i * ROWS), lo);
        _mm256_storeu_si256((__m256i *)(key + i * ROWS + 8), hi);
        half[i] = _mm256_packs_epi32(_mm256_srai_epi32(lo, 16), _mm256_srai_epi32(hi, 16));
    }
    int h = INT16_MIN, below = 0;
    for (int bit = 0x8000; bit; bit >>= 1) {
        const int pivot = h + bit; /* the first bit decides on the sign */
        const int count = count_below(half, pivot);
        if (count <= RANK) {
            h = pivot;
            below = count;
        }
    }
    const int n = gather(key, h, candidate);
    /* The one with exactly rank - below before it, equal ones counted by position. */
    int low = 0;
    for (int bit = n > 1 ? 0x8000 : 0; bit; bit >>= 1) {
        int count = below;
        for (int i = 0; i < n; i++)
            count += (candidate[i] & 0xffff) < (low | bit);
        if (count <= RANK)
            low |= bit;
    }
    const int32_t found = n > 1 ? (int32_t)((uint32_t)h << 16 | (uint32_t)low) : candidate[0];
    const uint32_t bits = (uint32_t)found ^ (found < 0 ? 0x7fffffffu : 0);
    float median;
    memcpy(&median, &bits, sizeof median);
    return median;
}

/* The text form begins with the last row's bits, and each row with its upper byte. */
static void threshold(const float b[ROWS * ROWS], phash_hash256 *hash)
{
    const __m256 median = _mm256_set1_ps(lower_median(b));
    for (int k = 0; k < PHASH_HASH256_BYTES; k++)
        hash->bytes[PHASH_HASH256_BYTES - 1 - k] = (uint8_t)_mm256_movemask_ps(
            _mm256_cmp_ps(_mm256_loadu_ps(b + 8 * k), median, _CMP_GT_OQ));
}

/* Transposed, as a matrix of 16x16 bits. Each row of the hash is its upper byte, then its lower. */
static void transpose(const phash_hash256 *in, phash_hash256 *out)
{
    const __m128i part = _mm_setr_epi8(15, 13, 11, 9, 7, 5, 3, 1, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m128i *v = (const __m128i *)(const void *)in->bytes;
    const __m128i late = _mm_shuffle_epi8(_mm_loadu_si128(v), part);
    const __m128i early = _mm_shuffle_epi8(_mm_loadu_si128(v + 1), part);
    /* Byte i is row i's; the uppermost bits of all are a column. */
    __m128i lower = _mm_unpacklo_epi64(early, late), upper = _mm_unpackhi_epi64(early, late);
    for (int j = ROWS / 2 - 1; j >= 0; j--) {
        const unsigned left = (unsigned)_mm_movemask_epi8(lower);
        const unsigned right = (unsigned)_mm_movemask_epi8(upper);
        uint8_t *here = out->bytes + PHASH_HASH256_BYTES - 2 - 2 * j;
        here[0] = (uint8_t)(left >> 8);
        here[1] = (uint8_t)left;
        here[-ROWS] = (uint8_t)(right >> 8);
        here[1 - ROWS] = (uint8_t)right;
        lower = _mm_add_epi8(lower, lower);
        upper = _mm_add_epi8(upper, upper);
    }
}

/* Transposing does not change the median, so there are four signs of rows and columns, and each
 * gives a hash and its transpose. */
static void dihedral(const float b[ROWS * ROWS], phash_hash256 hash[PHASH_DIHEDRALS])
{
    static const struct {
        phash_dihedral here, across;
        uint32_t even[2], odd[2]; /* signs of even and odd columns: in even rows, in odd ones */
    } turn[4] = {
        {PHASH_DIHEDRAL_ORIGINAL, PHASH_DIHEDRAL_TRANSPOSE, {0, 0}, {0, 0}},
        {PHASH_DIHEDRAL_FLIPY, PHASH_DIHEDRAL_ROTATE90, {1, 0}, {1, 0}},
        {PHASH_DIHEDRAL_FLIPX, PHASH_DIHEDRAL_ROTATE270, {1, 1}, {0, 0}},
        {PHASH_DIHEDRAL_ROTATE180, PHASH_DIHEDRAL_ANTITRANSPOSE, {0, 1}, {1, 0}},
    };
    float turned[ROWS * ROWS];
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < ROWS * ROWS; i += 8) {
            const uint32_t *sign = i / ROWS % 2 ? turn[k].odd : turn[k].even;
            const uint64_t two = (uint64_t)sign[1] << 63 | (uint64_t)sign[0] << 31;
            const __m256 flip = _mm256_castsi256_ps(_mm256_set1_epi64x((int64_t)two));
            _mm256_storeu_ps(turned + i, _mm256_xor_ps(_mm256_loadu_ps(b + i), flip));
        }
        threshold(turned, &hash[turn[k].here]);
        transpose(&hash[turn[k].here], &hash[turn[k].across]);
    }
    phash_wipe(turned, sizeof turned);
}

void pdq_finish_avx2(pdq_kernels *kernels)
{
    kernels->quality = quality;
    kernels->dct64 = dct64;
    kernels->grey_dct64 = grey_dct64;
    kernels->threshold = threshold;
    kernels->dihedral = dihedral;
}
