/* Indexes in files as the caller sees them: open, save. */
#include "core/internal.h"
#include "index/live.h"

#include <errno.h>
#include <string.h>

static phash_status find_place(const char *path, phash_io_place *place, phash_error *error)
{
    const int e = phash_io_place_open(path, place);
    return e ? phash_fail_at(error, e == ENOMEM ? PHASH_E_MEMORY : PHASH_E_OPEN, e, UINT64_MAX,
                             "cannot open the index: %s", strerror(e))
             : PHASH_OK;
}

static bool is_there(const phash_io_place *place, const char *suffix)
{
    live_name name;
    int fd;
    const int e =
        phash_io_open(place->folder, phash_store_name(name, place, suffix), PHASH_IO_READ, &fd);
    phash_io_close(&fd);
    return e != ENOENT;
}

/* ---- saving ---- */

/* What the new snapshot replaces. A journal that is there would not go with it; by naming it as the
 * parent and counting on from its end, the new snapshot makes all of it old news, so that there is
 * no moment at which a crash leaves files that do not go together. */
static bool continue_from(const phash_io_place *place, phash_snapshot_info *info)
{
    live_name name;
    phash_journal *journal;
    if (phash_journal_open(place, phash_store_name(name, place, ".journal"), false, &journal,
                           NULL) != PHASH_OK)
        return false;
    memcpy(info->parent, journal->generation, sizeof info->parent);
    info->sequence = journal->sequence;
    phash_journal_free(&journal);
    return true;
}

/* `continues`: the journal may outlive the rename; one that is damaged has to go before. */
static phash_status put_in_place(const phash_io_place *place, bool continues, phash_error *error)
{
    live_name from, journal;
    phash_store_name(from, place, ".new");
    phash_store_name(journal, place, ".journal");
    int e = continues ? 0 : phash_io_unlink(place->folder, journal);
    if (!e)
        e = phash_io_rename(place->folder, from, place->name);
    if (e)
        (void)phash_io_unlink(place->folder, from);
    if (!e)
        e = phash_io_sync(place->folder);
    if (!e)
        e = phash_io_unlink(place->folder, journal);
    if (!e)
        e = phash_io_sync(place->folder);
    return e ? phash_fail_at(error, PHASH_E_WRITE, e, UINT64_MAX,
                             "cannot put the snapshot in place: %s", strerror(e))
             : PHASH_OK;
}

/* NAME.lock is held. */
static phash_status save_level(const phash_index *index, const live_level *level,
                               const phash_io_place *place, uint32_t flags, phash_error *error)
{
    if (!(flags & PHASH_SAVE_REPLACE) && (is_there(place, "") || is_there(place, ".journal")))
        return phash_fail(error, PHASH_E_EXISTS, "there is an index of that name already");
    live_name name;
    phash_snapshot_info info;
    memset(&info, 0, sizeof info);
    const bool continues = continue_from(place, &info);
    const phash_status status = phash_compact_write(
        index, level, place, phash_store_name(name, place, ".new"), &info, error);
    return status == PHASH_OK ? put_in_place(place, continues, error) : status;
}

phash_status phash_index_save(phash_index *index, const char *path, uint32_t flags,
                              phash_error *error)
{
    if (!index || !path || flags & ~PHASH_SAVE_REPLACE)
        return phash_fail(error, PHASH_E_ARGUMENT, "no index or path, or an unknown flag");
    phash_io_place place;
    int lock = -1;
    live_level *level = NULL;
    phash_status status = find_place(path, &place, error);
    if (status != PHASH_OK)
        return status;
    status = phash_store_lock(&place, &lock, error);
    if (status == PHASH_OK) {
        pthread_mutex_lock(&index->fold_lock);
        status = phash_compact_memory(index, &level, error);
        if (status == PHASH_OK)
            status = save_level(index, level, &place, flags, error);
        pthread_mutex_lock(&index->write_lock);
        phash_level_free(&level);
        pthread_mutex_unlock(&index->write_lock);
        pthread_mutex_unlock(&index->fold_lock);
    }
    phash_io_close(&lock);
    phash_io_place_close(&place);
    return status;
}

/* ---- opening ---- */

static phash_status make_empty(const phash_index_options *options, const phash_io_place *place,
                               phash_error *error)
{
    phash_index_options plain = *options;
    plain.flags = PHASH_INDEX_MANUAL;
    phash_index *empty;
    phash_status status = phash_index_build(NULL, NULL, 0, &plain, &empty, error);
    if (status == PHASH_OK)
        status = save_level(empty, atomic_load(&empty->current)->levels[0], place, 0, error);
    phash_index_free(&empty);
    return status;
}

phash_status phash_index_open(const char *path, const phash_index_options *options,
                              phash_index **index, phash_error *error)
{
    if (index)
        *index = NULL;
    if (!index || !path)
        return phash_fail(error, PHASH_E_ARGUMENT, "no path, or no place for the index");
    phash_index_options chosen;
    phash_status status = phash_live_options(options, &chosen, error);
    const bool read_only = chosen.flags & PHASH_INDEX_READ_ONLY;
    if (status == PHASH_OK && read_only && chosen.flags & PHASH_INDEX_CREATE)
        status = phash_fail(error, PHASH_E_ARGUMENT, "read-only, and to be made");
    phash_io_place place;
    if (status == PHASH_OK)
        status = find_place(path, &place, error);
    if (status != PHASH_OK)
        return status;
    int lock = -1;
    if (!read_only) {
        const bool make = chosen.flags & PHASH_INDEX_CREATE && !is_there(&place, "");
        /* No lock file for an index that is not there. */
        if (!make && !is_there(&place, ""))
            status = phash_fail_at(error, PHASH_E_OPEN, ENOENT, UINT64_MAX,
                                   "cannot open the index: %s", strerror(ENOENT));
        if (status == PHASH_OK)
            status = phash_store_lock(&place, &lock, error);
        if (status == PHASH_OK && make && !is_there(&place, ""))
            status = make_empty(&chosen, &place, error);
    }
    if (status != PHASH_OK) {
        phash_io_close(&lock);
        phash_io_place_close(&place);
        return status;
    }
    const bool any_kind = !options || chosen.flags & PHASH_INDEX_ANY_KIND;
    return phash_store_open(&chosen, any_kind, &place, lock, index, error);
}
