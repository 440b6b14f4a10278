/* Rows of any size, format and split, and any parameters: a DCT stream gives what one call gives,
 * and every instruction set gives what plain C gives. */
#include "target.h"

#include <phash/cpu.h>
#include <phash/dct.h>

/* A context for parameters from the input, or NULL: what the header refuses must be refused. */
static phash_dct *context(fuzz_bytes *in)
{
    const uint32_t size = fuzz_take(in, 1) % 70, factor = fuzz_take(in, 1) % 20;
    const int good = size >= PHASH_DCT_HASH_SIZE_MIN && size <= PHASH_DCT_HASH_SIZE_MAX &&
                     factor >= PHASH_DCT_HIGHFREQ_FACTOR_MIN &&
                     factor <= PHASH_DCT_HIGHFREQ_FACTOR_MAX;
    phash_dct *dct;
    REQUIRE(phash_dct_new(size, factor, &dct) == (good ? PHASH_OK : PHASH_E_ARGUMENT));
    REQUIRE(!dct == !good);
    /* Sides of up to 256: larger ones only cost time. */
    if (dct && size * factor > 256)
        phash_dct_free(&dct);
    return dct;
}

static void hash(const phash_dct *dct, fuzz_bytes *in)
{
    const phash_pdq_desc desc = {fuzz_take(in, 2) % 1400, fuzz_take(in, 2) % 1400,
                                 (phash_pixel_format)(fuzz_take(in, 1) % 7)};
    phash_dct_options options = PHASH_DCT_OPTIONS_INIT;
    options.dihedral = (int)fuzz_take(in, 1) & 1;
    options.inverted = (int)fuzz_take(in, 1) & 1;
    const uint32_t splits = fuzz_take(in, 2) + 1;
    if ((uint64_t)desc.width * desc.height > 200000)
        return;
    const size_t row = desc.width * phash_pixel_bytes(desc.format);
    uint8_t *pixels = malloc(row * desc.height + 1);
    REQUIRE(pixels);
    for (size_t i = 0; i < row * desc.height; i++)
        pixels[i] = in->size ? in->data[i % in->size] : (uint8_t)(i * 37 >> 3);

    const phash_pdq_image image = {pixels, (ptrdiff_t)row, desc};
    static phash_dct_result plain, other;
    plain = other = (phash_dct_result)PHASH_DCT_RESULT_INIT;
    phash_cpu_mask(0);
    const phash_status status = phash_dct_hash(dct, &image, &options, &plain);
    REQUIRE(status == PHASH_OK || status == PHASH_E_ARGUMENT);
    static const uint32_t masks[] = {PHASH_CPU_POPCNT | PHASH_CPU_AVX2, PHASH_CPU_ALL};
    for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++) {
        phash_cpu_mask(masks[m]);
        REQUIRE(phash_dct_hash(dct, &image, &options, &other) == status);
        REQUIRE(memcmp(&other, &plain, sizeof plain) == 0);
    }
    phash_dct_stream *stream;
    REQUIRE(phash_dct_stream_new(dct, &desc, &options, &stream) == status);
    if (status == PHASH_OK) {
        uint32_t state = splits;
        for (uint32_t y = 0, n; y < desc.height; y += n) {
            state = state * 1664525 + 1013904223;
            n = (state >> 16) % (splits % 97 + 2);
            if (n > desc.height - y)
                n = desc.height - y;
            REQUIRE(phash_dct_push_rows(stream, pixels + y * row, n, (ptrdiff_t)row) == PHASH_OK);
        }
        REQUIRE(phash_dct_finish(stream, &other) == PHASH_OK);
        REQUIRE(memcmp(&other, &plain, sizeof plain) == 0);
    }
    phash_dct_stream_free(&stream);
    free(pixels);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes in = {data, size};
    read_text(&in);
    phash_dct *dct = context(&in);
    if (dct)
        hash(dct, &in);
    phash_dct_free(&dct);
    return 0;
}
