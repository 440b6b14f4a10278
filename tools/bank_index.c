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

enum { BATCH = 65536, MARK = 160, PATH_SIZE = 4200 };
static const uint64_t mark_id = 0;

struct bank_index {
    phash_bank *bank;
    const char *bank_path;
    char path[PATH_SIZE]; /* of the index; "" when that is too long */
    phash_bank_info info;
    phash_index *index; /* of the files, read-only, or in memory */
    phash_searcher *searcher;
    bool in_memory;
    phash_bank_position position; /* of `index` */
};

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

/* Applies what the bank did since `*p`, and moves that on. */
static phash_status follow(phash_index *index, phash_bank *bank, const phash_bank_info *info,
                           phash_bank_position *p, phash_error *error)
{
    struct changes *c = cli_allocate(1, sizeof *c);
    phash_status status;
    for (;;) {
        size_t n;
        status = phash_bank_follow(bank, p, c->list, BATCH, &n, error);
        if (status || !n)
            break;
        status = apply(index, c, n, error);
        if (!status)
            status = set_mark(index, info, p, error);
        if (status)
            break;
    }
    explicit_bzero(c, sizeof *c);
    free(c);
    return status;
}

/* Builds the index anew, in memory. */
static phash_status build(phash_bank *bank, const phash_bank_info *info, phash_index **index,
                          phash_bank_position *position, phash_error *error)
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
        status = follow(*index, bank, info, &p, error);
    if (status)
        phash_index_free(index);
    *position = p;
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

/* Brings the files up to date; the error tells whether there are any. */
static phash_status update_files(phash_bank *bank, const char *path, const phash_bank_info *info,
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
    if (!status)
        status = read_mark(index, info, &p) ? follow(index, bank, info, &p, error) : PHASH_E_FORMAT;
    phash_index_free(&index);
    return status;
}

/* Whether the bank did nothing since `*p` that is to be matched; moves that on over what is not. */
static bool is_current(phash_bank *bank, phash_bank_position *p)
{
    phash_bank_position next = *p;
    phash_bank_change change;
    size_t n = 1;
    const bool current = phash_bank_follow(bank, &next, &change, 1, &n, NULL) == PHASH_OK && n == 0;
    explicit_bzero(&change, sizeof change);
    if (current)
        *p = next;
    return current;
}

static bool read_position(struct bank_index *b)
{
    return read_mark(b->index, &b->info, &b->position);
}

/* Opens the files for reading, up to date. */
static bool open_files(struct bank_index *b)
{
    phash_error ignored = PHASH_ERROR_INIT;
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_READ_ONLY;
    for (int round = 0; round < 2; round++) {
        if (round && update_files(b->bank, b->path, &b->info, &ignored) != PHASH_OK)
            return false;
        if (phash_index_open(b->path, &options, &b->index, &ignored) == PHASH_OK &&
            read_position(b) && (round || is_current(b->bank, &b->position)))
            return true;
        phash_index_free(&b->index);
    }
    return false;
}

/* Makes the index anew, and keeps it if that is possible. */
static bool make(struct bank_index *b)
{
    phash_error error = PHASH_ERROR_INIT, ignored = PHASH_ERROR_INIT;
    phash_searcher_free(&b->searcher);
    phash_index_free(&b->index);
    b->in_memory = true;
    if (build(b->bank, &b->info, &b->index, &b->position, &error) != PHASH_OK) {
        cli_path_message(b->bank_path, cli_reason(&error));
        return false;
    }
    /* Not to be able to keep it is no failure: the answer is the same. */
    if (b->path[0] &&
        phash_index_save(b->index, b->path, PHASH_SAVE_REPLACE, &ignored) == PHASH_OK) {
        phash_index *built = b->index;
        b->index = NULL;
        b->in_memory = !open_files(b);
        if (b->in_memory)
            b->index = built;
        else
            phash_index_free(&built);
    }
    return true;
}

struct bank_index *bank_index_open(phash_bank *bank, const char *bank_path)
{
    struct bank_index *b = cli_allocate(1, sizeof *b);
    phash_error error = PHASH_ERROR_INIT;
    b->bank = bank;
    b->bank_path = bank_path;
    b->info = (phash_bank_info)PHASH_BANK_INFO_INIT;
    if (!index_path(bank_path, b->path, sizeof b->path))
        b->path[0] = '\0';
    bool good = phash_bank_info_get(bank, &b->info, &error) == PHASH_OK;
    if (!good)
        cli_path_message(bank_path, cli_reason(&error));
    else if (!b->path[0] || !open_files(b))
        good = make(b);
    if (!good)
        bank_index_close(&b);
    return b;
}

void bank_index_close(struct bank_index **index)
{
    struct bank_index *b = *index;
    if (!b)
        return;
    phash_searcher_free(&b->searcher);
    phash_index_free(&b->index);
    free(b);
    *index = NULL;
}

/* Brings `index` up to date with the bank. */
static bool catch_up(struct bank_index *b)
{
    phash_error ignored = PHASH_ERROR_INIT;
    if (b->in_memory)
        return follow(b->index, b->bank, &b->info, &b->position, &ignored) == PHASH_OK;
    /* Another program may have brought the files up to date. */
    for (int round = 0; round < 2; round++) {
        if (round && update_files(b->bank, b->path, &b->info, &ignored) != PHASH_OK)
            return false;
        if (phash_index_refresh(b->index, NULL, &ignored) != PHASH_OK || !read_position(b))
            return false;
        if (round || is_current(b->bank, &b->position))
            return true;
    }
    return false;
}

phash_searcher *bank_index_searcher(struct bank_index *b)
{
    if (!is_current(b->bank, &b->position) && !catch_up(b) && !make(b))
        return NULL;
    if (!b->searcher && phash_searcher_new(b->index, &b->searcher) != PHASH_OK)
        cli_no_memory();
    return b->searcher;
}

int64_t bank_index_position(const struct bank_index *b)
{
    return b->position.added_id;
}

bool bank_index_label(phash_bank *bank, uint64_t id, char label[BANK_LABEL])
{
    label[0] = '\0';
    return phash_bank_signal_cases(bank, id, label, BANK_LABEL, NULL) != PHASH_E_NOT_FOUND;
}

bool bank_index_follow(phash_bank *bank, const char *bank_path)
{
    char path[PATH_SIZE];
    phash_bank_info info = PHASH_BANK_INFO_INIT;
    phash_error error = PHASH_ERROR_INIT;
    if (!index_path(bank_path, path, sizeof path) || access(path, F_OK) != 0)
        return true;
    if (phash_bank_info_get(bank, &info, &error) == PHASH_OK &&
        update_files(bank, path, &info, &error) == PHASH_OK)
        return true;
    cli_path_message(path, "still holds what was erased: delete it, or run 'phash bank purge' when "
                           "no other program uses it");
    return false;
}
