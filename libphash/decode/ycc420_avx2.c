/* 4:2:0 to RGB for AVX2: 64 pixels at a time, from an odd one on.
 *
 * Between two neighbouring chroma samples lie an odd pixel and an even one. With samples blended over
 * two rows, b = 3 near + far, of which l is to the left and r to the right of them:
 *     odd pixel (3 l + r + 7) / 16, even pixel (3 r + l + 8) / 16
 * as jdsample.c's h2v2_fancy_upsample has it. Both come from the rounding multiplication,
 * (a b + 16384) >> 15: by 2048 it gives (x + 8) >> 4, and by -2048 it gives -((x + 7) >> 4). So odd
 * pixels have their chroma negated, and the factors that follow have the other sign.
 *
 * Colours, with F(x) = 65536 x rounded:
 *     R = Y + (F(1.402) cr + 32768 >> 16)                cr = Cr - 128, cb = Cb - 128
 *     G = Y + (-F(0.34414) cb - F(0.71414) cr + 32768 >> 16)
 *     B = Y + (F(1.772) cb + 32768 >> 16)
 * of jdcolor.c. Chroma is doubled, so that half the factors will do, which fit in 16 bits: 11277 and
 * 23401 for G, exactly. For R and B the rounding multiplication takes a quarter, 22970.25 and
 * 29032.5: with 22970 and 29033 it gives the same for each of the 256 values, negated or not.
 *
 * Cb and Cr of a sample lie side by side in 32 bits, as the sum of products for G wants them. A
 * register holds, of each of two runs of 8 samples, one run to a half, those with even numbers (a) or
 * those with odd ones (b). To the left of b is a, then, and one shuffle brings all bytes of RGB to
 * their places: see `woven`.
 */
#include "decode/ycc420.h"

#include <immintrin.h>
#include <string.h>

typedef __m256i V;

enum {
    STEP = 64, /* pixels */
    RUN = 16   /* pixels of 8 samples, and bytes of half a register */
};

static inline V sum(V a, V b)
{
    return _mm256_add_epi16(a, b);
}

/* 16 bits for Cb and 16 for Cr, throughout. */
static inline V pairs_of(int cb, int cr)
{
    return _mm256_set1_epi32((int)((uint32_t)cr << 16 | (uint16_t)cb));
}

/* ---- chroma ---- */

typedef struct rows {
    const uint8_t *near_cb, *near_cr, *far_cb, *far_cr;
} rows;

/* Of two runs, blended. */
typedef struct samples {
    V a, b;
} samples;

/* Of two runs: twice the chroma less 128 of pixels n, n + 4, n + 8 and n + 12; n is 0, 1, 2, 3. */
typedef struct chroma {
    V odd_a, even_a, odd_b, even_b; /* odd: negated */
} chroma;

typedef struct block {
    chroma low, high; /* runs 0 and 2, 1 and 3 */
    V last;           /* samples b of high */
} block;

/* Signed: less 128. */
static inline V load(const uint8_t *p)
{
    return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)p),
                            _mm256_set1_epi8(-128));
}

/* Bytes of near and far side by side. */
static inline __attribute__((always_inline)) samples blended(V cb, V cr)
{
    const V a = _mm256_blend_epi16(cb, _mm256_slli_epi32(cr, 16), 0xaa);
    const V b = _mm256_blend_epi16(_mm256_srli_epi32(cb, 16), cr, 0xaa);
    const V factors = _mm256_set1_epi16(1 << 8 | 3);
    return (samples){_mm256_maddubs_epi16(factors, a), _mm256_maddubs_epi16(factors, b)};
}

static inline V triple(V v)
{
    return sum(v, sum(v, v));
}

static inline V twice_odd(V x)
{
    const V c = _mm256_mulhrs_epi16(x, _mm256_set1_epi16(-2048));
    return sum(c, c);
}

static inline V twice_even(V x)
{
    const V c = _mm256_mulhrs_epi16(x, _mm256_set1_epi16(2048));
    return sum(c, c);
}

/* left: samples to the left of a. */
static inline __attribute__((always_inline)) chroma upsampled(V left, const samples *s)
{
    const V triple_a = triple(s->a);
    return (chroma){twice_odd(sum(triple(left), s->a)), twice_even(sum(triple_a, left)),
                    twice_odd(sum(triple_a, s->b)), twice_even(sum(triple(s->b), s->a))};
}

