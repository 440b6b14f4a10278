/* What the two orders of a multi-index search share: query by query, and chunk by chunk. */
#ifndef PHASH_INDEX_MULTI_H
#define PHASH_INDEX_MULTI_H

#include "index/search.h"

/* About so many look-ups are under way at a time. */
enum { PHASH_ROUND_PROBES = 1 << 13 };

/* What is the same for all queries of a search. */
typedef struct phash_round_plan {
    const phash_segment *segment;
    phash_witness witnesses[CHUNKS_MAX];
    phash_probe_chunk chunks[CHUNKS_MAX];
    size_t chunk_count;
    size_t probes;      /* for one query */
    uint32_t run_lines; /* that are prefetched of a run */
} phash_round_plan;

/* The probes of a plan, none added yet; the caller sets the number of queries. */
phash_probes phash_multi_probes(const phash_round_plan *plan, const phash_scratch *scratch);

/* Does the look-ups and reports what they find. Takes the rows that had to be looked at from the
 * budget and gives up when it is spent. */
phash_status phash_multi_look_up(const phash_source *source, const phash_ask *ask,
                                 phash_probes *probes, phash_scratch *scratch, double *budget,
                                 phash_matches *found);

/* Whether so many queries are worth searching chunk by chunk. */
bool phash_multi_grouping(const phash_round_plan *plan, size_t queries,
                          const phash_scratch *scratch);

/* Searches chunk by chunk, the queries grouped by the top bits of their keys. A budget below zero
 * afterwards: it was given up. */
phash_status phash_multi_grouped(const phash_round_plan *plan, const phash_source *source,
                                 const phash_ask *ask, phash_scratch *scratch, double *budget,
                                 phash_matches *found);

#endif
