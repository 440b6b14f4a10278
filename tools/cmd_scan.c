/* phash scan: folders that were crawled or reported, against a bank or an index. */
#include "bank_index.h"
#include "cli.h"
#include "decode_args.h"
#include "inputs.h"
#include "pool.h"
#include "progress.h"
#include "report.h"
#include "rows.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTION_DIHEDRAL = OPTION_OWN, OPTION_REPORT, OPTION_NO_PROGRESS };

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
                                        {"jobs", required_argument, NULL, 'j'},
                                        {"no-progress", no_argument, NULL, OPTION_NO_PROGRESS},
                                        {"quiet", no_argument, NULL, 'q'},
                                        {"verbose", no_argument, NULL, 'v'},
                                        {NULL, 0, NULL, 0}};

/* A file on its way: its descriptor is kept, so that what is reported is what was hashed. */
struct file {
    char *path;
    int fd;
};

struct run {
    struct decode_args args;
    struct inputs_options what;
    struct inputs *inputs;
    struct cli_voice voice;
    const char *bank_path, *index_path, *report;
    bool no_progress;
    unsigned jobs, radius;
    phash_bank *bank;
    phash_index *index;
    phash_searcher *searcher;
    phash_matches found;
    struct text rows;
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
        case 'q':
            run->voice.quiet = true;
            break;
        case 'v':
            run->voice.verbose = true;
            break;
        case OPTION_DIHEDRAL:
            run->args.pdq.dihedral = 1;
            break;
        case OPTION_REPORT:
            run->report = optarg;
            break;
        case OPTION_NO_PROGRESS:
            run->no_progress = true;
            break;
        default:
            if (!decode_args_take(self, &run->args, c, optarg))
                cli_usage(self, "an option that has no meaning here");
        }
    }
    if (!run->bank_path == !run->index_path)
        cli_usage(self, "say -b BANK or -i INDEX");
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
    job->fd = input.fd;
    job->bytes = input.bytes;
    job->tag = file;
    job->error = input.error;
    job->work.decode = run->args.decode;
    job->work.algorithm = run->args.algorithm;
    job->work.pdq = run->args.pdq;
    return POOL_JOB;
}

