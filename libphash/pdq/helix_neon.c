/* The helix for Advanced SIMD: four vectors of four rows each. */
#include "pdq/ops_neon.h"

static inline __attribute__((always_inline)) void two_groups_of(const pdq_rows *r, int q, int turn,
                                                                ptrdiff_t at, VI d[8])
{
    group_of(r, q, turn, at, d);
    group_of(r, q, turn, at + 16, d + 4);
}

static inline VF down(VF a, VF b)
{
    return vextq_f32(a, b, 1);
}

static inline void first(VF v, float *p)
{
    vst1q_lane_f32(p, v, 0);
}

static inline void lowest(VF v, float *p)
{
    store(p, v);
}

static inline VF pick(VF a, VF z, int n)
{
    return n == 1   ? vcopyq_laneq_f32(a, 2, z, 2)
           : n == 2 ? vcopyq_laneq_f32(a, 1, z, 1)
                    : vcopyq_laneq_f32(a, 0, z, 0);
}

static inline VF join(VF v, VF a, const uint32_t *p)
{
    return add(masked(v, p), a);
}

#include "pdq/helix_template.h"

void pdq_helix_neon(pdq_kernels *kernels)
{
    kernels->helix = run_helix;
    kernels->helix_second = second_helix;
}
