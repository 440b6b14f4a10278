/* hasher.h: the table of hash engines that the bench compares.
 *
 * A new engine is one file that defines `const struct hasher hasher_NAME`, and its name in the
 * lists of hashers.c and meson.build. All of them see the same raster, 8-bit RGB.
 */
#ifndef PHASH_BENCH_HASHER_H
#define PHASH_BENCH_HASHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A picture: RGB, 8 bit, rows one after the other without gaps. */
struct raster {
    const uint8_t *rows;
    uint32_t width, height;
    const void *jpeg; /* the same as a JPEG of quality 95, for engines with needs_jpeg; or NULL */
    size_t jpeg_bytes;
};

#define PRINT_BYTES    128
#define PRINT_VARIANTS 8
#define PRINT_NONE     (-1) /* quality of engines that have none */

/* What an engine makes of a picture. variants[0] is its hash; engines that search in eight
 * orientations keep all of them, and the query's are compared with the first of the bank. */
struct print {
    uint8_t variants[PRINT_VARIANTS][PRINT_BYTES];
    int count;   /* variants that are filled */
    int quality; /* 0 to 100, or PRINT_NONE */
};

struct hasher {
    const char *name;   /* for tables, options and JSON: "pdq" */
    const char *title;  /* for people */
    const char *bank;   /* the engine whose hashes the bank holds; NULL: its own. Then distances are
                          between that engine's hash of one picture and this engine's of another */
    unsigned trials;    /* comparisons of which a distance is the smallest; 0 means 1 */
    unsigned max;       /* largest distance */
    const char *unit;   /* of a distance: "bits", or what else it counts */
    unsigned threshold; /* radius up to which its field calls two pictures the same */
    const char *threshold_why; /* who says so */
    const char *library;       /* what computes it; filled by open where it is not known before */
    const char *note;          /* what a reader must know; or NULL */
    bool needs_jpeg;
    /* Called once, before anything else; NULL where nothing is to be done. */
    bool (*open)(void);
    void (*close)(void);
    /* False when the picture has no hash. Thread-safe, and so is distance. */
    bool (*hash)(const struct raster *raster, struct print *out);
    unsigned (*distance)(const struct print *bank, const struct print *query);
};

/* All engines of this build, in the order of tables and plots; ends with NULL. */
extern const struct hasher *const hashers[];
#define HASHERS_MAX 16

/* The engine of that name, or NULL. */
const struct hasher *hasher_find(const char *name);

/* Number of bits that differ. */
unsigned hasher_hamming(const uint8_t *a, const uint8_t *b, size_t bytes);

#endif
