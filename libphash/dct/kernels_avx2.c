/* The reduction's kernels for AVX2. */
#include "dct/kernels.h"

#include <immintrin.h>
#include <string.h>

/* The weights add up to one, so grey = G + the rest of R - G and B - G: two products a pixel. */
_Static_assert(DCT_GREY_R + DCT_GREY_G + DCT_GREY_B == 1 << 16, "weights of grey add up to one");

/* How eight pixels are read: 16 bytes from the first on, and 16 that end with the last, so that none
 * behind them is touched. `order` puts the bytes of each as (R, G, G, B). */
typedef struct eight {
    size_t bytes, upper; /* of eight pixels; where the last 16 of them begin */
    __m256i order;
} eight;

static eight eight_of(phash_pixel_format format)
{
    const int step = (int)phash_pixel_bytes(format);
    const int r = format == PHASH_PIXEL_BGR8 || format == PHASH_PIXEL_BGRA8 ? 2 : 0;
    const int skipped = 4 * step - (8 * step - 16); /* bytes before the fifth pixel */
    const __m128i pixel = _mm_setr_epi32(0, 0x01010101, 0x02020202, 0x03030303);
    const __m128i low = _mm_add_epi8(_mm_mullo_epi32(pixel, _mm_set1_epi32(step)),
                                     _mm_set1_epi32(r | 1 << 8 | 1 << 16 | (2 - r) << 24));
    return (eight){8 * (size_t)step, 8 * (size_t)step - 16,
                   _mm256_set_m128i(_mm_add_epi8(low, _mm_set1_epi8((char)skipped)), low)};
}

/* Eight pixels to eight 32-bit greys. */
static inline __m256i grey8(const uint8_t *p, const eight *e)
{
    const __m256i signs = _mm256_set1_epi32(0x01ffff01), /* R - G, B - G */
        weights = _mm256_set1_epi32(DCT_GREY_B << 16 | DCT_GREY_R),
                  green = _mm256_set1_epi32(0x00ff0000);
    const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)p),
                  high = _mm_loadu_si128((const __m128i *)(const void *)(p + e->upper));
    const __m256i v = _mm256_shuffle_epi8(
        _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), e->order);
    const __m256i rest = _mm256_madd_epi16(_mm256_maddubs_epi16(v, signs), weights),
                  g = _mm256_add_epi32(_mm256_and_si256(v, green),
                                       _mm256_set1_epi32(DCT_GREY_ROUND));
    return _mm256_srli_epi32(_mm256_add_epi32(rest, g), 16);
}

