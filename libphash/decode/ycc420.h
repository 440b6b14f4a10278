/* YCbCr with chroma of half the resolution in both directions (4:2:0), the form of most JPEGs, to
 * RGB, with the very pixels that libjpeg-turbo gives.
 *
 * libjpeg-turbo makes RGB in two passes over the rows: chroma to full resolution ("fancy": a
 * triangle filter, jdsample.c), then colours (jdcolor.c). Here one pass does both, in registers. It
 * exists for instruction sets that gain from it; elsewhere libjpeg-turbo does its own work.
 *
 *     libjpeg, 16 rows of luma and 8 of chroma -> ycc420_next .. ycc420_added -> ycc420_take -> RGB
 *
 * A row of RGB needs the chroma row that it lies in and the nearer neighbour of that, so the last of
 * 16 rows waits for the next 16: two such sets are kept.
 */
#ifndef PHASH_DECODE_YCC420_H
#define PHASH_DECODE_YCC420_H

#include "core/internal.h"

#include <stdbool.h>

enum {
    YCC420_ROWS = 16, /* of luma in a set; half as many of chroma */
    YCC420_PAD = 64,  /* readable bytes on both sides of a row of planes */
    YCC420_NARROWEST = 5
    /* pixels; libjpeg-turbo repeats chroma, unfiltered, where it is under 3 samples wide */
};

/* One row of RGB. near and far: the chroma row that it lies in and the neighbour; each has, one
 * before and one behind its samples, a copy of the outermost. Rows are readable for YCC420_PAD bytes
 * on both sides. blend: room for 2 * width + 4 * YCC420_PAD bytes, for kernels to use. */
typedef void (*ycc420_row_fn)(const uint8_t *luma, const uint8_t *const near[2],
                              const uint8_t *const far[2], uint32_t width, uint16_t *blend,
                              uint8_t *rgb);

/* The kernel for the sets; NULL where there is none. */
ycc420_row_fn ycc420_row_for(uint32_t sets);
void ycc420_row_avx2(const uint8_t *luma, const uint8_t *const near[2], const uint8_t *const far[2],
                     uint32_t width, uint16_t *blend, uint8_t *rgb);
void ycc420_row_avx512(const uint8_t *luma, const uint8_t *const near[2],
                       const uint8_t *const far[2], uint32_t width, uint16_t *blend, uint8_t *rgb);

typedef struct ycc420 {
    ycc420_row_fn row;
    uint32_t width, height;
    uint32_t sets;  /* read */
    uint32_t given; /* rows */
    size_t luma_pitch, chroma_pitch;
    uint8_t *luma, *chroma[2]; /* rings of two sets */
    uint16_t *blend;
    uint8_t *memory;
    size_t bytes;
} ycc420;

/* Bytes that a picture of this width takes. */
uint64_t ycc420_bytes(uint32_t width);

/* For a zeroed struct. PHASH_E_MEMORY or PHASH_OK. */
phash_status ycc420_start(ycc420 *y, ycc420_row_fn row, uint32_t width, uint32_t height);

/* Where the next set is to be put: 16 rows of Y, 8 of Cb, 8 of Cr, of whole 8x8 blocks. */
void ycc420_next(const ycc420 *y, uint8_t *luma[YCC420_ROWS], uint8_t *cb[YCC420_ROWS / 2],
                 uint8_t *cr[YCC420_ROWS / 2]);

/* The set is there. */
void ycc420_added(ycc420 *y);

/* Gives up to `count` rows, as many as there are without a further set: perhaps none. */
size_t ycc420_take(ycc420 *y, uint8_t *rows, size_t count, size_t stride);

/* Wipes and frees. */
void ycc420_free(ycc420 *y);

#endif
