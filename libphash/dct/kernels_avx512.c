/* The reduction's kernels for AVX-512 with VBMI and VNNI.
 *
 * vpdpbusd multiplies 64 unsigned bytes by 64 signed ones and adds them by fours: a weight of 23
 * bits is three signed digits of a byte, so three instructions do 16 taps of four rows; two where
 * the weights are small, which those far from the middle of a window are. Rows go by fours because
 * sums then stay within 128 bits, and those of four samples are folded at once. */
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

/* ---- rows by fours ---- */

/* Sixteen pixels to 32 bits each, the grey in the third byte. */
static inline __m512i grey_at_16(__m512i bytes, const grey_weights *w)
{
    const __m512i v = _mm512_permutexvar_epi8(w->order, bytes);
    const __m512i h = _mm512_dpbusd_epi32(_mm512_srli_epi32(w->round, 8), v, w->high);
    return _mm512_dpbusd_epi32(_mm512_slli_epi32(h, 8), v, w->low);
}

/* Sixteen pixels of four rows to a block. */
static inline __m512i block_of(const __m512i pixels[4], const grey_weights *w, __m512i order)
{
    const __mmask32 odd = 0xaaaaaaaa;
    const __m512i a = grey_at_16(pixels[0], w), b = grey_at_16(pixels[1], w),
                  c = grey_at_16(pixels[2], w), d = grey_at_16(pixels[3], w);
    const __m512i ab = _mm512_mask_blend_epi16(odd, _mm512_srli_epi32(a, 16), b),
                  cd = _mm512_mask_blend_epi16(odd, _mm512_srli_epi32(c, 16), d);
    return _mm512_permutexvar_epi8(order, _mm512_packus_epi16(ab, cd));
}

/* After packing, 128-bit lane i has pixels 4i to 4i + 3: those of the first two rows in turn, then
 * those of the others. */
static __m512i block_order(void)
{
    uint8_t order[64];
    for (unsigned r = 0; r < 4; r++)
        for (unsigned x = 0; x < DCT_BLOCK; x++)
            order[DCT_BLOCK * r + x] = (uint8_t)(x / 4 * 16 + r / 2 * 8 + x % 4 * 2 + r % 2);
    return _mm512_loadu_si512((const void *)order);
}

static void interleave4(const uint8_t *const rows[4], uint8_t *quad, size_t n)
{
    for (size_t x = 0; x < n; x += DCT_BLOCK, quad += 64) {
        const size_t left = n - x < DCT_BLOCK ? n - x : DCT_BLOCK;
        const __mmask16 m = (__mmask16)((1u << left) - 1);
        for (unsigned r = 0; r < 4; r++)
            _mm_store_si128((__m128i *)(void *)(quad + DCT_BLOCK * r),
                            _mm_maskz_loadu_epi8(m, (const void *)(rows[r] + x)));
    }
}

static void grey4_avx512(phash_pixel_format format, const uint8_t *const rows[4], uint8_t *quad,
                         size_t n)
{
    const size_t step = phash_pixel_bytes(format);
    if (step == 1) {
        interleave4(rows, quad, n);
        return;
    }
    const grey_weights w = weights_of(format, step);
    const __m512i order = block_order();
    __m512i pixels[4];
    size_t x = 0;
    /* A whole vector is loaded, which is up to 22 pixels. */
    for (; x + 22 <= n; x += DCT_BLOCK, quad += 64) {
        for (unsigned r = 0; r < 4; r++)
            pixels[r] = _mm512_loadu_si512((const void *)(rows[r] + x * step));
        _mm512_store_si512((void *)quad, block_of(pixels, &w, order));
    }
    for (; x < n; x += DCT_BLOCK, quad += 64) {
        const size_t left = (n - x < DCT_BLOCK ? n - x : DCT_BLOCK) * step;
        const __mmask64 bytes = left == 64 ? ~(__mmask64)0 : (UINT64_C(1) << left) - 1;
        for (unsigned r = 0; r < 4; r++)
            pixels[r] = _mm512_maskz_loadu_epi8(bytes, (const void *)(rows[r] + x * step));
        _mm512_store_si512((void *)quad, block_of(pixels, &w, order));
    }
}

/* Sums of each digit in each quad. Twelve of them keep the multipliers busy while each waits for its
 * last addition. */
typedef struct digit_sums {
    __m512i low[DCT_QUADS], middle[DCT_QUADS], high[DCT_QUADS];
} digit_sums;

