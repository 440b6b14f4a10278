/* An index and the kind of its hashes: see index_open.h. */
#include "index_open.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

void index_settle(const struct command *self, struct decode_args *args)
{
    char name[ALGORITHM_NAME];
    algorithm_settle(self, &args->algorithm, &args->pdq);
    if (!algorithm_is_indexed(&args->algorithm))
        cli_usage(self, "an index takes hashes of 64 and of 256 bits, and %s has %u",
                  algorithm_name(&args->algorithm, name), algorithm_bits(&args->algorithm));
}

void index_check_distance(const struct command *self, const struct decode_args *args,
                          const char *option, uint32_t distance)
{
    const unsigned bits = algorithm_bits(&args->algorithm);
    if (distance > bits)
        cli_usage(self, "%s: %u is more than the %u bits of a hash", option, (unsigned)distance,
                  bits);
}

/* Takes over the index's algorithm, or compares it with the one that was named. */
static bool agree(const char *path, const phash_index_stats *stats, struct algorithm *algorithm)
{
    struct algorithm found = *algorithm;
    char wanted[ALGORITHM_NAME], message[2 * ALGORITHM_NAME + 96];
    struct text shown = {0};
    text_escaped(&shown, stats->algorithm);
    const bool known =
        algorithm_from_name(stats->algorithm, &found) && algorithm_bits(&found) == stats->bits;
    if (algorithm->given && strcmp(algorithm_name(algorithm, wanted), stats->algorithm) != 0)
        snprintf(message, sizeof message, "the index holds hashes of %.64s, not of %s", shown.data,
                 wanted);
    else if (!known)
        snprintf(message, sizeof message,
                 "the index holds hashes of %.64s, which this program does "
                 "not know",
                 shown.data);
    else
        message[0] = '\0';
    text_free(&shown);
    if (message[0]) {
        cli_path_message(path, message);
        return false;
    }
    *algorithm = found;
    return true;
}

bool index_open(const struct command *self, const char *path, phash_index_options options,
                struct decode_args *args, phash_index **index)
{
    phash_error error = PHASH_ERROR_INIT;
    phash_index_stats stats = PHASH_INDEX_STATS_INIT;
    if (args->algorithm.given || args->algorithm.hash_size || args->algorithm.highfreq)
        algorithm_settle(self, &args->algorithm, &args->pdq);
    options.flags |= PHASH_INDEX_MANUAL | PHASH_INDEX_ANY_KIND;
    if (phash_index_open(path, &options, index, &error) != PHASH_OK) {
        cli_path_message(path, cli_reason(&error));
        return false;
    }
    (void)phash_index_stats_get(*index, &stats);
    if (!agree(path, &stats, &args->algorithm)) {
        phash_index_free(index);
        return false;
    }
    algorithm_settle(self, &args->algorithm, &args->pdq);
    return true;
}
