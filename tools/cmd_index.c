/* phash index: making and keeping a file that `phash match` searches. */
#include "cli.h"
#include "decode_args.h"
#include "index_fill.h"
#include "index_open.h"
#include "index_show.h"
#include "progress.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPTION_JSON = OPTION_OWN,
    OPTION_ERASE,
    OPTION_FORCE,
    OPTION_ID_COLUMN,
    OPTION_LABEL_COLUMN,
    OPTION_FIRST_ID,
    OPTION_RADIUS,
    OPTION_LIST,
    OPTION_NO_SYNC
};

static const char help[] =
    "Usage: phash index build   [OPTION]... INDEX PATH|LIST|-...\n"
    "       phash index add     [OPTION]... INDEX PATH|LIST|-...\n"
    "       phash index remove  [--erase] INDEX ID...\n"
    "       phash index remove  [--erase] --list INDEX PATH|LIST|-...\n"
    "       phash index info | verify | compact | list  INDEX\n"
    "Keeps hashes in a file, for 'phash match'. They come from hash lists (those of 'phash hash' "
    "and\n"
    "Meta's forms), from images, or from a list on standard input (-). No file name is kept.\n"
    "\n"
    "  build      makes INDEX of all hashes; refuses to replace one, unless with --force\n"
    "  add        adds hashes; they are found at once, also by programs that have INDEX open\n"
    "  remove     takes out all hashes with these ids, or (--list) all that are in the lists\n"
    "  info       tells how many hashes there are, and what they cost\n"
    "  verify     reads every byte and checks it\n"
    "  compact    takes changes into the snapshot; happens by itself, too\n"
    "  list       prints HEX,ID or, where there are labels, HEX,ID,LABEL\n"
    "\n"
    "      --id-column N      ids are in column N of the lists (the hash is column 1);\n"
    "                         otherwise they count up: 1, 2, ... or from the highest there is\n"
    "      --first-id N       where they begin to count\n"
    "      --label-column N   labels are all from column N on: a match prints them. (In a list of\n"
    "                         'phash hash' that is the path: nothing to give away)\n"
    "      --radius N         (build) the distance most searches will use (default 31; dct: 10, "
    "or\n"
    "                         40 of 256 bits)\n"
    "      --erase            (remove) also overwrite the hashes in the files of INDEX\n"
    "      --list             (remove) name hashes instead of ids\n"
    "      --strict           change nothing if a line or an image is bad (otherwise those are\n"
    "                         passed over, and the exit status is 2)\n"
    "      --force            (build) replace INDEX\n"
    "      --no-sync          (add, remove) do not wait for the disk\n"
    "  -r, --recursive        take all that is in folders\n"
    "      --skip-other       pass by files that are neither images nor lists\n"
    "  -j, --jobs N           work on N images at a time (default: as many as processors)\n"
    "      --json             print a JSON object\n"
    "  -q, --quiet            no progress and no notes, errors only\n"
    "  -v, --verbose          notes also where the messages go to a file\n"
    "\n" ALGORITHM_HELP "  An index holds hashes of one kind, of 64 or 256 bits, and knows which: "
    "only build has to be\n"
    "  told.\n"
    "\n" DECODE_HELP "\n"
    "Other:\n"
    "      --cpumask SETS     use only these instruction sets (all, c, avx2, ...)\n"
    "      --require-sandbox  refuse to go on if this system cannot shut the decoders in\n"
    "  -h, --help             this text\n"
    "\n"
    "Exit status: 0 done, 1 (remove) nothing was there, 2 something failed.\n"
    "Example: phash hash -r known | phash index build known.phidx -\n";

static const struct option options[] = {
    CLI_COMMON_OPTIONS,
    HASHES_OPTIONS,
    {"json", no_argument, NULL, OPTION_JSON},
    {"erase", no_argument, NULL, OPTION_ERASE},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"list", no_argument, NULL, OPTION_LIST},
    {"no-sync", no_argument, NULL, OPTION_NO_SYNC},
    {"id-column", required_argument, NULL, OPTION_ID_COLUMN},
    {"label-column", required_argument, NULL, OPTION_LABEL_COLUMN},
    {"first-id", required_argument, NULL, OPTION_FIRST_ID},
    {"radius", required_argument, NULL, OPTION_RADIUS},
    {NULL, 0, NULL, 0}};

