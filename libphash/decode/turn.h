/* Turning a raster as its EXIF orientation says. */
#ifndef PHASH_DECODE_TURN_H
#define PHASH_DECODE_TURN_H

#include "core/internal.h"

/* A picture as it is stored, rows without gaps. */
typedef struct turn_raster {
    const uint8_t *pixels;
    uint32_t width, height;
    size_t channels; /* 1 or 3 */
} turn_raster;

/* Whether an orientation exchanges width and height. */
static inline bool turn_swaps_sides(uint32_t orientation)
{
    return orientation >= 5;
}

/* Whether rows can be handed out in the order they are stored in. */
static inline bool turn_streams(uint32_t orientation)
{
    return orientation <= 2;
}

/* The same orientations as directions of the stored axes: which run backwards in the turned picture,
 * and whether stored columns become its rows. */
typedef struct turn_axes {
    bool reverse_x, reverse_y, transpose;
} turn_axes;
turn_axes turn_axes_of(uint32_t orientation);

/* Mirrors one row in place: orientation 2. */
void turn_mirror_row(uint8_t *row, uint32_t width, size_t channels);

/* Writes rows first .. first + count - 1 of the turned picture. */
void turn_rows(const turn_raster *from, uint32_t orientation, uint32_t first, size_t count,
               uint8_t *rows, size_t stride);

#endif
