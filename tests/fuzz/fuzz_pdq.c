/* Rows of any size, format and split: the stream gives what one call gives, and every instruction set
 * gives what plain C gives. Which sets compute the two others, the input says: all three in one run
 * would cost what more runs are worth. */
#include "raster.h"

static int same(const phash_pdq_result *a, const phash_pdq_result *b)
{
    return memcmp(&a->hash, &b->hash, sizeof a->hash) == 0 && a->quality == b->quality &&
           a->profile == b->profile && a->has_dihedral == b->has_dihedral &&
           memcmp(a->dihedral, b->dihedral, sizeof a->dihedral) == 0;
}

static phash_status in_rows(const fuzz_raster *r, const phash_pdq_options *options, uint32_t splits,
                            phash_pdq_result *result)
{
    phash_pdq_stream *stream;
    const phash_status status = phash_pdq_stream_new(&r->desc, options, &stream);
    if (status == PHASH_OK) {
        uint32_t state = splits;
        for (uint32_t y = 0, n; y < r->desc.height; y += n) {
            n = fuzz_rows(&state, splits, r->desc.height - y);
            REQUIRE(phash_pdq_push_rows(stream, r->pixels + y * r->stride, n,
                                        (ptrdiff_t)r->stride) == PHASH_OK);
        }
        REQUIRE(phash_pdq_finish(stream, result) == PHASH_OK);
    }
    phash_pdq_stream_free(&stream);
    return status;
}

int fuzz_input(const uint8_t *data, size_t size)
{
    fuzz_bytes in = {data, size};
    fuzz_raster r = fuzz_raster_describe(&in, 6);
    phash_pdq_options options = PHASH_PDQ_OPTIONS_INIT;
    const uint32_t choice = fuzz_take(&in, 1), masks = fuzz_take(&in, 1);
    options.profile = (phash_pdq_profile)(choice & 1);
    options.dihedral = (int)(choice >> 1 & 1);
    const uint32_t splits = fuzz_take(&in, 2) + 1;
    if (!fuzz_raster_fill(&r, &in))
        return 0;

    const phash_pdq_image image = {r.pixels, (ptrdiff_t)r.stride, r.desc};
    phash_pdq_result plain = PHASH_PDQ_RESULT_INIT, other = plain, streamed = plain;
    phash_cpu_mask(0);
    const phash_status status = phash_pdq(&image, &options, &plain);
    REQUIRE(status == PHASH_OK || status == PHASH_E_TOO_SMALL || status == PHASH_E_ARGUMENT);
    phash_cpu_mask(fuzz_mask(masks & 15));
    REQUIRE(phash_pdq(&image, &options, &other) == status);
    phash_cpu_mask(fuzz_mask(masks >> 4));
    REQUIRE(in_rows(&r, &options, splits, &streamed) == status);
    REQUIRE(same(&other, &plain) && same(&streamed, &plain));
    free(r.pixels);
    return 0;
}
