/* phash-bench hash, from a photo's file in memory to its hash, beside what the decoders alone take.
 *
 * As in hash.c each round runs every engine once over the same file. Ratios are taken within a round,
 * and their median is shown: so what slows a whole round down does not count. The hash of the file and
 * that of the pixels which libjpeg-turbo or libpng gave for it must be the same.
 */
#include "hash_photo.h"

#include "bench.h"
#include "progress.h"
#include "stats.h"
#include "timing.h"

#include <phash/hash.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINES_MAX = 8 };

static const struct {
    uint32_t width, height;
    unsigned share; /* of the rounds asked for, one in so many */
    unsigned kinds;
} sizes[] = {
    {1728, 1152, 1, 1u << PHOTO_BASELINE | 1u << PHOTO_PROGRESSIVE},
    {3456, 2304, 2, 1u << PHOTO_BASELINE | 1u << PHOTO_PROGRESSIVE | PHASH_HAS_PNG << PHOTO_PNG},
    {8064, 6048, 10, 1u << PHOTO_BASELINE | 1u << PHOTO_PROGRESSIVE},
};

static const char *const kind_names[] = {"baseline JPEG", "progressive JPEG", "PNG"};

struct table {
    size_t count;
    const struct photo_engine *engine[ENGINES_MAX];
    unsigned rounds;
    double *times; /* rounds for each engine */
    phash_pdq_result result[ENGINES_MAX];
};

static double *times_of(const struct table *t, size_t engine)
{
    return t->times + engine * t->rounds;
}

static void check(const struct table *t, const struct photo *photo)
{
    const phash_pdq_result *want = NULL;
    for (size_t e = 0; e < t->count; e++) {
        const phash_pdq_result *got = &t->result[e];
        if (!t->engine[e]->exact)
            continue;
        want = want ? want : got;
        if (memcmp(&got->hash, &want->hash, sizeof got->hash) || got->quality != want->quality)
            exit(bench_fail("%s differs at %ux%u, %s", t->engine[e]->name, photo->width,
                            photo->height, kind_names[photo->kind]));
    }
}

static void measure(struct table *t, const struct photo *photo)
{
    progress_start("measuring", t->rounds);
    for (unsigned round = 0; round < t->rounds; round++) {
        for (size_t e = 0; e < t->count; e++) {
            t->result[e] = (phash_pdq_result)PHASH_PDQ_RESULT_INIT;
            const double start = timing_thread();
            t->engine[e]->run(photo, &t->result[e]);
            times_of(t, e)[round] = timing_thread() - start;
        }
        check(t, photo);
        progress_add();
    }
    progress_end();
}

/* Median over the rounds of one engine's time by another's. */
static double ratio(const struct table *t, size_t engine, size_t to, double *scratch)
{
    for (unsigned round = 0; round < t->rounds; round++)
        scratch[round] = times_of(t, engine)[round] / times_of(t, to)[round];
    return stats_median(scratch, t->rounds);
}

/* Times of an engine, and what they are of those of each decoder. */
static json_t *figures(const struct table *t, size_t e, double *scratch)
{
    memcpy(scratch, times_of(t, e), t->rounds * sizeof *scratch);
    const double median = stats_median(scratch, t->rounds); /* which sorts */
    const double spread = timing_spread(scratch, t->rounds);
    json_t *out = json_pack("{s:s, s:f, s:f, s:f}", "name", t->engine[e]->name, "median_ms",
                            median * 1e3, "min_ms", scratch[0] * 1e3, "spread", spread);
    json_t *ratios = json_object();
    printf("  %-26s %9.2f ms +-%2.0f %%", t->engine[e]->name, median * 1e3, 50 * spread);
    for (size_t to = 0; to < t->count; to++)
        if (t->engine[to]->decodes) {
            const double times = ratio(t, e, to, scratch);
            json_object_set_new(ratios, t->engine[to]->name, json_real(times));
            printf(" %6.3fx %s", times, t->engine[to]->name);
        }
    putchar('\n');
    fflush(stdout);
    json_object_set_new(out, "ratio_to", ratios);
    return out;
}

/* How far the hash of an approximating engine is from the exact one. */
static void add_distance(const struct table *t, size_t e, json_t *out)
{
    for (size_t i = 0; i < t->count && !t->engine[e]->exact && !t->engine[e]->decodes; i++)
        if (t->engine[i]->exact)
            json_object_set_new(
                out, "bits_from_full",
                json_integer(phash_hash256_distance(&t->result[e].hash, &t->result[i].hash)));
}

static json_t *run_case(const struct photo *photo, unsigned rounds)
{
    struct table t = {.rounds = rounds};
    for (const struct photo_engine *e = photo_engines; e->name; e++)
        if (e->kinds >> photo->kind & 1)
            t.engine[t.count++] = e;
    t.times = malloc(t.count * rounds * sizeof *t.times);
    double *scratch = malloc(rounds * sizeof *scratch);
    if (!t.times || !scratch)
        exit(bench_fail("no memory"));
    printf("%ux%u %s of %zu bytes\n", photo->width, photo->height, kind_names[photo->kind],
           photo->bytes);
    measure(&t, photo);
    json_t *engines = json_array();
    for (size_t e = 0; e < t.count; e++) {
        json_t *out = figures(&t, e, scratch);
        add_distance(&t, e, out);
        json_array_append_new(engines, out);
    }
    free(t.times);
    free(scratch);
    return json_pack("{s:s, s:i, s:i, s:I, s:i, s:o}", "file", kind_names[photo->kind], "width",
                     (int)photo->width, "height", (int)photo->height, "bytes",
                     (json_int_t)photo->bytes, "rounds", (int)rounds, "engines", engines);
}

json_t *hash_photos(const struct photo_tiles *tiles, unsigned megapixels, unsigned rounds)
{
    json_t *cases = json_array();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (enum photo_kind kind = PHOTO_BASELINE; kind <= PHOTO_PNG; kind++) {
            if (!(megapixels >> i & 1) || !(sizes[i].kinds >> kind & 1))
                continue;
            struct photo photo = photo_new(tiles, kind, sizes[i].width, sizes[i].height);
            json_array_append_new(cases,
                                  run_case(&photo, (rounds + sizes[i].share - 1) / sizes[i].share));
            photo_free(&photo);
        }
    return cases;
}
