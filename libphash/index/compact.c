/* Compaction of the files: a new snapshot, a journal that begins with it, and what becomes of the
 * old ones. fold.c has made the level before. The order of the steps, and why a crash between any
 * two loses nothing, is told in journal.c. */
#include "core/internal.h"
#include "index/live.h"

#include <errno.h>
#include <string.h>

/* ---- writing a snapshot ---- */

static size_t list_sections(const live_level *level, const label_set *labels, phash_section *out)
{
    size_t n = phash_segment_sections(level->segment, out);
    out[n++] = (phash_section){PHASH_SECTION_BY_ID, level->by_id,
                               level->by_id ? level->pairs * sizeof *level->by_id : 0};
    out[n++] = (phash_section){PHASH_SECTION_LABEL_IDS, labels->ids, labels->count * 8};
    out[n++] = (phash_section){PHASH_SECTION_LABEL_OFFSETS, labels->offsets,
                               labels->count ? (labels->count + 1) * 8 : 0};
    out[n++] = (phash_section){PHASH_SECTION_LABEL_BYTES, labels->bytes, labels->length};
    return n;
}

phash_status phash_compact_write(const phash_index *index, const live_level *level,
                                 const phash_io_place *place, const char *name,
                                 phash_snapshot_info *info, phash_error *error)
{
    phash_segment_info segment;
    phash_segment_info_get(level->segment, &segment);
    info->bits = index->options.bits;
    info->radius = index->options.radius;
    info->pairs = level->pairs;
    info->labels = index->labels.set.count;
    memcpy(info->algorithm, index->options.algorithm, sizeof info->algorithm);
    const int e = phash_io_random(info->generation, sizeof info->generation);
    if (e)
        return phash_fail_at(error, PHASH_E_READ, e, UINT64_MAX, "no random bytes: %s",
                             strerror(e));
    phash_section sections[PHASH_SNAPSHOT_SECTIONS_MAX];
    const size_t n = list_sections(level, &index->labels.set, sections);
    return phash_snapshot_write(place, name, place->name, info, sections, n, error);
}

/* Whether searching needs more than the base, or the base has holes. */
static bool has_pending(const live_version *v)
{
    for (size_t i = 1; i < LIVE_LEVELS; i++)
        if (v->levels[i])
            return true;
    for (size_t i = 0; i < LIVE_DELTAS; i++)
        if (v->deltas[i] && atomic_load(&v->deltas[i]->count))
            return true;
    return v->levels[0]->removed_count != 0;
}

phash_status phash_compact_memory(phash_index *index, live_level **level, phash_error *error)
{
    *level = NULL;
    pthread_mutex_lock(&index->write_lock);
    const bool pending = has_pending(atomic_load(&index->current));
    pthread_mutex_unlock(&index->write_lock);
    phash_status status = PHASH_OK;
    if (pending)
        status = phash_live_fold(index, &(live_fold){.from = 0, .threads = index->options.threads},
                                 error);
    if (status == PHASH_OK)
        status = phash_labels_merge(&index->labels, error);
    if (status != PHASH_OK)
        return status;
    phash_labels_freeze(&index->labels);
    status = phash_labels_merge(&index->labels, error);
    if (status != PHASH_OK)
        return status;
    pthread_mutex_lock(&index->write_lock);
    live_level *base = atomic_load(&index->current)->levels[0];
    status = phash_level_map_ids(base, error);
    if (status == PHASH_OK) {
        base->refs++;
        *level = base;
    }
    pthread_mutex_unlock(&index->write_lock);
    return status;
}

/* ---- the journal ---- */

static phash_status sync_failed(phash_error *error, int e)
{
    return phash_fail_at(error, PHASH_E_WRITE, e, UINT64_MAX, "cannot put the files in place: %s",
                         strerror(e));
}

/* The new journal takes over: the rest is copied and the name changes hands while nobody writes. */
static phash_status switch_journal(phash_index *index, phash_journal *fresh, uint64_t copied,
                                   phash_journal **old, phash_error *error)
{
    live_store *store = index->store;
    live_name from, to;
    phash_store_name(from, &store->place, ".journal.new");
    phash_store_name(to, &store->place, ".journal");
    pthread_mutex_lock(&index->write_lock);
    pthread_mutex_lock(&store->sync);
    phash_status status = phash_journal_copy(store->journal, copied, fresh, error);
    if (status == PHASH_OK) {
        int e = phash_io_sync(fresh->fd);
        if (!e)
            e = phash_io_rename(store->place.folder, from, to);
        if (e) {
            status = sync_failed(error, e);
        } else {
            *old = store->journal;
            store->journal = fresh;
            store->synced = fresh->sequence;
        }
    }
    pthread_mutex_unlock(&store->sync);
    pthread_mutex_unlock(&index->write_lock);
    return status;
}

