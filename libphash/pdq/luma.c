/* Luma: one float per pixel, 0 to 255. */
#include "pdq/stages.h"

size_t phash_pixel_bytes(phash_pixel_format format)
{
    switch (format) {
    case PHASH_PIXEL_GREY8:
        return 1;
    case PHASH_PIXEL_RGB8:
    case PHASH_PIXEL_BGR8:
        return 3;
    case PHASH_PIXEL_RGBA8:
    case PHASH_PIXEL_BGRA8:
        return 4;
    }
    return 0;
}

/* ITU-R BT.601 weights, as the reference writes them. Products and sums are rounded one by one. */
static inline float luma_of(uint8_t r, uint8_t g, uint8_t b)
{
    return (0.299f * (float)r + 0.587f * (float)g) + 0.114f * (float)b;
}

void pdq_luma_row(phash_pixel_format format, const uint8_t *p, float *luma, size_t n)
{
    switch (format) {
    case PHASH_PIXEL_GREY8:
        for (size_t x = 0; x < n; x++)
            luma[x] = (float)p[x];
        break;
    case PHASH_PIXEL_RGB8:
        for (size_t x = 0; x < n; x++)
            luma[x] = luma_of(p[3 * x], p[3 * x + 1], p[3 * x + 2]);
        break;
    case PHASH_PIXEL_BGR8:
        for (size_t x = 0; x < n; x++)
            luma[x] = luma_of(p[3 * x + 2], p[3 * x + 1], p[3 * x]);
        break;
    case PHASH_PIXEL_RGBA8:
        for (size_t x = 0; x < n; x++)
            luma[x] = luma_of(p[4 * x], p[4 * x + 1], p[4 * x + 2]);
        break;
    case PHASH_PIXEL_BGRA8:
        for (size_t x = 0; x < n; x++)
            luma[x] = luma_of(p[4 * x + 2], p[4 * x + 1], p[4 * x]);
        break;
    }
}
