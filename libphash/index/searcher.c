/* Searches of the live index: every part of the current version, one after the other. */
#include "core/internal.h"
#include "index/live.h"

phash_status phash_searcher_new(phash_index *index, phash_searcher **searcher)
{
    if (!searcher)
        return PHASH_E_ARGUMENT;
    *searcher = NULL;
    if (!index)
        return PHASH_E_ARGUMENT;
    phash_searcher *s = phash_alloc_zero(1, sizeof *s);
    if (!s)
        return PHASH_E_MEMORY;
    const phash_status status = phash_scratch_new(&s->scratch);
    if (status != PHASH_OK) {
        phash_wipe_free(s, sizeof *s);
        return status;
    }
    s->index = index;
    s->test = phash_recent_test_for(phash_cpu_active());
    pthread_mutex_lock(&index->write_lock);
    s->next = index->searchers;
    index->searchers = s;
    pthread_mutex_unlock(&index->write_lock);
    *searcher = s;
    return PHASH_OK;
}

void phash_searcher_free(phash_searcher **searcher)
{
    phash_searcher *s = searcher ? *searcher : NULL;
    if (!s)
        return;
    *searcher = NULL;
    pthread_mutex_lock(&s->index->write_lock);
    phash_searcher **at = &s->index->searchers;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    phash_version_reclaim(s->index);
    pthread_mutex_unlock(&s->index->write_lock);
    phash_scratch_free(&s->scratch);
    phash_wipe_free(s, sizeof *s);
}

typedef struct question {
    const void *queries;
    size_t n;
    uint32_t k; /* 0: all within the radius */
    uint32_t radius;
} question;

static phash_status ask_level(const live_level *l, const question *q, phash_scratch *scratch,
                              phash_matches *found, phash_error *error)
{
    if (!l || !l->pairs)
        return PHASH_OK;
    const uint64_t *removed = atomic_load_explicit(&l->removed, memory_order_acquire);
    return q->k ? phash_segment_nearest(l->segment, removed, q->queries, q->n, q->k, q->radius,
                                        scratch, found, error)
                : phash_segment_search(l->segment, removed, q->queries, q->n, q->radius, scratch,
                                       found, error);
}

/* Slots from .. to - 1 of a delta, by a scan. */
static phash_status scan_delta(const live_delta *d, size_t from, size_t to, uint32_t bits,
                               const uint64_t *removed, const question *q, phash_scratch *scratch,
                               phash_matches *found, phash_error *error)
{
    if (from >= to)
        return PHASH_OK;
    const phash_flat flat = {d->hashes + from * (bits / 8), d->ids + from, to - from, bits};
    if (removed)
        removed += from / 64;
    return q->k ? phash_flat_nearest(&flat, removed, q->queries, q->n, q->k, q->radius, scratch,
                                     found, error)
                : phash_flat_search(&flat, removed, q->queries, q->n, q->radius, scratch, found,
                                    error);
}

/* Whether the table answers: then for the k nearest, too. It finds all within the radius, of which
 * those that are too many are cut off in the end. */
static bool by_table(const live_delta *d, size_t count, uint32_t bits, const question *q)
{
    return d->recent && phash_recent_covers(bits, q->radius) && phash_recent_pays(d->recent, count);
}

static phash_status ask_delta(const live_delta *d, uint32_t bits, const question *q,
                              phash_recent_test *test, phash_scratch *scratch, phash_matches *found,
                              phash_error *error)
{
    const size_t count = d ? atomic_load_explicit(&d->count, memory_order_acquire) : 0;
    if (!count)
        return PHASH_OK;
    const uint64_t *removed =
        atomic_load_explicit(&d->any_removed, memory_order_acquire) ? d->removed : NULL;
    if (!by_table(d, count, bits, q))
        return scan_delta(d, 0, count, bits, removed, q, scratch, found, error);
    const size_t capacity = phash_recent_capacity(d->recent);
    const size_t listed = count < capacity ? count : capacity;
    const phash_flat flat = {d->hashes, d->ids, listed, bits};
    const phash_source source = phash_flat_source(&flat, removed);
    const phash_status status =
        phash_recent_search(d->recent, &source, q->queries, q->n, q->radius, test, scratch, found);
    return status ? status : scan_delta(d, listed, count, bits, removed, q, scratch, found, error);
}

/* What a single query will look at in the tables comes while it searches the levels. */
static void prefetch(const live_version *v, uint32_t bits, const question *q)
{
    if (q->n != 1)
        return;
    for (size_t i = 0; i < LIVE_DELTAS; i++)
        if (v->deltas[i] && by_table(v->deltas[i], SIZE_MAX, bits, q))
            phash_recent_prefetch(v->deltas[i]->recent, q->queries);
}

static phash_status search(phash_searcher *s, const question *q, phash_matches *found,
                           phash_error *error)
{
    if (found)
        found->count = 0;
    if (!s || !found || (q->n && !q->queries) || q->n > UINT32_MAX)
        return phash_fail(error, PHASH_E_ARGUMENT, "no searcher, queries or room for matches");
    const uint32_t bits = s->index->options.bits;
    if (q->radius > bits)
        return phash_fail(error, PHASH_E_ARGUMENT,
                          "the radius is larger than the %u bits of a hash", bits);
    if (!q->n)
        return PHASH_OK;
    const live_version *v = phash_version_pin(s);
    phash_status status = PHASH_OK;
    prefetch(v, bits, q);
    for (size_t i = 0; i < LIVE_LEVELS && status == PHASH_OK; i++)
        status = ask_level(v->levels[i], q, s->scratch, found, error);
    for (size_t i = 0; i < LIVE_DELTAS && status == PHASH_OK; i++)
        status = ask_delta(v->deltas[i], bits, q, s->test, s->scratch, found, error);
    phash_version_unpin(s);
    if (status == PHASH_OK)
        status = phash_matches_sort(found);
    if (status == PHASH_OK && q->k)
        phash_matches_cut(found, q->k);
    if (status == PHASH_E_MEMORY)
        phash_fail(error, status, "out of memory");
    if (status != PHASH_OK)
        found->count = 0;
    return status;
}

phash_status phash_search_radius(phash_searcher *searcher, const void *queries, size_t n,
                                 uint32_t radius, phash_matches *found, phash_error *error)
{
    return search(searcher, &(question){queries, n, 0, radius}, found, error);
}

phash_status phash_search_nearest(phash_searcher *searcher, const void *queries, size_t n,
                                  uint32_t k, uint32_t radius, phash_matches *found,
                                  phash_error *error)
{
    if (!k) {
        if (found)
            found->count = 0;
        return phash_fail(error, PHASH_E_ARGUMENT, "k is 0");
    }
    return search(searcher, &(question){queries, n, k, radius}, found, error);
}
