/* fpr.h: the result of phash-bench fpr, for the report. */
#ifndef PHASH_BENCH_FPR_H
#define PHASH_BENCH_FPR_H

#include "study.h"

#include <jansson.h>

/* The figures of all unrelated pairs of an open study. */
json_t *fpr_result(const struct study *study, bool with_table, int argc, char **argv);

#endif
