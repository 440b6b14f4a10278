/* rows.h: one image's result as a line of csv, JSON or hex. */
#ifndef PHASH_TOOLS_ROWS_H
#define PHASH_TOOLS_ROWS_H

#include "algorithm.h"
#include "text.h"

#include <phash/phash.h>

#include <jansson.h>
#include <stdbool.h>

enum rows_format { ROWS_CSV, ROWS_JSON, ROWS_HEX };

struct rows_options {
    enum rows_format format;
    bool profile;  /* csv: a last column that names the profile; JSON always names it */
    bool terminal; /* a path must not drive the terminal: csv escapes what would */
};

/* Adds the lines for one image. */
void rows_add(struct text *out, const struct rows_options *options, const char *path,
              const phash_pdq_result *result);

/* The same for a hash other than PDQ, which has no quality. csv has a last column that names the
 * algorithm and its parameters, JSON always has "algorithm". */
void rows_add_hashes(struct text *out, const struct rows_options *options, const char *path,
                     const struct algorithm *algorithm, const struct algorithm_hashes *hashes);

/* Sets "path", and "path_hex" where the path is not UTF-8. */
void rows_set_path(json_t *object, const char *path);
/* Adds one object as a line. */
void rows_add_json(struct text *out, const json_t *object, bool terminal);
/* Fails the program where jansson could not allocate; gives the value. */
json_t *rows_made(json_t *value);

#endif
