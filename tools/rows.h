/* rows.h: one image's result as a line of csv, JSON or hex. */
#ifndef PHASH_TOOLS_ROWS_H
#define PHASH_TOOLS_ROWS_H

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

/* Sets "path", and "path_hex" where the path is not UTF-8. */
void rows_set_path(json_t *object, const char *path);
/* Adds one object as a line. */
void rows_add_json(struct text *out, const json_t *object, bool terminal);
/* Fails the program where jansson could not allocate; gives the value. */
json_t *rows_made(json_t *value);

#endif
