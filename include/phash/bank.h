/* phash/bank.h: the bank: signals, cases and feedback of a hotline or partner, in one SQLite file.
 *
 * A signal is a hash (or another value that the exchange carries), held by one or more cases, or by
 * none when it came from a list. A case is Received, Active, or over: Withdrawn or Deleted. A signal's
 * status is the strongest of its cases', in this order:
 *
 *     Active > Received > Unknown, and every status this library does not know > Withdrawn > Deleted
 *
 * When a case is over, every hash that no open case holds is erased, not marked: from tables,
 * indexes, free pages and the write-ahead log; a list that named it too does not keep it. Of the case
 * stay its number and that it is over. So a case that was withdrawn cannot come back: records and
 * case files that name it again are passed over.
 *
 *     phash_bank *bank;
 *     phash_bank_open("hotline.db", PHASH_BANK_WRITE, &bank, &error);
 *     phash_bank_import_fd(bank, fd, NULL, &result, &error);
 *     phash_bank_free(&bank);
 *
 * Stamps. Every transaction that changes something gets a stamp: the time in seconds since 1970, or
 * the last stamp plus one, whichever is more. Stamps are what the exchange calls lastModtimestamp and
 * nextSetTimestamp. SQLite writes one transaction after the other, so who asks for everything from
 * nextSetTimestamp on misses nothing, however writes fall between pages.
 *
 * The file: WAL mode, foreign keys, secure_delete, application_id 0x70684231 ("phB1"), user_version 1.
 * Tables: signal, cases, link, feedback, source, word (texts that repeat), gone (ids of erased
 * signals), meta. Made for its owner alone (mode 0600). Whoever reads it has the hashes: keep it on
 * an encrypted disk. A handle belongs to one thread at a time; any number of handles and processes
 * may have one bank open.
 */
#ifndef PHASH_BANK_H
#define PHASH_BANK_H

#include <phash/exchange.h>
#include <phash/hash.h>
#include <phash/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct phash_bank phash_bank;

typedef enum phash_bank_mode {
    PHASH_BANK_READ = 0,  /* must exist; nothing is changed */
    PHASH_BANK_WRITE = 1, /* must exist */
    PHASH_BANK_CREATE = 2 /* must not exist */
} phash_bank_mode;

/* Opens a bank. A bank of an older version is brought to this one when it is opened for writing.
 *   path    NUL-terminated
 *   bank    receives the handle, to be freed with phash_bank_free; NULL on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_OPEN, PHASH_E_EXISTS, PHASH_E_FORMAT (no bank),
 * PHASH_E_VERSION (of a later version), PHASH_E_CORRUPT, PHASH_E_LOCKED, PHASH_E_WRITE. */
PHASH_API phash_status phash_bank_open(const char *path, phash_bank_mode mode, phash_bank **bank,
                                       phash_error *error);

/* Closes a bank and clears the pointer; NULL and pointers to NULL are fine. */
PHASH_API void phash_bank_free(phash_bank **bank);

/* ---- Import ---- */

typedef enum phash_bank_kind {
    PHASH_BANK_KIND_LIST = 1,
    PHASH_BANK_KIND_CASE = 2,
    PHASH_BANK_KIND_SEALED_CASE = 3,
    PHASH_BANK_KIND_PAGES = 4 /* hash records or feedback */
} phash_bank_kind;

typedef struct phash_bank_import_options {
    size_t size;            /* sizeof(phash_bank_import_options) of the caller */
    const char *source;     /* who sent it: a name of the caller's choice. A record replaces earlier
                           ones of the same signal from the same source. Default "import" */
    const char *secret_key; /* a secret key file's text, or NULL: opens sealed case files */
    size_t secret_key_bytes; /* its length */
    int min_quality;         /* list and case entries of a known quality below it are passed over;
                                default 0 */
    /* Called for each line or record that is passed over because something is wrong with it; NULL
     * to be told the number only. */
    void (*report)(void *context, const phash_error *error);
    void *context;
} phash_bank_import_options;

#define PHASH_BANK_IMPORT_OPTIONS_INIT                                                             \
    {                                                                                              \
        sizeof(phash_bank_import_options), "import", NULL, 0, 0, NULL, NULL                        \
    }

