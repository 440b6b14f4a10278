/* phash-bench hash: PDQ from memory, all engines side by side in one run.
 *
 * Each round runs every engine once over the same picture, so that what disturbs the machine
 * disturbs them alike; medians and minima over the rounds, ratios to the engine `reference`. Times
 * are the thread's processor time. Every answer is compared with the reference's.
 */
#include "bench.h"
#include "commit.h"
#include "config.h"
#include "hash_engine.h"

#include <phash/cpu.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ENGINES_MAX = 8, INNER = 5 };

static const struct {
    uint32_t width, height;
} sizes[] = {{512, 512}, {500, 500}, {3456, 2304}};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The engines that this machine can run, the reference first. */
static size_t usable(const struct hash_engine *out[ENGINES_MAX])
{
    size_t n = 0;
    out[n++] = &hash_engine_reference;
    for (const struct hash_engine *e = hash_engines_libphash; e->name && n < ENGINES_MAX; e++) {
        uint32_t sets;
        if (phash_cpu_parse(e->mask, &sets) == PHASH_OK && (sets & phash_cpu_detected()) == sets)
            out[n++] = e;
    }
    return n;
}

static void use(const struct hash_engine *e)
{
    uint32_t sets = PHASH_CPU_ALL;
    if (e->mask && phash_cpu_parse(e->mask, &sets) != PHASH_OK)
        exit(bench_fail("'%s' is no mask", e->mask));
    phash_cpu_mask(sets);
}

/* A picture with structure and noise; the values matter little for time, none for exactness. */
static uint8_t *picture(uint32_t width, uint32_t height, uint32_t channels)
{
    uint8_t *pixels = malloc((size_t)width * height * channels);
    if (!pixels)
        exit(bench_fail("no memory"));
    uint32_t state = 1;
    size_t i = 0;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < channels; c++) {
                state = state * 1664525u + 1013904223u;
                pixels[i++] = (uint8_t)((state >> 26) +
                                        (x * 8 / width * 53 + y * 8 / height * 29) % 128 + c * 20);
            }
    return pixels;
}

static bool same(const phash_pdq_result *a, const phash_pdq_result *b)
{
    return !memcmp(&a->hash, &b->hash, sizeof a->hash) && a->quality == b->quality &&
           a->has_dihedral == b->has_dihedral &&
           (!a->has_dihedral || !memcmp(a->dihedral, b->dihedral, sizeof a->dihedral));
}

static void run_case(const struct hash_case *c, unsigned rounds, bool last)
{
    const struct hash_engine *engine[ENGINES_MAX];
    void *state[ENGINES_MAX];
    double *times[ENGINES_MAX];
    const size_t n = usable(engine);
    for (size_t e = 0; e < n; e++) {
        use(engine[e]);
        state[e] = engine[e]->open(c);
        times[e] = malloc(rounds * sizeof *times[e]);
        if (!state[e] || !times[e])
            exit(bench_fail("no memory"));
    }
    phash_pdq_result want = PHASH_PDQ_RESULT_INIT;
    for (unsigned round = 0; round < rounds; round++)
        for (size_t e = 0; e < n; e++) {
            phash_pdq_result got = PHASH_PDQ_RESULT_INIT;
            use(engine[e]);
            /* The fast ones are repeated, or the clock and cold caches would be measured. */
            double best = 1e9;
            for (int i = 0; i < (e ? INNER : 1); i++) {
                const double start = now();
                engine[e]->hash(state[e], c, &got);
                const double took = now() - start;
                best = took < best ? took : best;
            }
            times[e][round] = best;
            if (e == 0)
                want = got;
            else if (!same(&got, &want))
                exit(bench_fail("%s and %s differ at %ux%u", engine[e]->name, engine[0]->name,
                                c->width, c->height));
        }
    for (size_t e = 0; e < n; e++)
        qsort(times[e], rounds, sizeof *times[e], by_value);
    printf(
        "    {\"width\": %u, \"height\": %u, \"channels\": %u, \"dihedral\": %s, \"engines\": [\n",
        c->width, c->height, c->channels, c->dihedral ? "true" : "false");
    const double reference = times[0][rounds / 2];
    for (size_t e = 0; e < n; e++) {
        const double median = times[e][rounds / 2];
        printf("      {\"name\": \"%s\", \"median_us\": %.2f, \"min_us\": %.2f, "
               "\"ns_per_pixel\": %.4f, \"times_reference\": %.2f}%s\n",
               engine[e]->name, median * 1e6, times[e][0] * 1e6,
               median * 1e9 / c->width / c->height, reference / median, e + 1 < n ? "," : "");
        engine[e]->close(state[e]);
        free(times[e]);
    }
    printf("    ]}%s\n", last ? "" : ",");
    fflush(stdout);
}

static void print_cpu(void)
{
    char line[256] = "", sets[64];
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f) && strncmp(line, "model name", 10))
        ;
    if (f)
        fclose(f);
    const char *colon = strchr(line, ':');
    phash_cpu_names(phash_cpu_detected(), sets, sizeof sets);
    printf("  \"cpu\": \"%.*s\", \"sets\": \"%s\",\n", colon ? (int)strcspn(colon + 2, "\"\n") : 0,
           colon ? colon + 2 : "", sets);
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"rounds", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {0}};
    unsigned rounds = 31;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (o) {
        case 'r':
            rounds = (unsigned)bench_number("--rounds", optarg, 1, 100000);
            break;
        case 'h':
            puts("Usage: phash-bench hash [--rounds N]\n"
                 "PDQ from memory: the plain reference and libphash under each mask, in one run.\n"
                 "JSON on standard output. N rounds (31) for small pictures, a tenth for large.");
            return BENCH_DONE;
        default:
            return BENCH_FAILED;
        }
    if (optind < argc)
        return bench_fail("hash takes no '%s'", argv[optind]);
    puts("{");
    print_cpu();
    printf("  \"compiler\": \"%s\", \"flags\": \"%s\", \"commit\": \"%s\", \"rounds\": %u,\n",
           BENCH_COMPILER, BENCH_FLAGS, BENCH_COMMIT, rounds);
    puts("  \"cases\": [");
    const size_t count = sizeof sizes / sizeof sizes[0];
    for (size_t i = 0; i < count; i++)
        for (uint32_t channels = 3; channels; channels = channels == 3 ? 1 : 0)
            for (int dihedral = 0; dihedral < 2; dihedral++) {
                struct hash_case c = {sizes[i].width, sizes[i].height, channels, dihedral,
                                      picture(sizes[i].width, sizes[i].height, channels)};
                const bool large = (size_t)c.width * c.height > 1000000;
                run_case(&c, large ? (rounds + 9) / 10 : rounds,
                         i + 1 == count && channels == 1 && dihedral);
                free((void *)(uintptr_t)c.pixels);
            }
    puts("  ]\n}");
    return BENCH_DONE;
}

const struct bench_command bench_hash = {"hash", "PDQ from memory: speed beside the reference",
                                         run};
