/* Snapshot files: an index's sections in one file, written once and mapped. Format: snapshot.c. */
#ifndef PHASH_INDEX_SNAPSHOT_H
#define PHASH_INDEX_SNAPSHOT_H

#include "core/io.h"
#include "index/segment.h"

enum {
    PHASH_GENERATION_BYTES = 16,
    PHASH_SNAPSHOT_SECTIONS_MAX = PHASH_SEGMENT_SECTIONS_MAX + 4,

    /* Kinds of sections, beside those of the segment, which are below 100. */
    PHASH_SECTION_BY_ID = 101,         /* 32-bit slots of the segment, sorted by id, then slot */
    PHASH_SECTION_LABEL_IDS = 102,     /* 64-bit ids that have a label, ascending, each once */
    PHASH_SECTION_LABEL_OFFSETS = 103, /* 64-bit places in the bytes, one more than ids */
    PHASH_SECTION_LABEL_BYTES = 104
};

typedef struct phash_snapshot_info {
    uint32_t bits;
    uint32_t radius;
    char algorithm[32]; /* NUL-terminated, the rest zero */
    uint64_t pairs;
    uint64_t labels;
    uint64_t bytes;    /* of the file; writing sets it */
    uint64_t sequence; /* the last change of the journal that the snapshot holds */
    uint8_t generation[PHASH_GENERATION_BYTES]; /* random: which snapshot this is */
    uint8_t parent[PHASH_GENERATION_BYTES];     /* of the journal when this was written, or zero */
} phash_snapshot_info;

typedef struct phash_snapshot {
    phash_snapshot_info info;
    size_t section_count;
    phash_section sections[PHASH_SNAPSHOT_SECTIONS_MAX];
    uint64_t sums[PHASH_SNAPSHOT_SECTIONS_MAX]; /* XXH3 of each section */
    uint64_t bytes;                             /* of the file */
    _Atomic uint32_t refs;                      /* holders */
    int fd;                                     /* holds a shared lock */
    const void *map;                            /* of the whole file, or NULL */
    void *loaded;                               /* a copy in memory, or NULL */
} phash_snapshot;

/* Writes and syncs a snapshot under a name of its own. Sections: at most
 * PHASH_SNAPSHOT_SECTIONS_MAX; empty ones are left out.
 *   rights  NULL, or the name of the file whose access rights it gets, where that is there
 * On failure no file of that name is left. Errors: PHASH_E_WRITE, PHASH_E_OPEN. */
phash_status phash_snapshot_write(const phash_io_place *place, const char *name, const char *rights,
                                  phash_snapshot_info *info, const phash_section *sections,
                                  size_t n, phash_error *error);

/* Opens a snapshot: checks its length, header and section table; reads nothing else.
 *   load  copies the file into memory, on huge pages where the system has them, instead of mapping
 *         it, and checks all of it on the way
 * Errors: PHASH_E_OPEN, PHASH_E_READ, PHASH_E_FORMAT, PHASH_E_VERSION, PHASH_E_TRUNCATED,
 * PHASH_E_CORRUPT, PHASH_E_MEMORY. */
phash_status phash_snapshot_open(const phash_io_place *place, const char *name, bool load,
                                 phash_snapshot **snapshot, phash_error *error);

/* Reads all of it: the checksum of every section, and that every byte between them is zero.
 * Errors: PHASH_E_CORRUPT. */
phash_status phash_snapshot_check(const phash_snapshot *snapshot, phash_error *error);

/* The section of a kind; one of zero bytes when it is not there. */
phash_section phash_snapshot_section(const phash_snapshot *snapshot, uint32_t kind);

/* Lets go of one hold of it and clears the pointer; the last one unmaps and frees. NULL and pointers
 * to NULL are fine. Opening is the first hold. Thread-safe. */
phash_snapshot *phash_snapshot_hold(phash_snapshot *snapshot);
void phash_snapshot_close(phash_snapshot **snapshot);

#endif
