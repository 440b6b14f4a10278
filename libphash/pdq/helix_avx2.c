/* The helix for AVX2: two vectors of eight rows each. */
#include "pdq/ops_avx2.h"

#include "pdq/helix_edges.h"

#define TOGETHER    2
#define KEEPS_MEANS 0
#define STAGGERED   1

static inline VF enter(VF a, const float *p)
{
    const VI next = _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0);
    return _mm256_permutevar8x32_ps(_mm256_blend_ps(a, _mm256_broadcast_ss(p), 1), next);
}

static inline void first(VF v, float *p)
{
    _mm_store_ss(p, _mm256_castps256_ps128(v));
}

static inline void lowest(const VF v[2], float *p)
{
    _mm_storeu_ps(p, _mm_movelh_ps(_mm256_castps256_ps128(v[0]), _mm256_castps256_ps128(v[1])));
}

static inline void keep(float *p, VF z, int n)
{
    store(p, n == 0 ? z : _mm256_blend_ps(load(p), z, 0x55));
}

#include "pdq/helix_template.h"

#include "pdq/helix_second.h"

void pdq_helix_avx2(pdq_kernels *kernels)
{
    kernels->helix = run_helix;
    kernels->helix_second = second_helix;
}
