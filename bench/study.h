/* study.h: the pictures of a run, what each engine makes of them, and which of them belong
 * together. Both robustness and fpr begin with it. */
#ifndef PHASH_BENCH_STUDY_H
#define PHASH_BENCH_STUDY_H

#include "dataset.h"
#include "hasher.h"
#include "stats.h"

#include <getopt.h>
#include <stdbool.h>

struct study_options {
    const char *pictures; /* the folder; NULL is not allowed */
    const char *engines;  /* names joined by commas; NULL: all */
    const char *families; /* families or names of transforms, joined by commas; NULL: all */
    const char *distinct; /* file of pairs that a person found to be different pictures; or NULL */
    const char *output;   /* JSON goes here; NULL: only a table is printed */
    size_t limit;         /* pictures; 0: all */
    uint64_t seed;
    unsigned jobs;
    int side_min;             /* longest side under which a picture is left out */
    int side;                 /* longest side that a picture keeps */
    int quality;              /* PDQ quality under which a picture is left out of the figures */
    unsigned group_radius;    /* dihedral PDQ distance up to which two are near-duplicates */
    double bank, queries;     /* hashes and queries a day that rates are applied to */
    const char *search_sizes; /* of the report's search; NULL: its own */
};

#define STUDY_OPTIONS_INIT                                                                         \
    {                                                                                              \
        .seed = 1, .side = 1200, .side_min = 256, .quality = 50, .group_radius = 75, .bank = 1e6,  \
        .queries = 1e6                                                                             \
    }

#define STUDY_HELP                                                                                 \
    "  -p, --pictures DIR     the pictures; every raster image below the folder\n"                 \
    "  -n, --limit N          only a sample of N pictures\n"                                       \
    "  -j, --jobs N           threads (default: one per core)\n"                                   \
    "  -o, --output FILE      write all figures as JSON\n"                                         \
    "      --engines LIST     only these hash engines\n"                                           \
    "      --max-side N       reduce pictures first (default 1200)\n"                              \
    "      --min-side N       leave out pictures whose longest side is shorter (default 256)\n"    \
    "      --min-quality N    leave out pictures of less PDQ quality (default 50; 0 takes all)\n"  \
    "      --group-radius N   PDQ distance in any orientation up to which two pictures are "       \
    "taken\n"                                                                                      \
    "                         for versions of one (default 75); -1: none are\n"                    \
    "      --distinct FILE    pairs that a person has found to be different pictures: two names\n" \
    "                         on a line, with a tab between them\n"                                \
    "      --seed N           for samples and noise (default 1)\n"

/* Reads options until the end; what `more` names is left to `take`. Ends the program on mistakes
 * and on --help. */
void study_parse(int argc, char **argv, struct study_options *options, const char *help);

/* Decoding is a good part of the work, so that the neighbours in a collage are kept from the first
 * time; of so many pictures and of this size, which is some 80 MB. */
#define STUDY_COPIES    256
#define STUDY_COPY_SIDE 400

struct study {
    struct study_options options;
    struct dataset set;
    const struct hasher *hashers[HASHERS_MAX];
    size_t hasher_count;
    struct print *prints; /* [hasher][picture] */
    bool *hashed;         /* [hasher][picture] */
    bool *counted;        /* [picture]: decoded, hashed by all, and of enough quality */
    bool *small;          /* [picture]: its longest side is under what is asked for */
    uint32_t *group;      /* [picture]: the first picture of its near-duplicate group */
    size_t undecoded, small_count, featureless, counted_count;
    VipsImage **small_copy; /* [picture]: for collages; NULL beyond the first STUDY_COPIES */
    int *reference;         /* [picture]: quality of PDQ; -1 without hash */
    size_t *bank_hasher;    /* [hasher]: whose hashes it is compared with */
};

/* Starts libvips for pictures that run side by side: one thread for each operation, no cache. */
void study_start_vips(void);

/* Loads and hashes every picture, then finds the groups. Nonzero after a message. */
int study_open(struct study *study, const struct study_options *options);
void study_close(struct study *study);

static inline const struct print *study_print(const struct study *s, size_t hasher, size_t picture)
{
    return &s->prints[hasher * s->set.count + picture];
}

/* Distance of `query`, made by engine `hasher`, from a picture of the bank. */
static inline unsigned study_distance(const struct study *s, size_t hasher, size_t bank,
                                      const struct print *query)
{
    return s->hashers[hasher]->distance(study_print(s, s->bank_hasher[hasher], bank), query);
}

/* Whether two pictures are of different groups, and both count. */
static inline bool study_unrelated(const struct study *s, size_t a, size_t b)
{
    return s->counted[a] && s->counted[b] && s->group[a] != s->group[b];
}

/* The distances of all unrelated pairs. */
struct histogram study_unrelated_distances(const struct study *s, size_t hasher);

/* Hashes an RGB picture in memory with one engine; `jpeg` comes from study_jpeg where the engine
 * needs it. */
bool study_hash(const struct hasher *hasher, VipsImage *image, const void *jpeg, size_t jpeg_bytes,
                struct print *out);
/* The picture as JPEG of quality 95, where an engine of the study needs that; to be freed with
 * g_free; NULL otherwise. */
void *study_jpeg(const struct study *s, VipsImage *image, size_t *bytes);

/* Whether `name` is one of the names in a list joined by commas; true for a NULL list. */
bool study_listed(const char *list, const char *name);

#endif
