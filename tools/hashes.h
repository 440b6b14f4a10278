/* hashes.h: the hashes that a command line names: images, hash lists, and hashes themselves, one
 * after the other, in the order given.
 *
 *     argument ──hex──────────────────────────────────> item
 *        └─ file ──starts like an image──> pool ──────> item
 *               └─ anything else ──> list reader ─────> items
 *
 * What is no image is taken for a hash list: the reader says what is wrong with it when it is none.
 */
#ifndef PHASH_TOOLS_HASHES_H
#define PHASH_TOOLS_HASHES_H

#include "cli.h"
#include "decode_args.h"

#include <phash/exchange.h>

struct hashes_options {
    char **arguments; /* "-" is a hash list on stdin */
    int count;
    bool recursive;            /* walk folders */
    bool skip_other;           /* pass by files that are neither */
    bool arguments_are_hashes; /* as many hex digits as a hash has are one, not a file */
    bool columns;              /* lists are HEX and columns, whatever they look like */
    bool strict;               /* the first thing that fails ends the run */
    bool quiet;
    bool *
        other_kind; /* NULL, or set where a list holds hashes of another kind, which ends the run */
    unsigned jobs;  /* 0: as many as processors */
    const char *unit;        /* for the progress line; NULL: none */
    struct decode_args args; /* the algorithm is settled, and has 64 or 256 bits */
};

/* The options of a command that reads them; its short ones are "rj:qv". */
enum { OPTION_STRICT = 296, OPTION_SKIP_OTHER }; /* below OPTION_OWN */

#define HASHES_OPTIONS                                                                             \
    DECODE_OPTIONS, ALGORITHM_OPTIONS, CLI_VOICE_OPTIONS,                                          \
        {"strict", no_argument, NULL, OPTION_STRICT},                                              \
        {"skip-other", no_argument, NULL, OPTION_SKIP_OTHER},                                      \
        {"recursive", no_argument, NULL, 'r'},                                                     \
    {                                                                                              \
        "jobs", required_argument, NULL, 'j'                                                       \
    }

/* Takes one of them; false if `option` is none. */
bool hashes_option_take(const struct command *self, struct hashes_options *options,
                        struct cli_voice *voice, int option, const char *value);

/* One hash. All of it belongs to the reader. */
struct hash_item {
    const uint8_t *hash;                  /* as many bytes as it has, in text order */
    const struct algorithm_hashes *image; /* of an image, with the variants asked for; else NULL */
    int quality;                          /* PDQ's of an image; else -1 */
    bool fast;        /* the list says that the hash is of profile fast, only near the exact one */
    const char *path; /* as given, or found in a folder; NULL: the argument is a hash */
    phash_list_format form; /* of the list; else PHASH_LIST_UNKNOWN */
    uint64_t line;          /* in the list; else 0 */
    const char *extra;      /* phash_list_record's; not NUL-terminated */
    size_t extra_length;
    const char *argument; /* the argument itself, where it is a hash */
};

/* Hands every hash to `take`; false ends the run. Tells of what fails as it comes. Gives how many
 * things failed. */
uint64_t hashes_read(const struct hashes_options *options,
                     bool (*take)(void *context, const struct hash_item *item), void *context);

#endif
