/* An index's files: opening them, reading the journal into memory, locks, refreshing. */
#include "core/internal.h"
#include "index/live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TRIES = 40, TRY_AGAIN_NS = 5000000 };

const char *phash_store_name(live_name out, const phash_io_place *place, const char *suffix)
{
    snprintf(out, sizeof(live_name), "%s%s", place->name, suffix);
    return out;
}

phash_status phash_store_lock(const phash_io_place *place, int *fd, phash_error *error)
{
    live_name name;
    int e = phash_io_open(place->folder, phash_store_name(name, place, ".lock"), PHASH_IO_KEEP, fd);
    if (e)
        return phash_fail_at(error, PHASH_E_OPEN, e, UINT64_MAX, "cannot open the lock file: %s",
                             strerror(e));
    e = phash_io_lock(*fd, true);
    if (!e)
        return PHASH_OK;
    phash_io_close(fd);
    return e == EWOULDBLOCK ? phash_fail_at(error, PHASH_E_LOCKED, e, UINT64_MAX,
                                            "the index is open for writing elsewhere")
                            : phash_fail_at(error, PHASH_E_OPEN, e, UINT64_MAX,
                                            "cannot lock the index: %s", strerror(e));
}

bool phash_store_goes_with(const phash_journal *journal, const phash_snapshot_info *info)
{
    return journal->bits == info->bits && journal->base <= info->sequence &&
           (!memcmp(journal->generation, info->generation, sizeof info->generation) ||
            !memcmp(journal->generation, info->parent, sizeof info->parent));
}

phash_status phash_store_sync(live_store *store, uint64_t sequence, phash_error *error)
{
    int e = 0;
    pthread_mutex_lock(&store->sync);
    if (store->synced < sequence) {
        /* All that has been written by now goes along: threads that wait for the lock meanwhile
         * find their changes synced. */
        const uint64_t written = atomic_load(&store->written);
        e = phash_io_sync_data(store->journal->fd);
        if (!e)
            store->synced = written;
        else
            atomic_store(&store->broken, true);
    }
    pthread_mutex_unlock(&store->sync);
    return e ? phash_fail_at(error, PHASH_E_WRITE, e, UINT64_MAX, "cannot sync the journal: %s",
                             strerror(e))
             : PHASH_OK;
}

void phash_store_free(live_store **store)
{
    live_store *s = *store;
    *store = NULL;
    if (!s)
        return;
    if (s->journal && s->lock >= 0 && !atomic_load(&s->broken))
        phash_journal_close_note(s->journal);
    phash_journal_free(&s->journal);
    phash_snapshot_close(&s->snapshot);
    phash_io_close(&s->lock);
    phash_io_place_close(&s->place);
    pthread_mutex_destroy(&s->sync);
    phash_wipe_free(s, sizeof *s);
}

/* ---- from files to memory ---- */

static phash_status take_labels(phash_snapshot *snapshot, label_set *labels, phash_error *error)
{
    const phash_section ids = phash_snapshot_section(snapshot, PHASH_SECTION_LABEL_IDS);
    const phash_section offsets = phash_snapshot_section(snapshot, PHASH_SECTION_LABEL_OFFSETS);
    const phash_section bytes = phash_snapshot_section(snapshot, PHASH_SECTION_LABEL_BYTES);
    const uint64_t n = snapshot->info.labels;
    *labels = (label_set){NULL, NULL, NULL, 0, 0, NULL};
    if (n > UINT64_MAX / 16 || ids.bytes != n * 8 || offsets.bytes != (n ? (n + 1) * 8 : 0) ||
        (!n && bytes.bytes))
        return phash_fail(error, PHASH_E_CORRUPT, "the snapshot's labels have impossible lengths");
    if (n)
        *labels = (label_set){ids.data, offsets.data, bytes.data,
                              n,        bytes.bytes,  phash_snapshot_hold(snapshot)};
    return PHASH_OK;
}