/* Thirty-two pixels. */
static inline void grey_32(const uint8_t *p, const eight *e, uint8_t *grey)
{
    const __m256i a = _mm256_packus_epi32(grey8(p, e), grey8(p + e->bytes, e)),
                  b = _mm256_packus_epi32(grey8(p + 2 * e->bytes, e), grey8(p + 3 * e->bytes, e));
    /* Packing goes by 128-bit lanes: 0-3 8-11 16-19 24-27 | 4-7 12-15 20-23 28-31. */
    const __m256i mixed = _mm256_packus_epi16(a, b);
    _mm256_storeu_si256(
        (__m256i *)(void *)grey,
        _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
}

static inline void grey_8(const uint8_t *p, const eight *e, uint8_t *grey)
{
    const __m256i v = grey8(p, e);
    const __m128i words =
        _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storel_epi64((__m128i *)(void *)grey, _mm_packus_epi16(words, words));
}

static void grey_avx2(phash_pixel_format format, const uint8_t *p, uint8_t *grey, size_t n)
{
    const size_t step = phash_pixel_bytes(format);
    if (step == 1) {
        memcpy(grey, p, n);
        return;
    }
    const eight e = eight_of(format);
    size_t x = 0;
    for (; x + 32 <= n; x += 32)
        grey_32(p + x * step, &e, grey + x);
    for (; x + 8 <= n; x += 8)
        grey_8(p + x * step, &e, grey + x);
    if (x < n && n >= 8) { /* the last eight, of which some are known */
        grey_8(p + (n - 8) * step, &e, grey + (n - 8));
        return;
    }
    const size_t r = format == PHASH_PIXEL_BGR8 || format == PHASH_PIXEL_BGRA8 ? 2 : 0;
    for (; x < n; x++) {
        const uint8_t *pixel = p + x * step;
        grey[x] = dct_grey_of(pixel[r], pixel[1], pixel[2 - r]);
    }
}

enum { LANES = 16, FOUR = 4 };

/* Sums of each word of the weights, of four rows. */
typedef struct word_sums {
    __m256i low[FOUR], high[FOUR];
} word_sums;

/* Adds steps `from` to `to` of a window that begins at rows[r] + at to the sums. */
static inline __attribute__((always_inline)) void
add_steps(word_sums *s, const uint8_t *const rows[FOUR], size_t at, const int16_t *low,
          const int16_t *high, uint32_t from, uint32_t to, int wide)
{
    for (size_t t = (size_t)from * LANES; t < (size_t)to * LANES; t += LANES) {
        const __m256i w0 = _mm256_load_si256((const __m256i *)(const void *)(low + t)),
                      w1 = wide ? _mm256_load_si256((const __m256i *)(const void *)(high + t)) : w0;
        for (unsigned r = 0; r < FOUR; r++) {
            const __m256i v = _mm256_cvtepu8_epi16(
                _mm_loadu_si128((const __m128i *)(const void *)(rows[r] + at + t)));
            s->low[r] = _mm256_add_epi32(s->low[r], _mm256_madd_epi16(v, w0));
            if (wide)
                s->high[r] = _mm256_add_epi32(s->high[r], _mm256_madd_epi16(v, w1));
        }
    }
}

/* Pairs of neighbours added, those of a in the lower halves of the lanes. */
static inline __m256i fold(__m256i a, __m256i b)
{
    return _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}

/* Sample i of four rows, not clipped yet. */
static inline __m128i window_sums(const dct_axis *axis, uint32_t i, const uint8_t *const rows[FOUR])
{
    const dct_window win = axis->windows[i];
    const int16_t *low = axis->packed + (size_t)i * 2 * axis->padded, *high = low + axis->padded;
    word_sums s;
    for (unsigned r = 0; r < FOUR; r++)
        s.low[r] = s.high[r] = _mm256_setzero_si256();
    add_steps(&s, rows, win.first, low, high, 0, win.wide, 0);
    add_steps(&s, rows, win.first, low, high, win.wide, win.narrow, 1);
    add_steps(&s, rows, win.first, low, high, win.narrow, win.count, 0);
    for (unsigned r = 0; r < FOUR; r++)
        s.low[r] = _mm256_add_epi32(s.low[r], _mm256_slli_epi32(s.high[r], 16));
    /* Each of 128 bits: two sums of the first row, two of the second; and of the other two. */
    const __m256i ab = fold(s.low[0], s.low[1]), cd = fold(s.low[2], s.low[3]);
    const __m256 x = _mm256_castsi256_ps(ab), y = _mm256_castsi256_ps(cd);
    const __m256i sum = _mm256_add_epi32(_mm256_castps_si256(_mm256_shuffle_ps(x, y, 0x88)),
                                         _mm256_castps_si256(_mm256_shuffle_ps(x, y, 0xdd)));
    const __m128i four =
        _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    return _mm_srai_epi32(_mm_add_epi32(four, _mm_set1_epi32(DCT_ROUND)), DCT_WEIGHT_BITS);
}

/* Four samples of four rows, which may be one and the same. */
static inline void four_samples(const dct_axis *axis, uint32_t i, const uint8_t *const rows[FOUR],
                                uint8_t *const out[FOUR])
{
    const uint32_t left = axis->out - i < FOUR ? axis->out - i : FOUR;
    __m128i s[FOUR];
    for (uint32_t k = 0; k < FOUR; k++) /* behind the last sample: the last again */
        s[k] = window_sums(axis, i + (k < left ? k : left - 1), rows);
    const __m128i samples =
        _mm_packus_epi16(_mm_packs_epi32(s[0], s[1]), _mm_packs_epi32(s[2], s[3]));
    uint32_t bytes[FOUR];
    _mm_storeu_si128((__m128i *)(void *)bytes,
                     _mm_shuffle_epi8(samples, _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14,
                                                             3, 7, 11, 15)));
    for (unsigned r = 0; r < FOUR; r++) {
        if (left == FOUR)
            memcpy(out[r] + i, &bytes[r], FOUR);
        else
            memcpy(out[r] + i, &bytes[r], left);
    }
}

static void horizontal_avx2(const dct_axis *axis, const uint8_t *grey, size_t stride, uint8_t *out,
                            size_t rows)
{
    for (size_t done = 0; done < rows; done += FOUR) {
        const uint8_t *from[FOUR];
        uint8_t *to[FOUR];
        for (size_t r = 0; r < FOUR; r++) { /* where there are fewer: the last again */
            const size_t row = done + r < rows ? done + r : rows - 1;
            from[r] = grey + row * stride;
            to[r] = out + row * axis->out;
        }
        for (uint32_t i = 0; i < axis->out; i += FOUR)
            four_samples(axis, i, from, to);
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
    k->lanes = LANES;
    k->grey = grey_avx2;
    k->horizontal = horizontal_avx2;
    k->vertical = vertical_avx2;
}
