#include "search_contest.h"
#include "bench.h"
#include "config.h"
#include "timing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

extern const struct search_engine engine_scalar, engine_meta_flat, engine_flat_c, engine_multi_c,
    engine_auto_c, engine_flat_popcnt, engine_multi_popcnt, engine_auto_popcnt, engine_flat_avx2,
    engine_multi_avx2, engine_auto_avx2, engine_flat_avx512, engine_multi_avx512,
    engine_auto_avx512, engine_flat_neon, engine_multi_neon, engine_auto_neon;
#if BENCH_HAS_FAISS
extern const struct search_engine engine_faiss_flat, engine_faiss_hash;
#endif

/* The baseline first: what the others are compared with. */
const struct search_engine *const search_engines[] = {
    &engine_scalar,       &engine_meta_flat,
#if BENCH_HAS_FAISS
    &engine_faiss_flat,   &engine_faiss_hash,
#endif
    &engine_flat_c,       &engine_flat_popcnt, &engine_flat_avx2,    &engine_flat_avx512,
    &engine_flat_neon,    &engine_multi_c,     &engine_multi_popcnt, &engine_multi_avx2,
    &engine_multi_avx512, &engine_multi_neon,  &engine_auto_c,       &engine_auto_popcnt,
    &engine_auto_avx2,    &engine_auto_avx512, &engine_auto_neon,    NULL,
};

int search_append(phash_matches *found, uint64_t id, uint32_t query, uint32_t distance)
{
    if (found->count == found->capacity) {
        const size_t capacity = found->capacity * 2 + 1024;
        phash_match *items = realloc(found->items, capacity * sizeof *items);
        if (!items)
            return 1;
        found->items = items;
        found->capacity = capacity;
    }
    found->items[found->count++] = (phash_match){id, query, distance};
    return 0;
}

static bool named(const char *list, const char *name)
{
    if (!list)
        return true;
    const size_t length = strlen(name);
    for (const char *p = list; p; p = strchr(p, ','), p += p != NULL)
        if (!strncmp(p, name, length) && (!p[length] || p[length] == ','))
            return true;
    return false;
}

static void use_sets(const struct search_engine *engine)
{
    phash_cpu_mask(engine->masked ? engine->sets : PHASH_CPU_ALL);
}

