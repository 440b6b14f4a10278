/* The three loops of the reduction that see every pixel, for each instruction set. All of them are
 * integer arithmetic modulo 2^32, so every order of additions gives the same. */
#ifndef PHASH_DCT_KERNELS_H
#define PHASH_DCT_KERNELS_H

#include <phash/pdq.h>

#include <stddef.h>
#include <stdint.h>

enum {
    DCT_WEIGHT_BITS = 22, /* fraction bits of a weight: 8 + 22 bits and sign fit 32 */
    DCT_ROUND = 1 << (DCT_WEIGHT_BITS - 1),
    DCT_PAD = 64, /* readable bytes behind a row */
    DCT_BATCH = 4 /* most rows that the kernels are given at once */
};

/* The windows along one side: sample i of `out` is the weighted sum of the `count[i]` samples of
 * `in` from first[i] on. Windows move to the right: first and first + count never decrease. */
typedef struct dct_axis {
    uint32_t in, out;
    uint32_t taps; /* weights kept for each window: the most that a window has */
    uint32_t *first, *count;
    int32_t *weights; /* out * taps */

    /* The same weights as a kernel wants them: for each window `digits` planes of `padded` digits,
     * zero behind the window. NULL where the kernel takes `weights`. */
    uint32_t padded;
    void *packed;
    size_t packed_bytes;
} dct_axis;

typedef struct dct_kernels {
    /* How a weight is split so that a narrow multiplication does: w = sum over plane p of
     * digit p << (shift * p). digit_bytes is 4 for whole weights, or 2 or 1; the lowest of 2-byte
     * digits is 0..4095, 1-byte digits are all signed. Windows are padded to a multiple of lanes. */
    unsigned digits, digit_bytes, shift, lanes;

    /* n pixels to grey. */
    void (*grey)(phash_pixel_format format, const uint8_t *pixels, uint8_t *grey, size_t n);

    /* Rows along their length: out[i] = clip((DCT_ROUND + sum) >> DCT_WEIGHT_BITS). At least
     * DCT_PAD bytes behind each row are readable. Row r stands at grey + r * stride and goes to
     * out + r * axis->out. */
    void (*horizontal)(const dct_axis *axis, const uint8_t *grey, size_t stride, uint8_t *out,
                       size_t rows);

    /* sums[i] += sum over r of weights[r] * lines[r * n + i]. */
    void (*vertical)(int32_t *sums, const uint8_t *lines, const int32_t *weights, size_t rows,
                     size_t n);
} dct_kernels;

/* Fills the table for the sets, from C upwards. */
void dct_kernels_fill(dct_kernels *kernels, uint32_t sets);

void dct_kernels_c(dct_kernels *kernels);
void dct_kernels_avx2(dct_kernels *kernels);
void dct_kernels_avx512(dct_kernels *kernels);

/* A finished sum as a sample. */
static inline uint8_t dct_clip(int32_t sum)
{
    const int32_t v = sum >> DCT_WEIGHT_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Pillow's grey: ITU-R BT.601 weights with 16 fraction bits. */
enum { DCT_GREY_R = 19595, DCT_GREY_G = 38470, DCT_GREY_B = 7471, DCT_GREY_ROUND = 1 << 15 };

static inline uint8_t dct_grey_of(uint8_t r, uint8_t g, uint8_t b)
{
    return (uint8_t)((DCT_GREY_R * (uint32_t)r + DCT_GREY_G * (uint32_t)g +
                      DCT_GREY_B * (uint32_t)b + DCT_GREY_ROUND) >>
                     16);
}

#endif
