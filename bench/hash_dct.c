/* phash-bench hash: DCT hashes from memory, beside imagehash's own steps in Python.
 *
 * As in hash.c each round runs every engine over the same picture, and ratios are taken within a
 * round. An engine keeps its stream between pictures, as a program that hashes many does. Its time is
 * split into what rows cost as they come (grey and reduction) and what is left at the end (transform,
 * median, bits).
 */
#include "hash_dct.h"

#include "bench.h"
#include "peer_imagehash.h"
#include "progress.h"
#include "stats.h"
#include "timing.h"

#include <phash/cpu.h>
#include <phash/dct.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINES_MAX = 8, HEX_SIZE = PHASH_BITS_HEX_MAX + 1 };

/* A time is the mean of as many calls as fill this, seconds. */
static const double slot = 0.002;

static const struct {
    uint32_t hash_size, factor;
} parameters[] = {{8, 4}, {16, 4}, {32, 2}};

struct picture {
    const uint8_t *pixels;
    phash_pdq_desc desc;
};

/* One engine in one case. */
struct timed {
    const char *mask;
    phash_dct_stream *stream;
    unsigned calls;
    double *total, *end, *ratio; /* of each round */
    char hex[HEX_SIZE];
};

static void use(const char *mask)
{
    uint32_t sets;
    if (phash_cpu_parse(mask, &sets) == PHASH_OK)
        phash_cpu_mask(sets);
}

static bool can_use(const char *mask)
{
    uint32_t sets;
    return phash_cpu_parse(mask, &sets) == PHASH_OK && (sets & phash_cpu_detected()) == sets;
}

static double *numbers(unsigned n)
{
    double *out = malloc(n * sizeof *out);
    if (!out)
        exit(bench_fail("no memory"));
    return out;
}

/* Hashes the picture so many times; seconds for one, and for the end of one. */
static double run(struct timed *t, const struct picture *p, unsigned calls, double *end)
{
    phash_dct_result result = PHASH_DCT_RESULT_INIT;
    double sum = 0, sum_end = 0;
    for (unsigned i = 0; i < calls; i++) {
        const double start = timing_thread();
        phash_status status = phash_dct_stream_reset(t->stream, &p->desc, NULL);
        if (!status)
            status = phash_dct_push_rows(t->stream, p->pixels, p->desc.height,
                                         (ptrdiff_t)p->desc.width * 3);
        const double middle = timing_thread();
        if (status || phash_dct_finish(t->stream, &result))
            exit(bench_fail("libphash-dct could not hash"));
        const double stop = timing_thread();
        sum += stop - start;
        sum_end += stop - middle;
    }
    *end = sum_end / calls;
    phash_bits_to_hex(&result.hash, t->hex, sizeof t->hex);
    return sum / calls;
}

static size_t open_all(struct timed *engines, const phash_dct *dct, const struct picture *p,
                       unsigned rounds)
{
    static const char *const masks[] = {"c", "avx2", "avx512", "neon"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        if (!can_use(masks[i]))
            continue;
        struct timed *t = &engines[n++];
        *t = (struct timed){.mask = masks[i],
                            .total = numbers(rounds),
                            .end = numbers(rounds),
                            .ratio = numbers(rounds)};
        use(t->mask);
        double end;
        if (phash_dct_stream_new(dct, &p->desc, NULL, &t->stream))
            exit(bench_fail("no memory"));
        run(t, p, 1, &end);
        const double once = run(t, p, 1, &end);
        t->calls = once >= slot ? 1 : (unsigned)(slot / once) + 1;
        if (strcmp(t->hex, engines[0].hex) != 0)
            exit(bench_fail("libphash-dct differs between masks %s and %s", t->mask, masks[0]));
    }
    return n;
}

static void measure(struct timed *engines, size_t n, const struct picture *p,
                    struct peer_imagehash *peer, double *peer_times, unsigned rounds)
{
    char hex[HEX_SIZE];
    if (peer)
        peer_imagehash_time(peer, 3, hex, sizeof hex); /* once warmed up */
    progress_start("measuring", rounds);
    for (unsigned round = 0; round < rounds; round++) {
        if (peer)
            peer_times[round] = peer_imagehash_time(peer, 3, hex, sizeof hex);
        for (size_t e = 0; e < n; e++) {
            struct timed *t = &engines[e];
            use(t->mask);
            t->total[round] = run(t, p, t->calls, &t->end[round]);
            if (peer)
                t->ratio[round] = peer_times[round] / t->total[round];
            if (peer && strcmp(hex, t->hex) != 0)
                exit(bench_fail("libphash-dct, %s: %s, but imagehash's steps: %s", t->mask, t->hex,
                                hex));
        }
        progress_add();
    }
    progress_end();
}

static json_t *figures(struct timed *t, bool peer, unsigned rounds)
{
    const double total = stats_median(t->total, rounds) * 1e6,
                 end = stats_median(t->end, rounds) * 1e6,
                 ratio = peer ? stats_median(t->ratio, rounds) : 0;
    printf("  libphash-dct-%-7s %10.1f us: %8.1f grey and reduction, %6.1f transform and median",
           t->mask, total, total - end, end);
    if (peer)
        printf(" %7.1fx imagehash", ratio);
    putchar('\n');
    fflush(stdout);
    json_t *out = json_pack("{s:s, s:f, s:f, s:f}", "mask", t->mask, "median_us", total,
                            "reduction_us", total - end, "transform_us", end);
    if (peer)
        json_object_set_new(out, "times_imagehash", json_real(ratio));
    return out;
}

static json_t *run_case(const struct picture *p, uint32_t hash_size, uint32_t factor,
                        unsigned rounds)
{
    struct timed engines[ENGINES_MAX];
    phash_dct *dct;
    if (phash_dct_new(hash_size, factor, &dct))
        exit(bench_fail("no memory"));
    const size_t n = open_all(engines, dct, p, rounds);
    double *peer_times = numbers(rounds);
    struct peer_imagehash *peer =
        peer_imagehash_start(p->pixels, p->desc.width, p->desc.height, hash_size, factor);
    printf("%ux%u RGB, DCT hash of %u bits (hash size %u, highfreq factor %u)\n", p->desc.width,
           p->desc.height, hash_size * hash_size, hash_size, factor);
    measure(engines, n, p, peer, peer_times, rounds);
    json_t *list = json_array();
    json_t *out = json_pack("{s:i, s:i, s:i, s:i, s:i, s:o}", "width", (int)p->desc.width, "height",
                            (int)p->desc.height, "hash_size", (int)hash_size, "highfreq_factor",
                            (int)factor, "rounds", (int)rounds, "engines", list);
    if (peer) {
        const double us = stats_median(peer_times, rounds) * 1e6;
        printf("  %-20s %10.1f us\n", "imagehash's steps", us);
        json_object_set_new(out, "imagehash_us", json_real(us));
    }
    for (size_t e = 0; e < n; e++) {
        json_array_append_new(list, figures(&engines[e], peer != NULL, rounds));
        phash_dct_stream_free(&engines[e].stream);
        free(engines[e].total);
        free(engines[e].end);
        free(engines[e].ratio);
    }
    peer_imagehash_stop(peer);
    free(peer_times);
    phash_dct_free(&dct);
    return out;
}

json_t *hash_dct(const uint8_t *pixels, uint32_t width, uint32_t height, unsigned rounds)
{
    const struct picture p = {pixels, {width, height, PHASH_PIXEL_RGB8}};
    json_t *cases = json_array();
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        json_array_append_new(cases,
                              run_case(&p, parameters[i].hash_size, parameters[i].factor, rounds));
    return cases;
}
