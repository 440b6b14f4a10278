/* phash match: which hashes of an index are near to images, lists, or single hashes. */
#include "cli.h"
#include "decode_args.h"
#include "hashes.h"
#include "index_open.h"
#include "progress.h"
#include "rows.h"
#if PHASH_HAS_BANK
#include "bank_index.h"
_Static_assert(BANK_LABEL <= PHASH_LABEL_MAX + 1, "one buffer takes both kinds of label");
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_DIHEDRAL = OPTION_OWN, OPTION_JSON, OPTION_LOAD };

static const char help[] =
    "Usage: phash match -i INDEX|-b BANK [OPTION]... PATH|LIST|HASH|-...\n"
    "Prints which hashes are near: QUERY,ID,DISTANCE, one line each, nearest first; and the "
    "label,\n"
    "where the index has labels, or with -b the numbers of the signal's cases. Nothing within the\n"
    "distance is ever left out.\n"
    "\n"
    "Queries are images, hash lists (as 'phash hash' writes them, and Meta's forms), hashes as "
    "hex\n"
    "digits, or - for a list on standard input. QUERY is the path of an image, the hash as given, "
    "and\n"
    "for a list the path in it or LIST:LINE.\n"
    "\n"
    "  -i, --index INDEX      the index, made by 'phash index build'\n"
    "  -b, --bank BANK        the bank, made by 'phash bank init'; what was withdrawn from it is "
    "not\n"
    "                         found. ID is the number of the signal\n"
    "  -d, --distance N       how far is near, 0 to 256 (default 31, what takedown systems use;\n"
    "                         dct: 10 of 64 bits, 40 of 256)\n"
    "  -k, --nearest N        at most the N nearest for each query\n"
    "      --dihedral         also try images turned and mirrored: QUERY,ID,DISTANCE,ORIENTATION\n"
    "      --inverted         dct: also try the negatives of images, in the same way\n"
    "      --load             read the whole index into memory first: faster for many queries\n"
    "      --strict           stop at the first line or image that is bad\n"
    "  -r, --recursive        take all that is in folders\n"
    "      --skip-other       pass by files that are neither images nor lists\n"
    "  -j, --jobs N           work on N images at a time (default: as many as processors)\n"
    "      --json             print one JSON object per line\n"
    "  -q, --quiet            no progress and no notes, errors only\n"
    "  -v, --verbose          notes also where the messages go to a file\n"
    "\n" ALGORITHM_HELP "  The index knows which; naming it makes sure that it is this one.\n"
    "\n" DECODE_HELP "\n"
    "Other:\n"
    "      --cpumask SETS     use only these instruction sets (all, c, avx2, ...)\n"
    "      --require-sandbox  refuse to go on if this system cannot shut the decoders in\n"
    "  -h, --help             this text\n"
    "\n"
    "Exit status: 0 something matched, 1 nothing did, 2 something failed.\n"
    "Example: phash match -i known.phidx -r uploads\n";

static const struct option options[] = {CLI_COMMON_OPTIONS,
                                        HASHES_OPTIONS,
                                        INVERTED_OPTION,
                                        {"index", required_argument, NULL, 'i'},
                                        {"bank", required_argument, NULL, 'b'},
                                        {"distance", required_argument, NULL, 'd'},
                                        {"nearest", required_argument, NULL, 'k'},
                                        {"dihedral", no_argument, NULL, OPTION_DIHEDRAL},
                                        {"load", no_argument, NULL, OPTION_LOAD},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {NULL, 0, NULL, 0}};

enum { BATCH = 4096, LABEL_SIZE = PHASH_LABEL_MAX + 1 };

/* A query that waits for its batch to be full. */
struct query {
    char *name;
    uint64_t line;   /* in a list; else 0 */
    unsigned hashes; /* 1, or all variants of an image */
};

struct run {
    struct hashes_options what;
    struct cli_voice voice;
    const char *path;      /* of an index, or */
    const char *bank_path; /* of a bank */
    uint32_t flags, distance, nearest;
    bool json, distance_given;
    bool said_unturned;

#if PHASH_HAS_BANK
    phash_bank *bank;
    struct bank_index *bank_index;
#endif
    phash_index *index;
    phash_searcher *searcher;
    bool labels; /* there is a column for them */
    uint8_t *hashes;
    size_t hash_bytes;
    struct query *queries;
    size_t query_count, hash_count;
    phash_matches found;
    struct text out;
    uint64_t matched;
    bool failed;
};

