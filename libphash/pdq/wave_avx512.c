/* The wave for AVX-512: sixteen rows at a time. */
#include "pdq/ops_avx512.h"

/* One float is stored and loaded, not a vector of which one lane is wanted: that would lie across
 * two cache lines at most steps. */
static inline VF leave(VF s, float *p)
{
    const VI v = _mm512_castps_si512(s);
    const VF turned = _mm512_castsi512_ps(_mm512_alignr_epi32(v, v, 15));
    _mm_store_ss(p, _mm512_castps512_ps128(turned));
    return turned;
}

static inline VF enter(VF turned, const float *p)
{
    return _mm512_mask_broadcastss_ps(turned, 1, _mm_load_ss(p));
}

typedef VI window;

static inline window window_of(uint32_t shift, const float **same, const float **before)
{
    (void)same, (void)before;
    /* Index 16 + i is lane i of the second operand. */
    const VI lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_and_si512(_mm512_sub_epi32(lane, _mm512_set1_epi32((int)shift)),
                            _mm512_set1_epi32(31));
}

static inline VF leaving(const float *same, const float *before, const window *w)
{
    return _mm512_permutex2var_ps(load(same), *w, load(before));
}

enum { KEEPS = 1, STAGGERED = 0 };

static inline void keep(float *p, const uint16_t *mask, VF z)
{
    _mm512_mask_storeu_ps(p, _load_mask16((__mmask16 *)(uintptr_t)mask), z);
}

#include "pdq/wave_template.h"

static void second_avx512(const pdq_second *s)
{
    const VF inverse = splat(s->inverse), rest = splat(s->rest);
    for (int i = 0; i < PDQ_SIDE; i += 16) {
        VF v = _mm512_i32gather_ps(_mm512_loadu_si512(s->index + i), s->z, 4);
        if (s->inverse != 0.0f)
            v = divide(v, inverse, rest);
        store(s->sum + i, sub(add(load(s->sum + i), v), load(s->slot + i)));
        store(s->slot + i, v);
    }
}

void pdq_wave_avx512(pdq_kernels *kernels)
{
    kernels->lanes = LANES;
    kernels->keeps = KEEPS;
    kernels->run = run_wave;
    kernels->second = second_avx512;
}
