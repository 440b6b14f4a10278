/* phash/exchange.h: hashes on their way between people: hash lists, case files, the hash exchange.
 *
 * What is read here comes from strangers. Every reader works in bounded memory, names what is wrong
 * and where, and never gives half a record.
 */
#ifndef PHASH_EXCHANGE_H
#define PHASH_EXCHANGE_H

#include <phash/features.h>
#include <phash/hash.h>
#include <phash/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a reader gets its bytes.
 *   context   what was given with the function
 *   buffer    room for `capacity` bytes, at least 1
 *   got       receives how many bytes were put there; 0 only at the end of the data
 *   error     NULL, or may be filled on failure
 * Returns PHASH_OK, or what the reader shall hand on to its caller, such as PHASH_E_READ. */
typedef phash_status (*phash_read_fn)(void *context, void *buffer, size_t capacity, size_t *got,
                                      phash_error *error);

/* ---- Hash lists -------------------------------------------------------------------------------
 *
 * A list of hashes as text, one per line: PDQ's, of 64 hex digits, unless the options name another
 * kind. Which of these forms a file has is told by its content, for the file as a whole:
 *
 *     HEX                                              one hash
 *     HEX,METADATA                                     Meta's PDQ tools; metadata to the end of
 *                                                      the line
 *     hash=HEX,norm=…,delta=…,quality=Q,filename=…     Meta's pdq-photo-hasher; any keys, filename
 *                                                      last: it runs to the end of the line
 *     HEX,QUALITY,PATH                                 `phash hash`: quality is 0 to 100 or empty;
 *                                                      a path in double quotes is RFC 4180 (doubled
 *                                                      quotes, line breaks); one without quotes
 *                                                      runs to the end of the line, commas included
 *     HEX,QUALITY,PATH,WORDS                           the same with options: the orientation, such as
 *                                                      rotate90 or inverted-flipx, the profile,
 *                                                      fast or full, or what made the hash
 *     HEX,,PATH,dct-8x4                                a DCT hash: there is always the last column
 *     {"hash":"HEX","quality":Q,"path":"…"}            `phash hash --format json`; only in builds
 *                                                      with jansson; "algorithm" says what made it
 *
 * What made a hash is pdq or dct-NxK (hash_size N, highfreq_factor K), as the last column or in
 * JSON. A line that names another kind than the options, or holds a hash that is as long as those of
 * another kind, is PHASH_E_KIND. Where a line names none, one with a quality, a profile or "hash="
 * is PDQ's; any other is taken for what the options say.
 *
 * Lines end in LF or CR LF; a UTF-8 byte order mark, blank lines, lines that start with '#' and a
 * heading line (whose first field is "hash", "hex" or "pdq") are passed over. A bare hash may stand
 * in any but the third and last form. Text other than the hash may hold any bytes but NUL.
 *
 *     phash_list *list;
 *     phash_list_open_fd(fd, NULL, &list, &error);
 *     phash_list_record r = PHASH_LIST_RECORD_INIT;
 *     while ((status = phash_list_next(list, &r, &error)) != PHASH_E_NOT_FOUND)
 *         if (status == PHASH_OK) use(&r.hash);
 *         else if (phash_list_failed(list)) break;     // the rest cannot be read
 *         else fprintf(stderr, "%s\n", error.message); // one bad line; go on
 *     phash_list_free(&list);
 */
typedef struct phash_list phash_list;

typedef enum phash_list_format {
    PHASH_LIST_UNKNOWN = 0,
    PHASH_LIST_HEX = 1,
    PHASH_LIST_METADATA = 2,
    PHASH_LIST_KEY_VALUE = 3,
    PHASH_LIST_CSV = 4,
    PHASH_LIST_JSON = 5
} phash_list_format;

