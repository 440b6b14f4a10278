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
 * A list of 256-bit hashes as text, one per line. Which of these forms a file has is told by its
 * content, for the file as a whole:
 *
 *     HEX                                              one hash of 64 hex digits
 *     HEX,METADATA                                     Meta's PDQ tools; metadata to the end of
 *                                                      the line
 *     hash=HEX,norm=…,delta=…,quality=Q,filename=…     Meta's pdq-photo-hasher; any keys, filename
 *                                                      last: it runs to the end of the line
 *     HEX,QUALITY,PATH                                 `phash hash`: quality is 0 to 100 or empty;
 *                                                      a path in double quotes is RFC 4180 (doubled
 *                                                      quotes, line breaks); one without quotes
 *                                                      runs to the end of the line, commas included
 *     {"hash":"HEX","quality":Q,"path":"…"}            `phash hash --format json`; only in builds
 *                                                      with jansson
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
} phash_list_options;

#define PHASH_LIST_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(phash_list_options), (size_t)65536                                                  \
    }

typedef struct phash_list_record {
    size_t size; /* sizeof(phash_list_record) of the caller */
    phash_hash256 hash;
    int quality;         /* 0 to 100, or -1 where the list does not say */
    const char *extra;   /* metadata, filename or path; not NUL-terminated; "" where there is none.
                            Belongs to the reader and holds until the next call on it */
    size_t extra_length; /* bytes at `extra` */
    uint64_t line;       /* where the record starts, from 1 */
} phash_list_record;

#define PHASH_LIST_RECORD_INIT                                                                     \
    {                                                                                              \
        sizeof(phash_list_record), {{0}}, -1, "", 0, 0                                             \
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
 * than max_line), PHASH_E_UNSUPPORTED (JSON in a build without jansson), and PHASH_E_FORMAT instead
 * of the first two while no line was good yet: likely this is no hash list at all.
 * Errors of the reader, which every later call repeats (phash_list_failed): what the read function
 * returned (PHASH_E_READ from a descriptor), PHASH_E_MEMORY. PHASH_E_ARGUMENT. */
PHASH_API phash_status phash_list_next(phash_list *list, phash_list_record *record,
                                       phash_error *error);

/* Nonzero after an error that ends the reading; 0 otherwise, and for NULL. */
PHASH_API int phash_list_failed(const phash_list *list);

/* The form of the list, as far as it is known by now; PHASH_LIST_UNKNOWN before the first record
 * and for NULL. */
PHASH_API phash_list_format phash_list_format_get(const phash_list *list);

/* Wipes and frees a reader and clears the pointer; NULL and pointers to NULL are fine. */
PHASH_API void phash_list_free(phash_list **list);

/* Tells from the first bytes of some data whether it is a hash list: PHASH_LIST_UNKNOWN unless its
 * first line that is neither blank, comment nor heading is a whole record. JSON is told by its
 * first character alone. 4096 bytes are plenty.
 *   head   `bytes` bytes from the start of the data; the caller keeps them
 * Thread-safe. */
PHASH_API phash_list_format phash_list_sniff(const void *head, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
