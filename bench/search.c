/* phash-bench search: speed of exact Hamming search, every engine side by side.
 *
 * For each kind of data, size, radius, batch and number of threads: engines are built, their answers
 * compared with one another on the first queries (a difference ends the run), then timed in turn,
 * round after round, so that what disturbs one disturbs all. Shown are the median and the spread of
 * the rounds, and ratios; the JSON has every figure with what is needed to repeat it.
 */
#include "bench.h"
#include "environment.h"
#include "search_contest.h"
#include "search_nearest.h"
#include "timing.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 16 };

struct list {
    uint64_t items[LIST_MAX];
    size_t count;
};

struct options {
    struct list sizes, radii, batches, kinds, threads, nearest;
    uint64_t bits, seed, rounds, milliseconds;
    const char *only; /* engines, by comma; NULL for all */
    const char *json;
};

/* One setting, as it is shown. */
struct setting {
    const struct options *options;
    enum search_data kind;
    uint32_t radius;
    size_t batch, hits;
    unsigned threads;
};

static void show_engine(const struct contest *c, const struct contestant *who, double base,
                        const struct setting *s, json_t *results)
{
    const double median = who->times[c->round_count / 2], low = who->times[0],
                 high = who->times[c->round_count - 1];
    const double n = (double)c->n, bytes = (double)who->engine->memory(who->index) / n;
    printf("%-14s %12.3f %9.3f %9.3f %10.2f %9.1f %8.1f %9.2f\n", who->engine->name, median * 1e6,
           low * 1e6, high * 1e6, n / median * 1e-9, base / median, bytes,
           n / who->build_seconds * 1e-6);
    json_array_append_new(
        results,
        json_pack(
            "{s:s, s:I, s:I, s:i, s:I, s:i, s:s, s:s, s:f, s:f, s:f, s:f, s:i, s:f, s:f, s:f, s:f}",
            "data", search_data_names[s->kind], "bits", (json_int_t)c->bits, "hashes",
            (json_int_t)c->n, "radius", (int)s->radius, "batch", (json_int_t)s->batch, "threads",
            (int)s->threads, "engine", who->engine->name, "what", who->engine->what, "us_median",
            median * 1e6, "us_min", low * 1e6, "us_max", high * 1e6, "times_first", base / median,
            "rounds", (int)c->round_count, "bytes_per_hash", bytes, "build_seconds",
            who->build_seconds, "first_build_seconds", who->first_seconds, "matches_per_query",
            (double)s->hits / CONTEST_CHECKED));
}

static void show(const struct contest *c, const struct setting *s, json_t *results)
{
    printf("\n%s, %zu hashes of %u bits, radius %u, batches of %zu", search_data_names[s->kind],
           c->n, c->bits, s->radius, s->batch);
    if (s->threads > 1)
        printf(", %u threads", s->threads);
    printf(" (%.2f matches a query; all engines agree)\n%-14s %12s %9s %9s %10s %9s %8s %9s\n",
           (double)s->hits / CONTEST_CHECKED, "engine", "us/query", "min", "max", "Gpairs/s",
           "x first", "B/hash", "Mhash/s");
    const double base = c->items[0].times[c->round_count / 2];
    for (size_t i = 0; i < c->count; i++)
        show_engine(c, &c->items[i], base, s, results);
    fflush(stdout);
}

static int run_radius(struct contest *c, struct setting *s, json_t *results)
{
    const struct options *o = s->options;
    contest_build(c, o->only, s->radius);
    int failed = c->count ? 0 : bench_fail("no engine of that name here");
    if (!failed)
        failed = contest_compare(c, s->radius, &s->hits);
    for (size_t t = 0; t < o->threads.count && !failed; t++)
        for (size_t b = 0; b < o->batches.count; b++) {
            s->threads = (unsigned)o->threads.items[t];
            s->batch = (size_t)o->batches.items[b];
            contest_time(c, s->batch, s->radius, s->threads);
            show(c, s, results);
        }
    contest_clear(c);
    return failed;
}

static int run_size(const struct options *o, enum search_data kind, size_t n, json_t *results,
                    json_t *nearest)
{
    struct contest *c = calloc(1, sizeof *c);
    struct setting s = {.options = o, .kind = kind};
    uint64_t most = CONTEST_CHECKED;
    for (size_t b = 0; b < o->batches.count; b++)
        most = o->batches.items[b] > most ? o->batches.items[b] : most;
    int failed = 0;
    if (c) {
        c->bits = (uint32_t)o->bits;
        c->n = n;
        c->query_count = (size_t)most + 8192;
        c->rounds = o->rounds;
        c->slot = (double)o->milliseconds * 1e-3;
        c->hashes = malloc(n * (o->bits / 8));
        c->queries = malloc(c->query_count * (o->bits / 8));
    }
    if (c && c->hashes && c->queries) {
        search_data_fill(kind, c->bits, o->seed, n, c->hashes);
        search_data_queries(kind, c->bits, o->seed + 1, c->hashes, n, c->query_count, c->queries);
        for (size_t r = 0; r < o->radii.count && !failed; r++) {
            s.radius = (uint32_t)o->radii.items[r];
            failed = run_radius(c, &s, results);
        }
        for (size_t k = 0; k < o->nearest.count && !failed; k++)
            failed = nearest_compare(
                &(struct nearest_setting){kind, c->bits, (uint32_t)o->nearest.items[k], n,
                                          c->hashes, c->queries, c->query_count, o->rounds},
                nearest);
    } else {
        failed = bench_fail("no memory for %zu hashes", n);
    }
    if (c) {
        free(c->hashes);
        free(c->queries);
    }
    free(c);
    return failed;
}

