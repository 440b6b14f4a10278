/* A segment: an immutable set of (hash, id) pairs, built once, searched by any number of threads.
 *
 * All that a segment holds lies in a few sections of plain little-endian memory that contain
 * offsets and indices but no pointers. A segment is either built (it owns its sections) or attached
 * to sections that someone else holds, such as a mapped snapshot file; both are searched alike.
 *
 *     pairs ─build→ segment ─sections→ file          (snapshot.c writes them as they are)
 *     file ─mmap→ sections ─attach→ segment ─search→ matches
 *
 * A pair's place in its segment, from 0 to the number of pairs, is its slot. Slots are how a caller
 * names pairs to hide: a search takes a bitmap of slots that are gone. Which slot a pair gets is
 * the build's choice; slots never change while the segment lives, nor in its sections.
 *
 * Errors and sections: attach checks in constant time all that the search relies on to stay inside
 * the sections, except what it reads from the sections themselves; that is checked where it is
 * used. So a damaged section can give wrong answers (the file's checksums find that), but never a
 * read out of bounds or an endless loop. phash_segment_validate reads everything and says where the
 * structure breaks.
 */
#ifndef PHASH_INDEX_SEGMENT_H
#define PHASH_INDEX_SEGMENT_H

#include <phash/index.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct phash_segment phash_segment;

/* One piece of a segment. `data` starts at a multiple of 64 bytes. A section of zero bytes is not
 * listed. Kinds are unique within a segment and stored in files: their numbers are fixed. */
typedef struct phash_section {
    uint32_t kind;
    const void *data;
    uint64_t bytes;
} phash_section;

enum { PHASH_SEGMENT_SECTIONS_MAX = 12 };

/* How the buckets of a multi-index are laid out (layout.h). */
typedef enum phash_segment_layout {
    PHASH_SEGMENT_ANY, /* by cost model */
    PHASH_SEGMENT_RUNS,
    PHASH_SEGMENT_LINES,
    PHASH_SEGMENT_WIDE
} phash_segment_layout;

typedef struct phash_segment_options {
    uint32_t bits;               /* 64 or 256 */
    uint32_t radius;             /* what the layout is tuned to */
    phash_index_engine engine;   /* AUTO: by cost model */
    uint32_t threads;            /* 0: one per core */
    phash_segment_layout layout; /* what the multi-index must have, if it can: for tests */
} phash_segment_options;

/* Builds a segment of n pairs: hashes (n * bits / 8 bytes in text order) and ids (or NULL for
 * 0..n-1). Pairs may repeat. n may be 0. At most 2^32 - 2^16 pairs.
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_UNSUPPORTED (too many pairs). */
phash_status phash_segment_build(const void *hashes, const uint64_t *ids, size_t n,
                                 const phash_segment_options *options, phash_segment **segment,
                                 phash_error *error);

/* Makes a segment of sections, which stay the caller's, unchanged, until the segment is freed. The
 * order of the sections does not matter; unknown kinds are refused.
 * Errors: PHASH_E_CORRUPT, PHASH_E_TRUNCATED, PHASH_E_VERSION, PHASH_E_MEMORY. */
phash_status phash_segment_attach(const phash_section *sections, size_t n, phash_segment **segment,
                                  phash_error *error);

/* Reads all of it and checks every offset. Errors: PHASH_E_CORRUPT. */
phash_status phash_segment_validate(const phash_segment *segment, phash_error *error);

/* Frees what the segment owns and clears the pointer; NULL and pointers to NULL are fine. */
void phash_segment_free(phash_segment **segment);

/* Lists the sections; returns their number. */
size_t phash_segment_sections(const phash_segment *segment,
                              phash_section sections[PHASH_SEGMENT_SECTIONS_MAX]);

