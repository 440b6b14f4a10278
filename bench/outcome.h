/* outcome.h: what became of the pictures: distances per engine and transform. */
#ifndef PHASH_BENCH_OUTCOME_H
#define PHASH_BENCH_OUTCOME_H

#include "study.h"
#include "transform.h"

#include <jansson.h>

struct outcome {
    const struct transform **transforms; /* the chosen ones */
    size_t count;
    struct histogram *copies;    /* [hasher][transform]: an altered picture to its original */
    struct histogram *unrelated; /* [hasher][transform]: an altered picture to all unrelated ones */
    struct histogram *quality;   /* [transform]: PDQ quality of altered pictures */
    struct histogram *base;      /* [hasher]: unrelated pictures, unaltered */
    size_t *skipped, *failed;    /* [transform]: pictures */
    const char **why;            /* [transform]: why they were skipped; static */
};

/* Runs every chosen transform over every counted picture. Nonzero after a message. */
int outcome_run(struct study *study, struct outcome *out);
void outcome_free(const struct study *study, struct outcome *out);

static inline size_t outcome_at(const struct outcome *o, size_t hasher, size_t transform)
{
    return hasher * o->count + transform;
}

/* The share of unrelated pairs that two engines are compared at. */
#define OUTCOME_FALSE_RATE 0.001

/* "engines" and "transforms" of the result, ready to be added to it. */
json_t *outcome_engines(const struct study *study, const struct outcome *out);
json_t *outcome_transforms(const struct study *study, const struct outcome *out);

/* {n, mean, deviation, min, q05, q25, median, q75, q95, max, histogram: [[distance, count], …]}. */
json_t *outcome_distribution(const struct histogram *h);

/* Radii that every engine is reported at: PDQ's as shares of its own largest distance. */
extern const unsigned outcome_radii[];
#define OUTCOME_RADII 6
unsigned outcome_radius(const struct hasher *hasher, size_t i);

#endif