static int by_value(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Builds an index and builds it again, unless that takes long. */
static void build(const struct contest *c, struct contestant *to, uint32_t radius)
{
    enum { BUILDS = 3, SECONDS = 60 };
    double times[BUILDS], total = 0;
    size_t n = 0;
    do {
        if (n)
            to->engine->free(to->index);
        const double start = timing_wall();
        to->index = to->engine->build(c->hashes, c->n, c->bits, radius);
        times[n] = timing_wall() - start;
        total += times[n++];
    } while (to->index && n < BUILDS && total < SECONDS);
    to->first_seconds = times[0];
    qsort(times, n, sizeof *times, by_value);
    to->build_seconds = times[n / 2];
}

void contest_build(struct contest *c, const char *only, uint32_t radius)
{
    c->count = 0;
    for (size_t i = 0; search_engines[i]; i++) {
        const struct search_engine *e = search_engines[i];
        if ((e->sets & ~phash_cpu_detected()) || !named(only, e->name))
            continue;
        struct contestant *to = &c->items[c->count];
        *to = (struct contestant){.engine = e};
        use_sets(e);
        build(c, to, radius);
        c->count += to->index != NULL;
    }
}

void contest_clear(struct contest *c)
{
    for (size_t i = 0; i < c->count; i++)
        c->items[i].engine->free(c->items[i].index);
    c->count = 0;
}

static int by_match(const void *left, const void *right)
{
    const phash_match *a = left, *b = right;
    if (a->query != b->query)
        return a->query < b->query ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static bool same_matches(const phash_matches *a, const phash_matches *b)
{
    return a->count == b->count &&
           (!a->count || !memcmp(a->items, b->items, a->count * sizeof *a->items));
}

int contest_compare(struct contest *c, uint32_t radius, size_t *hits)
{
    phash_matches expected = PHASH_MATCHES_INIT, found = PHASH_MATCHES_INIT;
    int failed = 0;
    for (size_t i = 0; i < c->count && !failed; i++) {
        const struct search_engine *e = c->items[i].engine;
        phash_matches *to = i ? &found : &expected;
        to->count = 0;
        use_sets(e);
        if (e->search(c->items[i].index, c->queries, CONTEST_CHECKED, radius, to)) {
            failed = bench_fail("%s failed", e->name);
            break;
        }
        if (to->count)
            qsort(to->items, to->count, sizeof *to->items, by_match);
        if (i && !same_matches(&found, &expected))
            failed = bench_fail("%s and %s do not find the same: %zu and %zu matches", e->name,
                                c->items[0].engine->name, found.count, expected.count);
    }
    *hits = expected.count;
    free(expected.items);
    free(found.items);
    return failed;
}

/* One thread's part of a round. */
struct asker {
    const struct contest *contest;
    const struct contestant *who;
    void *index;
    size_t batch, first; /* the query to begin with */
    uint32_t radius;
    phash_matches found;
    pthread_barrier_t *start;
};

static void ask(struct asker *a)
{
    const struct contest *c = a->contest;
    const size_t bytes = c->bits / 8, places = c->query_count - a->batch + 1;
    for (size_t done = 0; done < a->who->queries; done += a->batch) {
        a->found.count = 0;
        if (a->who->engine->search(a->index, c->queries + bytes * ((a->first + done) % places),
                                   a->batch, a->radius, &a->found))
            exit(bench_fail("%s failed", a->who->engine->name));
    }
}

static void *ask_in_thread(void *arg)
{
    struct asker *a = arg;
    pthread_barrier_wait(a->start);
    ask(a);
    return NULL;
}

static double round_of_one(const struct contest *c, struct contestant *who, size_t batch,
                           uint32_t radius, phash_matches *found)
{
    struct asker a = {c, who, who->index, batch, 0, radius, *found, NULL};
    use_sets(who->engine);
    const double start = timing_thread();
    ask(&a);
    *found = a.found;
    return (timing_thread() - start) / (double)who->queries;
}

static double round_of_many(const struct contest *c, struct contestant *who, size_t batch,
                            uint32_t radius, unsigned threads)
{
    struct asker askers[CONTEST_THREADS];
    pthread_t ids[CONTEST_THREADS];
    pthread_barrier_t barrier;
    const struct search_engine *e = who->engine;
    use_sets(e);
    if (pthread_barrier_init(&barrier, NULL, threads + 1))
        exit(bench_fail("no memory"));
    for (unsigned t = 0; t < threads; t++) {
        void *index = e->share ? e->share(who->index) : who->index;
        askers[t] = (struct asker){.contest = c,
                                   .who = who,
                                   .index = index,
                                   .batch = batch,
                                   .first = t * (c->query_count / threads),
                                   .radius = radius,
                                   .start = &barrier};
        if (!index || pthread_create(&ids[t], NULL, ask_in_thread, &askers[t]))
            exit(bench_fail("no memory for a thread"));
    }
    pthread_barrier_wait(&barrier);
    const double start = timing_wall();
    for (unsigned t = 0; t < threads; t++)
        pthread_join(ids[t], NULL);
    const double took = timing_wall() - start;
    for (unsigned t = 0; t < threads; t++) {
        if (e->share)
            e->unshare(askers[t].index);
        free(askers[t].found.items);
    }
    pthread_barrier_destroy(&barrier);
    return took / (double)who->queries / threads;
}

/* How many queries fill a round. The slowest engines are asked less than a batch. */
static size_t fit(const struct contest *c, struct contestant *who, size_t batch, uint32_t radius,
                  phash_matches *found)
{
    who->queries = 1;
    const double single = round_of_one(c, who, 1, radius, found);
    who->queries = batch;
    if (single * (double)batch > 20 * c->slot)
        who->queries = (size_t)(20 * c->slot / single) + 1;
    const size_t part = who->queries < batch ? who->queries : batch;
    const double each = round_of_one(c, who, part, radius, found);
    const double fits = c->slot / (each * (double)part);
    if (fits > 1)
        who->queries = part * (size_t)(fits + 1);
    return part;
}

void contest_time(struct contest *c, size_t batch, uint32_t radius, unsigned threads)
{
    phash_matches found = PHASH_MATCHES_INIT;
    size_t part[CONTEST_ENGINES];
    for (size_t i = 0; i < c->count; i++)
        part[i] = fit(c, &c->items[i], batch, radius, &found);
    for (c->round_count = 0; c->round_count < c->rounds; c->round_count++)
        for (size_t i = 0; i < c->count; i++)
            c->items[i].times[c->round_count] =
                threads == 1 ? round_of_one(c, &c->items[i], part[i], radius, &found)
                             : round_of_many(c, &c->items[i], part[i], radius, threads);
    for (size_t i = 0; i < c->count; i++)
        qsort(c->items[i].times, c->round_count, sizeof(double), by_value);
    free(found.items);
}
