/* What follows the filter, for AVX2: quality, DCT, medians and the eight hashes. */
#include "core/internal.h"
#include "pdq/kernels.h"

#include "pdq/dct64_columns.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = PDQ_DCT_SIDE };

/* s / 255, rounded correctly: see pdq_reciprocal. */
static inline __m256i steps(__m256 u, __m256 v)
{
    float inverse, rest;
    pdq_reciprocal(255.0f, &inverse, &rest);
    const __m256 s = _mm256_mul_ps(_mm256_sub_ps(u, v), _mm256_set1_ps(100.0f));
    const __m256 d =
        _mm256_fmadd_ps(s, _mm256_set1_ps(inverse), _mm256_mul_ps(s, _mm256_set1_ps(rest)));
    return _mm256_abs_epi32(_mm256_cvttps_epi32(d));
}

static int quality(const float a[PDQ_SIDE * PDQ_SIDE])
{
    /* The last column has no neighbour. */
    const __m256i have = _mm256_setr_epi32(-1, -1, -1, -1, -1, -1, -1, 0);
    __m256i down = _mm256_setzero_si256(), across = down;
    for (int i = 0; i < PDQ_SIDE; i++)
        for (int j = 0; j < PDQ_SIDE; j += 8) {
            const float *at = a + i * PDQ_SIDE + j;
            const __m256 u = _mm256_loadu_ps(at);
            if (i + 1 < PDQ_SIDE)
                down = _mm256_add_epi32(down, steps(u, _mm256_loadu_ps(at + PDQ_SIDE)));
            if (j + 8 < PDQ_SIDE)
                across = _mm256_add_epi32(across, steps(u, _mm256_loadu_ps(at + 1)));
            else
                across = _mm256_add_epi32(
                    across, _mm256_and_si256(have, steps(u, _mm256_maskload_ps(at + 1, have))));
        }
    int lane[8], sum = 0;
    _mm256_storeu_si256((__m256i *)lane, _mm256_add_epi32(down, across));
    for (int i = 0; i < 8; i++)
        sum += lane[i];
    return sum / 90 < 100 ? sum / 90 : 100;
}

enum { HALF = ROWS / 2 };

/* sum[i] += column k of the matrix, from row `first` on, times row k of 8 columns of a. */
static inline __attribute__((always_inline)) void add_row(__m256 sum[HALF], const float *a, int k,
                                                          int first)
{
    const __m256 v = _mm256_loadu_ps(a + (ptrdiff_t)k * PDQ_SIDE);
#pragma GCC unroll 8
    for (int i = 0; i < HALF; i++)
        sum[i] = _mm256_add_ps(sum[i], _mm256_mul_ps(_mm256_set1_ps(dct_columns[k][first + i]), v));
}

/* The columns' transform by rows 0 .. rows - 1. A chain goes along, a column with every two rows: two
 * operations that wait for each other beside 32 that don't. */
static inline __attribute__((always_inline)) void
transform_columns(const float a[PDQ_SIDE * PDQ_SIDE], float t[ROWS][PDQ_SIDE], const int rows,
                  pdq_grey_chain *chain)
{
    float chain_sum =
        chain ? chain->sum : 0.0f; /* kept out of memory, or each step waits for that */
    uint32_t x = chain ? chain->x : 0;
    for (int j = 0; j < PDQ_SIDE; j += 8)
        for (int first = 0; first < ROWS; first += HALF) {
            __m256 sum[HALF];
            for (int i = 0; i < HALF; i++)
                sum[i] = _mm256_setzero_ps();
            for (int k = 0; k < rows; k++) {
                add_row(sum, a + j, k, first);
                if (chain && k % 2 == 0)
                    chain_sum = pdq_grey_chain_step(chain, chain_sum, x++);
            }
            for (int i = 0; i < HALF; i++)
                _mm256_storeu_ps(&t[first + i][j], sum[i]);
        }
    if (chain) {
        chain->sum = chain_sum;
        chain->x = x;
    }
}

static inline void transform_rows(float t[ROWS][PDQ_SIDE], float b[ROWS * ROWS])
{
    for (int first = 0; first < ROWS; first += 4) {
        __m256 sum[8];
        for (int i = 0; i < 8; i++)
            sum[i] = _mm256_setzero_ps();
        for (int k = 0; k < PDQ_SIDE; k++) {
            const __m256 lo = _mm256_loadu_ps(dct_columns[k]);
            const __m256 hi = _mm256_loadu_ps(dct_columns[k] + 8);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const __m256 v = _mm256_set1_ps(t[first + i][k]);
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
    float t[ROWS][PDQ_SIDE];
    transform_columns(a, t, PDQ_SIDE, NULL);
    transform_rows(t, b);
}

/* The same, while the last row is still to come: its chain takes as long as half of all else. Where an
 * image is narrow, the chain runs over its end; nothing looks there. */
static void grey_dct64(pdq_grey *g, float b[ROWS * ROWS])
{
    enum { LAST = PDQ_SIDE - 1 };
    float t[ROWS][PDQ_SIDE];
    _Static_assert(PDQ_SIDE / 8 * 2 * (LAST + 1) / 2 + 4 < PDQ_GREY_LINE, "columns of the chain");
    transform_columns(g->out, t, LAST, &g->chain);
    pdq_grey_last_row(g, g->z[g->height % PDQ_GREY_WINDOW]);
    for (int j = 0; j < PDQ_SIDE; j += 8)
        for (int first = 0; first < ROWS; first += HALF) {
            __m256 sum[HALF];
            for (int i = 0; i < HALF; i++)
                sum[i] = _mm256_loadu_ps(&t[first + i][j]);
            add_row(sum, g->out + j, LAST, first);
            for (int i = 0; i < HALF; i++)
                _mm256_storeu_ps(&t[first + i][j], sum[i]);
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
