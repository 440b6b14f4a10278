/* What follows the filter, for AVX-512: quality, DCT, medians and the eight hashes. */
#include "pdq/kernels.h"

#include "pdq/dct64_columns.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = PDQ_DCT_SIDE };

/* The whole part of |s / 255|, where s = (u - v) * 100, plus the bits of the float 2^23, whose last
 * place is 1.
 *
 * It is that of s * r, r being the float next to 1/255, if that is cut off and not rounded: r is too
 * large by 0.993 in 2^24, so a multiple of 255 gives no less than its quotient n, and the float
 * below a multiple, 255n(1 - e), less than n: e is least, 1.0039 in 2^24, where n is a power of two.
 * The reference divides and rounds before it cuts, which makes no n of less: s / 255 is further
 * below n than half a place of the floats there. */
static inline __m512i steps(__m512 u, __m512 v)
{
    const __m512 r = _mm512_set1_ps(1.0f / 255.0f), base = _mm512_set1_ps(0x1p23f);
    const __m512 s = _mm512_mul_ps(_mm512_sub_ps(u, v), _mm512_set1_ps(100.0f));
    return _mm512_castps_si512(
        _mm512_fmadd_round_ps(_mm512_abs_ps(s), r, base, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC));
}

static int quality(const float a[PDQ_SIDE * PDQ_SIDE])
{
    /* Both add up 256 times the bits of 2^23 in each lane, which is 0 modulo 2^32. */
    __m512i down = _mm512_setzero_si512(), across = down;
    for (int i = 0; i < PDQ_SIDE; i++)
        for (int j = 0; j < PDQ_SIDE; j += 16) {
            const float *at = a + i * PDQ_SIDE + j;
            const __m512 u = _mm512_loadu_ps(at);
            /* The last row and column have no neighbour: they are compared with themselves. */
            const __m512 below = i + 1 < PDQ_SIDE ? _mm512_loadu_ps(at + PDQ_SIDE) : u;
            const __mmask16 have = j + 16 < PDQ_SIDE ? 0xffff : 0x7fff;
            down = _mm512_add_epi32(down, steps(u, below));
            across = _mm512_add_epi32(across, steps(u, _mm512_mask_loadu_ps(u, have, at + 1)));
        }
    const int sum = _mm512_reduce_add_epi32(_mm512_add_epi32(down, across)) / 90;
    return sum < 100 ? sum : 100;
}

/* sum[i] += column k of the matrix times row k of 16 columns of a. */
static inline __attribute__((always_inline)) void add_row(__m512 sum[ROWS], const float *a, int k)
{
    const __m512 v = _mm512_loadu_ps(a + (ptrdiff_t)k * PDQ_SIDE);
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
        sum[i] = _mm512_add_ps(sum[i], _mm512_mul_ps(_mm512_set1_ps(dct_columns[k][i]), v));
}

/* The columns' transform by rows 0 .. rows - 1. A chain goes along, two columns with each row:
 * four operations that wait for each other beside 32 that don't. */
static inline __attribute__((always_inline)) void
transform_columns(const float a[PDQ_SIDE * PDQ_SIDE], float t[ROWS][PDQ_SIDE], const int rows,
                  pdq_grey_chain *chain)
{
    for (int j = 0; j < PDQ_SIDE; j += 16) {
        __m512 sum[ROWS];
        for (int i = 0; i < ROWS; i++)
            sum[i] = _mm512_setzero_ps();
        for (int k = 0; k < rows; k++) {
            add_row(sum, a + j, k);
            if (chain)
                pdq_grey_chain_to(chain, chain->x + 2);
        }
        for (int i = 0; i < ROWS; i++)
            _mm512_storeu_ps(&t[i][j], sum[i]);
    }
}

static inline void transform_rows(float t[ROWS][PDQ_SIDE], float b[ROWS * ROWS])
{
    __m512 sum[ROWS];
    for (int i = 0; i < ROWS; i++)
        sum[i] = _mm512_setzero_ps();
    for (int k = 0; k < PDQ_SIDE; k++) {
        const __m512 column = _mm512_loadu_ps(dct_columns[k]);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++)
            sum[i] = _mm512_add_ps(sum[i], _mm512_mul_ps(_mm512_set1_ps(t[i][k]), column));
    }
    for (int i = 0; i < ROWS; i++)
        _mm512_storeu_ps(b + i * ROWS, sum[i]);
}