/* Adds steps `from` to `to` of a window to the sums. */
static inline __attribute__((always_inline)) void add_steps(digit_sums *s,
                                                            const uint8_t *const quads[DCT_QUADS],
                                                            size_t at, const int8_t *w,
                                                            uint32_t from, uint32_t to, int wide)
{
    w += (size_t)DCT_DIGITS * DCT_BLOCK * from;
    at += 64 * (size_t)from;
    for (uint32_t k = from; k < to; k++, w += DCT_DIGITS * DCT_BLOCK, at += 64) {
        const __m128i *digits = (const __m128i *)(const void *)w;
        const __m512i w0 = _mm512_broadcast_i32x4(_mm_load_si128(digits)),
                      w1 = _mm512_broadcast_i32x4(_mm_load_si128(digits + 1)),
                      w2 = wide ? _mm512_broadcast_i32x4(_mm_load_si128(digits + 2)) : w1;
        for (unsigned q = 0; q < DCT_QUADS; q++) {
            const __m512i x = _mm512_load_si512((const void *)(quads[q] + at));
            s->low[q] = _mm512_dpbusd_epi32(s->low[q], x, w0);
            s->middle[q] = _mm512_dpbusd_epi32(s->middle[q], x, w1);
            if (wide)
                s->high[q] = _mm512_dpbusd_epi32(s->high[q], x, w2);
        }
    }
}

/* Sample i of the quads: four partial sums in the 128-bit lane of each row. */
static inline void window_sums(const dct_axis *axis, uint32_t i,
                               const uint8_t *const quads[DCT_QUADS], __m512i out[DCT_QUADS])
{
    const dct_window win = axis->windows[i];
    const int8_t *w = axis->digits + (size_t)axis->steps * DCT_DIGITS * DCT_BLOCK * i;
    const size_t at = 64 * (size_t)win.first;
    digit_sums s;
    for (unsigned q = 0; q < DCT_QUADS; q++)
        s.low[q] = s.middle[q] = s.high[q] = _mm512_setzero_si512();
    add_steps(&s, quads, at, w, 0, win.wide, 0);
    add_steps(&s, quads, at, w, win.wide, win.narrow, 1);
    add_steps(&s, quads, at, w, win.narrow, win.count, 0);
    for (unsigned q = 0; q < DCT_QUADS; q++)
        out[q] = joined(s.low[q], s.middle[q], s.high[q]);
}

/* Sums of a and of b, in the even and in the odd places of half as many partial sums. */
static inline __m512i fold(__m512i a, __m512i b)
{
    return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}

/* Four samples of four rows, clipped, from the partial sums of each sample. */
static inline __m128i four_samples(__m512i a, __m512i b, __m512i c, __m512i d)
{
    const __m512i ab = fold(a, b), cd = fold(c, d);
    __m512i sum = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    sum = _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(DCT_ROUND)), DCT_WEIGHT_BITS);
    const __m128i bytes = _mm512_cvtusepi32_epi8(_mm512_max_epi32(sum, _mm512_setzero_si512()));
    return _mm_shuffle_epi8(bytes,
                            _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
}

static void horizontal4_avx512(const dct_axis *axis, const uint8_t *const quads[DCT_QUADS],
                               uint8_t *const lines[DCT_QUADS])
{
    for (uint32_t i = 0; i < axis->out; i += 4) {
        __m512i s[4][DCT_QUADS];
        for (uint32_t k = 0; k < 4; k++) /* behind the last sample: the last again */
            window_sums(axis, i + k < axis->out ? i + k : axis->out - 1, quads, s[k]);
        for (unsigned q = 0; q < DCT_QUADS; q++)
            _mm_store_si128((__m128i *)(void *)(lines[q] + 4 * (size_t)i),
                            four_samples(s[0][q], s[1][q], s[2][q], s[3][q]));
    }
}

static void vertical4_avx512(int32_t *sums, const uint8_t *lines, const int8_t *digits, size_t n)
{
    int32_t four[DCT_DIGITS];
    memcpy(four, digits, sizeof four);
    const __m512i w0 = _mm512_set1_epi32(four[0]), w1 = _mm512_set1_epi32(four[1]),
                  w2 = _mm512_set1_epi32(four[2]), zero = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = n - i >= 16 ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
        const __m512i v = _mm512_load_si512((const void *)(lines + 4 * i));
        const __m512i sum =
            joined(_mm512_dpbusd_epi32(zero, v, w0), _mm512_dpbusd_epi32(zero, v, w1),
                   _mm512_dpbusd_epi32(zero, v, w2));
        const __m512i before = _mm512_maskz_loadu_epi32(m, (const void *)(sums + i));
        _mm512_mask_storeu_epi32((void *)(sums + i), m, _mm512_add_epi32(before, sum));
    }
}

void dct_kernels_avx512(dct_kernels *k)
{
    k->grey = grey_avx512;
    k->grey4 = grey4_avx512;
    k->horizontal4 = horizontal4_avx512;
    k->vertical4 = vertical4_avx512;
}
