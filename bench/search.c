/* phash-bench search: speed of exact Hamming search, every engine side by side.
 *
 * For each kind of data, size, radius and batch: engines are built, their answers compared with one
 * another on the first queries (a difference ends the run), then timed in turn, round after round,
 * so that what disturbs one disturbs all. Shown are the median and the spread of the rounds, and
 * ratios; the JSON has every figure with what is needed to repeat it.
 */
#include "search.h"
#include "bench.h"
#include "commit.h"
#include "config.h"

#include <phash/cpu.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

extern const struct search_engine engine_scalar, engine_meta_flat, engine_flat_c, engine_auto_c,
    engine_flat_popcnt, engine_auto_popcnt, engine_flat_avx2, engine_auto_avx2, engine_flat_avx512,
    engine_auto_avx512, engine_flat_neon, engine_auto_neon;
#if BENCH_HAS_FAISS
extern const struct search_engine engine_faiss_flat, engine_faiss_hash;
#endif

/* The baseline first: what the others are compared with. */
const struct search_engine *const search_engines[] = {
    &engine_scalar,
    &engine_meta_flat,
#if BENCH_HAS_FAISS
    &engine_faiss_flat,
    &engine_faiss_hash,
#endif
    &engine_flat_c,
    &engine_flat_popcnt,
    &engine_flat_avx2,
    &engine_flat_avx512,
    &engine_flat_neon,
    &engine_auto_c,
    &engine_auto_popcnt,
    &engine_auto_avx2,
    &engine_auto_avx512,
    &engine_auto_neon,
    NULL,
};

enum { ENGINES_MAX = 24, LIST_MAX = 16, ROUNDS_MAX = 101, CHECKED = 32 };

struct list {
    uint64_t items[LIST_MAX];
    size_t count;
};

struct options {
    struct list sizes, radii, batches, kinds;
    uint64_t seed, rounds, milliseconds;
    const char *only; /* engines, by comma; NULL for all */
    const char *json;
};

int search_append(phash_matches *found, uint64_t id, uint32_t query, uint32_t distance)
{
    if (found->count == found->capacity) {
        const size_t capacity = found->capacity * 2 + 1024;
        phash_match *items = realloc(found->items, capacity * sizeof *items);
        if (!items)
            return 1;
        found->items = items;
        found->capacity = capacity;
    }
    found->items[found->count++] = (phash_match){id, query, distance};
    return 0;
}

/* Engines run on one thread here; its processor time is what they cost, whatever else the machine
 * does. Builds use all cores and are timed by the wall. */