/* Vectorised across outputs: every dot product is summed on its own, k ascending, each product
 * rounded before it is added. */
static void dct64(const float a[PDQ_SIDE * PDQ_SIDE], float b[ROWS * ROWS])
{
    float t[ROWS][PDQ_SIDE];
    transform_columns(a, t, PDQ_SIDE, NULL);
    transform_rows(t, b);
}

/* The same, while the last row is still to come: its chain takes as long as three quarters of all
 * else. Where an image is narrow, the chain runs over its end; nothing looks there. */
static void grey_dct64(pdq_grey *g, float b[ROWS * ROWS])
{
    enum { LAST = PDQ_SIDE - 1 };
    float t[ROWS][PDQ_SIDE];
    pdq_grey_chain *chain = &g->chain;
    _Static_assert(2 * (PDQ_SIDE / 16 * LAST + 1) + 2 < PDQ_GREY_LINE, "columns of the chain");
    transform_columns(g->out, t, LAST, chain);
    pdq_grey_last_row(g, g->z[g->height % PDQ_GREY_WINDOW]);
    for (int j = 0; j < PDQ_SIDE; j += 16) {
        __m512 sum[ROWS];
        for (int i = 0; i < ROWS; i++)
            sum[i] = _mm512_loadu_ps(&t[i][j]);
        add_row(sum, g->out + j, LAST);
        for (int i = 0; i < ROWS; i++)
            _mm512_storeu_ps(&t[i][j], sum[i]);
    }
    transform_rows(t, b);
}

/* Floats as integers in the same order: all bits of a negative number are flipped, of the others
 * the sign. (-0 comes before +0; as a threshold the two are the same.) */
static inline __m512i key_of(__m512 v)
{
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i sign = _mm512_srai_epi32(bits, 31);
    return _mm512_xor_si512(bits, _mm512_or_si512(sign, _mm512_set1_epi32(INT32_MIN)));
}

/* The lower median. The upper halves of the keys are searched bit by bit: the largest h such that
 * at most 127 halves are below it. The few keys that have this half are then sorted out. */
static float lower_median(const __m512 row[ROWS])
{
    enum { RANK = ROWS * ROWS / 2 - 1 };
    const __m512i upper =
        _mm512_setr_epi32(0x00030001, 0x00070005, 0x000b0009, 0x000f000d, 0x00130011, 0x00170015,
                          0x001b0019, 0x001f001d, 0x00230021, 0x00270025, 0x002b0029, 0x002f002d,
                          0x00330031, 0x00370035, 0x003b0039, 0x003f003d);
    __m512i key[ROWS], half[ROWS / 2];
    for (int i = 0; i < ROWS; i++)
        key[i] = key_of(row[i]);
    for (int i = 0; i < ROWS / 2; i++)
        half[i] = _mm512_permutex2var_epi16(key[2 * i], upper, key[2 * i + 1]);
    uint32_t h = 0;
    int below = 0;
    for (uint32_t bit = 0x8000; bit; bit >>= 1) {
        const __m512i pivot = _mm512_set1_epi16((short)(h | bit));
        int count = 0;
        for (int i = 0; i < ROWS / 2; i++)
            count += __builtin_popcount(_mm512_cmplt_epu16_mask(half[i], pivot));
        if (count <= RANK) {
            h |= bit;
            below = count;
        }
    }
    uint32_t candidate[ROWS * ROWS + ROWS];
    int n = 0;
    const __m512i wanted = _mm512_set1_epi32((int)h);
    for (int i = 0; i < ROWS; i++) {
        const __mmask16 m = _mm512_cmpeq_epi32_mask(_mm512_srli_epi32(key[i], 16), wanted);
        _mm512_storeu_si512(candidate + n, _mm512_maskz_compress_epi32(m, key[i]));
        n += __builtin_popcount(m);
    }
    /* The one with exactly rank - below before it, equal ones counted by position. */
    uint32_t found = candidate[0];
    if (n > 1) {
        uint32_t low = 0;
        for (uint32_t bit = 0x8000; bit; bit >>= 1) {
            const uint32_t pivot = h << 16 | low | bit;
            int count = below;
            for (int i = 0; i < n; i++)
                count += candidate[i] < pivot;
            if (count <= RANK)
                low |= bit;
        }
        found = h << 16 | low;
    }
    const uint32_t bits = found & 0x80000000u ? found ^ 0x80000000u : ~found;
    float median;
    memcpy(&median, &bits, sizeof median);
    return median;
}

