/* environment.h: what a reader needs in order to repeat a result. */
#ifndef PHASH_BENCH_ENVIRONMENT_H
#define PHASH_BENCH_ENVIRONMENT_H

#include <jansson.h>

struct study;

/* {machine, cpu, cores, memory, compiler, flags, libraries, commit, date, command}. */
json_t *environment_json(int argc, char **argv);

/* {pictures, digest, copies, undecoded, featureless, counted, groups: [[name, …], …]}. */
json_t *environment_dataset(const struct study *study);

/* Writes it to a file beside, which then takes the place of `path`. Nonzero after a message. */
int environment_write(const json_t *result, const char *path);

#endif
