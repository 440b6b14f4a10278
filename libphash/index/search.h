/* What the engines of the index share while they search. */
#ifndef PHASH_INDEX_SEARCH_H
#define PHASH_INDEX_SEARCH_H

#include "hamming/hamming.h"
#include "index/layout.h"
#include "index/segment.h"

/* A growing buffer of the scratch: content is lost when it grows. */
typedef struct phash_buffer {
    void *data;
    size_t bytes;
} phash_buffer;

struct phash_scratch {
    phash_hamming_kernels kernels;
    phash_buffer queries;   /* rows of all queries */
    phash_buffer codes;     /* of a batch, for the bit-sliced scan */
    phash_buffer planes;    /* one block */
    phash_buffer table;     /* of the bit-sliced scan */
    phash_buffer survivors; /* of one block, or hits of one query */
    phash_buffer groups;    /* probe groups of a round */
    phash_buffer buckets;   /* their buckets */
    phash_buffer keys;      /* of many queries in one chunk */
    phash_buffer stretches; /* what they let through */
    phash_buffer rows;      /* of those */
    phash_buffer seen;      /* rows that are done with (hamming.h) */
    uint32_t epoch, epoch_end;
    phash_buffer numbers;     /* of queries that a scan takes over */
    phash_buffer masks;       /* differences of keys */
    uint32_t mask_levels;     /* distances in masks */
    phash_buffer plans;       /* of the last searches (multi.c) */
    phash_buffer nearest;     /* of phash_segment_nearest */
    phash_matches found;      /* of one step of phash_segment_nearest */
    phash_index_engine force; /* AUTO: by the plan */
    uint32_t window_bytes;    /* phash_scratch_group */
};

/* Returns the buffer with room for count * size bytes, or NULL. */
void *phash_buffer_get(phash_buffer *buffer, size_t count, size_t size);

/* Rows to scan, and how a row becomes pairs. */
typedef struct phash_source {
    const void *rows;
    const uint64_t *planes; /* or NULL */
    size_t count, words;
    const uint32_t *first; /* or NULL: row and slot are the same number */
    const uint64_t *ids;
    uint64_t pairs;
    const uint64_t *removed; /* or NULL */
} phash_source;

/* Appends the pairs of a row. */
phash_status phash_source_emit(const phash_source *source, uint64_t row, uint32_t query,
                               uint32_t distance, phash_matches *found);

/* Queries and what is asked. `rows` are in the source's bit order; query i is number[i] to the
 * caller, or i. */
typedef struct phash_ask {
    const uint64_t *rows;
    size_t count;
    const uint32_t *number;
    uint32_t radius;
} phash_ask;

/* The source of a segment or an array; `segment` NULL means an array below. */
phash_source phash_segment_source(const phash_segment *segment, const uint64_t *removed);
phash_source phash_flat_source(const phash_flat *flat, const uint64_t *removed);

/* The queries as rows of the scratch, in the source's bit order; NULL without memory. */
const uint64_t *phash_query_rows(const phash_segment *segment, const void *queries, size_t n,
                                 uint32_t bits, phash_scratch *scratch);

/* Asks the engine that the plan chooses. */
phash_status phash_ask_engine(const phash_segment *segment, const phash_source *source,
                              const phash_ask *ask, phash_scratch *scratch, phash_matches *found);

/* The engines. */
phash_status phash_flat_scan(const phash_source *source, const phash_ask *ask,
                             phash_scratch *scratch, phash_matches *found);
phash_status phash_multi_search(const phash_segment *segment, const phash_source *source,
                                const phash_ask *ask, const phash_plan *plan,
                                phash_scratch *scratch, phash_matches *found);

/* Makes the plans of a segment with chunks. */
phash_status phash_plan_all(phash_segment *segment);

/* The plan for `queries` queries: NULL to scan. `force` as phash_scratch_force has it. */
const phash_plan *phash_plan_choose(const phash_segment *segment, size_t queries, uint32_t radius,
                                    phash_index_engine force);

/* How many rows `queries` look-ups may look at before a scan would have been cheaper. */
double phash_plan_budget(const phash_segment *segment, size_t queries, uint32_t radius);

/* n over k, for k <= PHASH_PROBE_LEVELS or results below 2^32. */
uint32_t phash_choose(uint32_t n, uint32_t k);

/* The two sides of the choice: false if the chunks cannot cover the radius. */
bool phash_plan_multi(const phash_segment_header *head, uint32_t radius, phash_plan *plan);
double phash_plan_flat(uint64_t rows, bool planes, size_t queries, uint32_t bits, uint32_t radius);

void phash_segment_derive(phash_segment *segment);
void phash_segment_bind(phash_segment *segment);

#endif
