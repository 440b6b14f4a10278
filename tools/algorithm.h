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
};
#define ALGORITHM_INIT                                                                             \
    {                                                                                              \
        ALGORITHM_PDQ, 0, 0                                                                        \
    } /* 0: the default */

/* The option table's part, and the help's. The numbers stand between those of decode_args.h and
 * OPTION_OWN. */
enum { OPTION_ALGORITHM = 290, OPTION_HASH_SIZE, OPTION_HIGHFREQ };
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

/* Length of the hash in bits. */
unsigned algorithm_bits(const struct algorithm *algorithm);

/* The hash of an image in a family other than PDQ, and of its turns and mirror images. */
struct algorithm_hashes {
    int has_dihedral;
    phash_bits dihedral[PHASH_DIHEDRALS]; /* the first one is the hash */
};

/* Whether hashes that a worker sent can be what was asked for. */
bool algorithm_hashes_are_sane(const struct algorithm *algorithm, bool dihedral,
                               const struct algorithm_hashes *hashes);

/* In a worker: decodes and hashes with an algorithm other than PDQ. */
phash_status algorithm_hash_fd(const struct algorithm *algorithm, int fd,
                               const phash_decode_options *decode, bool dihedral,
                               struct algorithm_hashes *hashes, phash_error *error);

#endif
