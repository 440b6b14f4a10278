/* Hamming kernels: what the index's engines spend their time in.
 *
 * rows    scan of whole hashes, pair by pair: few queries, or few hashes
 * slice   scan of bit planes, 512 hashes at a time, many queries to one pass over memory
 * probe   look-ups in the buckets of a multi-index
 *
 * A hash of `words` 64-bit words is a row; bit b of a row is bit b % 64 of its word b / 64. Rows
 * may lie at any address.
 *
 * Bit-sliced scan. Plane b of a block of 512 rows holds their bits b, row r in bit r % 64 of word
 * r / 64, so one 512-bit operation works on one bit of 512 pairs. To count, without unpacking, in
 * how many of the first 6 * steps bits a query differs from each row, planes are taken in groups
 * of three: a block's table holds, for each of the eight values the query's three bits can have,
 * the sum and the carry of the three differences. All queries of a batch share the table; for each
 * of them a tree of carry-save adders (Harley and Seal) adds sums and carries. The counters start
 * at 2^L - 1 - radius, so that a carry out of the top level says "more than the radius", and only
 * these carries are kept. The prefix of a hash is a lower bound of its distance: survivors are
 * checked on the whole hash by the caller.
 */
#ifndef PHASH_HAMMING_HAMMING_H
#define PHASH_HAMMING_HAMMING_H

#include "core/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "rows are read as little-endian words; big-endian machines are not supported");

enum {
    PHASH_BLOCK_ROWS = 512,
    PHASH_PLANE_WORDS = PHASH_BLOCK_ROWS / 64,
    PHASH_SLICE_BITS = 6, /* bits to a step: two groups of three */
    PHASH_SLICE_GROUPS = 2,
    PHASH_SLICE_STEPS_MAX = 256 / PHASH_SLICE_BITS,
    PHASH_SLICE_CODES = PHASH_SLICE_GROUPS * PHASH_SLICE_STEPS_MAX, /* codes to a query, at most */
    PHASH_SLICE_RADIUS_MAX = 239, /* above it no prefix can reject; eight counter levels hold it */
    PHASH_SLICE_QUERIES_MAX = 1 << 15,
    /* 8 codes * (sum, carry) * 64 bytes for each group */
    PHASH_SLICE_TABLE_BYTES = PHASH_SLICE_CODES * 8 * 2 * 64,
};

/* The code of a query's group of three bits, as an offset into a table of 16-byte vectors. */
enum { PHASH_SLICE_CODE_SHIFT = 5 };

typedef struct phash_hit {
    uint32_t row;
    uint32_t distance;
} phash_hit;

/* A chunk of a multi-index as one search looks things up in it: `count[d]` keys at distance d of the
 * query's, for d = 0 .. levels - 1. */
enum { PHASH_PROBE_LEVELS = 5 };
typedef struct phash_probe_chunk {
    uint32_t base;        /* its first bucket */
    uint32_t flip;        /* bits in which all keys differ from the query's, beside the masks */
    uint16_t start;       /* first bit of its key */
    uint16_t key_bits;    /* at most 32 */
    uint16_t check_start; /* first bit of its checks */
    uint8_t number;
    uint8_t levels;
    uint32_t mask;                        /* bits of a check that count */
    uint32_t own_mask;                    /* those of them that belong to this chunk */
    int8_t limit[PHASH_PROBE_LEVELS];     /* most differing bits of mask at each level */
    int8_t own_limit[PHASH_PROBE_LEVELS]; /* and of own_mask */
    uint32_t count[PHASH_PROBE_LEVELS];
    const uint32_t *masks[PHASH_PROBE_LEVELS]; /* differences of keys at each distance */
} phash_probe_chunk;

enum { PHASH_CHECK_BITS = 24 };

/* The look-ups of one query in one chunk. */
typedef struct phash_probe_group {
    uint32_t query;
    uint32_t check; /* the query's bits behind the key, PHASH_CHECK_BITS of them */
    uint32_t chunk; /* index into phash_probes.chunks */
} phash_probe_group;

/* A query in one chunk: its key, not flipped, and the bits behind it. */
typedef struct phash_probe_key {
    uint32_t query, key, check;
} phash_probe_key;

/* Entries that a probe let through: those of up to 64 neighbours whose bit is set. */
typedef struct phash_stretch {
    uint64_t near;
    uint32_t posting; /* number of the first, among all postings; the caller checks it */
    uint32_t group;   /* index of the probe group */
} phash_stretch;

/* A row within the radius of a query. */
typedef struct phash_found {
    uint32_t row;
    uint32_t group;
    uint32_t distance;
} phash_found;

