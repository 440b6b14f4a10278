/* phash compare: how far two pictures are apart. */
#include "cli.h"
#include "decode_args.h"
#include "inputs.h"
#include "pool.h"
#include "progress.h"
#include "rows.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The distance at which takedown systems take two PDQ hashes for one picture. */
#define SAME 31

enum { OPTION_DIHEDRAL = OPTION_OWN, OPTION_JSON };

static const char help[] =
    "Usage: phash compare [OPTION]... A B\n"
    "Prints the distance of two pictures: how many of the 256 bits of their hashes differ. 0 is "
    "the\n"
    "same hash; 31 or less is what takedown systems take for the same picture.\n"
    "\n"
    "A and B are image files or hashes of 64 hex digits (with --algorithm dct: of as many as such\n"
    "a hash has). (A file of such a name: ./NAME.)\n"
    "\n"
    "      --dihedral         also try the turned and mirrored pictures: prints the least "
    "distance\n"
    "                         and which turn of B it was; one of A and B must be a file\n"
    "      --inverted         dct: also try the negative, in the same way\n"
    "  -d, --distance N       exit with 1 if the distance is over N\n"
    "      --json             print a JSON object\n"
    "  -q, --quiet            no notes, errors only\n"
    "  -v, --verbose          notes also where the messages go to a file\n"
    "\n" ALGORITHM_HELP "\n" DECODE_HELP "\n"
    "Other:\n"
    "      --cpumask SETS     use only these instruction sets (all, c, avx2, ...)\n"
    "      --require-sandbox  refuse to go on if this system cannot shut the decoders in\n"

    "  -h, --help             this text\n"
    "\n"
    "Exit status: 0 compared (with -d: and near enough), 1 over the distance of -d, 2 something\n"
    "failed.\n"
    "Example: phash compare -d 31 mine.jpg found.jpg && echo the same picture\n";

static const struct option options[] = {CLI_COMMON_OPTIONS,
                                        DECODE_OPTIONS,
                                        ALGORITHM_OPTIONS,
                                        INVERTED_OPTION,
                                        {"dihedral", no_argument, NULL, OPTION_DIHEDRAL},
                                        {"distance", required_argument, NULL, 'd'},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        CLI_VOICE_OPTIONS,
                                        {NULL, 0, NULL, 0}};

struct side {
    const char *text; /* as given */
    bool is_file;
    bool failed;
    phash_pdq_result result;        /* of PDQ */
    struct algorithm_hashes hashes; /* of any algorithm; the turned ones for files */
};

struct run {
    struct decode_args args;
    struct cli_voice voice;
    bool json, limited;
    unsigned limit;
    struct side sides[2];
    int next; /* side to be handed to the pool */
};

/* Whether more than the pictures as they are is compared. */
static bool has_variants(const struct run *run)
{
    return run->args.pdq.dihedral || run->args.algorithm.inverted;
}

/* A hash of another kind is not a file that happens to be missing: the error names both kinds. */
static void refuse_other_kind(const struct command *self, const struct run *run, const char *text)
{
    const size_t digits = strlen(text);
    char name[ALGORITHM_NAME];
    if (digits < 16 || digits % 4 || text[strspn(text, "0123456789abcdefABCDEF")] ||
        access(text, F_OK) == 0)
        return;
    algorithm_name(&run->args.algorithm, name);
    cli_usage(self, "a hash of %zu bits%s is no %s hash, which has %u bits", digits * 4,
              digits == PHASH_HASH256_HEX ? " (as pdq has)" : "", name,
              algorithm_bits(&run->args.algorithm));
}