struct run {
    const struct command *self;
    struct hashes_options what;
    struct fill_options fill;
    struct cli_voice voice;
    const char *path; /* the index */
    char **arguments; /* behind it */
    int count;
    uint32_t radius;
    bool json, erase, force, list, first_given, no_sync, radius_given;
};

static int failed(const struct run *run, const phash_error *error)
{
    return index_show_failure(run->path, error);
}

static bool open_index(struct run *run, phash_index **index)
{
    phash_index_options o = PHASH_INDEX_OPTIONS_INIT;
    if (run->no_sync)
        o.sync = PHASH_SYNC_NEVER;
    return index_open(run->self, run->path, o, &run->what.args, index);
}

/* ---- build, add ---- */

static void report(const struct run *run, const char *what, uint64_t n, phash_index *index)
{
    phash_index_stats stats = PHASH_INDEX_STATS_INIT;
    (void)phash_index_stats_get(index, &stats);
    if (run->json) {
        json_t *object = rows_made(json_object());
        index_show_put(object, what, n);
        index_show_put(object, "count", stats.count);
        (void)index_show_print(object);
    } else if (cli_notes(&run->voice)) {
        cli_message("note: %llu %s, %llu in the index", (unsigned long long)n, what,
                    (unsigned long long)stats.count);
    }
}

static const char *const *labels_of(const struct pairs *pairs)
{
    return (const char *const *)pairs->labels;
}

/* Only those that are there: none would take away what another hash of the id brought. */
static phash_status set_labels(phash_index *index, const struct pairs *pairs, phash_error *error)
{
    const char **labels = cli_allocate(pairs->count, sizeof *labels);
    uint64_t *ids = cli_allocate(pairs->count, sizeof *ids);
    size_t n = 0;
    for (size_t i = 0; i < pairs->count; i++)
        if (pairs->labels[i]) {
            labels[n] = pairs->labels[i];
            ids[n++] = pairs->ids[i];
        }
    const phash_status status = phash_index_label_set(index, ids, labels, n, error);
    free(ids);
    free(labels);
    return status;
}

/* Whether nothing is to be changed after all. Where all that was named is bad, an index made of nothing
 * would take the name, or with --force the place, of the one that was meant. */
static bool given_up(const struct run *run, const struct pairs *pairs, uint64_t bad)
{
    return progress_stopped() || pairs->other_kind || (bad && (run->what.strict || !pairs->count));
}

static int build(struct run *run)
{
    struct pairs pairs = {0};
    struct decode_args *args = &run->what.args;
    index_settle(run->self, args);
    if (!run->radius_given)
        run->radius = algorithm_radius(&args->algorithm);
    index_check_distance(run->self, args, "--radius", run->radius);
    const uint64_t bad = fill_pairs(&run->what, &run->fill, &pairs);
    if (given_up(run, &pairs, bad)) {
        pairs_free(&pairs);
        return EXIT_FAILED;
    }
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    phash_index_options o = PHASH_INDEX_OPTIONS_INIT;
    o.flags = PHASH_INDEX_MANUAL;
    o.radius = run->radius;
    o.bits = algorithm_bits(&args->algorithm);
    (void)algorithm_name(&args->algorithm, o.algorithm);
    phash_status status =
        phash_index_build(pairs.hashes, pairs.ids, pairs.count, &o, &index, &error);
    if (status == PHASH_OK && pairs.labels)
        status = set_labels(index, &pairs, &error);
    if (status == PHASH_OK)
        status = phash_index_save(index, run->path, run->force ? PHASH_SAVE_REPLACE : 0, &error);
    if (status == PHASH_OK)
        report(run, "added", pairs.count, index);
    else
        failed(run, &error);
    phash_index_free(&index);
    pairs_free(&pairs);
    return status != PHASH_OK || bad || cli_stdout_failed() ? EXIT_FAILED : EXIT_DONE;
}

