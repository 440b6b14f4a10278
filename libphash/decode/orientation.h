/* EXIF orientation. */
#ifndef PHASH_DECODE_ORIENTATION_H
#define PHASH_DECODE_ORIENTATION_H

#include "core/internal.h"

/* Reads the orientation, 1 to 8, out of an EXIF block (a TIFF structure, with or without "Exif\0\0"
 * before it). Anything that is no valid orientation gives 1. Errors: PHASH_E_MEMORY, because a
 * picture that is turned only while memory lasts would have two hashes. */
phash_status orientation_of_exif(const uint8_t *exif, size_t bytes, uint32_t *orientation);

#endif
