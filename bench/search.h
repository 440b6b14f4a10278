/* search.h: the engines that `phash-bench search` compares, and what they are given. */
#ifndef PHASH_BENCH_SEARCH_H
#define PHASH_BENCH_SEARCH_H

#include <phash/cpu.h>
#include <phash/index.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One engine over 256-bit hashes; ids are line numbers. */
struct search_engine {
    const char *name;
    const char *what; /* one line */
    uint32_t sets;    /* instruction sets that it needs and is restricted to; 0 for any */
    bool masked;      /* whether `sets` is a mask of the library */
    /* Builds; NULL on failure. */
    void *(*build)(const uint8_t *hashes, size_t n, uint32_t radius);
    /* Appends every hash within the radius, in any order. Nonzero on failure. */
    int (*search)(void *index, const uint8_t *queries, size_t n, uint32_t radius,
                  phash_matches *found);
    uint64_t (*memory)(const void *index);
    void (*free)(void *index);
};

extern const struct search_engine *const search_engines[];

/* For engines: appends one match. Nonzero without memory. */
int search_append(phash_matches *found, uint64_t id, uint32_t query, uint32_t distance);

/* Inputs. */
enum search_data { SEARCH_UNIFORM, SEARCH_PDQ, SEARCH_CLUSTERED, SEARCH_DATA_KINDS };
extern const char *const search_data_names[SEARCH_DATA_KINDS];
void search_data_fill(enum search_data kind, uint64_t seed, size_t n, uint8_t *hashes);
/* Queries of the same kind; every fourth is a hash of the set with up to 40 bits changed. */
void search_data_queries(enum search_data kind, uint64_t seed, const uint8_t *hashes, size_t n,
                         size_t queries, uint8_t *out);

/* The distance scan of engine_meta.c for one query; each is compiled for its instruction set. */
int search_scan_avx512(const uint8_t *hashes, size_t n, const uint8_t *query, uint32_t number,
                       uint32_t radius, phash_matches *found);

#ifdef __cplusplus
}
#endif
#endif
