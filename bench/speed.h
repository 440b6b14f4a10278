/* speed.h: how long each engine takes for a picture. */
#ifndef PHASH_BENCH_SPEED_H
#define PHASH_BENCH_SPEED_H

#include "study.h"

#include <jansson.h>

/* Hashes a sample of the study's pictures, which lie decoded in memory, in one pinned thread, by
 * its processor time. The
 * engines take turns in every round, so that what else the machine does meets them all; the first
 * round warms up and is not counted; before any time is shown each engine must have given the
 * hashes of the study again. [{name, pictures_per_second, megapixels_per_second, spread}, …]. */
json_t *speed_measure(const struct study *study);

#endif
