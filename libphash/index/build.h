/* The stages of building a segment, one file each.
 *
 *     pairs ─order→ rows ─sort→ distinct rows, ids, first slots ─┬→ chunks: buckets, checks, postings
 *                                                               └→ planes
 */
#ifndef PHASH_INDEX_BUILD_H
#define PHASH_INDEX_BUILD_H

#include "index/build_piles.h"
#include "index/layout.h"
#include "index/segment.h"

typedef struct phash_build {
    const uint8_t *hashes; /* text order */
    const uint64_t *ids;   /* or NULL */
    size_t pairs;
    uint32_t threads;
    phash_piles piles; /* of the rows, then of each chunk's entries */
    phash_hamming_kernels kernels;
    phash_segment *segment; /* what is built */
} phash_build;

/* Adds an owned, zeroed section and returns its memory; NULL without memory. */
void *phash_build_section(phash_segment *segment, uint32_t kind, uint64_t bytes);

/* Adds memory of phash_pages_alloc as an owned section. */
void phash_build_adopt(phash_segment *segment, uint32_t kind, void *data, uint64_t bytes);

/* Chooses the engine and its chunks from the number of pairs and the options; fills the header. */
void phash_build_layout(phash_segment_header *head, uint64_t pairs, phash_index_engine engine,
                        phash_segment_layout wanted);

/* Learns in which order the bits are best taken. */
phash_status phash_build_order(phash_build *build);

/* Rows, ids and first slots: sorted by the key of chunk 0, equal hashes made one. */
phash_status phash_build_rows(phash_build *build);

/* The multi-index over the rows. */
phash_status phash_build_chunks(phash_build *build);

#endif
