/* The stages of PDQ, in the order that data takes them:
 *
 *   row of pixels ─luma→ float row ─jarosz→ 64x64 ─dct64→ 16x16 ─median→ 256 bits
 *                                              └─quality→ 0..100  └─dihedral→ seven more 16x16
 *
 * Each stage is a pure function over plain arrays, in its own file. All of it is IEEE binary32 with
 * every operation rounded, in the order that the reference does it: the order of additions and
 * subtractions is part of the result, so nothing here may be reassociated or contracted.
 */
#ifndef PHASH_PDQ_STAGES_H
#define PHASH_PDQ_STAGES_H

#include <phash/pdq.h>

#include <float.h>
#include <stddef.h>
#include <stdint.h>

#if FLT_EVAL_METHOD != 0
#error "PDQ needs float arithmetic that is rounded to binary32 at every step (-msse2 -mfpmath=sse)"
#endif

enum {
    PDQ_SIDE = 64,           /* side of the downsampled luma */
    PDQ_DCT_SIDE = 16,       /* side of the DCT corner */
    PDQ_NN_SIDE = 512,       /* side that profile nn512 samples to */
    PDQ_WINDOW_DIVISOR = 128 /* window = ceil(side / 128): two boxes span one 64th of the side */
};

/* Window of the box filter along a side of `length` samples. */
static inline uint32_t pdq_window(uint32_t length)
{
    return length / PDQ_WINDOW_DIVISOR + (length % PDQ_WINDOW_DIVISOR != 0);
}

/* Source index of sample i, 0..63, along a side of `length`: floor((i + 0.5) * length / 64). Exact
 * in integers: (2i + 1) * length / 128. */
static inline uint32_t pdq_sample(uint32_t i, uint32_t length)
{
    return (uint32_t)(((uint64_t)2 * i + 1) * length / 128);
}

/* 1 / c as a float and what it lacks, for divisions by c, up to 1024 or such a number over a power of two:
 * fma(s, inverse, s * rest) is s / c, correctly rounded.
 *
 * The sum of the two is within 2^-48 of 1 / c, and s * rest is rounded by as little, so before its one
 * rounding the FMA has a number within 2^-46 of s / c (all relative). No float s has a quotient as close
 * as that to the middle between two floats, where it could be rounded the wrong way: the difference is a
 * multiple of half the quotient's last place divided by c, and so at least 2^-35. Nor is any quotient such
 * a middle, which times c has more bits than a float. (Brisebarre, Muller and Raina, Accelerating correctly
 * rounded floating-point division when the divisor is known in advance, IEEE Trans. Computers 53(8), 2004,
 * have the method.) test_division tries every mantissa of s for every c. */
static inline void pdq_reciprocal(float c, float *inverse, float *rest)
{
    const double exact = 1.0 / (double)c;
    *inverse = (float)exact;
    *rest = (float)(exact - (double)*inverse);
}

/* Pixels to luma: grey as it is, else (0.299f R + 0.587f G) + 0.114f B.  luma: n floats. */
void pdq_luma_row(phash_pixel_format format, const uint8_t *pixels, float *luma, size_t n);

/* One box filter along a row of n samples; out may not overlap in. */
void pdq_box_row(const float *in, float *out, size_t n, size_t window);

/* Quality of the 64x64 image: how much its neighbours differ. */
int pdq_quality(const float a[PDQ_SIDE * PDQ_SIDE]);

/* The 16x16 corner, without row and column 0, of the 64x64 DCT-II. */
void pdq_dct64(const float a[PDQ_SIDE * PDQ_SIDE], float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE]);

/* Bits: set where a coefficient is above the lower median of the 256. */
void pdq_threshold(const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE], phash_hash256 *hash);

/* phash_pdq_finish, which also gives the coefficients that the hash's bits stand for; they are set
 * only where PHASH_OK comes back. */
phash_status pdq_finish(phash_pdq_stream *s, phash_pdq_result *result,
                        float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE]);

/* The DCT corner of the image turned or mirrored as `d` says. */
void pdq_dihedral(phash_dihedral d, const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE],
                  float out[PDQ_DCT_SIDE * PDQ_DCT_SIDE]);

#endif
