/* parallel.h: the same work on every picture, by several threads. */
#ifndef PHASH_BENCH_PARALLEL_H
#define PHASH_BENCH_PARALLEL_H

#include <stddef.h>

/* Calls work(i, arg) once for each i below count, in any order, by `jobs` threads; returns when all
 * are done. Shows progress under the name `what`. */
void parallel_run(unsigned jobs, size_t count, const char *what, void (*work)(size_t i, void *arg),
                  void *arg);

/* Cores that this process may use. */
unsigned parallel_cores(void);

#endif