typedef struct phash_list_options {
    size_t size;     /* sizeof(phash_list_options) of the caller */
    size_t max_line; /* bytes in a line, or in a record with quoted line breaks; longer ones are
                        reported and passed over. 65 to 64 Mi, default 64 Ki. The reader holds one
                        buffer of about twice this size and never more */
    phash_list_format form; /* PHASH_LIST_UNKNOWN (default): told by the content;
                               PHASH_LIST_METADATA: all behind the first comma is metadata, also
                               where it could be a quality and a path */
    uint32_t bits;          /* length of a hash: 256, or 64; default 256 */
    char algorithm[32];     /* what made the hashes, such as "pdq" or "dct-8x4"; default "pdq" */
} phash_list_options;

#define PHASH_LIST_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(phash_list_options), (size_t)65536, PHASH_LIST_UNKNOWN, PHASH_HASH256_BITS, "pdq"   \
    }

typedef struct phash_list_record {
    size_t size;         /* sizeof(phash_list_record) of the caller */
    phash_hash256 hash;  /* one of 64 bits stands in the first 8 bytes, the rest is zero */
    int quality;         /* 0 to 100, or -1 where the list does not say */
    const char *extra;   /* metadata, filename or path; not NUL-terminated; "" where there is none.
                            Belongs to the reader and holds until the next call on it */
    size_t extra_length; /* bytes at `extra` */
    uint64_t line;       /* where the record starts, from 1 */
    int fast; /* nonzero: the list says that the hash is of profile fast, an approximation:
                            good for a query, never for a bank */
} phash_list_record;

#define PHASH_LIST_RECORD_INIT                                                                     \
    {                                                                                              \
        sizeof(phash_list_record), {{0}}, -1, "", 0, 0, 0                                          \
    }

/* Opens a list. Nothing is read before the first record is asked for.
 *   fd         open for reading, at the first byte; the caller keeps it, and closes it after the
 *              list is freed
 *   data       `bytes` bytes, which must stay as they are until the list is freed
 *   read       called with `context` whenever more bytes are needed
 *   options    NULL for the defaults
 *   list       receives the reader, to be freed with phash_list_free; NULL on failure
 *   error      NULL, or filled on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. Thread-safe; a reader belongs to one thread at a time.
 */
PHASH_API phash_status phash_list_open_fd(int fd, const phash_list_options *options,
                                          phash_list **list, phash_error *error);
PHASH_API phash_status phash_list_open_memory(const void *data, size_t bytes,
                                              const phash_list_options *options, phash_list **list,
                                              phash_error *error);
PHASH_API phash_status phash_list_open_reader(phash_read_fn read, void *context,
                                              const phash_list_options *options, phash_list **list,
                                              phash_error *error);

/* Gives the next record.
 *   record   size set by the caller; filled on PHASH_OK, left alone otherwise
 *   error    NULL, or filled on failure, also of single lines: `offset` is the line, and the
 *            message begins with it and says what is wrong, without showing the line
 * Returns PHASH_OK; PHASH_E_NOT_FOUND at the end of the list.
 * Errors of one line, after which the next call goes on behind it: PHASH_E_HEX (no hash where one
 * must stand), PHASH_E_CORRUPT (anything else in the line is wrong), PHASH_E_LIMIT_INPUT (longer
 * than max_line), PHASH_E_UNSUPPORTED (JSON in a build without jansson), PHASH_E_KIND (a hash of
 * another kind; the message names both), and PHASH_E_FORMAT instead of the first two while no line
 * was good yet: likely this is no hash list at all.
 * Errors of the reader, which every later call repeats (phash_list_failed): what the read function
 * returned (PHASH_E_READ from a descriptor), PHASH_E_MEMORY, PHASH_E_KIND while no line was good
 * yet. PHASH_E_ARGUMENT. */
PHASH_API phash_status phash_list_next(phash_list *list, phash_list_record *record,
                                       phash_error *error);

/* Nonzero after an error that ends the reading; 0 otherwise, and for NULL. */
PHASH_API int phash_list_failed(const phash_list *list);

/* The form of the list, as far as it is known by now; PHASH_LIST_UNKNOWN before the first record
 * and for NULL. */
