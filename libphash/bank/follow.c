/* What a bank holds, and the feed of changes that an index follows. */
#include "bank/db.h"

#include <stdio.h>
#include <string.h>

phash_status phash_bank_info_get(phash_bank *bank, phash_bank_info *info, phash_error *error)
{
    if (!bank || !info || info->size < sizeof *info)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    bool row;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_COUNTS);
    const phash_status status = phash_bank_step(bank, s, &row);
    if (status)
        return status;
    uint64_t *const counts[] = {&info->signals,   &info->images,   &info->cases,
                                &info->withdrawn, &info->feedback, &info->sources};
    const void *identity = sqlite3_column_blob(s, 0);
    memset(info->identity, 0, sizeof info->identity);
    if (sqlite3_column_bytes(s, 0) == (int)sizeof info->identity)
        memcpy(info->identity, identity, sizeof info->identity);
    info->clock = sqlite3_column_int64(s, 1);
    for (int i = 0; i < 6; i++)
        *counts[i] = (uint64_t)sqlite3_column_int64(s, 2 + i);
    sqlite3_reset(s);
    return PHASH_OK;
}

phash_status phash_bank_source_list(phash_bank *bank,
                                    int (*each)(void *context, const char *name, int64_t next,
                                                const char *token),
                                    void *context, phash_error *error)
{
    if (!bank || !each)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    bool row;
    phash_status status;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SOURCE_LIST);
    while (!(status = phash_bank_step(bank, s, &row)) && row) {
        const char *token = (const char *)sqlite3_column_text(s, 2);
        if (each(context, (const char *)sqlite3_column_text(s, 0),
                 sqlite3_column_type(s, 1) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 1),
                 token ? token : ""))
            break;
    }
    sqlite3_reset(s);
    return status;
}

static phash_status take_erased(phash_bank *bank, phash_bank_position *p,
                                phash_bank_change *changes, size_t capacity, size_t *count)
{
    bool row;
    phash_status status;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_GONE_AFTER);
    sqlite3_bind_int64(s, 1, p->erased_stamp);
    sqlite3_bind_int64(s, 2, p->erased_id);
    sqlite3_bind_int64(s, 3, INT64_MAX);
    sqlite3_bind_int64(s, 4, (int64_t)capacity);
    while (!(status = phash_bank_step(bank, s, &row)) && row && *count < capacity) {
        p->erased_id = sqlite3_column_int64(s, 0);
        p->erased_stamp = sqlite3_column_int64(s, 1);
        changes[(*count)++] = (phash_bank_change){.id = (uint64_t)p->erased_id, .erased = 1};
    }
    sqlite3_reset(s);
    return status;
}

static phash_status take_added(phash_bank *bank, phash_bank_position *p, phash_bank_change *changes,
                               size_t capacity, size_t *count)
{
    bool row;
    phash_status status;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_AFTER);
    sqlite3_bind_int64(s, 1, p->added_id);
    while (*count < capacity && !(status = phash_bank_step(bank, s, &row)) && row) {
        p->added_id = sqlite3_column_int64(s, 0);
        if (sqlite3_column_int64(s, 1) != WORD_IMAGE_PDQ)
            continue;
        const void *value = sqlite3_column_blob(s, 2);
        if (sqlite3_column_bytes(s, 2) != PHASH_HASH256_BYTES) {
            sqlite3_reset(s);
            return phash_fail(bank->error, PHASH_E_CORRUPT, "bank: a hash is damaged");
        }
        phash_bank_change *c = &changes[(*count)++];
        *c = (phash_bank_change){.id = (uint64_t)p->added_id};
        memcpy(c->hash.bytes, value, sizeof c->hash.bytes);
    }
    if (*count == capacity)
        status = PHASH_OK;
    sqlite3_reset(s);
    return status;
}

phash_status phash_bank_follow(phash_bank *bank, phash_bank_position *position,
                               phash_bank_change *changes, size_t capacity, size_t *count,
                               phash_error *error)
{
    if (!bank || !position || !changes || !capacity || !count)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    *count = 0;
    phash_status status = phash_bank_begin(bank, false);
    if (status)
        return status;
    phash_bank_position p = *position;
    status = take_erased(bank, &p, changes, capacity, count);
    if (!status && *count < capacity)
        status = take_added(bank, &p, changes, capacity, count);
    phash_bank_rollback(bank);
    if (status)
        *count = 0;
    else
        *position = p;
    return status;
}

phash_status phash_bank_signal_cases(phash_bank *bank, uint64_t id, char *cases, size_t size,
                                     phash_error *error)
{
    if (!bank || !cases || !size || id > INT64_MAX)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    cases[0] = '\0';
    bool row;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_VALUE);
    sqlite3_bind_int64(s, 1, (int64_t)id);
    phash_status status = phash_bank_step(bank, s, &row);
    sqlite3_reset(s);
    if (status || !row)
        return status ? status : phash_fail(error, PHASH_E_NOT_FOUND, "no such signal");
    size_t used = 0;
    s = phash_bank_stmt(bank, SQL_LINK_CASES);
    sqlite3_bind_int64(s, 1, (int64_t)id);
    while (!(status = phash_bank_step(bank, s, &row)) && row) {
        const char *number = (const char *)sqlite3_column_text(s, 1);
        const size_t need = strlen(number) + (used > 0);
        if (used + need + 1 > size)
            break;
        used += (size_t)snprintf(cases + used, size - used, "%s%s", used ? " " : "", number);
    }
    sqlite3_reset(s);
    return status;
}
