/* Labels by id: look-up, change, merge. The parts are told in labels.h. */
#include "index/labels.h"
#include "core/internal.h"

#include <stdlib.h>
#include <string.h>

enum { MAP_MIN = 64 };

/* ---- the overlay: open addressing, at most half full ---- */

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static label_entry *map_place(const label_map *map, uint64_t seed, uint64_t id)
{
    size_t i = (size_t)mix(id + seed) & (map->capacity - 1);
    while (map->entries[i].used && map->entries[i].id != id)
        i = (i + 1) & (map->capacity - 1);
    return &map->entries[i];
}

static const label_entry *map_find(const label_map *map, uint64_t seed, uint64_t id)
{
    if (!map->count)
        return NULL;
    const label_entry *e = map_place(map, seed, id);
    return e->used ? e : NULL;
}

static phash_status map_reserve(label_map *map, uint64_t seed, size_t more)
{
    size_t capacity = map->capacity ? map->capacity : MAP_MIN;
    while (capacity / 2 < map->count + more)
        if (phash_mul_overflows(capacity, 2, &capacity))
            return PHASH_E_MEMORY;
    if (capacity == map->capacity)
        return PHASH_OK;
    label_map larger = {phash_alloc_zero(capacity, sizeof(label_entry)), capacity, map->count};
    if (!larger.entries)
        return PHASH_E_MEMORY;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].used)
            *map_place(&larger, seed, map->entries[i].id) = map->entries[i];
    phash_wipe_free(map->entries, map->capacity * sizeof *map->entries);
    *map = larger;
    return PHASH_OK;
}

static void map_free(label_map *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        phash_wipe_free(map->entries[i].bytes, map->entries[i].length);
    phash_wipe_free(map->entries, map->capacity * sizeof *map->entries);
    *map = (label_map){NULL, 0, 0};
}

/* ---- the set ---- */

static bool set_find(const label_set *set, uint64_t id, const char **text, size_t *length)
{
    uint64_t low = 0, high = set->count;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (set->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == set->count || set->ids[low] != id)
        return false;
    /* From a file, which may be damaged. */
    const uint64_t from = set->offsets[low], to = set->offsets[low + 1];
    if (from > to || to > set->length || to - from > PHASH_LABEL_MAX)
        return false;
    *text = set->bytes + from;
    *length = (size_t)(to - from);
    return true;
}

phash_status phash_labels_check(const label_set *set, phash_error *error)
{
    if (!set->count)
        return PHASH_OK;
    if (set->offsets[0] != 0 || set->offsets[set->count] != set->length)
        return phash_fail(error, PHASH_E_CORRUPT, "labels do not fill their section");
    for (uint64_t i = 0; i < set->count; i++) {
        const uint64_t from = set->offsets[i], to = set->offsets[i + 1];
        if ((i && set->ids[i] <= set->ids[i - 1]) || from >= to || to - from > PHASH_LABEL_MAX)
            return phash_fail_at(error, PHASH_E_CORRUPT, 0, i, "label out of order");
    }
    return PHASH_OK;
}

void phash_labels_set_free(label_set *set)
{
    if (set->snapshot) {
        phash_snapshot_close(&set->snapshot);
    } else if (set->count) {
        phash_wipe_free((void *)(uintptr_t)set->ids, (size_t)set->count * 8);
        phash_wipe_free((void *)(uintptr_t)set->offsets, ((size_t)set->count + 1) * 8);
        phash_wipe_free((void *)(uintptr_t)set->bytes, (size_t)set->length);
    }
    *set = (label_set){NULL, NULL, NULL, 0, 0, NULL};
}

/* ---- changing ---- */

phash_status phash_labels_prepare(live_labels *l, const uint64_t *ids, const char *const *text,
                                  const size_t *lengths, size_t n, bool skip_missing,
                                  label_batch *batch, phash_error *error)
{
    *batch = (label_batch){NULL, 0};
    if (!n || !text)
        return PHASH_OK;
    batch->entries = phash_alloc_zero(n, sizeof *batch->entries);
    bool ok = batch->entries != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        if (!text[i] && skip_missing)
            continue;
        const size_t length = text[i] ? lengths[i] : 0;
        label_entry *e = &batch->entries[batch->count];
        *e = (label_entry){ids[i], NULL, (uint32_t)length, 1};
        if (length) {
            e->bytes = phash_alloc(length, 1);
            ok = e->bytes != NULL;
            if (ok)
                memcpy(e->bytes, text[i], length);
        }
        batch->count++;
    }
    if (ok) {
        pthread_mutex_lock(&l->lock);
        ok = map_reserve(&l->overlay, l->seed, batch->count) == PHASH_OK;
        pthread_mutex_unlock(&l->lock);
    }
    if (ok)
        return PHASH_OK;
    phash_labels_drop(batch);
    return phash_fail(error, PHASH_E_MEMORY, "out of memory");
}

void phash_labels_put(live_labels *l, label_batch *batch)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < batch->count; i++) {
        label_entry *e = map_place(&l->overlay, l->seed, batch->entries[i].id);
        if (e->used)
            phash_wipe_free(e->bytes, e->length);
        else
            l->overlay.count++;
        *e = batch->entries[i];
    }
    pthread_mutex_unlock(&l->lock);
    phash_wipe_free(batch->entries, 0);
    *batch = (label_batch){NULL, 0};
}

void phash_labels_drop(label_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->entries[i].bytes)
            phash_wipe_free(batch->entries[i].bytes, batch->entries[i].length);
    phash_wipe_free(batch->entries, 0);
    *batch = (label_batch){NULL, 0};
}

/* ---- looking up ---- */

