/* Labels: a byte string for an id, so that a match means something to a person.
 *
 *     set       immutable, sorted by id: as in a snapshot's sections
 *     overlay   what was given since, by hash; an entry of length 0 hides the set's
 *
 * Compaction freezes the overlay, merges it with the set into a new set, and begins a new overlay
 * meanwhile. A look-up tries the new overlay, the frozen one, the set.
 */
#ifndef PHASH_INDEX_LABELS_H
#define PHASH_INDEX_LABELS_H

#include "index/snapshot.h"

#include <pthread.h>

typedef struct label_set {
    const uint64_t *ids;     /* ascending */
    const uint64_t *offsets; /* count + 1 */
    const char *bytes;
    uint64_t count;
    uint64_t length;          /* of bytes */
    phash_snapshot *snapshot; /* whose memory it is; NULL: its own */
} label_set;

typedef struct label_entry {
    uint64_t id;
    char *bytes; /* NULL for length 0 */
    uint32_t length;
    uint32_t used; /* 0: the place is free */
} label_entry;

typedef struct label_map {
    label_entry *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
} label_map;

typedef struct live_labels {
    pthread_mutex_t lock;
    uint64_t seed;
    label_set set;
    label_map frozen;
    label_map overlay;
} live_labels;

/* Labels on their way in: all memory that they need, so that putting them cannot fail. */
typedef struct label_batch {
    label_entry *entries;
    size_t count;
} label_batch;

/* labels: NULL entries are passed over with `skip_missing`, else they take a label away. */
phash_status phash_labels_prepare(live_labels *labels, const uint64_t *ids, const char *const *text,
                                  const size_t *lengths, size_t n, bool skip_missing,
                                  label_batch *batch, phash_error *error);
void phash_labels_put(live_labels *labels, label_batch *batch); /* takes the batch's memory */
void phash_labels_drop(label_batch *batch);

bool phash_labels_has(live_labels *labels, uint64_t id);
phash_status phash_labels_get(live_labels *labels, uint64_t id, char *text, size_t size,
                              size_t *length);
uint64_t phash_labels_count(live_labels *labels); /* at the most */
uint64_t phash_labels_memory(live_labels *labels);

/* The overlay becomes the frozen one, which must be empty: so after a merge that failed the next one
 * comes first. */
void phash_labels_freeze(live_labels *labels);
/* Merges the set and the frozen overlay into a new set, which becomes the set. On failure all stays
 * as it was. One thread at a time. */
phash_status phash_labels_merge(live_labels *labels, phash_error *error);

/* Checks order and bounds of a set. Errors: PHASH_E_CORRUPT. */
phash_status phash_labels_check(const label_set *set, phash_error *error);
void phash_labels_set_free(label_set *set);
void phash_labels_free(live_labels *labels);

#endif
