/* One record of a page: what it says about its cases first, then about its signal. */
#include "bank/db.h"

#include "exchange/text.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { DIGESTS_MAX = 1 << 20 };

typedef struct {
    int64_t id, status;
    bool own; /* came with a PIN: pages cannot change it */
} case_row;

static phash_status find_case(phash_bank *bank, const char *number, case_row *out)
{
    bool row;
    *out = (case_row){0};
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CASE_FIND);
    sqlite3_bind_text(s, 1, number, -1, SQLITE_STATIC);
    const phash_status status = phash_bank_step(bank, s, &row);
    if (row) {
        out->id = sqlite3_column_int64(s, 0);
        out->status = sqlite3_column_int64(s, 1);
        out->own = sqlite3_column_type(s, 2) != SQLITE_NULL;
        sqlite3_reset(s);
    }
    return status;
}

static phash_status add_case(phash_bank *bank, const char *number, int64_t status, int64_t source,
                             case_row *out)
{
    const bool over = phash_bank_is_over(status);
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CASE_ADD);
    sqlite3_bind_text(s, 1, number, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, status);
    sqlite3_bind_int64(s, 3, bank->stamp);
    if (over) {
        sqlite3_bind_null(s, 4);
        sqlite3_bind_null(s, 5);
    } else {
        sqlite3_bind_int64(s, 4, bank->stamp);
        sqlite3_bind_int64(s, 5, source);
    }
    const phash_status result = phash_bank_run(bank, s);
    *out = (case_row){sqlite3_last_insert_rowid(bank->db), status, false};
    bank->changed = true;
    if (over)
        BANK_COUNT(bank, withdrawn);
    return result;
}

/* A case was Received and is Active now, say: every signal of it may change. */
static phash_status change_case(phash_bank *bank, case_row *c, int64_t status)
{
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CASE_STATUS);
    sqlite3_bind_int64(s, 1, c->id);
    sqlite3_bind_int64(s, 2, status);
    sqlite3_bind_int64(s, 3, bank->stamp);
    phash_status result = phash_bank_run(bank, s);
    c->status = status;
    bank->changed = true;
    /* Statuses and stamps only, so the rows that are walked stay where they are. */
    s = phash_bank_stmt(bank, SQL_LINK_SIGNALS);
    sqlite3_bind_int64(s, 1, c->id);
    for (bool row = true; !result;) {
        result = phash_bank_step(bank, s, &row);
        if (!row)
            break;
        const int64_t signal = sqlite3_column_int64(s, 0);
        result = phash_bank_signal_status(bank, signal, sqlite3_column_int64(s, 1), NULL);
        if (!result)
            result = phash_bank_touch(bank, signal);
    }
    sqlite3_reset(s);
    return result;
}

/* Brings one case to what the record says. *open: it holds its signals. *ended is set, and else left,
 * where it did until now. */
static phash_status take_case(phash_bank *bank, const phash_page_import *import,
                              const phash_exchange_case *given, bool is_older, case_row *c,
                              bool *open, bool *ended)
{
    int64_t status;
    phash_status result = phash_bank_word(bank, given->status, &status);
    if (!result)
        result = find_case(bank, given->number, c);
    if (result)
        return result;
    const bool over = phash_bank_is_over(status);
    if (!c->id)
        result = add_case(bank, given->number, status, import->source, c);
    else if (over && !phash_bank_is_over(c->status) && !c->own) {
        result = phash_bank_close_case(bank, c->id, status);
        *ended = true;
    } else if (!over && !phash_bank_is_over(c->status) && !c->own && !is_older &&
               status != c->status)
        result = change_case(bank, c, status);
    *open = !over && !phash_bank_is_over(c->status);
    return result;
}

