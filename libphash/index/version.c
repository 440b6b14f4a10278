/* Parts of the live index, versions of it, and when they may be freed. See live.h. */
#include "core/internal.h"
#include "index/idmap.h"
#include "index/layout.h"
#include "index/live.h"

#include <string.h>
#include <time.h>

/* ---- levels ---- */

phash_status phash_level_new(phash_segment *segment, phash_snapshot *snapshot, live_level **level,
                             phash_error *error)
{
    live_level *l = *level = phash_alloc_zero(1, sizeof *l);
    if (!l) {
        phash_segment_free(&segment);
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    }
    phash_segment_info info;
    phash_segment_info_get(segment, &info);
    l->refs = 1;
    l->segment = segment;
    l->snapshot = snapshot;
    l->pairs = info.pairs;
    l->ids = phash_segment_ids(segment);
    return PHASH_OK;
}

phash_status phash_level_map_ids(live_level *l, phash_error *error)
{
    if (l->by_id || !l->pairs)
        return PHASH_OK;
    uint32_t *by_id = phash_pages_alloc(l->pairs * sizeof *by_id);
    if (!by_id || !phash_idmap_build(l->ids, (size_t)l->pairs, by_id)) {
        phash_pages_free(by_id, l->pairs * sizeof *by_id);
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    }
    l->by_id = l->by_id_owned = by_id;
    return PHASH_OK;
}

phash_status phash_level_reserve_removal(live_level *l, phash_error *error)
{
    if (!l->pairs)
        return PHASH_OK;
    const phash_status status = phash_level_map_ids(l, error);
    if (status != PHASH_OK || atomic_load(&l->removed))
        return status;
    uint64_t *bitmap = phash_pages_alloc((l->pairs + 63) / 64 * 8);
    if (!bitmap)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    atomic_store_explicit(&l->removed, bitmap, memory_order_release);
    return PHASH_OK;
}

uint64_t phash_level_hide(live_level *l, uint64_t id)
{
    if (!l->pairs)
        return 0;
    uint64_t *bitmap = atomic_load(&l->removed);
    uint64_t hidden = 0;
    const size_t n = (size_t)l->pairs;
    for (size_t i = phash_idmap_find(l->ids, l->by_id, n, id); i < n; i++) {
        const uint32_t slot = l->by_id[i];
        if (slot >= n || l->ids[slot] != id)
            break;
        hidden += phash_live_hide(bitmap, slot);
    }
    l->removed_count += hidden;
    return hidden;
}

void phash_level_free(live_level **level)
{
    live_level *l = *level;
    *level = NULL;
    if (!l || --l->refs)
        return;
    phash_segment_free(&l->segment);
    phash_pages_free(atomic_load(&l->removed), (l->pairs + 63) / 64 * 8);
    phash_pages_free(l->by_id_owned, l->pairs * sizeof *l->by_id_owned);
    phash_snapshot_close(&l->snapshot);
    phash_wipe_free(l, sizeof *l);
}

/* ---- deltas ---- */

/* Below it a scan is as good as a table. */
enum { TABLE_MIN = 2048 };

phash_status phash_delta_new(size_t capacity, size_t row, uint32_t radius, live_delta **delta)
{
    live_delta *d = *delta = phash_alloc_zero(1, sizeof *d);
    if (!d)
        return PHASH_E_MEMORY;
    size_t heads = 64;
    while (heads < capacity)
        heads *= 2;
    d->refs = 1;
    d->capacity = capacity;
    d->head_mask = heads - 1;
    d->hashes = phash_alloc(capacity, row);
    d->ids = phash_alloc(capacity, sizeof *d->ids);
    d->removed = phash_alloc_zero((capacity + 63) / 64, sizeof *d->removed);
    d->heads = phash_alloc_zero(heads, sizeof *d->heads);
    d->next = phash_alloc(capacity, sizeof *d->next);
    if (d->hashes && d->ids && d->removed && d->heads && d->next) {
        /* Without memory for a table the pairs are scanned. */
        if (capacity >= TABLE_MIN && phash_recent_covers((uint32_t)row * 8, radius))
            d->recent = phash_recent_new(
                capacity < PHASH_RECENT_ROWS ? capacity : PHASH_RECENT_ROWS, row / 8);
        return PHASH_OK;
    }
    phash_delta_free(delta, row);
    return PHASH_E_MEMORY;
}