/* All chunks as the rule needs them that decides which of them reports a hit: the first that is a
 * witness, with d_i <= radius_i and d_i + d_(i+1) <= pair_i. */
typedef struct phash_witness {
    uint16_t start, width; /* width at most 64 */
    int16_t radius, pair;  /* radius -1: never */
} phash_witness;

/* A row that has been looked at for a query. */
typedef struct phash_seen {
    uint32_t row, epoch;
} phash_seen;

/* Entries of the cache of such rows; and from how many candidates a query on it is asked. */
enum { PHASH_SEEN_COUNT = 1 << 15, PHASH_SEEN_FROM = 48 };

/* The buckets of a multi-index and a list of look-ups in them, with the place where the last call
 * stopped. Every bucket number must be below `bucket_count`.
 *
 * Runs: bucket b's checks are checks[offsets[b]] .. checks[offsets[b + 1] - 1], its postings have
 * the same numbers. Offsets are read from a section that may be damaged: a kernel clamps each to
 * `check_count`.
 *
 * Lines: bucket b is the 64-byte line that starts at lines[32 * b]: its first posting's number and
 * the number of its entries (32 bits each), then the checks. A bucket of more than
 * PHASH_LINE_CHECKS has PHASH_LINE_CHECKS - 2 checks in the line, and in the last 32 bits the place
 * in `checks` where the others follow; there too a kernel clamps what it reads.
 *
 * Wide lines: the same with PHASH_WIDE_CHECKS checks of 24 bits. The low 16 of each lie where those
 * of a line do, the high 8 in as many bytes from byte PHASH_WIDE_HIGH on. Those that did not fit are
 * in `checks` without their high bits.
 *
 *     byte 0        8                                        44                62  64
 *          | head  | 18 × 16 bits                           | 18 × 8 bits     |   |
 */
enum { PHASH_LINE_WORDS = 32, PHASH_LINE_HEAD = 4, PHASH_LINE_CHECKS = 28 };
enum { PHASH_WIDE_CHECKS = 18, PHASH_WIDE_HIGH = 44 };
typedef struct phash_probes {
    const uint32_t *offsets;
    const uint16_t *lines;
    bool wide;              /* what kind of lines */
    const uint16_t *checks; /* 128 readable bytes behind the last one */
    uint64_t check_count;
    uint32_t run_lines;      /* cache lines that a run usually touches: so many are prefetched */
    bool cached;             /* what is looked up is in the cache already: none is prefetched */
    const char *stream;      /* cached: instead, memory that will be looked up later, */
    size_t stream_lines;     /* so many lines of it, */
    size_t stream_pace;      /* so many with each look-up */
    const uint8_t *postings; /* of the chunks after the first, whose postings are the rows */
    uint32_t posting_bytes;  /* 3 or 4 */
    uint64_t posting_count;  /* of all chunks */
    const uint64_t *rows;
    uint64_t row_count;
    size_t words;

    const phash_probe_chunk *chunks;
    size_t chunk_count;
    const phash_witness *witnesses;
    uint32_t witness_count;

    /* Near-duplicates of a query pass in nearly every chunk. So that they are read once, rows that
     * are done with are noted in a cache of PHASH_SEEN_COUNT places, marked with the query's epoch
     * (`epoch` + query). It may forget: the rule above decides what is reported. */
    phash_seen *seen;
    uint32_t epoch;
    size_t queries; /* in this round */

    phash_probe_group *groups;
    size_t group_count;
    uint32_t *buckets; /* of all groups; PHASH_PROBE_AHEAD more readable */
    size_t bucket_total;

    /* Where to go on; zero at first. */
    size_t group;
    uint32_t level, probe;
    size_t bucket;
    uint32_t entry;
} phash_probes;

enum { PHASH_PROBE_AHEAD = 64 };

/* How bits are put in another order. */
typedef struct phash_order_table {
    /* Bit b of a row is byte[b] & mask[b] of the hash: for permutations of bytes. */
    uint8_t byte[256], mask[256];
    /* The rows of each value of each nibble of a hash, to be combined: for all others. */
    struct {
        uint64_t row[16][4];
    } nibble[64];
} phash_order_table;

