/* Two readers and one writer, whose changes a model of atomics follows, while the index is folded,
 * compacted and erased from.
 *
 * The phase of an id counts up: 4k absent, 4k + 1 being added, 4k + 2 there, 4k + 3 being removed.
 * A reader looks at the phase, searches, and looks again: when it has not moved, the search must
 * agree with it. In its k-th life an id has a hash of its own, so that a stale one shows.
 *
 * PHASH_TEST_SECONDS: how long (default 2; 60 is the full test). PHASH_TEST_PAIRS: how many ids
 * (default 20000).
 */
#define _DEFAULT_SOURCE
#include "check_main.h"
#include "live_model.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { PER_SECOND = 10000, BATCH_MAX = 64 };

static size_t pairs;
static double seconds;
static uint64_t seed;
static _Atomic uint32_t *phases;
static atomic_bool stop;
static atomic_ulong searched, changed, wrong;
static phash_index *index_;

static size_t env(const char *name, size_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void hash_of(uint64_t id, uint32_t life, phash_hash256 *hash)
{
    uint64_t state = seed ^ id * UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)life << 40;
    uint64_t words[4];
    for (int i = 0; i < 4; i++)
        words[i] = test_random(&state);
    memcpy(hash->bytes, words, sizeof words);
}

static void check(bool good, const char *what, uint64_t id)
{
    if (good)
        return;
    atomic_fetch_add(&wrong, 1);
    fprintf(stderr, "id %llu: %s\n", (unsigned long long)id, what);
}

static void *reader(void *data)
{
    uint64_t state = seed + (uint64_t)(uintptr_t)data;
    phash_searcher *searcher;
    phash_matches found = PHASH_MATCHES_INIT;
    if (phash_searcher_new(index_, &searcher) != PHASH_OK)
        abort();
    while (!atomic_load(&stop)) {
        uint64_t ids[BATCH_MAX];
        uint32_t before[BATCH_MAX], lives[BATCH_MAX];
        phash_hash256 queries[BATCH_MAX];
        const size_t n = test_random(&state) % 2 ? 1 : 1 + test_random(&state) % BATCH_MAX;
        for (size_t i = 0; i < n; i++) {
            ids[i] = test_random(&state) % pairs;
            before[i] = atomic_load(&phases[ids[i]]);
            /* Sometimes the life before: it must be gone. */
            lives[i] = before[i] / 4 - (before[i] >= 4 && test_random(&state) % 4 == 0);
            hash_of(ids[i], lives[i], &queries[i]);
            queries[i].bytes[test_random(&state) % 32] ^= 0x11;
        }
        if (phash_search_radius(searcher, queries, n, 31, &found, NULL) != PHASH_OK)
            abort();
        size_t m = 0;
        for (size_t i = 0; i < n; i++) {
            unsigned times = 0;
            for (; m < found.count && found.items[m].query == i; m++) {
                if (found.items[m].id == ids[i] && found.items[m].distance == 2)
                    times++;
                else
                    check(false, "found where it is not near", found.items[m].id);
            }
            if (atomic_load(&phases[ids[i]]) != before[i])
                continue;
            const bool there = before[i] % 4 == 2 && lives[i] == before[i] / 4;
            if (there)
                check(times == 1, times ? "found twice" : "missing", ids[i]);
            else if (before[i] % 4 == 0 || lives[i] != before[i] / 4)
                check(times == 0, "found after its removal", ids[i]);
        }
        atomic_fetch_add(&searched, n);
    }
    phash_searcher_free(&searcher);
    phash_matches_free(&found);
    return NULL;
}

/* Adds those of a batch of ids that are not there, removes the others. */
static void change(uint64_t *state, uint32_t flags)
{
    uint64_t add[BATCH_MAX], remove[BATCH_MAX];
    phash_hash256 hashes[BATCH_MAX];
    size_t adds = 0, removes = 0;
    const size_t n = 1 + test_random(state) % BATCH_MAX;
    uint64_t id = test_random(state) % pairs;
    for (size_t i = 0; i < n; i++, id = (id + 1) % pairs) {
        const uint32_t phase = atomic_load(&phases[id]);
        atomic_store(&phases[id], phase + 1);
        if (phase % 4 == 0) {
            hash_of(id, phase / 4, &hashes[adds]);
            add[adds++] = id;
        } else {
            remove[removes++] = id;
        }
    }
    uint64_t removed;
    if (phash_index_add(index_, hashes, add, NULL, adds, NULL) != PHASH_OK ||
        phash_index_remove(index_, remove, removes, flags, &removed, NULL) != PHASH_OK)
        abort();
    check(removed == removes, "other than one pair of an id was removed", removes);
    for (size_t i = 0; i < adds; i++)
        atomic_fetch_add(&phases[add[i]], 1);
    for (size_t i = 0; i < removes; i++)
        atomic_fetch_add(&phases[remove[i]], 1);
    atomic_fetch_add(&changed, n);
}

