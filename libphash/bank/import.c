/* Import: what kind of file it is, and one transaction for all of it. */
#define _POSIX_C_SOURCE 200809L

#include "bank/db.h"

#include "exchange/case.h"
#include "exchange/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { HEAD = 65536 };

/* The input with its first bytes put back. */
typedef struct {
    phash_read_fn read;
    void *context;
    size_t at, bytes;
    bool at_eof;
    char head[HEAD];
} input;

static phash_status read_input(void *context, void *buffer, size_t capacity, size_t *got,
                               phash_error *error)
{
    input *in = context;
    if (in->at < in->bytes) {
        const size_t n = in->bytes - in->at < capacity ? in->bytes - in->at : capacity;
        memcpy(buffer, in->head + in->at, n);
        in->at += n;
        *got = n;
        return PHASH_OK;
    }
    *got = 0;
    return in->at_eof ? PHASH_OK : in->read(in->context, buffer, capacity, got, error);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Reads the head, dropping blanks in front of it: they would push the first words out of sight. */
static phash_status fill_head(input *in, phash_error *error)
{
    bool blanks = false;
    while (in->bytes < HEAD) {
        size_t got = 0;
        const phash_status status =
            in->read(in->context, in->head + in->bytes, HEAD - in->bytes, &got, error);
        if (status)
            return status;
        if (got > HEAD - in->bytes)
            return phash_fail(error, PHASH_E_ARGUMENT, "more was read than was asked for");
        in->at_eof = got == 0;
        in->bytes += got;
        if (in->at_eof)
            break;
        if (is_blank(in->head[0])) {
            size_t blank = 0;
            while (blank < in->bytes && is_blank(in->head[blank]))
                blank++;
            blanks = true;
            in->bytes -= blank;
            memmove(in->head, in->head + blank, in->bytes);
        }
    }
    if (blanks && !in->bytes)
        return phash_fail(error, PHASH_E_FORMAT, "nothing in it but blanks");
    return PHASH_OK;
}

static bool has_key(const char *key, size_t n, const char *name)
{
    return n == strlen(name) && !memcmp(key, name, n);
}

/* Looks through the head for the first key of the outermost object that tells the kind. */
static phash_bank_kind sniff(const input *in)
{
    size_t depth = 0, key = 0, at = 0;
    if (in->bytes >= 3 && !memcmp(in->head, "\xef\xbb\xbf", 3))
        at = 3;
    while (at < in->bytes && strchr(" \t\r\n", in->head[at]) && in->head[at])
        at++;
    if (at == in->bytes || in->head[at] != '{')
        return PHASH_BANK_KIND_LIST;
    for (; at < in->bytes; at++) {
        const char c = in->head[at];
        depth += c == '{' || c == '[';
        depth -= (c == '}' || c == ']') && depth;
        if (c != '"')
            continue;
        key = ++at;
        while (at < in->bytes && in->head[at] != '"')
            at += in->head[at] == '\\' ? 2 : 1;
        if (at >= in->bytes || depth != 1)
            continue;
        const char *k = in->head + key;
        const size_t n = at - key;
        if (has_key(k, n, "phash-case"))
            return PHASH_BANK_KIND_CASE;
        if (has_key(k, n, "phash-sealed"))
            return PHASH_BANK_KIND_SEALED_CASE;
        if (has_key(k, n, "hashRecords") || has_key(k, n, "hashFeedbacks") ||
            has_key(k, n, "count") || has_key(k, n, "nextSetTimestamp") ||
            has_key(k, n, "hasMoreRecords") || has_key(k, n, "nextPageToken"))
            return PHASH_BANK_KIND_PAGES;
        if (has_key(k, n, "hash"))
            return PHASH_BANK_KIND_LIST;
    }
    return PHASH_BANK_KIND_PAGES;
}

static void report(const phash_bank *bank, const phash_bank_import_options *options,
                   const phash_error *error)
{
    BANK_COUNT(bank, bad);
    if (options->report)
        options->report(options->context, error);
}

/* One hash of a list or case. *row->id tells which signal it is. */
static phash_status take_hash(phash_bank *bank, const phash_hash256 *hash, int quality,
                              int64_t source, int64_t status_word, int64_t *id, bool *added)
{
    phash_signal_row row = {.quality = quality, .status = status_word, .source = source};
    phash_status status =
        phash_bank_signal_add(bank, WORD_IMAGE_PDQ, hash->bytes, sizeof hash->bytes, &row, added);
    if (status || *added) {
        *id = row.id;
        return status;
    }
    phash_signal_row old;
    status = phash_bank_signal_find(bank, WORD_IMAGE_PDQ, hash->bytes, sizeof hash->bytes, &old);
    *id = old.id;
    if (!status && quality >= 0 && old.quality != quality) {
        sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_SET);
        sqlite3_bind_int64(s, 1, old.id);
        sqlite3_bind_int64(s, 2, quality);
        sqlite3_bind_int64(s, 3, old.given);
        sqlite3_bind_int64(s, 4, old.modified);
        sqlite3_bind_int64(s, 5, old.source);
        sqlite3_bind_text(s, 6, old.other, -1, SQLITE_STATIC);
        status = phash_bank_run(bank, s);
        if (!status)
            status = phash_bank_touch(bank, old.id);
    }
    phash_bank_row_drop(&old);
    return status;
}

