/* Figures of an outcome as JSON. */
#include "outcome.h"

const unsigned outcome_radii[OUTCOME_RADII] = {15, 23, 31, 47, 63, 79};

unsigned outcome_radius(const struct hasher *hasher, size_t i)
{
    return (outcome_radii[i] * hasher->max + 128) / 256;
}

json_t *outcome_distribution(const struct histogram *h)
{
    json_t *bars = json_array();
    for (unsigned d = 0; d <= h->max; d++)
        if (h->counts[d])
            json_array_append_new(bars, json_pack("[i, I]", (int)d, (json_int_t)h->counts[d]));
    return json_pack("{s:I, s:f, s:f, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o}", "n",
                     (json_int_t)h->total, "mean", histogram_mean(h), "deviation",
                     histogram_deviation(h), "min", (int)histogram_quantile(h, 0), "q05",
                     (int)histogram_quantile(h, 0.05), "q25", (int)histogram_quantile(h, 0.25),
                     "median", (int)histogram_quantile(h, 0.5), "q75",
                     (int)histogram_quantile(h, 0.75), "q95", (int)histogram_quantile(h, 0.95),
                     "max", (int)histogram_quantile(h, 1), "histogram", bars);
}

/* {radius, recall, low, high}; recall null where no copy was measured. */
static json_t *recall(const struct histogram *copies, int radius)
{
    const uint64_t hits = radius < 0 ? 0 : histogram_within(copies, (unsigned)radius);
    const struct interval range = stats_wilson(hits, copies->total, STATS_Z95);
    json_t *share = copies->total ? json_real((double)hits / (double)copies->total) : json_null();
    return json_pack("{s:i, s:o, s:f, s:f}", "radius", radius, "recall", share, "low", range.low,
                     "high", range.high);
}

/* What one engine makes of one transform, or of all of them. */
static json_t *figures(const struct hasher *hasher, const struct histogram *copies,
                       const struct histogram *unrelated, const struct histogram *base)
{
    const struct equal_error eer = stats_equal_error(copies, unrelated);
    json_t *rows = json_array();
    for (size_t i = 0; i < OUTCOME_RADII; i++)
        json_array_append_new(rows, recall(copies, (int)outcome_radius(hasher, i)));
    return json_pack("{s:o, s:o, s:o, s:o, s:f, s:f, s:i}", "distance",
                     outcome_distribution(copies), "recall", rows, "recall_at_threshold",
                     recall(copies, (int)hasher->threshold), "recall_at_false_rate",
                     recall(copies, stats_radius_at(base, OUTCOME_FALSE_RATE)), "auc",
                     stats_auc(copies, unrelated), "equal_error_rate", eer.rate,
                     "equal_error_radius", (int)eer.radius);
}

/* All transforms but identity together: what the ROC curve is drawn from. */
static json_t *pooled(const struct study *s, const struct outcome *o, size_t h)
{
    struct histogram copies = histogram_new(s->hashers[h]->max);
    struct histogram unrelated = histogram_new(s->hashers[h]->max);
    for (size_t t = 0; t < o->count; t++) {
        if (o->transforms[t]->make == transform_identity && o->count > 1)
            continue;
        histogram_merge(&copies, &o->copies[outcome_at(o, h, t)]);
        histogram_merge(&unrelated, &o->unrelated[outcome_at(o, h, t)]);
    }
    json_t *all = figures(s->hashers[h], &copies, &unrelated, &o->base[h]);
    json_object_set_new(all, "unrelated", outcome_distribution(&unrelated));
    histogram_free(&copies);
    histogram_free(&unrelated);
    return all;
}

json_t *outcome_engines(const struct study *s, const struct outcome *o)
{
    json_t *list = json_array();
    for (size_t h = 0; h < s->hasher_count; h++) {
        const struct hasher *e = s->hashers[h];
        json_t *engine = json_pack(
            "{s:s, s:s, s:s, s:s*, s:i, s:s, s:i, s:s, s:s*, s:i, s:o, s:o}", "name", e->name,
            "title", e->title, "library", e->library, "bank", e->bank, "max", (int)e->max, "unit",
            e->unit, "threshold", (int)e->threshold, "threshold_source", e->threshold_why, "note",
            e->note, "false_rate_radius", stats_radius_at(&o->base[h], OUTCOME_FALSE_RATE),
            "unrelated", outcome_distribution(&o->base[h]), "all", pooled(s, o, h));
        json_array_append_new(list, engine);
    }
    return list;
}

json_t *outcome_transforms(const struct study *s, const struct outcome *o)
{
    json_t *list = json_array();
    for (size_t t = 0; t < o->count; t++) {
        json_t *engines = json_object();
        for (size_t h = 0; h < s->hasher_count; h++) {
            const size_t at = outcome_at(o, h, t);
            if (o->copies[at].total)
                json_object_set_new(
                    engines, s->hashers[h]->name,
                    figures(s->hashers[h], &o->copies[at], &o->unrelated[at], &o->base[h]));
        }
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:I, s:I, s:s*, s:o, s:o}", "name", o->transforms[t]->name,
                      "family", o->transforms[t]->family, "skipped", (json_int_t)o->skipped[t],
                      "failed", (json_int_t)o->failed[t], "skipped_because", o->why[t], "quality",
                      outcome_distribution(&o->quality[t]), "engines", engines));
    }
    return list;
}
