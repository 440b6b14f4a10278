/* A table of the pairs that were added last, which grows while others look things up in it.
 *
 * A hash is cut into chunks of 16 bits. Two hashes that differ in fewer bits than two for each chunk
 * have a chunk in which they differ in one bit at the most, and together with the chunk behind it,
 * going round, in three (pigeonring principle, Qin and Xiao, VLDB 2018). The key is the first bits of
 * a chunk, the check the 16 bits behind the key. A row is entered under its own key and under every
 * key at distance 1, so that a search looks at one line of 64 bytes for each chunk and no more: all
 * the work of the neighbours is the writer's.
 *
 *     chunk of the query ─key→ line: 15 × (check, distance of the key, row), fill and link
 *                                                                                      └→ older line
 *
 * An entry is one 32-bit word, stored and read as a whole. One thread adds at a time, any number
 * search; the count of rows that a search goes by (acquire) orders all that it reads.
 *
 * A row of which some line would become too long, because many rows share the bits of a chunk, is
 * left out of the table and kept in a list that every search scans.
 */
#ifndef PHASH_INDEX_RECENT_H
#define PHASH_INDEX_RECENT_H

#include "index/search.h"

/* Rows that a table can have; a multiple of 64. */
enum { PHASH_RECENT_ROWS = 32704 };

/* How lines are tested. */
enum {
    PHASH_RECENT_LINE = 16, /* words */
    PHASH_RECENT_ENTRIES = 15,
    PHASH_RECENT_CHECK =
        0x1ffff,           /* bits of an entry that are compared: check, distance of the key */
    PHASH_RECENT_LIMIT = 3 /* that may differ */
};

/* Tests the entries of lines at[0] .. at[n - 1]: bit e of near[i] is set when entry e of its line
 * differs from codes[i] in no more than PHASH_RECENT_LIMIT of the bits that are compared. */
typedef void phash_recent_test(const uint32_t *lines, const uint32_t *at, const uint32_t *codes,
                               size_t n, uint16_t *near);
phash_recent_test phash_recent_test_c, phash_recent_test_avx2, phash_recent_test_avx512;

/* The fastest for these sets (phash_cpu_active). */
phash_recent_test *phash_recent_test_for(uint32_t sets);

typedef struct phash_recent phash_recent;

/* Whether a table finds all that is within the radius. */
bool phash_recent_covers(uint32_t bits, uint32_t radius);

/* Makes an empty table for rows 0 .. capacity - 1, at most PHASH_RECENT_ROWS, of 64 * words bits; NULL
 * without memory. */
phash_recent *phash_recent_new(size_t capacity, size_t words);

/* Wipes and frees; NULL and pointers to NULL are fine. */
void phash_recent_free(phash_recent **recent);

/* Bytes in memory. */
uint64_t phash_recent_memory(const phash_recent *recent);

/* Adds a row, of any alignment. Rows at and beyond the capacity are passed over. */
void phash_recent_add(phash_recent *recent, const void *row, size_t number);

/* How many rows it can hold. */
size_t phash_recent_capacity(const phash_recent *recent);

/* Whether look-ups are cheaper than a scan of `count` rows. */
bool phash_recent_pays(const phash_recent *recent, size_t count);

/* Asks the memory for what a search for this one query will look at. */
void phash_recent_prefetch(const phash_recent *recent, const void *query);

/* Appends the pairs of source->count rows, all of which have been added, within a radius that is
 * covered. Errors: PHASH_E_MEMORY. */
phash_status phash_recent_search(const phash_recent *recent, const phash_source *source,
                                 const void *queries, size_t n, uint32_t radius,
                                 phash_recent_test *test, phash_scratch *scratch,
                                 phash_matches *found);

#endif