static phash_status import_list(phash_bank *bank, input *in, int64_t source,
                                const phash_bank_import_options *options)
{
    phash_list *list;
    phash_status status = phash_list_open_reader(read_input, in, NULL, &list, bank->error);
    while (!status) {
        phash_list_record r = PHASH_LIST_RECORD_INIT;
        phash_error details = PHASH_ERROR_INIT;
        status = phash_list_next(list, &r, &details);
        if (status == PHASH_E_NOT_FOUND) {
            status = bank->result->bad && !bank->result->records
                         ? phash_fail(bank->error, PHASH_E_FORMAT, "no line of it is a hash")
                         : PHASH_OK;
            break;
        }
        if (status) {
            /* Nothing before it was a hash: this is some other file. */
            if (phash_list_failed(list) || status == PHASH_E_FORMAT) {
                status = phash_fail_at(bank->error, status, details.sys_errno, details.offset, "%s",
                                       details.message);
                break;
            }
            report(bank, options, &details);
            status = PHASH_OK;
            continue;
        }
        BANK_COUNT(bank, records);
        if (r.fast) {
            (void)phash_fail_at(&details, PHASH_E_KIND, 0, r.line,
                                "line %" PRIu64
                                ": a hash of profile fast is an approximation and is not taken in",
                                r.line);
            report(bank, options, &details);
            continue;
        }
        if (r.quality >= 0 && r.quality < options->min_quality) {
            BANK_COUNT(bank, skipped);
            continue;
        }
        int64_t id;
        bool added;
        status = take_hash(bank, &r.hash, r.quality, source, WORD_UNKNOWN, &id, &added);
    }
    phash_list_free(&list);
    return status;
}

static phash_status import_pages(phash_bank *bank, input *in, int64_t source,
                                 const phash_bank_import_options *options)
{
    phash_page_import import = {.source = source, .options = options};
    phash_exchange *reader;
    phash_status status = phash_exchange_open(read_input, in, &reader, bank->error);
    while (!status) {
        phash_exchange_record r = PHASH_EXCHANGE_RECORD_INIT;
        phash_error details = PHASH_ERROR_INIT;
        status = phash_exchange_next(reader, &r, &details);
        if (status == PHASH_E_NOT_FOUND) {
            status = PHASH_OK;
            break;
        }
        if (phash_exchange_failed(reader)) {
            status = phash_fail_at(bank->error, status, details.sys_errno, details.offset, "%s",
                                   details.message);
            break;
        }
        if (status) {
            report(bank, options, &details);
            status = PHASH_OK;
            continue;
        }
        BANK_COUNT(bank, records);
        status = r.is_feedback ? phash_bank_take_feedback(bank, &import, &r)
                               : phash_bank_take_record(bank, &import, &r);
    }
    if (!status)
        status = phash_bank_take_digests(bank, &import);
    phash_exchange_page page = PHASH_EXCHANGE_PAGE_INIT;
    if (!status && phash_exchange_page_get(reader, &page) == PHASH_OK && page.next >= 0) {
        sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SOURCE_SET);
        sqlite3_bind_int64(s, 1, source);
        sqlite3_bind_int64(s, 2, page.next);
        sqlite3_bind_text(s, 3, page.has_more ? page.next_token : NULL, -1, SQLITE_TRANSIENT);
        status = phash_bank_run(bank, s);
        bank->changed = bank->changed || sqlite3_changes(bank->db) > 0;
    }
    phash_wipe_free(import.digests, import.digest_capacity * 32);
    phash_exchange_free(&reader);
    return status;
}

