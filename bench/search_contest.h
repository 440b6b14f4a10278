/* search_contest.h: engines side by side over one set of hashes: built, compared, timed. */
#ifndef PHASH_BENCH_SEARCH_CONTEST_H
#define PHASH_BENCH_SEARCH_CONTEST_H

#include "search.h"

enum { CONTEST_ENGINES = 32, CONTEST_ROUNDS = 101, CONTEST_THREADS = 64, CONTEST_CHECKED = 32 };

struct contestant {
    const struct search_engine *engine;
    void *index;
    double build_seconds; /* with all cores: the median of several builds */
    double first_seconds; /* the first one, to which the system may first have to give memory */
    double times[CONTEST_ROUNDS]; /* seconds for a query; sorted once timed */
    size_t queries;               /* that a thread asks in a round */
};

struct contest {
    uint32_t bits;
    size_t n, query_count;
    uint8_t *hashes, *queries;
    uint64_t rounds;
    double slot; /* seconds of a round, about */
    struct contestant items[CONTEST_ENGINES];
    size_t count;
    size_t round_count;
};

/* Builds the engines that `only`, a list with commas or NULL, names and this machine can run. */
void contest_build(struct contest *c, const char *only, uint32_t radius);
void contest_clear(struct contest *c);

/* Asks all engines the first queries and compares what they find; `hits` receives how many. Nonzero
 * after a message. */
int contest_compare(struct contest *c, uint32_t radius, size_t *hits);

/* Times every engine in turn, round after round. One thread: its processor time; several, that each
 * ask their own batches: the time that passes, over all queries. */
void contest_time(struct contest *c, size_t batch, uint32_t radius, unsigned threads);

#endif
