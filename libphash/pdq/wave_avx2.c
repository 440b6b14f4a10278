/* The wave for AVX2: eight rows at a time. */
#include "pdq/ops_avx2.h"

static inline VF leave(VF s, float *p)
{
    const __m256i up = _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6);
    const VF turned = _mm256_permutevar8x32_ps(s, up);
    _mm_store_ss(p, _mm256_castps256_ps128(turned));
    return turned;
}

static inline VF enter(VF turned, const float *p)
{
    return _mm256_blend_ps(turned, _mm256_castps128_ps256(_mm_load_ss(p)), 1);
}

/* Lanes from `shift` on come from the lanes of a below; the others from the upper lanes of b. Both are read
 * where they are in place: moving them about takes longer. */
typedef __m256 window;

static inline window window_of(uint32_t shift, const float **same, const float **before)
{
    const VI lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    *same -= shift;
    *before += LANES - shift;
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(lane, _mm256_set1_epi32((int)shift - 1)));
}

static inline VF leaving(const float *same, const float *before, const window *w)
{
    return _mm256_blendv_ps(load(before), load(same), *w);
}

enum { KEEPS = 0, STAGGERED = 1 };

static inline void keep(float *p, const uint16_t *mask, VF z)
{
    (void)mask;
    store(p, z);
}

#include "pdq/wave_template.h"

/* A gather is sixteen loads and no faster than these. */
static void second_avx2(const pdq_second *s)
{
    const VF inverse = splat(s->inverse), rest = splat(s->rest);
    float picked[PDQ_SIDE];
    for (int i = 0; i < PDQ_SIDE; i++)
        picked[i] = s->z[s->index[i]];
    for (int i = 0; i < PDQ_SIDE; i += LANES) {
        VF v = load(picked + i);
        if (s->inverse != 0.0f)
            v = divide(v, inverse, rest);
        store(s->sum + i, sub(add(load(s->sum + i), v), load(s->slot + i)));
        store(s->slot + i, v);
    }
}

void pdq_wave_avx2(pdq_kernels *kernels)
{
    kernels->lanes = LANES;
    kernels->keeps = KEEPS;
    kernels->run = run_wave;
    kernels->second = second_avx2;
}
