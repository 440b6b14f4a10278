/* Small JSON files from strangers, read with jansson inside bounds. */
#ifndef PHASH_EXCHANGE_JSON_H
#define PHASH_EXCHANGE_JSON_H

#include <phash/status.h>

#include <jansson.h>
#include <stdbool.h>

/* Nothing of ours nests deeper than four levels; jansson recurses. */
enum { PHASH_JSON_DEPTH = 16 };

/* The format of a sealed file. */
#define PHASH_JSON_SEALED "phash-sealed"

/* True when brackets never nest deeper than PHASH_JSON_DEPTH. Strings are passed over. */
bool phash_json_is_shallow(const char *text, size_t length);

/* Parses one value: bounded depth, no key twice, no NUL, valid UTF-8, nothing behind it.
 * Errors: PHASH_E_CORRUPT, PHASH_E_MEMORY. */
phash_status phash_json_parse(const char *text, size_t length, json_t **value, phash_error *error);

/* Parses a file of ours: an object whose "format" and "version" (1) are these. One that is sealed, and should
 * not be, is told from others: what is in it may well be right.
 * Errors: also PHASH_E_FORMAT, PHASH_E_VERSION. */
phash_status phash_json_file(const void *data, size_t bytes, const char *format, json_t **object,
                             phash_error *error);

/* Wipes the strings of a value (they may be hashes or keys), then lets go of it. */
void phash_json_wipe(json_t *value);

#endif
