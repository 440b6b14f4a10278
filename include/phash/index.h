/* phash/index.h: exact Hamming search over millions of hashes.
 *
 * An index holds (hash, id) pairs. A search finds every pair within the radius, always: nothing
 * here is approximate. The layout is chosen from the size, the radius and the data; it changes the
 * speed, never the answer.
 *
 *     phash_index *index;
 *     phash_index_open("bank.phidx", NULL, &index, &error);
 *     phash_searcher *searcher;                          // one per thread
 *     phash_searcher_new(index, &searcher);
 *     phash_matches found = PHASH_MATCHES_INIT;          // reused from call to call
 *     phash_search_radius(searcher, hashes, n, 31, &found, &error);
 *     for (size_t i = 0; i < found.count; i++)
 *         printf("%u: id %llu at %u\n", found.items[i].query, found.items[i].id,
 *                found.items[i].distance);
 *
 * An index lives in memory, or in a file: then every change is written to a journal beside the
 * snapshot and, by default, synced before the call returns, and searches go on meanwhile.
 */
#ifndef PHASH_INDEX_H
#define PHASH_INDEX_H

#include <phash/hash.h>
#include <phash/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct phash_index phash_index;
typedef struct phash_searcher phash_searcher;

/* The radius that ThreatExchange advises for PDQ. */
#define PHASH_RADIUS_DEFAULT 31

typedef enum phash_index_engine {
    PHASH_INDEX_AUTO = 0, /* chosen by a cost model from size, radius and data */
    PHASH_INDEX_FLAT = 1, /* scan of all hashes */
    PHASH_INDEX_MULTI = 2 /* multi-index hashing (Norouzi 2014; Qin and Xiao 2018) */
} phash_index_engine;

/* When a change to an index in a file is safe. */
typedef enum phash_index_sync {
    PHASH_SYNC_ALWAYS = 0, /* on disk when the call returns */
    PHASH_SYNC_NEVER = 1   /* when the operating system writes it, or on phash_index_sync_now */
} phash_index_sync;

typedef struct phash_index_options {
    size_t size;     /* sizeof(phash_index_options) of the caller */
    uint32_t bits;   /* length of a hash: 256, or 64; default 256 */
    uint32_t radius; /* the radius most searches will use, 0 to bits: the layout is tuned to
                        it; every other radius gives exact answers too. Default 31 */
    phash_index_engine engine; /* default PHASH_INDEX_AUTO */
    phash_index_sync sync;     /* default PHASH_SYNC_ALWAYS */
    uint32_t threads;          /* threads that building and compaction may use; 0: one per core */
    char algorithm[32];        /* what made the hashes, such as "pdq"; kept in the file, and opening
                                  for another algorithm is PHASH_E_KIND. Default "pdq" */
} phash_index_options;

#define PHASH_INDEX_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(phash_index_options), PHASH_HASH256_BITS, PHASH_RADIUS_DEFAULT, PHASH_INDEX_AUTO,   \
            PHASH_SYNC_ALWAYS, 0, "pdq"                                                            \
    }

/* One hash within the radius. */
typedef struct phash_match {
    uint64_t id;       /* the caller's number */
    uint32_t query;    /* which of the queries, from 0 */
    uint32_t distance; /* Hamming distance, bits */
} phash_match;

/* A growing array of matches, sorted by query, then distance, then id. The caller owns the struct;
 * searches replace its content and grow it as needed. */
typedef struct phash_matches {
    phash_match *items;
    size_t count;
    size_t capacity;
} phash_matches;

#define PHASH_MATCHES_INIT                                                                         \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

/* Frees the items and clears the struct; NULL is fine. */
PHASH_API void phash_matches_free(phash_matches *matches);

/* Builds an index in memory.
 *   hashes   n * bits / 8 bytes, hash after hash, each in text order (phash_hash256); the caller
 *            keeps them
 *   ids      n numbers, or NULL for 0..n-1; several hashes may share an id; a pair given twice is
 *            found twice
 *   options  NULL for the defaults
 *   index    receives the handle, to be freed with phash_index_free; NULL on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. Thread-safe. */
PHASH_API phash_status phash_index_build(const void *hashes, const uint64_t *ids, size_t n,
                                         const phash_index_options *options, phash_index **index,
                                         phash_error *error);

/* Closes and frees an index and clears the pointer; NULL and pointers to NULL are fine. No searcher
 * of it may be left. */
PHASH_API void phash_index_free(phash_index **index);

/* Makes a searcher: the working memory of one thread. Free it before its index.
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. Thread-safe. */
PHASH_API phash_status phash_searcher_new(const phash_index *index, phash_searcher **searcher);

/* Wipes and frees; NULL and pointers to NULL are fine. */
PHASH_API void phash_searcher_free(phash_searcher **searcher);

/* Finds every pair within `radius` of each query. A batch of queries is much cheaper than as many
 * calls.
 *   queries  n * bits / 8 bytes
 *   radius   0 to bits
 *   found    sorted matches; unchanged but for its count, which is 0, on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. Any number of threads may search one index, each with
 * its own searcher, while others change it. */
PHASH_API phash_status phash_search_radius(phash_searcher *searcher, const void *queries, size_t n,
                                           uint32_t radius, phash_matches *found,
                                           phash_error *error);

/* Finds the k nearest pairs of each query, among those within `radius`; at equal distance the
 * smaller ids. Errors and threads: as phash_search_radius; k is at least 1. */
PHASH_API phash_status phash_search_nearest(phash_searcher *searcher, const void *queries, size_t n,
                                            uint32_t k, uint32_t radius, phash_matches *found,
                                            phash_error *error);

/* What an index holds and costs. */
typedef struct phash_index_stats {
    size_t size;               /* sizeof(phash_index_stats) of the caller */
    uint64_t count;            /* pairs that a search can find */
    uint64_t memory;           /* bytes held or mapped, hashes included */
    uint32_t bits;             /* length of a hash */
    uint32_t radius;           /* the radius the layout is tuned to */
    phash_index_engine engine; /* what the layout is */
} phash_index_stats;

#define PHASH_INDEX_STATS_INIT                                                                     \
    {                                                                                              \
        sizeof(phash_index_stats), 0, 0, 0, 0, PHASH_INDEX_AUTO                                    \
    }

/* Fills `stats`, whose size the caller has set. Errors: PHASH_E_ARGUMENT. Thread-safe. */
PHASH_API phash_status phash_index_stats_get(const phash_index *index, phash_index_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
