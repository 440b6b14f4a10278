/* Cases, seen from outside: status and withdrawal by number and PIN, lists, purging. */
#include "bank/db.h"

#include "exchange/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy_text(char *out, size_t size, sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    snprintf(out, size, "%s", text ? text : "");
}

static void fill_case(sqlite3_stmt *s, phash_bank_case *info)
{
    const size_t size = info->size;
    memset(info, 0, sizeof *info);
    info->size = size;
    copy_text(info->number, sizeof info->number, s, 0);
    copy_text(info->status, sizeof info->status, s, 1);
    info->created = sqlite3_column_int64(s, 2);
    info->received = sqlite3_column_int64(s, 3);
    info->signals = (uint64_t)sqlite3_column_int64(s, 4);
}

/* Finds the open case that number and PIN belong to. Every way to be wrong ends in the same error,
 * after one Argon2id computation. */
static phash_status authorise(phash_bank *bank, const char *number, const char *pin, int64_t *id)
{
    char written[PHASH_CASE_NUMBER_SIZE] = "", verifier[PHASH_VERIFIER_SIZE] = "";
    bool row;
    *id = 0;
    (void)phash_case_number_parse(number, written);
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CASE_FIND);
    sqlite3_bind_text(s, 1, written, -1, SQLITE_STATIC);
    const phash_status status = phash_bank_step(bank, s, &row);
    if (status)
        return status;
    if (row && !phash_bank_is_over(sqlite3_column_int64(s, 1))) {
        *id = sqlite3_column_int64(s, 0);
        copy_text(verifier, sizeof verifier, s, 2);
    }
    sqlite3_reset(s);
    const phash_status checked = phash_verifier_check(*verifier ? verifier : NULL, pin);
    phash_wipe(verifier, sizeof verifier);
    return checked ? phash_fail(bank->error, PHASH_E_NOT_FOUND,
                                "no open case has this number and this PIN")
                   : PHASH_OK;
}

static phash_status add_feedback(phash_bank *bank, int64_t id, phash_bank_case *info)
{
    bool row;
    phash_status status;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CASE_FEEDBACK);
    sqlite3_bind_int64(s, 1, id);
    while (!(status = phash_bank_step(bank, s, &row)) && row &&
           info->feedback_count < PHASH_BANK_FEEDBACK_LINES) {
        copy_text(info->feedback[info->feedback_count].source, sizeof info->feedback[0].source, s,
                  0);
        copy_text(info->feedback[info->feedback_count].value, sizeof info->feedback[0].value, s, 1);
        info->feedback[info->feedback_count++].count = (uint64_t)sqlite3_column_int64(s, 2);
    }
    sqlite3_reset(s);
    return status;
}

phash_status phash_bank_case_status(phash_bank *bank, const char *number, const char *pin,
                                    phash_bank_case *info, phash_error *error)
{
    if (!bank || !number || !pin || !info || info->size < sizeof *info)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    int64_t id;
    bool row;
    phash_status status = authorise(bank, number, pin, &id);
    if (!status)
        status = phash_bank_begin(bank, false);
    if (status)
        return status;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CASE_INFO);
    sqlite3_bind_int64(s, 1, id);
    status = phash_bank_step(bank, s, &row);
    if (row) {
        fill_case(s, info);
        sqlite3_reset(s);
        status = add_feedback(bank, id, info);
    }
    phash_bank_rollback(bank);
    return status;
}

phash_status phash_bank_case_withdraw(phash_bank *bank, const char *number, const char *pin,
                                      uint64_t *erased, phash_error *error)
{
    if (!bank || !number || !pin)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    if (erased)
        *erased = 0;
    /* The PIN is checked outside the transaction, which others wait for, and the case is looked up
     * again inside. */
    int64_t id;
    phash_status status = authorise(bank, number, pin, &id);
    if (!status)
        status = phash_bank_begin(bank, true);
    if (status)
        return status;
    phash_bank_import_result counts = PHASH_BANK_IMPORT_RESULT_INIT;
    bank->result = &counts;
    status = phash_bank_close_case(bank, id, WORD_WITHDRAWN);
    bank->result = NULL;
    if (status) {
        phash_bank_rollback(bank);
        return status;
    }
    status = phash_bank_commit(bank);
    if (erased)
        *erased = counts.erased;
    return status;
}

phash_status phash_bank_case_list(phash_bank *bank,
                                  int (*each)(void *context, const phash_bank_case *info),
                                  void *context, phash_error *error)
{
    if (!bank || !each)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    phash_status status = phash_bank_begin(bank, false);
    if (status)
        return status;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CASE_LIST);
    for (bool row;;) {
        phash_bank_case info = {.size = sizeof info};
        status = phash_bank_step(bank, s, &row);
        if (status || !row)
            break;
        fill_case(s, &info);
        if (each(context, &info))
            break;
    }
    phash_bank_rollback(bank);
    return status;
}

static phash_status erase_source(phash_bank *bank, const char *name)
{
    enum { BATCH = 1000 };
    bool row;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SOURCE_FIND);
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    phash_status status = phash_bank_step(bank, s, &row);
    if (status || !row)
        return status ? status
                      : phash_fail(bank->error, PHASH_E_NOT_FOUND, "no source has this name");
    const int64_t source = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    int64_t after = 0;
    for (size_t n = BATCH; n == BATCH;) {
        int64_t ids[BATCH];
        s = phash_bank_stmt(bank, SQL_SIGNAL_OF_SOURCE);
        sqlite3_bind_int64(s, 1, source);
        sqlite3_bind_int64(s, 2, after);
        for (n = 0; n < BATCH; n++) {
            if ((status = phash_bank_step(bank, s, &row)) != PHASH_OK)
                return status;
            if (!row)
                break;
            ids[n] = after = sqlite3_column_int64(s, 0);
        }
        sqlite3_reset(s);
        for (size_t i = 0; i < n; i++)
            if ((status = phash_bank_erase_signal(bank, ids[i], WORD_DELETED, true)) != PHASH_OK)
                return status;
    }
    return PHASH_OK;
}

phash_status phash_bank_purge(phash_bank *bank, const char *source, uint64_t *erased,
                              phash_error *error)
{
    if (!bank)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    phash_bank_import_result counts = PHASH_BANK_IMPORT_RESULT_INIT;
    phash_status status = phash_bank_begin(bank, true);
    if (status)
        return status;
    bank->result = &counts;
    if (source)
        status = erase_source(bank, source);
    bank->result = NULL;
    bank->erased.any = false; /* the file is rewritten below anyhow */
    if (status) {
        phash_bank_rollback(bank);
        return status;
    }
    status = phash_bank_commit(bank);
    if (erased)
        *erased = status ? 0 : counts.erased;
    return status ? status : phash_bank_scrub(bank, true);
}
