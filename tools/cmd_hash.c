/* phash hash: images in, one line each out. */
#include "cli.h"
#include "decode_args.h"
#include "inputs.h"
#include "pool.h"
#include "progress.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_DIHEDRAL = OPTION_OWN, OPTION_FORMAT, OPTION_JSON, OPTION_SKIP, OPTION_NO_PROGRESS };

static const char help[] =
    "Usage: phash hash [OPTION]... PATH...|-\n"
    "Prints the PDQ hash of each image: HEX,QUALITY,PATH, one line each, in the order given.\n"
    "Only what you see is printed; nothing else is written, and nothing leaves this computer.\n"
    "\n"
    "  -                      read the list of paths from standard input, one per line\n"
    "  -0, --null             the paths in that list end with NUL (find -print0)\n"
    "  -r, --recursive        hash all that is in folders, sorted by name\n"
    "      --skip-other       pass by files that are no images, without a word\n"
    "  -j, --jobs N           work on N images at a time (default: as many as processors)\n"
    "      --dihedral         also the hashes of the picture turned and mirrored: 8 lines per\n"
    "                         image, HEX,QUALITY,PATH,ORIENTATION\n"
    "      --inverted         dct: also the hash of the negative, and with --dihedral its turns\n"
    "      --format F         csv (default), json (one object per line), or hex (hashes alone)\n"
    "      --json             short for --format json\n"
    "  -q, --quiet            no progress and no notes, errors only\n"
    "  -v, --verbose          notes also where the messages go to a file\n"
    "      --no-progress      no progress line\n"
    "\n" ALGORITHM_HELP "\n" DECODE_HELP "\n"
    "Other:\n"
    "      --cpumask SETS     use only these instruction sets (all, c, avx2, ...)\n"
    "      --require-sandbox  refuse to go on if this system cannot shut the decoders in\n"

    "  -h, --help             this text\n"
    "\n"
    "A DCT hash has no quality, and a last column that names it: HEX,,PATH,dct-8x4.\n"
    "A file that cannot be hashed gets one line on standard error, \"phash: PATH: reason\", and "
    "the\n"
    "rest goes on. A quality under 50 means too few features: such a hash is of little use.\n"
    "Exit status: 0 all hashed, 2 something failed.\n"
    "Example: phash hash -r Pictures > hashes.csv\n";

static const struct option options[] = {CLI_COMMON_OPTIONS,
                                        DECODE_OPTIONS,
                                        ALGORITHM_OPTIONS,
                                        INVERTED_OPTION,
                                        {"null", no_argument, NULL, '0'},
                                        {"recursive", no_argument, NULL, 'r'},
                                        {"skip-other", no_argument, NULL, OPTION_SKIP},
                                        {"jobs", required_argument, NULL, 'j'},
                                        {"dihedral", no_argument, NULL, OPTION_DIHEDRAL},
                                        {"format", required_argument, NULL, OPTION_FORMAT},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        CLI_VOICE_OPTIONS,
                                        {"no-progress", no_argument, NULL, OPTION_NO_PROGRESS},
                                        {NULL, 0, NULL, 0}};

struct run {
    struct decode_args args;
    struct inputs_options what;
    struct cli_voice voice;
    struct rows_options rows;
    unsigned jobs;
    bool skip_other, no_progress;
    struct inputs *inputs;
    struct text row;
    uint64_t hashed, failed, skipped, featureless;
};

static enum rows_format parse_format(const struct command *self, const char *value)
{
    static const char *const names[] = {"csv", "json", "hex"}; /* as in enum rows_format */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(names[i], value))
            return (enum rows_format)i;
    struct text shown = {0};
    text_escaped(&shown, value);
    cli_usage(self, "--format: '%.100s' is none of csv, json, hex", shown.data);
}

