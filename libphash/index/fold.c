/* Folding: delta and levels become one new level; compaction: it becomes the new snapshot, too.
 *
 *     freeze     under write_lock: a new, empty delta; where the journal stands; labels frozen
 *     gather     all pairs of the folded parts that are still there
 *     build      the segment, and its slots by id
 *     publish    under write_lock: removals noted since freezing, the new version
 * and for a compaction
 *     merge      the labels
 *     write      NAME.new; rename to NAME
 *     shorten    the journal: NAME.journal.new with what came after freezing; rename
 *     overwrite  what was replaced, when something is to be erased
 *
 * Pairs that are removed between freezing and gathering may be left out of the snapshot already;
 * their removal is in the journal behind it and finds nothing to do when it is replayed. Whoever is
 * added again after that is in the journal, too.
 */
#include "core/internal.h"
#include "index/layout.h"
#include "index/live.h"

#include <errno.h>
#include <string.h>

enum { DELTA_FIRST = 1024, GATHER = 4096 };

static phash_status out_of_memory(phash_error *error)
{
    return phash_fail(error, PHASH_E_MEMORY, "out of memory");
}

/* What freezing found. */
typedef struct frozen {
    live_version *version; /* held */
    uint64_t journal_end;
    uint64_t sequence;
} frozen;

/* As many pairs as came before this fold, within reason, are to be expected before the next: so the
 * delta and its table need not be copied into larger ones. */
static size_t fresh_capacity(phash_index *index)
{
    pthread_mutex_lock(&index->write_lock);
    const size_t count = atomic_load(&atomic_load(&index->current)->deltas[LIVE_GROWING]->count);
    pthread_mutex_unlock(&index->write_lock);
    return count < DELTA_FIRST         ? DELTA_FIRST
           : count < PHASH_RECENT_ROWS ? count
                                       : PHASH_RECENT_ROWS;
}

static phash_status freeze(phash_index *index, const live_fold *how, frozen *f, phash_error *error)
{
    /* Labels that an earlier compaction could not merge. */
    phash_status status =
        index->labels.frozen.count ? phash_labels_merge(&index->labels, error) : PHASH_OK;
    if (status != PHASH_OK)
        return status;
    live_delta *fresh;
    if (phash_delta_new(fresh_capacity(index), index->row, index->options.radius, &fresh) !=
        PHASH_OK)
        return out_of_memory(error);
    pthread_mutex_lock(&index->write_lock);
    live_version *v = atomic_load(&index->current);
    live_version *next =
        phash_version_new(v->levels, (live_delta *const[]){v->deltas[LIVE_GROWING], fresh});
    if (next) {
        next->refs++;
        phash_version_publish(index, next);
        f->version = next;
        index->folding = true;
        index->noted_count = 0;
        f->sequence = index->sequence;
        if (index->store && index->store->journal) {
            f->journal_end = index->store->journal->end;
            f->sequence = index->store->journal->sequence;
        }
        if (how->to_file)
            phash_labels_freeze(&index->labels);
    }
    phash_delta_free(&fresh, index->row);
    pthread_mutex_unlock(&index->write_lock);
    return next ? PHASH_OK : out_of_memory(error);
}

/* ---- gather ---- */

typedef struct pairs {
    uint8_t *hashes;
    uint64_t *ids;
    size_t count, capacity;
} pairs;

static void pairs_free(pairs *p, size_t row)
{
    phash_pages_free(p->hashes, p->capacity * row);
    phash_pages_free(p->ids, p->capacity * sizeof *p->ids);
}

/* Keeps those of n pairs behind the end, which came from slot `first` on, that are not removed. */
static void keep(pairs *p, size_t row, const uint64_t *removed, uint64_t first, size_t n)
{
    for (size_t i = 0, from = p->count; i < n; i++, from++) {
        if (live_bit(removed, first + i))
            continue;
        if (from != p->count) {
            memcpy(p->hashes + p->count * row, p->hashes + from * row, row);
            p->ids[p->count] = p->ids[from];
        }
        p->count++;
    }
}

static void gather_level(const live_level *l, size_t row, pairs *p)
{
    const uint64_t *removed = atomic_load_explicit(&l->removed, memory_order_acquire);
    for (uint64_t at = 0; at < l->pairs; at += GATHER) {
        const size_t n = l->pairs - at < GATHER ? (size_t)(l->pairs - at) : GATHER;
        phash_segment_read(l->segment, at, n, p->hashes + p->count * row, p->ids + p->count);
        keep(p, row, removed, at, n);
    }
}

static phash_status gather(const phash_index *index, const live_fold *how, const live_version *v,
                           pairs *p, phash_error *error)
{
    const live_delta *d = v->deltas[LIVE_FROZEN];
    const size_t row = index->row, added = atomic_load(&d->count);
    p->capacity = added;
    for (size_t i = how->from; i < LIVE_LEVELS; i++)
        p->capacity += v->levels[i] ? (size_t)v->levels[i]->pairs : 0;
    p->hashes = phash_pages_alloc(p->capacity * row);
    p->ids = phash_pages_alloc(p->capacity * sizeof *p->ids);
    if (!p->hashes || !p->ids)
        return out_of_memory(error);
    for (size_t i = how->from; i < LIVE_LEVELS; i++)
        if (v->levels[i])
            gather_level(v->levels[i], row, p);
    memcpy(p->hashes + p->count * row, d->hashes, added * row);
    memcpy(p->ids + p->count, d->ids, added * sizeof *p->ids);
    keep(p, row, d->removed, 0, added);
    return PHASH_OK;
}

