/* Erasing: rows, and then every byte that was in them.
 *
 * SQLite's secure_delete zeroes what it frees. Three places are left: the write-ahead log, which is
 * checkpointed and cut to nothing; copies of a row that balancing left behind in another page's gap,
 * which nothing zeroes because to SQLite they are no content; and snapshots that another process
 * still reads. So after every erasure the file is searched for the hashes that must not be there any
 * more; when one is found, VACUUM rewrites the file from its live rows.
 */
#define _POSIX_C_SOURCE 200809L

#include "bank/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Beyond this many, searching costs more than rewriting. */
enum { ERASED_MAX = 65536, CHUNK = 1 << 20 };

void phash_bank_erased_drop(phash_bank *bank)
{
    phash_wipe_free(bank->erased.values, bank->erased.capacity * sizeof *bank->erased.values);
    bank->erased = (phash_erased){0};
}

static void remember(phash_bank *bank, const void *value, size_t bytes)
{
    phash_erased *e = &bank->erased;
    e->any = true;
    if (e->overflow)
        return;
    if (bytes != PHASH_HASH256_BYTES || e->count == ERASED_MAX) {
        e->overflow = true;
        return;
    }
    if (e->count == e->capacity) {
        const size_t capacity = e->capacity ? 2 * e->capacity : 64;
        void *grown = phash_alloc(capacity, sizeof *e->values);
        if (!grown) {
            e->overflow = true;
            return;
        }
        if (e->count)
            memcpy(grown, e->values, e->count * sizeof *e->values);
        phash_wipe_free(e->values, e->capacity * sizeof *e->values);
        e->values = grown;
        e->capacity = capacity;
    }
    memcpy(e->values[e->count++], value, bytes);
}

phash_status phash_bank_erase_signal(phash_bank *bank, int64_t signal, int64_t status, bool digest)
{
    bool row;
    uint8_t sha[crypto_hash_sha256_BYTES];
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_VALUE);
    sqlite3_bind_int64(s, 1, signal);
    phash_status result = phash_bank_step(bank, s, &row);
    if (!row)
        return result;
    const int64_t type = sqlite3_column_int64(s, 0);
    const void *value = sqlite3_column_blob(s, 1);
    const size_t bytes = (size_t)sqlite3_column_bytes(s, 1);
    remember(bank, value, bytes);
    crypto_hash_sha256(sha, value, bytes);
    sqlite3_reset(s);

    s = phash_bank_stmt(bank, SQL_SIGNAL_DELETE);
    sqlite3_bind_int64(s, 1, signal);
    if ((result = phash_bank_run(bank, s)) != PHASH_OK)
        return result;
    s = phash_bank_stmt(bank, SQL_GONE_ADD);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, type);
    sqlite3_bind_int64(s, 3, status);
    sqlite3_bind_int64(s, 4, bank->stamp);
    if (digest)
        sqlite3_bind_blob(s, 5, sha, sizeof sha, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(s, 5);
    if ((result = phash_bank_run(bank, s)) != PHASH_OK)
        return result;
    bank->changed = true;
    BANK_COUNT(bank, erased);
    return PHASH_OK;
}

/* Takes one signal out of a case that ends. */
static phash_status let_go(phash_bank *bank, int64_t case_id, int64_t status, int64_t signal,
                           int64_t given)
{
    int64_t cases;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_LINK_DROP_CASE);
    sqlite3_bind_int64(s, 1, case_id);
    sqlite3_bind_int64(s, 2, signal);
    phash_status result = phash_bank_run(bank, s);
    if (!result)
        result = phash_bank_signal_status(bank, signal, given, &cases);
    if (result)
        return result;
    return cases ? phash_bank_touch(bank, signal)
                 : phash_bank_erase_signal(bank, signal, status, false);
}

