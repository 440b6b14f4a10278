/* Feedback: partners', from pages, and one's own. */
#include "bank/db.h"

#include <string.h>

static bool same_text(sqlite3_stmt *s, int column, const char *text)
{
    const char *there = (const char *)sqlite3_column_text(s, column);
    return there && text ? !strcmp(there, text) : !there && !text;
}

phash_status phash_bank_feedback_set(phash_bank *bank, int64_t signal, int64_t source,
                                     const phash_exchange_feedback *f, int64_t via, bool *changed)
{
    int64_t value;
    bool row;
    phash_status status = phash_bank_word(bank, f->value ? f->value : "Unknown", &value);
    if (status)
        return status;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_FEEDBACK_FIND);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, source);
    status = phash_bank_step(bank, s, &row);
    const bool same = row && sqlite3_column_int64(s, 0) == value && same_text(s, 1, f->tags) &&
                      same_text(s, 2, f->other);
    sqlite3_reset(s);
    if (status || same)
        return status;
    s = phash_bank_stmt(bank, SQL_FEEDBACK_SET);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, source);
    sqlite3_bind_int64(s, 3, value);
    sqlite3_bind_text(s, 4, f->tags, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 5, f->other, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 6, via);
    *changed = true;
    return phash_bank_run(bank, s);
}

static phash_status any_signal(phash_bank *bank, const void *value, size_t bytes, int64_t *id)
{
    bool row;
    *id = 0;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_ANY);
    sqlite3_bind_blob64(s, 1, value, bytes, SQLITE_STATIC);
    const phash_status status = phash_bank_step(bank, s, &row);
    if (row)
        *id = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return status;
}

phash_status phash_bank_take_feedback(phash_bank *bank, const phash_page_import *import,
                                      const phash_exchange_record *r)
{
    const phash_exchange_feedback *f = &r->feedbacks[0];
    phash_hash256 hash;
    int64_t signal = 0, source;
    bool changed = false;
    phash_status status = PHASH_OK;
    if (phash_hash256_from_hex(r->hash_value, strlen(r->hash_value), &hash) == PHASH_OK)
        status = any_signal(bank, hash.bytes, sizeof hash.bytes, &signal);
    if (!status && !signal)
        status = any_signal(bank, r->hash_value, strlen(r->hash_value), &signal);
    phash_wipe(&hash, sizeof hash);
    if (!status && !signal)
        BANK_COUNT(bank, skipped);
    if (status || !signal)
        return status;
    /* `via` 0 is no source of pages: a later page from there does not take it back. */
    status = phash_bank_word(bank, f->source ? f->source : import->options->source, &source);
    if (!status)
        status = phash_bank_feedback_set(bank, signal, source, f, 0, &changed);
    if (!status && changed) {
        BANK_COUNT(bank, feedback);
        bank->changed = true;
        status = phash_bank_touch(bank, signal);
    }
    return status;
}

phash_status phash_bank_feedback(phash_bank *bank, const phash_hash256 *hash, const char *source,
                                 const char *value, const char *tags, phash_error *error)
{
    if (!bank || !hash || !source || !*source || !value || !*value)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    phash_status status = phash_bank_begin(bank, true);
    if (status)
        return status;
    const phash_exchange_feedback f = {.value = value, .tags = tags};
    int64_t signal = 0, word;
    bool changed = false;
    status = any_signal(bank, hash->bytes, sizeof hash->bytes, &signal);
    if (!status && !signal)
        status = phash_fail(error, PHASH_E_NOT_FOUND, "the bank does not hold this hash");
    if (!status)
        status = phash_bank_word(bank, source, &word);
    if (!status)
        status = phash_bank_feedback_set(bank, signal, word, &f, 0, &changed);
    if (!status && changed)
        status = phash_bank_touch(bank, signal);
    if (status) {
        phash_bank_rollback(bank);
        return status;
    }
    return phash_bank_commit(bank);
}

static phash_status add_row(phash_exchange_writer *writer, sqlite3_stmt *s)
{
    char hex[PHASH_HASH256_HEX + 1];
    phash_exchange_feedback f = {NULL, (const char *)sqlite3_column_text(s, 2),
                                 (const char *)sqlite3_column_text(s, 3),
                                 (const char *)sqlite3_column_text(s, 4)};
    phash_exchange_record r = PHASH_EXCHANGE_RECORD_INIT;
    r.is_feedback = 1;
    r.feedbacks = &f;
    r.feedback_count = 1;
    phash_hash256 hash;
    if (sqlite3_column_int64(s, 0) == WORD_IMAGE_PDQ) {
        memcpy(hash.bytes, sqlite3_column_blob(s, 1), sizeof hash.bytes);
        phash_hash256_to_hex(&hash, hex);
        r.hash_value = hex;
    } else {
        r.hash_value = (const char *)sqlite3_column_text(s, 1);
    }
    return phash_exchange_writer_add(writer, &r);
}

phash_status phash_bank_feedback_export(phash_bank *bank, const char *source, char **text,
                                        size_t *length, phash_error *error)
{
    if (text)
        *text = NULL;
    if (!bank || !source || !text || !length)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    phash_exchange_writer *writer = NULL;
    bool row;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_WORD_FIND);
    sqlite3_bind_text(s, 1, source, -1, SQLITE_STATIC);
    phash_status status = phash_bank_step(bank, s, &row);
    const int64_t word = row ? sqlite3_column_int64(s, 0) : -1;
    sqlite3_reset(s);
    if (!status)
        status = phash_exchange_writer_new(&writer);
    s = phash_bank_stmt(bank, SQL_FEEDBACK_OF_SOURCE);
    sqlite3_bind_int64(s, 1, word);
    for (row = true; !status;) {
        status = phash_bank_step(bank, s, &row);
        if (status || !row)
            break;
        status = add_row(writer, s);
    }
    sqlite3_reset(s);
    if (!status)
        status = phash_exchange_writer_take(writer, NULL, text, length);
    phash_exchange_writer_free(&writer);
    return status == PHASH_E_MEMORY ? phash_fail(error, status, "out of memory") : status;
}