/* ---- build and publish ---- */

static phash_status build(const phash_index *index, const live_fold *how, const live_version *v,
                          live_level **level, phash_error *error)
{
    pairs p = {NULL, NULL, 0, 0};
    phash_segment *segment = NULL;
    phash_status status = gather(index, how, v, &p, error);
    if (status == PHASH_OK) {
        const phash_segment_options options = {.bits = index->options.bits,
                                               .radius = index->options.radius,
                                               .engine = index->options.engine,
                                               .threads = how->threads};
        status = phash_segment_build(p.hashes, p.ids, p.count, &options, &segment, error);
    }
    pairs_free(&p, index->row);
    if (status == PHASH_OK)
        status = phash_level_new(segment, NULL, level, error);
    if (status == PHASH_OK && (how->to_file || !(index->options.flags & PHASH_INDEX_READ_ONLY)))
        status = phash_level_map_ids(*level, error);
    return status;
}

/* Hides the noted pairs in the new level. */
static void hide_noted(live_level *level, const uint64_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        phash_level_hide(level, ids[i]);
}

/* Takes the notes there are and works them off outside the lock, until there are few left; those
 * are done while writers wait. */
static phash_status publish(phash_index *index, const live_fold *how, live_level *level,
                            phash_error *error)
{
    enum { FEW = 256 };
    pthread_mutex_lock(&index->write_lock);
    while (index->noted_count > FEW) {
        uint64_t *ids = index->noted;
        const size_t n = index->noted_count;
        index->noted = NULL;
        index->noted_count = index->noted_capacity = 0;
        pthread_mutex_unlock(&index->write_lock);
        phash_status status = phash_level_reserve_removal(level, error);
        if (status == PHASH_OK)
            hide_noted(level, ids, n);
        phash_wipe_free(ids, 0);
        if (status != PHASH_OK)
            return status;
        pthread_mutex_lock(&index->write_lock);
    }
    phash_status status = index->noted_count ? phash_level_reserve_removal(level, error) : PHASH_OK;
    if (status == PHASH_OK) {
        const live_version *v = atomic_load(&index->current);
        live_level *levels[LIVE_LEVELS] = {NULL};
        for (size_t i = 0; i < how->from; i++)
            levels[i] = v->levels[i];
        levels[how->from] = level;
        live_version *next =
            phash_version_new(levels, (live_delta *const[]){NULL, v->deltas[LIVE_GROWING]});
        if (next) {
            hide_noted(level, index->noted, index->noted_count);
            index->folding = false;
            phash_version_publish(index, next);
        } else {
            status = out_of_memory(error);
        }
    }
    pthread_mutex_unlock(&index->write_lock);
    return status;
}

/* After a failure: the frozen delta and the growing one become one again, if there is memory for
 * it; if not, what is frozen stays so until the next fold, which has to begin here. */
static phash_status thaw(phash_index *index, phash_error *error)
{
    phash_status status = PHASH_OK;
    pthread_mutex_lock(&index->write_lock);
    index->folding = false;
    live_version *v = atomic_load(&index->current);
    live_delta *old = v->deltas[LIVE_FROZEN], *new = v->deltas[LIVE_GROWING], *both = NULL;
    if (old) {
        const size_t a = atomic_load(&old->count), b = atomic_load(&new->count);
        live_version *next = NULL;
        if (phash_delta_new(a + b > DELTA_FIRST ? a + b : DELTA_FIRST, index->row,
                            index->options.radius, &both) == PHASH_OK) {
            phash_delta_append(both, index->row, index->id_seed, old->hashes, old->ids, a);
            phash_delta_append(both, index->row, index->id_seed, new->hashes, new->ids, b);
            for (size_t i = 0; i < a + b; i++)
                if (i < a ? live_bit(old->removed, i) : live_bit(new->removed, i - a))
                    both->removed[i / 64] |= UINT64_C(1) << i % 64;
            both->removed_count = old->removed_count + new->removed_count;
            atomic_store(&both->any_removed, both->removed_count != 0);
            next = phash_version_new(v->levels, (live_delta *const[]){NULL, both});
            phash_delta_free(&both, index->row);
        }
        if (next)
            phash_version_publish(index, next);
        else
            status = out_of_memory(error);
    }
    pthread_mutex_unlock(&index->write_lock);
    return status;
}

static void let_go(phash_index *index, live_version *version)
{
    pthread_mutex_lock(&index->write_lock);
    version->refs--;
    phash_version_reclaim(index);
    pthread_mutex_unlock(&index->write_lock);
}

phash_status phash_live_fold(phash_index *index, const live_fold *how, phash_error *error)
{
    frozen f = {NULL, 0, 0};
    live_level *level = NULL;
    phash_status status = thaw(index, error);
    if (status == PHASH_OK)
        status = freeze(index, how, &f, error);
    if (status != PHASH_OK)
        return status;
    status = build(index, how, f.version, &level, error);
    if (status == PHASH_OK)
        status = publish(index, how, level, error);
    if (status != PHASH_OK)
        (void)thaw(index, NULL);
    let_go(index, f.version);
    if (status == PHASH_OK && how->to_file)
        status = phash_compact_files(index, how, level, f.journal_end, f.sequence, error);
    else if (status == PHASH_OK && how->erase)
        phash_version_drain(index);
    pthread_mutex_lock(&index->write_lock);
    phash_level_free(&level);
    pthread_mutex_unlock(&index->write_lock);
    return status;
}
