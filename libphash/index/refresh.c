/* Readers catch up with a writer in another process. */
#include "core/internal.h"
#include "index/live.h"

#include <errno.h>
#include <string.h>

/* Whether the files that are open are still those of that name. */
static bool same_files(const live_store *store)
{
    live_name name;
    bool same;
    if (phash_io_same(store->snapshot->fd, store->place.folder, store->place.name, &same) || !same)
        return false;
    phash_store_name(name, &store->place, ".journal");
    if (store->journal)
        return !phash_io_same(store->journal->fd, store->place.folder, name, &same) && same;
    int fd;
    const int e = phash_io_open(store->place.folder, name, PHASH_IO_READ, &fd);
    phash_io_close(&fd);
    return e == ENOENT;
}

/* Opens everything anew and puts it in the place of what there was. */
static phash_status reload(phash_index *index, phash_error *error)
{
    phash_io_place place;
    const int e = phash_io_place_copy(&index->store->place, &place);
    if (e)
        return phash_fail_at(error, PHASH_E_OPEN, e, UINT64_MAX, "cannot open the index: %s",
                             strerror(e));
    phash_index_options options = index->options;
    options.flags |= PHASH_INDEX_MANUAL;
    phash_index *fresh;
    const phash_status status = phash_store_open(&options, false, &place, -1, &fresh, error);
    if (status != PHASH_OK)
        return status;

    pthread_mutex_lock(&index->write_lock);
    live_store *store = index->store;
    index->store = fresh->store;
    fresh->store = store;
    index->id_seed = fresh->id_seed;
    atomic_store(&index->count, atomic_load(&fresh->count));
    pthread_mutex_lock(&index->labels.lock);
    live_labels *mine = &index->labels, *theirs = &fresh->labels;
    const live_labels old = *mine;
    mine->seed = theirs->seed;
    mine->set = theirs->set;
    mine->frozen = theirs->frozen;
    mine->overlay = theirs->overlay;
    theirs->set = old.set;
    theirs->frozen = old.frozen;
    theirs->overlay = old.overlay;
    pthread_mutex_unlock(&index->labels.lock);
    phash_version_publish(index, atomic_exchange(&fresh->current, NULL));
    phash_background_wake(index);
    pthread_mutex_unlock(&index->write_lock);
    phash_index_free(&fresh);
    return PHASH_OK;
}

phash_status phash_index_refresh(phash_index *index, int *changed, phash_error *error)
{
    if (changed)
        *changed = 0;
    if (!index)
        return phash_fail(error, PHASH_E_ARGUMENT, "no index");
    if (!(index->options.flags & PHASH_INDEX_READ_ONLY))
        return PHASH_OK; /* nobody else may write */
    pthread_mutex_lock(&index->fold_lock);
    live_store *store = index->store;
    phash_status status = PHASH_OK;
    bool reopen = !same_files(store);
    if (!reopen && store->journal) {
        /* A journal that looks damaged may have been replaced meanwhile: opening tells. */
        reopen = phash_journal_rescan(store->journal, NULL) != PHASH_OK;
        if (!reopen && store->journal->end > store->replayed.byte) {
            pthread_mutex_lock(&index->write_lock);
            status = phash_store_replay(index, store->snapshot_sequence, error);
            phash_background_wake(index);
            pthread_mutex_unlock(&index->write_lock);
            if (changed)
                *changed = 1;
        }
    }
    if (reopen) {
        status = reload(index, error);
        if (changed)
            *changed = status == PHASH_OK;
    }
    pthread_mutex_unlock(&index->fold_lock);
    return status;
}