/* ---- output ---- */

/* Whether more than the images as they are is looked for. */
static bool has_variants(const struct run *run)
{
    return run->what.args.pdq.dihedral || run->what.args.algorithm.inverted;
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, rows_made(value)))
        cli_no_memory();
}

/* A label may be in any encoding. */
static json_t *label_json(const char *label)
{
    struct text t = {0};
    (void)text_utf8(&t, label);
    json_t *value = json_stringn(t.data ? t.data : "", t.length);
    text_free(&t);
    return value;
}

static void add_json(struct run *run, const struct query *q, const phash_match *m, int orientation,
                     const char *label)
{
    json_t *object = rows_made(json_object());
    struct text name = {0};
    (void)text_utf8(&name, q->name);
    set(object, "query", json_stringn(name.data ? name.data : "", name.length));
    text_free(&name);
    if (q->line)
        set(object, "line", json_integer((json_int_t)q->line));
    /* JSON readers, and jansson, have no integers above this. */
    set(object, "id",
        m->id > INT64_MAX ? json_sprintf("%llu", (unsigned long long)m->id)
                          : json_integer((json_int_t)m->id));
    set(object, "distance", json_integer(m->distance));
    char variant[ALGORITHM_NAME];
    if (orientation >= 0)
        set(object, "orientation",
            json_string(algorithm_variant_name((unsigned)orientation, variant)));
    if (label)
        set(object, "label", label_json(label));
    rows_add_json(&run->out, object, cli_stdout_is_terminal());
    json_decref(object);
}

static void add_csv(struct run *run, const struct query *q, const phash_match *m, int orientation,
                    const char *label)
{
    void (*const add)(struct text *, const char *) =
        cli_stdout_is_terminal() ? text_escaped : text_csv;
    char numbers[64];
    add(&run->out, q->name);
    snprintf(numbers, sizeof numbers, ",%llu,%u", (unsigned long long)m->id, m->distance);
    text_string(&run->out, numbers);
    if (has_variants(run)) {
        char variant[ALGORITHM_NAME];
        text_string(&run->out, ",");
        if (orientation >= 0)
            text_string(&run->out, algorithm_variant_name((unsigned)orientation, variant));
    }
    if (run->labels) {
        text_string(&run->out, ",");
        if (label)
            add(&run->out, label);
    }
    text_string(&run->out, "\n");
}

/* The label to print, or NULL. False when a bank holds the signal no more. */
static bool label_of(struct run *run, uint64_t id, char *buffer, size_t size, const char **label)
{
    *label = NULL;
#if PHASH_HAS_BANK
    if (run->bank) {
        *label = buffer;
        return bank_index_label(run->bank, id, buffer);
    }
#endif
    if (run->labels && phash_index_label(run->index, id, buffer, size, NULL) == PHASH_OK)
        *label = buffer;
    return true;
}

static void print_match(struct run *run, const struct query *q, const phash_match *m,
                        int orientation)
{
    char buffer[LABEL_SIZE];
    const char *label;
    if (!label_of(run, m->id, buffer, sizeof buffer, &label))
        return;
    (run->json ? add_json : add_csv)(run, q, m, orientation, label);
    run->matched++;
}

/* ---- turned pictures ---- */

/* A match of an image, and which orientation of it matched. */
struct turned {
    phash_match match;
    int orientation;
};

static int by_id(const void *left, const void *right)
{
    const struct turned *a = left, *b = right;
    if (a->match.id != b->match.id)
        return a->match.id < b->match.id ? -1 : 1;
    if (a->match.distance != b->match.distance)
        return a->match.distance < b->match.distance ? -1 : 1;
    return a->orientation - b->orientation;
}

static int by_distance(const void *left, const void *right)
{
    const struct turned *a = left, *b = right;
    if (a->match.distance != b->match.distance)
        return a->match.distance < b->match.distance ? -1 : 1;
    return (a->match.id > b->match.id) - (a->match.id < b->match.id);
}

/* Of the matches of all orientations the nearest for each id. */
static void print_turned(struct run *run, const struct query *q, const phash_match *matches,
                         size_t n, uint32_t first_query)
{
    struct turned *all = cli_allocate(n, sizeof *all);
    /* Without the turns there are only the hash and the first of the negative's. */
    const uint32_t step = run->what.args.pdq.dihedral ? 1 : PHASH_DIHEDRALS;
    for (size_t i = 0; i < n; i++)
        all[i] = (struct turned){matches[i], (int)((matches[i].query - first_query) * step)};
    qsort(all, n, sizeof *all, by_id);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!kept || all[i].match.id != all[kept - 1].match.id)
            all[kept++] = all[i];
    qsort(all, kept, sizeof *all, by_distance);
    for (size_t i = 0; i < kept && (!run->nearest || i < run->nearest); i++)
        print_match(run, q, &all[i].match, all[i].orientation);
    free(all);
}

