/* Photos for `phash-bench hash`: laid out of tiles of real or made-up pictures, encoded in memory. */
#include "bench.h"
#include "hash_photo.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#if PHASH_HAS_PNG
#include <png.h>
#endif

/* A picture gives 2x2 tiles from its middle. The tiles of a photo go through all pictures before the
 * next quarter of the first one is shown. */
enum { TILE_W = 864, TILE_H = 576, PART_W = 2 * TILE_W, PART_H = 2 * TILE_H, PARTS_MAX = 32 };
enum { QUALITY = 85 };

struct photo_tiles {
    size_t count;
    uint8_t *part[PARTS_MAX]; /* PART_W * PART_H, RGB */
};

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (!memory)
        exit(bench_fail("no memory"));
    return memory;
}

/* ---- made-up pictures ---- */

/* A number from -1 to 1 for a point of the lattice of one octave. */
static float lattice(uint32_t x, uint32_t y, uint32_t seed)
{
    uint32_t h = x * 0x9E3779B1u ^ y * 0x85EBCA77u ^ seed * 0xC2B2AE3Du;
    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    h = (h ^ h >> 12) * 0x297A2D39u;
    return (float)(h >> 8) / (1 << 23) - 1.0f;
}

/* Adds smooth noise with a lattice of 2^octave pixels to row y. */
static void add_noise(float *row, uint32_t y, unsigned octave, uint32_t seed, float amplitude)
{
    const uint32_t cell = 1u << octave, cy = y >> octave;
    const float v = (float)(y & (cell - 1)) / (float)cell;
    float left = 0, right = 0;
    for (uint32_t x = 0; x < PART_W; x++) {
        const uint32_t cx = x >> octave;
        if ((x & (cell - 1)) == 0) {
            left = lattice(cx, cy, seed) * (1 - v) + lattice(cx, cy + 1, seed) * v;
            right = lattice(cx + 1, cy, seed) * (1 - v) + lattice(cx + 1, cy + 1, seed) * v;
        }
        const float u = (float)(x & (cell - 1)) / (float)cell;
        row[x] += amplitude * (left * (1 - u) + right * u);
    }
}

/* Light as noise of about the same strength in every octave, as in natural scenes, less in the
 * finest ones, which lenses blur; colour in the coarse ones alone. */
static uint8_t *make_up(uint32_t seed)
{
    static const float light[] = {2, 3, 6, 10, 14, 16, 18, 20, 22, 24};
    enum { OCTAVES = sizeof light / sizeof light[0], COLOUR = 5 };
    uint8_t *part = allocate((size_t)PART_W * PART_H * 3);
    float *grey = allocate(PART_W * sizeof *grey), *channel = allocate(PART_W * sizeof *channel);
    for (uint32_t y = 0; y < PART_H; y++) {
        uint8_t *out = part + (size_t)y * PART_W * 3;
        for (uint32_t x = 0; x < PART_W; x++)
            grey[x] = 120;
        for (unsigned o = 0; o < OCTAVES; o++)
            add_noise(grey, y, o, seed * 64 + o, light[o]);
        for (unsigned c = 0; c < 3; c++) {
            memcpy(channel, grey, PART_W * sizeof *channel);
            for (unsigned o = COLOUR; o < OCTAVES; o++)
                add_noise(channel, y, o, seed * 64 + (c + 1) * 16 + o, 10);
            for (uint32_t x = 0; x < PART_W; x++)
                out[x * 3 + c] = (uint8_t)(channel[x] < 0     ? 0
                                           : channel[x] > 255 ? 255
                                                              : channel[x]);
        }
    }
    free(grey);
    free(channel);
    return part;
}

/* ---- pictures of a folder ---- */

/* The middle of a picture as RGB; NULL where it is too small or no picture. */
static uint8_t *cut_out(const char *path)
{
    phash_image *image = NULL;
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    phash_error error = PHASH_ERROR_INIT;
    uint8_t *part = NULL, *row = NULL;
    if (phash_image_open_path(path, NULL, &image, &error) != PHASH_OK ||
        phash_image_info_get(image, &info) != PHASH_OK || info.desc.width < PART_W ||
        info.desc.height < PART_H || info.desc.format != PHASH_PIXEL_RGB8)
        goto done;
    const uint32_t top = (info.desc.height - PART_H) / 2;
    const size_t stride = (size_t)info.desc.width * 3, left = (info.desc.width - PART_W) / 2;
    part = allocate((size_t)PART_W * PART_H * 3);
    row = allocate(stride);
    for (uint32_t y = 0; y < top + PART_H; y++) {
        if (phash_image_read_rows(image, row, 1, stride, &error) != PHASH_OK) {
            free(part);
            part = NULL;
            goto done;
        }
        if (y >= top)
            memcpy(part + (size_t)(y - top) * PART_W * 3, row + left * 3, (size_t)PART_W * 3);
    }
done:
    free(row);
    phash_image_free(&image);
    return part;
}

