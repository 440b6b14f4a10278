/* Making, freeing and describing an index. */
#include "core/internal.h"
#include "index/live.h"

#include <string.h>

static const phash_index_options defaults = PHASH_INDEX_OPTIONS_INIT;

phash_status phash_live_options(const phash_index_options *given, phash_index_options *options,
                                phash_error *error)
{
    *options = defaults;
    if (!given)
        return PHASH_OK;
    if (given->size < offsetof(phash_index_options, flags))
        return phash_fail(error, PHASH_E_ARGUMENT, "options of an unknown size");
    memcpy(options, given, given->size < sizeof *options ? given->size : sizeof *options);
    options->size = sizeof *options;
    if ((options->bits != 64 && options->bits != 256) || options->radius > options->bits)
        return phash_fail(error, PHASH_E_ARGUMENT,
                          "hashes have 64 or 256 bits, and the radius is not larger");
    if (options->engine > PHASH_INDEX_MULTI || options->sync > PHASH_SYNC_NEVER ||
        options->flags & ~PHASH_INDEX_FLAGS || options->reserved)
        return phash_fail(error, PHASH_E_ARGUMENT, "an option has an unknown value");
    const char *end = memchr(options->algorithm, 0, sizeof options->algorithm);
    const size_t length = end ? (size_t)(end - options->algorithm) : 0;
    if (!length)
        return phash_fail(error, PHASH_E_ARGUMENT, "the algorithm has no name, or too long a one");
    memset(options->algorithm + length, 0, sizeof options->algorithm - length);
    return PHASH_OK;
}

/* An index without a version. */
phash_status phash_live_new(const phash_index_options *options, phash_index **index,
                            phash_error *error)
{
    *index = NULL;
    phash_index *x = phash_alloc_zero(1, sizeof *x);
    if (!x)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    x->options = *options;
    x->row = options->bits / 8;
    pthread_mutex_init(&x->write_lock, NULL);
    pthread_mutex_init(&x->fold_lock, NULL);
    pthread_mutex_init(&x->labels.lock, NULL);
    pthread_cond_init(&x->wake, NULL);
    /* Without random bytes chosen ids could slow the tables down; nothing worse. */
    (void)phash_io_random(&x->id_seed, sizeof x->id_seed);
    x->labels.seed = ~x->id_seed;
    *index = x;
    return PHASH_OK;
}

phash_status phash_live_begin(phash_index *index, live_level *level, phash_error *error)
{
    live_delta *delta;
    live_version *version = NULL;
    if (phash_delta_new(0, index->row, index->options.radius, &delta) == PHASH_OK) {
        version = phash_version_new((live_level *const[]){level, NULL},
                                    (live_delta *const[]){NULL, delta});
        phash_delta_free(&delta, index->row);
    }
    if (!version)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    phash_version_publish(index, version);
    atomic_store(&index->count, level->pairs);
    return PHASH_OK;
}

phash_status phash_index_build(const void *hashes, const uint64_t *ids, size_t n,
                               const phash_index_options *options, phash_index **index,
                               phash_error *error)
{
    if (index)
        *index = NULL;
    if (!index || (n && !hashes))
        return phash_fail(error, PHASH_E_ARGUMENT, "no hashes, or no place for the index");
    phash_index_options chosen;
    phash_status status = phash_live_options(options, &chosen, error);
    if (status == PHASH_OK && chosen.flags & ~PHASH_INDEX_MANUAL)
        status = phash_fail(error, PHASH_E_ARGUMENT, "an index in memory has no such flag");
    phash_segment *segment = NULL;
    live_level *level = NULL;
    phash_index *x = NULL;
    if (status == PHASH_OK)
        status = phash_segment_build(hashes, ids, n,
                                     &(phash_segment_options){.bits = chosen.bits,
                                                              .radius = chosen.radius,
                                                              .engine = chosen.engine,
                                                              .threads = chosen.threads},
                                     &segment, error);
    if (status == PHASH_OK)
        status = phash_level_new(segment, NULL, &level, error);
    if (status == PHASH_OK)
        status = phash_live_new(&chosen, &x, error);
    if (status == PHASH_OK)
        status = phash_live_begin(x, level, error);
    phash_level_free(&level); /* the version holds it */
    if (status == PHASH_OK)
        *index = x;
    else
        phash_index_free(&x);
    return status;
}