static void parse(const struct command *self, struct run *run, int argc, char **argv)
{
    for (int c; (c = cli_option(self, argc, argv, ":hd:qv", options)) != -1;) {
        switch (c) {
        case 'd':
            run->limited = true;
            run->limit = (unsigned)cli_number(self, "-d", optarg, false, 0, PHASH_BITS_MAX);
            break;
        case OPTION_DIHEDRAL:
            run->args.pdq.dihedral = 1;
            break;
        case OPTION_JSON:
            run->json = true;
            break;
        default:
            if (!cli_voice_take(&run->voice, c))
                decode_args_take(self, &run->args, c, optarg);
        }
    }
    if (argc - optind != 2)
        cli_usage(self, "name two pictures or hashes");
    algorithm_settle(self, &run->args.algorithm, &run->args.pdq);
    const unsigned bits = algorithm_bits(&run->args.algorithm);
    if (run->limit > bits)
        cli_usage(self, "-d: %u is more than the %u bits of a hash", run->limit, bits);
    for (int i = 0; i < 2; i++) {
        struct side *side = &run->sides[i];
        side->text = argv[optind + i];
        side->result = (phash_pdq_result)PHASH_PDQ_RESULT_INIT;
        side->is_file = phash_bits_from_hex(side->text, strlen(side->text), bits,
                                            &side->hashes.variants[0]) != PHASH_OK;
        if (side->is_file)
            refuse_other_kind(self, run, side->text);
    }
    if (has_variants(run) && !run->sides[0].is_file && !run->sides[1].is_file)
        cli_usage(self, "%s, one of the two must be a file",
                  run->args.pdq.dihedral ? "--dihedral: a hash alone cannot be turned"
                                         : "--inverted: a hash alone has no negative");
}

static enum pool_next next_job(void *context, struct pool_job *job)
{
    struct run *run = context;
    while (run->next < 2 && !run->sides[run->next].is_file)
        run->next++;
    if (run->next == 2)
        return POOL_END;
    struct side *side = &run->sides[run->next++];
    struct input input = {.fd = -1};
    if (!inputs_open_file(AT_FDCWD, side->text, &input)) {
        input.error.status = PHASH_E_OPEN;
        snprintf(input.error.message, sizeof input.error.message, "a folder, not a picture");
    }
    decode_args_job(&run->args, &input, job);
    job->tag = side;
    return POOL_JOB;
}

static bool take_result(void *context, void *tag, const struct worker_record *record)
{
    const struct run *run = context;
    struct side *side = tag;
    if (!record)
        return true;
    side->failed = record->status != PHASH_OK;
    side->result = record->result;
    side->hashes = record->hashes;
    const bool pdq = run->args.algorithm.kind == ALGORITHM_PDQ;
    if (pdq && !side->failed)
        algorithm_from_pdq(&side->result, &side->hashes);
    if (side->failed)
        cli_path_message(side->text, cli_reason(&record->error));
    else if (pdq && record->result.quality < PHASH_PDQ_QUALITY_MIN && cli_notes(&run->voice))
        cli_path_message(side->text, "note: too featureless for the distance to mean much");
    return true;
}

/* Hashes the sides that are files; false if one failed. */
static bool hash_sides(struct run *run)
{
    const unsigned files = (unsigned)run->sides[0].is_file + (unsigned)run->sides[1].is_file;
    if (!files)
        return true;
    struct pool *pool = decode_args_pool(&run->args, files);
    progress_catch_signals();
    const struct pool_client client = {run, next_job, take_result, NULL, -1};
    const int failure = pool_run(pool, &client);
    pool_stop(&pool);
    if (failure)
        cli_message("the worker processes are gone: %s", strerror(failure));
    return !failure && !progress_stopped() && !run->sides[0].failed && !run->sides[1].failed;
}

/* The variant that undoes one. All but the quarter turns undo themselves. */
static unsigned inverse(unsigned variant)
{
    const unsigned turn = variant % PHASH_DIHEDRALS, rest = variant - turn;
    return turn == PHASH_DIHEDRAL_ROTATE90    ? rest + PHASH_DIHEDRAL_ROTATE270
           : turn == PHASH_DIHEDRAL_ROTATE270 ? rest + PHASH_DIHEDRAL_ROTATE90
                                              : variant;
}

static unsigned distance_of(const phash_bits *a, const phash_bits *b)
{
    unsigned distance = 0;
    (void)phash_bits_distance(a, b, &distance); /* both have the algorithm's length */
    return distance;
}

