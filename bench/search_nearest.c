#include "search_nearest.h"
#include "bench.h"
#include "stats.h"
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUERIES_MAX = 64, ROUNDS_MAX = 101 };

struct nearest {
    const struct nearest_setting *setting;
    phash_index *index;
    phash_searcher *searcher;
    phash_matches near, within;
    size_t queries;
    uint32_t reach[QUERIES_MAX]; /* the distance of a query's k-th */
};

static const uint8_t *query_of(const struct nearest *x, size_t q)
{
    return x->setting->queries + q * (x->setting->bits / 8);
}

/* Seconds for all queries, one by one. */
static double ask_nearest(struct nearest *x)
{
    const struct nearest_setting *s = x->setting;
    const double start = timing_thread();
    for (size_t q = 0; q < x->queries; q++) {
        if (phash_search_nearest(x->searcher, query_of(x, q), 1, s->k, s->bits, &x->near, NULL))
            exit(bench_fail("the search for the nearest failed"));
        x->reach[q] = x->near.count ? x->near.items[x->near.count - 1].distance : s->bits;
    }
    return timing_thread() - start;
}

static double ask_radius(struct nearest *x)
{
    const double start = timing_thread();
    for (size_t q = 0; q < x->queries; q++)
        if (phash_search_radius(x->searcher, query_of(x, q), 1, x->reach[q], &x->within, NULL))
            exit(bench_fail("the search failed"));
    return timing_thread() - start;
}

/* Nothing nearer was missed: all but ties at the k-th distance are among the k. */
static int check(struct nearest *x)
{
    const uint32_t k = x->setting->k;
    for (size_t q = 0; q < x->queries; q++) {
        if (phash_search_nearest(x->searcher, query_of(x, q), 1, k, x->setting->bits, &x->near,
                                 NULL) ||
            phash_search_radius(x->searcher, query_of(x, q), 1, x->reach[q], &x->within, NULL))
            return bench_fail("a search failed");
        size_t closer = 0, closer_found = 0;
        for (size_t i = 0; i < x->within.count; i++)
            closer += x->within.items[i].distance < x->reach[q];
        for (size_t i = 0; i < x->near.count; i++)
            closer_found += x->near.items[i].distance < x->reach[q];
        if (closer != closer_found || x->within.count < x->near.count)
            return bench_fail("the %u nearest are not those of the radius search", k);
    }
    return 0;
}

static void show(struct nearest *x, double *near, double *within, double *ratio, json_t *results)
{
    const struct nearest_setting *s = x->setting;
    const size_t rounds = (size_t)s->rounds;
    for (size_t i = 0; i < rounds; i++)
        ratio[i] = near[i] / within[i];
    const double a = stats_median(near, rounds) / (double)x->queries,
                 b = stats_median(within, rounds) / (double)x->queries,
                 r = stats_median(ratio, rounds);
    printf("%-10s %10zu hashes of %u bits, k = %-3u %12.3f us, radius search %12.3f us, %.2fx\n",
           search_data_names[s->kind], s->n, s->bits, s->k, a * 1e6, b * 1e6, r);
    fflush(stdout);
    json_array_append_new(results,
                          json_pack("{s:s, s:I, s:I, s:i, s:f, s:f, s:f}", "data",
                                    search_data_names[s->kind], "bits", (json_int_t)s->bits,
                                    "hashes", (json_int_t)s->n, "k", (int)s->k, "us_nearest",
                                    a * 1e6, "us_radius", b * 1e6, "times_radius", r));
}

int nearest_compare(const struct nearest_setting *s, json_t *results)
{
    struct nearest x = {.setting = s,
                        .queries = s->query_count < QUERIES_MAX ? s->query_count : QUERIES_MAX};
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.bits = s->bits;
    options.radius = s->bits == 256 ? 31 : 10;
    int failed = 0;
    if (phash_index_build(s->hashes, NULL, s->n, &options, &x.index, NULL) ||
        phash_searcher_new(x.index, &x.searcher))
        failed = bench_fail("no memory for an index of %zu hashes", s->n);
    double near[ROUNDS_MAX], within[ROUNDS_MAX], ratio[ROUNDS_MAX];
    for (size_t i = 0; i < s->rounds && i < ROUNDS_MAX && !failed; i++) {
        near[i] = ask_nearest(&x);
        within[i] = ask_radius(&x);
    }
    failed = failed || check(&x);
    if (!failed)
        show(&x, near, within, ratio, results);
    phash_searcher_free(&x.searcher);
    phash_index_free(&x.index);
    phash_matches_free(&x.near);
    phash_matches_free(&x.within);
    return failed;
}
