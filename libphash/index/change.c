/* Adding, removing, labelling: in memory, and first in the journal. See live.h for what searches
 * see of it meanwhile. */
#include "core/internal.h"
#include "index/layout.h"
#include "index/live.h"

#include <string.h>

enum { DELTA_MIN = 1024 };

static phash_status out_of_memory(phash_error *error)
{
    return phash_fail(error, PHASH_E_MEMORY, "out of memory");
}

/* ---- in memory ---- */

/* Room for `more` pairs in the growing delta; replaces it by a copy of twice the size if need be. */
phash_status phash_live_reserve(phash_index *index, size_t more, phash_error *error)
{
    live_version *v = atomic_load(&index->current);
    live_delta *d = v->deltas[LIVE_GROWING];
    const size_t count = atomic_load(&d->count);
    if (more <= d->capacity - count)
        return PHASH_OK;
    if (more > SEGMENT_PAIRS_MAX - count || atomic_load(&index->count) + more > SEGMENT_PAIRS_MAX)
        return phash_fail(error, PHASH_E_UNSUPPORTED, "an index holds 4 billion pairs at the most");
    size_t capacity = d->capacity * 2 > DELTA_MIN ? d->capacity * 2 : DELTA_MIN;
    if (capacity < count + more)
        capacity = count + more;
    live_delta *larger;
    if (phash_delta_new(capacity, index->row, index->options.radius, &larger) != PHASH_OK)
        return out_of_memory(error);
    phash_delta_append(larger, index->row, index->id_seed, d->hashes, d->ids, count);
    memcpy(larger->removed, d->removed, (count + 63) / 64 * 8);
    larger->removed_count = d->removed_count;
    atomic_store(&larger->any_removed, atomic_load(&d->any_removed));
    live_version *next =
        phash_version_new(v->levels, (live_delta *const[]){v->deltas[LIVE_FROZEN], larger});
    phash_delta_free(&larger, index->row); /* the version holds it */
    if (!next)
        return out_of_memory(error);
    phash_version_publish(index, next);
    return PHASH_OK;
}

void phash_live_add(phash_index *index, const uint8_t *hashes, const uint64_t *ids, size_t n)
{
    live_version *v = atomic_load(&index->current);
    phash_delta_append(v->deltas[LIVE_GROWING], index->row, index->id_seed, hashes, ids, n);
    atomic_fetch_add(&index->count, n);
}

/* What a removal needs that can fail: maps of ids, bitmaps, a note for a fold that is going on. */
phash_status phash_live_reserve_removal(phash_index *index, size_t ids, phash_error *error)
{
    live_version *v = atomic_load(&index->current);
    for (size_t i = 0; i < LIVE_LEVELS; i++) {
        const phash_status status =
            v->levels[i] ? phash_level_reserve_removal(v->levels[i], error) : PHASH_OK;
        if (status != PHASH_OK)
            return status;
    }
    if (!index->folding || ids <= index->noted_capacity - index->noted_count)
        return PHASH_OK;
    size_t capacity = index->noted_capacity * 2;
    if (capacity < index->noted_count + ids)
        capacity = index->noted_count + ids + DELTA_MIN;
    uint64_t *larger = phash_alloc(capacity, sizeof *larger);
    if (!larger)
        return out_of_memory(error);
    if (index->noted_count)
        memcpy(larger, index->noted, index->noted_count * sizeof *larger);
    phash_wipe_free(index->noted, 0);
    index->noted = larger;
    index->noted_capacity = capacity;
    return PHASH_OK;
}

static uint64_t remove_from_delta(live_delta *d, uint64_t seed, uint64_t id)
{
    if (!d)
        return 0;
    uint64_t hidden = 0;
    for (uint32_t at = d->heads[phash_delta_bucket(d, seed, id)]; at; at = d->next[at - 1])
        if (d->ids[at - 1] == id)
            hidden += phash_live_hide(d->removed, at - 1);
    d->removed_count += hidden;
    if (hidden)
        atomic_store_explicit(&d->any_removed, true, memory_order_release);
    return hidden;
}

uint64_t phash_live_remove(phash_index *index, uint64_t id)
{
    live_version *v = atomic_load(&index->current);
    uint64_t hidden = 0;
    for (size_t i = 0; i < LIVE_LEVELS; i++)
        if (v->levels[i])
            hidden += phash_level_hide(v->levels[i], id);
    for (size_t i = 0; i < LIVE_DELTAS; i++)
        hidden += remove_from_delta(v->deltas[i], index->id_seed, id);
    if (index->folding)
        index->noted[index->noted_count++] = id;
    atomic_fetch_sub(&index->count, hidden);
    return hidden;
}

/* ---- with the journal ---- */

