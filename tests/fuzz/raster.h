/* What the targets over pixels share: pictures, splits and instruction sets chosen by the input. */
#ifndef PHASH_TESTS_FUZZ_RASTER_H
#define PHASH_TESTS_FUZZ_RASTER_H

#include "target.h"

#include <phash/cpu.h>
#include <phash/pdq.h>

enum { FUZZ_PIXELS_MAX = 60000, FUZZ_MIDDLE = 0xa0, FUZZ_LARGE = 0xf8 };

/* A picture that the input describes, and its pixels: the rest of the input, over and over. */
typedef struct fuzz_raster {
    phash_pdq_desc desc;
    size_t stride;
    uint8_t *pixels;
} fuzz_raster;

/* Reads a class (1 byte), width and height (2 each), the format and the gap between rows (1 each).
 * Most pictures are small, so that a fuzzer runs often: whatever a kernel does at the edges, at odd
 * ends of rows and with windows of one or two pixels happens below 160. The highest classes ask for
 * what only long rows reach. */
static inline fuzz_raster fuzz_raster_describe(fuzz_bytes *in, uint32_t formats)
{
    const uint32_t kind = fuzz_take(in, 1);
    const uint32_t most = kind >= FUZZ_LARGE ? 1400 : kind >= FUZZ_MIDDLE ? 161 : 41;
    fuzz_raster r = {0};
    r.desc.width = fuzz_take(in, 2) % most;
    r.desc.height = fuzz_take(in, 2) % most;
    r.desc.format = (phash_pixel_format)(fuzz_take(in, 1) % formats);
    r.stride = r.desc.width * phash_pixel_bytes(r.desc.format) + fuzz_take(in, 1) % 20;
    return r;
}

/* Fills a picture that is small enough; returns whether it is. Memory of exactly the size needed, so
 * that a sanitizer sees one byte too far. The caller frees the pixels. */
static inline int fuzz_raster_fill(fuzz_raster *r, const fuzz_bytes *in)
{
    const phash_pdq_desc *d = &r->desc;
    if ((uint64_t)d->width * d->height > FUZZ_PIXELS_MAX)
        return 0;
    const size_t row = d->width * phash_pixel_bytes(d->format),
                 bytes = d->height ? (d->height - 1) * r->stride + row : 0;
    r->pixels = malloc(bytes ? bytes : 1);
    REQUIRE(r->pixels);
    size_t done = in->size < bytes ? in->size : bytes;
    if (done)
        memcpy(r->pixels, in->data, done);
    else
        for (; done < bytes && done < 1000; done++)
            r->pixels[done] = (uint8_t)(done * 37 >> 3);
    for (size_t n; done < bytes; done += n) {
        n = done < bytes - done ? done : bytes - done;
        memcpy(r->pixels + done, r->pixels, n);
    }
    return 1;
}

/* How many rows to push next, from 0 to 98, and never more than `left`. */
static inline uint32_t fuzz_rows(uint32_t *state, uint32_t splits, uint32_t left)
{
    *state = *state * 1664525 + 1013904223;
    const uint32_t n = (*state >> 16) % (splits % 97 + 2);
    return n < left ? n : left;
}

/* One of the masks under which this machine computes differently, from plain C up to all it has. */
static inline uint32_t fuzz_mask(uint32_t number)
{
    uint32_t masks[8] = {0}, count = 1;
    for (uint32_t set = 1, below = 0; set && count < 8; set <<= 1)
        if (phash_cpu_detected() & set)
            masks[count++] = below |= set;
    return masks[number % count];
}

#endif
