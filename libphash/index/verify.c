/* Reading an index's files from end to end. */
#include "core/internal.h"
#include "index/live.h"

#include <errno.h>
#include <string.h>

/* Slots sorted by id, then slot, each slot once: since the pairs (id, slot) ascend strictly and there
 * are as many as slots, no slot is missing. */
static phash_status check_by_id(const live_level *level, phash_error *error)
{
    for (uint64_t i = 0; i < level->pairs; i++) {
        const uint32_t slot = level->by_id[i];
        bool good = slot < level->pairs;
        if (good && i) {
            const uint32_t before = level->by_id[i - 1];
            good = level->ids[before] < level->ids[slot] ||
                   (before < slot && level->ids[before] == level->ids[slot]);
        }
        if (!good)
            return phash_fail_at(error, PHASH_E_CORRUPT, 0, i, "slots are not in the order of ids");
    }
    return PHASH_OK;
}

static phash_status check_snapshot(phash_snapshot *snapshot, phash_error *error)
{
    live_level *level = NULL;
    label_set labels = {NULL, NULL, NULL, 0, 0, NULL};
    phash_status status = phash_snapshot_check(snapshot, error);
    if (status == PHASH_OK)
        status = phash_store_attach(snapshot, &level, &labels, error);
    if (status == PHASH_OK)
        status = phash_segment_validate(level->segment, error);
    if (status == PHASH_OK)
        status = check_by_id(level, error);
    if (status == PHASH_OK)
        status = phash_labels_check(&labels, error);
    phash_labels_set_free(&labels);
    phash_level_free(&level);
    return status;
}

/* Whether a process has the index open for writing: then a journal that is not closed is no fault. */
static bool has_writer(const phash_io_place *place)
{
    live_name name;
    int fd;
    if (phash_io_open(place->folder, phash_store_name(name, place, ".lock"), PHASH_IO_READ, &fd))
        return false;
    const bool held = phash_io_lock(fd, false) == EWOULDBLOCK;
    phash_io_close(&fd);
    return held;
}

static phash_status check_journal(const phash_io_place *place, const phash_snapshot_info *info,
                                  phash_error *error)
{
    live_name name;
    phash_journal *j;
    phash_error e = PHASH_ERROR_INIT;
    phash_store_name(name, place, ".journal");
    phash_status status = phash_journal_open(place, name, false, &j, &e);
    if (status == PHASH_E_OPEN && e.sys_errno == ENOENT)
        return PHASH_OK;
    if (status != PHASH_OK)
        return phash_fail_at(error, status, e.sys_errno, e.offset, "%s", e.message);
    if (!phash_store_goes_with(j, info))
        status = phash_fail(error, PHASH_E_CORRUPT,
                            "the journal belongs to another snapshot: the files were mixed up");
    else if (j->bytes > j->end)
        status = phash_fail_at(error, PHASH_E_TRUNCATED, 0, j->end,
                               "the journal's last change is torn: it will be left out");
    else if (!j->closed)
        status = phash_fail_at(error, PHASH_E_TRUNCATED, 0, j->end,
                               "the journal was not closed: changes could be missing at its end");
    phash_journal_free(&j);
    return status;
}

phash_status phash_index_verify(const char *path, phash_error *error)
{
    enum { TRIES = 3 };
    if (!path)
        return phash_fail(error, PHASH_E_ARGUMENT, "no path");
    phash_io_place place;
    const int e = phash_io_place_open(path, &place);
    if (e)
        return phash_fail_at(error, e == ENOMEM ? PHASH_E_MEMORY : PHASH_E_OPEN, e, UINT64_MAX,
                             "cannot open the index: %s", strerror(e));
    phash_status status = PHASH_OK;
    /* A writer may put new files in place between the snapshot and the journal. */
    for (unsigned i = 0; i < TRIES; i++) {
        const bool busy = has_writer(&place);
        phash_snapshot *snapshot;
        bool same = true;
        status = phash_snapshot_open(&place, place.name, false, &snapshot, error);
        if (status == PHASH_OK) {
            status = check_snapshot(snapshot, error);
            if (status == PHASH_OK)
                status = check_journal(&place, &snapshot->info, error);
            (void)phash_io_same(snapshot->fd, place.folder, place.name, &same);
        }
        phash_snapshot_close(&snapshot);
        if (status == PHASH_E_TRUNCATED && busy && same)
            status = PHASH_OK; /* the journal is being written */
        if (status == PHASH_OK || (same && !busy))
            break;
    }
    phash_io_place_close(&place);
    return status;
}
