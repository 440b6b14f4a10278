/* phash/index.h: exact Hamming search over millions of hashes that change all the time.
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
 * An index lives in memory (phash_index_build), or in a file (phash_index_open): then every change
 * is written to a journal beside the snapshot and, by default, synced before the call returns.
 * Searches go on meanwhile; they take no lock. A pair that has been removed is in no search that
 * starts after the call returned; one that has been added is in all of them.
 *
 * Files of an index NAME, none of which holds a file name or anything but hashes, ids and the
 * labels that were given:
 *     NAME              the snapshot: all pairs as of the last compaction, mapped read-only
 *     NAME.journal      every change since
 *     NAME.lock         empty; says which process may write
 *     NAME.new, NAME.journal.new   being written; left over only after a crash, and removed by the
 *                       next writer
 * One process writes, any number read: each sees the index as it was when it opened or refreshed
 * it. NAME alone is a complete snapshot and may be copied, mapped and searched anywhere. It must
 * not be truncated while a process has it open: the system ends such a process (SIGBUS). The
 * library itself only ever replaces it.
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

/* Bytes in a label at the most. */
#define PHASH_LABEL_MAX 4096

typedef enum phash_index_engine {
    PHASH_INDEX_AUTO = 0, /* chosen by a cost model from size, radius and data */
    PHASH_INDEX_FLAT = 1, /* scan of all hashes */
    PHASH_INDEX_MULTI = 2 /* multi-index hashing (Norouzi 2014; Qin and Xiao 2018) */
} phash_index_engine;

/* When a change to an index in a file is safe. */
typedef enum phash_index_sync {
    PHASH_SYNC_ALWAYS =
        0,               /* on disk when the call returns; calls of several threads share a sync */
    PHASH_SYNC_NEVER = 1 /* when the operating system writes it, or on phash_index_sync_now. Also
                              then a change survives the end of the process, killed or not */
} phash_index_sync;

/* Flags of phash_index_options. */
#define PHASH_INDEX_READ_ONLY                                                                      \
    UINT32_C(1) /* open: takes no lock and changes no file; changes are PHASH_E_STATE */
#define PHASH_INDEX_CREATE UINT32_C(2) /* open: makes an empty index where there is none */
#define PHASH_INDEX_LOAD                                                                           \
    UINT32_C(                                                                                      \
        4) /* open: reads the snapshot into memory of this process, on huge pages where the   \
                   system has them, and checks all of it, instead of mapping it: faster searches   \
                   for a slower start */
#define PHASH_INDEX_MANUAL                                                                         \
    UINT32_C(                                                                                      \
        8) /* no background thread: changes are folded in and compacted when                  \
                   phash_index_compact is called, and at no other time */
#define PHASH_INDEX_ANY_KIND                                                                       \
    UINT32_C(16) /* open: whatever algorithm, length and radius the index has */
#define PHASH_INDEX_FLAGS UINT32_C(31)

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
    uint32_t flags;            /* PHASH_INDEX_*; default 0 */
    uint32_t reserved;         /* 0 */
} phash_index_options;

#define PHASH_INDEX_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(phash_index_options), PHASH_HASH256_BITS, PHASH_RADIUS_DEFAULT, PHASH_INDEX_AUTO,   \
            PHASH_SYNC_ALWAYS, 0, "pdq", 0, 0                                                      \
    }

/* ---- making, opening, closing ---- */

/* Builds an index in memory.
 *   hashes   n * bits / 8 bytes, hash after hash, each in text order (phash_hash256); the caller
 *            keeps them
 *   ids      n numbers, or NULL for 0..n-1; several hashes may share an id; a pair given twice is
 *            found twice
 *   options  NULL for the defaults
 *   index    receives the handle, to be freed with phash_index_free; NULL on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_UNSUPPORTED (over 4 billion pairs). Thread-safe.
 */
PHASH_API phash_status phash_index_build(const void *hashes, const uint64_t *ids, size_t n,
                                         const phash_index_options *options, phash_index **index,
                                         phash_error *error);

