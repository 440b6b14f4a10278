/* Vectors of AVX-512 for the filters' templates (wave_template.h, helix_template.h,
 * grey_template.h). */
#ifndef PHASH_PDQ_OPS_AVX512_H
#define PHASH_PDQ_OPS_AVX512_H

#include "pdq/kernels.h"
#include "pdq/rows.h"

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
static inline void store_dwords(void *p, VI v)
{
    _mm512_storeu_si512(p, v);
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

/* See pdq_reciprocal; that nothing can underflow: wave.c. */
static inline VF divide(VF s, VF inverse, VF rest)
{
    return _mm512_fmadd_ps(s, inverse, mul(s, rest));
}

/* 16 bytes, from byte `at` on, of sixteen rows q, q + turn, ..., transposed as
 * 32-bit units: lane 4j + i comes from 128-bit lane j of
 * vector i. Inserting from memory is a blend, and leaves the shuffle port alone. */
static inline __attribute__((always_inline)) VI rows4(const pdq_rows *r, int q, int turn,
                                                      ptrdiff_t at)
{
    VI v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)(pdq_row(r, q) + at)));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(pdq_row(r, q + 4 * turn) + at)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(pdq_row(r, q + 8 * turn) + at)), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(pdq_row(r, q + 12 * turn) + at)),
                              3);
}

/* v[i] has rows i, i + 4, i + 8, i + 12. */
static inline __attribute__((always_inline)) void turn_dwords(const VI v[4], VI d[4])
{
    const VI ab0 = _mm512_unpacklo_epi32(v[0], v[1]), ab1 = _mm512_unpackhi_epi32(v[0], v[1]);
    const VI ce0 = _mm512_unpacklo_epi32(v[2], v[3]), ce1 = _mm512_unpackhi_epi32(v[2], v[3]);
    d[0] = _mm512_unpacklo_epi64(ab0, ce0);
    d[1] = _mm512_unpackhi_epi64(ab0, ce0);
    d[2] = _mm512_unpacklo_epi64(ab1, ce1);
    d[3] = _mm512_unpackhi_epi64(ab1, ce1);
}

static inline __attribute__((always_inline)) void group_of(const pdq_rows *r, int q, int turn,
                                                           ptrdiff_t at, VI d[4])
{
    VI v[4];
    for (int i = 0; i < 4; i++)
        v[i] = rows4(r, q + i * turn, turn, at);
    turn_dwords(v, d);
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

#endif