phash_status phash_bank_close_case(phash_bank *bank, int64_t case_id, int64_t status)
{
    enum { BATCH = 256 };
    int64_t signals[BATCH], given[BATCH];
    size_t n;
    phash_status result = PHASH_OK;
    do {
        bool row = true;
        sqlite3_stmt *s = phash_bank_stmt(bank, SQL_LINK_SIGNALS);
        sqlite3_bind_int64(s, 1, case_id);
        for (n = 0; n < BATCH; n++) {
            if ((result = phash_bank_step(bank, s, &row)) != PHASH_OK)
                return result;
            if (!row)
                break;
            signals[n] = sqlite3_column_int64(s, 0);
            given[n] = sqlite3_column_int64(s, 1);
        }
        sqlite3_reset(s);
        for (size_t i = 0; i < n; i++)
            if ((result = let_go(bank, case_id, status, signals[i], given[i])) != PHASH_OK)
                return result;
    } while (n == BATCH);
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CASE_CLOSE);
    sqlite3_bind_int64(s, 1, case_id);
    sqlite3_bind_int64(s, 2, status);
    sqlite3_bind_int64(s, 3, bank->stamp);
    if ((result = phash_bank_run(bank, s)) != PHASH_OK)
        return result;
    bank->changed = bank->erased.any = true; /* the verifier is gone too */
    BANK_COUNT(bank, withdrawn);
    return PHASH_OK;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, PHASH_HASH256_BYTES);
}

/* Whether one of the sorted values starts anywhere in `data`. `first` marks first pairs of bytes. */
static bool holds(const uint8_t *data, size_t bytes, const phash_erased *e, const uint8_t *first)
{
    for (size_t i = 0; i + PHASH_HASH256_BYTES <= bytes; i++) {
        const unsigned pair = data[i] | (unsigned)data[i + 1] << 8;
        if (first[pair / 8] >> pair % 8 & 1 &&
            bsearch(data + i, e->values, e->count, sizeof *e->values, compare))
            return true;
    }
    return false;
}

/* Searches the database file. *found is true, too, when that cannot be done. */
static phash_status search(phash_bank *bank, bool *found)
{
    phash_erased *e = &bank->erased;
    *found = true;
    uint8_t *first = phash_alloc_zero(8192, 1), *data = phash_alloc(CHUNK, 1);
    /* Another descriptor of this process on the file: closing it would drop the POSIX locks that
     * SQLite holds. None are held outside a transaction, but WAL keeps a shared one; so the file is
     * read through SQLite's own handle. */
    sqlite3_file *file = NULL;
    sqlite3_file_control(bank->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    sqlite3_int64 size = 0;
    if (!first || !data || !file || !file->pMethods ||
        file->pMethods->xFileSize(file, &size) != SQLITE_OK)
        goto done;
    qsort(e->values, e->count, sizeof *e->values, compare);
    for (size_t i = 0; i < e->count; i++) {
        const unsigned pair = e->values[i][0] | (unsigned)e->values[i][1] << 8;
        first[pair / 8] |= (uint8_t)(1u << pair % 8);
    }
    *found = false;
    for (sqlite3_int64 at = 0; at < size && !*found; at += CHUNK - PHASH_HASH256_BYTES) {
        const int n = (int)(size - at < CHUNK ? size - at : CHUNK);
        *found = file->pMethods->xRead(file, data, n, at) != SQLITE_OK ||
                 holds(data, (size_t)n, e, first);
    }
done:
    phash_wipe_free(data, CHUNK);
    phash_wipe_free(first, 8192);
    return PHASH_OK;
}

static phash_status checkpoint(phash_bank *bank)
{
    int frames = 0, moved = 0;
    const int rc =
        sqlite3_wal_checkpoint_v2(bank->db, "main", SQLITE_CHECKPOINT_TRUNCATE, &frames, &moved);
    if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
        return phash_fail(bank->error, PHASH_E_LOCKED,
                          "done, but another process still reads what was erased: purge later");
    return rc == SQLITE_OK ? PHASH_OK : phash_bank_fail(bank, rc);
}

phash_status phash_bank_scrub(phash_bank *bank, bool rewrite)
{
    phash_status status = checkpoint(bank);
    if (status)
        return status;
    bool found = rewrite || bank->erased.overflow;
    if (!found && bank->erased.count)
        status = search(bank, &found);
    if (status || !found)
        return status;
    const int rc = sqlite3_exec(bank->db, "VACUUM", NULL, NULL, NULL);
    return rc == SQLITE_OK ? checkpoint(bank) : phash_bank_fail(bank, rc);
}
