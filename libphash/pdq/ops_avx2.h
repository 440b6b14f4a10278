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

/* See ops_avx512.h for why this is s / c correctly rounded. */
static inline VF divide(VF s, VF c, VF r)
{
    const VF q = mul(s, r);
    return _mm256_fmadd_ps(_mm256_fnmadd_ps(q, c, s), r, q);
}

/* 16 bytes, from byte `at` on, of eight rows, q and on, or q and back where turn is -1, transposed as
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

#endif