/* Takes write_lock when the index can be changed. */
static phash_status begin(phash_index *index, phash_error *error)
{
    if (index->options.flags & PHASH_INDEX_READ_ONLY)
        return phash_fail(error, PHASH_E_STATE, "the index is open for reading only");
    pthread_mutex_lock(&index->write_lock);
    if (index->store && atomic_load(&index->store->broken)) {
        pthread_mutex_unlock(&index->write_lock);
        return phash_fail(error, PHASH_E_STATE,
                          "an earlier write failed; open the index again to see what was kept");
    }
    return PHASH_OK;
}

/* Writes the change into the journal. */
static phash_status record(phash_index *index, const phash_journal_change *change,
                           phash_error *error)
{
    live_store *store = index->store;
    if (!store) {
        index->sequence++;
        return PHASH_OK;
    }
    bool broken = false;
    const phash_status status = phash_journal_append(store->journal, change, &broken, error);
    if (broken)
        atomic_store(&store->broken, true);
    if (status == PHASH_OK)
        atomic_store(&store->written, store->journal->sequence);
    return status;
}

/* Lets write_lock go and, where that is the rule, waits for the disk. */
static phash_status end(phash_index *index, phash_error *error)
{
    phash_version_reclaim(index);
    phash_background_wake(index);
    const uint64_t sequence = index->store ? index->store->journal->sequence : 0;
    pthread_mutex_unlock(&index->write_lock);
    return index->store && index->options.sync == PHASH_SYNC_ALWAYS
               ? phash_store_sync(index->store, sequence, error)
               : PHASH_OK;
}

/* Lengths of labels; NULL when there are none or one is too long. */
static phash_status measure(const char *const *labels, size_t n, size_t **lengths,
                            phash_error *error)
{
    *lengths = NULL;
    if (!labels)
        return PHASH_OK;
    size_t *out = phash_alloc(n, sizeof *out);
    if (!out)
        return out_of_memory(error);
    for (size_t i = 0; i < n; i++) {
        out[i] = labels[i] ? strlen(labels[i]) : 0;
        if (out[i] > PHASH_LABEL_MAX) {
            phash_wipe_free(out, 0);
            return phash_fail_at(error, PHASH_E_ARGUMENT, 0, i, "a label is longer than %d bytes",
                                 PHASH_LABEL_MAX);
        }
    }
    *lengths = out;
    return PHASH_OK;
}

/* The labels of an add that are there, side by side, as the journal takes them. */
static phash_status journal_labels(phash_journal_change *change, const uint64_t *ids,
                                   const label_batch *batch, phash_error *error)
{
    (void)ids;
    if (!batch->count)
        return PHASH_OK;
    uint64_t *label_ids = phash_alloc(batch->count, sizeof *label_ids);
    const char **text = phash_alloc(batch->count, sizeof *text);
    size_t *lengths = phash_alloc(batch->count, sizeof *lengths);
    change->label_ids = label_ids;
    change->labels = text;
    change->label_lengths = lengths;
    if (!label_ids || !text || !lengths)
        return out_of_memory(error);
    change->label_count = batch->count;
    for (size_t i = 0; i < batch->count; i++) {
        label_ids[i] = batch->entries[i].id;
        text[i] = batch->entries[i].bytes;
        lengths[i] = batch->entries[i].length;
    }
    return PHASH_OK;
}

static void drop_journal_labels(phash_journal_change *change)
{
    phash_wipe_free((void *)(uintptr_t)change->label_ids, 0);
    phash_wipe_free((void *)(uintptr_t)change->labels, 0);
    phash_wipe_free((void *)(uintptr_t)change->label_lengths, 0);
}

/* Adds pairs (hashes may be NULL with n 0) and labels in one change. */
static phash_status add(phash_index *index, const void *hashes, const uint64_t *ids, size_t n,
                        const uint64_t *label_ids, const char *const *labels, size_t label_count,
                        bool skip_missing, phash_error *error)
{
    size_t *lengths;
    phash_status status = measure(labels, label_count, &lengths, error);
    if (status == PHASH_OK)
        status = begin(index, error);
    if (status != PHASH_OK) {
        phash_wipe_free(lengths, 0);
        return status;
    }
    phash_journal_change change = {.hashes = hashes, .ids = ids, .add_count = n};
    label_batch batch = {NULL, 0};
    status = phash_live_reserve(index, n, error);
    if (status == PHASH_OK)
        status = phash_labels_prepare(&index->labels, label_ids, labels, lengths, label_count,
                                      skip_missing, &batch, error);
    if (status == PHASH_OK && index->store)
        status = journal_labels(&change, label_ids, &batch, error);
    if (status == PHASH_OK)
        status = record(index, &change, error);
    if (status == PHASH_OK) {
        phash_live_add(index, hashes, ids, n);
        phash_labels_put(&index->labels, &batch);
        status = end(index, error);
    } else {
        phash_labels_drop(&batch);
        pthread_mutex_unlock(&index->write_lock);
    }
    drop_journal_labels(&change);
    phash_wipe_free(lengths, 0);
    return status;
}

