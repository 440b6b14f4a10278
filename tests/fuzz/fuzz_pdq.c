/* Rows of any size, format and split: the stream gives what one call gives, and every instruction set
 * gives what plain C gives. */
#include "target.h"

#include <phash/cpu.h>
#include <phash/pdq.h>

static int same(const phash_pdq_result *a, const phash_pdq_result *b)
{
    return memcmp(&a->hash, &b->hash, sizeof a->hash) == 0 && a->quality == b->quality &&
           a->profile == b->profile && a->has_dihedral == b->has_dihedral &&
           memcmp(a->dihedral, b->dihedral, sizeof a->dihedral) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bytes in = {data, size};
    const phash_pdq_desc desc = {fuzz_take(&in, 2) % 1400, fuzz_take(&in, 2) % 1400,
                                 (phash_pixel_format)(fuzz_take(&in, 1) % 6)};
    phash_pdq_options options = PHASH_PDQ_OPTIONS_INIT;
    options.profile = (phash_pdq_profile)(fuzz_take(&in, 1) % 2);
    options.dihedral = (int)fuzz_take(&in, 1) & 1;
    const uint32_t splits = fuzz_take(&in, 2) + 1;
    if ((uint64_t)desc.width * desc.height > 400000)
        return 0;
    const size_t row = desc.width * phash_pixel_bytes(desc.format);
    uint8_t *pixels = malloc(row * desc.height + 1);
    REQUIRE(pixels);
    for (size_t i = 0; i < row * desc.height; i++)
        pixels[i] = in.size ? in.data[i % in.size] : (uint8_t)(i * 37 >> 3);

    const phash_pdq_image image = {pixels, (ptrdiff_t)row, desc};
    phash_pdq_result plain = PHASH_PDQ_RESULT_INIT, fast = plain, streamed = plain;
    phash_cpu_mask(0);
    const phash_status status = phash_pdq(&image, &options, &plain);
    static const uint32_t masks[] = {PHASH_CPU_POPCNT | PHASH_CPU_AVX2, PHASH_CPU_ALL};
    for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++) {
        phash_cpu_mask(masks[m]);
        REQUIRE(phash_pdq(&image, &options, &fast) == status);
        REQUIRE(same(&fast, &plain));
    }
    phash_pdq_stream *stream;
    REQUIRE(phash_pdq_stream_new(&desc, &options, &stream) == status);
    if (status == PHASH_OK) {
        uint32_t state = splits;
        for (uint32_t y = 0, n; y < desc.height; y += n) {
            state = state * 1664525 + 1013904223;
            n = (state >> 16) % (splits % 97 + 2);
            if (n > desc.height - y)
                n = desc.height - y;
            REQUIRE(phash_pdq_push_rows(stream, pixels + y * row, n, (ptrdiff_t)row) == PHASH_OK);
        }
        REQUIRE(phash_pdq_finish(stream, &streamed) == PHASH_OK);
        REQUIRE(same(&streamed, &plain));
    }
    phash_pdq_stream_free(&stream);
    free(pixels);
    return 0;
}