/* Finds or makes the row of a case that came as a file. *id is 0 when it is over. */
static phash_status own_case(phash_bank *bank, const phash_case *c, int64_t source, int64_t *id,
                             int64_t *case_status)
{
    bool row;
    *id = 0;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CASE_FIND);
    sqlite3_bind_text(s, 1, phash_case_number(c), -1, SQLITE_STATIC);
    phash_status status = phash_bank_step(bank, s, &row);
    if (status)
        return status;
    if (row) {
        const char *verifier = (const char *)sqlite3_column_text(s, 2);
        const bool same = verifier && !strcmp(verifier, phash_case_verifier(c));
        *case_status = sqlite3_column_int64(s, 1);
        if (!phash_bank_is_over(*case_status))
            *id = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        return same || !*id ? PHASH_OK
                            : phash_fail(bank->error, PHASH_E_EXISTS,
                                         "another case of this number is in the bank");
    }
    *case_status = WORD_RECEIVED;
    s = phash_bank_stmt(bank, SQL_CASE_ADD);
    sqlite3_bind_text(s, 1, phash_case_number(c), -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, WORD_RECEIVED);
    sqlite3_bind_int64(s, 3, bank->stamp);
    sqlite3_bind_int64(s, 4, bank->stamp);
    sqlite3_bind_int64(s, 5, source);
    if ((status = phash_bank_run(bank, s)) != PHASH_OK)
        return status;
    *id = sqlite3_last_insert_rowid(bank->db);
    bank->changed = true;
    s = phash_bank_stmt(bank, SQL_CASE_OWN);
    sqlite3_bind_int64(s, 1, *id);
    sqlite3_bind_text(s, 2, phash_case_verifier(c), -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, phash_case_created(c));
    return phash_bank_run(bank, s);
}

static phash_status take_image(phash_bank *bank, const phash_case_signal *signal, int64_t source,
                               int64_t case_id, int64_t case_status)
{
    phash_status status = PHASH_OK;
    /* Without orientations: the hash alone. */
    for (int d = 0; d < (signal->has_dihedral ? 8 : 1) && !status; d++) {
        int64_t id;
        bool added, linked = false;
        status = take_hash(bank, d ? &signal->dihedral[d] : &signal->hash, signal->quality, source,
                           case_status, &id, &added);
        if (!status)
            status = phash_bank_link(bank, id, case_id, source, &linked);
        if (!status && linked && !added) {
            status = phash_bank_signal_status(bank, id, WORD_UNKNOWN, NULL);
            if (!status)
                status = phash_bank_touch(bank, id);
        }
    }
    return status;
}

static phash_status import_case(phash_bank *bank, const phash_case *c, int64_t source,
                                const phash_bank_import_options *options)
{
    int64_t id, case_status;
    phash_status status = own_case(bank, c, source, &id, &case_status);
    if (bank->result)
        memcpy(bank->result->case_number, phash_case_number(c), strlen(phash_case_number(c)) + 1);
    for (size_t i = 0; i < phash_case_count(c) && !status; i++) {
        phash_case_signal signal = PHASH_CASE_SIGNAL_INIT;
        (void)phash_case_signal_get(c, i, &signal);
        BANK_COUNT(bank, records);
        if (!id || signal.quality < options->min_quality)
            BANK_COUNT(bank, skipped);
        else
            status = take_image(bank, &signal, source, id, case_status);
        phash_wipe(&signal, sizeof signal);
    }
    return status;
}

/* Case files are short: read whole, opened where they are sealed, and parsed before the bank is
 * touched. */