/* The least distance, and the variant of B that brings it nearest to A. Where B is but a hash, A is
 * turned instead, which is the same backwards. */
static unsigned nearest(const struct run *run, unsigned *orientation)
{
    const struct algorithm_hashes *a = &run->sides[0].hashes, *b = &run->sides[1].hashes;
    unsigned least = distance_of(&a->variants[0], &b->variants[0]);
    *orientation = PHASH_DIHEDRAL_ORIGINAL;
    const bool turn_b = run->sides[1].is_file;
    const struct algorithm_hashes *turned = turn_b ? b : a, *fixed = turn_b ? a : b;
    for (unsigned i = 1; i < ALGORITHM_VARIANTS; i++) {
        if (!algorithm_has(turned, i))
            continue;
        const unsigned distance = distance_of(&fixed->variants[0], &turned->variants[i]);
        if (distance < least) {
            least = distance;
            *orientation = turn_b ? i : inverse(i);
        }
    }
    return least;
}

/* Whether a hash is only near the exact one. */
static bool is_near(const struct run *run)
{
    return run->sides[0].result.profile == PHASH_PDQ_FAST ||
           run->sides[1].result.profile == PHASH_PDQ_FAST;
}

static void add_json(struct text *out, const struct run *run, unsigned distance,
                     const char *orientation)
{
    json_t *object = rows_made(json_pack("{s:i}", "distance", (int)distance));
    int failed = 0;
    if (has_variants(run))
        failed |= json_object_set_new(object, "orientation", json_string(orientation));
    if (run->limited)
        failed |= json_object_set_new(object, "within", json_boolean(distance <= run->limit));
    const bool pdq = run->args.algorithm.kind == ALGORITHM_PDQ;
    char name[ALGORITHM_NAME];
    if (!pdq)
        failed |= json_object_set_new(object, "algorithm",
                                      json_string(algorithm_name(&run->args.algorithm, name)));
    for (int i = 0; i < 2; i++)
        if (pdq && run->sides[i].is_file)
            failed |= json_object_set_new(object, i ? "quality_b" : "quality_a",
                                          json_integer(run->sides[i].result.quality));
    if (is_near(run))
        failed |= json_object_set_new(object, "profile", json_string("fast"));
    if (failed)
        cli_no_memory();
    rows_add_json(out, object, cli_stdout_is_terminal());
    json_decref(object);
}

static bool print_distance(const struct run *run, unsigned distance, unsigned variant)
{
    struct text out = {0};
    char name[ALGORITHM_NAME];
    const char *orientation = algorithm_variant_name(variant, name);
    if (run->json) {
        add_json(&out, run, distance, orientation);
    } else {
        char line[64];
        snprintf(line, sizeof line, "%u%s%s\n", distance, has_variants(run) ? " " : "",
                 has_variants(run) ? orientation : "");
        text_string(&out, line);
        /* A person is told what the number means; a program gets the number. */
        if (run->args.algorithm.kind == ALGORITHM_PDQ && cli_stdout_is_terminal() &&
            !run->voice.quiet)
            text_string(&out, distance <= SAME
                                  ? "The same picture, to takedown systems: they match at 31 or "
                                    "less.\n"
                                  : "Not a match: takedown systems match at 31 or less.\n");
    }
    const bool done = cli_write(out.data, out.length);
    text_free(&out);
    return done;
}

static int compare_run(const struct command *self, int argc, char **argv)
{
    struct run run = {.args = DECODE_ARGS_INIT};
    parse(self, &run, argc, argv);
    if (!hash_sides(&run))
        return EXIT_FAILED;
    if (is_near(&run) && cli_notes(&run.voice))
        cli_message("note: with --profile fast the distance is near, not exact");
    unsigned orientation;
    const unsigned distance = nearest(&run, &orientation);
    if (!print_distance(&run, distance, orientation))
        return EXIT_FAILED;
    return run.limited && distance > run.limit ? EXIT_NO_MATCH : EXIT_DONE;
}

const struct command command_compare = {"compare", "tell how far two pictures or hashes are apart",
                                        help, compare_run};
