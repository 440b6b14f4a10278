/* decode_args.h: the options of every subcommand that reads images. */
#ifndef PHASH_TOOLS_DECODE_ARGS_H
#define PHASH_TOOLS_DECODE_ARGS_H

#include "algorithm.h"
#include "cli.h"
#include "inputs.h"
#include "pool.h"

enum {
    OPTION_PROFILE = OPTION_DECODE,
    OPTION_NO_ORIENT,
    OPTION_MAX_PIXELS,
    OPTION_MAX_DIMENSION,
    OPTION_MAX_INPUT,
    OPTION_MAX_MEMORY,
    OPTION_MAX_TIME
};

#define DECODE_OPTIONS                                                                             \
    {"profile", required_argument, NULL, OPTION_PROFILE},                                          \
        {"no-orient", no_argument, NULL, OPTION_NO_ORIENT},                                        \
        {"max-pixels", required_argument, NULL, OPTION_MAX_PIXELS},                                \
        {"max-dimension", required_argument, NULL, OPTION_MAX_DIMENSION},                          \
        {"max-input", required_argument, NULL, OPTION_MAX_INPUT},                                  \
        {"max-memory", required_argument, NULL, OPTION_MAX_MEMORY},                                \
    {                                                                                              \
        "max-time", required_argument, NULL, OPTION_MAX_TIME                                       \
    }

#define DECODE_HELP                                                                                \
    "Reading images:\n"                                                                            \
    "      --profile P        full (default); nn512: what Meta's own tools compute; fast: JPEGs "  \
    "at\n"                                                                                         \
    "                         reduced size, near but not exact, for screening only\n"              \
    "      --no-orient        take pictures as they are stored, ignoring EXIF rotation\n"          \
    "      --max-pixels N     refuse images of more pixels (default 256M)\n"                       \
    "      --max-dimension N  refuse images that are wider or higher (default 65535)\n"            \
    "      --max-input N      refuse files of more bytes (default 256M)\n"                         \
    "      --max-memory N     refuse images that need more memory (default 1G)\n"                  \
    "      --max-time N       give up on an image after N seconds of work (default 60)\n"          \
    "  N may end with K, M or G (1024 times each), except for --max-time.\n"

struct decode_args {
    phash_decode_options decode;
    phash_pdq_options pdq;
    struct algorithm algorithm;
    unsigned seconds;
};

#define DECODE_ARGS_INIT                                                                           \
    {                                                                                              \
        PHASH_DECODE_OPTIONS_INIT, PHASH_PDQ_OPTIONS_INIT, ALGORITHM_INIT, POOL_CPU_SECONDS        \
    }

/* Takes one of the options above or of algorithm.h; false if `option` is none of them. */
bool decode_args_take(const struct command *self, struct decode_args *args, int option,
                      const char *value);

/* Starts a pool of `workers` processes; ends the program when that is not possible. */
struct pool *decode_args_pool(const struct decode_args *args, unsigned workers);

/* Makes a file the job of a worker that reads it as the options say; the job's tag is the path. */
void decode_args_job(const struct decode_args *args, const struct input *input,
                     struct pool_job *job);

/* The next file of `inputs` as such a job, for the `next` of a pool's client. */
enum pool_next decode_args_next(const struct decode_args *args, struct inputs *inputs,
                                struct pool_job *job);

/* "full", "nn512" or "fast". */
const char *decode_args_profile(phash_pdq_profile profile);

#endif
