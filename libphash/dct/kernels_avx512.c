/* The reduction's kernels for AVX-512 with VBMI and VNNI.
 *
 * vpdpbusd multiplies 64 unsigned bytes by 64 signed ones and adds them by fours: a weight of 23
 * bits is three signed digits of a byte, so three instructions do 64 taps. */
#include "dct/kernels.h"

#include <immintrin.h>
#include <string.h>

/* Weights of (R, G, G, B) as two signed digits of a byte each. */
enum { R1 = 77, R0 = -117, G1 = 75, G0 = 35, B1 = 29, B0 = 47 };
_Static_assert(R1 * 256 + R0 == DCT_GREY_R && 2 * (G1 * 256 + G0) == DCT_GREY_G &&
                   B1 * 256 + B0 == DCT_GREY_B,
               "digits of the grey weights");

static inline int32_t bytes_of(int a, int b, int c, int d)
{
    return (int32_t)((uint32_t)(uint8_t)a | (uint32_t)(uint8_t)b << 8 | (uint32_t)(uint8_t)c << 16 |
                     (uint32_t)(uint8_t)d << 24);
}

typedef struct grey_weights {
    __m512i order, high, low, round;
} grey_weights;

/* Byte numbers of (R, G, G, B) of sixteen pixels, and the weights of these four. */
static grey_weights weights_of(phash_pixel_format format, size_t step)
{
    const int r = format == PHASH_PIXEL_BGR8 || format == PHASH_PIXEL_BGRA8 ? 2 : 0;
    const __m512i pixel = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return (grey_weights){
        _mm512_add_epi8(_mm512_mullo_epi32(pixel, _mm512_set1_epi32((int)(step * 0x01010101u))),
                        _mm512_set1_epi32(bytes_of(r, 1, 1, 2 - r))),
        _mm512_set1_epi32(bytes_of(R1, G1, G1, B1)), _mm512_set1_epi32(bytes_of(R0, G0, G0, B0)),
        _mm512_set1_epi32(DCT_GREY_ROUND)};
}

/* Sixteen pixels to 32-bit greys. */
static inline __m512i grey16(__m512i bytes, const grey_weights *w)
{
    const __m512i v = _mm512_permutexvar_epi8(w->order, bytes);
    const __m512i h = _mm512_dpbusd_epi32(_mm512_setzero_si512(), v, w->high),
                  l = _mm512_dpbusd_epi32(w->round, v, w->low);
    return _mm512_srli_epi32(_mm512_add_epi32(_mm512_slli_epi32(h, 8), l), 16);
}

static void grey_avx512(phash_pixel_format format, const uint8_t *p, uint8_t *grey, size_t n)
{
    const size_t step = phash_pixel_bytes(format);
    if (step == 1) {
        memcpy(grey, p, n);
        return;
    }
    const grey_weights w = weights_of(format, step);
    size_t x = 0;
    /* Whole vectors are loaded: where a pixel has 3 bytes, those of the last group reach 16 bytes
     * behind it, so six more pixels must follow. */
    for (; x + 70 <= n; x += 64, p += 64 * step) {
        const __m512i g0 = grey16(_mm512_loadu_si512((const void *)p), &w),
                      g1 = grey16(_mm512_loadu_si512((const void *)(p + 16 * step)), &w),
                      g2 = grey16(_mm512_loadu_si512((const void *)(p + 32 * step)), &w),
                      g3 = grey16(_mm512_loadu_si512((const void *)(p + 48 * step)), &w);
        /* Packing goes by 128-bit lanes: lane i has four pixels of each of the four groups. */
        const __m512i mixed =
            _mm512_packus_epi16(_mm512_packus_epi32(g0, g1), _mm512_packus_epi32(g2, g3));
        const __m512i order =
            _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_storeu_si512((void *)(grey + x), _mm512_permutexvar_epi32(order, mixed));
    }
    for (; x < n; x += 16, p += 16 * step) {
        const size_t left = n - x < 16 ? n - x : 16;
        const __mmask64 bytes =
            left * step == 64 ? ~(__mmask64)0 : (UINT64_C(1) << left * step) - 1;
        const __m512i v = grey16(_mm512_maskz_loadu_epi8(bytes, (const void *)p), &w);
        _mm_mask_storeu_epi8((void *)(grey + x), (__mmask16)((1u << left) - 1),
                             _mm512_cvtepi32_epi8(v));
    }
}

/* The three digits' sums as one. */
static inline __m512i joined(__m512i low, __m512i middle, __m512i high)
{
    const __m512i upper = _mm512_add_epi32(middle, _mm512_slli_epi32(high, 8));
    return _mm512_add_epi32(low, _mm512_slli_epi32(upper, 8));
}

