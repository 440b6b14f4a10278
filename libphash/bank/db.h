/* Inside the bank: the database, its statements, and the steps that import and withdrawal share.
 *
 * db.c      opening, schema, transactions and stamps
 * words.c   texts that repeat
 * signal.c  signals, their links to cases, their status
 * erase.c   what is erased, and making sure of it
 * import.c  the files that come in          record.c  one record of a page
 * export.c  the pages that go out           feedback.c
 * cases.c   status, withdraw, list, purge   follow.c  the change feed
 */
#ifndef PHASH_BANK_DB_H
#define PHASH_BANK_DB_H

#include <phash/bank.h>

#include "core/internal.h"

#include <sqlite3.h>

/* Words with fixed ids; the schema puts them in. */
enum {
    WORD_UNKNOWN = 0,
    WORD_RECEIVED = 1,
    WORD_ACTIVE = 2,
    WORD_WITHDRAWN = 3,
    WORD_DELETED = 4,
    WORD_IMAGE_PDQ = 5,
    WORDS_FIXED = 6
};

/* Every statement that is run; the texts stand in statements.c. */
typedef enum {
    SQL_BEGIN,
    SQL_BEGIN_READ,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_CLOCK_GET,
    SQL_CLOCK_SET,
    SQL_WORD_FIND,
    SQL_WORD_ADD,
    SQL_WORD_TEXT,
    SQL_SOURCE_ADD,
    SQL_SOURCE_FIND,
    SQL_SOURCE_SET,
    SQL_SOURCE_LIST,
    SQL_SIGNAL_ADD,
    SQL_SIGNAL_FIND,
    SQL_SIGNAL_ANY,
    SQL_SIGNAL_SET,
    SQL_SIGNAL_STATUS,
    SQL_SIGNAL_TOUCH,
    SQL_SIGNAL_VALUE,
    SQL_SIGNAL_DELETE,
    SQL_SIGNAL_LOOSE,
    SQL_SIGNAL_OF_SOURCE,
    SQL_SIGNAL_PAGE,
    SQL_SIGNAL_AFTER,
    SQL_GONE_ADD,
    SQL_GONE_PAGE,
    SQL_GONE_AFTER,
    SQL_LINK_ADD,
    SQL_LINK_OF_SOURCE,
    SQL_LINK_STALE,
    SQL_LINK_DROP_STALE,
    SQL_LINK_CASES,
    SQL_LINK_SIGNALS,
    SQL_LINK_DROP_CASE,
    SQL_CASE_ADD,
    SQL_CASE_FIND,
    SQL_CASE_STATUS,
    SQL_CASE_OWN,
    SQL_CASE_CLOSE,
    SQL_CASE_PAGE,
    SQL_CASE_LIST,
    SQL_CASE_INFO,
    SQL_CASE_FEEDBACK,
    SQL_FEEDBACK_FIND,
    SQL_FEEDBACK_SET,
    SQL_FEEDBACK_OF_SIGNAL,
    SQL_FEEDBACK_OF_SOURCE,
    SQL_FEEDBACK_COUNT_VIA,
    SQL_FEEDBACK_DROP_VIA,
    SQL_COUNTS,
    SQL_COUNT
} phash_sql;

extern const char *const phash_bank_sql[SQL_COUNT];

/* Values that were erased in this transaction, to look for in the file afterwards. */
typedef struct {
    uint8_t (*values)[PHASH_HASH256_BYTES];
    size_t count, capacity;
    bool overflow; /* more than are worth looking for: rewrite the file */
    bool any;      /* something was erased, if only of another type */
} phash_erased;

struct phash_bank {
    sqlite3 *db;
    char *path;
    bool writable;
    sqlite3_stmt *statements[SQL_COUNT];
    phash_error *error; /* of the call that is running */
    /* Of the transaction that is running. */
    int64_t clock;   /* last stamp that was written */
    int64_t stamp;   /* of this transaction */
    int64_t next_id; /* of the next signal */
    bool changed;
    phash_erased erased;
    phash_bank_import_result *result; /* counters, or NULL */
};

/* ---- db.c ---- */

