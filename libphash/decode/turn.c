/* Turning a raster as its EXIF orientation says (EXIF 2.3, 4.6.4 A).
 *
 * Every orientation is a walk over the stored pixels with one step for the next column of the
 * turned picture and one for its next row: start + x * across + y * down.
 */
#include "decode/turn.h"

#include <string.h>

typedef struct walk {
    const uint8_t *start; /* the stored pixel that becomes the top left one */
    ptrdiff_t across, down;
} walk;

static walk make_walk(const turn_raster *from, uint32_t orientation)
{
    const ptrdiff_t pixel = (ptrdiff_t)from->channels;
    const ptrdiff_t row = (ptrdiff_t)from->width * pixel;
    const ptrdiff_t last_column = row - pixel, last_row = (ptrdiff_t)(from->height - 1) * row;
    const uint8_t *p = from->pixels;
    switch (orientation) {
    case 2:
        return (walk){p + last_column, -pixel, row};
    case 3:
        return (walk){p + last_row + last_column, -pixel, -row};
    case 4:
        return (walk){p + last_row, pixel, -row};
    case 5:
        return (walk){p, row, pixel};
    case 6:
        return (walk){p + last_row, -row, pixel};
    case 7:
        return (walk){p + last_row + last_column, -row, -pixel};
    case 8:
        return (walk){p + last_column, row, -pixel};
    default:
        return (walk){p, pixel, row};
    }
}

static inline void copy_run(uint8_t *to, const uint8_t *from, ptrdiff_t step, size_t n,
                            size_t channels)
{
    if (channels == 1) {
        for (size_t i = 0; i < n; i++, from += step)
            to[i] = *from;
        return;
    }
    for (size_t i = 0; i < n; i++, from += step, to += 3) {
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
    }
}

void turn_rows(const turn_raster *from, uint32_t orientation, uint32_t first, size_t count,
               uint8_t *rows, size_t stride)
{
    /* Where sides are exchanged, neighbours in a turned row lie a stored row apart. In tiles of 64
     * columns the cache lines that one turned row touches are still there for the next ones. */
    enum { TILE = 64 };
    const walk w = make_walk(from, orientation);
    const bool swaps = turn_swaps_sides(orientation);
    const size_t width = swaps ? from->height : from->width;
    const size_t tile = swaps ? TILE : width;
    for (size_t x = 0; x < width; x += tile) {
        const size_t n = width - x < tile ? width - x : tile;
        for (size_t y = 0; y < count; y++)
            copy_run(rows + y * stride + x * from->channels,
                     w.start + (ptrdiff_t)x * w.across + (ptrdiff_t)(first + y) * w.down, w.across,
                     n, from->channels);
    }
}

turn_axes turn_axes_of(uint32_t orientation)
{
    return (turn_axes){
        .reverse_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8,
        .reverse_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7,
        .transpose = turn_swaps_sides(orientation),
    };
}

void turn_mirror_row(uint8_t *row, uint32_t width, size_t channels)
{
    uint8_t *left = row, *right = row + (size_t)width * channels;
    for (right -= channels; left < right; left += channels, right -= channels)
        for (size_t k = 0; k < channels; k++) {
            const uint8_t t = left[k];
            left[k] = right[k];
            right[k] = t;
        }
}
