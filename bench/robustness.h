/* robustness.h: the result of phash-bench robustness, for the report. */
#ifndef PHASH_BENCH_ROBUSTNESS_H
#define PHASH_BENCH_ROBUSTNESS_H

#include "study.h"

#include <jansson.h>

/* Alters the pictures of an open study and gives the figures; NULL after a message.
 *   argc, argv  the command line that the result names */
json_t *robustness_result(struct study *study, bool with_speed, bool with_table, int argc,
                          char **argv);

#endif