static int run(const struct options *o, int argc, char **argv)
{
    json_t *results = json_array(), *nearest = json_array();
    int failed = 0;
    for (size_t k = 0; k < o->kinds.count && !failed; k++)
        for (size_t i = 0; i < o->sizes.count && !failed; i++)
            failed = run_size(o, (enum search_data)o->kinds.items[k], (size_t)o->sizes.items[i],
                              results, nearest);
    phash_cpu_mask(PHASH_CPU_ALL);
    json_t *all = json_pack("{s:s, s:o, s:I, s:o, s:o}", "kind", "search", "environment",
                            environment_json(argc, argv), "seed", (json_int_t)o->seed, "results",
                            results, "nearest", nearest);
    if (!failed && o->json)
        failed = !all || environment_write(all, o->json);
    json_decref(all);
    return failed ? BENCH_FAILED : BENCH_DONE;
}

static struct list read_list(const char *option, const char *text, uint64_t low, uint64_t high)
{
    struct list l = {{0}, 0};
    char number[32];
    for (const char *p = text; *p;) {
        const size_t length = strcspn(p, ",");
        if (length >= sizeof number || l.count == LIST_MAX)
            exit(bench_fail("%s: too long", option));
        memcpy(number, p, length);
        number[length] = '\0';
        l.items[l.count++] = bench_number(option, number, low, high);
        p += length + (p[length] == ',');
    }
    if (!l.count)
        exit(bench_fail("%s: nothing given", option));
    return l;
}

static int help(void)
{
    fputs("Usage: phash-bench search [OPTION]...\n"
          "Compares engines of exact Hamming search.\n\n"
          "  --sizes N,…      hashes in the index (1000000)\n"
          "  --bits N         length of a hash, 64 or 256 (256)\n"
          "  --radii R,…      radii (31; 10 for 64 bits)\n"
          "  --batches B,…    queries asked at once (1,256,4096)\n"
          "  --threads T,…    threads that ask at the same time (1)\n"
          "  --nearest K,…    the K nearest, too, beside the radius search that finds them (none)\n"
          "  --data K,…       0 uniform, 1 PDQ-like, 2 clustered (0,1)\n"
          "  --engines E,…    only these\n"
          "  --rounds N       rounds of each engine (5)\n"
          "  --ms N           time of a round (200)\n"
          "  --seed N         of the data (1)\n"
          "  --json FILE      write the results there\n\nEngines:\n",
          stdout);
    for (size_t i = 0; search_engines[i]; i++)
        printf("  %-16s %s\n", search_engines[i]->name, search_engines[i]->what);
    return BENCH_DONE;
}

static int search_main(int argc, char **argv)
{
    struct options o = {.sizes = {{1000000}, 1},
                        .batches = {{1, 256, 4096}, 3},
                        .kinds = {{0, 1}, 2},
                        .threads = {{1}, 1},
                        .bits = 256,
                        .seed = 1,
                        .rounds = 5,
                        .milliseconds = 200};
    static const struct option names[] = {
        {"sizes", 1, NULL, 'n'},   {"radii", 1, NULL, 'r'},  {"batches", 1, NULL, 'b'},
        {"threads", 1, NULL, 't'}, {"bits", 1, NULL, 'w'},   {"data", 1, NULL, 'k'},
        {"engines", 1, NULL, 'e'}, {"rounds", 1, NULL, 'x'}, {"ms", 1, NULL, 'm'},
        {"nearest", 1, NULL, 'q'}, {"seed", 1, NULL, 's'},   {"json", 1, NULL, 'j'},
        {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        if (c == 'n')
            o.sizes = read_list("--sizes", optarg, 1, 1000000000);
        else if (c == 'r')
            o.radii = read_list("--radii", optarg, 0, 256);
        else if (c == 'b')
            o.batches = read_list("--batches", optarg, 1, 1000000);
        else if (c == 't')
            o.threads = read_list("--threads", optarg, 1, CONTEST_THREADS);
        else if (c == 'w')
            o.bits = bench_number("--bits", optarg, 64, 256);
        else if (c == 'k')
            o.kinds = read_list("--data", optarg, 0, SEARCH_DATA_KINDS - 1);
        else if (c == 'q')
            o.nearest = read_list("--nearest", optarg, 1, 1000);
        else if (c == 'e')
            o.only = optarg;
        else if (c == 'x')
            o.rounds = bench_number("--rounds", optarg, 1, CONTEST_ROUNDS);
        else if (c == 'm')
            o.milliseconds = bench_number("--ms", optarg, 1, 600000);
        else if (c == 's')
            o.seed = bench_number("--seed", optarg, 0, INT64_MAX);
        else if (c == 'j')
            o.json = optarg;
        else
            return c == 'h' ? help() : BENCH_FAILED;
    }
    if (optind < argc)
        return bench_fail("search: unexpected argument '%s'", argv[optind]);
    if (o.bits != 64 && o.bits != 256)
        return bench_fail("--bits takes 64 or 256");
    if (!o.radii.count)
        o.radii = (struct list){{o.bits == 256 ? 31 : 10}, 1};
    return run(&o, argc, argv);
}

const struct bench_command bench_search = {"search", "speed of exact search, engines side by side",
                                           search_main};
