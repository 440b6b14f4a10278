/* Vectors of Advanced SIMD for the filters' templates (wave_template.h, helix_template.h). */
#ifndef PHASH_PDQ_OPS_NEON_H
#define PHASH_PDQ_OPS_NEON_H

#include "pdq/kernels.h"
#include "pdq/rows.h"

#include <arm_neon.h>

enum { LANES = 4 };
typedef float32x4_t VF;
typedef uint32x4_t VI;

static inline VF load(const float *p)
{
    return vld1q_f32(p);
}
static inline void store(float *p, VF v)
{
    vst1q_f32(p, v);
}
static inline void store_dwords(void *p, VI v)
{
    vst1q_u32((uint32_t *)p, v);
}
static inline VF splat(float v)
{
    return vdupq_n_f32(v);
}
static inline VF add(VF a, VF b)
{
    return vaddq_f32(a, b);
}
static inline VF sub(VF a, VF b)
{
    return vsubq_f32(a, b);
}
static inline VF mul(VF a, VF b)
{
    return vmulq_f32(a, b);
}
static inline VF masked(VF v, const uint32_t *p)
{
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), vld1q_u32(p)));
}

/* See pdq_reciprocal; that nothing can underflow: wave.c. */
static inline VF divide(VF s, VF inverse, VF rest)
{
    return vfmaq_f32(mul(s, rest), s, inverse);
}

/* 16 bytes, from byte `at` on, of four rows q, q + turn, ..., transposed as
 * 32-bit units. */
static inline __attribute__((always_inline)) void group_of(const pdq_rows *r, int q, int turn,
                                                           ptrdiff_t at, VI d[4])
{
    const VI a = vreinterpretq_u32_u8(vld1q_u8(pdq_row(r, q) + at)),
             b = vreinterpretq_u32_u8(vld1q_u8(pdq_row(r, q + 1 * turn) + at));
    const VI c = vreinterpretq_u32_u8(vld1q_u8(pdq_row(r, q + 2 * turn) + at)),
             e = vreinterpretq_u32_u8(vld1q_u8(pdq_row(r, q + 3 * turn) + at));
    const uint64x2_t ab0 = vreinterpretq_u64_u32(vzip1q_u32(a, b));
    const uint64x2_t ab1 = vreinterpretq_u64_u32(vzip2q_u32(a, b));
    const uint64x2_t ce0 = vreinterpretq_u64_u32(vzip1q_u32(c, e));
    const uint64x2_t ce1 = vreinterpretq_u64_u32(vzip2q_u32(c, e));
    d[0] = vreinterpretq_u32_u64(vzip1q_u64(ab0, ce0));
    d[1] = vreinterpretq_u32_u64(vzip2q_u64(ab0, ce0));
    d[2] = vreinterpretq_u32_u64(vzip1q_u64(ab1, ce1));
    d[3] = vreinterpretq_u32_u64(vzip2q_u64(ab1, ce1));
}

typedef struct colours {
    VI low;
    VF weight[3];
} colours;

static inline colours colours_of(void)
{
    return (colours){vdupq_n_u32(0xff), {splat(0.299f), splat(0.587f), splat(0.114f)}};
}

static inline VF grey(VI d, int at, const colours *k)
{
    const VI v = at == 0   ? d
                 : at == 1 ? vshrq_n_u32(d, 8)
                 : at == 2 ? vshrq_n_u32(d, 16)
                           : vshrq_n_u32(d, 24);
    return vcvtq_f32_u32(vandq_u32(v, k->low));
}

static inline VF product(VI d, int at, int colour, const colours *k)
{
    return mul(grey(d, at, k), k->weight[colour]);
}

#endif