phash_status phash_store_attach(phash_snapshot *snapshot, live_level **level, label_set *labels,
                                phash_error *error)
{
    *level = NULL;
    phash_section own[PHASH_SNAPSHOT_SECTIONS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < snapshot->section_count; i++) {
        const phash_section *x = &snapshot->sections[i];
        if (x->kind < PHASH_SECTION_BY_ID)
            own[n++] = *x;
        else if (x->kind > PHASH_SECTION_LABEL_BYTES)
            return phash_fail(error, PHASH_E_CORRUPT, "the snapshot has an unknown section %u",
                              x->kind);
    }
    phash_status status = take_labels(snapshot, labels, error);
    if (status != PHASH_OK)
        return status;
    phash_segment *segment = NULL;
    status = phash_segment_attach(own, n, &segment, error);
    if (status == PHASH_OK)
        status = phash_level_new(segment, NULL, level, error);
    if (status != PHASH_OK) {
        phash_labels_set_free(labels);
        return status;
    }
    phash_segment_info info;
    phash_segment_info_get(segment, &info);
    const phash_section by_id = phash_snapshot_section(snapshot, PHASH_SECTION_BY_ID);
    if (info.pairs != snapshot->info.pairs || info.bits != snapshot->info.bits ||
        by_id.bytes != info.pairs * sizeof(uint32_t)) {
        phash_level_free(level);
        phash_labels_set_free(labels);
        return phash_fail(error, PHASH_E_CORRUPT, "the snapshot's parts do not fit together");
    }
    (*level)->by_id = by_id.data;
    (*level)->snapshot = phash_snapshot_hold(snapshot);
    return PHASH_OK;
}

static phash_status sink_add(void *data, const uint8_t *hashes, const uint64_t *ids, size_t n,
                             phash_error *error)
{
    const phash_status status = phash_live_reserve(data, n, error);
    if (status == PHASH_OK)
        phash_live_add(data, hashes, ids, n);
    return status;
}

static phash_status sink_remove(void *data, const uint64_t *ids, size_t n, phash_error *error)
{
    phash_index *index = data;
    phash_status status = phash_live_reserve_removal(index, n, error);
    if (status == PHASH_OK)
        status = phash_live_drop_labels(index, ids, n, error);
    for (size_t i = 0; i < n && status == PHASH_OK; i++)
        (void)phash_live_remove(index, ids[i]);
    return status;
}

static phash_status sink_label(void *data, uint64_t id, const char *label, size_t length,
                               phash_error *error)
{
    phash_index *index = data;
    label_batch batch;
    const char *text = length ? label : NULL;
    const phash_status status =
        phash_labels_prepare(&index->labels, &id, &text, &length, 1, false, &batch, error);
    if (status == PHASH_OK)
        phash_labels_put(&index->labels, &batch);
    return status;
}

phash_status phash_store_replay(phash_index *index, uint64_t after, phash_error *error)
{
    live_store *store = index->store;
    const phash_journal_sink sink = {sink_add, sink_remove, sink_label, index};
    return phash_journal_replay(store->journal, &store->replayed, after, &sink, error);
}

/* ---- opening ---- */

/* A journal for a snapshot that has none, or one that ends before the snapshot does. */
static phash_status new_journal(live_store *store, const phash_snapshot_info *info,
                                phash_error *error)
{
    live_name from, to;
    phash_store_name(from, &store->place, ".journal.new");
    phash_store_name(to, &store->place, ".journal");
    phash_status status =
        phash_journal_create(&store->place, from, store->place.name, info->bits, info->generation,
                             info->sequence, &store->journal, error);
    if (status != PHASH_OK)
        return status;
    int e = phash_io_rename(store->place.folder, from, to);
    if (!e)
        e = phash_io_sync(store->place.folder);
    return e ? phash_fail_at(error, PHASH_E_WRITE, e, UINT64_MAX, "cannot make the journal: %s",
                             strerror(e))
             : PHASH_OK;
}

/* Opens snapshot and journal, which must go together. */
static phash_status open_pair(live_store *store, bool writable, bool load,
                              phash_snapshot **snapshot, phash_error *error)
{
    live_name name;
    phash_status status =
        phash_snapshot_open(&store->place, store->place.name, load, snapshot, error);
    if (status != PHASH_OK)
        return status;
    phash_error e = PHASH_ERROR_INIT;
    status = phash_journal_open(&store->place, phash_store_name(name, &store->place, ".journal"),
                                writable, &store->journal, &e);
    const phash_snapshot_info *info = &(*snapshot)->info;
    if (status == PHASH_E_OPEN && e.sys_errno == ENOENT)
        status = writable ? new_journal(store, info, error) : PHASH_OK;
    else if (status != PHASH_OK)
        status = phash_fail_at(error, status, e.sys_errno, e.offset, "%s", e.message);
    else if (!phash_store_goes_with(store->journal, info))
        status = phash_fail(error, PHASH_E_CORRUPT,
                            "the journal belongs to another snapshot: the files were mixed up");
    if (status == PHASH_OK && writable && store->journal->sequence < info->sequence) {
        phash_journal_free(&store->journal);
        status = new_journal(store, info, error);
    }
    if (status != PHASH_OK) {
        phash_journal_free(&store->journal);
        phash_snapshot_close(snapshot);
    }
    return status;
}

