/* The helix for AVX-512: a vector is all sixteen rows. */
#include "pdq/ops_avx512.h"

#define TOGETHER    1
#define KEEPS_MEANS 1
#define STAGGERED   0

/* Halves of two rows to a vector, then quarters of four: fewer steps than twice group_of's. */
static inline __attribute__((always_inline)) VI halves(const pdq_rows *r, int q, int turn,
                                                       ptrdiff_t at)
{
    const __m256i *a = (const __m256i *)(pdq_row(r, q) + at);
    const __m256i *b = (const __m256i *)(pdq_row(r, q + 4 * turn) + at);
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(a)), _mm256_loadu_si256(b),
                              1);
}

static inline __attribute__((always_inline)) void two_groups_of(const pdq_rows *r, int q, int turn,
                                                                ptrdiff_t at, VI d[8])
{
    VI low[4], high[4];
    for (int i = 0; i < 4; i++) {
        const VI a = halves(r, q + i * turn, turn, at), b = halves(r, q + (i + 8) * turn, turn, at);
        low[i] = _mm512_shuffle_i32x4(a, b, 0x88);
        high[i] = _mm512_shuffle_i32x4(a, b, 0xdd);
    }
    turn_dwords(low, d);
    turn_dwords(high, d + 4);
}

static inline VF enter(VF a, const float *p)
{
    return _mm512_castsi512_ps(
        _mm512_alignr_epi32(_mm512_castps_si512(_mm512_set1_ps(*p)), _mm512_castps_si512(a), 1));
}

static inline void first(VF v, float *p)
{
    _mm_store_ss(p, _mm512_castps512_ps128(v));
}

static inline void lowest(const VF v[1], float *p)
{
    _mm_storeu_ps(p, _mm512_castps512_ps128(v[0]));
}

static inline void keep(float *p, VF z, int n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)(0x8888 >> n), z);
}

typedef __mmask16 edge;
static inline edge edge_of(const uint32_t *p)
{
    const VI mask = _mm512_loadu_si512(p);
    return _mm512_test_epi32_mask(mask, mask);
}
static inline VF only(const float *p, edge e)
{
    return _mm512_maskz_loadu_ps(e, p);
}
static inline VF join(VF v, VF a, edge e)
{
    return _mm512_mask_add_ps(a, e, v, a);
}

#include "pdq/helix_template.h"

#include "pdq/helix_second.h"

void pdq_helix_avx512(pdq_kernels *kernels)
{
    kernels->helix = run_helix;
    kernels->helix_second = second_helix;
}
