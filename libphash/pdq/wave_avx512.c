/* The wave for AVX-512: sixteen rows at a time. */
#include "pdq/kernels.h"

#include <immintrin.h>

enum { LANES = 16 };
typedef __m512 VF;
typedef __m512i VI;

static inline VF load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline void store(float *p, VF v)
{
    _mm512_storeu_ps(p, v);
}
static inline VF splat(float v)
{
    return _mm512_set1_ps(v);
}
static inline VF add(VF a, VF b)
{
    return _mm512_add_ps(a, b);
}
static inline VF sub(VF a, VF b)
{
    return _mm512_sub_ps(a, b);
}
static inline VF mul(VF a, VF b)
{
    return _mm512_mul_ps(a, b);
}
static inline VF masked(VF v, const uint32_t *p)
{
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(v), _mm512_loadu_si512(p)));
}

/* Markstein: with r = RN(1/c) and q within an ulp of s/c, the remainder s - q c is exact in one FMA
 * and RN(q + remainder * r) is RN(s/c). That RN(s r) is close enough is no theorem for all c;
 * test_division tries every mantissa of s for every c up to PDQ_WINDOW_MAX. That nothing can
 * underflow: see wave.c. */
static inline VF divide(VF s, VF c, VF r)
{
    const VF q = mul(s, r);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(q, c, s), r, q);
}

/* Sixteen rows of 16 bytes, transposed as 32-bit units: lane 4j + i comes from 128-bit lane j of
 * vector i. Inserting from memory is a blend, and leaves the shuffle port alone. */
static inline VI rows4(const uint8_t *p, ptrdiff_t pitch)
{
    VI v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)p));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(p + 4 * pitch)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(p + 8 * pitch)), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(p + 12 * pitch)), 3);
}

static inline void group(const uint8_t *p, ptrdiff_t pitch, VI d[4])
{
    const VI a = rows4(p, pitch), b = rows4(p + pitch, pitch);
    const VI c = rows4(p + 2 * pitch, pitch), e = rows4(p + 3 * pitch, pitch);
    const VI ab0 = _mm512_unpacklo_epi32(a, b), ab1 = _mm512_unpackhi_epi32(a, b);
    const VI ce0 = _mm512_unpacklo_epi32(c, e), ce1 = _mm512_unpackhi_epi32(c, e);
    d[0] = _mm512_unpacklo_epi64(ab0, ce0);
    d[1] = _mm512_unpackhi_epi64(ab0, ce0);
    d[2] = _mm512_unpacklo_epi64(ab1, ce1);
    d[3] = _mm512_unpackhi_epi64(ab1, ce1);
}

/* A byte put into the low bits of the mantissa of 2^23 is the float 2^23 + b; into the bits from 8
 * up of 2^15, it is 2^15 + b. Then fma(weight, 2^n + b, -weight * 2^n) rounds weight * b once, since
 * weight * 2^n is exact: conversion and product in one operation. Bytes 2 and 3 come to the low
 * bits through a dot product with a unit vector. */
typedef struct colours {
    VI low, high, magic23, magic15, unit2, unit3;
    VF weight[3], less23[3], less15[3];
} colours;

static inline colours colours_of(void)
{
    static const float weights[3] = {0.299f, 0.587f, 0.114f};
    colours k = {.low = _mm512_set1_epi32(0xff),
                 .high = _mm512_set1_epi32(0xff00),
                 .magic23 = _mm512_set1_epi32(0x4b000000),
                 .magic15 = _mm512_set1_epi32(0x47000000),
                 .unit2 = _mm512_set1_epi32(0x00010000),
                 .unit3 = _mm512_set1_epi32(0x01000000)};
    for (int i = 0; i < 3; i++) {
        k.weight[i] = splat(weights[i]);
        k.less23[i] = splat(-weights[i] * 0x1p23f);
        k.less15[i] = splat(-weights[i] * 0x1p15f);
    }
    return k;
}

static inline VF with_magic(VI d, int at, const colours *k)
{
    enum { AND_OR = 0xea }; /* a & b | c, of ternarylogic(c, b, a) below: c | (b & a) */
    VI v;
    if (at == 0)
        v = _mm512_ternarylogic_epi32(d, k->low, k->magic23, AND_OR);
    else if (at == 1)
        v = _mm512_ternarylogic_epi32(d, k->high, k->magic15, AND_OR);
    else
        v = _mm512_dpbusd_epi32(k->magic23, d, at == 2 ? k->unit2 : k->unit3);
    return _mm512_castsi512_ps(v);
}

static inline VF product(VI d, int at, int colour, const colours *k)
{
    return _mm512_fmadd_ps(k->weight[colour], with_magic(d, at, k),
                           at == 1 ? k->less15[colour] : k->less23[colour]);
}

static inline VF grey(VI d, int at, const colours *k)
{
    return sub(with_magic(d, at, k), splat(at == 1 ? 0x1p15f : 0x1p23f));
}

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

static inline window window_of(uint32_t shift)
{
    /* Index 16 + i is lane i of the second operand. */
    const VI lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_and_si512(_mm512_sub_epi32(lane, _mm512_set1_epi32((int)shift)),
                            _mm512_set1_epi32(31));
}

static inline VF leaving(const float *same, const float *before, const window *w)
{
    return _mm512_permutex2var_ps(load(same), *w, load(before));
}

static inline void four(VF s, float *p)
{
    _mm_storeu_ps(p, _mm512_extractf32x4_ps(s, 3));
}

static inline VF leaving_four(const float *a, const float *p)
{
    const VI before = _mm512_castps_si512(_mm512_broadcast_f32x4(_mm_loadu_ps(p)));
    return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_loadu_si512(a), before, 12));
}

enum { KEEPS = 1 };

static inline void keep(float *p, const uint16_t *mask, VF z)
{
    _mm512_mask_storeu_ps(p, _load_mask16((__mmask16 *)(uintptr_t)mask), z);
}

static inline VF pick(VF a, VF z, int n)
{
    return _mm512_mask_mov_ps(a, (__mmask16)(0x1111 << n), z);
}

#include "pdq/wave_template.h"

static void second_avx512(const pdq_second *s)
{
    const VF count = splat(s->count), inverse = splat(s->inverse);
    for (int i = 0; i < PDQ_SIDE; i += 16) {
        VF v = s->index ? _mm512_i32gather_ps(_mm512_loadu_si512(s->index + i), s->z, 4)
                        : load(s->z + i);
        if (s->count != 0.0f)
            v = divide(v, count, inverse);
        store(s->sum + i, sub(add(load(s->sum + i), v), load(s->slot + i)));
        store(s->slot + i, v);
    }
}

/* Four rows of 16 samples are one transposition, as four groups of pixels are. */
static void lay_avx512(const float *z, float rows[][PDQ_SIDE])
{
    enum { PITCH = LANES * sizeof(float) };
    for (int q = 0; q < LANES; q += 4)
        for (int i = 0; i < PDQ_SIDE; i += 16) {
            VI d[4];
            group((const uint8_t *)(z + (i + q / 4) * LANES + q), PITCH, d);
            for (int j = 0; j < 4; j++)
                _mm512_storeu_si512(&rows[q + j][i], d[j]);
        }
}

void pdq_wave_avx512(pdq_kernels *kernels)
{
    kernels->lanes = LANES;
    kernels->keeps = KEEPS;
    kernels->run = run_wave;
    kernels->second = second_avx512;
    kernels->lay = lay_avx512;
}