phash_status phash_index_add(phash_index *index, const void *hashes, const uint64_t *ids,
                             const char *const *labels, size_t n, phash_error *error)
{
    if (!index || (n && (!hashes || !ids)))
        return phash_fail(error, PHASH_E_ARGUMENT, "no index, hashes or ids");
    if (!n)
        return PHASH_OK;
    return add(index, hashes, ids, n, ids, labels, labels ? n : 0, true, error);
}

phash_status phash_index_label_set(phash_index *index, const uint64_t *ids,
                                   const char *const *labels, size_t n, phash_error *error)
{
    if (!index || (n && (!ids || !labels)))
        return phash_fail(error, PHASH_E_ARGUMENT, "no index, ids or labels");
    if (!n)
        return PHASH_OK;
    return add(index, NULL, NULL, 0, ids, labels, n, false, error);
}

/* Entries that take away the labels of those ids that have one. */
static phash_status prepare_unlabel(phash_index *index, const uint64_t *ids, size_t n,
                                    label_batch *batch, phash_error *error)
{
    *batch = (label_batch){NULL, 0};
    if (!phash_labels_count(&index->labels))
        return PHASH_OK;
    uint64_t *with = phash_alloc(n, sizeof *with);
    const char **none = phash_alloc_zero(n, sizeof *none);
    size_t *zero = phash_alloc_zero(n, sizeof *zero), count = 0;
    phash_status status = PHASH_OK;
    if (!with || !none || !zero) {
        status = out_of_memory(error);
    } else {
        for (size_t i = 0; i < n; i++)
            if (phash_labels_has(&index->labels, ids[i]))
                with[count++] = ids[i];
        status = phash_labels_prepare(&index->labels, with, none, zero, count, false, batch, error);
    }
    phash_wipe_free(with, 0);
    phash_wipe_free(none, 0);
    phash_wipe_free(zero, 0);
    return status;
}

phash_status phash_live_drop_labels(phash_index *index, const uint64_t *ids, size_t n,
                                    phash_error *error)
{
    label_batch batch;
    const phash_status status = prepare_unlabel(index, ids, n, &batch, error);
    if (status == PHASH_OK)
        phash_labels_put(&index->labels, &batch);
    return status;
}

static phash_status remove_ids(phash_index *index, const uint64_t *ids, size_t n, uint64_t *removed,
                               phash_error *error)
{
    phash_status status = begin(index, error);
    if (status != PHASH_OK)
        return status;
    label_batch batch = {NULL, 0};
    status = phash_live_reserve_removal(index, n, error);
    if (status == PHASH_OK)
        status = prepare_unlabel(index, ids, n, &batch, error);
    if (status == PHASH_OK)
        status = record(index, &(phash_journal_change){.removed = ids, .remove_count = n}, error);
    if (status != PHASH_OK) {
        phash_labels_drop(&batch);
        pthread_mutex_unlock(&index->write_lock);
        return status;
    }
    for (size_t i = 0; i < n; i++)
        *removed += phash_live_remove(index, ids[i]);
    phash_labels_put(&index->labels, &batch);
    return end(index, error);
}

/* The removal comes before the fold, so that the ids are out of searches at once. */
phash_status phash_index_remove(phash_index *index, const uint64_t *ids, size_t n, uint32_t flags,
                                uint64_t *removed, phash_error *error)
{
    uint64_t count = 0;
    if (removed)
        *removed = 0;
    if (!index || (n && !ids) || flags & ~PHASH_REMOVE_ERASE)
        return phash_fail(error, PHASH_E_ARGUMENT, "no index or ids, or an unknown flag");
    if (!n)
        return PHASH_OK;
    phash_status status = remove_ids(index, ids, n, &count, error);
    if (removed)
        *removed = count;
    if (status != PHASH_OK || !(flags & PHASH_REMOVE_ERASE))
        return status;
    pthread_mutex_lock(&index->fold_lock);
    const live_fold how = {0, index->options.threads, index->store != NULL, true};
    status = phash_live_fold(index, &how, error);
    pthread_mutex_unlock(&index->fold_lock);
    return status;
}

phash_status phash_index_sync_now(phash_index *index, phash_error *error)
{
    if (!index)
        return phash_fail(error, PHASH_E_ARGUMENT, "no index");
    if (!index->store || index->options.flags & PHASH_INDEX_READ_ONLY)
        return PHASH_OK;
    return phash_store_sync(index->store, atomic_load(&index->store->written), error);
}