static bool find(const live_labels *l, uint64_t id, const char **text, size_t *length)
{
    const label_entry *e = map_find(&l->overlay, l->seed, id);
    if (!e)
        e = map_find(&l->frozen, l->seed, id);
    if (!e)
        return set_find(&l->set, id, text, length);
    *text = e->bytes;
    *length = e->length;
    return e->length != 0;
}

bool phash_labels_has(live_labels *l, uint64_t id)
{
    const char *text;
    size_t length;
    pthread_mutex_lock(&l->lock);
    const bool has = find(l, id, &text, &length);
    pthread_mutex_unlock(&l->lock);
    return has;
}

phash_status phash_labels_get(live_labels *l, uint64_t id, char *out, size_t size, size_t *length)
{
    const char *text;
    size_t n;
    pthread_mutex_lock(&l->lock);
    const bool has = find(l, id, &text, &n);
    if (has && size) {
        const size_t copied = n < size ? n : size - 1;
        memcpy(out, text, copied);
        out[copied] = '\0';
    }
    pthread_mutex_unlock(&l->lock);
    if (has && length)
        *length = n;
    return has ? PHASH_OK : PHASH_E_NOT_FOUND;
}

uint64_t phash_labels_count(live_labels *l)
{
    pthread_mutex_lock(&l->lock);
    const uint64_t n = l->set.count + l->frozen.count + l->overlay.count;
    pthread_mutex_unlock(&l->lock);
    return n;
}

uint64_t phash_labels_memory(live_labels *l)
{
    pthread_mutex_lock(&l->lock);
    const uint64_t n = (l->set.snapshot ? 0 : l->set.count * 16 + l->set.length) +
                       (l->frozen.capacity + l->overlay.capacity) * sizeof(label_entry);
    pthread_mutex_unlock(&l->lock);
    return n;
}

/* ---- merging ---- */

void phash_labels_freeze(live_labels *l)
{
    pthread_mutex_lock(&l->lock);
    map_free(&l->frozen); /* no labels, but perhaps room for some */
    l->frozen = l->overlay;
    l->overlay = (label_map){NULL, 0, 0};
    pthread_mutex_unlock(&l->lock);
}

static int by_id(const void *left, const void *right)
{
    const label_entry *a = *(label_entry *const *)left, *b = *(label_entry *const *)right;
    return (a->id > b->id) - (a->id < b->id);
}

/* The next label of a merge of the set and the sorted entries. */
typedef struct merge {
    const label_set *set;
    label_entry *const *entries;
    size_t count;
    uint64_t at; /* in the set */
    size_t next; /* in the entries */
} merge;

static bool merge_next(merge *m, uint64_t *id, const char **text, size_t *length)
{
    for (;;) {
        const bool old = m->at < m->set->count, new = m->next < m->count;
        if (!old && !new)
            return false;
        const label_entry *e = new ? m->entries[m->next] : NULL;
        if (e && (!old || e->id <= m->set->ids[m->at])) {
            m->at += old && e->id == m->set->ids[m->at];
            m->next++;
            if (!e->length)
                continue;
            *id = e->id;
            *text = e->bytes;
            *length = e->length;
            return true;
        }
        const uint64_t i = m->at++, from = m->set->offsets[i], to = m->set->offsets[i + 1];
        if (from >= to || to > m->set->length || to - from > PHASH_LABEL_MAX)
            continue; /* damaged: not carried on */
        *id = m->set->ids[i];
        *text = m->set->bytes + from;
        *length = (size_t)(to - from);
        return true;
    }
}

phash_status phash_labels_merge(live_labels *l, phash_error *error)
{
    const label_map *map = &l->frozen; /* only merging changes it, and the set */
    if (!map->count && (!l->set.snapshot || !l->set.count))
        return PHASH_OK;
    label_entry **entries = phash_alloc(map->count, sizeof *entries);
    if (!entries)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    size_t n = 0;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->entries[i].used)
            entries[n++] = &map->entries[i];
    if (n)
        qsort(entries, n, sizeof *entries, by_id);

    label_set set = {NULL, NULL, NULL, 0, 0, NULL};
    uint64_t id;
    const char *text;
    size_t length;
    for (merge m = {&l->set, entries, n, 0, 0}; merge_next(&m, &id, &text, &length);) {
        set.count++;
        set.length += length;
    }
    uint64_t *ids = NULL, *offsets = NULL;
    char *bytes = NULL;
    if (set.count) {
        ids = phash_alloc((size_t)set.count, 8);
        offsets = phash_alloc((size_t)set.count + 1, 8);
        bytes = phash_alloc((size_t)set.length, 1);
        if (!ids || !offsets || !bytes) {
            phash_wipe_free(ids, 0);
            phash_wipe_free(offsets, 0);
            phash_wipe_free(bytes, 0);
            phash_wipe_free(entries, 0);
            return phash_fail(error, PHASH_E_MEMORY, "out of memory");
        }
        size_t i = 0;
        offsets[0] = 0;
        for (merge m = {&l->set, entries, n, 0, 0}; merge_next(&m, &id, &text, &length); i++) {
            ids[i] = id;
            memcpy(bytes + offsets[i], text, length);
            offsets[i + 1] = offsets[i] + length;
        }
    }
    phash_wipe_free(entries, 0);
    set.ids = ids;
    set.offsets = offsets;
    set.bytes = bytes;

    pthread_mutex_lock(&l->lock);
    label_set old = l->set;
    label_map merged = l->frozen;
    l->set = set;
    l->frozen = (label_map){NULL, 0, 0};
    pthread_mutex_unlock(&l->lock);
    map_free(&merged);
    phash_labels_set_free(&old);
    return PHASH_OK;
}

void phash_labels_free(live_labels *l)
{
    phash_labels_set_free(&l->set);
    map_free(&l->frozen);
    map_free(&l->overlay);
    pthread_mutex_destroy(&l->lock);
}
