/* hash_dct.h: the part of `phash-bench hash` about DCT hashes. */
#ifndef PHASH_BENCH_HASH_DCT_H
#define PHASH_BENCH_HASH_DCT_H

#include <jansson.h>
#include <stdint.h>

/* Times libphash-dct under each mask on a picture of 640x480 RGB, beside imagehash's own steps where
 * Python has what they need; shows a table and gives a list of cases. Ends the program where two
 * hashes differ. */
json_t *hash_dct(const uint8_t *pixels, uint32_t width, uint32_t height, unsigned rounds);

#endif
