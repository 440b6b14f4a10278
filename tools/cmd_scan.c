/* phash scan: folders that were crawled or reported, against a bank or an index. */
#include "bank_index.h"
#include "cli.h"
#include "decode_args.h"
#include "inputs.h"
#include "pool.h"
#include "progress.h"
#include "report.h"
#include "scan_output.h"
#include "seen.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    OPTION_DIHEDRAL = OPTION_OWN,
    OPTION_REPORT,
    OPTION_THUMBNAILS,
    OPTION_CACHE,
    OPTION_NO_PROGRESS
};

static const char help[] =
    "Usage: phash scan -b BANK|-i INDEX [OPTION]... FOLDER...\n"
    "Looks through folders, and all folders in them, for copies of the images whose hashes a bank "
    "or\n"
    "index holds. Prints a JSON object for each match. The folders are only read.\n"
    "\n"
    "  -b, --bank BANK        a bank; its index is kept beside it, as BANK.phidx\n"
    "  -i, --index INDEX      an index\n"
    "  -d, --distance N       how many of 256 bits may differ (default 31)\n"
    "      --dihedral         also find turned and mirrored copies\n"
    "      --report FILE      also write an HTML page to be printed or handed on: paths, times,\n"
    "                         SHA-256 and distances, no pictures\n"
    "      --thumbnails       a blurred picture of each match in the report: twelve dots along\n"
    "                         its longer side, no more\n"
    "      --cache FILE       note in FILE which files were looked at: a scan that was ended, or\n"
    "                         is made again, looks at the others only, and still tells of all\n"
    "  -j, --jobs N           worker processes (default: one per processor)\n"
    "      --no-progress      no progress line\n"
    "  -q, --quiet            no notes, errors only\n"
    "  -v, --verbose          notes also where the messages go to a file\n"
    "\n" DECODE_HELP "\n"
    "Other:\n"
    "      --cpumask SETS     use only these instruction sets (all, c, avx2, ...)\n"
    "      --help             this text\n"
    "\n"
    "Exit status: 0 something matched, 1 nothing did, 2 something failed or could not be read.\n"
    "Example: phash scan -b hotline.db --report found.html Downloads\n";

static const struct option options[] = {CLI_COMMON_OPTIONS,
                                        DECODE_OPTIONS,
                                        {"bank", required_argument, NULL, 'b'},
                                        {"index", required_argument, NULL, 'i'},
                                        {"distance", required_argument, NULL, 'd'},
                                        {"dihedral", no_argument, NULL, OPTION_DIHEDRAL},
                                        {"report", required_argument, NULL, OPTION_REPORT},
                                        {"thumbnails", no_argument, NULL, OPTION_THUMBNAILS},
                                        {"cache", required_argument, NULL, OPTION_CACHE},
                                        {"jobs", required_argument, NULL, 'j'},
                                        {"no-progress", no_argument, NULL, OPTION_NO_PROGRESS},
                                        CLI_VOICE_OPTIONS,
                                        {NULL, 0, NULL, 0}};

/* A file on its way: its descriptor is kept, so that what is reported is what was hashed. */
struct file {
    char *path;
    int fd;
    struct seen_file seen;
    bool remembered; /* `matches` are what the cache holds */
    struct seen_matches matches;
};

struct run {
    struct decode_args args;
    struct inputs_options what;
    struct inputs *inputs;
    struct cli_voice voice;
    const char *bank_path, *index_path, *report, *cache;
    bool no_progress;
    unsigned jobs, radius;
    phash_bank *bank;
    struct bank_index *bank_index;
    phash_index *index;
    phash_searcher *searcher;
    phash_matches found;
    struct stat source; /* the bank's or index's file */
    struct seen *seen;  /* or NULL */
    int64_t position;   /* how far the bank is searched */
    uint64_t remembered;
    struct scan_output output;
    struct report_counts counts;
    bool broken;
};

static void parse(const struct command *self, struct run *run, int argc, char **argv)
{
    for (int c; (c = cli_option(self, argc, argv, ":hb:i:d:j:qv", options)) != -1;) {
        switch (c) {
        case 'b':
            run->bank_path = optarg;
            break;
        case 'i':
            run->index_path = optarg;
            break;
        case 'd':
            run->radius = (unsigned)cli_number(self, "-d", optarg, false, 0, PHASH_HASH256_BITS);
            break;
        case 'j':
            run->jobs = (unsigned)cli_number(self, "-j", optarg, false, 1, POOL_WORKERS_MAX);
            break;
        case OPTION_DIHEDRAL:
            run->args.pdq.dihedral = 1;
            break;
        case OPTION_REPORT:
            run->report = optarg;
            break;
        case OPTION_THUMBNAILS:
            run->output.pictures = true;
            break;
        case OPTION_CACHE:
            run->cache = optarg;
            break;
        case OPTION_NO_PROGRESS:
            run->no_progress = true;
            break;
        default:
            if (!cli_voice_take(&run->voice, c) && !decode_args_take(self, &run->args, c, optarg))
                cli_usage(self, "an option that has no meaning here");
        }
    }
    if (!run->bank_path == !run->index_path)
        cli_usage(self, "say -b BANK or -i INDEX");
    if (run->output.pictures && !run->report)
        cli_usage(self, "--thumbnails go into a report: say --report FILE");
    if (optind == argc)
        cli_usage(self, "name the folders to look through");
    run->what.paths = argv + optind;
    run->what.count = argc - optind;
    run->what.recursive = true;
}