PHASH_API phash_list_format phash_list_format_get(const phash_list *list);

/* Wipes and frees a reader and clears the pointer; NULL and pointers to NULL are fine. */
PHASH_API void phash_list_free(phash_list **list);

/* Tells from the first bytes of some data whether it is a hash list of PDQ: PHASH_LIST_UNKNOWN unless its
 * first line that is neither blank, comment nor heading is a whole record. JSON is told by its
 * first character alone. 4096 bytes are plenty.
 *   head   `bytes` bytes from the start of the data; the caller keeps them
 * Thread-safe. */
PHASH_API phash_list_format phash_list_sniff(const void *head, size_t bytes);

#if PHASH_HAS_BANK

/* Frees a text that this header's functions gave out, after wiping its `length` bytes, and clears
 * the pointer; NULL and pointers to NULL are fine. */
PHASH_API void phash_text_free(char **text, size_t length);

/* ---- Case files -------------------------------------------------------------------------------
 *
 * What a person hands to a hotline: a number, a way to prove that the case is theirs, and hashes.
 *
 *     {"format": "phash-case", "version": 1,
 *      "caseNumber": "7Q4M-2ZC9-0XHT-RB6K-W",
 *      "created": "2026-11-23T01:02:03Z",
 *      "pinVerifier": "$argon2id$v=19$m=65536,t=2,p=1$…",
 *      "signals": [{"type": "ImagePDQ", "hash": "64 hex digits", "quality": 98,
 *                   "dihedral": {"rotate90": "…", …, "antitranspose": "…"}}, …]}
 *
 * There is no room in it for anything else: a file with another field, a field twice, another
 * version, or a value outside its bounds is refused as a whole. The number is 80 random bits in
 * Crockford's base32 with his check character, which is always one of the 32 letters and digits, so
 * that it can be said over a phone. `dihedral` may be left out.
 *
 * Threat model. Who gets hold of the file gets the hashes, and a perceptual hash can be turned into
 * a likeness of the picture: seal it, or hand it over in person. The PIN is 40 random bits and is
 * not in the file; its verifier is Argon2id (64 MiB, 2 passes), so that trying all PINs costs
 * thousands of years of computing. The file holds no name, path, size, date or EXIF value of an
 * image. The creation time is that of the file itself.
 */
#define PHASH_CASE_NUMBER_SIZE 22       /* XXXX-XXXX-XXXX-XXXX-C and a NUL */
#define PHASH_CASE_PIN_SIZE    10       /* XXXX-XXXX and a NUL */
#define PHASH_CASE_SIGNALS_MAX 10000    /* images in one case */
#define PHASH_CASE_FILE_MAX    16777216 /* bytes in a case file, plain or sealed */

typedef struct phash_case phash_case;

typedef struct phash_case_signal {
    size_t size; /* sizeof(phash_case_signal) of the caller */
    phash_hash256 hash;
    int quality;               /* 0 to 100 */
    int has_dihedral;          /* nonzero: the array below holds the hashes of all orientations */
    phash_hash256 dihedral[8]; /* in the order of phash_dihedral; [0] is `hash` */
} phash_case_signal;