/* Opens an index in a file. Takes milliseconds whatever its size, plus the time to read the
 * journal: the header and the section table are checked, the sections' checksums are not
 * (phash_index_verify and PHASH_INDEX_LOAD check them).
 *   path     the snapshot; symbolic links are followed
 *   options  NULL for the defaults, and then for any algorithm and length; the engine and the
 *            radius matter to what is built later
 *   index    receives the handle; NULL on failure
 * A change that was being written when its process died is taken back; every change that was
 * acknowledged is there.
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY; PHASH_E_OPEN, PHASH_E_READ, PHASH_E_WRITE;
 * PHASH_E_LOCKED when another handle, of this process or another, has it open for writing;
 * PHASH_E_FORMAT, PHASH_E_VERSION, PHASH_E_TRUNCATED, PHASH_E_CORRUPT for files that are no index,
 * or damaged; PHASH_E_KIND for another algorithm or length. Thread-safe. */
PHASH_API phash_status phash_index_open(const char *path, const phash_index_options *options,
                                        phash_index **index, phash_error *error);

/* Closes and frees an index and clears the pointer; NULL and pointers to NULL are fine. No searcher
 * or cursor of it may be left. Waits for a compaction that is under way. What has been acknowledged
 * needs no call before this one. */
PHASH_API void phash_index_free(phash_index **index);

#define PHASH_SAVE_REPLACE UINT32_C(1) /* replaces an index of that name and its journal */

/* Writes a snapshot of the index as it is now to another file: beside it, synced, then renamed, so
 * that there is never half a file. The index itself stays where it is, in memory or in its own
 * file. New files are readable for their owner alone; one that replaces another keeps its rights.
 *   flags  0: PHASH_E_EXISTS when an index of that name is there. PHASH_SAVE_REPLACE
 * Errors: also PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_OPEN, PHASH_E_WRITE, PHASH_E_LOCKED (a
 * process has an index of that name open for writing). What was there is intact then.
 * Thread-safe; waits for a compaction that is under way. */
PHASH_API phash_status phash_index_save(phash_index *index, const char *path, uint32_t flags,
                                        phash_error *error);

/* ---- searching ---- */

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

/* Makes a searcher: the working memory of one thread. Free it before its index.
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. Thread-safe. */
PHASH_API phash_status phash_searcher_new(phash_index *index, phash_searcher **searcher);

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

/* ---- changing ----
 *
 * Any thread may change an index while others search or change it. A call takes effect as a whole,
 * also across a crash: after PHASH_OK all of it is there, after an error nothing is, but for
 * PHASH_E_WRITE from a sync that failed: then the index goes on serving what is in memory, refuses
 * every further change with PHASH_E_STATE, and the file has to be opened again to see what the disk
 * kept. With PHASH_SYNC_ALWAYS a call costs one sync, however many pairs it has. */

/* Adds pairs.
 *   hashes  n * bits / 8 bytes
 *   ids     n numbers; a pair that is there already is then there twice
 *   labels  NULL, or n strings (NULL for none) that become the labels of their ids; at most
 *           PHASH_LABEL_MAX bytes each. An id has one label; the last one given counts
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_STATE (read-only, or after a failed sync),
 * PHASH_E_WRITE, PHASH_E_UNSUPPORTED (over 4 billion pairs). Thread-safe. */
PHASH_API phash_status phash_index_add(phash_index *index, const void *hashes, const uint64_t *ids,
                                       const char *const *labels, size_t n, phash_error *error);

/* Also makes the bytes of the hashes disappear from the index's files before the call returns: the
 * snapshot is written anew without them, the journal too, the old ones are overwritten with zeros
 * and synced. Costs what phash_index_compact costs, once for all ids of the call; searches, and
 * changes by other threads, go on. Also reaches ids that were removed before without this flag.
 * Out of reach: bytes that another id has too; files that other processes still have open are
 * unlinked, not overwritten; and what copy-on-write file systems, solid-state disks, backups and
 * swap keep. If the call fails the ids are removed, yet their bytes may remain: call it again. */
#define PHASH_REMOVE_ERASE UINT32_C(1)

/* Removes all pairs of the ids, and the ids' labels. Ids that are not there are passed over.
 *   flags    0 or PHASH_REMOVE_ERASE
 *   removed  NULL, or receives how many pairs went
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_STATE, PHASH_E_WRITE. Thread-safe. */
PHASH_API phash_status phash_index_remove(phash_index *index, const uint64_t *ids, size_t n,
                                          uint32_t flags, uint64_t *removed, phash_error *error);

/* Gives ids labels, or takes them away.
 *   labels  n strings of at most PHASH_LABEL_MAX bytes; NULL or empty takes the label away
 * Errors: as phash_index_add. Thread-safe. */
PHASH_API phash_status phash_index_label_set(phash_index *index, const uint64_t *ids,
                                             const char *const *labels, size_t n,
                                             phash_error *error);