/* 64 pixels, the first of which is to the left of sample `at`; last: of the block to the left. */
static inline __attribute__((always_inline)) block chroma_of(const rows *from, size_t at, V last)
{
    const V near_cb = load(from->near_cb + at), near_cr = load(from->near_cr + at);
    const V far_cb = load(from->far_cb + at), far_cr = load(from->far_cr + at);
    const samples low =
        blended(_mm256_unpacklo_epi8(near_cb, far_cb), _mm256_unpacklo_epi8(near_cr, far_cr));
    const samples high =
        blended(_mm256_unpackhi_epi8(near_cb, far_cb), _mm256_unpackhi_epi8(near_cr, far_cr));
    const V before = _mm256_permute2x128_si256(last, high.b, 0x21); /* runs -1 and 1 */
    return (block){upsampled(_mm256_alignr_epi8(low.b, before, 12), &low),
                   upsampled(_mm256_alignr_epi8(high.b, low.b, 12), &high), high.b};
}

/* For the first block: the copy before the first sample, less 128. */
static inline V before_first(const rows *r)
{
    return pairs_of(3 * r->near_cb[-1] + r->far_cb[-1] - 4 * 128,
                    3 * r->near_cr[-1] + r->far_cr[-1] - 4 * 128);
}

/* ---- colours ---- */

/* Shares of chroma in B and R, side by side; sign: that of the chroma. */
static inline V blue_red(V c, int sign)
{
    return _mm256_mulhrs_epi16(c, pairs_of(sign * 29033, sign * 22970));
}

/* Shares in G of pixels n, n + 2 .. n + 14: from a, then from b, and so on. */
static inline V green(V a, V b, int sign)
{
    const V factors = pairs_of(sign * -11277, sign * -23401), round = _mm256_set1_epi32(32768);
    const V of_a = _mm256_add_epi32(_mm256_madd_epi16(a, factors), round);
    const V of_b = _mm256_add_epi32(_mm256_madd_epi16(b, factors), round);
    return _mm256_blend_epi16(_mm256_srli_epi32(of_a, 16), of_b, 0xaa);
}

/* Luma of pixels n, n + 4, n + 8 and n + 12, twice each: for B and R. */
#define FOUR(n)    n, -1, n, -1, n + 4, -1, n + 4, -1, n + 8, -1, n + 8, -1, n + 12, -1, n + 12, -1
#define LUMA(y, n) _mm256_shuffle_epi8(y, _mm256_setr_epi8(FOUR(n), FOUR(n)))

/* Pixels 0 to 15 of a half are to be bytes 3p (R), 3p + 1 (G) and 3p + 2 (B) of three results of 16
 * bytes. Those are different places modulo 16 for the 16 bytes of G, and for the B and R of 8 pixels
 * too, so long as no two of these are 6 apart, modulo 16: as is true of a, pixels 0, 1, 4, 5, 8, 9,
 * 12, 13, and of b, the others. So after one shuffle each byte is where one of the results takes it.
 * Place n is for the R, G or B of pixel 11n, 11(n - 1) or 11(n - 2) modulo 16; 33 is 1 modulo 16. */
#define P_R(n)        ((n)*11 % 16)
#define P_G(n)        (((n) + 15) * 11 % 16)
#define P_B(n)        (((n) + 14) * 11 % 16)
#define OF_B(p)       ((p) % 4 / 2)
#define PAIR(p)       ((p) % 2 * 8 + (p) / 4 * 2) /* where packing put the pixel's B; R is behind it */
#define SINGLE(p)     ((p) % 2 * 8 + (p) / 2)     /* its G */
#define FROM_A(n)     (OF_B(P_R(n)) ? PAIR(P_B(n)) : PAIR(P_R(n)) + 1)
#define FROM_B(n)     (OF_B(P_R(n)) ? PAIR(P_R(n)) + 1 : PAIR(P_B(n)))
#define FROM_G(n)     SINGLE(P_G(n))
#define IS_G(n)       ((n) % 3 == 1 ? -1 : 0)
#define FOUR_OF(f, n) f(n), f((n) + 1), f((n) + 2), f((n) + 3)
#define HALF_OF(f, n) FOUR_OF(f, n), FOUR_OF(f, (n) + 4), FOUR_OF(f, (n) + 8), FOUR_OF(f, (n) + 12)
#define BYTES(f, n)   _mm256_setr_epi8(HALF_OF(f, n), HALF_OF(f, n))

