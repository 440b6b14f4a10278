/* The wave for Advanced SIMD: four rows at a time. */
#include "pdq/ops_neon.h"

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
static inline window window_of(uint32_t shift, const float **same, const float **before)
{
    (void)same, (void)before;
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

enum { KEEPS = 0, STAGGERED = 0 };

static inline void keep(float *p, const uint16_t *mask, VF z)
{
    (void)mask;
    store(p, z);
}

#include "pdq/wave_template.h"

static void second_neon(const pdq_second *s)
{
    const VF inverse = splat(s->inverse), rest = splat(s->rest);
    for (int i = 0; i < PDQ_SIDE; i += LANES) {
        float picked[LANES];
        for (int j = 0; j < LANES; j++)
            picked[j] = s->z[s->index[i + j]];
        VF v = load(picked);
        if (s->inverse != 0.0f)
            v = divide(v, inverse, rest);
        store(s->sum + i, sub(add(load(s->sum + i), v), load(s->slot + i)));
        store(s->slot + i, v);
    }
}

void pdq_wave_neon(pdq_kernels *kernels)
{
    kernels->lanes = LANES;
    kernels->keeps = KEEPS;
    kernels->run = run_wave;
    kernels->second = second_neon;
}