#define PHASH_CASE_SIGNAL_INIT                                                                     \
    {                                                                                              \
        sizeof(phash_case_signal), {{0}}, 0, 0,                                                    \
        {                                                                                          \
            {                                                                                      \
                {                                                                                  \
                    0                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

/* Starts a case: draws number and PIN from the system's random source and makes the verifier.
 *   created   seconds since 1970, UTC; years 1970 to 9999
 *   pin       receives the PIN, which is nowhere else: show it once, then wipe it
 *   out       receives the handle, to be freed with phash_case_free; NULL on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY (Argon2id takes 64 MiB for a moment). Thread-safe; a
 * case belongs to one thread at a time. */
PHASH_API phash_status phash_case_new(int64_t created, char pin[PHASH_CASE_PIN_SIZE],
                                      phash_case **out, phash_error *error);

/* Adds an image. A hash that is in the case already is not added again.
 * Errors: PHASH_E_ARGUMENT, also for a quality under 50 (PHASH_PDQ_QUALITY_MIN): such a hash
 * matches pictures of other things; PHASH_E_LIMIT_INPUT beyond PHASH_CASE_SIGNALS_MAX;
 * PHASH_E_MEMORY. */
PHASH_API phash_status phash_case_add(phash_case *c, const phash_case_signal *signal,
                                      phash_error *error);

/* Writes the case file's text, NUL-terminated.
 *   text     receives it, to be freed with phash_text_free; NULL on failure
 *   length   receives its bytes without the NUL
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. */
PHASH_API phash_status phash_case_write(const phash_case *c, char **text, size_t *length,
                                        phash_error *error);

/* Reads a case file.
 *   data   `bytes` bytes; the caller keeps them
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_FORMAT (no case file), PHASH_E_VERSION,
 * PHASH_E_LIMIT_INPUT, PHASH_E_CORRUPT (`error` names the field). */
PHASH_API phash_status phash_case_read(const void *data, size_t bytes, phash_case **out,
                                       phash_error *error);

/* The number, as it is written; belongs to the case. NULL for NULL. */
PHASH_API const char *phash_case_number(const phash_case *c);
/* Creation time, seconds since 1970. */
PHASH_API int64_t phash_case_created(const phash_case *c);
/* The Argon2id verifier of the PIN; belongs to the case. */
PHASH_API const char *phash_case_verifier(const phash_case *c);
/* How many images are in it. */
PHASH_API size_t phash_case_count(const phash_case *c);
/* Image number `i`, from 0. Errors: PHASH_E_ARGUMENT. */
PHASH_API phash_status phash_case_signal_get(const phash_case *c, size_t i,
                                             phash_case_signal *signal);

/* Wipes and frees a case and clears the pointer; NULL and pointers to NULL are fine. */
PHASH_API void phash_case_free(phash_case **c);

/* Brings a case number that a person typed into its written form: case and hyphens do not matter,
 * I and L are 1, O is 0. Errors: PHASH_E_ARGUMENT; PHASH_E_CORRUPT when it is no case number or the
 * check character is wrong, which every single wrong character and swap of neighbours makes it.
 * Thread-safe. */
PHASH_API phash_status phash_case_number_parse(const char *text,
                                               char number[PHASH_CASE_NUMBER_SIZE]);

/* ---- Keys and sealing -------------------------------------------------------------------------
 *
 * A hotline makes a key pair once, gives the public key file to everybody and keeps the other. What
 * is sealed to it (libsodium's crypto_box_seal: X25519, XSalsa20-Poly1305) can be opened by nobody
 * else, the sender included, and is refused if a bit was changed. It does not prove who sent it.
 *
 *     {"format": "phash-public-key", "version": 1, "key": "base64 of 32 bytes"}
 *     {"format": "phash-secret-key", "version": 1, "key": "base64 of 32 bytes"}
 *     {"format": "phash-sealed", "version": 1, "box": "base64"}
 */
#define PHASH_FINGERPRINT_SIZE 20 /* XXXX-XXXX-XXXX-XXXX and a NUL */

/* Makes a key pair, as the texts of two files, each to be freed with phash_text_free; both NULL on
 * failure. Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. Thread-safe. */
PHASH_API phash_status phash_keys_new(char **public_key, size_t *public_length, char **secret_key,
                                      size_t *secret_length, phash_error *error);

/* A short form of a public key, from either file, to compare over a phone.
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_FORMAT (no key file), PHASH_E_VERSION,
 * PHASH_E_CORRUPT. Thread-safe. */
PHASH_API phash_status phash_key_fingerprint(const void *key, size_t bytes,
                                             char fingerprint[PHASH_FINGERPRINT_SIZE],
                                             phash_error *error);

/* Seals `bytes` bytes, at most PHASH_CASE_FILE_MAX / 2, to a public key file's text.
 * Errors: as phash_key_fingerprint, PHASH_E_KIND for a secret key, PHASH_E_LIMIT_INPUT. */
PHASH_API phash_status phash_seal(const void *data, size_t bytes, const void *public_key,
                                  size_t key_bytes, char **sealed, size_t *length,
                                  phash_error *error);

/* Opens a sealed file's text with a secret key file's text.
 *   text     receives what was sealed, NUL-terminated, to be freed with phash_text_free
 * Errors: as phash_seal; PHASH_E_KIND for a public key; PHASH_E_CORRUPT when the box was sealed to
 * another key or was changed, which cannot be told apart. */
PHASH_API phash_status phash_unseal(const void *sealed, size_t bytes, const void *secret_key,
                                    size_t key_bytes, char **text, size_t *length,
                                    phash_error *error);

/* ---- Hash exchange ----------------------------------------------------------------------------
 *
 * The records of the StopNCII.org hash exchange API, as Meta's python-threatexchange describes it:
 *
 *     FetchHashes     {"count", "nextPageToken", "nextSetTimestamp", "hasMoreRecords",
 *                      "hashRecords": [{"lastModtimestamp", "signalType", "hashValue", "hashStatus",
 *                                       "caseNumbers": {number: status},
 *                                       "CSPFeedbacks": [{"source", "feedbackValue", "tags"}]}]}
 *     SubmitHashes    {"count", "hashRecords": [the same, without cases]}
 *     SubmitFeedback  {"count", "hashFeedbacks": [{"hashValue", "feedbackValue", "tags"}]}
 *
 * signalType: ImagePDQ, VideoMD5, VideoTMK, Text, URL, Unknown. hashStatus and the status of a
 * case: Unknown, Received, Active, Withdrawn, Deleted. feedbackValue: Unknown, None,
 * QualityUnknown, PendingReview, Blocked, NotBlocked, Withdrawn, Deleted. Other values are kept as
 * they are, and so are other fields of a record or feedback.
 *
 * Pages of this library may hold one kind of record more: where a hash was erased, there is none to
 * send, and the record says by its case numbers what was withdrawn, with "hashValue": "". For a hash
 * that belonged to no case, "hashSHA256" names it instead: the SHA-256 of its 32 bytes.
 *
 * The reader holds one record at a time, so pages may be of any length, and several may follow each
 * other in one file.
 */
typedef struct phash_exchange phash_exchange;

/* A text inside a record: UTF-8, NUL-terminated, without NULs inside; NULL where the field is
 * missing or null. */
typedef const char *phash_exchange_text;

typedef struct phash_exchange_case {
    phash_exchange_text number, status;
} phash_exchange_case;

typedef struct phash_exchange_feedback {
    phash_exchange_text source, value;
    phash_exchange_text tags;  /* a JSON list of strings, or NULL */
    phash_exchange_text other; /* a JSON object with the unknown fields, or NULL */
} phash_exchange_feedback;

/* One record. Everything in it belongs to the reader and holds until the next call on it. */
typedef struct phash_exchange_record {
    size_t size;      /* sizeof(phash_exchange_record) of the caller */
    uint64_t number;  /* of the record in the input, from 1, over all pages */
    int is_feedback;  /* nonzero: from hashFeedbacks; `feedbacks` has one element, the rest but
                           hash_value is empty */
    int has_cases;    /* nonzero: there was a "caseNumbers", even an empty one */
    int64_t modified; /* lastModtimestamp, or 0 */
    phash_exchange_text signal_type; /* never NULL in a hash record */
    phash_exchange_text hash_value;  /* never NULL; "" where the hash was erased */
    phash_exchange_text hash_status;
    phash_exchange_text hash_sha256; /* 64 lower-case hex digits, or NULL */
    phash_exchange_text other;       /* a JSON object with the unknown fields, or NULL */
    const phash_exchange_case *cases;
    size_t case_count;
    const phash_exchange_feedback *feedbacks;
    size_t feedback_count;
} phash_exchange_record;

#define PHASH_EXCHANGE_RECORD_INIT                                                                 \
    {                                                                                              \
        sizeof(phash_exchange_record), 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0  \
    }

/* What the last page said about itself. */
typedef struct phash_exchange_page {
    size_t size;          /* sizeof(phash_exchange_page) of the caller */
    uint64_t pages;       /* how many there were */
    int64_t next;         /* nextSetTimestamp, or -1 */
    int has_more;         /* hasMoreRecords */
    char next_token[512]; /* nextPageToken, or "" */
} phash_exchange_page;

#define PHASH_EXCHANGE_PAGE_INIT                                                                   \
    {                                                                                              \
        sizeof(phash_exchange_page), 0, -1, 0, ""                                                  \
    }

/* Opens pages. `read` is called with `context` whenever more bytes are needed.
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. Thread-safe; a reader belongs to one thread at a time.
 */
PHASH_API phash_status phash_exchange_open(phash_read_fn read, void *context, phash_exchange **out,
                                           phash_error *error);

/* Gives the next record.
 *   record   size set by the caller; filled on PHASH_OK, left alone otherwise
 *   error    NULL, or filled on failure, also of single records: `offset` is the record's number,
 *            and the message says what is wrong, without showing it
 * Returns PHASH_OK; PHASH_E_NOT_FOUND at the end of the input.
 * PHASH_E_CORRUPT of one record (not valid JSON, a field of the wrong type, over 1 MiB, over 16
 * levels deep, a key twice) is passed over by the next call. Errors of the reader, which every later
 * call repeats (phash_exchange_failed): PHASH_E_FORMAT (what stands around the records is not such a
 * page; an object that has keys, and none of a page's, is none), PHASH_E_TRUNCATED (the input ends inside a page), PHASH_E_MEMORY, what the read function
 * returned. PHASH_E_ARGUMENT. */
PHASH_API phash_status phash_exchange_next(phash_exchange *reader, phash_exchange_record *record,
                                           phash_error *error);

/* Nonzero after an error that ends the reading; 0 otherwise, and for NULL. */
PHASH_API int phash_exchange_failed(const phash_exchange *reader);

/* What the last page that was read to its end said. Errors: PHASH_E_ARGUMENT. */
PHASH_API phash_status phash_exchange_page_get(const phash_exchange *reader,
                                               phash_exchange_page *page);

/* Wipes and frees a reader and clears the pointer; NULL and pointers to NULL are fine. */
PHASH_API void phash_exchange_free(phash_exchange **reader);

/* Writes pages: records are added one by one, then the page is closed and taken as a text. */
typedef struct phash_exchange_writer phash_exchange_writer;

/* Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. A writer belongs to one thread at a time. */
PHASH_API phash_status phash_exchange_writer_new(phash_exchange_writer **out);

/* Adds a record; one page holds either hash records or feedback. Texts must be valid UTF-8, `tags`
 * and `other` valid JSON: they are written as they are.
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_KIND when the page holds the other kind. */
PHASH_API phash_status phash_exchange_writer_add(phash_exchange_writer *writer,
                                                 const phash_exchange_record *record);

/* Closes the page and starts another.
 *   page     for FetchHashes: next, has_more and next_token are written; NULL for SubmitHashes and
 *            SubmitFeedback
 *   text     receives the JSON, with a final LF and a NUL, to be freed with phash_text_free
 * A page without records is a page of hash records. Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. */
PHASH_API phash_status phash_exchange_writer_take(phash_exchange_writer *writer,
                                                  const phash_exchange_page *page, char **text,
                                                  size_t *length);

/* How many records the page holds so far; 0 for NULL. */
PHASH_API size_t phash_exchange_writer_count(const phash_exchange_writer *writer);

/* Wipes and frees; NULL and pointers to NULL are fine. */
PHASH_API void phash_exchange_writer_free(phash_exchange_writer **writer);

#endif /* PHASH_HAS_BANK */

#ifdef __cplusplus
}
#endif
#endif
