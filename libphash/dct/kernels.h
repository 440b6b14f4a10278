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
    DCT_PAD = 64,   /* readable bytes behind a row */
    DCT_BATCH = 4,  /* most rows that the kernels are given at once */
    DCT_BLOCK = 16, /* pixels of each of four rows in a block of 64 bytes */
    DCT_DIGITS = 3, /* signed bytes that a weight is split into */
    DCT_QUADS = 4   /* times four rows that go through at once */
};

/* What kernels know of a window whose weights are split into digits: its steps, of pixels or of rows,
 * and those among them (from `wide` on, up to `narrow`) in which weights have the highest digit. Far
 * from its middle a window's weights are small. */
typedef struct dct_window {
    uint32_t first, count, wide, narrow;
} dct_window;

/* The windows along one side: sample i of `out` is the weighted sum of the `count[i]` samples of
 * `in` from first[i] on. Windows move to the right: first and first + count never decrease. */
typedef struct dct_axis {
    uint32_t in, out;
    uint32_t taps; /* weights kept for each window: the most that a window has */
    uint32_t *first, *count;
    int32_t *weights; /* out * taps */

    /* The same weights for kernels with `lanes`: for each window `padded` low words, then as many high
     * ones, zero behind the window. Steps are of `lanes` samples, the first at first[i]. */
    uint32_t padded;
    int16_t *packed;
    dct_window *windows;

    /* The same for kernels that take rows by fours, see quads.c: signed digits of a byte each, for
     * each window room for `steps` steps. */
    int8_t *digits;
    uint32_t steps;
} dct_axis;

typedef struct dct_kernels {
    /* 0 where `horizontal` takes whole weights. Otherwise it takes a weight as two signed words,
     * low + (high << 16), so that a narrow multiplication does, and this many at once. */
    unsigned lanes;

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

    /* The same for rows by fours, which leaves no sums across a vector: NULL, or used instead of the
     * two above. A block holds DCT_BLOCK pixels of each of four rows, row after row; a quad is the
     * blocks of four rows. */

    /* n pixels each of four rows to a quad; of the last block the pixels behind n are undefined. */
    void (*grey4)(phash_pixel_format format, const uint8_t *const rows[4], uint8_t *quad, size_t n);

    /* Quads, which may be one and the same, along their length: lines[4 * i + r] is sample i of
     * row r. Room for 4 * axis->out bytes, rounded up to 64. */
    void (*horizontal4)(const dct_axis *axis, const uint8_t *const quads[DCT_QUADS],
                        uint8_t *const lines[DCT_QUADS]);

    /* sums[i] += the four weights' digits times the four rows of sample i. `digits` are 12: four of
     * the lowest, of the middle, of the highest. `lines` as above. */
    void (*vertical4)(int32_t *sums, const uint8_t *lines, const int8_t *digits, size_t n);
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
