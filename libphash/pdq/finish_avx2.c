/* What follows the filter, for AVX2: quality and DCT. */
#include "pdq/kernels.h"

#include "pdq/dct64_columns.h"

#include <immintrin.h>

enum { ROWS = PDQ_DCT_SIDE };

/* s / 255, rounded correctly: see divide() in wave_avx2.c. */
static inline __m256i steps(__m256 u, __m256 v)
{
    const __m256 c = _mm256_set1_ps(255.0f), r = _mm256_set1_ps(1.0f / 255.0f);
    const __m256 s = _mm256_mul_ps(_mm256_sub_ps(u, v), _mm256_set1_ps(100.0f));
    const __m256 q = _mm256_mul_ps(s, r);
    const __m256 d = _mm256_fmadd_ps(_mm256_fnmadd_ps(q, c, s), r, q);
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

/* Vectorised across outputs: every dot product is summed on its own, k ascending, each product
 * rounded before it is added. */
static void dct64(const float a[PDQ_SIDE * PDQ_SIDE], float b[ROWS * ROWS])
{
    float t[ROWS][PDQ_SIDE];
    enum { HALF = ROWS / 2 };
    for (int j = 0; j < PDQ_SIDE; j += 8)
        for (int first = 0; first < ROWS; first += HALF) {
            __m256 sum[HALF];
            for (int i = 0; i < HALF; i++)
                sum[i] = _mm256_setzero_ps();
            for (int k = 0; k < PDQ_SIDE; k++) {
                const __m256 v = _mm256_loadu_ps(a + k * PDQ_SIDE + j);
#pragma GCC unroll 8
                for (int i = 0; i < HALF; i++)
                    sum[i] = _mm256_add_ps(
                        sum[i], _mm256_mul_ps(_mm256_set1_ps(dct_columns[k][first + i]), v));
            }
            for (int i = 0; i < HALF; i++)
                _mm256_storeu_ps(&t[first + i][j], sum[i]);
        }
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

void pdq_finish_avx2(pdq_kernels *kernels)
{
    kernels->quality = quality;
    kernels->dct64 = dct64;
}