/* Sixteen partial sums of sample i in one row and in another. */
static inline void window_sums(const dct_axis *axis, uint32_t i, const uint8_t *row0,
                               const uint8_t *row1, __m512i out[2])
{
    const size_t plane = axis->padded;
    const int8_t *w = (const int8_t *)axis->packed + 3 * plane * i;
    const uint32_t count = axis->count[i];
    row0 += axis->first[i];
    row1 += axis->first[i];
    __m512i a0 = _mm512_setzero_si512(), a1 = a0, a2 = a0, b0 = a0, b1 = a0, b2 = a0;
    for (uint32_t t = 0; t < count; t += 64) {
        const __m512i w0 = _mm512_load_si512((const void *)(w + t)),
                      w1 = _mm512_load_si512((const void *)(w + plane + t)),
                      w2 = _mm512_load_si512((const void *)(w + 2 * plane + t));
        const __m512i a = _mm512_loadu_si512((const void *)(row0 + t)),
                      b = _mm512_loadu_si512((const void *)(row1 + t));
        a0 = _mm512_dpbusd_epi32(a0, a, w0);
        b0 = _mm512_dpbusd_epi32(b0, b, w0);
        a1 = _mm512_dpbusd_epi32(a1, a, w1);
        b1 = _mm512_dpbusd_epi32(b1, b, w1);
        a2 = _mm512_dpbusd_epi32(a2, a, w2);
        b2 = _mm512_dpbusd_epi32(b2, b, w2);
    }
    out[0] = joined(a0, a1, a2);
    out[1] = joined(b0, b1, b2);
}

/* Sums of a and of b, in the even and in the odd places of half as many partial sums. */
static inline __m512i fold(__m512i a, __m512i b)
{
    return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}

/* Four samples, clipped, from sixteen partial sums of each. */
static inline uint32_t four_samples(__m512i a, __m512i b, __m512i c, __m512i d)
{
    const __m512i ab = fold(a, b), cd = fold(c, d);
    const __m512i abcd =
        _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    const __m256i half =
        _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    sum = _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(DCT_ROUND)), DCT_WEIGHT_BITS);
    /* Both steps saturate, which is the clip. */
    sum = _mm_packus_epi16(_mm_packs_epi32(sum, sum), sum);
    return (uint32_t)_mm_cvtsi128_si32(sum);
}

/* Two rows, which may be one and the same. */
static void rows_avx512(const dct_axis *axis, const uint8_t *row0, const uint8_t *row1,
                        uint8_t *out0, uint8_t *out1)
{
    uint32_t i = 0;
    for (; i + 2 <= axis->out; i += 2) {
        __m512i a[2], b[2];
        window_sums(axis, i, row0, row1, a);
        window_sums(axis, i + 1, row0, row1, b);
        const uint32_t four = four_samples(a[0], b[0], a[1], b[1]);
        const uint16_t upper = (uint16_t)four, lower = (uint16_t)(four >> 16);
        memcpy(out0 + i, &upper, sizeof upper);
        memcpy(out1 + i, &lower, sizeof lower);
    }
    if (i < axis->out) {
        __m512i a[2];
        window_sums(axis, i, row0, row1, a);
        const uint32_t four = four_samples(a[0], a[0], a[1], a[1]);
        out0[i] = (uint8_t)four;
        out1[i] = (uint8_t)(four >> 16);
    }
}

static void horizontal_avx512(const dct_axis *axis, const uint8_t *grey, size_t stride,
                              uint8_t *out, size_t rows)
{
    for (size_t r = 0; r < rows; r += 2) {
        const size_t next = r + 1 < rows ? r + 1 : r;
        rows_avx512(axis, grey + r * stride, grey + next * stride, out + r * axis->out,
                    out + next * axis->out);
    }
}

static void vertical_avx512(int32_t *sums, const uint8_t *lines, const int32_t *weights,
                            size_t rows, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = n - i >= 16 ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
        __m512i sum = _mm512_maskz_loadu_epi32(m, (const void *)(sums + i));
        for (size_t r = 0; r < rows; r++) {
            const __m512i v =
                _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(m, (const void *)(lines + r * n + i)));
            sum = _mm512_add_epi32(sum, _mm512_mullo_epi32(v, _mm512_set1_epi32(weights[r])));
        }
        _mm512_mask_storeu_epi32((void *)(sums + i), m, sum);
    }
}

void dct_kernels_avx512(dct_kernels *k)
{
    k->digits = 3;
    k->digit_bytes = 1;
    k->shift = 8;
    k->lanes = 64;
    k->grey = grey_avx512;
    k->horizontal = horizontal_avx512;
    k->vertical = vertical_avx512;
}
