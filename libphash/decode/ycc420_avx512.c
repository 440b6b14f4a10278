/* 4:2:0 to RGB for AVX-512 (with VBMI and VNNI): 64 pixels at a time.
 *
 * Chroma at full resolution, from samples blended over two rows, b = 3 near + far:
 *     even pixel (3 b + b to the left + 8) / 16, odd pixel (3 b + b to the right + 7) / 16
 * as jdsample.c's h2v2_fancy_upsample has it. Colours in 16 bits, with F(x) = 65536 x rounded:
 *     R = Y + (F(1.402) cr + 32768 >> 16)                cr = Cr - 128, cb = Cb - 128
 *     G = Y + (-F(0.34414) cb - F(0.71414) cr + 32768 >> 16)
 *     B = Y + (F(1.772) cb + 32768 >> 16)
 * of jdcolor.c, after taking out whole multiples of 65536. The rounding multiplication halves the
 * factor, (a b + 16384) >> 15: exact for B, whose factor is even; for R it is 26345 / 2 rounded up
 * or down, which gives the same for each of the 256 values of cr.
 */
#include "decode/ycc420.h"

#include <immintrin.h>

typedef __m512i V;

enum { STEP = 64 };

/* b for the samples of one chroma row, one before the first to one behind the last. */
static inline void blend_rows(const uint8_t *near, const uint8_t *far, uint32_t samples,
                              uint16_t *out)
{
    for (uint32_t i = 0; i < samples + 2; i += 32) {
        const V n = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(near + i - 1)));
        const V f = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(far + i - 1)));
        const V b = _mm512_add_epi16(_mm512_add_epi16(n, n), _mm512_add_epi16(n, f));
        _mm512_storeu_si512(out + i, b);
    }
}

typedef struct pair {
    V even, odd;
} pair;

/* Chroma less 128 of 64 pixels; b: of the sample to the left of the first. */
static inline pair upsample(const uint16_t *b)
{
    const V left = _mm512_loadu_si512(b), own = _mm512_loadu_si512(b + 1),
            right = _mm512_loadu_si512(b + 2);
    const V three = _mm512_add_epi16(_mm512_add_epi16(own, own), own);
    const V even = _mm512_add_epi16(three, _mm512_set1_epi16(8 - 128 * 16));
    const V odd = _mm512_add_epi16(three, _mm512_set1_epi16(7 - 128 * 16));
    return (pair){_mm512_srai_epi16(_mm512_add_epi16(even, left), 4),
                  _mm512_srai_epi16(_mm512_add_epi16(odd, right), 4)};
}

static inline V red(V luma, V cr)
{
    const V part = _mm512_mulhrs_epi16(cr, _mm512_set1_epi16(13172));
    return _mm512_add_epi16(_mm512_add_epi16(luma, cr), part);
}

static inline V blue(V luma, V cb)
{
    const V part = _mm512_mulhrs_epi16(cb, _mm512_set1_epi16(-7471));
    return _mm512_add_epi16(_mm512_add_epi16(luma, part), _mm512_add_epi16(cb, cb));
}

static inline V green(V luma, V cb, V cr)
{
    /* -22554 cb + (65536 - 46802) cr, and cr taken off afterwards. */
    const V factors = _mm512_set1_epi32((int)((uint32_t)18734 << 16 | (uint16_t)-22554));
    const V round = _mm512_set1_epi32(32768);
    const V low = _mm512_dpwssd_epi32(round, _mm512_unpacklo_epi16(cb, cr), factors);
    const V high = _mm512_dpwssd_epi32(round, _mm512_unpackhi_epi16(cb, cr), factors);
    const V part = _mm512_packs_epi32(_mm512_srai_epi32(low, 16), _mm512_srai_epi32(high, 16));
    return _mm512_add_epi16(_mm512_sub_epi16(luma, cr), part);
}

/* Packing puts, for each 128 bits, 8 even pixels before 8 odd ones. AT is where pixel p went; INDEX
 * where byte n of RGB is to be fetched: from green, the second source, where n is 1 modulo 3. For
 * blue the same index serves, since one source takes no more than its low six bits. */
#define AT(p)      ((p) / 16 * 16 + (p) % 2 * 8 + (p) % 16 / 2)
#define INDEX(n)   (uint8_t)(AT((n) / 3) + ((n) % 3 == 1 ? STEP : 0))
#define INDEX4(n)  INDEX(n), INDEX((n) + 1), INDEX((n) + 2), INDEX((n) + 3)
#define INDEX16(n) INDEX4(n), INDEX4((n) + 4), INDEX4((n) + 8), INDEX4((n) + 12)
#define INDEX64(n) INDEX16(n), INDEX16((n) + 16), INDEX16((n) + 32), INDEX16((n) + 48)
static const uint8_t index_of[3 * STEP] = {INDEX64(0), INDEX64(64), INDEX64(128)};
/* Bytes n with n % 3 == 2. */
static const uint64_t blue_of[3] = {0x4924924924924924, 0x2492492492492492, 0x9249249249249249};

/* 64 of the 192 bytes of RGB of three packed vectors. */
static inline V woven(int part, V r, V g, V b)
{
    const V index = _mm512_loadu_si512(index_of + part * STEP);
    const V rg = _mm512_permutex2var_epi8(r, index, g);
    return _mm512_mask_permutexvar_epi8(rg, blue_of[part], index, b);
}

static inline __mmask64 first_bytes(uint32_t n)
{
    return n >= STEP ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

void ycc420_row_avx512(const uint8_t *luma, const uint8_t *const near[2],
                       const uint8_t *const far[2], uint32_t width, uint16_t *blend, uint8_t *rgb)
{
    const uint32_t samples = width / 2 + width % 2;
    uint16_t *blend_cr = blend + samples + STEP;
    blend_rows(near[0], far[0], samples, blend);
    blend_rows(near[1], far[1], samples, blend_cr);
    for (uint32_t x = 0; x < width; x += STEP, rgb += 3 * STEP) {
        const V y = _mm512_loadu_si512(luma + x);
        const V even = _mm512_and_si512(y, _mm512_set1_epi16(0xff)), odd = _mm512_srli_epi16(y, 8);
        const pair cb = upsample(blend + x / 2), cr = upsample(blend_cr + x / 2);
        const V r = _mm512_packus_epi16(red(even, cr.even), red(odd, cr.odd));
        const V g = _mm512_packus_epi16(green(even, cb.even, cr.even), green(odd, cb.odd, cr.odd));
        const V b = _mm512_packus_epi16(blue(even, cb.even), blue(odd, cb.odd));
        const V out[3] = {woven(0, r, g, b), woven(1, r, g, b), woven(2, r, g, b)};
        const uint32_t bytes = 3 * (width - x);
        for (uint32_t i = 0; i < 3; i++)
            if (bytes >= (i + 1) * STEP)
                _mm512_storeu_si512(rgb + (size_t)i * STEP, out[i]);
            else if (bytes > i * STEP)
                _mm512_mask_storeu_epi8(rgb + (size_t)i * STEP, first_bytes(bytes - i * STEP),
                                        out[i]);
    }
}
