/* The wave for Advanced SIMD: four rows at a time. */
#include "pdq/kernels.h"

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

/* See wave_avx512.c for why this is s / c correctly rounded. */
static inline VF divide(VF s, VF c, VF r)
{
    const VF q = mul(s, r);
    return vfmaq_f32(q, vfmsq_f32(s, q, c), r);
}

/* Four rows of 16 bytes, transposed as 32-bit units. */
static inline void group(const uint8_t *p, ptrdiff_t pitch, VI d[4])
{
    const VI a = vreinterpretq_u32_u8(vld1q_u8(p));
    const VI b = vreinterpretq_u32_u8(vld1q_u8(p + pitch));
    const VI c = vreinterpretq_u32_u8(vld1q_u8(p + 2 * pitch));
    const VI e = vreinterpretq_u32_u8(vld1q_u8(p + 3 * pitch));
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

static inline VF leave(VF s, float *p)
{
    vst1q_lane_f32(p, s, 3);
    return s;
}

static inline VF enter(VF s, const float *p)
{
    return vextq_f32(vld1q_dup_f32(p), s, 3);
}

typedef uint8x16_t window;

/* Byte indices into the vector pair (a, b): lane q is lane q - shift of a, or 4 + q - shift of b. */
static inline window window_of(uint32_t shift)
{
    uint8_t at[16];
    for (uint32_t i = 0; i < 16; i++)
        at[i] = (uint8_t)((i - 4 * shift) & 31);
    return vld1q_u8(at);
}

static inline VF leaving(const float *same, const float *before, const window *w)
{
    const uint8x16x2_t pair = {
        {vreinterpretq_u8_f32(load(same)), vreinterpretq_u8_f32(load(before))}};
    return vreinterpretq_f32_u8(vqtbl2q_u8(pair, *w));
}

static inline void four(VF s, float *p)
{
    store(p, s);
}

static inline VF leaving_four(const float *a, const float *p)
{
    (void)a;
    return load(p);
}

enum { KEEPS = 0 };

static inline void keep(float *p, const uint16_t *mask, VF z)
{
    (void)mask;
    store(p, z);
}

static inline VF pick(VF a, VF z, int n)
{
    return n == 1   ? vcopyq_laneq_f32(a, 1, z, 1)
           : n == 2 ? vcopyq_laneq_f32(a, 2, z, 2)
                    : vcopyq_laneq_f32(a, 3, z, 3);
}

#include "pdq/wave_template.h"

static void second_neon(const pdq_second *s)
{
    const VF count = splat(s->count), inverse = splat(s->inverse);
    for (int i = 0; i < PDQ_SIDE; i += LANES) {
        float picked[LANES];
        for (int j = 0; j < LANES; j++)
            picked[j] = s->z[s->index ? s->index[i + j] : i + j];
        VF v = load(picked);
        if (s->count != 0.0f)
            v = divide(v, count, inverse);
        store(s->sum + i, sub(add(load(s->sum + i), v), load(s->slot + i)));
        store(s->slot + i, v);
    }
}

static void lay_neon(const float *z, float rows[][PDQ_SIDE])
{
    for (int i = 0; i < PDQ_SIDE; i += 4) {
        VI d[4];
        group((const uint8_t *)(z + i * LANES), LANES * sizeof(float), d);
        for (int j = 0; j < 4; j++)
            vst1q_u32((uint32_t *)(void *)&rows[j][i], d[j]);
    }
}

void pdq_wave_neon(pdq_kernels *kernels)
{
    kernels->lanes = LANES;
    kernels->keeps = KEEPS;
    kernels->run = run_wave;
    kernels->second = second_neon;
    kernels->lay = lay_neon;
}
