/* Signals: finding, adding, their links to cases and the status that follows from them. */
#include "bank/db.h"

#include <string.h>

void phash_bank_row_drop(phash_signal_row *row)
{
    if (row->other)
        phash_wipe_free(row->other, strlen(row->other));
    row->other = NULL;
}

phash_status phash_bank_signal_find(phash_bank *bank, int64_t type, const void *value, size_t bytes,
                                    phash_signal_row *out)
{
    bool row;
    *out = (phash_signal_row){0};
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_FIND);
    sqlite3_bind_blob64(s, 1, value, bytes, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, type);
    const phash_status status = phash_bank_step(bank, s, &row);
    if (!row)
        return status;
    out->id = sqlite3_column_int64(s, 0);
    out->quality = sqlite3_column_int64(s, 1);
    out->given = sqlite3_column_int64(s, 2);
    out->status = sqlite3_column_int64(s, 3);
    out->modified = sqlite3_column_int64(s, 4);
    out->source = sqlite3_column_int64(s, 5);
    const char *other = (const char *)sqlite3_column_text(s, 6);
    if (other) {
        const size_t length = strlen(other) + 1;
        out->other = phash_alloc(length, 1);
        if (out->other)
            memcpy(out->other, other, length);
    }
    const bool lacks = other && !out->other;
    sqlite3_reset(s);
    return lacks ? phash_fail(bank->error, PHASH_E_MEMORY, "out of memory") : PHASH_OK;
}

phash_status phash_bank_signal_add(phash_bank *bank, int64_t type, const void *value, size_t bytes,
                                   phash_signal_row *row, bool *added)
{
    *added = false;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_ADD);
    sqlite3_bind_int64(s, 1, bank->next_id);
    sqlite3_bind_int64(s, 2, type);
    sqlite3_bind_blob64(s, 3, value, bytes, SQLITE_STATIC);
    sqlite3_bind_int64(s, 4, row->quality);
    sqlite3_bind_int64(s, 5, row->given);
    sqlite3_bind_int64(s, 6, row->status);
    sqlite3_bind_int64(s, 7, row->modified);
    sqlite3_bind_int64(s, 8, row->source);
    sqlite3_bind_int64(s, 9, bank->stamp);
    sqlite3_bind_text(s, 10, row->other, -1, SQLITE_STATIC);
    const phash_status status = phash_bank_run(bank, s);
    if (status || !sqlite3_changes(bank->db))
        return status;
    row->id = bank->next_id++;
    bank->changed = *added = true;
    BANK_COUNT(bank, added);
    return PHASH_OK;
}

phash_status phash_bank_link(phash_bank *bank, int64_t signal, int64_t case_id, int64_t source,
                             bool *added)
{
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_LINK_ADD);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, case_id);
    sqlite3_bind_int64(s, 3, source);
    const phash_status status = phash_bank_run(bank, s);
    *added = !status && sqlite3_changes(bank->db) > 0;
    return status;
}

phash_status phash_bank_signal_status(phash_bank *bank, int64_t signal, int64_t given,
                                      int64_t *cases)
{
    int64_t strongest = given, n = 0;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_LINK_CASES);
    sqlite3_bind_int64(s, 1, signal);
    for (;;) {
        bool row;
        const phash_status status = phash_bank_step(bank, s, &row);
        if (status)
            return status;
        if (!row)
            break;
        const int64_t one = sqlite3_column_int64(s, 0);
        strongest = n++ ? phash_bank_stronger(strongest, one) : one;
    }
    if (cases)
        *cases = n;
    s = phash_bank_stmt(bank, SQL_SIGNAL_STATUS);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, strongest);
    return phash_bank_run(bank, s);
}

phash_status phash_bank_touch(phash_bank *bank, int64_t signal)
{
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_TOUCH);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, bank->stamp);
    const phash_status status = phash_bank_run(bank, s);
    if (!status && sqlite3_changes(bank->db) > 0) {
        bank->changed = true;
        BANK_COUNT(bank, changed);
    }
    return status;
}
