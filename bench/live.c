/* phash-bench live: what a searching thread loses beside a writer, and how long opening takes.
 *
 * The reader has the first core to itself; the writer, and the thread that folds its changes in,
 * have the others. Alone and beside the writer take turns on the same index. The writer adds fresh
 * hashes and removes those it added LIVE_WINDOW adds before. Every block of searches is checked: the
 * pairs that were there from the start must all be found, those of the writer must be within the
 * radius and not removed before the search began. At the end the whole answers are compared with a
 * scan.
 */
#include "bench.h"
#include "environment.h"
#include "search.h"
#include "timing.h"

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    QUERIES = 4096,
    POOL = 250000,
    LIVE_WINDOW = 20000,
    CALL = 50,
    CHECKED = 256,
    OPENINGS = 5,
    ROW = 32
};

struct live_options {
    uint64_t n, rate, seconds, turns, radius, seed;
    enum search_data kind;
    const char *file, *output;
    bool always;
};

/* One way of asking, in one state. */
struct cost {
    double wall, cpu;
    uint64_t queries;
};

struct live_run {
    const struct live_options *o;
    uint8_t *hashes, *queries, *pool;
    uint32_t *expected; /* pairs of the start, of each query */
    phash_index *index;
    phash_searcher *searcher;
    phash_matches found;
    _Atomic uint64_t added, removed; /* pairs whose adding has begun; whose removal has ended */
    atomic_bool stop, failed;
    cpu_set_t cores; /* that the program may use */
    uint64_t changes;
    double write_seconds, write_cpu, open_seconds;
    struct cost cost[2][2]; /* alone, beside; single, batch */
};

static const size_t batches[2] = {1, 256};

static uint32_t distance(const uint8_t *a, const uint8_t *b)
{
    uint32_t d = 0;
    for (int i = 0; i < ROW; i += 8) {
        uint64_t x, y;
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        d += (uint32_t)__builtin_popcountll(x ^ y);
    }
    return d;
}

/* Moves this thread, and those it starts, off the reader's core. */
static void others_only(cpu_set_t set)
{
    if (CPU_COUNT(&set) < 2)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set)) {
            CPU_CLR(cpu, &set);
            break;
        }
    sched_setaffinity(0, sizeof set, &set);
}

static double process_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *write_changes(void *data)
{
    struct live_run *r = data;
    others_only(r->cores);
    const double start = timing_wall();
    uint64_t ids[CALL], done = 0;
    const uint64_t first = atomic_load(&r->added);
    for (uint64_t add = first; !atomic_load(&r->stop) && !r->failed;) {
        for (int i = 0; i < CALL; i++)
            ids[i] = r->o->n + add + (uint64_t)i;
        atomic_store(&r->added, add + CALL);
        if (phash_index_add(r->index, r->pool + add % POOL * ROW, ids, NULL, CALL, NULL))
            r->failed = true;
        add += CALL;
        done += CALL;
        if (add >= LIVE_WINDOW + CALL) {
            for (int i = 0; i < CALL; i++)
                ids[i] -= LIVE_WINDOW;
            if (phash_index_remove(r->index, ids, CALL, 0, NULL, NULL))
                r->failed = true;
            atomic_store(&r->removed, add - LIVE_WINDOW);
            done += CALL;
        }
        const double ahead = (double)done / (double)r->o->rate - (timing_wall() - start);
        if (ahead > 0)
            usleep((useconds_t)(ahead * 1e6));
    }
    r->changes += done;
    r->write_seconds += timing_wall() - start;
    return NULL;
}

/* Asks all queries once, `batch` at a time. */
static void ask(struct live_run *r, size_t batch, struct cost *cost)
{
    const struct live_options *o = r->o;
    for (size_t q = 0; q < QUERIES; q += CHECKED) {
        uint32_t want = 0, got = 0;
        bool wrong = false;
        for (size_t i = q; i < q + CHECKED; i++)
            want += r->expected[i];
        const double wall = timing_wall(), cpu = timing_thread();
        for (size_t at = q; at < q + CHECKED; at += batch) {
            const uint64_t gone = atomic_load_explicit(&r->removed, memory_order_acquire);
            wrong |= phash_search_radius(r->searcher, r->queries + at * ROW, batch,
                                         (uint32_t)o->radius, &r->found, NULL) != PHASH_OK;
            for (size_t i = 0; i < r->found.count; i++) {
                const phash_match *m = &r->found.items[i];
                got += m->id < o->n;
                if (m->id >= o->n)
                    wrong |= m->id - o->n < gone ||
                             distance(r->queries + (at + m->query) * ROW,
                                      r->pool + (m->id - o->n) % POOL * ROW) != m->distance;
            }
        }
        if (cost) {
            cost->cpu += timing_thread() - cpu;
            cost->wall += timing_wall() - wall;
            cost->queries += CHECKED;
        }
        if (wrong || got != want)
            r->failed = true;
    }
}

