/* Options about decoding: parsed once for all subcommands. */
#include "decode_args.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    phash_pdq_profile profile;
} profiles[] = {{"full", PHASH_PDQ_FULL}, {"nn512", PHASH_PDQ_NN512}, {"fast", PHASH_PDQ_FAST}};

const char *decode_args_profile(phash_pdq_profile profile)
{
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++)
        if (profiles[i].profile == profile)
            return profiles[i].name;
    return "?";
}

static phash_pdq_profile parse_profile(const struct command *self, const char *value)
{
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++)
        if (!strcmp(profiles[i].name, value))
            return profiles[i].profile;
    struct text shown = {0};
    text_escaped(&shown, value);
    cli_usage(self, "--profile: '%.100s' is none of full, nn512, fast", shown.data);
}

bool decode_args_take(const struct command *self, struct decode_args *args, int option,
                      const char *value)
{
    phash_decode_options *decode = &args->decode;
    switch (option) {
    case OPTION_PROFILE:
        args->pdq.profile = parse_profile(self, value);
        return true;
    case OPTION_NO_ORIENT:
        decode->ignore_orientation = 1;
        return true;
    case OPTION_MAX_PIXELS:
        decode->max_pixels = cli_number(self, "--max-pixels", value, true, 1, UINT64_MAX);
        return true;
    case OPTION_MAX_DIMENSION:
        decode->max_dimension =
            (uint32_t)cli_number(self, "--max-dimension", value, true, 1, UINT32_MAX);
        return true;
    case OPTION_MAX_INPUT:
        decode->max_input = cli_number(self, "--max-input", value, true, 1, UINT64_MAX);
        return true;
    case OPTION_MAX_MEMORY:
        decode->max_memory = cli_number(self, "--max-memory", value, true, 1, UINT64_MAX);
        return true;
    case OPTION_MAX_TIME:
        args->seconds = (unsigned)cli_number(self, "--max-time", value, false, 1, 86400);
        return true;
    default:
        return algorithm_take(self, &args->algorithm, option, value);
    }
}

void decode_args_job(const struct decode_args *args, const struct input *input,
                     struct pool_job *job)
{
    job->fd = input->fd;
    job->bytes = input->bytes;
    job->tag = input->path;
    job->error = input->error;
    job->work.decode = args->decode;
    job->work.algorithm = args->algorithm;
    job->work.pdq = args->pdq;
}

enum pool_next decode_args_next(const struct decode_args *args, struct inputs *inputs,
                                struct pool_job *job)
{
    struct input input;
    switch (inputs_next(inputs, &input)) {
    case INPUTS_WAIT:
        return POOL_WAIT;
    case INPUTS_END:
        return POOL_END;
    default:
        decode_args_job(args, &input, job);
        return POOL_JOB;
    }
}

struct pool *decode_args_pool(const struct decode_args *args, unsigned workers)
{
    /* Waiting costs no processor time: a slow disk is given five times as long. */
    const struct crew_limits limits = {workers, args->seconds, args->seconds * 5,
                                       args->decode.max_memory};
    cli_check_sandbox(limits.memory);
    struct pool *pool;
    const int failure = pool_start(&pool, &limits);
    if (failure) {
        cli_message("cannot start worker processes: %s", strerror(failure));
        exit(EXIT_FAILED);
    }
    return pool;
}
