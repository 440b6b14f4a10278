/* Export: pages of everything that changed since a stamp.
 *
 * A page token says how far an export got: which of the three parts (cases that are over, hashes that
 * are gone, signals), the stamp and id of the last record, and the last stamp there was when the
 * export began. What changes while an export runs gets a later stamp; it is left to the next export,
 * which starts where this one's nextSetTimestamp says.
 */
#include "bank/db.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PART_CASES, PART_GONE, PART_SIGNALS, PARTS };

typedef struct {
    int part;
    int64_t stamp, id; /* the record before */
    int64_t upto;      /* last stamp that belongs to this export */
} position;

static bool parse_token(const char *token, int64_t since, int64_t clock, position *p)
{
    int end = 0;
    if (!token || !*token) {
        *p = (position){PART_CASES, since - 1, INT64_MAX, clock};
        return true;
    }
    return sscanf(token, "1.%d.%" SCNd64 ".%" SCNd64 ".%" SCNd64 "%n", &p->part, &p->stamp, &p->id,
                  &p->upto, &end) == 4 &&
           !token[end] && p->part >= 0 && p->part < PARTS;
}

/* The text of a signal's value: hex of a PDQ hash, anything else as it came. */
static const char *value_text(sqlite3_stmt *s, int type_column, char hex[PHASH_HASH256_HEX + 1])
{
    if (sqlite3_column_int64(s, type_column) != WORD_IMAGE_PDQ)
        return (const char *)sqlite3_column_text(s, type_column + 1);
    phash_hash256 hash;
    const void *bytes = sqlite3_column_blob(s, type_column + 1);
    if (sqlite3_column_bytes(s, type_column + 1) != (int)sizeof hash.bytes)
        return NULL;
    memcpy(hash.bytes, bytes, sizeof hash.bytes);
    phash_hash256_to_hex(&hash, hex);
    phash_wipe(&hash, sizeof hash);
    return hex;
}

/* Words are few and repeat in every record: kept for the length of a page. */
typedef struct {
    int64_t id;
    char text[64];
} word_slot;

static phash_status word_text(phash_bank *bank, word_slot *slot, int64_t id, const char **text)
{
    if (slot->id != id || !slot->text[0]) {
        bool row;
        sqlite3_stmt *s = phash_bank_stmt(bank, SQL_WORD_TEXT);
        sqlite3_bind_int64(s, 1, id);
        const phash_status status = phash_bank_step(bank, s, &row);
        if (status)
            return status;
        slot->id = id;
        const char *found = row ? (const char *)sqlite3_column_text(s, 0) : NULL;
        snprintf(slot->text, sizeof slot->text, "%s", found && *found ? found : "Unknown");
        sqlite3_reset(s);
    }
    *text = slot->text;
    return PHASH_OK;
}

/* Rows that belong to one record, copied: the statements that give them are used again. */
enum { CASES_MAX = 4096, FEEDBACK_MAX = 512 };

typedef struct {
    word_slot type, status, case_status;
    char *texts[2 * CASES_MAX + 4 * FEEDBACK_MAX];
    size_t text_count;
    phash_exchange_case cases[CASES_MAX];
    phash_exchange_feedback feedbacks[FEEDBACK_MAX];
} scratch;

static void drop_texts(scratch *x)
{
    for (size_t i = 0; i < x->text_count; i++)
        phash_wipe_free(x->texts[i], strlen(x->texts[i]));
    x->text_count = 0;
}

/* NULL stays NULL. False: out of memory. */
static bool keep(scratch *x, sqlite3_stmt *s, int column, phash_exchange_text *out)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    *out = NULL;
    if (!text)
        return true;
    const size_t bytes = strlen(text) + 1;
    char *copy = phash_alloc(bytes, 1);
    if (!copy)
        return false;
    memcpy(copy, text, bytes);
    x->texts[x->text_count++] = copy;
    *out = copy;
    return true;
}