size_t phash_delta_bucket(const live_delta *d, uint64_t seed, uint64_t id)
{
    uint64_t z = id + seed;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (size_t)(z ^ z >> 31) & d->head_mask;
}

void phash_delta_append(live_delta *d, size_t row, uint64_t seed, const uint8_t *hashes,
                        const uint64_t *ids, size_t n)
{
    if (!n)
        return;
    const size_t at = atomic_load_explicit(&d->count, memory_order_relaxed);
    memcpy(d->hashes + at * row, hashes, n * row);
    memcpy(d->ids + at, ids, n * sizeof *ids);
    for (size_t i = 0; i < n; i++) {
        uint32_t *head = &d->heads[phash_delta_bucket(d, seed, ids[i])];
        d->next[at + i] = *head;
        *head = (uint32_t)(at + i + 1);
        if (d->recent)
            phash_recent_add(d->recent, hashes + i * row, at + i);
    }
    atomic_store_explicit(&d->count, at + n, memory_order_release);
}

void phash_delta_free(live_delta **delta, size_t row)
{
    live_delta *d = *delta;
    *delta = NULL;
    if (!d || --d->refs)
        return;
    phash_recent_free(&d->recent);
    phash_wipe_free(d->hashes, d->hashes ? d->capacity * row : 0);
    phash_wipe_free(d->ids, 0);
    phash_wipe_free(d->removed, 0);
    phash_wipe_free(d->heads, 0);
    phash_wipe_free(d->next, 0);
    phash_wipe_free(d, sizeof *d);
}

/* ---- versions ---- */

live_version *phash_version_new(live_level *const levels[LIVE_LEVELS],
                                live_delta *const deltas[LIVE_DELTAS])
{
    live_version *v = phash_alloc_zero(1, sizeof *v);
    if (!v)
        return NULL;
    for (size_t i = 0; i < LIVE_LEVELS; i++) {
        v->levels[i] = levels[i];
        if (levels[i])
            levels[i]->refs++;
    }
    for (size_t i = 0; i < LIVE_DELTAS; i++) {
        v->deltas[i] = deltas[i];
        if (deltas[i])
            deltas[i]->refs++;
    }
    return v;
}

void phash_version_free(phash_index *index, live_version *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < LIVE_LEVELS; i++)
        phash_level_free(&v->levels[i]);
    for (size_t i = 0; i < LIVE_DELTAS; i++)
        phash_delta_free(&v->deltas[i], index->row);
    phash_wipe_free(v, sizeof *v);
}

void phash_version_publish(phash_index *index, live_version *version)
{
    live_version *old = atomic_exchange(&index->current, version);
    if (old) {
        old->next = index->retired;
        index->retired = old;
    }
    phash_version_reclaim(index);
}

/* Sequentially consistent throughout: a searcher announces a version, then looks whether it is
 * still current; this looks for announcements after the version was replaced. One of the two sees
 * the other. */
static bool is_pinned(const phash_index *index, const live_version *v)
{
    for (phash_searcher *s = index->searchers; s; s = s->next)
        if (atomic_load(&s->pinned) == v)
            return true;
    return false;
}

void phash_version_reclaim(phash_index *index)
{
    for (live_version **at = &index->retired; *at;) {
        live_version *v = *at;
        if (v->refs || is_pinned(index, v)) {
            at = &v->next;
            continue;
        }
        *at = v->next;
        phash_version_free(index, v);
    }
}

void phash_version_drain(phash_index *index)
{
    for (;;) {
        pthread_mutex_lock(&index->write_lock);
        phash_version_reclaim(index);
        bool left = false;
        for (const live_version *v = index->retired; v; v = v->next)
            left |= is_pinned(index, v);
        pthread_mutex_unlock(&index->write_lock);
        if (!left)
            return;
        nanosleep(&(struct timespec){0, 200000}, NULL);
    }
}

live_version *phash_version_pin(phash_searcher *s)
{
    live_version *v = atomic_load(&s->index->current);
    for (;;) {
        atomic_store(&s->pinned, v);
        live_version *again = atomic_load(&s->index->current);
        if (again == v)
            return v;
        v = again;
    }
}

void phash_version_unpin(phash_searcher *s)
{
    atomic_store_explicit(&s->pinned, NULL, memory_order_release);
}