/* Turns the database's last failure into a status, and fills bank->error. */
phash_status phash_bank_fail(phash_bank *bank, int rc);
/* A statement, ready to be bound; NULL on failure (phash_bank_fail with sqlite3_errcode). */
sqlite3_stmt *phash_bank_stmt(phash_bank *bank, phash_sql sql);
/* Runs a bound statement that gives no rows. */
phash_status phash_bank_run(phash_bank *bank, sqlite3_stmt *statement);
/* Steps a bound statement: *row tells whether there is a row. It is reset when there is none. */
phash_status phash_bank_step(phash_bank *bank, sqlite3_stmt *statement, bool *row);
/* Transactions. Begin to write draws the stamp; commit erases for good what was erased. */
phash_status phash_bank_begin(phash_bank *bank, bool write);
phash_status phash_bank_commit(phash_bank *bank);
void phash_bank_rollback(phash_bank *bank);
/* Starts a call: notes where errors go. */
#define PHASH_BANK_ENTER(bank, e) ((bank)->error = (e))

/* ---- words.c ---- */
phash_status phash_bank_word(phash_bank *bank, const char *text, int64_t *id);
phash_status phash_bank_source(phash_bank *bank, const char *name, int64_t *id);
bool phash_bank_is_over(int64_t status);
/* The stronger of two statuses. */
int64_t phash_bank_stronger(int64_t a, int64_t b);

/* ---- signal.c ---- */
typedef struct {
    int64_t id, quality, given, status, modified, source;
    char *other; /* NULL or a text, freed by phash_bank_row_drop */
} phash_signal_row;

/* Finds a signal; row->id is 0 when there is none. */
phash_status phash_bank_signal_find(phash_bank *bank, int64_t type, const void *value, size_t bytes,
                                    phash_signal_row *row);
void phash_bank_row_drop(phash_signal_row *row);
/* Adds a signal that is not there (row->id is set), or tells that it is (*added is false). */
phash_status phash_bank_signal_add(phash_bank *bank, int64_t type, const void *value, size_t bytes,
                                   phash_signal_row *row, bool *added);
/* Links a signal to an open case. */
phash_status phash_bank_link(phash_bank *bank, int64_t signal, int64_t case_id, int64_t source,
                             bool *added);
/* Computes a signal's status anew; *cases tells how many hold it. */
phash_status phash_bank_signal_status(phash_bank *bank, int64_t signal, int64_t given,
                                      int64_t *cases);
/* Marks a signal as changed by this transaction. */
phash_status phash_bank_touch(phash_bank *bank, int64_t signal);

/* ---- erase.c ---- */
/* Erases a signal. `digest` tells whether exports shall name it by its SHA-256, as it belonged to no
 * case by whose number they could. */
phash_status phash_bank_erase_signal(phash_bank *bank, int64_t signal, int64_t status, bool digest);
/* Ends a case and erases every signal that no other case holds. */
phash_status phash_bank_close_case(phash_bank *bank, int64_t case_id, int64_t status);
/* After a commit: no byte of what was erased stays in the file. */
phash_status phash_bank_scrub(phash_bank *bank, bool rewrite);
void phash_bank_erased_drop(phash_bank *bank);

/* ---- record.c, feedback.c ---- */
typedef struct {
    int64_t source;
    const phash_bank_import_options *options;
    uint8_t (*digests)[32]; /* of hashes of no case that are over */
    size_t digest_count, digest_capacity;
} phash_page_import;
phash_status phash_bank_take_record(phash_bank *bank, phash_page_import *import,
                                    const phash_exchange_record *record);
phash_status phash_bank_take_digests(phash_bank *bank, phash_page_import *import);
phash_status phash_bank_feedback_set(phash_bank *bank, int64_t signal, int64_t source,
                                     const phash_exchange_feedback *feedback, int64_t via,
                                     bool *changed);
phash_status phash_bank_take_feedback(phash_bank *bank, const phash_page_import *import,
                                      const phash_exchange_record *record);

#define BANK_COUNT(bank, what) ((void)((bank)->result ? (bank)->result->what++ : 0))

#endif