/* A reader may come while a writer puts new files in place. Then it looks again. */
static phash_status open_settled(live_store *store, const phash_index_options *options,
                                 phash_snapshot **snapshot, phash_error *error)
{
    const bool writable = !(options->flags & PHASH_INDEX_READ_ONLY);
    for (unsigned i = 0;; i++) {
        const phash_status status =
            open_pair(store, writable, options->flags & PHASH_INDEX_LOAD, snapshot, error);
        const bool passing = status == PHASH_E_LOCKED || status == PHASH_E_CORRUPT ||
                             status == PHASH_E_FORMAT || status == PHASH_E_TRUNCATED;
        if (status == PHASH_OK || writable || !passing || i == TRIES)
            return status;
        /* Only while there is a writer can anything change. */
        live_name name;
        int lock;
        if (phash_io_open(store->place.folder, phash_store_name(name, &store->place, ".lock"),
                          PHASH_IO_READ, &lock))
            return status;
        const bool idle = phash_io_lock(lock, false) == 0;
        phash_io_close(&lock);
        if (idle && i)
            return status;
        nanosleep(&(struct timespec){0, TRY_AGAIN_NS}, NULL);
    }
}

static phash_status fill(phash_index *index, phash_snapshot *snapshot, bool any_kind,
                         phash_error *error)
{
    const phash_snapshot_info *info = &snapshot->info;
    phash_index_options *o = &index->options;
    if (!any_kind && (o->bits != info->bits || strcmp(o->algorithm, info->algorithm) != 0))
        return phash_fail(error, PHASH_E_KIND,
                          "the index holds %u-bit hashes of \"%s\", not %u-bit ones of \"%s\"",
                          info->bits, info->algorithm, o->bits, o->algorithm);
    if (any_kind)
        o->radius = info->radius;
    o->bits = info->bits;
    memcpy(o->algorithm, info->algorithm, sizeof o->algorithm);
    index->row = info->bits / 8;

    live_store *store = index->store;
    memcpy(store->generation, info->generation, sizeof store->generation);
    store->snapshot_sequence = info->sequence;
    store->snapshot_bytes = info->bytes;
    if (o->flags & PHASH_INDEX_READ_ONLY)
        store->snapshot = phash_snapshot_hold(snapshot);
    live_level *level;
    phash_status status = phash_store_attach(snapshot, &level, &index->labels.set, error);
    if (status == PHASH_OK)
        status = phash_live_begin(index, level, error);
    phash_level_free(&level);
    if (status != PHASH_OK || !store->journal)
        return status;
    store->replayed = phash_journal_start(store->journal);
    status = phash_store_replay(index, info->sequence, error);
    store->synced = store->journal->sequence;
    atomic_store(&store->written, store->synced);
    return status;
}

phash_status phash_store_open(const phash_index_options *options, bool any_kind,
                              phash_io_place *place, int lock, phash_index **index,
                              phash_error *error)
{
    phash_status status = phash_live_new(options, index, error);
    live_store *store = status == PHASH_OK ? phash_alloc_zero(1, sizeof *store) : NULL;
    if (!store) {
        if (status == PHASH_OK)
            status = phash_fail(error, PHASH_E_MEMORY, "out of memory");
        phash_io_close(&lock);
        phash_io_place_close(place);
        phash_index_free(index);
        return status;
    }
    store->place = *place;
    store->lock = lock;
    pthread_mutex_init(&store->sync, NULL);
    (*index)->store = store;
    if (lock >= 0) { /* left over after a crash */
        live_name name;
        (void)phash_io_unlink(place->folder, phash_store_name(name, place, ".new"));
        (void)phash_io_unlink(place->folder, phash_store_name(name, place, ".journal.new"));
    }
    phash_snapshot *snapshot = NULL;
    status = open_settled(store, options, &snapshot, error);
    if (status == PHASH_OK)
        status = fill(*index, snapshot, any_kind, error);
    phash_snapshot_close(&snapshot);
    if (status != PHASH_OK) {
        /* Nothing was changed: no note that it was. */
        phash_journal_free(&store->journal);
        phash_index_free(index);
    } else if (!(options->flags & PHASH_INDEX_MANUAL)) {
        pthread_mutex_lock(&(*index)->write_lock);
        phash_background_wake(*index);
        pthread_mutex_unlock(&(*index)->write_lock);
    }
    return status;
}