static phash_status remember_digest(phash_bank *bank, phash_page_import *import, const char *hex)
{
    if (import->digest_count == import->digest_capacity) {
        const size_t capacity = import->digest_capacity ? 2 * import->digest_capacity : 64;
        void *grown = capacity <= DIGESTS_MAX ? phash_alloc(capacity, 32) : NULL;
        if (!grown)
            return phash_fail(bank->error, PHASH_E_MEMORY, "out of memory");
        if (import->digest_count)
            memcpy(grown, import->digests, import->digest_count * 32);
        phash_wipe_free(import->digests, import->digest_capacity * 32);
        import->digests = grown;
        import->digest_capacity = capacity;
    }
    phash_hash256 digest;
    if (phash_hash256_from_hex(hex, strlen(hex), &digest) == PHASH_OK)
        memcpy(import->digests[import->digest_count++], digest.bytes, 32);
    return PHASH_OK;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

/* Erases the signals of no case whose digests pages named. One walk over all of them, however many
 * digests there are. */
phash_status phash_bank_take_digests(phash_bank *bank, phash_page_import *import)
{
    if (!import->digest_count)
        return PHASH_OK;
    qsort(import->digests, import->digest_count, 32, compare);
    for (int64_t after = 0, n = 1000; n == 1000;) {
        int64_t found[1000], hits = 0;
        sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_LOOSE);
        sqlite3_bind_int64(s, 1, after);
        for (n = 0;; n++) {
            bool row;
            const phash_status status = phash_bank_step(bank, s, &row);
            if (status)
                return status;
            if (!row)
                break;
            uint8_t sha[crypto_hash_sha256_BYTES];
            after = sqlite3_column_int64(s, 0);
            const void *value = sqlite3_column_blob(s, 1);
            crypto_hash_sha256(sha, value, (size_t)sqlite3_column_bytes(s, 1));
            if (bsearch(sha, import->digests, import->digest_count, 32, compare))
                found[hits++] = after;
        }
        for (int64_t i = 0; i < hits; i++) {
            const phash_status status = phash_bank_erase_signal(bank, found[i], WORD_DELETED, true);
            if (status)
                return status;
        }
    }
    return PHASH_OK;
}

/* Drops links that this source gave earlier and does not give any more. */
static phash_status drop_stale(phash_bank *bank, int64_t signal, int64_t source, const char *ids,
                               bool *dropped)
{
    bool row;
    *dropped = false;
    /* Most have no links at all, and a JSON list is not taken apart for those. */
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_LINK_OF_SOURCE);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, source);
    phash_status status = phash_bank_step(bank, s, &row);
    if (status || !row)
        return status;
    s = phash_bank_stmt(bank, SQL_LINK_STALE);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, source);
    sqlite3_bind_text(s, 3, ids, -1, SQLITE_STATIC);
    status = phash_bank_step(bank, s, &row);
    *dropped = row && sqlite3_column_int64(s, 0) > 0;
    if (status || !*dropped)
        return status;
    s = phash_bank_stmt(bank, SQL_LINK_DROP_STALE);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, source);
    sqlite3_bind_text(s, 3, ids, -1, SQLITE_STATIC);
    return phash_bank_run(bank, s);
}

static phash_status take_feedbacks(phash_bank *bank, int64_t signal, int64_t via,
                                   const phash_exchange_record *r, bool *changed)
{
    bool row;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_FEEDBACK_COUNT_VIA);
    sqlite3_bind_int64(s, 1, signal);
    sqlite3_bind_int64(s, 2, via);
    phash_status status = phash_bank_step(bank, s, &row);
    if (!status && row && sqlite3_column_int64(s, 0) > (int64_t)r->feedback_count) {
        /* Some were taken back: what is left is set anew below. */
        sqlite3_reset(s);
        s = phash_bank_stmt(bank, SQL_FEEDBACK_DROP_VIA);
        sqlite3_bind_int64(s, 1, signal);
        sqlite3_bind_int64(s, 2, via);
        status = phash_bank_run(bank, s);
        *changed = true;
    } else {
        sqlite3_reset(s);
    }
    for (size_t i = 0; i < r->feedback_count && !status; i++) {
        int64_t source;
        bool one = false;
        const char *name = r->feedbacks[i].source ? r->feedbacks[i].source : "Unknown";
        status = phash_bank_word(bank, name, &source);
        if (!status)
            status = phash_bank_feedback_set(bank, signal, source, &r->feedbacks[i], via, &one);
        if (one)
            BANK_COUNT(bank, feedback);
        *changed = *changed || one;
    }
    return status;
}

/* What the record says about the signal itself. *changed: the row now differs. */
static phash_status update_row(phash_bank *bank, const phash_signal_row *old,
                               const phash_signal_row *new, bool *changed)
{
    const bool same_other =
        old->other && new->other ? !strcmp(old->other, new->other) : !old->other && !new->other;
    if (old->given == new->given && old->modified == new->modified &&
        old->source == new->source &&same_other)
        return PHASH_OK;
    *changed = true;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_SIGNAL_SET);
    sqlite3_bind_int64(s, 1, old->id);
    sqlite3_bind_int64(s, 2, old->quality);
    sqlite3_bind_int64(s, 3, new->given);
    sqlite3_bind_int64(s, 4, new->modified);
    sqlite3_bind_int64(s, 5, new->source);
    sqlite3_bind_text(s, 6, new->other, -1, SQLITE_STATIC);
    return phash_bank_run(bank, s);
}

typedef struct {
    int64_t *ids; /* of the record's open cases */
    size_t count;
    int64_t status; /* the strongest of theirs */
} open_cases;

