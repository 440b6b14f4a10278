/* phash-bench fpr: how often unrelated pictures are taken for copies. */
#include "fpr.h"
#include "bench.h"
#include "environment.h"
#include "outcome.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: phash-bench fpr -p DIR [OPTION]...\n"
    "Compares all pairs of unrelated pictures of a folder and tells how many are within a radius,\n"
    "and what that means for a bank. Groups of near-duplicates are named first and left out:\n"
    "look at them. A group that is none is a false positive; name the pair with "
    "--distinct.\n\n" STUDY_HELP "      --bank N           hashes in the bank (default 1000000)\n"
    "      --queries N        queries a day (default 1000000)\n";

/* Daugman's model of one comparison. It describes the bulk of unrelated pairs and is the least that
 * is to be expected: pictures that look alike without being copies are not in it. */
struct model {
    double share, freedom, trials;
};

/* The smallest of several comparisons is no sum of coins: then the single ones are modelled, those
 * of the engine whose hashes the bank holds, and their rates are added up. */
static struct model fit_model(const struct study *s, size_t h, const struct histogram *distances)
{
    const struct hasher *e = s->hashers[h];
    struct histogram single = {0};
    const struct histogram *from = distances;
    if (e->trials > 1) {
        single = study_unrelated_distances(s, s->bank_hasher[h]);
        from = &single;
    }
    const double share = histogram_mean(from) / e->max;
    const struct model model = {share, stats_freedom(share, histogram_deviation(from) / e->max),
                                e->trials > 1 ? e->trials : 1};
    histogram_free(&single);
    return model;
}

/* A rate with its 95% interval: Wilson's, and the rule of three where nothing was seen. Pairs that
 * share a picture are not independent, so the interval is somewhat too narrow. */
static json_t *rate_row(const struct study *s, const struct hasher *e, const struct histogram *h,
                        const struct model *model, unsigned radius)
{
    const uint64_t hits = histogram_within(h, radius);
    struct interval range = stats_wilson(hits, h->total, STATS_Z95);
    if (!hits)
        range = (struct interval){0, stats_rule_of_three(h->total)};
    const double share = (double)hits / (double)h->total;
    double coins =
        model->trials * stats_coins_within(model->freedom, model->share, (double)radius / e->max);
    coins = coins > 1 ? 1 : coins;
    const double a_day = s->options.bank * s->options.queries;
    return json_pack("{s:i, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "radius", (int)radius,
                     "pairs_within", (json_int_t)hits, "rate", share, "low", range.low, "high",
                     range.high, "model", coins, "per_query", share * s->options.bank,
                     "per_query_at_most", range.high * s->options.bank, "per_day", share * a_day,
                     "per_day_model", coins * a_day);
}

#define NEAREST 8

/* The nearest unrelated pairs by name: what a person should look at before believing the rates. */
static json_t *nearest_pairs(const struct study *s, size_t h)
{
    struct {
        size_t a, b;
        unsigned distance;
    } best[NEAREST + 1];
    size_t n = 0;
    for (size_t a = 0; a < s->set.count; a++)
        for (size_t b = a + 1; b < s->set.count; b++) {
            if (!study_unrelated(s, a, b))
                continue;
            const unsigned d = study_distance(s, h, a, study_print(s, h, b));
            size_t at = n;
            for (; at && best[at - 1].distance > d; at--)
                best[at] = best[at - 1];
            best[at].a = a;
            best[at].b = b;
            best[at].distance = d;
            n += n < NEAREST;
        }
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("[i, s, s]", (int)best[i].distance,
                                              s->set.items[best[i].a].name,
                                              s->set.items[best[i].b].name));
    return list;
}

static json_t *engine_rates(const struct study *s, size_t h)
{
    const struct hasher *e = s->hashers[h];
    struct histogram distances = study_unrelated_distances(s, h);
    const struct model model = fit_model(s, h, &distances);
    json_t *rows = json_array();
    for (size_t i = 0; i < OUTCOME_RADII; i++)
        json_array_append_new(rows, rate_row(s, e, &distances, &model, outcome_radius(e, i)));
    json_t *engine = json_pack(
        "{s:s, s:s, s:i, s:i, s:s, s:o, s:o, s:o, s:o, s:f}", "name", e->name, "title", e->title,
        "max", (int)e->max, "threshold", (int)e->threshold, "unit", e->unit, "distance",
        outcome_distribution(&distances), "nearest", nearest_pairs(s, h), "rates", rows,
        "at_threshold", rate_row(s, e, &distances, &model, e->threshold), "freedom", model.freedom);
    histogram_free(&distances);
    return engine;
}

