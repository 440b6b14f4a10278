/* What `phash-bench hash` times over photos: the decoders by themselves, and libphash. */
#include "bench.h"
#include "hash_photo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#if PHASH_HAS_PNG
#include <png.h>
#endif

enum { ROWS = 16 }; /* what a decoder is asked for at once */

#define JPEG (1u << PHOTO_BASELINE | 1u << PHOTO_PROGRESSIVE)
#define PNG  (1u << PHOTO_PNG)

/* ---- libjpeg-turbo ---- */

/* Rows go to `pixels`, or to a few rows that stay in the cache. */
static void decode_jpeg(const struct photo *photo, J_COLOR_SPACE space, unsigned reduce,
                        uint8_t *pixels)
{
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr errors;
    c.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&c);
    jpeg_mem_src(&c, photo->file, photo->bytes);
    jpeg_read_header(&c, TRUE);
    c.out_color_space = space;
    c.scale_num = 1;
    c.scale_denom = reduce;
    jpeg_start_decompress(&c);
    const size_t stride = (size_t)c.output_width * (size_t)c.output_components;
    uint8_t *own = pixels ? NULL : malloc(ROWS * stride);
    if (!pixels && !own)
        exit(bench_fail("no memory"));
    while (c.output_scanline < c.output_height) {
        JSAMPROW rows[ROWS];
        for (size_t i = 0; i < ROWS; i++)
            rows[i] = own ? own + i * stride : pixels + (c.output_scanline + i) * stride;
        const JDIMENSION left = c.output_height - c.output_scanline;
        jpeg_read_scanlines(&c, rows, left < ROWS ? left : ROWS);
    }
    jpeg_finish_decompress(&c);
    jpeg_destroy_decompress(&c);
    free(own);
}

static void jpeg_rgb(const struct photo *photo, phash_pdq_result *result)
{
    (void)result;
    decode_jpeg(photo, JCS_RGB, 1, NULL);
}

static void jpeg_grey(const struct photo *photo, phash_pdq_result *result)
{
    (void)result;
    decode_jpeg(photo, JCS_GRAYSCALE, 1, NULL);
}

static void jpeg_eighth(const struct photo *photo, phash_pdq_result *result)
{
    (void)result;
    decode_jpeg(photo, JCS_GRAYSCALE, 8, NULL);
}

/* ---- libpng ---- */

#if PHASH_HAS_PNG
struct reading {
    const uint8_t *next;
};

static void take(png_structp png, png_bytep to, size_t bytes)
{
    struct reading *reading = png_get_io_ptr(png);
    memcpy(to, reading->next, bytes);
    reading->next += bytes;
}

static void decode_png(const struct photo *photo, uint8_t *pixels)
{
    const size_t stride = (size_t)photo->width * 3;
    struct reading reading = {photo->file};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    uint8_t *own = pixels ? NULL : malloc(stride);
    if (!info || (!pixels && !own))
        exit(bench_fail("no memory"));
    png_set_read_fn(png, &reading, take);
    png_read_info(png, info);
    for (uint32_t y = 0; y < photo->height; y++)
        png_read_row(png, own ? own : pixels + y * stride, NULL);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    free(own);
}

static void png_rgb(const struct photo *photo, phash_pdq_result *result)
{
    (void)result;
    decode_png(photo, NULL);
}
#endif

void photo_decode(const struct photo *photo, uint8_t *pixels)
{
#if PHASH_HAS_PNG
    if (photo->kind == PHOTO_PNG)
        decode_png(photo, pixels);
    else
#endif
        decode_jpeg(photo, JCS_RGB, 1, pixels);
}

/* ---- libphash ---- */

static void from_memory(const struct photo *photo, phash_pdq_profile profile,
                        phash_pdq_result *result)
{
    phash_error error = PHASH_ERROR_INIT;
    phash_pdq_options options = PHASH_PDQ_OPTIONS_INIT;
    options.profile = profile;
    if (phash_pdq_memory(photo->file, photo->bytes, NULL, &options, result, &error) != PHASH_OK)
        exit(bench_fail("libphash: %s", error.message));
}

static void phash_full(const struct photo *photo, phash_pdq_result *result)
{
    from_memory(photo, PHASH_PDQ_FULL, result);
}

static void phash_fast(const struct photo *photo, phash_pdq_result *result)
{
    from_memory(photo, PHASH_PDQ_FAST, result);
}

static void phash_hash_only(const struct photo *photo, phash_pdq_result *result)
{
    const phash_pdq_image image = {
        .rows = photo->pixels,
        .stride = (ptrdiff_t)photo->width * 3,
        .desc = {photo->width, photo->height, PHASH_PIXEL_RGB8},
    };
    if (phash_pdq(&image, NULL, result) != PHASH_OK)
        exit(bench_fail("libphash could not hash"));
}

const struct photo_engine photo_engines[] = {
    {"libjpeg-turbo-rgb", JPEG, false, true, jpeg_rgb},
    {"libjpeg-turbo-grey", JPEG, false, true, jpeg_grey},
    {"libjpeg-turbo-grey-eighth", JPEG, false, true, jpeg_eighth},
#if PHASH_HAS_PNG
    {"libpng", PNG, false, true, png_rgb},
#endif
    {"libphash-full", JPEG | PNG, true, false, phash_full},
    {"libphash-fast", JPEG, false, false, phash_fast},
    {"libphash-hash-only", JPEG | PNG, true, false, phash_hash_only},
    {0},
};
