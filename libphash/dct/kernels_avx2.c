/* The reduction's kernels for AVX2. */
#include "dct/kernels.h"

#include <immintrin.h>
#include <string.h>

/* Weights of the words (R, G) and (G, B): G's does not fit 16 signed bits, so it is halved. */
_Static_assert(DCT_GREY_G % 2 == 0, "G is given half its weight twice");
#define HALF_G (DCT_GREY_G / 2)

/* Bytes of four pixels to words, (R, G) and (G, B) of each. R is where in a pixel red stands, STEP
 * the size of a pixel. */
#define Z -128
#define WORDS(step, a, b)                                                                          \
    _mm_setr_epi8(a, Z, b, Z, step + a, Z, step + b, Z, 2 * step + a, Z, 2 * step + b, Z,          \
                  3 * step + a, Z, 3 * step + b, Z)

typedef struct shuffle {
    __m256i rg, gb;
} shuffle;

static shuffle shuffle_of(phash_pixel_format format)
{
    __m128i rg, gb;
    switch (format) {
    case PHASH_PIXEL_BGR8:
        rg = WORDS(3, 2, 1);
        gb = WORDS(3, 1, 0);
        break;
    case PHASH_PIXEL_RGBA8:
        rg = WORDS(4, 0, 1);
        gb = WORDS(4, 1, 2);
        break;
    case PHASH_PIXEL_BGRA8:
        rg = WORDS(4, 2, 1);
        gb = WORDS(4, 1, 0);
        break;
    default:
        rg = WORDS(3, 0, 1);
        gb = WORDS(3, 1, 2);
        break;
    }
    return (shuffle){_mm256_broadcastsi128_si256(rg), _mm256_broadcastsi128_si256(gb)};
}

/* Eight pixels to eight 32-bit greys. `p` has 16 readable bytes at the fourth pixel. */
static inline __m256i grey8(const uint8_t *p, size_t step, shuffle s)
{
    const __m256i rg_weights = _mm256_set1_epi32(HALF_G << 16 | DCT_GREY_R),
                  gb_weights = _mm256_set1_epi32(DCT_GREY_B << 16 | HALF_G);
    const __m256i v =
        _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p)),
                                _mm_loadu_si128((const __m128i *)(p + 4 * step)), 1);
    const __m256i rg = _mm256_madd_epi16(_mm256_shuffle_epi8(v, s.rg), rg_weights),
                  gb = _mm256_madd_epi16(_mm256_shuffle_epi8(v, s.gb), gb_weights);
    const __m256i sum =
        _mm256_add_epi32(_mm256_add_epi32(rg, gb), _mm256_set1_epi32(DCT_GREY_ROUND));
    return _mm256_srli_epi32(sum, 16);
}

static void grey_avx2(phash_pixel_format format, const uint8_t *p, uint8_t *grey, size_t n)
{
    const size_t step = phash_pixel_bytes(format);
    if (step == 1) {
        memcpy(grey, p, n);
        return;
    }
    const shuffle s = shuffle_of(format);
    size_t x = 0;
    /* The loads of the last group reach 4 bytes behind it where a pixel has 3: one more pixel, and
     * a bit, must follow. */
    for (; x + 34 <= n; x += 32, p += 32 * step) {
        const __m256i a = _mm256_packus_epi32(grey8(p, step, s), grey8(p + 8 * step, step, s)),
                      b = _mm256_packus_epi32(grey8(p + 16 * step, step, s),
                                              grey8(p + 24 * step, step, s));
        /* Packing goes by 128-bit lanes: 0-3 8-11 16-19 24-27 | 4-7 12-15 20-23 28-31. */
        const __m256i mixed = _mm256_packus_epi16(a, b);
        _mm256_storeu_si256(
            (__m256i *)(grey + x),
            _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
    }
    const size_t r = format == PHASH_PIXEL_BGR8 || format == PHASH_PIXEL_BGRA8 ? 2 : 0;
    for (; x < n; x++, p += step)
        grey[x] = dct_grey_of(p[r], p[1], p[2 - r]);
}

static inline uint32_t sum_of(__m256i v)
{
    __m128i h = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4e));
    h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(h);
}

static inline __m256i load16(const uint8_t *p)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
}

/* Two rows, which may be one and the same. */
static void rows_avx2(const dct_axis *axis, const uint8_t *row0, const uint8_t *row1, uint8_t *out0,
                      uint8_t *out1)
{
    const int16_t *w = axis->packed;
    const size_t plane = axis->padded;
    for (uint32_t i = 0; i < axis->out; i++, w += 2 * plane) {
        const uint8_t *a = row0 + axis->first[i], *b = row1 + axis->first[i];
        const uint32_t count = axis->count[i];
        __m256i a0 = _mm256_setzero_si256(), a1 = a0, b0 = a0, b1 = a0;
        for (uint32_t t = 0; t < count; t += 16) {
            const __m256i low = _mm256_load_si256((const __m256i *)(w + t)),
                          high = _mm256_load_si256((const __m256i *)(w + plane + t));
            const __m256i va = load16(a + t), vb = load16(b + t);
            a0 = _mm256_add_epi32(a0, _mm256_madd_epi16(va, low));
            a1 = _mm256_add_epi32(a1, _mm256_madd_epi16(va, high));
            b0 = _mm256_add_epi32(b0, _mm256_madd_epi16(vb, low));
            b1 = _mm256_add_epi32(b1, _mm256_madd_epi16(vb, high));
        }
        const uint32_t sum_a = sum_of(_mm256_add_epi32(a0, _mm256_slli_epi32(a1, 12))),
                       sum_b = sum_of(_mm256_add_epi32(b0, _mm256_slli_epi32(b1, 12)));
        out0[i] = dct_clip((int32_t)(sum_a + DCT_ROUND));
        out1[i] = dct_clip((int32_t)(sum_b + DCT_ROUND));
    }
}

static void horizontal_avx2(const dct_axis *axis, const uint8_t *grey, size_t stride, uint8_t *out,
                            size_t rows)
{
    for (size_t r = 0; r < rows; r += 2) {
        const size_t next = r + 1 < rows ? r + 1 : r;
        rows_avx2(axis, grey + r * stride, grey + next * stride, out + r * axis->out,
                  out + next * axis->out);
    }
}

static void vertical_avx2(int32_t *sums, const uint8_t *lines, const int32_t *weights, size_t rows,
                          size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i sum = _mm256_loadu_si256((const __m256i *)(sums + i));
        for (size_t r = 0; r < rows; r++) {
            const __m256i v =
                _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(lines + r * n + i)));
            sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(v, _mm256_set1_epi32(weights[r])));
        }
        _mm256_storeu_si256((__m256i *)(sums + i), sum);
    }
    for (; i < n; i++)
        for (size_t r = 0; r < rows; r++)
            sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)weights[r] * lines[r * n + i]);
}

void dct_kernels_avx2(dct_kernels *k)
{
    k->digits = 2;
    k->digit_bytes = 2;
    k->shift = 12;
    k->lanes = 16;
    k->grey = grey_avx2;
    k->horizontal = horizontal_avx2;
    k->vertical = vertical_avx2;
}