static void print_groups(const json_t *dataset)
{
    const json_t *groups = json_object_get(dataset, "groups");
    size_t i, k;
    json_t *group, *name;
    if (json_array_size(groups))
        printf("Near-duplicates, left out of unrelated pairs (look at them):\n");
    json_array_foreach(groups, i, group)
    {
        json_array_foreach(group, k, name) printf("%s %s", k ? "," : " ", json_string_value(name));
        putchar('\n');
    }
}

static void print_nearest(const json_t *engine)
{
    size_t i;
    json_t *pair;
    printf("\nThe nearest that count as unrelated, by %s:\n",
           json_string_value(json_object_get(engine, "name")));
    json_array_foreach(json_object_get(engine, "nearest"), i, pair) printf(
        "  %4lld  %s, %s\n", (long long)json_integer_value(json_array_get(pair, 0)),
        json_string_value(json_array_get(pair, 1)), json_string_value(json_array_get(pair, 2)));
}

static void print_table(const struct study *s, const json_t *result)
{
    size_t i, k;
    json_t *engine, *row;
    print_groups(json_object_get(result, "dataset"));
    json_array_foreach(json_object_get(result, "engines"), i,
                       engine) if (!strcmp(json_string_value(json_object_get(engine, "name")),
                                           "pdq-dihedral")) print_nearest(engine);
    printf("\n%zu pictures; a bank of %.0f hashes, %.0f queries a day\n", s->counted_count,
           s->options.bank, s->options.queries);
    printf("%-14s %7s %10s %9s %11s %11s %11s %13s %13s\n", "engine", "radius", "pairs", "within",
           "rate", "at most", "model", "a query: at", "a day: model");
    printf("%-14s %7s %10s %9s %11s %11s %11s %13s %13s\n", "", "", "", "", "", "(95%)", "", "most",
           "");
    json_array_foreach(json_object_get(result, "engines"), i, engine)
        json_array_foreach(json_object_get(engine, "rates"), k, row)
            printf("%-14s %7lld %10lld %9lld %11.3g %11.3g %11.3g %13.3g %13.3g\n",
                   json_string_value(json_object_get(engine, "name")),
                   (long long)json_integer_value(json_object_get(row, "radius")),
                   (long long)json_integer_value(
                       json_object_get(json_object_get(engine, "distance"), "n")),
                   (long long)json_integer_value(json_object_get(row, "pairs_within")),
                   json_real_value(json_object_get(row, "rate")),
                   json_real_value(json_object_get(row, "high")),
                   json_real_value(json_object_get(row, "model")),
                   json_real_value(json_object_get(row, "per_query_at_most")),
                   json_real_value(json_object_get(row, "per_day_model")));
}

json_t *fpr_result(const struct study *s, bool with_table, int argc, char **argv)
{
    json_t *engines = json_array();
    for (size_t h = 0; h < s->hasher_count; h++)
        json_array_append_new(engines, engine_rates(s, h));
    json_t *result =
        json_pack("{s:s, s:o, s:o, s:f, s:f, s:o}", "kind", "fpr", "environment",
                  environment_json(argc, argv), "dataset", environment_dataset(s), "bank",
                  s->options.bank, "queries", s->options.queries, "engines", engines);
    if (with_table)
        print_table(s, result);
    return result;
}

static int run(int argc, char **argv)
{
    struct study_options options;
    struct study study;
    study_parse(argc, argv, &options, help);
    study_start_vips();
    int failed = study_open(&study, &options);
    if (!failed) {
        json_t *result = fpr_result(&study, true, argc, argv);
        failed = options.output && environment_write(result, options.output);
        json_decref(result);
    }
    study_close(&study);
    return failed ? BENCH_FAILED : BENCH_DONE;
}

const struct bench_command bench_fpr = {
    "fpr", "how often unrelated pictures are taken for copies, and what that means", run};
