/* search_nearest.h: the k nearest, beside the radius searches that would have found them. */
#ifndef PHASH_BENCH_SEARCH_NEAREST_H
#define PHASH_BENCH_SEARCH_NEAREST_H

#include "search.h"

#include <jansson.h>

struct nearest_setting {
    enum search_data kind;
    uint32_t bits, k;
    size_t n;
    const uint8_t *hashes, *queries;
    size_t query_count;
    uint64_t rounds;
};

/* Times phash_search_nearest without a limit, query by query, then phash_search_radius with the
 * distance of each query's k-th; checks the one against the other; shows the ratio and appends it to
 * `results`. Nonzero after a message. */
int nearest_compare(const struct nearest_setting *s, json_t *results);

#endif
