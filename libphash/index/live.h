/* The live index: what is searched now, and how it changes under its searchers.
 *
 *     version ──> level 0: segment + bitmap of removed slots      the base: built or mapped
 *        │  └───> level 1: the same, smaller                      only beside a large base
 *        ├──────> frozen delta                                    being folded in
 *        └──────> delta: arrays that grow at their end,           what was added last
 *                 and from some size on a table (recent.h)
 *
 * A search takes the current version by one pointer, searches its parts and lets go: hazard
 * pointers (Michael 2004), one per searcher, say which versions may not be freed yet. Writers hold
 * `write_lock`. Adding copies the pair behind the delta's end, then moves the end by a release
 * store. Removing sets bits. Neither makes a new version, so both cost the same however large the
 * index is.
 *
 * Folding (fold.c) turns delta and levels into a new level in the background: it freezes the delta,
 * builds a segment of all pairs that are left, removes from it what was removed meanwhile, and
 * publishes a version with the new level. Compaction is a fold of everything whose result is also
 * written as the new snapshot.
 *
 * Locks, in the order in which they are taken:
 *     fold_lock    one fold, save or refresh at a time; held for its whole length
 *     write_lock   changes, versions, the list of searchers; held for a write() at the longest
 *     labels.lock  the labels; held for a look-up, or a step of a change
 *     store.sync   the journal's file during fdatasync
 */
#ifndef PHASH_INDEX_LIVE_H
#define PHASH_INDEX_LIVE_H

#include "index/journal.h"
#include "index/labels.h"
#include "index/recent.h"
#include "index/snapshot.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LIVE_LEVELS = 2, LIVE_DELTAS = 2, LIVE_FROZEN = 0, LIVE_GROWING = 1 };

/* An immutable set whose pairs can be hidden. `refs` of levels, deltas and versions are guarded by
 * write_lock. */
typedef struct live_level {
    uint32_t refs;
    phash_segment *segment;
    phash_snapshot *snapshot; /* whose memory the segment and by_id use, or NULL */
    uint64_t pairs;
    const uint64_t *ids;
    _Atomic(uint64_t *) removed; /* bitmap of slots, made at the first removal */
    uint64_t removed_count;
    const uint32_t *by_id; /* slots by id (idmap.h), or NULL until the first removal */
    uint32_t *by_id_owned;
} live_level;

typedef struct live_delta {
    uint32_t refs;
    size_t capacity;
    _Atomic size_t count; /* pairs in place */
    uint8_t *hashes;
    uint64_t *ids;
    uint64_t *removed;
    atomic_bool any_removed;
    uint64_t removed_count;
    phash_recent *recent; /* of the first pairs; NULL in a small one, and where it cannot help */
    /* Slots by id, for writers alone: chains from heads[hash of id], slot + 1 each. */
    uint32_t *heads;
    uint32_t *next;
    size_t head_mask;
} live_delta;

typedef struct live_version {
    uint32_t refs; /* cursors and folds */
    struct live_version *next;
    live_level *levels[LIVE_LEVELS]; /* NULL where there is none */
    live_delta *deltas[LIVE_DELTAS]; /* the growing one is always there */
} live_version;

/* An index's files; NULL for one in memory. */
typedef struct live_store {
    phash_io_place place;
    int lock;                     /* of NAME.lock; -1 when read-only */
    phash_journal *journal;       /* NULL: read-only, and there is none */
    phash_journal_place replayed; /* read-only: up to where the journal is in memory */
    phash_snapshot *snapshot;     /* read-only: held, to see whether it has been replaced */
    uint8_t generation[PHASH_GENERATION_BYTES]; /* of the snapshot */
    uint64_t snapshot_sequence;
    uint64_t snapshot_bytes;
    pthread_mutex_t sync;
    uint64_t synced;          /* sequence that is on disk; guarded by sync */
    _Atomic uint64_t written; /* sequence that is in the file */
    atomic_bool broken;       /* no further changes */
} live_store;

struct phash_searcher {
    phash_index *index;
    phash_searcher *next; /* list, guarded by write_lock */
    phash_scratch *scratch;
    phash_recent_test *test;
    _Atomic(live_version *)
        pinned; /* hazard pointer; a line of its own would be shared with none */
};

struct phash_index {
    phash_index_options options; /* as given, bits and algorithm as in the file */
    size_t row;                  /* bytes in a hash */
    uint64_t id_seed; /* of the deltas' tables, so that nobody can choose colliding ids */

    _Atomic(live_version *) current;
    _Atomic uint64_t count; /* pairs that can be found */
    pthread_mutex_t write_lock;
    live_version *retired;
    phash_searcher *searchers;
    live_labels labels;
    uint64_t sequence; /* of the last change, when there is no store */

    pthread_mutex_t fold_lock;
    bool folding;    /* between freezing and publishing: removals are noted, too */
    uint64_t *noted; /* their ids */
    size_t noted_count;
    size_t noted_capacity;

    pthread_t thread; /* folds in the background; write_lock guards what follows */
    bool thread_started, stop, compact_wanted;
    uint64_t fold_floor; /* after a failure: no fold before the delta is this large */
    pthread_cond_t wake;

    live_store *store;
};

/* ---- version.c: parts, versions, hazard pointers. write_lock is held for all but pin/unpin ---- */
phash_status phash_level_new(phash_segment *segment, phash_snapshot *snapshot, live_level **level,
                             phash_error *error); /* takes the segment in any case */
