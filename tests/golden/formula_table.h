/* Checks a table of formula images: used for the fixtures' table and for the larger one of the
 * reference vectors. */
#ifndef PHASH_TESTS_FORMULA_TABLE_H
#define PHASH_TESTS_FORMULA_TABLE_H

/* Renders each row's image and checks its pixels, and its hashes from the raster and from rows
 * that are pushed in random pieces. Returns the number of rows. */
unsigned check_formula_table(const char *folder, const char *name);

#endif