static phash_status no_memory(phash_bank *bank)
{
    return phash_fail(bank->error, PHASH_E_MEMORY, "out of memory");
}

static phash_status add_details(phash_bank *bank, scratch *x, int64_t signal,
                                phash_exchange_record *r)
{
    bool row = true;
    phash_status status;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_LINK_CASES);
    sqlite3_bind_int64(s, 1, signal);
    while (!(status = phash_bank_step(bank, s, &row)) && row && r->case_count < CASES_MAX) {
        const char *text;
        phash_exchange_case *c = &x->cases[r->case_count];
        if (!keep(x, s, 1, &c->number))
            return no_memory(bank);
        if ((status = word_text(bank, &x->case_status, sqlite3_column_int64(s, 0), &text)) != 0)
            return status;
        /* The slot may change with the next case. */
        const size_t bytes = strlen(text) + 1;
        char *copy = phash_alloc(bytes, 1);
        if (!copy)
            return no_memory(bank);
        memcpy(copy, text, bytes);
        x->texts[x->text_count++] = copy;
        c->status = copy;
        r->case_count++;
    }
    sqlite3_reset(s);
    if (status)
        return status;
    s = phash_bank_stmt(bank, SQL_FEEDBACK_OF_SIGNAL);
    sqlite3_bind_int64(s, 1, signal);
    while (!(status = phash_bank_step(bank, s, &row)) && row && r->feedback_count < FEEDBACK_MAX) {
        phash_exchange_feedback *f = &x->feedbacks[r->feedback_count++];
        if (!keep(x, s, 0, &f->source) || !keep(x, s, 1, &f->value) || !keep(x, s, 2, &f->tags) ||
            !keep(x, s, 3, &f->other))
            return no_memory(bank);
    }
    sqlite3_reset(s);
    r->cases = x->cases;
    r->feedbacks = x->feedbacks;
    r->has_cases = 1;
    return status;
}

/* One row of one part, as a record. */
static phash_status add_row(phash_bank *bank, scratch *x, int part, sqlite3_stmt *s,
                            phash_exchange_writer *writer, position *p)
{
    char hex[PHASH_HASH256_HEX + 1] = "", sha[PHASH_HASH256_HEX + 1];
    phash_exchange_record r = PHASH_EXCHANGE_RECORD_INIT;
    phash_status status = PHASH_OK;
    const int stamp_column = part == PART_CASES ? 3 : 4;
    p->id = sqlite3_column_int64(s, 0);
    p->stamp = r.modified = sqlite3_column_int64(s, stamp_column);
    r.hash_value = "";
    if (part == PART_CASES) {
        r.signal_type = "ImagePDQ";
        r.hash_status = sqlite3_column_int64(s, 2) == WORD_DELETED ? "Deleted" : "Withdrawn";
        x->cases[0] = (phash_exchange_case){(const char *)sqlite3_column_text(s, 1), r.hash_status};
        r.cases = x->cases;
        r.has_cases = 1;
        r.case_count = 1;
    } else if (part == PART_GONE) {
        phash_hash256 digest;
        const void *bytes = sqlite3_column_blob(s, 2);
        if (sqlite3_column_bytes(s, 2) != 32)
            return phash_fail(bank->error, PHASH_E_CORRUPT, "bank: a digest is damaged");
        memcpy(digest.bytes, bytes, 32);
        phash_hash256_to_hex(&digest, sha);
        r.hash_sha256 = sha;
        r.hash_status = sqlite3_column_int64(s, 3) == WORD_DELETED ? "Deleted" : "Withdrawn";
        status = word_text(bank, &x->type, sqlite3_column_int64(s, 1), &r.signal_type);
    } else {
        status = word_text(bank, &x->type, sqlite3_column_int64(s, 1), &r.signal_type);
        r.hash_value = value_text(s, 1, hex);
        r.other = (const char *)sqlite3_column_text(s, 5);
        if (!r.hash_value)
            return phash_fail(bank->error, PHASH_E_CORRUPT, "bank: a hash is damaged");
        if (!status)
            status = word_text(bank, &x->status, sqlite3_column_int64(s, 3), &r.hash_status);
        if (!status)
            status = add_details(bank, x, p->id, &r);
    }
    if (!status && phash_exchange_writer_add(writer, &r) != PHASH_OK)
        status = no_memory(bank);
    drop_texts(x);
    phash_wipe(hex, sizeof hex);
    return status;
}