/* ---- searching ---- */

static bool search(struct run *run)
{
    phash_error error = PHASH_ERROR_INIT;
#if PHASH_HAS_BANK
    if (run->bank && !(run->searcher = bank_index_searcher(run->bank_index))) {
        run->failed = true;
        return false;
    }
#endif
    const phash_status status =
        run->nearest ? phash_search_nearest(run->searcher, run->hashes, run->hash_count,
                                            run->nearest, run->distance, &run->found, &error)
                     : phash_search_radius(run->searcher, run->hashes, run->hash_count,
                                           run->distance, &run->found, &error);
    if (status == PHASH_OK)
        return true;
    cli_path_message(run->path, cli_reason(&error));
    run->failed = true;
    return false;
}

/* Searches for all that wait, and prints. False: the run is to end. */
static bool flush(struct run *run)
{
    bool going = search(run);
    size_t at = 0;
    uint32_t hash = 0;
    text_clear(&run->out);
    for (size_t i = 0; i < run->query_count; i++) {
        struct query *q = &run->queries[i];
        size_t end = at;
        while (going && end < run->found.count && run->found.items[end].query < hash + q->hashes)
            end++;
        if (q->hashes > 1 && end > at)
            print_turned(run, q, run->found.items + at, end - at, hash);
        else
            for (size_t k = at; k < end; k++)
                print_match(run, q, &run->found.items[k], -1);
        at = end;
        hash += q->hashes;
        free(q->name);
    }
    run->query_count = run->hash_count = 0;
    if (going && run->out.length)
        going = cli_write(run->out.data, run->out.length);
    return going;
}

/* What a query is called in the output. */
static char *name_of(const struct hash_item *item)
{
    struct text t = {0};
    char line[32];
    const bool has_path = item->extra_length && item->form != PHASH_LIST_METADATA;
    if (item->argument) {
        text_string(&t, item->argument);
    } else if (has_path) {
        text_bytes(&t, item->extra, item->extra_length);
    } else {
        text_string(&t, item->path);
        snprintf(line, sizeof line, ":%llu", (unsigned long long)item->line);
        if (item->line)
            text_string(&t, line);
    }
    return t.data;
}

static void add_hash(struct run *run, const uint8_t *hash)
{
    memcpy(run->hashes + run->hash_count++ * run->hash_bytes, hash, run->hash_bytes);
}

static bool take(void *context, const struct hash_item *item)
{
    struct run *run = context;
    if (has_variants(run) && !item->image && !run->said_unturned) {
        run->said_unturned = true;
        cli_message(run->what.args.pdq.dihedral
                        ? "note: a hash cannot be turned: --dihedral is for the images only"
                        : "note: a hash has no negative: --inverted is for the images only");
    }
    if (item->quality >= 0 && item->quality < PHASH_PDQ_QUALITY_MIN && cli_notes(&run->voice))
        cli_path_message(item->path, "note: too featureless for a match to mean much");
    struct query *q = &run->queries[run->query_count++];
    *q = (struct query){name_of(item), item->line, 1};
    add_hash(run, item->hash);
    for (unsigned i = 1; item->image && i < ALGORITHM_VARIANTS; i++)
        if (algorithm_has(item->image, i)) {
            add_hash(run, item->image->variants[i].bytes);
            q->hashes++;
        }
    /* Images come slowly: each is answered as it comes. A list is searched in batches. */
    return run->query_count < BATCH && !item->image ? true : flush(run);
}

/* ---- the command line ---- */

