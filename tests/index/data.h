/* Sets of hashes of every awkward shape, and the brute force that answers are compared with. */
#ifndef PHASH_TESTS_INDEX_DATA_H
#define PHASH_TESTS_INDEX_DATA_H

#include "check_main.h"

#include <phash/index.h>

#include <stddef.h>
#include <stdint.h>

enum data_shape {
    DATA_UNIFORM,
    DATA_BIASED,     /* most bits are rarely set, some never */
    DATA_CORRELATED, /* bits in pairs that mostly agree */
    DATA_CLUSTERED,  /* a fifth of them near a few centres */
    DATA_DUPLICATES, /* each about eight times */
    DATA_EQUAL,      /* all the same */
    DATA_SHAPES
};

extern const char *const data_names[DATA_SHAPES];

/* n hashes of `bits` bits. */
void data_fill(enum data_shape shape, uint64_t seed, size_t n, uint32_t bits, uint8_t *hashes);

/* n queries: some of the set, some near one of it, some of the same shape, some uniform. */
void data_queries(enum data_shape shape, uint64_t seed, const uint8_t *hashes, size_t count,
                  size_t n, uint32_t bits, uint8_t *queries);

/* Every pair within the radius, pair by pair, byte by byte; sorted as the library sorts. `hidden`
 * has a byte for each hash, or is NULL. */
void brute_force(const uint8_t *hashes, const uint64_t *ids, const uint8_t *hidden, size_t count,
                 const uint8_t *queries, size_t n, uint32_t bits, uint32_t radius,
                 phash_matches *found);

/* Keeps the k first of each query. */
void brute_cut(phash_matches *found, size_t k);

/* Fails the running test where the two differ. */
void matches_compare(const phash_matches *expected, const phash_matches *found, const char *what);

#endif
