/* Tables of golden values, and the comparison of an image with one of their rows. */
#ifndef PHASH_TESTS_TABLE_H
#define PHASH_TESTS_TABLE_H

#include "check_main.h"

#include <phash/pdq.h>

#include <stdbool.h>

enum { TABLE_COLUMNS = 32, TABLE_LINE = 4096 };

/* Tab-separated, with a line of column names. */
typedef struct table {
    FILE *file;
    char header[TABLE_LINE], line[TABLE_LINE];
    char *names[TABLE_COLUMNS], *fields[TABLE_COLUMNS];
    int columns;
    unsigned rows; /* read so far */
} table;

/* Fails the test if there is no such file. */
void table_open(table *t, const char *folder, const char *name);

/* The next row; false at the end, where the file is closed and a table without rows fails the test.
 */
bool table_next(table *t);

/* A field of the row by its column's name, which must exist. */
const char *table_get(const table *t, const char *column);

/* Width, height and channels of the row's image. */
phash_pdq_desc table_desc(const table *t);

/* Options for the row's profile, with the dihedral hashes. */
phash_pdq_options table_options(const table *t);

/* Checksum of the pixels, rows without gaps. `name` is the image's, for messages. */
void table_check_pixels(const table *t, const char *name, const uint8_t *pixels);

/* Hash, quality, and the eight dihedral hashes. */
void table_check_result(const table *t, const char *name, const phash_pdq_result *result);

#endif
