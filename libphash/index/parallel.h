/* Tasks 0 .. n - 1 on several threads. */
#ifndef PHASH_INDEX_PARALLEL_H
#define PHASH_INDEX_PARALLEL_H

#include <stddef.h>
#include <stdint.h>

/* Runs fn(context, task) for every task, in any order, on up to `threads` threads, and returns when
 * all are done. Threads that cannot be started are done without. */
void phash_parallel(uint32_t threads, size_t tasks, void (*fn)(void *context, size_t task),
                    void *context);

/* Processors online, at least 1. */
uint32_t phash_processors(void);

#endif
