/* The four ways to use PDQ: whole picture, sampled to 512x512, reduced JPEG, eight orientations. */
#include "config.h"
#include "hasher.h"

#include <phash/phash.h>

#include <string.h>

#define THRESHOLD_WHY "ThreatExchange's advice for PDQ"

static void keep(const phash_pdq_result *result, struct print *out)
{
    out->count = 1;
    out->quality = result->quality;
    memcpy(out->variants[0], result->hash.bytes, PHASH_HASH256_BYTES);
    if (!result->has_dihedral)
        return;
    out->count = PHASH_DIHEDRALS;
    for (int i = 0; i < PHASH_DIHEDRALS; i++)
        memcpy(out->variants[i], result->dihedral[i].bytes, PHASH_HASH256_BYTES);
}

static bool hash_as(const struct raster *raster, phash_pdq_profile profile, int dihedral,
                    struct print *out)
{
    const phash_pdq_image image = {raster->rows,
                                   (ptrdiff_t)raster->width * 3,
                                   {raster->width, raster->height, PHASH_PIXEL_RGB8}};
    phash_pdq_options options = PHASH_PDQ_OPTIONS_INIT;
    phash_pdq_result result = PHASH_PDQ_RESULT_INIT;
    options.profile = profile;
    options.dihedral = dihedral;
    if (phash_pdq(&image, &options, &result) != PHASH_OK)
        return false;
    keep(&result, out);
    return true;
}

static bool hash_full(const struct raster *raster, struct print *out)
{
    return hash_as(raster, PHASH_PDQ_FULL, 0, out);
}

static bool hash_nn512(const struct raster *raster, struct print *out)
{
    return hash_as(raster, PHASH_PDQ_NN512, 0, out);
}

static bool hash_dihedral(const struct raster *raster, struct print *out)
{
    return hash_as(raster, PHASH_PDQ_FULL, 1, out);
}

static unsigned distance(const struct print *bank, const struct print *query)
{
    unsigned nearest = PHASH_HASH256_BITS;
    for (int i = 0; i < query->count; i++) {
        const unsigned d =
            hasher_hamming(bank->variants[0], query->variants[i], PHASH_HASH256_BYTES);
        nearest = d < nearest ? d : nearest;
    }
    return nearest;
}

const struct hasher hasher_pdq = {
    .name = "pdq",
    .title = "PDQ",
    .max = PHASH_HASH256_BITS,
    .unit = "bits",
    .threshold = PHASH_RADIUS_DEFAULT,
    .threshold_why = THRESHOLD_WHY,
    .library = "libphash",
    .hash = hash_full,
    .distance = distance,
};

const struct hasher hasher_pdq_dihedral = {
    .name = "pdq-dihedral",
    .title = "PDQ, 8 orientations",
    .bank = "pdq",
    .trials = PHASH_DIHEDRALS,
    .max = PHASH_HASH256_BITS,
    .unit = "bits",
    .threshold = PHASH_RADIUS_DEFAULT,
    .threshold_why = THRESHOLD_WHY,
    .library = "libphash",
    .note = "the query's eight orientations against plain hashes; the smallest distance counts",
    .hash = hash_dihedral,
    .distance = distance,
};

const struct hasher hasher_pdq_nn512 = {
    .name = "pdq-nn512",
    .title = "PDQ nn512",
    .max = PHASH_HASH256_BITS,
    .unit = "bits",
    .threshold = PHASH_RADIUS_DEFAULT,
    .threshold_why = THRESHOLD_WHY,
    .library = "libphash",
    .note = "the profile of Meta's C++ tools, on both sides",
    .hash = hash_nn512,
    .distance = distance,
};

#if BENCH_HAS_JPEG
static bool hash_fast(const struct raster *raster, struct print *out)
{
    phash_pdq_options options = PHASH_PDQ_OPTIONS_INIT;
    phash_pdq_result result = PHASH_PDQ_RESULT_INIT;
    options.profile = PHASH_PDQ_FAST;
    if (!raster->jpeg || phash_pdq_memory(raster->jpeg, raster->jpeg_bytes, NULL, &options, &result,
                                          NULL) != PHASH_OK)
        return false;
    keep(&result, out);
    return true;
}

const struct hasher hasher_pdq_fast = {
    .name = "pdq-fast",
    .title = "PDQ fast",
    .bank = "pdq",
    .max = PHASH_HASH256_BITS,
    .unit = "bits",
    .threshold = PHASH_RADIUS_DEFAULT,
    .threshold_why = THRESHOLD_WHY,
    .library = "libphash",
    .note = "the screening profile against full hashes; it reads JPEG, so every picture is first "
            "compressed at quality 95, and its speed includes decoding",
    .needs_jpeg = true,
    .hash = hash_fast,
    .distance = distance,
};
#endif