static phash_status read_case(input *in, phash_bank_kind kind,
                              const phash_bank_import_options *options, phash_case **c,
                              phash_error *error)
{
    phash_text whole = {0};
    phash_status status = PHASH_OK;
    for (;;) {
        char chunk[4096];
        size_t got = 0;
        status = read_input(in, chunk, sizeof chunk, &got, error);
        if (!status && whole.length + got > PHASH_CASE_FILE_MAX)
            status = phash_fail(error, PHASH_E_LIMIT_INPUT, "longer than a case file can be");
        phash_text_add(&whole, chunk, status ? 0 : got);
        phash_wipe(chunk, sizeof chunk);
        if (status || !got)
            break;
    }
    if (!status && whole.failed)
        status = phash_fail(error, PHASH_E_MEMORY, "out of memory");
    if (!status && kind == PHASH_BANK_KIND_SEALED_CASE) {
        char *text = NULL;
        size_t length = 0;
        if (!options->secret_key)
            status = phash_fail(error, PHASH_E_KIND, "sealed: a secret key is needed to open it");
        else
            status = phash_unseal(whole.bytes, whole.length, options->secret_key,
                                  options->secret_key_bytes, &text, &length, error);
        if (!status)
            status = phash_case_read(text, length, c, error);
        phash_text_free(&text, length);
    } else if (!status) {
        status = phash_case_read(whole.bytes, whole.length, c, error);
    }
    phash_text_drop(&whole);
    return status;
}

static phash_status import_input(phash_bank *bank, input *in,
                                 const phash_bank_import_options *options,
                                 phash_bank_import_result *result)
{
    phash_case *c = NULL;
    int64_t source;
    phash_status status = fill_head(in, bank->error);
    if (status)
        return status;
    result->kind = sniff(in);
    const bool is_case =
        result->kind == PHASH_BANK_KIND_CASE || result->kind == PHASH_BANK_KIND_SEALED_CASE;
    if (is_case && (status = read_case(in, result->kind, options, &c, bank->error)) != PHASH_OK)
        return status;
    status = phash_bank_begin(bank, true);
    if (status) {
        phash_case_free(&c);
        return status;
    }
    bank->result = result;
    status = phash_bank_source(bank, options->source, &source);
    if (!status)
        status = is_case                                 ? import_case(bank, c, source, options)
                 : result->kind == PHASH_BANK_KIND_PAGES ? import_pages(bank, in, source, options)
                                                         : import_list(bank, in, source, options);
    phash_case_free(&c);
    bank->result = NULL;
    if (status || !bank->changed) {
        phash_bank_rollback(bank);
        return status;
    }
    return phash_bank_commit(bank);
}

phash_status phash_bank_import(phash_bank *bank, phash_read_fn read, void *context,
                               const phash_bank_import_options *options,
                               phash_bank_import_result *result, phash_error *error)
{
    static const phash_bank_import_options defaults = PHASH_BANK_IMPORT_OPTIONS_INIT;
    if (!options)
        options = &defaults;
    if (!bank || !read || options->size < sizeof *options || !options->source ||
        !*options->source || (result && result->size < sizeof *result))
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    input *in = phash_alloc(1, sizeof *in);
    if (!in)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    in->read = read;
    in->context = context;
    in->at = in->bytes = 0;
    in->at_eof = false;
    phash_bank_import_result counts = PHASH_BANK_IMPORT_RESULT_INIT;
    const phash_status status = import_input(bank, in, options, &counts);
    phash_wipe_free(in, sizeof *in);
    if (!status && result)
        *result = counts;
    return status;
}

static phash_status read_fd(void *context, void *buffer, size_t capacity, size_t *got,
                            phash_error *error)
{
    const int *fd = context;
    ssize_t n;
    do
        n = read(*fd, buffer, capacity);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        const int e = errno;
        return phash_fail_at(error, PHASH_E_READ, e, UINT64_MAX, "cannot read: %s", strerror(e));
    }
    *got = (size_t)n;
    return PHASH_OK;
}

phash_status phash_bank_import_fd(phash_bank *bank, int fd,
                                  const phash_bank_import_options *options,
                                  phash_bank_import_result *result, phash_error *error)
{
    return phash_bank_import(bank, read_fd, &fd, options, result, error);
}