phash_status phash_level_map_ids(live_level *level, phash_error *error); /* makes by_id */
phash_status phash_level_reserve_removal(live_level *level, phash_error *error);
/* Hides the pairs of an id; returns how many there were. After phash_level_reserve_removal. */
uint64_t phash_level_hide(live_level *level, uint64_t id);
void phash_level_free(live_level **level);
/* Rows of `row` bytes; `radius` is what most searches will ask for. */
phash_status phash_delta_new(size_t capacity, size_t row, uint32_t radius, live_delta **delta);
void phash_delta_append(live_delta *delta, size_t row, uint64_t seed, const uint8_t *hashes,
                        const uint64_t *ids, size_t n); /* there must be room */
void phash_delta_free(live_delta **delta, size_t row);
size_t phash_delta_bucket(const live_delta *delta, uint64_t seed, uint64_t id);

/* A version with these parts, each held once more. */
live_version *phash_version_new(live_level *const levels[LIVE_LEVELS],
                                live_delta *const deltas[LIVE_DELTAS]);
void phash_version_free(phash_index *index, live_version *version);
/* Makes it current; the one before is freed when no search and nobody else uses it. */
void phash_version_publish(phash_index *index, live_version *version);
void phash_version_reclaim(phash_index *index);
/* Waits until no search uses a version that has been replaced. Takes write_lock itself. */
void phash_version_drain(phash_index *index);
live_version *phash_version_pin(phash_searcher *searcher);
void phash_version_unpin(phash_searcher *searcher);

static inline bool live_bit(const uint64_t *bitmap, uint64_t i)
{
    return bitmap && (__atomic_load_n(&bitmap[i / 64], __ATOMIC_RELAXED) >> i % 64 & 1) != 0;
}

/* Sets a bit; returns whether it was clear. */
static inline bool phash_live_hide(uint64_t *bitmap, uint64_t i)
{
    const uint64_t bit = UINT64_C(1) << i % 64;
    return !(__atomic_fetch_or(&bitmap[i / 64], bit, __ATOMIC_RELAXED) & bit);
}

/* ---- change.c: changes in memory. write_lock is held ---- */
phash_status phash_live_reserve(phash_index *index, size_t more, phash_error *error);
void phash_live_add(phash_index *index, const uint8_t *hashes, const uint64_t *ids, size_t n);
/* Hides the pairs of an id. Returns how many there were. Cannot fail after
 * phash_live_reserve_removal. */
phash_status phash_live_reserve_removal(phash_index *index, size_t ids, phash_error *error);
uint64_t phash_live_remove(phash_index *index, uint64_t id);
phash_status phash_live_drop_labels(phash_index *index, const uint64_t *ids, size_t n,
                                    phash_error *error);

/* ---- fold.c: fold_lock is held ---- */
typedef struct live_fold {
    unsigned from;    /* the first level that is folded in */
    uint32_t threads; /* 0: one per core */
    bool to_file;     /* writes a snapshot and shortens the journal */
    bool erase;       /* overwrites what it replaces */
} live_fold;
phash_status phash_live_fold(phash_index *index, const live_fold *how, phash_error *error);
/* compact.c: writes what has been folded; the journal is kept from byte `from` on. */
phash_status phash_compact_files(phash_index *index, const live_fold *how, live_level *level,
                                 uint64_t from, uint64_t sequence, phash_error *error);

/* ---- background.c. write_lock is held for wake ---- */
void phash_background_wake(phash_index *index);
void phash_background_stop(phash_index *index);

/* ---- store.c ---- */
/* Opens the files and makes a live index of them; `place` and `lock` are taken over in any case. */
phash_status phash_store_open(const phash_index_options *options, bool any_kind,
                              phash_io_place *place, int lock, phash_index **index,
                              phash_error *error);
/* Makes a level and labels of a snapshot's sections; each takes a hold of its own. */
phash_status phash_store_attach(phash_snapshot *snapshot, live_level **level, label_set *labels,
                                phash_error *error);
/* Whether a journal belongs to a snapshot. */
bool phash_store_goes_with(const phash_journal *journal, const phash_snapshot_info *info);
/* Waits until the journal is on disk up to `sequence`. */
phash_status phash_store_sync(live_store *store, uint64_t sequence, phash_error *error);
void phash_store_free(live_store **store);
/* Applies what the journal has and memory has not. write_lock is held, or nobody else is there. */
phash_status phash_store_replay(phash_index *index, uint64_t after, phash_error *error);
/* Opens NAME.lock and takes it. */
phash_status phash_store_lock(const phash_io_place *place, int *fd, phash_error *error);

/* "NAME" + suffix, in a buffer for any name. */
typedef char live_name[PHASH_IO_NAME_MAX + 16];
const char *phash_store_name(live_name out, const phash_io_place *place, const char *suffix);

/* ---- compact.c ---- */
/* Writes level and labels under a name of their own, with a new generation, which info receives. */
phash_status phash_compact_write(const phash_index *index, const live_level *level,
                                 const phash_io_place *place, const char *name,
                                 phash_snapshot_info *info, phash_error *error);
/* Folds what is pending and merges the labels; `level`, which is held, has all of it. fold_lock is
 * held. */
phash_status phash_compact_memory(phash_index *index, live_level **level, phash_error *error);

/* ---- index.c ---- */
phash_status phash_live_new(const phash_index_options *options, phash_index **index,
                            phash_error *error);
/* Gives it its first version. */
phash_status phash_live_begin(phash_index *index, live_level *level, phash_error *error);
/* Reads the caller's options, of whatever version, over the defaults. */
phash_status phash_live_options(const phash_index_options *given, phash_index_options *options,
                                phash_error *error);

#endif