typedef struct phash_bank_import_result {
    size_t size; /* sizeof(phash_bank_import_result) of the caller */
    phash_bank_kind kind;
    uint64_t records;   /* lines, images or records that were good */
    uint64_t added;     /* signals that are new */
    uint64_t changed;   /* signals that changed */
    uint64_t erased;    /* signals that were erased */
    uint64_t withdrawn; /* cases that are over since this import */
    uint64_t feedback;  /* feedback that is new or changed */
    uint64_t skipped; /* passed over: quality, older than what is there, case over, hash unknown */
    uint64_t bad;     /* passed over: not valid */
    char case_number[PHASH_CASE_NUMBER_SIZE]; /* of a case file, or "" */
} phash_bank_import_result;

#define PHASH_BANK_IMPORT_RESULT_INIT                                                              \
    {                                                                                              \
        sizeof(phash_bank_import_result), PHASH_BANK_KIND_LIST, 0, 0, 0, 0, 0, 0, 0, 0, ""         \
    }

/* Imports one file: a hash list, a case file, plain or sealed, or pages of the hash exchange, told
 * apart by content. All of it is imported in one transaction, or nothing is. To import a file again
 * changes nothing, so what was interrupted is simply run again. Texts beside a hash in a list (paths,
 * labels) are not kept. Cases that came with a PIN are this bank's own: pages cannot change them.
 *   read, context   where the bytes come from
 *   options         NULL for the defaults
 *   result          NULL, or filled on success
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_STATE (opened for reading), those of reading
 * lists, pages, case files and sealed files (PHASH_E_KIND: sealed, and no secret key was given),
 * PHASH_E_EXISTS (a case of this number is there with another PIN or from elsewhere), PHASH_E_LOCKED,
 * PHASH_E_WRITE, PHASH_E_CORRUPT. */
PHASH_API phash_status phash_bank_import(phash_bank *bank, phash_read_fn read, void *context,
                                         const phash_bank_import_options *options,
                                         phash_bank_import_result *result, phash_error *error);
PHASH_API phash_status phash_bank_import_fd(phash_bank *bank, int fd,
                                            const phash_bank_import_options *options,
                                            phash_bank_import_result *result, phash_error *error);

/* ---- Export ---- */

/* Gives one page of everything that changed at or after `since`: cases that are over first, then
 * hashes that are gone, then signals as they are now.
 *   since       a stamp, such as the nextSetTimestamp of an earlier export; 0 for everything
 *   token       NULL or "" for the first page, then page->next_token of the page before
 *   page_size   records in a page, 1 to 100000
 *   text        receives a FetchHashes page, to be freed with phash_text_free; NULL on failure
 *   page        NULL, or receives what the page says about itself
 * While has_more is set, `next` does not go beyond what was given, so that a consumer may store it
 * at any time. Errors: PHASH_E_ARGUMENT (also a token that is none), PHASH_E_MEMORY, PHASH_E_LOCKED,
 * PHASH_E_READ, PHASH_E_CORRUPT. */
PHASH_API phash_status phash_bank_export(phash_bank *bank, int64_t since, const char *token,
                                         size_t page_size, char **text, size_t *length,
                                         phash_exchange_page *page, phash_error *error);

/* ---- Feedback ---- */

/* Notes feedback of one's own on a hash.
 *   source   whose feedback it is, as it shall be called in exported pages
 *   value    such as "Blocked" or "NotBlocked"
 *   tags     a JSON list of strings, or NULL
 * Errors: PHASH_E_ARGUMENT, PHASH_E_NOT_FOUND (no such hash), PHASH_E_STATE, PHASH_E_MEMORY,
 * PHASH_E_LOCKED, PHASH_E_WRITE. */
PHASH_API phash_status phash_bank_feedback(phash_bank *bank, const phash_hash256 *hash,
                                           const char *source, const char *value, const char *tags,
                                           phash_error *error);

/* Gives all feedback of one source as a SubmitFeedback page, to be freed with phash_text_free.
 * Errors: as phash_bank_export. */
PHASH_API phash_status phash_bank_feedback_export(phash_bank *bank, const char *source, char **text,
                                                  size_t *length, phash_error *error);

/* ---- Cases ---- */

#define PHASH_BANK_FEEDBACK_LINES 32

typedef struct phash_bank_case {
    size_t size; /* sizeof(phash_bank_case) of the caller */
    char number[64];
    char status[32];
    int64_t created;  /* by the case file; 0 where it is not known */
    int64_t received; /* when it was imported; 0 where it is not known */
    uint64_t signals; /* hashes it holds */
    struct {
        char source[64], value[32];
        uint64_t count; /* hashes of the case that this was said of */
    } feedback[PHASH_BANK_FEEDBACK_LINES];
    size_t feedback_count;
} phash_bank_case;