static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_match(const void *left, const void *right)
{
    const phash_match *a = left, *b = right;
    if (a->query != b->query)
        return a->query < b->query ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static int by_value(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static bool named(const char *list, const char *name)
{
    if (!list)
        return true;
    const size_t length = strlen(name);
    for (const char *p = list; p; p = strchr(p, ','), p += p != NULL)
        if (!strncmp(p, name, length) && (!p[length] || p[length] == ','))
            return true;
    return false;
}

/* One engine in one setting. */
struct contest {
    const struct search_engine *engine;
    void *index;
    double build_seconds;
    double times[ROUNDS_MAX]; /* seconds for a query */
    size_t rounds, queries;   /* that a round asks */
};

struct stage {
    const struct options *options;
    enum search_data kind;
    uint64_t n;
    uint8_t *hashes, *queries;
    size_t query_count;
    struct contest contests[ENGINES_MAX];
    size_t count;
    FILE *json;
    bool *first;
};

static void use_sets(const struct search_engine *engine)
{
    phash_cpu_mask(engine->masked ? engine->sets : PHASH_CPU_ALL);
}

static void build_all(struct stage *s, uint32_t radius)
{
    s->count = 0;
    for (size_t i = 0; search_engines[i]; i++) {
        const struct search_engine *e = search_engines[i];
        if ((e->sets & ~phash_cpu_detected()) || !named(s->options->only, e->name))
            continue;
        struct contest *c = &s->contests[s->count];
        *c = (struct contest){.engine = e};
        use_sets(e);
        const double start = now(CLOCK_MONOTONIC);
        c->index = e->build(s->hashes, s->n, radius);
        c->build_seconds = now(CLOCK_MONOTONIC) - start;
        s->count += c->index != NULL;
    }
}

static void free_all(struct stage *s)
{
    for (size_t i = 0; i < s->count; i++)
        s->contests[i].engine->free(s->contests[i].index);
    s->count = 0;
}

/* Asks all engines the same and compares. */
static int compare_answers(struct stage *s, uint32_t radius, size_t *hits)
{
    phash_matches expected = PHASH_MATCHES_INIT, found = PHASH_MATCHES_INIT;
    int status = 0;
    for (size_t i = 0; i < s->count && !status; i++) {
        const struct search_engine *e = s->contests[i].engine;
        phash_matches *to = i ? &found : &expected;
        to->count = 0;
        use_sets(e);
        status = e->search(s->contests[i].index, s->queries, CHECKED, radius, to);
        if (status) {
            bench_fail("%s failed", e->name);
            break;
        }
        if (to->count)
            qsort(to->items, to->count, sizeof *to->items, by_match);
        if (i && (found.count != expected.count ||
                  (found.count &&
                   memcmp(found.items, expected.items, found.count * sizeof *found.items) != 0))) {
            bench_fail("%s and %s do not find the same: %zu and %zu matches", e->name,
                       s->contests[0].engine->name, found.count, expected.count);
            status = 1;
        }
    }
    *hits = expected.count;
    free(expected.items);
    free(found.items);
    return status;
}

/* One round of one engine: as many batches as were found to fill the time. */
static double run_round(struct stage *s, struct contest *c, size_t batch, uint32_t radius,
                        phash_matches *found)
{
    use_sets(c->engine);
    const double start = now(CLOCK_THREAD_CPUTIME_ID);
    for (size_t done = 0; done < c->queries; done += batch) {
        found->count = 0;
        if (c->engine->search(c->index, s->queries + 32 * (done % (s->query_count - batch + 1)),
                              batch, radius, found))
            exit(bench_fail("%s failed", c->engine->name));
    }
    return (now(CLOCK_THREAD_CPUTIME_ID) - start) / (double)c->queries;
}

static void time_all(struct stage *s, size_t batch, uint32_t radius)
{
    phash_matches found = PHASH_MATCHES_INIT;
    const double slot = (double)s->options->milliseconds * 1e-3;
    for (size_t i = 0; i < s->count; i++) {
        struct contest *c = &s->contests[i];
        /* The slowest engines are asked less than a batch. */
        c->queries = 1, c->rounds = 0;
        const double single = run_round(s, c, 1, radius, &found);
        c->queries = batch;
        if (single * (double)batch > 20 * slot)
            c->queries = (size_t)(20 * slot / single) + 1;
        const size_t part = c->queries < batch ? c->queries : batch;
        const double each = run_round(s, c, part, radius, &found);
        const double fits = slot / (each * (double)part);
        if (fits > 1)
            c->queries = part * (size_t)(fits + 1);
    }
    for (uint64_t round = 0; round < s->options->rounds; round++)
        for (size_t i = 0; i < s->count; i++) {
            struct contest *c = &s->contests[i];
            const size_t part = c->queries < batch ? c->queries : batch;
            c->times[c->rounds++] = run_round(s, c, part, radius, &found);
        }
    for (size_t i = 0; i < s->count; i++)
        qsort(s->contests[i].times, s->contests[i].rounds, sizeof(double), by_value);
    free(found.items);
}

static void show(struct stage *s, size_t batch, uint32_t radius, size_t hits)
{
    printf("\n%s, %" PRIu64 " hashes, radius %u, batches of %zu (%.2f matches a query; all engines "
           "agree)\n%-14s %12s %9s %9s %10s %9s %8s %9s\n",
           search_data_names[s->kind], s->n, radius, batch, (double)hits / CHECKED, "engine",
           "us/query", "min", "max", "Gpairs/s", "x first", "B/hash", "Mhash/s");
    const double base = s->contests[0].times[s->contests[0].rounds / 2];
    for (size_t i = 0; i < s->count; i++) {
        const struct contest *c = &s->contests[i];
        const double median = c->times[c->rounds / 2], low = c->times[0],
                     high = c->times[c->rounds - 1];
        const double bytes = (double)c->engine->memory(c->index) / (double)s->n;
        printf("%-14s %12.3f %9.3f %9.3f %10.2f %9.1f %8.1f %9.2f\n", c->engine->name, median * 1e6,
               low * 1e6, high * 1e6, (double)s->n / median * 1e-9, base / median, bytes,
               (double)s->n / c->build_seconds * 1e-6);
        if (!s->json)
            continue;
        fprintf(s->json,
                "%s\n    {\"data\": \"%s\", \"hashes\": %" PRIu64
                ", \"radius\": %u, \"batch\": %zu, \"engine\": \"%s\", \"what\": \"%s\", "
                "\"us_median\": %.4f, \"us_min\": %.4f, \"us_max\": %.4f, \"rounds\": %zu, "
                "\"bytes_per_hash\": %.2f, \"build_seconds\": %.4f, \"matches_per_query\": %.4f}",
                *s->first ? "" : ",", search_data_names[s->kind], s->n, radius, batch,
                c->engine->name, c->engine->what, median * 1e6, low * 1e6, high * 1e6, c->rounds,
                bytes, c->build_seconds, (double)hits / CHECKED);
        *s->first = false;
    }
    fflush(stdout);
}

static int run_stage(struct stage *s)
{
    const struct options *o = s->options;
    for (size_t r = 0; r < o->radii.count; r++) {
        const uint32_t radius = (uint32_t)o->radii.items[r];
        build_all(s, radius);
        if (!s->count)
            return bench_fail("no engine of that name here");
        size_t hits;
        if (compare_answers(s, radius, &hits)) {
            free_all(s);
            return BENCH_FAILED;
        }
        for (size_t b = 0; b < o->batches.count; b++) {
            time_all(s, (size_t)o->batches.items[b], radius);
            show(s, (size_t)o->batches.items[b], radius, hits);
        }
        free_all(s);
    }
    return BENCH_DONE;
}

static void head(FILE *json, const struct options *o)
{
    struct utsname machine;
    char cpu[128] = "unknown", line[256], sets[64];
    FILE *info = fopen("/proc/cpuinfo", "r");
    while (info && fgets(line, sizeof line, info))
        if (sscanf(line, "model name : %127[^\n\"\\]", cpu) == 1)
            break;
    if (info)
        fclose(info);
    uname(&machine);
    phash_cpu_names(phash_cpu_detected(), sets, sizeof sets);
    fprintf(json,
            "{\n  \"machine\": \"%s\", \"cpu\": \"%s\", \"sets\": \"%s\",\n"
            "  \"compiler\": \"%s\", \"flags\": \"%s\", \"commit\": \"%s\", \"seed\": %" PRIu64
            ",\n  \"results\": [",
            machine.machine, cpu, sets, BENCH_COMPILER, BENCH_FLAGS, BENCH_COMMIT, o->seed);
}

static int run(const struct options *o)
{
    FILE *json = o->json ? fopen(o->json, "w") : NULL;
    if (o->json && !json)
        return bench_fail("cannot write %s", o->json);
    head(stdout, o);
    printf("]}\n");
    bool first = true;
    if (json)
        head(json, o);
    int status = BENCH_DONE;
    uint64_t batch_max = CHECKED;
    for (size_t b = 0; b < o->batches.count; b++)
        batch_max = o->batches.items[b] > batch_max ? o->batches.items[b] : batch_max;
    for (size_t k = 0; k < o->kinds.count && !status; k++)
        for (size_t i = 0; i < o->sizes.count && !status; i++) {
            struct stage s = {.options = o,
                              .kind = (enum search_data)o->kinds.items[k],
                              .n = o->sizes.items[i],
                              .json = json,
                              .first = &first};
            s.query_count = (size_t)batch_max + 8192;
            s.hashes = malloc(s.n * 32);
            s.queries = malloc(s.query_count * 32);
            if (s.hashes && s.queries) {
                search_data_fill(s.kind, o->seed, s.n, s.hashes);
                search_data_queries(s.kind, o->seed + 1, s.hashes, s.n, s.query_count, s.queries);
                status = run_stage(&s);
            } else {
                status = bench_fail("no memory for %" PRIu64 " hashes", s.n);
            }
            free(s.hashes);
            free(s.queries);
        }
    if (json) {
        fprintf(json, "\n  ]\n}\n");
        if (fclose(json))
            status = bench_fail("cannot write %s", o->json);
    }
    return status;
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
          "Compares engines of exact Hamming search over 256-bit hashes.\n\n"
          "  --sizes N,…      hashes in the index (1000000)\n"
          "  --radii R,…      radii (31)\n"
          "  --batches B,…    queries asked at once (1,256,4096)\n"
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
                        .radii = {{31}, 1},
                        .batches = {{1, 256, 4096}, 3},
                        .kinds = {{0, 1}, 2},
                        .seed = 1,
                        .rounds = 5,
                        .milliseconds = 200};
    static const struct option names[] = {
        {"sizes", 1, NULL, 'n'}, {"radii", 1, NULL, 'r'},   {"batches", 1, NULL, 'b'},
        {"data", 1, NULL, 'k'},  {"engines", 1, NULL, 'e'}, {"rounds", 1, NULL, 'x'},
        {"ms", 1, NULL, 'm'},    {"seed", 1, NULL, 's'},    {"json", 1, NULL, 'j'},
        {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        if (c == 'n')
            o.sizes = read_list("--sizes", optarg, 1, 1000000000);
        else if (c == 'r')
            o.radii = read_list("--radii", optarg, 0, 256);
        else if (c == 'b')
            o.batches = read_list("--batches", optarg, 1, 1000000);
        else if (c == 'k')
            o.kinds = read_list("--data", optarg, 0, SEARCH_DATA_KINDS - 1);
        else if (c == 'e')
            o.only = optarg;
        else if (c == 'x')
            o.rounds = bench_number("--rounds", optarg, 1, ROUNDS_MAX);
        else if (c == 'm')
            o.milliseconds = bench_number("--ms", optarg, 1, 600000);
        else if (c == 's')
            o.seed = bench_number("--seed", optarg, 0, UINT64_MAX);
        else if (c == 'j')
            o.json = optarg;
        else
            return c == 'h' ? help() : BENCH_FAILED;
    }
    if (optind < argc)
        return bench_fail("search: unexpected argument '%s'", argv[optind]);
    return run(&o);
}

const struct bench_command bench_search = {"search", "speed of exact search, engines side by side",
                                           search_main};
