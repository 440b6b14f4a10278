/* Rows of any size, format and split, and any parameters: a DCT stream gives what one call gives,
 * and every instruction set gives what plain C gives. The input says which sets are compared. */
#include "raster.h"

#include <phash/dct.h>

/* A context for parameters from the input, or NULL: what the header refuses must be refused. */
static phash_dct *context(fuzz_bytes *in)
{
    const uint32_t size = fuzz_take(in, 1) % 70, second = fuzz_take(in, 1), factor = second % 20;
    const int good = size >= PHASH_DCT_HASH_SIZE_MIN && size <= PHASH_DCT_HASH_SIZE_MAX &&
                     factor >= PHASH_DCT_HIGHFREQ_FACTOR_MIN &&
                     factor <= PHASH_DCT_HIGHFREQ_FACTOR_MAX;
    phash_dct *dct;
    REQUIRE(phash_dct_new(size, factor, &dct) == (good ? PHASH_OK : PHASH_E_ARGUMENT));
    REQUIRE(!dct == !good);
    /* Sides of up to 96, at times of up to 256: larger ones only cost time. */
    if (dct && size * factor > (second >= 0xe0 ? 256 : 96))
        phash_dct_free(&dct);
    return dct;
}

static phash_status in_rows(const phash_dct *dct, const fuzz_raster *r,
                            const phash_dct_options *options, uint32_t splits,
                            phash_dct_result *result)
{
    phash_dct_stream *stream;
    const phash_status status = phash_dct_stream_new(dct, &r->desc, options, &stream);
    if (status == PHASH_OK) {
        uint32_t state = splits;
        for (uint32_t y = 0, n; y < r->desc.height; y += n) {
            n = fuzz_rows(&state, splits, r->desc.height - y);
            REQUIRE(phash_dct_push_rows(stream, r->pixels + y * r->stride, n,
                                        (ptrdiff_t)r->stride) == PHASH_OK);
        }
        REQUIRE(phash_dct_finish(stream, result) == PHASH_OK);
    }
    phash_dct_stream_free(&stream);
    return status;
}

static void hash(const phash_dct *dct, fuzz_bytes *in)
{
    fuzz_raster r = fuzz_raster_describe(in, 7);
    phash_dct_options options = PHASH_DCT_OPTIONS_INIT;
    const uint32_t choice = fuzz_take(in, 1), masks = fuzz_take(in, 1);
    options.dihedral = (int)(choice & 1);
    options.inverted = (int)(choice >> 1 & 1);
    const uint32_t splits = fuzz_take(in, 2) + 1;
    if (!fuzz_raster_fill(&r, in))
        return;

    const phash_pdq_image image = {r.pixels, (ptrdiff_t)r.stride, r.desc};
    static phash_dct_result plain, other, streamed;
    plain = other = streamed = (phash_dct_result)PHASH_DCT_RESULT_INIT;
    phash_cpu_mask(0);
    const phash_status status = phash_dct_hash(dct, &image, &options, &plain);
    REQUIRE(status == PHASH_OK || status == PHASH_E_ARGUMENT);
    phash_cpu_mask(fuzz_mask(masks & 15));
    REQUIRE(phash_dct_hash(dct, &image, &options, &other) == status);
    phash_cpu_mask(fuzz_mask(masks >> 4));
    REQUIRE(in_rows(dct, &r, &options, splits, &streamed) == status);
    REQUIRE(memcmp(&other, &plain, sizeof plain) == 0);
    REQUIRE(memcmp(&streamed, &plain, sizeof plain) == 0);
    free(r.pixels);
}

/* Text of any kind against the strict reader of hashes. */
static void read_text(const fuzz_bytes *in)
{
    phash_bits bits;
    for (uint32_t length = 1; length < 300; length += 7) {
        const size_t n = in->size < PHASH_BITS_HEX(length) ? in->size : PHASH_BITS_HEX(length);
        if (phash_bits_from_hex((const char *)in->data, n, length, &bits) != PHASH_OK)
            continue;
        char text[PHASH_BITS_HEX_MAX + 1];
        phash_bits again;
        REQUIRE(phash_bits_to_hex(&bits, text, sizeof text) == n);
        REQUIRE(phash_bits_from_hex(text, n, length, &again) == PHASH_OK);
        REQUIRE(memcmp(&again, &bits, sizeof bits) == 0);
    }
}

int fuzz_input(const uint8_t *data, size_t size)
{
    fuzz_bytes in = {data, size};
    read_text(&in);
    phash_dct *dct = context(&in);
    if (dct)
        hash(dct, &in);
    phash_dct_free(&dct);
    return 0;
}
