/* Checks of a picture against the caller's limits, before memory that grows with it is asked for.
 */
#include "decode/limits.h"

#include <inttypes.h>

phash_status limits_check_shape(const phash_decode_options *limits, uint32_t width, uint32_t height,
                                phash_error *error)
{
    if (width == 0 || height == 0)
        return phash_fail(error, PHASH_E_CORRUPT, "corrupt: width or height is zero");
    if (width > limits->max_dimension || height > limits->max_dimension)
        return phash_fail(error, PHASH_E_LIMIT_DIMENSION,
                          "too large: %" PRIu32 "x%" PRIu32 " is over the limit of %" PRIu32
                          " pixels on a side",
                          width, height, limits->max_dimension);
    if ((uint64_t)width * height > limits->max_pixels)
        return phash_fail(error, PHASH_E_LIMIT_PIXELS,
                          "too large: %" PRIu32 "x%" PRIu32 " is over the limit of %" PRIu64
                          " pixels",
                          width, height, limits->max_pixels);
    return PHASH_OK;
}

bool limits_take_memory(phash_image *image, uint64_t bytes)
{
    if (bytes > image->options.max_memory - image->memory)
        return false;
    image->memory += bytes;
    return true;
}

void limits_give_memory(phash_image *image, uint64_t bytes)
{
    image->memory -= bytes;
}

phash_status limits_fail_memory(const phash_image *image, uint64_t bytes, phash_error *error)
{
    if (bytes == 0)
        return phash_fail(error, PHASH_E_LIMIT_MEMORY,
                          "too large: decoding takes more memory than the limit of %" PRIu64
                          " bytes",
                          image->options.max_memory);
    return phash_fail(error, PHASH_E_LIMIT_MEMORY,
                      "too large: decoding takes %" PRIu64
                      " bytes of memory, over the limit of %" PRIu64,
                      image->memory + bytes, image->options.max_memory);
}
