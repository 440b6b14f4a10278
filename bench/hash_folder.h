/* hash_folder.h: what `phash hash -r` takes beside decoding and hashing. */
#ifndef PHASH_BENCH_HASH_FOLDER_H
#define PHASH_BENCH_HASH_FOLDER_H

#include <jansson.h>

/* Hashes the pictures of a folder in one process that does nothing else, and lets `program` hash the
 * folder with one worker and with two, in turns. Shows medians over the rounds and gives them. NULL
 * after a message where the folder has no pictures or the program does not run. */
json_t *hash_folder(const char *folder, const char *program, unsigned rounds);

#endif
