/* The index that keeps in step with a bank.
 *
 * How far the index got is the label of id 0, which is no signal's: the bank's identity and the
 * position in its feed. It is written after the changes up to it. A run that dies in between has
 * them again next time: erased ids are erased again, which does nothing, and added ids are removed
 * before they are added.
 */
#include "bank_index.h"

#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 65536, MARK = 160 };
static const uint64_t mark_id = 0;

struct changes {
    phash_bank_change list[BATCH];
    phash_hash256 hashes[BATCH];
    uint64_t ids[BATCH];
};

static void write_mark(char out[MARK], const phash_bank_info *info, const phash_bank_position *p)
{
    int n = 0;
    for (size_t i = 0; i < sizeof info->identity; i++)
        n += snprintf(out + n, (size_t)(MARK - n), "%02x", info->identity[i]);
    snprintf(out + n, (size_t)(MARK - n), " %" PRId64 " %" PRId64 " %" PRId64, p->erased_stamp,
             p->erased_id, p->added_id);
}

/* False when the index was made of another bank, or of none. */
static bool read_mark(phash_index *index, const phash_bank_info *info, phash_bank_position *p)
{
    char there[MARK], expected[MARK];
    phash_bank_position zero = {0, 0, 0};
    write_mark(expected, info, &zero);
    if (phash_index_label(index, mark_id, there, sizeof there, NULL) != PHASH_OK ||
        strncmp(there, expected, 32) != 0)
        return false;
    return sscanf(there + 32, " %" SCNd64 " %" SCNd64 " %" SCNd64, &p->erased_stamp, &p->erased_id,
                  &p->added_id) == 3;
}

static phash_status set_mark(phash_index *index, const phash_bank_info *info,
                             const phash_bank_position *p, phash_error *error)
{
    char mark[MARK];
    const char *label = mark;
    write_mark(mark, info, p);
    return phash_index_label_set(index, &mark_id, &label, 1, error);
}

/* Applies one batch: all erasures of it in one call, then all additions. */
static phash_status apply(phash_index *index, struct changes *c, size_t n, phash_error *error)
{
    size_t erased = 0, added = 0;
    for (size_t i = 0; i < n; i++)
        if (c->list[i].erased)
            c->ids[erased++] = c->list[i].id;
    phash_status status = PHASH_OK;
    if (erased)
        status = phash_index_remove(index, c->ids, erased, PHASH_REMOVE_ERASE, NULL, error);
    for (size_t i = 0; i < n; i++)
        if (!c->list[i].erased) {
            c->hashes[added] = c->list[i].hash;
            c->ids[added++] = c->list[i].id;
        }
    if (added && !status)
        status = phash_index_remove(index, c->ids, added, 0, NULL, error);
    if (added && !status)
        status = phash_index_add(index, c->hashes, c->ids, NULL, added, error);
    return status;
}

static phash_status follow(phash_index *index, phash_bank *bank, const phash_bank_info *info,
                           phash_bank_position p, phash_error *error)
{
    struct changes *c = cli_allocate(1, sizeof *c);
    phash_status status;
    for (;;) {
        size_t n;
        status = phash_bank_follow(bank, &p, c->list, BATCH, &n, error);
        if (status || !n)
            break;
        status = apply(index, c, n, error);
        if (!status)
            status = set_mark(index, info, &p, error);
        if (status)
            break;
    }
    explicit_bzero(c, sizeof *c);
    free(c);
    return status;
}

