/* Checks a table of image files. */
#ifndef PHASH_TESTS_FILE_TABLE_H
#define PHASH_TESTS_FILE_TABLE_H

/* Decodes each row's file, `folder`/`images`/FILE, and checks its pixels, and its hashes straight
 * from the file. A column `raster`, where there is one, says "turned" for rows whose EXIF
 * orientation is applied; all others are as stored. Returns the number of rows. */
unsigned check_file_table(const char *folder, const char *name, const char *images);

#endif
