/* A plain list of pairs that does what an index should, and folders for the files of a test. */
#ifndef PHASH_TESTS_LIVE_MODEL_H
#define PHASH_TESTS_LIVE_MODEL_H

#include <phash/index.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct model_pair {
    phash_hash256 hash;
    uint64_t id;
} model_pair;

typedef struct model {
    model_pair *pairs;
    size_t count, capacity;
} model;

void model_free(model *m);
void model_add(model *m, const phash_hash256 *hash, uint64_t id);
size_t model_remove(model *m, uint64_t id);

/* Random; one in four within some bits of one of a few centres, so that there is something to find.
 */
void random_hash(uint64_t *state, phash_hash256 *hash);

/* Whether a radius search of the index gives what the model says. Prints the difference. */
bool model_agrees(const model *m, phash_index *index, const phash_hash256 *queries, size_t n,
                  uint32_t radius);
/* Whether the index's pairs, read out by a cursor, are the model's. */
bool model_same_pairs(const model *m, phash_index *index);

/* A new folder below the working directory; its path is static. removed with all files in it. */
const char *folder_new(void);
const char *folder_new_in_memory(void); /* where syncs cost nothing, if there is such a place */
void folder_remove(void);
/* folder + name; a few of them are valid at a time. */
const char *in_folder(const char *name);

/* Whole files. */
uint8_t *file_read(const char *path, size_t *bytes); /* NULL when it is not there */
void file_write(const char *path, const void *data, size_t bytes);
/* Whether some file in the folder holds the bytes. */
bool folder_holds(const void *needle, size_t bytes);

#endif
