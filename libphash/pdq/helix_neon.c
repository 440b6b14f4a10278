/* The helix for Advanced SIMD: four vectors of four rows each. */
#include "pdq/ops_neon.h"

enum { TOGETHER = 4 };

static inline __attribute__((always_inline)) void two_groups_of(const pdq_rows *r, int q, int turn,
                                                                ptrdiff_t at, VI d[8])
{
    group_of(r, q, turn, at, d);
    group_of(r, q, turn, at + 16, d + 4);
}

static inline VF enter(VF a, const float *p)
{
    return vextq_f32(a, vld1q_dup_f32(p), 1);
}

static inline void first(VF v, float *p)
{
    vst1q_lane_f32(p, v, 0);
}

static inline void lowest(VF v, float *p)
{
    first(v, p);
}

/* LAST is 1. */
static inline void keep(float *p, VF z, int n)
{
    (void)n;
    store(p, z);
}

typedef const uint32_t *edge;
static inline edge edge_of(const uint32_t *p)
{
    return p;
}
static inline VF only(const float *p, edge e)
{
    return masked(load(p), e);
}
static inline VF join(VF v, VF a, edge e)
{
    return add(masked(v, e), a);
}

#include "pdq/helix_template.h"

void pdq_helix_neon(pdq_kernels *kernels)
{
    kernels->helix = run_helix;
    kernels->helix_second = second_helix;
}
