/* The wave for AVX2: eight rows at a time. */
#include "pdq/kernels.h"

#include <immintrin.h>

enum { LANES = 8 };
typedef __m256 VF;
typedef __m256i VI;

static inline VF load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline void store(float *p, VF v)
{
    _mm256_storeu_ps(p, v);
}
static inline VF splat(float v)
{
    return _mm256_set1_ps(v);
}
static inline VF add(VF a, VF b)
{
    return _mm256_add_ps(a, b);
}
static inline VF sub(VF a, VF b)
{
    return _mm256_sub_ps(a, b);
}
static inline VF mul(VF a, VF b)
{
    return _mm256_mul_ps(a, b);
}
static inline VF masked(VF v, const uint32_t *p)
{
    return _mm256_and_ps(v, load((const float *)(const void *)p));
}

/* See wave_avx512.c for why this is s / c correctly rounded. */
static inline VF divide(VF s, VF c, VF r)
{
    const VF q = mul(s, r);
    return _mm256_fmadd_ps(_mm256_fnmadd_ps(q, c, s), r, q);
}

/* Eight rows of 16 bytes, transposed as 32-bit units: lane 4j + i comes from 128-bit lane j of
 * vector i. Inserting from memory is a blend, and leaves the shuffle port alone. */
static inline VI rows2(const uint8_t *p, ptrdiff_t pitch)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p)),
                                   _mm_loadu_si128((const __m128i *)(p + 4 * pitch)), 1);
}

static inline void group(const uint8_t *p, ptrdiff_t pitch, VI d[4])
{
    const VI a = rows2(p, pitch), b = rows2(p + pitch, pitch);
    const VI c = rows2(p + 2 * pitch, pitch), e = rows2(p + 3 * pitch, pitch);
    const VI ab0 = _mm256_unpacklo_epi32(a, b), ab1 = _mm256_unpackhi_epi32(a, b);
    const VI ce0 = _mm256_unpacklo_epi32(c, e), ce1 = _mm256_unpackhi_epi32(c, e);
    d[0] = _mm256_unpacklo_epi64(ab0, ce0);
    d[1] = _mm256_unpackhi_epi64(ab0, ce0);
    d[2] = _mm256_unpacklo_epi64(ab1, ce1);
    d[3] = _mm256_unpackhi_epi64(ab1, ce1);
}

/* A byte put into the low bits of the mantissa of 2^23 is the float 2^23 + b; into the bits from 8
 * up of 2^15, it is 2^15 + b. Then fma(weight, 2^n + b, -weight * 2^n) rounds weight * b once, since
 * weight * 2^n is exact: conversion and product in one operation. */
typedef struct colours {
    VI low, high, third, magic23,
        magic15; /* third: each lane's byte 2, then zeros, for a shuffle */
    VF weight[3], less23[3], less15[3];
} colours;

static inline colours colours_of(void)
{
    static const float weights[3] = {0.299f, 0.587f, 0.114f};
    colours k = {.low = _mm256_set1_epi32(0xff),
                 .high = _mm256_set1_epi32(0xff00),
                 .third = _mm256_setr_epi32(~0xfd, ~0xf9, ~0xf5, ~0xf1, ~0xfd, ~0xf9, ~0xf5, ~0xf1),
                 .magic23 = _mm256_set1_epi32(0x4b000000),
                 .magic15 = _mm256_set1_epi32(0x47000000)};
    for (int i = 0; i < 3; i++) {
        k.weight[i] = splat(weights[i]);
        k.less23[i] = splat(-weights[i] * 0x1p23f);
        k.less15[i] = splat(-weights[i] * 0x1p15f);
    }
    return k;
}

/* Byte 1 is put into 2^15, the others into 2^23. Every byte takes two operations. */
static inline VF with_magic(VI d, int at, const colours *k)
{
    VI v;
    if (at == 0)
        v = _mm256_and_si256(d, k->low);
    else if (at == 1)
        v = _mm256_and_si256(d, k->high);
    else if (at == 2)
        v = _mm256_shuffle_epi8(d, k->third);
    else
        v = _mm256_srli_epi32(d, 24);
    return _mm256_castsi256_ps(_mm256_or_si256(v, at == 1 ? k->magic15 : k->magic23));
}

static inline VF product(VI d, int at, int colour, const colours *k)
{
    return _mm256_fmadd_ps(k->weight[colour], with_magic(d, at, k),
                           at == 1 ? k->less15[colour] : k->less23[colour]);
}

static inline VF grey(VI d, int at, const colours *k)
{
    return sub(with_magic(d, at, k), splat(at == 1 ? 0x1p15f : 0x1p23f));
}

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

/* Lanes from `shift` on come from the lanes of a below; the others from the upper lanes of b. */
typedef struct window {
    VI turn, same;
} window;

static inline window window_of(uint32_t shift)
{
    const VI lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const VI by = _mm256_set1_epi32((int)shift), seven = _mm256_set1_epi32(7);
    return (window){_mm256_and_si256(_mm256_sub_epi32(lane, by), seven),
                    _mm256_cmpgt_epi32(_mm256_sub_epi32(_mm256_set1_epi32(8), by), lane)};
}

static inline VF leaving(const float *same, const float *before, const window *w)
{
    return _mm256_permutevar8x32_ps(
        _mm256_blendv_ps(load(before), load(same), _mm256_castsi256_ps(w->same)), w->turn);
}

static inline void four(VF s, float *p)
{
    _mm_storeu_ps(p, _mm256_extractf128_ps(s, 1));
}

static inline VF leaving_four(const float *a, const float *p)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(a), 1);
}

enum { KEEPS = 0 };

static inline void keep(float *p, const uint16_t *mask, VF z)
{
    (void)mask;
    store(p, z);
}

static inline __attribute__((always_inline)) VF pick(VF a, VF z, int n)
{
    return n == 1   ? _mm256_blend_ps(a, z, 0x22)
           : n == 2 ? _mm256_blend_ps(a, z, 0x44)
                    : _mm256_blend_ps(a, z, 0x88);
}

#include "pdq/wave_template.h"

/* A gather is sixteen loads and no faster than these. */
static void second_avx2(const pdq_second *s)
{
    const VF count = splat(s->count), inverse = splat(s->inverse);
    float picked[PDQ_SIDE];
    for (int i = 0; i < PDQ_SIDE && s->index; i++)
        picked[i] = s->z[s->index[i]];
    const float *z = s->index ? picked : s->z;
    for (int i = 0; i < PDQ_SIDE; i += LANES) {
        VF v = load(z + i);
        if (s->count != 0.0f)
            v = divide(v, count, inverse);
        store(s->sum + i, sub(add(load(s->sum + i), v), load(s->slot + i)));
        store(s->slot + i, v);
    }
}

/* Four rows of 8 samples are one transposition, as four groups of pixels are. */
static void lay_avx2(const float *z, float rows[][PDQ_SIDE])
{
    enum { PITCH = LANES * sizeof(float) };
    for (int q = 0; q < LANES; q += 4)
        for (int i = 0; i < PDQ_SIDE; i += 8) {
            VI d[4];
            group((const uint8_t *)(z + (i + q / 4) * LANES + q), PITCH, d);
            for (int j = 0; j < 4; j++)
                _mm256_storeu_si256((__m256i *)&rows[q + j][i], d[j]);
        }
}

void pdq_wave_avx2(pdq_kernels *kernels)
{
    kernels->lanes = LANES;
    kernels->keeps = KEEPS;
    kernels->run = run_wave;
    kernels->second = second_avx2;
    kernels->lay = lay_avx2;
}
