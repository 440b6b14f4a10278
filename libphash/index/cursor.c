/* A walk over all pairs of a version. */
#include "core/internal.h"
#include "index/live.h"

#include <string.h>

enum { PARTS = LIVE_LEVELS + LIVE_DELTAS };

struct phash_cursor {
    phash_index *index;
    live_version *version;
    uint64_t counts[PARTS]; /* slots of each part when the walk began */
    size_t part;
    uint64_t slot;
};

phash_status phash_cursor_new(phash_index *index, phash_cursor **cursor)
{
    if (!cursor)
        return PHASH_E_ARGUMENT;
    *cursor = NULL;
    if (!index)
        return PHASH_E_ARGUMENT;
    phash_cursor *c = phash_alloc_zero(1, sizeof *c);
    if (!c)
        return PHASH_E_MEMORY;
    c->index = index;
    pthread_mutex_lock(&index->write_lock);
    live_version *v = c->version = atomic_load(&index->current);
    v->refs++;
    for (size_t i = 0; i < LIVE_LEVELS; i++)
        c->counts[i] = v->levels[i] ? v->levels[i]->pairs : 0;
    for (size_t i = 0; i < LIVE_DELTAS; i++)
        c->counts[LIVE_LEVELS + i] = v->deltas[i] ? atomic_load(&v->deltas[i]->count) : 0;
    pthread_mutex_unlock(&index->write_lock);
    *cursor = c;
    return PHASH_OK;
}

void phash_cursor_free(phash_cursor **cursor)
{
    phash_cursor *c = cursor ? *cursor : NULL;
    if (!c)
        return;
    *cursor = NULL;
    pthread_mutex_lock(&c->index->write_lock);
    c->version->refs--;
    phash_version_reclaim(c->index);
    pthread_mutex_unlock(&c->index->write_lock);
    phash_wipe_free(c, sizeof *c);
}

/* The next run of slots of the current part that are there, `most` at the most; 0: none left in it.
 */
static size_t next_run(phash_cursor *c, const uint64_t *removed, size_t most)
{
    const uint64_t count = c->counts[c->part];
    while (c->slot < count && live_bit(removed, c->slot))
        c->slot++;
    uint64_t end = c->slot;
    while (end < count && end - c->slot < most && !live_bit(removed, end))
        end++;
    return (size_t)(end - c->slot);
}

size_t phash_cursor_next(phash_cursor *c, size_t capacity, void *hashes, uint64_t *ids)
{
    size_t got = 0;
    if (!c)
        return 0;
    const size_t row = c->index->row;
    while (got < capacity && c->part < PARTS) {
        const live_level *l = c->part < LIVE_LEVELS ? c->version->levels[c->part] : NULL;
        const live_delta *d =
            c->part < LIVE_LEVELS ? NULL : c->version->deltas[c->part - LIVE_LEVELS];
        const uint64_t *removed = l   ? atomic_load_explicit(&l->removed, memory_order_acquire)
                                  : d ? d->removed
                                      : NULL;
        const size_t n = next_run(c, removed, capacity - got);
        if (!n) {
            c->part++;
            c->slot = 0;
            continue;
        }
        uint8_t *to = hashes ? (uint8_t *)hashes + got * row : NULL;
        uint64_t *to_ids = ids ? ids + got : NULL;
        if (l) {
            phash_segment_read(l->segment, c->slot, n, to, to_ids);
        } else {
            if (to)
                memcpy(to, d->hashes + c->slot * row, n * row);
            if (to_ids)
                memcpy(to_ids, d->ids + c->slot, n * sizeof *to_ids);
        }
        got += n;
        c->slot += n;
    }
    return got;
}