static void take_folder(struct photo_tiles *tiles, const char *folder)
{
    struct dirent **names;
    const int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        const int length = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        free(names[i]);
        if (tiles->count == PARTS_MAX || length >= (int)sizeof path)
            continue;
        tiles->part[tiles->count] = cut_out(path);
        tiles->count += tiles->part[tiles->count] != NULL;
    }
    if (count >= 0)
        free(names);
}

struct photo_tiles *photo_tiles_new(const char *folder)
{
    struct photo_tiles *tiles = allocate(sizeof *tiles);
    tiles->count = 0;
    if (folder)
        take_folder(tiles, folder);
    else
        for (uint32_t seed = 0; seed < 4; seed++)
            tiles->part[tiles->count++] = make_up(seed);
    if (tiles->count)
        return tiles;
    bench_fail("%s: no colour picture of at least %dx%d pixels", folder, PART_W, PART_H);
    free(tiles);
    return NULL;
}

void photo_tiles_free(struct photo_tiles *tiles)
{
    for (size_t i = 0; tiles && i < tiles->count; i++)
        free(tiles->part[i]);
    free(tiles);
}

/* Row y of a photo. */
static void lay_row(const struct photo_tiles *tiles, uint32_t y, uint32_t width, uint8_t *row)
{
    const uint32_t across = (width + TILE_W - 1) / TILE_W;
    for (uint32_t t = 0; t < across; t++) {
        const size_t k = (size_t)(y / TILE_H) * across + t, quarter = k / tiles->count % 4;
        const size_t left = quarter % 2 * TILE_W, top = quarter / 2 * TILE_H;
        const uint8_t *from = tiles->part[k % tiles->count];
        const uint32_t n = width - t * TILE_W < TILE_W ? width - t * TILE_W : TILE_W;
        memcpy(row + (size_t)t * TILE_W * 3, from + ((top + y % TILE_H) * PART_W + left) * 3,
               (size_t)n * 3);
    }
}

/* ---- encoding ---- */

static void encode_jpeg(const struct photo_tiles *tiles, struct photo *photo, uint8_t *row)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned long bytes = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &photo->file, &bytes);
    c.image_width = photo->width;
    c.image_height = photo->height;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c); /* 4:2:0 is one of them */
    jpeg_set_quality(&c, QUALITY, TRUE);
    if (photo->kind == PHOTO_PROGRESSIVE)
        jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    for (uint32_t y = 0; y < photo->height; y++) {
        lay_row(tiles, y, photo->width, row);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    photo->bytes = bytes;
}

#if PHASH_HAS_PNG
static void append(png_structp png, png_bytep data, size_t bytes)
{
    fwrite(data, 1, bytes, png_get_io_ptr(png));
}

static void flush(png_structp png)
{
    (void)png;
}

static void encode_png(const struct photo_tiles *tiles, struct photo *photo, uint8_t *row)
{
    char *file = NULL;
    FILE *stream = open_memstream(&file, &photo->bytes);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!stream || !info)
        exit(bench_fail("no memory"));
    png_set_write_fn(png, stream, append, flush);
    png_set_IHDR(png, info, photo->width, photo->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < photo->height; y++) {
        lay_row(tiles, y, photo->width, row);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    if (fclose(stream) != 0)
        exit(bench_fail("no memory"));
    photo->file = (uint8_t *)file;
}
#endif

struct photo photo_new(const struct photo_tiles *tiles, enum photo_kind kind, uint32_t width,
                       uint32_t height)
{
    struct photo photo = {.kind = kind, .width = width, .height = height};
    uint8_t *row = allocate((size_t)width * 3);
#if PHASH_HAS_PNG
    if (kind == PHOTO_PNG)
        encode_png(tiles, &photo, row);
    else
#endif
        encode_jpeg(tiles, &photo, row);
    free(row);
    photo.pixels = allocate((size_t)width * height * 3);
    photo_decode(&photo, photo.pixels);
    return photo;
}

void photo_free(struct photo *photo)
{
    free(photo->file);
    free(photo->pixels);
}
