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

/* One engine over hashes of 64 or 256 bits, packed; ids are line numbers. */
struct search_engine {
    const char *name;
    const char *what; /* one line */
    uint32_t sets;    /* instruction sets that it needs and is restricted to; 0 for any */
    bool masked;      /* whether `sets` is a mask of the library */
    /* Builds over hashes that stay where they are; NULL on failure, and where it does not offer this
     * length or radius. */
    void *(*build)(const uint8_t *hashes, size_t n, uint32_t bits, uint32_t radius);
    /* Appends every hash within the radius, in any order. Nonzero on failure. */
    int (*search)(void *index, const uint8_t *queries, size_t n, uint32_t radius,
                  phash_matches *found);
    uint64_t (*memory)(const void *index);
    void (*free)(void *index);
    /* A handle for one more thread that searches the same index; NULL on failure. Where there is no
     * such function any number of threads may share the handle. */
    void *(*share)(void *index);
    void (*unshare)(void *shared);
};

extern const struct search_engine *const search_engines[];

/* For engines: appends one match. Nonzero without memory. */
int search_append(phash_matches *found, uint64_t id, uint32_t query, uint32_t distance);

/* Inputs. */
enum search_data { SEARCH_UNIFORM, SEARCH_PDQ, SEARCH_CLUSTERED, SEARCH_DATA_KINDS };
extern const char *const search_data_names[SEARCH_DATA_KINDS];
void search_data_fill(enum search_data kind, uint32_t bits, uint64_t seed, size_t n,
                      uint8_t *hashes);
/* Queries of the same kind; every fourth is a hash of the set with up to 40 of 256 bits changed. */
void search_data_queries(enum search_data kind, uint32_t bits, uint64_t seed, const uint8_t *hashes,
                         size_t n, size_t queries, uint8_t *out);

/* The distance scan of engine_meta_avx512.c for one query of 256 bits. */
int search_scan_avx512(const uint8_t *hashes, size_t n, const uint8_t *query, uint32_t number,
                       uint32_t radius, phash_matches *found);

/* Of the Faiss that this was built with. */
const char *search_faiss_version(void);

#ifdef __cplusplus
}
#endif
#endif
