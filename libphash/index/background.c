/* The background thread: folds changes in before searches feel them, and compacts the files before
 * the journal grows long.
 *
 * A query of the base costs 2 to 3 µs at 1 million pairs, 15 µs at 10 million, 50 µs at 100 million,
 * and building it anew half a second for each million. The delta's table (recent.h) costs a query
 * 0.1 to 0.2 µs however much it holds, and 2 KB for each pair; so the delta is folded into the base
 * when it is 1/32 of it, or its table is full. Above SECOND_LEVEL pairs a second level takes the
 * delta in, whose own look-up (1.5 to 3 µs) is little beside that of the base, until it is 1/32 of
 * it.
 *
 * Where there is no table (wide radii, hashes that share many of their bits) a pair in the delta
 * costs every query about 1/4 ns when it is alone and 1/15 ns in a batch (flat scan, AVX-512). Then
 * it is folded in when it is 1/400 of the base.
 */
#include "core/internal.h"
#include "index/live.h"
#include "index/parallel.h"

#include <signal.h>

enum {
    DELTA_MIN = 2048,
    DELTA_MAX = 65536,
    DELTA_SHARE = 400,
    RECENT_SHARE = 32,
    SECOND_LEVEL = 4000000,
    SECOND_SHARE = 32, /* of the base, when it joins it; the delta's, of the second level */
    REMOVED_SHARE = 4, /* as the base does when a quarter of it has been removed */
    JOURNAL_SHARE = 4, /* a journal of a quarter of the snapshot's size is too long */
    JOURNAL_MIN = 16 << 20,
    CORES_SPARED = 4 /* one thread for this many cores: the others are there to search */
};

static uint64_t between(uint64_t low, uint64_t x, uint64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* From how many pairs on a delta is folded in. */
static uint64_t delta_limit(const phash_index *index, const live_delta *d, uint64_t base,
                            uint64_t second, bool two)
{
    if (phash_recent_covers(index->options.bits, index->options.radius) &&
        (!d->recent || phash_recent_pays(d->recent, atomic_load(&d->count))))
        return two ? PHASH_RECENT_ROWS : between(DELTA_MIN, base / RECENT_SHARE, PHASH_RECENT_ROWS);
    return two ? between(2 * DELTA_MIN, second / SECOND_SHARE, DELTA_MAX)
               : between(DELTA_MIN, base / DELTA_SHARE, DELTA_MAX);
}

/* What should be done now, if anything. write_lock is held. */
static bool plan(phash_index *index, live_fold *how)
{
    const live_version *v = atomic_load(&index->current);
    const live_level *base = v->levels[0], *second = v->levels[1];
    const uint64_t added =
        atomic_load(&v->deltas[LIVE_GROWING]->count) +
        (v->deltas[LIVE_FROZEN] ? atomic_load(&v->deltas[LIVE_FROZEN]->count) : 0);
    const bool writable = index->store && !(index->options.flags & PHASH_INDEX_READ_ONLY) &&
                          !atomic_load(&index->store->broken);
    *how = (live_fold){0, 1, false, false};
    if (index->compact_wanted) {
        how->threads = index->options.threads;
        how->to_file = index->store != NULL;
        return !index->store || writable;
    }
    if (added < index->fold_floor)
        return false;
    if (writable && index->store->journal->end > JOURNAL_MIN &&
        index->store->journal->end > index->store->snapshot_bytes / JOURNAL_SHARE) {
        how->to_file = true;
        return true;
    }
    if (base->removed_count > DELTA_MAX && base->removed_count > base->pairs / REMOVED_SHARE)
        return true;
    const uint64_t second_pairs = second ? second->pairs : 0;
    const bool two = base->pairs > SECOND_LEVEL;
    if (added < delta_limit(index, v->deltas[LIVE_GROWING], base->pairs, second_pairs, two))
        return false;
    how->from = two && added + second_pairs < base->pairs / SECOND_SHARE;
    return true;
}

static void *run(void *data)
{
    phash_index *index = data;
    const uint32_t threads = 1 + phash_processors() / CORES_SPARED;
    pthread_mutex_lock(&index->write_lock);
    while (!index->stop) {
        live_fold how;
        if (!plan(index, &how)) {
            pthread_cond_wait(&index->wake, &index->write_lock);
            continue;
        }
        if (!index->compact_wanted)
            how.threads = threads;
        index->compact_wanted = false;
        pthread_mutex_unlock(&index->write_lock);
        pthread_mutex_lock(&index->fold_lock);
        const phash_status status = phash_live_fold(index, &how, NULL);
        phash_version_drain(index);
        pthread_mutex_unlock(&index->fold_lock);
        pthread_mutex_lock(&index->write_lock);
        /* Out of memory or disk: changes stay where they are and are searched there. The next try
         * comes when there are twice as many. */
        const live_version *v = atomic_load(&index->current);
        index->fold_floor =
            status == PHASH_OK ? 0 : 2 * atomic_load(&v->deltas[LIVE_GROWING]->count) + DELTA_MIN;
    }
    pthread_mutex_unlock(&index->write_lock);
    return NULL;
}

void phash_background_wake(phash_index *index)
{
    live_fold how;
    if (index->options.flags & PHASH_INDEX_MANUAL || index->stop || !plan(index, &how))
        return;
    if (index->thread_started) {
        pthread_cond_signal(&index->wake);
        return;
    }
    /* Signals are for the program's own threads. */
    sigset_t all, before;
    sigfillset(&all);
    const int masked = pthread_sigmask(SIG_SETMASK, &all, &before);
    index->thread_started = pthread_create(&index->thread, NULL, run, index) == 0;
    if (!masked)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void phash_background_stop(phash_index *index)
{
    pthread_mutex_lock(&index->write_lock);
    index->stop = true;
    pthread_cond_signal(&index->wake);
    const bool started = index->thread_started;
    pthread_mutex_unlock(&index->write_lock);
    if (started)
        pthread_join(index->thread, NULL);
}
