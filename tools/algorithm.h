/* algorithm.h: which hash is computed: PDQ, or the DCT hash of imagehash with its parameters.
 *
 * libphash-dct is GPL through FFTW. A build without it knows the option and says that it has no such
 * hash. */
#ifndef PHASH_TOOLS_ALGORITHM_H
#define PHASH_TOOLS_ALGORITHM_H

#include <phash/phash.h>

#include <stdbool.h>

enum algorithm_kind { ALGORITHM_PDQ, ALGORITHM_DCT };

struct algorithm {
    enum algorithm_kind kind;
    unsigned hash_size, highfreq; /* DCT only */
    bool inverted;                /* DCT only: the negative's hash is wanted, too */
    bool given;                   /* named on the command line */
};
#define ALGORITHM_INIT                                                                             \
    {                                                                                              \
        ALGORITHM_PDQ, 0, 0, false, false                                                          \
    } /* 0: the default */

/* The option table's part, and the help's. The numbers stand between those of decode_args.h and
 * OPTION_OWN. */
enum { OPTION_ALGORITHM = 290, OPTION_HASH_SIZE, OPTION_HIGHFREQ, OPTION_INVERTED };
#define ALGORITHM_OPTIONS                                                                          \
    {"algorithm", required_argument, NULL, OPTION_ALGORITHM},                                      \
        {"hash-size", required_argument, NULL, OPTION_HASH_SIZE},                                  \
    {                                                                                              \
        "highfreq", required_argument, NULL, OPTION_HIGHFREQ                                       \
    }

#define ALGORITHM_HELP                                                                             \
    "Which hash:\n"                                                                                \
    "      --algorithm A      pdq (default), or dct: what Python's imagehash.phash computes\n"     \
    "      --hash-size N      dct: N times N bits, 2 to 64 (default 8: 64 bits)\n"                 \
    "      --highfreq K       dct: imagehash's highfreq_factor, 1 to 16 (default 4)\n"

/* For commands that compute variants of a hash. */
#define INVERTED_OPTION                                                                            \
    {                                                                                              \
        "inverted", no_argument, NULL, OPTION_INVERTED                                             \
    }

struct command;

/* Takes one of the options above; false if `option` is none of them. */
bool algorithm_take(const struct command *self, struct algorithm *algorithm, int option,
                    const char *value);

/* After the last option: refuses what does not go together, and fills in the defaults. */
void algorithm_settle(const struct command *self, struct algorithm *algorithm,
                      const phash_pdq_options *pdq);

/* "pdq", or "dct-8x4": the name that lists and indexes know the hashes by. */
enum { ALGORITHM_NAME = 32 };
const char *algorithm_name(const struct algorithm *algorithm, char out[ALGORITHM_NAME]);

/* The algorithm of that name; false when these tools know none. */
bool algorithm_from_name(const char *name, struct algorithm *algorithm);

/* Length of the hash in bits. */
unsigned algorithm_bits(const struct algorithm *algorithm);

/* Whether an index takes hashes of that length. */
bool algorithm_is_indexed(const struct algorithm *algorithm);

/* The distance within which two hashes are taken for one picture: PDQ's is ThreatExchange's 31; for
 * 64-bit hashes the field uses about 10, and longer ones are given the same share of their bits. */
unsigned algorithm_radius(const struct algorithm *algorithm);

/* Variants of a hash: the dihedral ones, then the same of the negative. */
enum { ALGORITHM_VARIANTS = 2 * PHASH_DIHEDRALS };

/* "rotate90", "inverted", "inverted-rotate90". */
const char *algorithm_variant_name(unsigned variant, char out[ALGORITHM_NAME]);

/* The hash of an image and of its variants. */
struct algorithm_hashes {
    int has_dihedral, has_inverted;
    phash_bits variants[ALGORITHM_VARIANTS]; /* the first one is the hash */
};

/* Whether variant number `variant` is there. */
bool algorithm_has(const struct algorithm_hashes *hashes, unsigned variant);

/* Whether hashes that a worker sent can be what was asked for. */
bool algorithm_hashes_are_sane(const struct algorithm *algorithm, bool dihedral,
                               const struct algorithm_hashes *hashes);

/* PDQ's hashes as those of any algorithm. */
void algorithm_from_pdq(const phash_pdq_result *result, struct algorithm_hashes *hashes);

/* In a worker: decodes and hashes with an algorithm other than PDQ. */
phash_status algorithm_hash_fd(const struct algorithm *algorithm, int fd,
                               const phash_decode_options *decode, bool dihedral,
                               struct algorithm_hashes *hashes, phash_error *error);

#endif
