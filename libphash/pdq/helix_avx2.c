/* The helix for AVX2: two vectors of eight rows each. */
#include "pdq/ops_avx2.h"

static inline __attribute__((always_inline)) void two_groups_of(const pdq_rows *r, int q, int turn,
                                                                ptrdiff_t at, VI d[8])
{
    group_of(r, q, turn, at, d);
    group_of(r, q, turn, at + 16, d + 4);
}

static inline VF down(VF a, VF b)
{
    const VI middle = _mm256_castps_si256(_mm256_permute2f128_ps(a, b, 0x21));
    return _mm256_castsi256_ps(_mm256_alignr_epi8(middle, _mm256_castps_si256(a), 4));
}

static inline void first(VF v, float *p)
{
    _mm_store_ss(p, _mm256_castps256_ps128(v));
}

static inline void lowest(VF v, float *p)
{
    _mm_storeu_ps(p, _mm256_castps256_ps128(v));
}

static inline __attribute__((always_inline)) VF pick(VF a, VF z, int n)
{
    return n == 1   ? _mm256_blend_ps(a, z, 0x44)
           : n == 2 ? _mm256_blend_ps(a, z, 0x22)
                    : _mm256_blend_ps(a, z, 0x11);
}

static inline VF join(VF v, VF a, const uint32_t *p)
{
    return add(masked(v, p), a);
}

#include "pdq/helix_template.h"

void pdq_helix_avx2(pdq_kernels *kernels)
{
    kernels->helix = run_helix;
    kernels->helix_second = second_helix;
}
