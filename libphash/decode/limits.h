/* Checks of a picture against the caller's limits, with messages that name the limit. */
#ifndef PHASH_DECODE_LIMITS_H
#define PHASH_DECODE_LIMITS_H

#include "decode/decoder.h"

/* The stored shape: neither side 0, and within max_dimension and max_pixels. */
phash_status limits_check_shape(const phash_decode_options *limits, uint32_t width, uint32_t height,
                                phash_error *error);

/* Counts bytes that decoding holds, or will hold. False when they do not fit the limit; nothing is
 * counted then. */
bool limits_take_memory(phash_image *image, uint64_t bytes);
void limits_give_memory(phash_image *image, uint64_t bytes);

/* The message for it. `bytes` is what was asked for, or 0 where that is not known. */
phash_status limits_fail_memory(const phash_image *image, uint64_t bytes, phash_error *error);

#endif