/* SHA-256 of what was hashed, in hex; "" when it cannot be read again. */
static void digest(int fd, char out[crypto_hash_sha256_BYTES * 2 + 1])
{
    static unsigned char buffer[65536];
    unsigned char sha[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    off_t at = 0;
    ssize_t n;
    while ((n = pread(fd, buffer, sizeof buffer, at)) > 0) {
        crypto_hash_sha256_update(&state, buffer, (unsigned long long)n);
        at += n;
    }
    crypto_hash_sha256_final(&state, sha);
    out[0] = '\0';
    if (n == 0)
        sodium_bin2hex(out, sizeof sha * 2 + 1, sha, sizeof sha);
}

static void label_of(struct run *run, uint64_t id, char *label, size_t size)
{
    phash_error error = PHASH_ERROR_INIT;
    label[0] = '\0';
    if (run->bank)
        (void)phash_bank_signal_cases(run->bank, id, label, size, &error);
    else
        (void)phash_index_label(run->index, id, label, size, NULL);
}

static bool put_match(struct run *run, const struct file *file, const phash_match *match,
                      const char *sha)
{
    struct stat st;
    char label[1024];
    if (file->fd < 0 || fstat(file->fd, &st) != 0)
        memset(&st, 0, sizeof st);
    label_of(run, match->id, label, sizeof label);
    const struct report_match m = {file->path,
                                   st.st_mtime,
                                   sha,
                                   (uint64_t)st.st_size,
                                   match->distance,
                                   phash_dihedral_name((phash_dihedral)match->query),
                                   label};
    json_t *o = rows_made(json_object());
    rows_set_path(o, file->path);
    json_object_set_new(o, "distance", rows_made(json_integer(m.distance)));
    json_object_set_new(o, "orientation", rows_made(json_string(m.orientation)));
    json_object_set_new(o, "id", rows_made(json_integer((json_int_t)match->id)));
    json_t *text = json_string(label);
    json_object_set_new(o, "label", text ? text : rows_made(json_string("")));
    json_object_set_new(o, "bytes", rows_made(json_integer((json_int_t)m.bytes)));
    json_object_set_new(o, "modified", rows_made(json_integer((json_int_t)m.modified)));
    json_object_set_new(o, "sha256", rows_made(json_string(sha)));
    struct text line = {0};
    rows_add_json(&line, o, cli_stdout_is_terminal());
    const bool good = cli_write(line.data, line.length);
    text_free(&line);
    json_decref(o);
    if (run->report)
        report_add(&run->rows, &m);
    return good;
}

static bool search(struct run *run, const struct file *file, const phash_pdq_result *result)
{
    phash_hash256 queries[PHASH_DIHEDRALS];
    phash_error error = PHASH_ERROR_INIT;
    char sha[crypto_hash_sha256_BYTES * 2 + 1] = "";
    const size_t n = result->has_dihedral ? PHASH_DIHEDRALS : 1;
    if (n > 1)
        memcpy(queries, result->dihedral, sizeof queries);
    queries[0] = result->hash;
    run->counts.images++;
    /* A hash of a picture without features is near to those of all others of the kind. */
    if (result->quality < PHASH_PDQ_QUALITY_MIN)
        return true;
    if (phash_search_radius(run->searcher, queries, n, run->radius, &run->found, &error)) {
        cli_message("%s", cli_reason(&error));
        run->broken = true;
        return false;
    }
    if (run->found.count) {
        run->counts.matching++;
        if (file->fd >= 0)
            digest(file->fd, sha);
    }
    for (size_t i = 0; i < run->found.count; i++)
        if (!put_match(run, file, &run->found.items[i], sha))
            return false;
    return true;
}

static bool take_result(void *context, void *tag, const struct worker_record *record)
{
    struct run *run = context;
    struct file *file = tag;
    bool go_on = true;
    if (record) {
        const bool other = record->status == PHASH_E_NOT_IMAGE;
        run->counts.files++;
        if (other) {
            run->counts.not_images++;
        } else if (record->status != PHASH_OK) {
            run->counts.failed++;
            cli_path_message(file->path, cli_reason(&record->error));
        } else {
            go_on = search(run, file, &record->result);
        }
        progress_add(record->status != PHASH_OK && !other);
    }
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    free(file);
    return go_on;
}

static void tick(void *context)
{
    (void)context;
    progress_tick();
}

static bool open_index(struct run *run)
{
    phash_error error = PHASH_ERROR_INIT;
    if (run->bank_path) {
        if (phash_bank_open(run->bank_path, PHASH_BANK_READ, &run->bank, &error) != PHASH_OK) {
            cli_path_message(run->bank_path, cli_reason(&error));
            return false;
        }
        run->index = bank_index_open(run->bank, run->bank_path);
    } else {
        phash_index_options o = PHASH_INDEX_OPTIONS_INIT;
        o.flags = PHASH_INDEX_READ_ONLY;
        if (phash_index_open(run->index_path, &o, &run->index, &error) != PHASH_OK)
            cli_path_message(run->index_path, cli_reason(&error));
    }
    if (run->index && phash_searcher_new(run->index, &run->searcher) != PHASH_OK)
        cli_no_memory();
    return run->index != NULL;
}

static void sum_up(const struct run *run)
{
    const struct report_counts *c = &run->counts;
    if (cli_notes(&run->voice) && !progress_stopped())
        cli_message("note: %llu files, %llu images, %llu match, %llu could not be read",
                    (unsigned long long)c->files, (unsigned long long)c->images,
                    (unsigned long long)c->matching, (unsigned long long)c->failed);
}

static int scan_run(const struct command *self, int argc, char **argv)
{
    struct run run = {
        .args = DECODE_ARGS_INIT, .radius = PHASH_RADIUS_DEFAULT, .found = PHASH_MATCHES_INIT};
    const time_t started = time(NULL);
    parse(self, &run, argc, argv);
    /* The workers are made before the hashes are read: they are copies of this process. */
    struct pool *pool = decode_args_pool(&run.args, run.jobs ? run.jobs : pool_processors());
    bool good = open_index(&run);
    progress_catch_signals();
    if (good) {
        if (!run.voice.quiet && !run.no_progress && isatty(STDERR_FILENO))
            progress_start("images", 0);
        run.inputs = inputs_open(&run.what);
        const struct pool_client client = {&run, next_job, take_result, tick, STDIN_FILENO};
        const int failure = pool_run(pool, &client);
        progress_end();
        if (failure)
            cli_message("the worker processes are gone: %s", strerror(failure));
        good = !failure && !run.broken && !progress_stopped();
        inputs_free(run.inputs);
    }
    pool_stop(&pool);
    if (good && run.report)
        good = report_write(run.report, run.what.paths, run.what.count, &run.rows, &run.counts,
                            run.radius, started);
    if (good)
        sum_up(&run);
    phash_searcher_free(&run.searcher);
    phash_matches_free(&run.found);
    phash_index_free(&run.index);
    phash_bank_free(&run.bank);
    text_free(&run.rows);
    if (!good || run.counts.failed || cli_stdout_failed())
        return EXIT_FAILED;
    return run.counts.matching ? EXIT_DONE : EXIT_NO_MATCH;
}

const struct command command_scan = {"scan", "find copies in folders, and write a report", help,
                                     scan_run};