/* Waits until every change made so far is on disk. Errors: PHASH_E_WRITE, PHASH_E_STATE. */
PHASH_API phash_status phash_index_sync_now(phash_index *index, phash_error *error);

#define PHASH_COMPACT_BACKGROUND UINT32_C(1) /* asks the background thread and returns */

/* Builds the index anew from all pairs that are there and, in a file, replaces the snapshot and
 * empties the journal. Searches and changes go on; changes made meanwhile are kept, whenever the
 * process is killed. Needs memory for a second index and room for a second snapshot. Happens by
 * itself as changes pile up, unless PHASH_INDEX_MANUAL says otherwise.
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_OPEN, PHASH_E_WRITE, PHASH_E_STATE (read-only;
 * or background with PHASH_INDEX_MANUAL); the index is as before then. Thread-safe. */
PHASH_API phash_status phash_index_compact(phash_index *index, uint32_t flags, phash_error *error);

/* Brings an index that is open with PHASH_INDEX_READ_ONLY up to date with its files.
 *   changed  NULL, or receives whether there was anything new
 * Errors: those of phash_index_open; the index is as before then. Thread-safe. */
PHASH_API phash_status phash_index_refresh(phash_index *index, int *changed, phash_error *error);

/* ---- looking inside ---- */

/* Copies out the label of an id.
 *   label   receives at most `size` bytes, NUL-terminated when size > 0; NULL with size 0 to ask
 *           for the length
 *   length  NULL, or receives the label's length without the NUL
 * Errors: PHASH_E_ARGUMENT, PHASH_E_NOT_FOUND when the id has none. Thread-safe. */
PHASH_API phash_status phash_index_label(phash_index *index, uint64_t id, char *label, size_t size,
                                         size_t *length);

/* A walk over all pairs that were there when it began, but for those that are removed before it
 * reaches them; in no particular order. Holds memory, so free it soon; free it before the index. */
typedef struct phash_cursor phash_cursor;
PHASH_API phash_status phash_cursor_new(phash_index *index, phash_cursor **cursor);
PHASH_API void phash_cursor_free(phash_cursor **cursor);

/* Copies out the next pairs.
 *   hashes    room for `capacity` hashes, or NULL
 *   ids       room for `capacity` ids, or NULL
 * Returns how many there were; 0 at the end. One thread at a time. */
PHASH_API size_t phash_cursor_next(phash_cursor *cursor, size_t capacity, void *hashes,
                                   uint64_t *ids);

/* What an index holds and costs. */
typedef struct phash_index_stats {
    size_t size;               /* sizeof(phash_index_stats) of the caller */
    uint64_t count;            /* pairs that a search can find */
    uint64_t memory;           /* bytes held or mapped, hashes included */
    uint32_t bits;             /* length of a hash */
    uint32_t radius;           /* the radius the layout is tuned to */
    phash_index_engine engine; /* what the layout is */
    char algorithm[32];        /* what made the hashes */
    uint64_t pending;          /* pairs added and not yet folded in: searched one by one */
    uint64_t removed;          /* pairs removed that still take up room */
    uint64_t labels;           /* ids with a label; an upper bound while changes are pending */
    uint64_t snapshot_bytes;   /* of the file, 0 in memory */
    uint64_t journal_bytes;    /* of the file, 0 in memory */
    uint64_t sequence;         /* number of the last change; grows with every one */
} phash_index_stats;

#define PHASH_INDEX_STATS_INIT                                                                     \
    {                                                                                              \
        sizeof(phash_index_stats), 0, 0, 0, 0, PHASH_INDEX_AUTO, "", 0, 0, 0, 0, 0, 0              \
    }

/* Fills `stats`, whose size the caller has set. Errors: PHASH_E_ARGUMENT. Thread-safe. */
PHASH_API phash_status phash_index_stats_get(phash_index *index, phash_index_stats *stats);

/* Reads every byte of an index's files and checks every checksum, offset and order. Changes
 * nothing; a process that writes to it meanwhile is not disturbed.
 *   error  tells what is wrong and where
 * Errors: those of opening; PHASH_E_TRUNCATED also when the journal's end is torn or its last
 * writer did not close it, so that changes could be missing there: opening for writing puts that
 * right. Thread-safe. */
PHASH_API phash_status phash_index_verify(const char *path, phash_error *error);

#ifdef __cplusplus
}
#endif
#endif