typedef struct phash_hamming_kernels {
    /* Puts n hashes of 8 * words bytes into the table's order. words is 1 or 4. */
    void (*reorder)(const phash_order_table *table, const uint8_t *hashes, size_t n, size_t words,
                    uint64_t *rows);

    /* Finds the rows 0 .. n - 1 within `radius` of the query; returns how many it wrote to `hits`,
     * which has room for n, in ascending order. words is 1 or 4. */
    size_t (*rows)(const void *rows, size_t n, size_t words, const uint64_t *query, uint32_t radius,
                   phash_hit *hits);

    /* Writes the planes of `bits` bits (a multiple of 64, at most 64 * words) of n <= 512 rows; rows
     * that are missing read as zero. planes: bits * PHASH_PLANE_WORDS words, 64-byte aligned. */
    void (*transpose)(const void *rows, size_t n, size_t words, size_t bits, uint64_t *planes);

    /* Tests n <= PHASH_SLICE_QUERIES_MAX queries against one block on the first 6 * steps bits.
     *   codes   steps * PHASH_SLICE_GROUPS per query, as phash_slice_codes writes them
     *   radius  at most PHASH_SLICE_RADIUS_MAX
     *   table   PHASH_SLICE_TABLE_BYTES bytes, 64-byte aligned, scratch
     *   out     room for 512 * n: query << 9 | row of each survivor
     * Returns the number of survivors. */
    size_t (*slice)(const uint64_t *planes, const uint8_t *codes, size_t n, uint32_t steps,
                    uint32_t radius, void *table, uint32_t *out);

    /* Keeps the survivors of a block whose whole rows are within the radius: of `count` rows and
     * their queries (rows too). distances[i] is that of the i-th kept. Returns their number. */
    size_t (*confirm)(const void *rows, size_t count, size_t words, const uint64_t *queries,
                      uint32_t radius, uint32_t *survivors, size_t n, uint16_t *distances);

    /* Appends the groups and buckets of one query. */
    void (*probe_add)(phash_probes *probes, const uint64_t *row, uint32_t query);

    /* Appends the group and buckets of each of n queries in one chunk. */
    void (*probe_keys)(phash_probes *probes, const phash_probe_key *keys, size_t n, uint32_t chunk);

    /* Goes on with the look-ups until they are done or `room` stretches, at least 2, are full.
     * Returns how many it wrote. */
    size_t (*probe_runs)(phash_probes *probes, phash_stretch *out, size_t room);
    size_t (*probe_lines)(phash_probes *probes, phash_stretch *out, size_t room);
    size_t (*probe_wide)(phash_probes *probes, phash_stretch *out, size_t room);

    /* Looks at the rows of the stretches from *at < n on, and writes those to report, until
     * all are done or there is no room for the 64 of one more; `room` is at least 64. Moves *at.
     * Returns how many it wrote. */
    size_t (*probe_verify)(const phash_probes *probes, const uint64_t *queries, uint32_t radius,
                           const phash_stretch *stretches, size_t n, size_t *at, phash_found *out,
                           size_t room);
} phash_hamming_kernels;

/* Fills the table for the sets, from C upwards. */
void phash_hamming_kernels_fill(phash_hamming_kernels *kernels, uint32_t sets);

void phash_hamming_c(phash_hamming_kernels *kernels);
void phash_hamming_popcnt(phash_hamming_kernels *kernels);
void phash_hamming_avx2(phash_hamming_kernels *kernels);
void phash_hamming_avx512(phash_hamming_kernels *kernels);
void phash_hamming_neon(phash_hamming_kernels *kernels);

/* Writes a query's codes for its first 6 * steps bits. */
void phash_slice_codes(const uint64_t *query, size_t words, uint32_t steps, uint8_t *codes);

/* `count` <= 32 bits of a row from bit `start` on, going round at the end. */
static inline uint32_t phash_row_bits(const uint64_t *row, size_t words, uint32_t start,
                                      uint32_t count)
{
    const size_t word = start / 64;
    const uint32_t at = start % 64;
    uint64_t v = row[word] >> at;
    if (at + count > 64)
        v |= row[word + 1 == words ? 0 : word + 1] << (64 - at);
    return (uint32_t)(v & ((UINT64_C(1) << count) - 1));
}

/* The same for `count` <= 64. */
static inline uint64_t phash_row_bits64(const uint64_t *row, size_t words, uint32_t start,
                                        uint32_t count)
{
    const size_t word = start / 64;
    const uint32_t at = start % 64;
    uint64_t v = row[word] >> at;
    if (at + count > 64)
        v |= row[word + 1 == words ? 0 : word + 1] << (64 - at);
    return count < 64 ? v & ((UINT64_C(1) << count) - 1) : v;
}

/* Distance of two rows. Good for a few; scans use the kernels. */
static inline uint32_t phash_row_distance(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint32_t d = 0;
    for (size_t i = 0; i < words; i++)
        d += (uint32_t)__builtin_popcountll(a[i] ^ b[i]);
    return d;
}

#endif