static void turn(struct live_run *r, bool beside)
{
    pthread_t writer;
    atomic_store(&r->stop, false);
    const double cpu = process_cpu(), own = timing_thread();
    if (beside && pthread_create(&writer, NULL, write_changes, r)) {
        r->failed = true;
        return;
    }
    for (double end = timing_wall() + (double)r->o->seconds; timing_wall() < end && !r->failed;)
        for (int b = 0; b < 2; b++)
            ask(r, batches[b], &r->cost[beside][b]);
    atomic_store(&r->stop, true);
    if (!beside)
        return;
    pthread_join(writer, NULL);
    r->write_cpu += process_cpu() - cpu - (timing_thread() - own);
}

/* The first queries against a scan of all that is there. */
static bool agrees(struct live_run *r)
{
    const uint64_t from = atomic_load(&r->removed), to = atomic_load(&r->added);
    for (size_t q = 0; q < 64; q++) {
        const uint8_t *query =
            q % 2 && to ? r->pool + (to - 1 - q * 31) % POOL * ROW : r->queries + q * ROW;
        size_t want = 0;
        for (uint64_t i = 0; i < r->o->n; i++)
            want += distance(query, r->hashes + i * ROW) <= r->o->radius;
        for (uint64_t i = from; i < to; i++)
            want += distance(query, r->pool + i % POOL * ROW) <= r->o->radius;
        if (phash_search_radius(r->searcher, query, 1, (uint32_t)r->o->radius, &r->found, NULL) ||
            r->found.count != want)
            return false;
    }
    return true;
}

/* The shortest of a few times that it takes to open the file as a search service does: mapped. The
 * first may still have to read the file's own pages; what a search reads comes later in any case. */
static bool time_opening(struct live_run *r)
{
    for (int i = 0; i < OPENINGS; i++) {
        phash_index *mapped;
        const double start = timing_wall();
        if (phash_index_open(r->o->file, NULL, &mapped, NULL))
            return false;
        const double took = timing_wall() - start;
        phash_index_free(&mapped);
        if (!i || took < r->open_seconds)
            r->open_seconds = took;
    }
    return true;
}

static bool make_index(struct live_run *r)
{
    const struct live_options *o = r->o;
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.radius = (uint32_t)o->radius;
    options.sync = o->always ? PHASH_SYNC_ALWAYS : PHASH_SYNC_NEVER;
    phash_index *built;
    if (phash_index_build(r->hashes, NULL, o->n, &options, &built, NULL))
        return false;
    bool good = true;
    if (o->file) {
        options.flags = PHASH_INDEX_LOAD;
        good = !phash_index_save(built, o->file, 0, NULL) && time_opening(r) &&
               !phash_index_open(o->file, &options, &r->index, NULL);
        phash_index_free(&built);
    } else {
        r->index = built;
    }
    return good && !phash_searcher_new(r->index, &r->searcher);
}

static json_t *show(const struct live_run *r)
{
    json_t *results = json_array();
    printf("%llu hashes, radius %llu, %.0f changes/s, %s; writer and folding: %.1f %% of a core\n"
           "%8s %14s %14s %8s %14s %14s %8s\n",
           (unsigned long long)r->o->n, (unsigned long long)r->o->radius,
           (double)r->changes / r->write_seconds,
           !r->o->file    ? "in memory"
           : r->o->always ? "synced"
                          : "not synced",
           100 * r->write_cpu / r->write_seconds, "batch", "alone us", "beside us", "loss",
           "alone cpu us", "beside cpu us", "loss");
    for (int b = 0; b < 2; b++) {
        const struct cost *a = &r->cost[0][b], *w = &r->cost[1][b];
        const double wall[2] = {a->wall / (double)a->queries * 1e6,
                                w->wall / (double)w->queries * 1e6};
        const double cpu[2] = {a->cpu / (double)a->queries * 1e6,
                               w->cpu / (double)w->queries * 1e6};
        printf("%8zu %14.3f %14.3f %7.1f%% %14.3f %14.3f %7.1f%%\n", batches[b], wall[0], wall[1],
               100 * (1 - wall[0] / wall[1]), cpu[0], cpu[1], 100 * (1 - cpu[0] / cpu[1]));
        json_array_append_new(
            results, json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "batch",
                               (json_int_t)batches[b], "us_alone", wall[0], "us_beside", wall[1],
                               "loss", 1 - wall[0] / wall[1], "cpu_us_alone", cpu[0],
                               "cpu_us_beside", cpu[1], "cpu_loss", 1 - cpu[0] / cpu[1]));
    }
    return results;
}