/* One more than the highest id. */
static uint64_t next_id(phash_index *index)
{
    enum { MANY = 4096 };
    uint64_t ids[MANY], next = 1;
    phash_cursor *cursor;
    if (phash_cursor_new(index, &cursor) != PHASH_OK)
        cli_no_memory();
    for (size_t n; (n = phash_cursor_next(cursor, MANY, NULL, ids)) > 0;)
        for (size_t i = 0; i < n; i++)
            if (ids[i] >= next && ids[i] != UINT64_MAX)
                next = ids[i] + 1;
    phash_cursor_free(&cursor);
    return next;
}

/* A journal that has grown to a quarter of the snapshot makes every opening slow. */
static phash_status tidy(phash_index *index, phash_error *error)
{
    enum { SMALL = 1 << 20, SHARE = 4 };
    phash_index_stats stats = PHASH_INDEX_STATS_INIT;
    (void)phash_index_stats_get(index, &stats);
    return stats.journal_bytes > SMALL && stats.journal_bytes > stats.snapshot_bytes / SHARE
               ? phash_index_compact(index, 0, error)
               : PHASH_OK;
}

static int add(struct run *run)
{
    struct pairs pairs = {0};
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    if (!open_index(run, &index))
        return EXIT_FAILED;
    if (!run->first_given && !run->fill.id_column)
        run->fill.first_id = next_id(index);
    const uint64_t bad = fill_pairs(&run->what, &run->fill, &pairs);
    phash_status status = PHASH_OK;
    if (!given_up(run, &pairs, bad)) {
        status =
            phash_index_add(index, pairs.hashes, pairs.ids, labels_of(&pairs), pairs.count, &error);
        if (status == PHASH_OK)
            report(run, "added", pairs.count, index);
        if (status == PHASH_OK)
            status = tidy(index, &error);
    }
    if (status != PHASH_OK)
        failed(run, &error);
    phash_index_free(&index);
    pairs_free(&pairs);
    return status != PHASH_OK || bad || progress_stopped() || cli_stdout_failed() ? EXIT_FAILED
                                                                                  : EXIT_DONE;
}

/* ---- remove ---- */

/* The ids of the pairs that have exactly these hashes, in the place of the pairs. */
static phash_status look_up(phash_index *index, struct pairs *pairs, phash_error *error)
{
    phash_searcher *searcher;
    phash_matches found = PHASH_MATCHES_INIT;
    if (phash_searcher_new(index, &searcher) != PHASH_OK)
        cli_no_memory();
    const phash_status status =
        phash_search_radius(searcher, pairs->hashes, pairs->count, 0, &found, error);
    free(pairs->ids);
    pairs->ids = cli_allocate(found.count, sizeof *pairs->ids);
    pairs->count = found.count;
    for (size_t i = 0; i < found.count; i++)
        pairs->ids[i] = found.items[i].id;
    phash_matches_free(&found);
    phash_searcher_free(&searcher);
    return status;
}

static uint64_t take_ids(const struct run *run, struct pairs *pairs)
{
    uint64_t bad = 0;
    pairs->ids = cli_allocate((size_t)run->count, sizeof *pairs->ids);
    for (int i = 0; i < run->count; i++) {
        const char *text = run->arguments[i];
        if (fill_number(text, strlen(text), &pairs->ids[pairs->count])) {
            pairs->count++;
        } else {
            cli_path_message(text, "not an id: ids are whole numbers");
            bad++;
        }
    }
    return bad;
}

static int remove_some(struct run *run)
{
    struct pairs pairs = {0};
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    if (!open_index(run, &index))
        return EXIT_FAILED;
    const uint64_t bad =
        run->list ? fill_pairs(&run->what, &run->fill, &pairs) : take_ids(run, &pairs);
    uint64_t removed = 0;
    phash_status status = PHASH_OK;
    if (!given_up(run, &pairs, bad)) {
        if (run->list)
            status = look_up(index, &pairs, &error);
        if (status == PHASH_OK)
            status = phash_index_remove(index, pairs.ids, pairs.count,
                                        run->erase ? PHASH_REMOVE_ERASE : 0, &removed, &error);
        if (status == PHASH_OK)
            report(run, "removed", removed, index);
        if (status == PHASH_OK)
            status = tidy(index, &error);
    }
    if (status != PHASH_OK)
        failed(run, &error);
    phash_index_free(&index);
    pairs_free(&pairs);
    if (status != PHASH_OK || bad || progress_stopped() || cli_stdout_failed())
        return EXIT_FAILED;
    return removed ? EXIT_DONE : EXIT_NO_MATCH;
}

