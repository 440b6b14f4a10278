/* Vectors of AVX2 for the filters' templates (wave_template.h, helix_template.h). */
#ifndef PHASH_PDQ_OPS_AVX2_H
#define PHASH_PDQ_OPS_AVX2_H

#include "pdq/kernels.h"
#include "pdq/rows.h"

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
static inline void store_dwords(void *p, VI v)
{
    _mm256_storeu_si256((__m256i *)p, v);
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

/* See pdq_reciprocal; that nothing can underflow: wave.c. */
static inline VF divide(VF s, VF inverse, VF rest)
{
    return _mm256_fmadd_ps(s, inverse, mul(s, rest));
}

/* 16 bytes, from byte `at` on, of eight rows q, q + turn, ..., transposed as
 * 32-bit units: lane 4j + i comes from 128-bit lane j of
 * vector i. Inserting from memory is a blend, and leaves the shuffle port alone. */
static inline __attribute__((always_inline)) VI rows2(const pdq_rows *r, int q, int turn,
                                                      ptrdiff_t at)
{
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(pdq_row(r, q) + at))),
        _mm_loadu_si128((const __m128i *)(pdq_row(r, q + 4 * turn) + at)), 1);
}

static inline __attribute__((always_inline)) void group_of(const pdq_rows *r, int q, int turn,
                                                           ptrdiff_t at, VI d[4])
{
    const VI a = rows2(r, q, turn, at), b = rows2(r, q + turn, turn, at);
    const VI c = rows2(r, q + 2 * turn, turn, at), e = rows2(r, q + 3 * turn, turn, at);
    const VI ab0 = _mm256_unpacklo_epi32(a, b), ab1 = _mm256_unpackhi_epi32(a, b);
    const VI ce0 = _mm256_unpacklo_epi32(c, e), ce1 = _mm256_unpackhi_epi32(c, e);
    d[0] = _mm256_unpacklo_epi64(ab0, ce0);
    d[1] = _mm256_unpackhi_epi64(ab0, ce0);
    d[2] = _mm256_unpacklo_epi64(ab1, ce1);
    d[3] = _mm256_unpackhi_epi64(ab1, ce1);
}

/* Few constants, so that registers hold them: loads are what is scarce beside the filters' own. */
typedef struct colours {
    VI low, second,
        third; /* each lane's byte 0, as a mask; bytes 1 and 2, then zeros, for a shuffle */
    VF weight[3];
} colours;

static inline colours colours_of(void)
{
    return (colours){
        .low = _mm256_set1_epi32(0xff),
        .second = _mm256_setr_epi32(~0xfe, ~0xfa, ~0xf6, ~0xf2, ~0xfe, ~0xfa, ~0xf6, ~0xf2),
        .third = _mm256_setr_epi32(~0xfd, ~0xf9, ~0xf5, ~0xf1, ~0xfd, ~0xf9, ~0xf5, ~0xf1),
        .weight = {splat(0.299f), splat(0.587f), splat(0.114f)}};
}

static inline VF grey(VI d, int at, const colours *k)
{
    const VI v = at == 0   ? _mm256_and_si256(d, k->low)
                 : at == 1 ? _mm256_shuffle_epi8(d, k->second)
                 : at == 2 ? _mm256_shuffle_epi8(d, k->third)
                           : _mm256_srli_epi32(d, 24);
    return _mm256_cvtepi32_ps(v);
}

static inline VF product(VI d, int at, int colour, const colours *k)
{
    return mul(grey(d, at, k), k->weight[colour]);
}

#endif