static int measure(struct live_run *r, int argc, char **argv)
{
    const struct live_options *o = r->o;
    search_data_fill(o->kind, ROW * 8, o->seed, (size_t)o->n, r->hashes);
    search_data_queries(o->kind, ROW * 8, o->seed + 1, r->hashes, (size_t)o->n, QUERIES,
                        r->queries);
    search_data_fill(o->kind, ROW * 8, o->seed + 2, POOL, r->pool);
    if (!make_index(r))
        return bench_fail("live: the index cannot be made");
    for (size_t q = 0; q < QUERIES; q++) {
        if (phash_search_radius(r->searcher, r->queries + q * ROW, 1, (uint32_t)o->radius,
                                &r->found, NULL))
            return bench_fail("live: no memory");
        r->expected[q] = (uint32_t)r->found.count;
    }
    if (o->file)
        printf("opened in %.3f ms\n", r->open_seconds * 1e3);
    timing_pin(&r->cores);
    for (uint64_t t = 0; t < o->turns && !r->failed; t++) {
        turn(r, false);
        turn(r, true);
    }
    timing_unpin(&r->cores);
    if (r->failed || !agrees(r))
        return bench_fail("live: a search was wrong, or a change failed");
    json_t *all = json_pack("{s:s, s:o, s:I, s:I, s:I, s:s, s:s, s:f, s:f, s:f, s:o}", "kind",
                            "live", "environment", environment_json(argc, argv), "seed",
                            (json_int_t)o->seed, "hashes", (json_int_t)o->n, "radius",
                            (json_int_t)o->radius, "data", search_data_names[o->kind], "sync",
                            !o->file    ? "memory"
                            : o->always ? "always"
                                        : "never",
                            "open_ms", r->open_seconds * 1e3, "changes_per_second",
                            (double)r->changes / r->write_seconds, "writer_cores",
                            r->write_cpu / r->write_seconds, "results", show(r));
    const int failed = !all || (o->output && environment_write(all, o->output));
    json_decref(all);
    return failed ? BENCH_FAILED : BENCH_DONE;
}

static int run(const struct live_options *o, int argc, char **argv)
{
    struct live_run *r = calloc(1, sizeof *r);
    int failed = BENCH_FAILED;
    if (r) {
        r->o = o;
        r->hashes = malloc((size_t)o->n * ROW);
        r->queries = malloc((size_t)QUERIES * ROW);
        r->pool = malloc((size_t)POOL * ROW);
        r->expected = malloc(QUERIES * sizeof *r->expected);
        if (r->hashes && r->queries && r->pool && r->expected)
            failed = measure(r, argc, argv);
        else
            bench_fail("no memory for %llu hashes", (unsigned long long)o->n);
        phash_matches_free(&r->found);
        phash_searcher_free(&r->searcher);
        phash_index_free(&r->index);
        free(r->hashes);
        free(r->queries);
        free(r->pool);
        free(r->expected);
    }
    free(r);
    return failed;
}

static int help(void)
{
    fputs("Usage: phash-bench live [OPTION]...\n"
          "Measures what a searching thread loses beside a writer; answers are checked.\n\n"
          "  --size N      hashes of 256 bits in the index (1000000)\n"
          "  --rate N      changes a second, half of them removals (10000)\n"
          "  --radius R    (31)\n"
          "  --data K      0 uniform, 1 PDQ-like, 2 clustered (0)\n"
          "  --file FILE   the index is made there, with a journal; otherwise it is in memory;\n"
          "                      the time it takes to open is shown too\n"
          "  --sync        with --file: a change is on disk when the call returns\n"
          "  --seconds N   time of a turn, alone and beside the writer (5)\n"
          "  --turns N     of each (3)\n"
          "  --seed N      of the data (1)\n"
          "  -o, --output FILE   write the results there as JSON\n",
          stdout);
    return BENCH_DONE;
}

static int live_main(int argc, char **argv)
{
    struct live_options o = {
        .n = 1000000, .rate = 10000, .seconds = 5, .turns = 3, .radius = 31, .seed = 1};
    static const struct option names[] = {
        {"size", 1, NULL, 'n'},    {"rate", 1, NULL, 'w'},  {"radius", 1, NULL, 'r'},
        {"data", 1, NULL, 'k'},    {"file", 1, NULL, 'f'},  {"sync", 0, NULL, 'a'},
        {"seconds", 1, NULL, 't'}, {"turns", 1, NULL, 'x'}, {"seed", 1, NULL, 's'},
        {"output", 1, NULL, 'o'},  {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "ho:", names, NULL)) != -1;) {
        if (c == 'n')
            o.n = bench_number("--size", optarg, 1, 1000000000);
        else if (c == 'w')
            o.rate = bench_number("--rate", optarg, 1, 100000000);
        else if (c == 'r')
            o.radius = bench_number("--radius", optarg, 0, ROW * 8);
        else if (c == 'k')
            o.kind = (enum search_data)bench_number("--data", optarg, 0, SEARCH_DATA_KINDS - 1);
        else if (c == 'f')
            o.file = optarg;
        else if (c == 'a')
            o.always = true;
        else if (c == 't')
            o.seconds = bench_number("--seconds", optarg, 1, 3600);
        else if (c == 'x')
            o.turns = bench_number("--turns", optarg, 1, 1000);
        else if (c == 's')
            o.seed = bench_number("--seed", optarg, 0, INT64_MAX);
        else if (c == 'o')
            o.output = optarg;
        else
            return c == 'h' ? help() : BENCH_FAILED;
    }
    if (optind < argc)
        return bench_fail("live: unexpected argument '%s'", argv[optind]);
    if (o.always && !o.file)
        return bench_fail("--sync needs --file");
    return run(&o, argc, argv);
}

const struct bench_command bench_live = {
    "live", "what a search loses beside a writer of 10,000 changes a second", live_main};