/* Fills a page. *more: there is at least one record behind it. */
static phash_status fill(phash_bank *bank, scratch *x, position *p, int64_t since, size_t page_size,
                         phash_exchange_writer *writer, bool *more)
{
    static const phash_sql sql[PARTS] = {SQL_CASE_PAGE, SQL_GONE_PAGE, SQL_SIGNAL_PAGE};
    for (;;) {
        sqlite3_stmt *s = phash_bank_stmt(bank, sql[p->part]);
        sqlite3_bind_int64(s, 1, p->stamp);
        sqlite3_bind_int64(s, 2, p->id);
        sqlite3_bind_int64(s, 3, p->upto);
        sqlite3_bind_int64(s, 4, (int64_t)(page_size - phash_exchange_writer_count(writer)) + 1);
        for (bool row;;) {
            phash_status status = phash_bank_step(bank, s, &row);
            if (status)
                return status;
            if (!row)
                break;
            if (phash_exchange_writer_count(writer) == page_size) {
                *more = true;
                sqlite3_reset(s);
                return PHASH_OK;
            }
            if ((status = add_row(bank, x, p->part, s, writer, p)) != PHASH_OK)
                return status;
        }
        if (p->part == PART_SIGNALS)
            return PHASH_OK;
        *p = (position){p->part + 1, since - 1, INT64_MAX, p->upto};
    }
}

phash_status phash_bank_export(phash_bank *bank, int64_t since, const char *token, size_t page_size,
                               char **text, size_t *length, phash_exchange_page *page,
                               phash_error *error)
{
    if (text)
        *text = NULL;
    if (!bank || since < 0 || !page_size || page_size > 100000 || !text || !length ||
        (page && page->size < sizeof *page))
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    PHASH_BANK_ENTER(bank, error);
    phash_status status = phash_bank_begin(bank, false);
    if (status)
        return status;
    position p;
    bool more = false;
    phash_exchange_writer *writer = NULL;
    phash_exchange_page said = PHASH_EXCHANGE_PAGE_INIT;
    scratch *x = phash_alloc_zero(1, sizeof *x);
    if (!x || phash_exchange_writer_new(&writer) != PHASH_OK) {
        status = no_memory(bank);
        goto done;
    }
    if (!parse_token(token, since, bank->clock, &p)) {
        status = phash_fail(error, PHASH_E_ARGUMENT, "not a page token of this bank");
        goto done;
    }
    status = fill(bank, x, &p, since, page_size, writer, &more);
    if (status)
        goto done;
    said.has_more = more;
    /* Up to the last signal's stamp all is given; of that stamp itself there may be more. */
    said.next = !more ? p.upto + 1 : p.part == PART_SIGNALS && p.stamp > since ? p.stamp : since;
    if (more)
        snprintf(said.next_token, sizeof said.next_token, "1.%d.%" PRId64 ".%" PRId64 ".%" PRId64,
                 p.part, p.stamp, p.id, p.upto);
    said.pages = 1;
    status = phash_exchange_writer_take(writer, &said, text, length);
    if (status)
        status = no_memory(bank);
    else if (page)
        *page = said;
done:
    if (x)
        drop_texts(x);
    phash_wipe_free(x, sizeof *x);
    phash_exchange_writer_free(&writer);
    phash_bank_rollback(bank);
    return status;
}