/* Bit j of word i is set where coefficient i, j is above the median. */
static void words_of(const __m512 row[ROWS], uint16_t word[ROWS])
{
    const __m512 median = _mm512_set1_ps(lower_median(row));
    for (int i = 0; i < ROWS; i++)
        word[i] = (uint16_t)_mm512_cmp_ps_mask(row[i], median, _CMP_GT_OQ);
}

/* The text form begins with the last word, and each word with its upper byte. */
static void put_hash(const uint16_t word[ROWS], phash_hash256 *hash)
{
    for (int i = 0; i < ROWS; i++) {
        hash->bytes[PHASH_HASH256_BYTES - 1 - 2 * i] = (uint8_t)word[i];
        hash->bytes[PHASH_HASH256_BYTES - 2 - 2 * i] = (uint8_t)(word[i] >> 8);
    }
}

static void transpose(const uint16_t in[ROWS], uint16_t out[ROWS])
{
    const __m256i v = _mm256_loadu_si256((const __m256i *)in);
    for (int j = 0; j < ROWS; j++)
        out[j] = (uint16_t)_mm256_test_epi16_mask(v, _mm256_set1_epi16((short)(1 << j)));
}

static void threshold(const float b[ROWS * ROWS], phash_hash256 *hash)
{
    __m512 row[ROWS];
    uint16_t word[ROWS];
    for (int i = 0; i < ROWS; i++)
        row[i] = _mm512_loadu_ps(b + i * ROWS);
    words_of(row, word);
    put_hash(word, hash);
}

/* Transposing does not change the median, so there are four signs of rows and columns, and each
 * gives a hash and its transpose. */
static void dihedral(const float b[ROWS * ROWS], phash_hash256 hash[PHASH_DIHEDRALS])
{
    static const struct {
        phash_dihedral here, across;
        bool rows, columns; /* those with an even index change sign; both: odd i + j does */
    } turn[4] = {
        {PHASH_DIHEDRAL_ORIGINAL, PHASH_DIHEDRAL_TRANSPOSE, false, false},
        {PHASH_DIHEDRAL_FLIPY, PHASH_DIHEDRAL_ROTATE90, false, true},
        {PHASH_DIHEDRAL_FLIPX, PHASH_DIHEDRAL_ROTATE270, true, false},
        {PHASH_DIHEDRAL_ROTATE180, PHASH_DIHEDRAL_ANTITRANSPOSE, true, true},
    };
    const __m512 minus = _mm512_set1_ps(-0.0f);
    for (int k = 0; k < 4; k++) {
        __m512 row[ROWS];
        uint16_t word[ROWS], turned[ROWS];
        for (int i = 0; i < ROWS; i++) {
            const __mmask16 columns = turn[k].columns ? 0x5555 : 0;
            const __mmask16 flip = turn[k].rows && i % 2 == 0 ? (__mmask16)~columns : columns;
            const __m512 v = _mm512_loadu_ps(b + i * ROWS);
            row[i] = _mm512_mask_xor_ps(v, flip, v, minus);
        }
        words_of(row, word);
        put_hash(word, &hash[turn[k].here]);
        transpose(word, turned);
        put_hash(turned, &hash[turn[k].across]);
    }
}

void pdq_finish_avx512(pdq_kernels *kernels)
{
    kernels->quality = quality;
    kernels->dct64 = dct64;
    kernels->grey_dct64 = grey_dct64;
    kernels->threshold = threshold;
    kernels->dihedral = dihedral;
}
