/* What a segment's sections hold, and the segment in memory.
 *
 *   HEADER    one phash_segment_header
 *   ROWS      hashes × bits: the distinct hashes, their bits in the header's order, sorted by the
 *             key of chunk 0
 *   IDS       pairs × 64 bits: the ids, row after row; a slot is a place here
 *   FIRST     (hashes + 1) × 32 bits: the first slot of each row; absent when no hash is there
 *             twice, for then row and slot are the same number
 *   PLANES    blocks of 512 rows × bits × 512 bits: bit planes (hamming/hamming.h); flat only
 *
 * and for a multi-index, whose chunks are stretches of the reordered bits,
 *
 *        bit 0        start[1]     start[2]                                    bits
 *         |  chunk 0  |  chunk 1  |  chunk 2  |  …                |  chunk m-1 |→ chunk 0
 *                     |key| own …
 *                         |check: 16 or 24 bits|
 *
 *   OFFSETS   RUNS layout: Σ 2^key + 1 × 32 bits: where each bucket's entries begin, the buckets of
 *             all chunks one after another
 *   CHECKS    RUNS layout: chunks × hashes × 16 bits: of each entry the bits behind its key; LINES
 *             and WIDE layouts: those that did not fit; 64 bytes of zeros behind
 *   POSTINGS  (chunks - 1) × hashes × posting_bytes: the row of each entry, in the order of the
 *             buckets. Chunk 0 needs none: its entries are the rows in order. 8 bytes of zeros
 *             behind
 *   LINES     LINES and WIDE layouts: one cache line a bucket (phash_probes); checks of 24 bits in
 *             WIDE
 *
 * Everything is little-endian.
 */
#ifndef PHASH_INDEX_LAYOUT_H
#define PHASH_INDEX_LAYOUT_H

#include "hamming/hamming.h"
#include "index/segment.h"

enum {
    SECTION_HEADER = 1,
    SECTION_ROWS = 2,
    SECTION_IDS = 3,
    SECTION_FIRST = 4,
    SECTION_PLANES = 5,
    SECTION_OFFSETS = 6,
    SECTION_CHECKS = 7,
    SECTION_POSTINGS = 8,
    SECTION_LINES = 9,
    SECTION_KINDS = 10
};

enum {
    SEGMENT_VERSION = 1,
    CHUNKS_MAX = 32,
    KEY_BITS_MAX = 26,
    WORDS_MAX = 4,
    CHECK_PAD = 128, /* readable bytes behind the checks */
    POSTING_PAD = 8, /* and behind the postings */
    LAYOUT_RUNS = 0,
    LAYOUT_LINES = 1,
    LAYOUT_WIDE = 2,
    LOAD_UNIT = 256 /* unit of phash_segment_chunk.load */
};

#define SEGMENT_PAIRS_MAX (UINT64_C(0xffff0000))

typedef struct phash_segment_chunk {
    uint16_t start;    /* its first bit */
    uint16_t width;    /* its bits */
    uint16_t key_bits; /* the first of them are the number of its bucket */
    uint16_t reserved;
    uint32_t load; /* entries in the bucket of a hash of the set, on average, times LOAD_UNIT */
    uint32_t zero;
} phash_segment_chunk;

typedef struct phash_segment_header {
    uint32_t version;
    uint32_t bits;
    uint32_t radius;
    uint32_t engine; /* phash_index_engine: FLAT or MULTI */
    uint64_t pairs;
    uint64_t hashes;
    uint32_t chunks; /* 0 when flat */
    uint32_t layout;
    uint32_t posting_bytes; /* 3 or 4 */
    uint32_t zero;
    uint8_t order[256]; /* bit b of a row is bit order[b] of the hash in text order */
    phash_segment_chunk chunk[CHUNKS_MAX];
} phash_segment_header;

_Static_assert(sizeof(phash_segment_header) == 816, "the header's layout is part of the format");

/* Chunk radii t with sum(t + 1) = radius + 1; -1 for a chunk that is left out. */
typedef struct phash_plan {
    bool multi; /* whether the chunks can cover the radius */
    int radii[CHUNKS_MAX];
    double nanoseconds; /* a query, by the model */
} phash_plan;

struct phash_segment {
    phash_segment_header head; /* a copy: checked once, then trusted */
    const uint64_t *rows;
    const uint64_t *ids;
    const uint32_t *first; /* or NULL */
    const uint64_t *planes;
    const uint32_t *offsets;
    const uint16_t *checks;
    const uint8_t *postings;
    const uint16_t *lines;
    uint64_t check_count;
    size_t words;                     /* 64-bit words in a row */
    uint64_t bucket_base[CHUNKS_MAX]; /* first bucket of a chunk among all */
    uint64_t buckets;                 /* of all chunks, one more each with RUNS */

    phash_order_table *order_table;
    phash_plan *plans; /* of each radius, or NULL without chunks */
    uint64_t serial;   /* no other segment of this process has or had it */

    size_t section_count;
    phash_section sections[PHASH_SEGMENT_SECTIONS_MAX];
    void *owned[PHASH_SEGMENT_SECTIONS_MAX]; /* NULL for attached ones */
};

/* Big memory: huge pages where the system has them, zeroed. Small requests are ordinary. */
void *phash_pages_alloc(uint64_t bytes);
void phash_pages_free(void *memory, uint64_t bytes);

/* Fills the table for an order of `bits` bits. */
void phash_order_fill(const uint8_t *order, uint32_t bits, phash_order_table *table);

static inline bool phash_layout_has_lines(const phash_segment_header *h)
{
    return h->layout != LAYOUT_RUNS;
}

/* Checks that a line has place for. */
static inline uint32_t phash_line_checks(const phash_segment_header *h)
{
    return h->layout == LAYOUT_WIDE ? PHASH_WIDE_CHECKS : PHASH_LINE_CHECKS;
}

/* Bits of a check. */
static inline uint32_t phash_check_bits(const phash_segment_header *h)
{
    return h->layout == LAYOUT_WIDE ? PHASH_CHECK_BITS : 16;
}

/* The bits of a chunk's checks that count: those of the chunk itself, and of the next chunk as many
 * as there is place for. */
static inline uint32_t phash_chunk_own(const phash_segment_header *h, uint32_t chunk)
{
    const uint32_t own = (uint32_t)(h->chunk[chunk].width - h->chunk[chunk].key_bits);
    return own > phash_check_bits(h) ? phash_check_bits(h) : own;
}

static inline uint32_t phash_chunk_checked(const phash_segment_header *h, uint32_t chunk)
{
    const uint32_t most = phash_check_bits(h);
    const uint32_t all = (uint32_t)(h->chunk[chunk].width - h->chunk[chunk].key_bits) +
                         h->chunk[(chunk + 1) % h->chunks].width;
    return all < most ? all : most;
}

#endif
