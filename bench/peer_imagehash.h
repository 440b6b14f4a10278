/* peer_imagehash.h: imagehash's way of hashing, run by a Python beside the bench. */
#ifndef PHASH_BENCH_PEER_IMAGEHASH_H
#define PHASH_BENCH_PEER_IMAGEHASH_H

#include <stddef.h>
#include <stdint.h>

struct peer_imagehash;

/* Starts imagehash_steps.py for a picture of packed RGB rows. NULL where there is no Python with
 * Pillow, NumPy and SciPy. The child inherits the cores that this thread may use. */
struct peer_imagehash *peer_imagehash_start(const uint8_t *pixels, uint32_t width, uint32_t height,
                                            uint32_t hash_size, uint32_t factor);

/* Hashes the picture `calls` times; the processor time of one, in seconds. hex receives the hash. Ends
 * the program if the peer does not answer. */
double peer_imagehash_time(struct peer_imagehash *peer, unsigned calls, char *hex, size_t size);

void peer_imagehash_stop(struct peer_imagehash *peer);

#endif