typedef struct woven_rgb {
    V part[3]; /* of the 48 bytes of each half */
} woven_rgb;

/* R and B come six bytes from a, six from b, and so on; what lies between them is for G. */
static inline __attribute__((always_inline)) woven_rgb woven(V a, V b, V g)
{
    a = _mm256_shuffle_epi8(a, BYTES(FROM_A, 0));
    b = _mm256_shuffle_epi8(b, BYTES(FROM_B, 0));
    g = _mm256_shuffle_epi8(g, BYTES(FROM_G, 0));
    return (woven_rgb){{
        _mm256_blendv_epi8(_mm256_blend_epi16(a, b, 0x38), g, BYTES(IS_G, 0)),
        _mm256_blendv_epi8(_mm256_blend_epi16(a, b, 0x8e), g, BYTES(IS_G, 16)),
        _mm256_blendv_epi8(_mm256_blend_epi16(a, b, 0xe3), g, BYTES(IS_G, 32)),
    }};
}

/* luma: of two runs. */
static inline __attribute__((always_inline)) woven_rgb rgb_of(V luma, const chroma *c)
{
    const V a = _mm256_packus_epi16(sum(LUMA(luma, 0), blue_red(c->odd_a, -1)),
                                    sum(LUMA(luma, 1), blue_red(c->even_a, 1)));
    const V b = _mm256_packus_epi16(sum(LUMA(luma, 2), blue_red(c->odd_b, -1)),
                                    sum(LUMA(luma, 3), blue_red(c->even_b, 1)));
    const V odd = _mm256_and_si256(luma, _mm256_set1_epi16(0xff));
    const V even = _mm256_srli_epi16(luma, 8);
    const V g = _mm256_packus_epi16(sum(odd, green(c->odd_a, c->odd_b, -1)),
                                    sum(even, green(c->even_a, c->even_b, 1)));
    return woven(a, b, g);
}

/* A run and the next but one. */
static inline V load_luma(const uint8_t *p)
{
    const __m128i one = _mm_loadu_si128((const __m128i *)(const void *)p);
    const __m128i two = _mm_loadu_si128((const __m128i *)(const void *)(p + 2 * RUN));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(one), two, 1);
}

/* Two halves: 0x20 the low ones, 0x31 the high ones. */
#define STORE(p, v, w, halves)                                                                     \
    _mm256_storeu_si256((__m256i *)(void *)(p), _mm256_permute2x128_si256(v, w, halves))

static inline __attribute__((always_inline)) void convert(const uint8_t *luma, const block *k,
                                                          uint8_t *rgb)
{
    const woven_rgb low = rgb_of(load_luma(luma), &k->low);
    const woven_rgb high = rgb_of(load_luma(luma + RUN), &k->high);
    STORE(rgb, low.part[0], low.part[1], 0x20);
    STORE(rgb + 32, low.part[2], high.part[0], 0x20);
    STORE(rgb + 64, high.part[1], high.part[2], 0x20);
    STORE(rgb + 96, low.part[0], low.part[1], 0x31);
    STORE(rgb + 128, low.part[2], high.part[0], 0x31);
    STORE(rgb + 160, high.part[1], high.part[2], 0x31);
}

/* Blocks begin at pixels -1, 63, 127 ..., to the left of samples 0, 32, 64 ... No block begins behind
 * the row's end, so none needs more than 64 bytes there. Chroma is a block ahead of the colours: the
 * steps for a block wait for each other, and the CPU has those of the other to go on with. */
void ycc420_row_avx2(const uint8_t *luma, const uint8_t *const near[2], const uint8_t *const far[2],
                     uint32_t width, uint16_t *blend, uint8_t *rgb)
{
    (void)blend; /* blended samples stay in registers */
    const rows from = {near[0], near[1], far[0], far[1]};
    uint8_t spare[3 * STEP];
    block k = chroma_of(&from, 0, before_first(&from));
    convert(luma - 1, &k, spare);
    size_t x = width < STEP - 1 ? width : STEP - 1;
    memcpy(rgb, spare + 3, 3 * x);
    k = chroma_of(&from, (x + 1) / 2, k.last);
    for (; x + STEP <= width; x += STEP) {
        const block next = chroma_of(&from, (x + STEP + 1) / 2, k.last);
        convert(luma + x, &k, rgb + 3 * x);
        k = next;
    }
    convert(luma + x, &k, spare);
    memcpy(rgb + 3 * x, spare, 3 * (width - x));
}
