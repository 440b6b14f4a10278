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

static void grey_avx512(phash_pixel_format format, const uint8_t *p, uint8_t *grey, size_t n)
{
    const size_t step = phash_pixel_bytes(format);
    if (step == 1) {
        memcpy(grey, p, n);
        return;
    }
    const int r = format == PHASH_PIXEL_BGR8 || format == PHASH_PIXEL_BGRA8 ? 2 : 0;
    /* Byte numbers: those of the first pixel, and step more for each that follows. */
    const __m512i pixel = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i order =
        _mm512_add_epi8(_mm512_mullo_epi32(pixel, _mm512_set1_epi32((int)(step * 0x01010101u))),
                        _mm512_set1_epi32(bytes_of(r, 1, 1, 2 - r)));
    const __m512i high = _mm512_set1_epi32(bytes_of(R1, G1, G1, B1)),
                  low = _mm512_set1_epi32(bytes_of(R0, G0, G0, B0)),
                  round = _mm512_set1_epi32(DCT_GREY_ROUND);
    for (size_t x = 0; x < n; x += 16, p += 16 * step) {
        const size_t left = n - x < 16 ? n - x : 16;
        const __mmask64 bytes =
            left * step == 64 ? ~(__mmask64)0 : (UINT64_C(1) << left * step) - 1;
        const __m512i v =
            _mm512_permutexvar_epi8(order, _mm512_maskz_loadu_epi8(bytes, (const void *)p));
        const __m512i h = _mm512_dpbusd_epi32(_mm512_setzero_si512(), v, high),
                      l = _mm512_dpbusd_epi32(round, v, low);
        const __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(h, 8), l);
        _mm512_mask_cvtepi32_storeu_epi8(grey + x, (__mmask16)((1u << left) - 1),
                                         _mm512_srli_epi32(sum, 16));
    }
}

static void horizontal_avx512(const dct_axis *axis, const uint8_t *grey, uint8_t *out)
{
    const int8_t *w = axis->packed;
    const size_t plane = axis->padded;
    for (uint32_t i = 0; i < axis->out; i++, w += 3 * plane) {
        const uint8_t *g = grey + axis->first[i];
        __m512i sum0 = _mm512_setzero_si512(), sum1 = sum0, sum2 = sum0;
        for (uint32_t t = 0; t < axis->count[i]; t += 64) {
            const __m512i v = _mm512_loadu_si512((const void *)(g + t));
            sum0 = _mm512_dpbusd_epi32(sum0, v, _mm512_load_si512((const void *)(w + t)));
            sum1 = _mm512_dpbusd_epi32(sum1, v, _mm512_load_si512((const void *)(w + plane + t)));
            sum2 =
                _mm512_dpbusd_epi32(sum2, v, _mm512_load_si512((const void *)(w + 2 * plane + t)));
        }
        const __m512i upper = _mm512_add_epi32(sum1, _mm512_slli_epi32(sum2, 8));
        const __m512i sum = _mm512_add_epi32(sum0, _mm512_slli_epi32(upper, 8));
        out[i] = dct_clip((int32_t)((uint32_t)_mm512_reduce_add_epi32(sum) + DCT_ROUND));
    }
}

static void vertical_avx512(int32_t *sums, const uint8_t *row, int32_t weight, size_t n)
{
    const __m512i w = _mm512_set1_epi32(weight);
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = n - i >= 16 ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
        const __m512i v = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(m, (const void *)(row + i)));
        const __m512i sum = _mm512_maskz_loadu_epi32(m, (const void *)(sums + i));
        _mm512_mask_storeu_epi32((void *)(sums + i), m,
                                 _mm512_add_epi32(sum, _mm512_mullo_epi32(v, w)));
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
