/* dataset.h: the pictures of a folder, and a digest that names them as a set. */
#ifndef PHASH_BENCH_DATASET_H
#define PHASH_BENCH_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include <vips/vips.h>

struct picture {
    char *path;          /* as it can be opened */
    const char *name;    /* the part of path below the folder */
    uint64_t content[2]; /* XXH3-128 of the file */
};

struct dataset {
    struct picture *items; /* by name */
    size_t count;
    size_t copies;   /* files left out because an equal one is there */
    char digest[33]; /* XXH3-128 over the digests of all files in ascending order: the same for the
                        same pictures under other names */
};

/* Finds every raster image that libvips reads below `folder`; drawings (SVG, PDF) are not pictures.
 *   limit  0, or so many: those whose digests are smallest under `seed`, which is a sample without
 *          regard to names and folders
 * Returns 0, or ends with a message on stderr and nonzero. */
int dataset_open(struct dataset *set, const char *folder, size_t limit, uint64_t seed);
void dataset_free(struct dataset *set);

/* Decodes a picture as people see it (turned, sRGB, on white), 8-bit RGB in memory, reduced until
 * its longest side is at most `side`. NULL when it cannot be decoded. Thread-safe. */
VipsImage *picture_load(const struct picture *picture, int side);

#endif