/* Builds the index anew, in memory. */
static phash_status build(phash_bank *bank, const phash_bank_info *info, phash_index **index,
                          phash_error *error)
{
    phash_bank_position p = {0, 0, 0};
    struct changes *c = cli_allocate(1, sizeof *c);
    /* Signals may be added while this runs: those come with the next follow. */
    const size_t capacity = (size_t)info->images + 1;
    phash_hash256 *hashes = cli_allocate(capacity, sizeof *hashes);
    uint64_t *ids = cli_allocate(capacity, sizeof *ids);
    size_t count = 0;
    phash_status status = PHASH_OK;
    for (;;) {
        size_t n, room = capacity - count < BATCH ? capacity - count : BATCH;
        if (!room)
            break;
        status = phash_bank_follow(bank, &p, c->list, room, &n, error);
        if (status || !n)
            break;
        for (size_t i = 0; i < n; i++)
            if (!c->list[i].erased) {
                hashes[count] = c->list[i].hash;
                ids[count++] = c->list[i].id;
            }
    }
    if (!status)
        status = phash_index_build(hashes, ids, count, NULL, index, error);
    if (!status)
        status = set_mark(*index, info, &p, error);
    if (!status) /* what was erased while it was read */
        status = follow(*index, bank, info, p, error);
    if (status)
        phash_index_free(index);
    explicit_bzero(c, sizeof *c);
    explicit_bzero(hashes, capacity * sizeof *hashes);
    free(c);
    free(hashes);
    free(ids);
    return status;
}

static bool index_path(const char *bank_path, char *out, size_t size)
{
    return snprintf(out, size, "%s.phidx", bank_path) < (int)size;
}

/* Opens the file and brings it up to date; NULL where that is not possible. */
static phash_index *open_file(phash_bank *bank, const char *path, const phash_bank_info *info,
                              phash_error *error)
{
    phash_index *index = NULL;
    phash_bank_position p;
    phash_status status = PHASH_E_LOCKED;
    for (int attempt = 0; attempt < 50 && status == PHASH_E_LOCKED; attempt++) {
        if (attempt)
            usleep(100000);
        status = phash_index_open(path, NULL, &index, error);
    }
    if (status)
        return NULL;
    if (read_mark(index, info, &p) && follow(index, bank, info, p, error) == PHASH_OK)
        return index;
    phash_index_free(&index);
    return NULL;
}

phash_index *bank_index_open(phash_bank *bank, const char *bank_path)
{
    char path[4200];
    phash_bank_info info = PHASH_BANK_INFO_INIT;
    phash_error error = PHASH_ERROR_INIT, ignored = PHASH_ERROR_INIT;
    phash_index *index = NULL;
    if (phash_bank_info_get(bank, &info, &error) != PHASH_OK) {
        cli_path_message(bank_path, cli_reason(&error));
        return NULL;
    }
    const bool named = index_path(bank_path, path, sizeof path);
    if (named && (index = open_file(bank, path, &info, &ignored)) != NULL)
        return index;
    if (build(bank, &info, &index, &error) != PHASH_OK) {
        cli_path_message(bank_path, cli_reason(&error));
        return NULL;
    }
    /* Not to be able to keep it is no failure: the answer is the same. */
    if (named)
        (void)phash_index_save(index, path, PHASH_SAVE_REPLACE, &ignored);
    return index;
}

int64_t bank_index_position(phash_bank *bank, phash_index *index)
{
    phash_bank_info info = PHASH_BANK_INFO_INIT;
    phash_bank_position p;
    return phash_bank_info_get(bank, &info, NULL) == PHASH_OK && read_mark(index, &info, &p)
               ? p.added_id
               : -1;
}

bool bank_index_label(phash_bank *bank, uint64_t id, char label[BANK_LABEL])
{
    label[0] = '\0';
    return phash_bank_signal_cases(bank, id, label, BANK_LABEL, NULL) != PHASH_E_NOT_FOUND;
}

bool bank_index_follow(phash_bank *bank, const char *bank_path)
{
    char path[4200];
    phash_bank_info info = PHASH_BANK_INFO_INIT;
    phash_error error = PHASH_ERROR_INIT;
    if (!index_path(bank_path, path, sizeof path) || access(path, F_OK) != 0)
        return true;
    if (phash_bank_info_get(bank, &info, &error) == PHASH_OK) {
        phash_index *index = open_file(bank, path, &info, &error);
        if (index) {
            phash_index_free(&index);
            return true;
        }
    }
    cli_path_message(path, "still holds what was erased: delete it, or run 'phash bank purge' when "
                           "no other program uses it");
    return false;
}