static void parse(const struct command *self, struct run *run, int argc, char **argv)
{
    for (int c; (c = cli_option(self, argc, argv, ":h0rj:qv", options)) != -1;) {
        switch (c) {
        case '0':
            run->what.nul = true;
            break;
        case 'r':
            run->what.recursive = true;
            break;
        case 'j':
            run->jobs = (unsigned)cli_number(self, "-j", optarg, false, 1, POOL_WORKERS_MAX);
            break;
        case OPTION_SKIP:
            run->skip_other = true;
            break;
        case OPTION_NO_PROGRESS:
            run->no_progress = true;
            break;
        case OPTION_DIHEDRAL:
            run->args.pdq.dihedral = 1;
            break;
        case OPTION_FORMAT:
            run->rows.format = parse_format(self, optarg);
            break;
        case OPTION_JSON:
            run->rows.format = ROWS_JSON;
            break;
        default:
            if (!cli_voice_take(&run->voice, c))
                decode_args_take(self, &run->args, c, optarg);
        }
    }
    algorithm_settle(self, &run->args.algorithm, &run->args.pdq);
    if (optind == argc)
        cli_usage(self, "name images to hash, folders with -r, or - for a list");
    run->rows.terminal = cli_stdout_is_terminal();
    run->rows.profile = run->args.pdq.profile == PHASH_PDQ_FAST;
    if (run->rows.profile && run->rows.format == ROWS_HEX)
        cli_usage(self, "--format hex cannot tell which hashes are only near, as --profile fast "
                        "makes them: take csv or json");
    run->what.paths = argv + optind;
    run->what.count = argc - optind;
}

static enum pool_next next_job(void *context, struct pool_job *job)
{
    struct run *run = context;
    return decode_args_next(&run->args, run->inputs, job);
}

/* Writes what became of one image: a line of output, or a line of error. */
static bool put_result(void *context, void *tag, const struct worker_record *record)
{
    struct run *run = context;
    char *path = tag;
    bool go_on = true;
    if (!record) {
        free(path);
        return true;
    }
    const bool failed = record->status != PHASH_OK;
    if (failed && record->status == PHASH_E_NOT_IMAGE && run->skip_other) {
        run->skipped++;
    } else if (failed) {
        run->failed++;
        cli_path_message(path, cli_reason(&record->error));
    } else {
        text_clear(&run->row);
        const bool pdq = run->args.algorithm.kind == ALGORITHM_PDQ;
        if (pdq)
            rows_add(&run->row, &run->rows, path, &record->result);
        else
            rows_add_hashes(&run->row, &run->rows, path, &run->args.algorithm, &record->hashes);
        go_on = cli_write(run->row.data, run->row.length);
        run->hashed++;
        if (pdq && record->result.quality < PHASH_PDQ_QUALITY_MIN) {
            run->featureless++;
            if (cli_notes(&run->voice))
                cli_path_message(path, "note: too featureless to submit, hashed anyway");
        }
    }
    progress_add(failed && !(run->skip_other && record->status == PHASH_E_NOT_IMAGE));
    free(path);
    return go_on;
}

static void tick(void *context)
{
    (void)context;
    progress_tick();
}

/* How many files there are, for the progress line: 0 where a list on stdin hides it. */
static uint64_t count_inputs(const struct inputs_options *what)
{
    for (int i = 0; i < what->count; i++)
        if (!strcmp(what->paths[i], "-"))
            return 0;
    struct inputs_options counting = *what;
    counting.only_count = true;
    struct inputs *inputs = inputs_open(&counting);
    struct input input;
    uint64_t count = 0;
    for (; inputs_next(inputs, &input) == INPUTS_FILE && !progress_stopped(); count++)
        free(input.path);
    inputs_free(inputs);
    return count;
}

static void sum_up(const struct run *run)
{
    if (!cli_notes(&run->voice) || progress_stopped())
        return;
    const uint64_t seen = run->hashed + run->failed + run->skipped;
    if (seen == 0)
        cli_message("note: no files were found");
    else if (seen > 1 && (run->failed || run->skipped))
        cli_message("note: %llu hashed, %llu could not be, %llu passed by",
                    (unsigned long long)run->hashed, (unsigned long long)run->failed,
                    (unsigned long long)run->skipped);
}

static int hash_run(const struct command *self, int argc, char **argv)
{
    struct run run = {.args = DECODE_ARGS_INIT};
    parse(self, &run, argc, argv);
    struct pool *pool = decode_args_pool(&run.args, run.jobs ? run.jobs : pool_processors());
    progress_catch_signals();
    if (!run.voice.quiet && !run.no_progress && isatty(STDERR_FILENO))
        progress_start("images", count_inputs(&run.what));
    run.inputs = inputs_open(&run.what);
    const struct pool_client client = {&run, next_job, put_result, tick, STDIN_FILENO};
    const int failure = pool_run(pool, &client);
    progress_end();
    pool_stop(&pool);
    inputs_free(run.inputs);
    text_free(&run.row);
    if (failure)
        cli_message("the worker processes are gone: %s", strerror(failure));
    sum_up(&run);
    return failure || run.failed || cli_stdout_failed() ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_hash = {"hash", "print the hash of images", help, hash_run};
