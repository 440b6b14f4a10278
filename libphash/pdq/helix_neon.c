/* The helix for Advanced SIMD: four vectors of four rows each. */
#include "pdq/ops_neon.h"

#include "pdq/helix_edges.h"

#define TOGETHER    4
#define KEEPS_MEANS 0
#define STAGGERED   0

static inline VF enter(VF a, const float *p)
{
    return vextq_f32(a, vld1q_dup_f32(p), 1);
}

static inline void first(VF v, float *p)
{
    vst1q_lane_f32(p, v, 0);
}

static inline void lowest(const VF v[4], float *p)
{
    for (int i = 0; i < 4; i++)
        first(v[i], p + i);
}

/* LAST is 1. */
static inline void keep(float *p, VF z, int n)
{
    (void)n;
    store(p, z);
}

#include "pdq/helix_template.h"

#include "pdq/helix_second.h"

void pdq_helix_neon(pdq_kernels *kernels)
{
    kernels->helix = run_helix;
    kernels->helix_second = second_helix;
}
