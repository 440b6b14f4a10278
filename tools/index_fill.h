/* index_fill.h: from hashes that a command line names to pairs with ids and labels. */
#ifndef PHASH_TOOLS_INDEX_FILL_H
#define PHASH_TOOLS_INDEX_FILL_H

#include "hashes.h"

/* Columns are counted from 1; the first is the hash. 0: none. */
struct fill_options {
    unsigned id_column; /* 0: ids count up from first_id */
    unsigned label_column;
    uint64_t first_id;
};

/* Pairs side by side, as the library takes them. */
struct pairs {
    uint8_t *hashes; /* as many bytes each as the algorithm has */
    uint64_t *ids;
    char **labels; /* NULL, or a string or NULL for each pair */
    size_t count, capacity;
    bool other_kind; /* hashes of another kind were among them: none must be taken */
};

/* Reads everything before anything is changed. Gives how many things failed; with `strict` it stops
 * at the first. */
uint64_t fill_pairs(const struct hashes_options *options, const struct fill_options *fill,
                    struct pairs *pairs);
void pairs_free(struct pairs *pairs);

/* Reads a whole decimal number that fills `length` bytes; false when it is none. */
bool fill_number(const char *text, size_t length, uint64_t *number);

#endif