static void *writer(void *data)
{
    (void)data;
    uint64_t state = seed + 99;
    const double start = now();
    while (!atomic_load(&stop)) {
        change(&state, 0);
        const double ahead = (double)atomic_load(&changed) / PER_SECOND - (now() - start);
        if (ahead > 0)
            usleep((useconds_t)(ahead * 1e6));
    }
    return NULL;
}

/* Compacts, walks, asks: what else goes on in a server. */
static void *keeper(void *data)
{
    (void)data;
    for (unsigned round = 0; !atomic_load(&stop); round++) {
        usleep(100000);
        if (round % 4 == 1 && phash_index_compact(index_, 0, NULL) != PHASH_OK)
            abort();
        if (round % 4 == 2) {
            /* An id that is never used otherwise. */
            const uint64_t id = pairs + round;
            phash_hash256 hash;
            hash_of(id, 0, &hash);
            const char *label = "erase me";
            if (phash_index_add(index_, &hash, &id, &label, 1, NULL) != PHASH_OK ||
                phash_index_remove(index_, &id, 1, PHASH_REMOVE_ERASE, NULL, NULL) != PHASH_OK)
                abort();
            check(phash_index_label(index_, id, NULL, 0, NULL) == PHASH_E_NOT_FOUND,
                  "still has its label", id);
        }
        phash_cursor *cursor;
        uint64_t ids[100];
        if (phash_cursor_new(index_, &cursor) != PHASH_OK)
            abort();
        while (phash_cursor_next(cursor, 100, NULL, ids))
            ;
        phash_cursor_free(&cursor);
        phash_index_stats stats = PHASH_INDEX_STATS_INIT;
        phash_index_stats_get(index_, &stats);
    }
    return NULL;
}

static void run(const char *path, uint32_t sync)
{
    phash_hash256 *hashes = malloc(pairs * sizeof *hashes);
    uint64_t *ids = malloc(pairs * sizeof *ids);
    for (size_t i = 0; i < pairs; i++) {
        ids[i] = i;
        hash_of(i, 0, &hashes[i]);
        phases[i] = i % 2 ? 2 : 0;
        if (i % 2 == 0)
            hash_of(i + ((uint64_t)1 << 60), 0, &hashes[i]), ids[i] = i + ((uint64_t)1 << 60);
    }
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.sync = sync;
    phash_index *built;
    if (phash_index_build(hashes, ids, pairs, &options, &built, NULL) != PHASH_OK)
        abort();
    if (path) {
        if (phash_index_save(built, path, 0, NULL) != PHASH_OK)
            abort();
        phash_index_free(&built);
        if (phash_index_open(path, &options, &index_, NULL) != PHASH_OK)
            abort();
    } else {
        index_ = built;
    }
    free(hashes);
    free(ids);
    atomic_store(&stop, false);
    searched = changed = wrong = 0;
    pthread_t threads[4];
    pthread_create(&threads[0], NULL, writer, NULL);
    pthread_create(&threads[1], NULL, reader, (void *)1);
    pthread_create(&threads[2], NULL, reader, (void *)2);
    pthread_create(&threads[3], NULL, keeper, NULL);
    usleep((useconds_t)(seconds * 1e6));
    atomic_store(&stop, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("%zu pairs, %.0f s: %lu queries, %lu changes, %lu wrong\n", pairs, seconds, searched,
           changed, wrong);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_gt(searched, 0);
    phash_index_free(&index_);
    if (!path)
        return;
    /* And what the files kept. */
    ck_assert_int_eq(phash_index_verify(path, NULL), PHASH_OK);
    ck_assert_int_eq(phash_index_open(path, NULL, &index_, NULL), PHASH_OK);
    phash_searcher *searcher;
    ck_assert_int_eq(phash_searcher_new(index_, &searcher), PHASH_OK);
    phash_matches found = PHASH_MATCHES_INIT;
    for (uint64_t id = 0; id < pairs; id++) {
        phash_hash256 hash;
        hash_of(id, phases[id] / 4, &hash);
        ck_assert_int_eq(phash_search_radius(searcher, &hash, 1, 0, &found, NULL), PHASH_OK);
        ck_assert_uint_eq(found.count, phases[id] % 4 == 2);
    }
    phash_matches_free(&found);
    phash_searcher_free(&searcher);
    phash_index_free(&index_);
}

START_TEST(in_memory)
{
    run(NULL, PHASH_SYNC_ALWAYS);
}
END_TEST

START_TEST(in_a_file)
{
    folder_new();
    run(in_folder("t.phidx"), PHASH_SYNC_ALWAYS);
    folder_remove();
}
END_TEST

int main(void)
{
    seed = test_seed();
    pairs = env("PHASH_TEST_PAIRS", 20000);
    seconds = (double)env("PHASH_TEST_SECONDS", 2);
    phases = calloc(pairs, sizeof *phases);
    Suite *s = suite_create("threads");
    TCase *t = tcase_create("threads");
    tcase_set_timeout(t, 0);
    tcase_add_test(t, in_memory);
    tcase_add_test(t, in_a_file);
    suite_add_tcase(s, t);
    return test_main(s);
}