static phash_status shorten_journal(phash_index *index, const uint8_t *generation, uint64_t from,
                                    uint64_t sequence, phash_journal **old, phash_error *error)
{
    live_store *store = index->store;
    live_name name, now;
    phash_store_name(name, &store->place, ".journal.new");
    phash_store_name(now, &store->place, ".journal");
    phash_journal *fresh;
    phash_status status = phash_journal_create(&store->place, name, now, index->options.bits,
                                               generation, sequence, &fresh, error);
    if (status != PHASH_OK)
        return status;
    /* The bulk is copied while writers go on; they only move the end. */
    pthread_mutex_lock(&index->write_lock);
    phash_journal sofar = *store->journal;
    pthread_mutex_unlock(&index->write_lock);
    status = phash_journal_copy(&sofar, from, fresh, error);
    if (status == PHASH_OK)
        status = switch_journal(index, fresh, sofar.end, old, error);
    if (status != PHASH_OK) {
        phash_journal_free(&fresh);
        (void)phash_io_unlink(store->place.folder, name);
        return status;
    }
    const int e = phash_io_sync(store->place.folder);
    return e ? sync_failed(error, e) : PHASH_OK;
}

/* ---- all together ---- */

/* A file that has lost its name and is to lose its content, unless others still read it. */
static phash_status overwrite(int fd, phash_error *error)
{
    if (fd < 0 || phash_io_lock(fd, true) == EWOULDBLOCK)
        return PHASH_OK;
    const int e = phash_io_overwrite(fd);
    return e ? phash_fail_at(error, e == ENOMEM ? PHASH_E_MEMORY : PHASH_E_WRITE, e, UINT64_MAX,
                             "cannot overwrite the old files: %s", strerror(e))
             : PHASH_OK;
}

static phash_status replace_snapshot(phash_index *index, const live_level *level, uint64_t sequence,
                                     phash_snapshot_info *info, phash_error *error)
{
    live_store *store = index->store;
    live_name name;
    phash_store_name(name, &store->place, ".new");
    memset(info, 0, sizeof *info);
    info->sequence = sequence;
    memcpy(info->parent, store->journal->generation, sizeof info->parent);
    const phash_status status = phash_compact_write(index, level, &store->place, name, info, error);
    if (status != PHASH_OK)
        return status;
    int e = phash_io_rename(store->place.folder, name, store->place.name);
    if (e) {
        (void)phash_io_unlink(store->place.folder, name);
        return sync_failed(error, e);
    }
    e = phash_io_sync(store->place.folder);
    return e ? sync_failed(error, e) : PHASH_OK;
}

phash_status phash_compact_files(phash_index *index, const live_fold *how, live_level *level,
                                 uint64_t from, uint64_t sequence, phash_error *error)
{
    live_store *store = index->store;
    phash_status status = phash_labels_merge(&index->labels, error);
    if (status != PHASH_OK)
        return status;
    int old_snapshot = -1;
    if (how->erase) /* one that may not be written to is unlinked all the same */
        (void)phash_io_open(store->place.folder, store->place.name, PHASH_IO_CHANGE, &old_snapshot);
    phash_journal *old = NULL;
    phash_snapshot_info info;
    status = replace_snapshot(index, level, sequence, &info, error);
    if (status == PHASH_OK)
        status = shorten_journal(index, info.generation, from, sequence, &old, error);
    if (status == PHASH_OK) {
        pthread_mutex_lock(&index->write_lock);
        memcpy(store->generation, info.generation, sizeof store->generation);
        store->snapshot_sequence = sequence;
        store->snapshot_bytes = info.bytes;
        pthread_mutex_unlock(&index->write_lock);
        if (how->erase) {
            phash_version_drain(index);
            status = overwrite(old_snapshot, error);
            const phash_status then = overwrite(old ? old->fd : -1, error);
            status = status == PHASH_OK ? then : status;
        }
    }
    phash_journal_free(&old);
    phash_io_close(&old_snapshot);
    return status;
}
