/* The DCT hash of imagehash, at three lengths. */
#include "hasher.h"

#include <phash/dct.h>

#include <string.h>

static phash_dct *dct8, *dct16, *dct32;

static bool open_8(void)
{
    return phash_dct_new(8, 4, &dct8) == PHASH_OK;
}

static bool open_16(void)
{
    return phash_dct_new(16, 4, &dct16) == PHASH_OK;
}

static bool open_32(void)
{
    return phash_dct_new(32, 2, &dct32) == PHASH_OK;
}

static void close_8(void)
{
    phash_dct_free(&dct8);
}

static void close_16(void)
{
    phash_dct_free(&dct16);
}

static void close_32(void)
{
    phash_dct_free(&dct32);
}

static bool hash_with(const phash_dct *dct, const struct raster *raster, struct print *out)
{
    const phash_pdq_image image = {raster->rows,
                                   (ptrdiff_t)raster->width * 3,
                                   {raster->width, raster->height, PHASH_PIXEL_RGB8}};
    phash_dct_result result = PHASH_DCT_RESULT_INIT;
    if (phash_dct_hash(dct, &image, NULL, &result) != PHASH_OK)
        return false;
    out->count = 1;
    out->quality = PRINT_NONE;
    memcpy(out->variants[0], result.hash.bytes, PHASH_BITS_BYTES(result.hash.length));
    return true;
}

static bool hash_8(const struct raster *raster, struct print *out)
{
    return hash_with(dct8, raster, out);
}

static bool hash_16(const struct raster *raster, struct print *out)
{
    return hash_with(dct16, raster, out);
}

static bool hash_32(const struct raster *raster, struct print *out)
{
    return hash_with(dct32, raster, out);
}

static unsigned distance_64(const struct print *bank, const struct print *query)
{
    return hasher_hamming(bank->variants[0], query->variants[0], 8);
}

static unsigned distance_256(const struct print *bank, const struct print *query)
{
    return hasher_hamming(bank->variants[0], query->variants[0], 32);
}

static unsigned distance_1024(const struct print *bank, const struct print *query)
{
    return hasher_hamming(bank->variants[0], query->variants[0], 128);
}

_Static_assert(PRINT_BYTES >= 128, "room for 1024 bits");

const struct hasher hasher_dct_8x4 = {
    .name = "dct-8x4",
    .title = "imagehash phash, 64 bits",
    .max = 64,
    .unit = "bits",
    .threshold = 10,
    .threshold_why = "10 of 64 bits, the custom for this hash (N. Krawetz, Looks Like It, 2011)",
    .library = "libphash-dct",
    .open = open_8,
    .close = close_8,
    .hash = hash_8,
    .distance = distance_64,
};

const struct hasher hasher_dct_16x4 = {
    .name = "dct-16x4",
    .title = "imagehash phash, 256 bits",
    .max = 256,
    .unit = "bits",
    .threshold = 40,
    .threshold_why = "the 64-bit hash's share of bits",
    .library = "libphash-dct",
    .open = open_16,
    .close = close_16,
    .hash = hash_16,
    .distance = distance_256,
};

const struct hasher hasher_dct_32x2 = {
    .name = "dct-32x2",
    .title = "imagehash phash, 1024 bits",
    .max = 1024,
    .unit = "bits",
    .threshold = 160,
    .threshold_why = "the 64-bit hash's share of bits",
    .library = "libphash-dct",
    .open = open_32,
    .close = close_32,
    .hash = hash_32,
    .distance = distance_1024,
};