typedef struct phash_segment_info {
    uint64_t pairs;            /* slots */
    uint64_t hashes;           /* distinct hashes */
    uint64_t memory;           /* bytes of all sections */
    uint32_t bits;             /* length of a hash */
    uint32_t radius;           /* what the layout is tuned to */
    phash_index_engine engine; /* FLAT or MULTI */
} phash_segment_info;

void phash_segment_info_get(const phash_segment *segment, phash_segment_info *info);

/* Copies out the pairs of slots first .. first + n - 1, which must exist: hashes in text order
 * (n * bits / 8 bytes), ids; either may be NULL. */
void phash_segment_read(const phash_segment *segment, uint64_t first, size_t n, void *hashes,
                        uint64_t *ids);

/* The ids of all slots, as an array. */
const uint64_t *phash_segment_ids(const phash_segment *segment);

/* Working memory of one thread; grows as needed, serves any segment. The kernels (phash_cpu_mask)
 * are chosen when it is made. */
typedef struct phash_scratch phash_scratch;
phash_status phash_scratch_new(phash_scratch **scratch);
void phash_scratch_free(phash_scratch **scratch); /* wipes */

/* Makes searches use one engine where it can answer, whatever the plan says: for tests and
 * measurements. AUTO goes back to the plan. */
void phash_scratch_force(phash_scratch *scratch, phash_index_engine engine);

/* Makes multi-index searches go chunk by chunk (multi_grouped.c), in windows of so many bytes, however
 * small the index and the batch: for tests. 0 goes back to what is fast. */
void phash_scratch_group(phash_scratch *scratch, uint32_t window_bytes);

/* Appends every pair within `radius` of each query to `found`, in no particular order; match.query
 * counts from 0. `removed` hides slots: bit s % 64 of word s / 64 is set when slot s is gone; NULL
 * hides none. Words are read with relaxed atomic loads, so another thread may set bits meanwhile
 * with atomic stores: a bit set before the call (in the order of the caller's own synchronisation)
 * is honoured, one set during the call may be.
 * On failure `found` keeps what it had. Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. */
phash_status phash_segment_search(const phash_segment *segment, const uint64_t *removed,
                                  const void *queries, size_t n, uint32_t radius,
                                  phash_scratch *scratch, phash_matches *found, phash_error *error);

/* Appends, for each query, its k nearest pairs within `radius` (fewer when there are fewer; at
 * equal distance the smaller ids). Otherwise as phash_segment_search. */
phash_status phash_segment_nearest(const phash_segment *segment, const uint64_t *removed,
                                   const void *queries, size_t n, uint32_t k, uint32_t radius,
                                   phash_scratch *scratch, phash_matches *found,
                                   phash_error *error);

/* Pairs in no particular order and without an index: what has been added since a segment was built.
 * Slot s is hashes[s], ids[s]. */
typedef struct phash_flat {
    const void *hashes; /* count * bits / 8 bytes in text order, any alignment */
    const uint64_t *ids;
    size_t count; /* at most 2^32 - 2^16 */
    uint32_t bits;
} phash_flat;

/* The same searches over such an array. */
phash_status phash_flat_search(const phash_flat *flat, const uint64_t *removed, const void *queries,
                               size_t n, uint32_t radius, phash_scratch *scratch,
                               phash_matches *found, phash_error *error);
phash_status phash_flat_nearest(const phash_flat *flat, const uint64_t *removed,
                                const void *queries, size_t n, uint32_t k, uint32_t radius,
                                phash_scratch *scratch, phash_matches *found, phash_error *error);

/* Helpers on results. */

/* Makes room for `more` items behind the present ones. Errors: PHASH_E_MEMORY. */
phash_status phash_matches_reserve(phash_matches *matches, size_t more);

/* Sorts by query, then distance, then id. Errors: PHASH_E_MEMORY. */
phash_status phash_matches_sort(phash_matches *matches);

/* Keeps the first k items of each query of sorted matches: how the nearest of several sources
 * become the nearest of all. */
void phash_matches_cut(phash_matches *matches, uint32_t k);

#endif
