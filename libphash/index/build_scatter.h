/* Handing out the rows of a chunk to its buckets.
 *
 * Row after row, each would go to a place of its own in memory. Where a chunk's buckets are larger
 * than the caches, rows are put in piles first, by the top bits of their keys: then each pile fills
 * buckets that lie together. Writing to some hundred piles is as good as writing in order.
 *
 *     rows ─→ entries ─piles by key→ buckets
 */
#ifndef PHASH_INDEX_BUILD_SCATTER_H
#define PHASH_INDEX_BUILD_SCATTER_H

#include "index/build.h"

typedef struct phash_entry {
    uint32_t row, key, check; /* PHASH_CHECK_BITS of it */
} phash_entry;

/* Puts entries in their buckets. Of those of one bucket, the rows come in ascending order. */
typedef void phash_put_entries(void *context, size_t chunk, const phash_entry *entries, size_t n);

/* The memory of piles, shared by the chunks: as many are under way as there are threads. */
enum { PHASH_PILES_MAX = 64 };
typedef struct phash_piles phash_piles;
typedef struct phash_scatter {
    const phash_segment *segment;
    uint32_t threads;
    uint32_t pile_rows; /* 0: as is fast */
    _Atomic(phash_piles *) idle[PHASH_PILES_MAX];
} phash_scatter;

/* Deals with all rows of a chunk, whose buckets take so many bytes. Any number of threads, each a
 * chunk of its own. Without memory for piles it goes row by row. */
void phash_scatter_chunk(phash_scatter *scatter, size_t chunk, uint64_t bytes,
                         phash_put_entries *put, void *context);

/* Wipes and frees what was kept. */
void phash_scatter_end(phash_scatter *scatter);

#endif
