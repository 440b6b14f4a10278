/* progress.h: one line on stderr, where it is a terminal, that tells how far a long run is. */
#ifndef PHASH_BENCH_PROGRESS_H
#define PHASH_BENCH_PROGRESS_H

#include <stddef.h>

/* Begins to count to `total`; what runs is named by `what`, which must stay. Thread-safe from here
 * to progress_end. */
void progress_start(const char *what, size_t total);
void progress_add(void);
void progress_end(void);

#endif
