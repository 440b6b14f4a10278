/* phash-bench robustness: what each hash survives. */
#include "robustness.h"
#include "bench.h"
#include "environment.h"
#include "outcome.h"
#include "speed.h"

#include <stdio.h>

static const char help[] =
    "Usage: phash-bench robustness -p DIR [OPTION]...\n"
    "Alters every picture of a folder in many ways and tells how many of the altered copies each\n"
    "hash still finds.\n\n" STUDY_HELP
    "      --transforms LIST  only these families or names of transforms, such as jpeg,crop-2%\n";

/* Recall of each engine at its own threshold, transform by transform. */
static void print_table(const struct study *s, const struct outcome *o)
{
    printf("Share of altered copies that are found, in %%, at each engine's usual radius.\n"
           "%zu pictures, digest %s\n\n%-20s",
           s->counted_count, s->set.digest, "");
    for (size_t h = 0; h < s->hasher_count; h++)
        printf(" %12s", s->hashers[h]->name);
    printf("\n%-20s", "radius");
    for (size_t h = 0; h < s->hasher_count; h++)
        printf(" %12u", s->hashers[h]->threshold);
    putchar('\n');
    for (size_t t = 0; t < o->count; t++) {
        printf("%-20s", o->transforms[t]->name);
        for (size_t h = 0; h < s->hasher_count; h++) {
            const struct histogram *copies = &o->copies[outcome_at(o, h, t)];
            if (copies->total)
                printf(" %12.1f", 100. *
                                      (double)histogram_within(copies, s->hashers[h]->threshold) /
                                      (double)copies->total);
            else
                printf(" %12s", "-");
        }
        if (o->skipped[t])
            printf("  skipped: %s", o->why[t]);
        if (o->failed[t])
            printf("  %zu failed", o->failed[t]);
        putchar('\n');
    }
    printf("%-20s", "unrelated: smallest");
    for (size_t h = 0; h < s->hasher_count; h++)
        printf(" %12u", histogram_quantile(&o->base[h], 0));
    printf("\n%-20s", "unrelated: AUC");
    for (size_t h = 0; h < s->hasher_count; h++) {
        struct histogram copies = histogram_new(s->hashers[h]->max);
        struct histogram unrelated = histogram_new(s->hashers[h]->max);
        for (size_t t = 0; t < o->count; t++) {
            histogram_merge(&copies, &o->copies[outcome_at(o, h, t)]);
            histogram_merge(&unrelated, &o->unrelated[outcome_at(o, h, t)]);
        }
        printf(" %12.4f", stats_auc(&copies, &unrelated));
        histogram_free(&copies);
        histogram_free(&unrelated);
    }
    putchar('\n');
}

json_t *robustness_result(struct study *study, bool with_speed, bool with_table, int argc,
                          char **argv)
{
    struct outcome outcome;
    json_t *result = NULL;
    if (!outcome_run(study, &outcome)) {
        result = json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind", "robustness", "environment",
                           environment_json(argc, argv), "dataset", environment_dataset(study),
                           "engines", outcome_engines(study, &outcome), "transforms",
                           outcome_transforms(study, &outcome));
        if (with_speed)
            json_object_set_new(result, "speed", speed_measure(study));
        if (with_table)
            print_table(study, &outcome);
    }
    outcome_free(study, &outcome);
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
        json_t *result = robustness_result(&study, false, true, argc, argv);
        failed = !result || (options.output && environment_write(result, options.output));
        json_decref(result);
    }
    study_close(&study);
    return failed ? BENCH_FAILED : BENCH_DONE;
}

const struct bench_command bench_robustness = {
    "robustness", "what each hash survives: recall over a table of alterations", run};
