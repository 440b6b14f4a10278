/* opencv_shim.h: OpenCV's image hashes for C. The only way into the C++ file. */
#ifndef PHASH_BENCH_OPENCV_SHIM_H
#define PHASH_BENCH_OPENCV_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shim_hash { SHIM_PHASH, SHIM_BLOCK_MEAN, SHIM_MARR_HILDRETH, SHIM_RADIAL_VARIANCE };

/* Hashes an RGB raster without gaps. Writes `bytes` bytes, which must be the hash's length.
 * Nonzero on failure. Thread-safe. */
int shim_hash(enum shim_hash which, const uint8_t *rgb, uint32_t width, uint32_t height,
              uint8_t *out, size_t bytes);

/* OpenCV's comparison of radial variance hashes: the peak of their cross correlation, 0 to 1. */
double shim_radial_compare(const uint8_t *a, const uint8_t *b, size_t bytes);

/* "OpenCV 4.6.0". Static. */
const char *shim_version(void);

#ifdef __cplusplus
}
#endif
#endif