static enum pool_next next_job(void *context, struct pool_job *job)
{
    struct run *run = context;
    struct input input;
    switch (inputs_next(run->inputs, &input)) {
    case INPUTS_WAIT:
        return POOL_WAIT;
    case INPUTS_END:
        return POOL_END;
    default:
        break;
    }
    struct file *file = cli_allocate(1, sizeof *file);
    file->path = input.path;
    file->fd = input.fd >= 0 ? fcntl(input.fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (run->seen && file->fd >= 0)
        file->remembered =
            seen_find(run->seen, file->fd, run->position, &file->seen, &file->matches);
    if (file->remembered) { /* a record without error or hash: no worker sees it */
        close(input.fd);
        input.fd = -1;
    }
    decode_args_job(&run->args, &input, job);
    job->tag = file;
    return POOL_JOB;
}

static bool search(struct run *run, struct file *file, const phash_pdq_result *result)
{
    phash_hash256 queries[PHASH_DIHEDRALS];
    phash_error error = PHASH_ERROR_INIT;
    const size_t n = result->has_dihedral ? PHASH_DIHEDRALS : 1;
    if (n > 1)
        memcpy(queries, result->dihedral, sizeof queries);
    queries[0] = result->hash;
    run->found.count = 0;
    if (run->bank) {
        run->searcher = bank_index_searcher(run->bank_index);
        run->position = bank_index_position(run->bank_index);
        run->broken = !run->searcher;
        if (run->broken)
            return false;
    }
    /* A hash of a picture without features is near to those of all others of the kind. */
    if (result->quality >= PHASH_PDQ_QUALITY_MIN &&
        phash_search_radius(run->searcher, queries, n, run->radius, &run->found, &error)) {
        cli_message("%s", cli_reason(&error));
        run->broken = true;
        return false;
    }
    const struct seen_matches matches = {run->found.items, run->found.count};
    const bool good =
        scan_output_add(&run->output, file->path, file->fd, matches.items, matches.count);
    /* Only what was told is remembered: if this run ends here, the next one tells. */
    if (good && run->seen && file->fd >= 0)
        seen_add(run->seen, file->fd, run->position, &file->seen, &matches);
    return good;
}

static bool take_record(struct run *run, struct file *file, const struct worker_record *record)
{
    run->counts.files++;
    if (file->remembered) {
        run->counts.images++;
        run->remembered++;
        return scan_output_add(&run->output, file->path, file->fd, file->matches.items,
                               file->matches.count);
    }
    if (record->status == PHASH_OK) {
        run->counts.images++;
        return search(run, file, &record->result);
    }
    if (record->status == PHASH_E_NOT_IMAGE) {
        run->counts.not_images++;
    } else {
        run->counts.failed++;
        cli_path_message(file->path, cli_reason(&record->error));
    }
    return true;
}

static bool take_result(void *context, void *tag, const struct worker_record *record)
{
    struct run *run = context;
    struct file *file = tag;
    bool go_on = true;
    if (record) {
        go_on = take_record(run, file, record);
        progress_add(record->status != PHASH_OK && record->status != PHASH_E_NOT_IMAGE);
    }
    if (file->fd >= 0)
        close(file->fd);
    seen_matches_free(&file->matches);
    free(file->path);
    free(file);
    return go_on;
}

static void tick(void *context)
{
    struct run *run = context;
    progress_tick();
    if (run->seen)
        seen_tick(run->seen);
}

static bool open_index(struct run *run)
{
    phash_error error = PHASH_ERROR_INIT;
    /* Before it is opened: what replaces it meanwhile is another one to the cache. */
    if (stat(run->bank_path ? run->bank_path : run->index_path, &run->source) != 0)
        memset(&run->source, 0, sizeof run->source);
    if (run->bank_path) {
        if (phash_bank_open(run->bank_path, PHASH_BANK_READ, &run->bank, &error) != PHASH_OK) {
            cli_path_message(run->bank_path, cli_reason(&error));
            return false;
        }
        run->bank_index = bank_index_open(run->bank, run->bank_path);
    } else {
        phash_index_options o = PHASH_INDEX_OPTIONS_INIT;
        o.flags = PHASH_INDEX_READ_ONLY;
        if (phash_index_open(run->index_path, &o, &run->index, &error) != PHASH_OK)
            cli_path_message(run->index_path, cli_reason(&error));
    }
    if (run->index && phash_searcher_new(run->index, &run->searcher) != PHASH_OK)
        cli_no_memory();
    return run->index || run->bank_index;
}

/* All that verdicts depend on but the position in a bank. A file is named by what it is, not by its
 * path: a copy of a bank may go another way. */
static bool open_cache(struct run *run)
{
    char state[1024];
    const struct stat st = run->source;
    const phash_decode_options *d = &run->args.decode;
    unsigned long long sequence = 0;
    if (run->bank) {
        run->position = bank_index_position(run->bank_index);
    } else {
        phash_index_stats stats = PHASH_INDEX_STATS_INIT;
        (void)phash_index_stats_get(run->index, &stats);
        sequence = stats.sequence;
    }
    int n = snprintf(state, sizeof state, "%s, %s; %s %llx:%llx", phash_version(),
                     phash_decode_libraries(), run->bank ? "bank" : "index",
                     (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    if (!run->bank) /* its ids may be given to other hashes */
        n += snprintf(state + n, sizeof state - (size_t)n, " %lld.%09ld %lld %llu",
                      (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_size,
                      sequence);
    snprintf(state + n, sizeof state - (size_t)n, "; %u %d %d %d %lu %llu %llu %llu", run->radius,
             run->args.pdq.dihedral, (int)run->args.pdq.profile, d->ignore_orientation,
             (unsigned long)d->max_dimension, (unsigned long long)d->max_pixels,
             (unsigned long long)d->max_input, (unsigned long long)d->max_memory);
    run->seen = seen_open(run->cache, state);
    return run->seen != NULL;
}

static void sum_up(const struct run *run)
{
    const struct report_counts *c = &run->counts;
    if (cli_notes(&run->voice) && !progress_stopped())
        cli_message("note: %llu files, %llu images, %llu match, %llu could not be read",
                    (unsigned long long)c->files, (unsigned long long)c->images,
                    (unsigned long long)c->matching, (unsigned long long)c->failed);
    if (run->remembered && cli_notes(&run->voice))
        cli_message("note: %llu images were looked at before, says the cache",
                    (unsigned long long)run->remembered);
}

static bool write_report(const struct run *run, time_t started)
{
    const struct report_facts facts = {run->what.paths, run->what.count, run->counts,
                                       run->radius,     started,         run->output.pictures};
    return report_write(run->report, &facts, &run->output.rows);
}

static int scan_run(const struct command *self, int argc, char **argv)
{
    struct run run = {
        .args = DECODE_ARGS_INIT, .radius = PHASH_RADIUS_DEFAULT, .found = PHASH_MATCHES_INIT};
    const time_t started = time(NULL);
    parse(self, &run, argc, argv);
    /* The workers are made before the hashes are read: they are copies of this process. */
    struct pool *pool = decode_args_pool(&run.args, run.jobs ? run.jobs : pool_processors());
    bool good = open_index(&run) && (!run.cache || open_cache(&run));
    run.output.bank = run.bank;
    run.output.index = run.index;
    run.output.report = run.report != NULL;
    progress_catch_signals();
    if (good) {
        if (!run.voice.quiet && !run.no_progress && isatty(STDERR_FILENO))
            progress_start("images", 0);
        run.inputs = inputs_open(&run.what);
        const struct pool_client client = {&run, next_job, take_result, tick, STDIN_FILENO};
        int failure = pool_run(pool, &client);
        progress_end();
        if (!failure && !run.broken && !progress_stopped())
            failure = scan_thumbnails(&run.output, pool, &run.args.decode);
        if (failure)
            cli_message("the worker processes are gone: %s", strerror(failure));
        good = !failure && !run.broken && !progress_stopped();
        inputs_free(run.inputs);
    }
    pool_stop(&pool);
    seen_close(&run.seen);
    run.counts.matching = run.output.matching;
    if (good && run.report)
        good = write_report(&run, started);
    if (good)
        sum_up(&run);
    if (run.index) /* else it is the bank's */
        phash_searcher_free(&run.searcher);
    phash_matches_free(&run.found);
    phash_index_free(&run.index);
    bank_index_close(&run.bank_index);
    phash_bank_free(&run.bank);
    scan_output_free(&run.output);
    if (!good || run.counts.failed || cli_stdout_failed())
        return EXIT_FAILED;
    return run.counts.matching ? EXIT_DONE : EXIT_NO_MATCH;
}

const struct command command_scan = {"scan", "find copies in folders, and write a report", help,
                                     scan_run};
