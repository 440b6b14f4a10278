/* Any bytes as an image file: an error or a hash, the same from memory however it is asked for, and
 * never more memory than the limit allows. */
#include "target.h"

#include <phash/decode.h>

int fuzz_input(const uint8_t *data, size_t size)
{
    phash_decode_options decode = PHASH_DECODE_OPTIONS_INIT;
    decode.max_pixels = 4 << 20;
    decode.max_memory = 64 << 20;
    phash_pdq_result a = PHASH_PDQ_RESULT_INIT, b = PHASH_PDQ_RESULT_INIT;
    phash_error error = PHASH_ERROR_INIT;
    const phash_status first = phash_pdq_memory(data, size, &decode, NULL, &a, &error);
    if (first != PHASH_OK) {
        static const phash_hash256 none;
        REQUIRE(memcmp(&a.hash, &none, sizeof none) == 0 && a.quality == 0);
        REQUIRE(error.status == first && error.message[0] &&
                strlen(error.message) < sizeof error.message);
    }
    /* Row by row through the other door. */
    phash_image *image;
    phash_status second = phash_image_open_memory(data, size, &decode, &image, NULL);
    if (second == PHASH_OK) {
        phash_image_info info = PHASH_IMAGE_INFO_INIT;
        REQUIRE(phash_image_info_get(image, &info) == PHASH_OK);
        const size_t stride = info.desc.width * phash_pixel_bytes(info.desc.format);
        uint8_t *row = malloc(stride);
        REQUIRE(row);
        phash_pdq_stream *stream = NULL;
        second = phash_pdq_stream_new(&info.desc, NULL, &stream);
        for (uint32_t y = 0; second == PHASH_OK && y < info.desc.height; y++) {
            second = phash_image_read_rows(image, row, 1, stride, NULL);
            if (second == PHASH_OK)
                second = phash_pdq_push_rows(stream, row, 1, (ptrdiff_t)stride);
        }
        if (second == PHASH_OK)
            second = phash_pdq_finish(stream, &b);
        phash_pdq_stream_free(&stream);
        free(row);
    }
    phash_image_free(&image);
    REQUIRE(second == first);
    REQUIRE(first != PHASH_OK || memcmp(&a.hash, &b.hash, sizeof a.hash) == 0);
    return 0;
}