static void parse(const struct command *self, struct run *run, int argc, char **argv)
{
    for (int c; (c = cli_option(self, argc, argv, ":hi:b:d:k:rj:qv", options)) != -1;) {
        switch (c) {
        case 'i':
            run->path = optarg;
            break;
        case 'b':
            run->bank_path = optarg;
            break;
        case 'd':
            run->distance = (uint32_t)cli_number(self, "-d", optarg, false, 0, PHASH_HASH256_BITS);
            run->distance_given = true;
            break;
        case 'k':
            run->nearest = (uint32_t)cli_number(self, "-k", optarg, false, 1, UINT32_MAX);
            break;
        case OPTION_DIHEDRAL:
            run->what.args.pdq.dihedral = 1;
            break;
        case OPTION_LOAD:
            run->flags |= PHASH_INDEX_LOAD;
            break;
        case OPTION_JSON:
            run->json = true;
            break;
        default:
            hashes_option_take(self, &run->what, &run->voice, c, optarg);
        }
    }
    if (!run->path == !run->bank_path)
        cli_usage(self, "name an index with -i, or a bank with -b");
    if (optind == argc)
        cli_usage(self, "name images, hash lists or hashes to look for, or - for a list");
    run->what.arguments = argv + optind;
    run->what.count = argc - optind;
}

/* The index beside the bank, brought up to date first. */
static bool open_bank(const struct command *self, struct run *run)
{
#if PHASH_HAS_BANK
    char name[ALGORITHM_NAME];
    algorithm_settle(self, &run->what.args.algorithm, &run->what.args.pdq);
    if (run->what.args.algorithm.kind != ALGORITHM_PDQ)
        cli_usage(self, "a bank holds hashes of pdq, not of %s",
                  algorithm_name(&run->what.args.algorithm, name));
    phash_error error = PHASH_ERROR_INIT;
    if (phash_bank_open(run->bank_path, PHASH_BANK_READ, &run->bank, &error) != PHASH_OK) {
        cli_path_message(run->bank_path, cli_reason(&error));
        return false;
    }
    run->bank_index = bank_index_open(run->bank, run->bank_path);
    if (!run->bank_index)
        phash_bank_free(&run->bank);
    run->labels = true;
    return run->bank_index != NULL;
#else
    (void)self;
    cli_path_message(run->bank_path, "this build has no banks");
    return false;
#endif
}

static bool open_file(const struct command *self, struct run *run)
{
    phash_index_options o = PHASH_INDEX_OPTIONS_INIT;
    o.flags = run->flags | PHASH_INDEX_READ_ONLY;
    if (!index_open(self, run->path, o, &run->what.args, &run->index))
        return false;
    phash_index_stats stats = PHASH_INDEX_STATS_INIT;
    (void)phash_index_stats_get(run->index, &stats);
    run->labels = stats.labels != 0;
    return true;
}

static bool open_index(const struct command *self, struct run *run)
{
    if (!(run->bank_path ? open_bank(self, run) : open_file(self, run)))
        return false;
    const struct algorithm *algorithm = &run->what.args.algorithm;
    if (!run->distance_given)
        run->distance = algorithm_radius(algorithm);
    index_check_distance(self, &run->what.args, "-d", run->distance);
    run->hash_bytes = algorithm_bits(algorithm) / 8;
    if (run->index && phash_searcher_new(run->index, &run->searcher) != PHASH_OK)
        cli_no_memory();
    return true;
}

static int match_run(const struct command *self, int argc, char **argv)
{
    struct run run = {
        .what = {.args = DECODE_ARGS_INIT, .arguments_are_hashes = true, .unit = "queries"}};
    parse(self, &run, argc, argv);
    if (!open_index(self, &run))
        return EXIT_FAILED;
    run.queries = cli_allocate(BATCH, sizeof *run.queries);
    run.hashes = cli_allocate(BATCH + ALGORITHM_VARIANTS, run.hash_bytes);
    const uint64_t failed = hashes_read(&run.what, take, &run);
    if (run.query_count && !progress_stopped() && !cli_stdout_failed())
        (void)flush(&run);
    for (size_t i = 0; i < run.query_count; i++)
        free(run.queries[i].name);
    if (run.what.args.pdq.profile == PHASH_PDQ_FAST && cli_notes(&run.voice))
        cli_message("note: with --profile fast distances are near, not exact");
    phash_matches_free(&run.found);
    if (run.index) /* else it is the bank's */
        phash_searcher_free(&run.searcher);
    phash_index_free(&run.index);
#if PHASH_HAS_BANK
    bank_index_close(&run.bank_index);
    phash_bank_free(&run.bank);
#endif
    text_free(&run.out);
    free(run.queries);
    free(run.hashes);
    if (failed || run.failed || progress_stopped() || cli_stdout_failed())
        return EXIT_FAILED;
    return run.matched ? EXIT_DONE : EXIT_NO_MATCH;
}

const struct command command_match = {"match", "find the hashes of an index that are near", help,
                                      match_run};
