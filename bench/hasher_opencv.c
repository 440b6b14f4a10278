/* Peers: OpenCV's img_hash module, each with its own comparison. */
#include "hasher.h"
#include "opencv_shim.h"

#define PHASH_BYTES  8
#define BLOCK_BYTES  32
#define MARR_BYTES   72
#define RADIAL_BYTES 40
#define SHARE_WHY    "none is agreed; PDQ's share of bits (31 of 256)"
#define LIBRARY      "OpenCV img_hash"

static bool hash_with(enum shim_hash which, size_t bytes, const struct raster *raster,
                      struct print *out)
{
    out->count = 1;
    out->quality = PRINT_NONE;
    return !shim_hash(which, raster->rows, raster->width, raster->height, out->variants[0], bytes);
}

static bool hash_phash(const struct raster *raster, struct print *out)
{
    return hash_with(SHIM_PHASH, PHASH_BYTES, raster, out);
}

static bool hash_block(const struct raster *raster, struct print *out)
{
    return hash_with(SHIM_BLOCK_MEAN, BLOCK_BYTES, raster, out);
}

static bool hash_marr(const struct raster *raster, struct print *out)
{
    return hash_with(SHIM_MARR_HILDRETH, MARR_BYTES, raster, out);
}

static bool hash_radial(const struct raster *raster, struct print *out)
{
    return hash_with(SHIM_RADIAL_VARIANCE, RADIAL_BYTES, raster, out);
}

static unsigned distance_phash(const struct print *bank, const struct print *query)
{
    return hasher_hamming(bank->variants[0], query->variants[0], PHASH_BYTES);
}

static unsigned distance_block(const struct print *bank, const struct print *query)
{
    return hasher_hamming(bank->variants[0], query->variants[0], BLOCK_BYTES);
}

static unsigned distance_marr(const struct print *bank, const struct print *query)
{
    return hasher_hamming(bank->variants[0], query->variants[0], MARR_BYTES);
}

/* Correlation falls with distance: counted as thousandths that are missing to 1. */
static unsigned distance_radial(const struct print *bank, const struct print *query)
{
    const double peak = shim_radial_compare(bank->variants[0], query->variants[0], RADIAL_BYTES);
    /* A flat picture correlates with nothing: its result is no number. */
    return peak >= 1 ? 0 : peak > 0 ? (unsigned)((1 - peak) * 1000 + 0.5) : 1000;
}

const struct hasher hasher_cv_phash = {
    .name = "cv-phash",
    .title = "OpenCV PHash, 64 bits",
    .max = PHASH_BYTES * 8,
    .unit = "bits",
    .threshold = 10,
    .threshold_why = "10 of 64 bits, the custom for this hash (N. Krawetz, Looks Like It, 2011)",
    .library = LIBRARY,
    .hash = hash_phash,
    .distance = distance_phash,
};

const struct hasher hasher_cv_block = {
    .name = "cv-block",
    .title = "OpenCV BlockMeanHash, 256 bits",
    .max = BLOCK_BYTES * 8,
    .unit = "bits",
    .threshold = 31,
    .threshold_why = SHARE_WHY,
    .library = LIBRARY,
    .hash = hash_block,
    .distance = distance_block,
};

const struct hasher hasher_cv_marr = {
    .name = "cv-marr",
    .title = "OpenCV MarrHildrethHash, 576 bits",
    .max = MARR_BYTES * 8,
    .unit = "bits",
    .threshold = 70,
    .threshold_why = SHARE_WHY,
    .library = LIBRARY,
    .hash = hash_marr,
    .distance = distance_marr,
};

const struct hasher hasher_cv_radial = {
    .name = "cv-radial",
    .title = "OpenCV RadialVarianceHash, 40 bytes",
    .max = 1000,
    .unit = "thousandths of correlation below 1",
    .threshold = 100,
    .threshold_why = "a peak cross correlation of 0.90, the default of the pHash library",
    .library = LIBRARY,
    .hash = hash_radial,
    .distance = distance_radial,
};