void phash_index_free(phash_index **index)
{
    phash_index *x = index ? *index : NULL;
    if (!x)
        return;
    *index = NULL;
    phash_background_stop(x);
    phash_version_reclaim(x);
    phash_version_free(x, atomic_load(&x->current));
    phash_labels_free(&x->labels);
    phash_store_free(&x->store);
    phash_wipe_free(x->noted, 0);
    pthread_cond_destroy(&x->wake);
    pthread_mutex_destroy(&x->fold_lock);
    pthread_mutex_destroy(&x->write_lock);
    phash_wipe_free(x, sizeof *x);
}

phash_status phash_index_compact(phash_index *index, uint32_t flags, phash_error *error)
{
    if (!index || flags & ~PHASH_COMPACT_BACKGROUND)
        return phash_fail(error, PHASH_E_ARGUMENT, "no index, or an unknown flag");
    if (index->options.flags & PHASH_INDEX_READ_ONLY)
        return phash_fail(error, PHASH_E_STATE, "the index is open for reading only");
    if (index->store && atomic_load(&index->store->broken))
        return phash_fail(error, PHASH_E_STATE,
                          "an earlier write failed; open the index again to see what was kept");
    if (flags & PHASH_COMPACT_BACKGROUND) {
        if (index->options.flags & PHASH_INDEX_MANUAL)
            return phash_fail(error, PHASH_E_STATE, "the index has no background thread");
        pthread_mutex_lock(&index->write_lock);
        index->compact_wanted = true;
        phash_background_wake(index);
        pthread_mutex_unlock(&index->write_lock);
        return PHASH_OK;
    }
    pthread_mutex_lock(&index->fold_lock);
    const live_fold how = {0, index->options.threads, index->store != NULL, false};
    const phash_status status = phash_live_fold(index, &how, error);
    pthread_mutex_unlock(&index->fold_lock);
    return status;
}

phash_status phash_index_stats_get(phash_index *index, phash_index_stats *stats)
{
    if (!index || !stats || stats->size < offsetof(phash_index_stats, algorithm))
        return PHASH_E_ARGUMENT;
    phash_index_stats s = PHASH_INDEX_STATS_INIT;
    pthread_mutex_lock(&index->write_lock);
    const live_version *v = atomic_load(&index->current);
    s.count = atomic_load(&index->count);
    s.bits = index->options.bits;
    s.radius = index->options.radius;
    memcpy(s.algorithm, index->options.algorithm, sizeof s.algorithm);
    s.sequence = index->sequence;
    for (size_t i = 0; i < LIVE_LEVELS; i++) {
        const live_level *l = v->levels[i];
        if (!l)
            continue;
        phash_segment_info info;
        phash_segment_info_get(l->segment, &info);
        if (!i)
            s.engine = info.engine;
        s.memory += info.memory + (l->by_id ? l->pairs * sizeof *l->by_id : 0) +
                    (atomic_load(&l->removed) ? (l->pairs + 63) / 64 * 8 : 0);
        s.removed += l->removed_count;
    }
    for (size_t i = 0; i < LIVE_DELTAS; i++) {
        const live_delta *d = v->deltas[i];
        if (!d)
            continue;
        s.memory += d->capacity * (index->row + 12) + (d->head_mask + 1) * sizeof *d->heads +
                    phash_recent_memory(d->recent);
        s.pending += atomic_load(&d->count);
        s.removed += d->removed_count;
    }
    if (index->store) {
        if (index->store->journal) {
            s.sequence = index->store->journal->sequence;
            s.journal_bytes = index->store->journal->end;
        } else {
            s.sequence = index->store->snapshot_sequence;
        }
        s.snapshot_bytes = index->store->snapshot_bytes;
    }
    pthread_mutex_unlock(&index->write_lock);
    s.labels = phash_labels_count(&index->labels);
    s.memory += phash_labels_memory(&index->labels);
    const size_t size = stats->size < sizeof s ? stats->size : sizeof s;
    s.size = stats->size;
    memcpy(stats, &s, size);
    return PHASH_OK;
}

phash_status phash_index_label(phash_index *index, uint64_t id, char *label, size_t size,
                               size_t *length)
{
    if (!index || (size && !label))
        return PHASH_E_ARGUMENT;
    return phash_labels_get(&index->labels, id, label, size, length);
}