static phash_status take_signal(phash_bank *bank, const phash_page_import *import,
                                const phash_exchange_record *r, phash_signal_row *old, int64_t type,
                                const void *value, size_t bytes, const open_cases *open)
{
    phash_signal_row row = {.quality = -1, .modified = r->modified, .source = import->source};
    phash_status status = PHASH_OK;
    row.given = WORD_UNKNOWN;
    if (r->hash_status)
        status = phash_bank_word(bank, r->hash_status, &row.given);
    /* Nothing holds it: neither a case that is named, nor, where none is, the record itself. */
    const bool over = phash_bank_is_over(row.given) || r->case_count > 0;
    if (!status && !open->count && over) {
        int64_t others = 0;
        if (old->id)
            status = phash_bank_signal_status(bank, old->id, row.given, &others);
        if (status || !old->id || others)
            return status;
        return phash_bank_erase_signal(bank, old->id, WORD_WITHDRAWN, true);
    }
    row.status = open->count ? open->status : row.given;
    memcpy(&row.other, &r->other, sizeof row.other); /* borrowed for the two calls below */
    bool changed = false, added = false;
    if (!status && old->id)
        status = update_row(bank, old, &row, &changed);
    else if (!status)
        status = phash_bank_signal_add(bank, type, value, bytes, &row, &added);
    const int64_t id = old->id ? old->id : row.id;
    phash_text ids = {0};
    phash_text_puts(&ids, "[");
    for (size_t i = 0; i < open->count && !status; i++) {
        bool linked;
        status = phash_bank_link(bank, id, open->ids[i], import->source, &linked);
        changed = changed || linked;
        phash_text_puts(&ids, i ? "," : "");
        phash_text_int(&ids, open->ids[i]);
    }
    phash_text_puts(&ids, "]");
    if (ids.failed)
        status = phash_fail(bank->error, PHASH_E_MEMORY, "out of memory");
    bool dropped = false;
    if (!status && old->id && r->has_cases)
        status = drop_stale(bank, id, import->source, ids.bytes, &dropped);
    phash_text_drop(&ids);
    if (!status && (old->id || r->feedback_count))
        status = take_feedbacks(bank, id, import->source, r, &changed);
    if (!status && old->id && (changed || dropped)) {
        status = phash_bank_signal_status(bank, id, row.given, NULL);
        if (!status)
            status = phash_bank_touch(bank, id);
        bank->changed = true;
    }
    return status;
}

phash_status phash_bank_take_record(phash_bank *bank, phash_page_import *import,
                                    const phash_exchange_record *r)
{
    phash_hash256 hash;
    phash_signal_row old = {0};
    int64_t type;
    const void *value = r->hash_value;
    size_t bytes = strlen(r->hash_value);
    phash_status status = phash_bank_word(bank, r->signal_type, &type);
    if (!status && type == WORD_IMAGE_PDQ && bytes) {
        (void)phash_hash256_from_hex(r->hash_value, bytes, &hash); /* the reader saw to it */
        value = hash.bytes;
        bytes = sizeof hash.bytes;
    }
    if (!status && bytes)
        status = phash_bank_signal_find(bank, type, value, bytes, &old);
    if (status)
        return status;
    const bool is_older = old.id && old.source == import->source && r->modified < old.modified;

    bool ended = false;
    open_cases open = {0};
    open.ids = r->case_count ? phash_alloc(r->case_count, sizeof *open.ids) : NULL;
    if (r->case_count && !open.ids)
        status = phash_fail(bank->error, PHASH_E_MEMORY, "out of memory");
    for (size_t i = 0; i < r->case_count && !status; i++) {
        case_row c;
        bool is_open;
        status = take_case(bank, import, &r->cases[i], is_older || !bytes, &c, &is_open, &ended);
        if (!status && is_open) {
            open.status = open.count ? phash_bank_stronger(open.status, c.status) : c.status;
            open.ids[open.count++] = c.id;
        }
    }
    if (!status && !bytes && r->hash_sha256)
        status = remember_digest(bank, import, r->hash_sha256);
    if (!status && is_older)
        BANK_COUNT(bank, skipped);
    /* A case that ended just now may have taken the signal with it. */
    if (!status && ended && bytes && !is_older) {
        phash_bank_row_drop(&old);
        status = phash_bank_signal_find(bank, type, value, bytes, &old);
    }
    if (!status && bytes && !is_older)
        status = take_signal(bank, import, r, &old, type, value, bytes, &open);
    phash_bank_row_drop(&old);
    phash_wipe(&hash, sizeof hash);
    phash_wipe_free(open.ids, r->case_count * sizeof *open.ids);
    return status;
}