/* ---- keeping ---- */

static int verify(struct run *run)
{
    phash_error error = PHASH_ERROR_INIT;
    if (phash_index_verify(run->path, &error) != PHASH_OK)
        return failed(run, &error);
    if (cli_notes(&run->voice))
        cli_path_message(run->path, "note: every byte is as it was written");
    return EXIT_DONE;
}

static int compact(struct run *run)
{
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    if (!open_index(run, &index))
        return EXIT_FAILED;
    const phash_status status = phash_index_compact(index, 0, &error);
    phash_index_free(&index);
    return status == PHASH_OK ? EXIT_DONE : failed(run, &error);
}

static int info(struct run *run)
{
    return index_show_info(run->path, run->json);
}

static int list(struct run *run)
{
    return index_show_list(run->path);
}

/* ---- the command line ---- */

static const struct action {
    const char *name;
    int (*run)(struct run *run);
    bool takes_hashes;
} actions[] = {{"build", build, true}, {"add", add, true},        {"remove", remove_some, true},
               {"info", info, false},  {"verify", verify, false}, {"compact", compact, false},
               {"list", list, false}};

static const struct action *find(const struct command *self, const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (!strcmp(actions[i].name, name))
            return &actions[i];
    struct text shown = {0};
    text_escaped(&shown, name);
    cli_usage(self, "'%.200s' is none of build, add, remove, info, verify, compact, list",
              shown.data);
}

static void take_option(struct run *run, int c)
{
    const struct command *self = run->self;
    switch (c) {
    case OPTION_JSON:
        run->json = true;
        break;
    case OPTION_ERASE:
        run->erase = true;
        break;
    case OPTION_FORCE:
        run->force = true;
        break;
    case OPTION_LIST:
        run->list = true;
        break;
    case OPTION_NO_SYNC:
        run->no_sync = true;
        break;
    case OPTION_ID_COLUMN:
        run->fill.id_column = (unsigned)cli_number(self, "--id-column", optarg, false, 2, 1000);
        break;
    case OPTION_LABEL_COLUMN:
        run->fill.label_column =
            (unsigned)cli_number(self, "--label-column", optarg, false, 2, 1000);
        break;
    case OPTION_FIRST_ID:
        run->fill.first_id = cli_number(self, "--first-id", optarg, false, 0, UINT64_MAX);
        run->first_given = true;
        break;
    case OPTION_RADIUS:
        run->radius = (uint32_t)cli_number(self, "--radius", optarg, false, 0, PHASH_HASH256_BITS);
        run->radius_given = true;
        break;
    default:
        hashes_option_take(self, &run->what, &run->voice, c, optarg);
    }
}

static int index_run(const struct command *self, int argc, char **argv)
{
    struct run run = {.self = self,
                      .what = {.args = DECODE_ARGS_INIT, .unit = "hashes"},
                      .fill = {.first_id = 1}};
    for (int c; (c = cli_option(self, argc, argv, ":hrj:qv", options)) != -1;)
        take_option(&run, c);
    if (argc - optind < 2)
        cli_usage(self, "say what to do with which index, such as: phash index info INDEX");
    const struct action *action = find(self, argv[optind]);
    run.path = argv[optind + 1];
    run.arguments = run.what.arguments = argv + optind + 2;
    run.count = run.what.count = argc - optind - 2;
    if (action->takes_hashes != (run.count > 0))
        cli_usage(self, action->takes_hashes ? "name hash lists or images, or - (or ids)"
                                             : "there is something behind the index");
    if (run.what.args.pdq.profile == PHASH_PDQ_FAST)
        cli_usage(self, "--profile fast makes hashes that are only near: they must not be kept");
    return action->run(&run);
}

const struct command command_index = {"index", "make and keep a file of hashes to match against",
                                      help, index_run};