/* Tells a person about their case.
 *   number, pin   as they were typed
 *   info          size set by the caller
 * Errors: PHASH_E_NOT_FOUND for a wrong PIN, a wrong number and a case that is over alike, and after
 * the same time; PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_LOCKED, PHASH_E_READ, PHASH_E_CORRUPT. */
PHASH_API phash_status phash_bank_case_status(phash_bank *bank, const char *number, const char *pin,
                                              phash_bank_case *info, phash_error *error);

/* Withdraws a case for the person who holds its PIN: the verifier and every hash that no other open
 * case holds are erased.
 *   erased   NULL, or receives how many hashes were
 * Errors: as phash_bank_case_status; PHASH_E_STATE, PHASH_E_WRITE. PHASH_E_LOCKED also when the case
 * is withdrawn, but another process still reads pages from before it: phash_bank_purge later. */
PHASH_API phash_status phash_bank_case_withdraw(phash_bank *bank, const char *number,
                                                const char *pin, uint64_t *erased,
                                                phash_error *error);

/* Calls `each` for every case, in the order they came; stops where it returns nonzero. Feedback is
 * left empty. Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_LOCKED, PHASH_E_READ,
 * PHASH_E_CORRUPT. */
PHASH_API phash_status phash_bank_case_list(phash_bank *bank,
                                            int (*each)(void *context, const phash_bank_case *info),
                                            void *context, phash_error *error);

/* Erases what a source gave and no open case holds (`source` NULL: nothing), then rewrites the file
 * so that no byte of anything erased is left in it.
 * Errors: PHASH_E_NOT_FOUND (no such source), PHASH_E_STATE, PHASH_E_MEMORY, PHASH_E_LOCKED,
 * PHASH_E_WRITE. */
PHASH_API phash_status phash_bank_purge(phash_bank *bank, const char *source, uint64_t *erased,
                                        phash_error *error);

/* ---- What a bank holds, and following it ---- */

typedef struct phash_bank_info {
    size_t size;               /* sizeof(phash_bank_info) of the caller */
    uint8_t identity[16];      /* random, drawn when the bank was made */
    uint64_t signals, images;  /* all; those of type ImagePDQ, which are matched */
    uint64_t cases, withdrawn; /* open; over */
    uint64_t feedback, sources;
    int64_t clock; /* the last stamp */
} phash_bank_info;

#define PHASH_BANK_INFO_INIT                                                                       \
    {                                                                                              \
        sizeof(phash_bank_info), {0}, 0, 0, 0, 0, 0, 0, 0                                          \
    }

/* Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_LOCKED, PHASH_E_READ, PHASH_E_CORRUPT. */
PHASH_API phash_status phash_bank_info_get(phash_bank *bank, phash_bank_info *info,
                                           phash_error *error);

/* Calls `each` for every source and where it stands: the nextSetTimestamp of its last page, or -1.
 * Errors: as phash_bank_case_list. */
PHASH_API phash_status phash_bank_source_list(phash_bank *bank,
                                              int (*each)(void *context, const char *name,
                                                          int64_t next, const char *token),
                                              void *context, phash_error *error);

/* Where a follower stands. All zeros: at the beginning. Keep it with the bank's identity. */
typedef struct phash_bank_position {
    int64_t erased_stamp, erased_id, added_id;
} phash_bank_position;

/* A change of what is to be matched. Ids are never used again, and the hash of an id never changes.
 */
typedef struct phash_bank_change {
    uint64_t id;
    int erased; /* nonzero: out of matching from now on; may name an id that was never given */
    phash_hash256 hash; /* of an ImagePDQ signal that is new; all zeros when erased */
} phash_bank_change;

/* Gives the next changes behind a position: those that erase first.
 *   position   moved on behind what was given
 *   changes    room for `capacity` of them, at least 1; the caller wipes them
 *   count      receives how many there were; 0: the follower is up to date
 * Errors: as phash_bank_case_list. */
PHASH_API phash_status phash_bank_follow(phash_bank *bank, phash_bank_position *position,
                                         phash_bank_change *changes, size_t capacity, size_t *count,
                                         phash_error *error);

/* Looks a signal up by its id, for labels of matches: the numbers of its cases, joined by blanks.
 *   cases   receives at most `size` bytes, always NUL-terminated; cut at a number that does not fit
 * Errors: PHASH_E_NOT_FOUND, PHASH_E_ARGUMENT, and as phash_bank_case_list. */
PHASH_API phash_status phash_bank_signal_cases(phash_bank *bank, uint64_t id, char *cases,
                                               size_t size, phash_error *error);

#ifdef __cplusplus
}
#endif
#endif
