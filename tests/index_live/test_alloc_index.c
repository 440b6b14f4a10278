/* Every allocation in the life of an index fails once, in turn: the call says so or does without,
 * nothing leaks, and what was acknowledged is there. */
#include "check_main.h"
#include "faults/alloc_fault.h"
#include "live_model.h"

#include <string.h>

enum { N = 60, MOST = 100000 };

static phash_hash256 hashes[N];
static uint64_t ids[N];
static const char *labels[N];

/* Adds up what succeeded. Nothing here may call Check, which allocates. */
static phash_status live(const char *path, uint64_t *there)
{
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_MANUAL | PHASH_INDEX_CREATE;
    options.sync = PHASH_SYNC_NEVER;
    options.threads = 1;
    *there = 0;
    phash_index *index;
    phash_status status = phash_index_open(path, &options, &index, NULL);
    if (status != PHASH_OK)
        return index ? PHASH_E_STATE : status;
    phash_status worst = PHASH_OK;
    for (int round = 0; round < 2; round++) {
        status = phash_index_add(index, hashes, ids, labels, N, NULL);
        *there += status == PHASH_OK ? N : 0;
        worst = status != PHASH_OK ? status : worst;
        phash_searcher *searcher;
        phash_matches found = PHASH_MATCHES_INIT;
        status = phash_searcher_new(index, &searcher);
        if (status == PHASH_OK)
            status = phash_search_radius(searcher, hashes, 5, 31, &found, NULL);
        worst = status != PHASH_OK ? status : worst;
        phash_matches_free(&found);
        phash_searcher_free(&searcher);
        status = phash_index_compact(index, 0, NULL);
        worst = status != PHASH_OK ? status : worst;
        uint64_t removed = 0;
        status = phash_index_remove(index, ids, 10, round ? PHASH_REMOVE_ERASE : 0, &removed, NULL);
        *there -= removed;
        worst = status != PHASH_OK ? status : worst;
        status = phash_index_label_set(index, ids + 20, labels, 3, NULL);
        worst = status != PHASH_OK ? status : worst;
        status = phash_index_sync_now(index, NULL);
        worst = status != PHASH_OK ? status : worst;
        phash_cursor *cursor;
        status = phash_cursor_new(index, &cursor);
        worst = status != PHASH_OK ? status : worst;
        phash_cursor_free(&cursor);
    }
    phash_index_free(&index);
    status = phash_index_verify(path, NULL);
    return worst != PHASH_OK ? worst : status;
}

START_TEST(an_index_survives_failed_allocations)
{
    uint64_t state = test_seed();
    for (size_t i = 0; i < N; i++) {
        random_hash(&state, &hashes[i]);
        ids[i] = i;
        labels[i] = i % 2 ? "label" : NULL;
    }
    long n = 0;
    for (; n < MOST; n++) {
        folder_new_in_memory();
        const char *path = in_folder("a");
        uint64_t there;
        alloc_fault_arm(n);
        const phash_status status = live(path, &there);
        const bool fired = alloc_fault_disarm();
        ck_assert_msg(alloc_fault_balance() == 0, "allocation %ld: %ld blocks leak", n,
                      alloc_fault_balance());
        ck_assert_msg(status == PHASH_OK ||
                          (fired && (status == PHASH_E_MEMORY || status == PHASH_E_TRUNCATED)),
                      "allocation %ld: %s", n, phash_status_name(status));
        phash_index *index;
        phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
        options.flags = PHASH_INDEX_MANUAL | PHASH_INDEX_CREATE;
        ck_assert_int_eq(phash_index_open(path, &options, &index, NULL), PHASH_OK);
        phash_index_stats stats = PHASH_INDEX_STATS_INIT;
        phash_index_stats_get(index, &stats);
        ck_assert_msg(stats.count == there, "allocation %ld: %lu of %lu pairs", n,
                      (unsigned long)stats.count, (unsigned long)there);
        phash_index_free(&index);
        ck_assert_int_eq(phash_index_verify(path, NULL), PHASH_OK);
        folder_remove();
        if (!fired)
            break;
    }
    printf("%ld allocations\n", n);
    ck_assert_int_gt(n, 50);
}
END_TEST

/* In memory, written to a file, and a reader of it that follows. */
static phash_status build_and_save(void)
{
    const char *path = in_folder("b");
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.threads = 1;
    options.flags = PHASH_INDEX_MANUAL;
    phash_index *index, *reader = NULL;
    phash_status status = phash_index_build(hashes, ids, N, &options, &index, NULL);
    if (status != PHASH_OK)
        return index ? PHASH_E_STATE : status;
    status = phash_index_label_set(index, ids, labels, 4, NULL);
    if (status == PHASH_OK)
        status = phash_index_save(index, path, PHASH_SAVE_REPLACE, NULL);
    options.flags = PHASH_INDEX_READ_ONLY;
    if (status == PHASH_OK)
        status = phash_index_open(path, &options, &reader, NULL);
    if (status == PHASH_OK)
        status = phash_index_save(index, path, PHASH_SAVE_REPLACE, NULL);
    int changed = 0;
    if (status == PHASH_OK)
        status = phash_index_refresh(reader, &changed, NULL);
    phash_searcher *searcher = NULL;
    phash_matches found = PHASH_MATCHES_INIT;
    if (status == PHASH_OK)
        status = phash_searcher_new(reader, &searcher);
    if (status == PHASH_OK)
        status = phash_search_nearest(searcher, hashes, 3, 5, 256, &found, NULL);
    if (status == PHASH_OK && (found.count != 15 || found.items[0].distance != 0))
        status = PHASH_E_CORRUPT;
    phash_matches_free(&found);
    phash_searcher_free(&searcher);
    phash_cursor *cursor = NULL;
    if (status == PHASH_OK)
        status = phash_cursor_new(reader, &cursor);
    phash_hash256 some[N];
    uint64_t some_ids[N];
    size_t there = 0;
    for (size_t n = 1; status == PHASH_OK && n; there += n)
        n = phash_cursor_next(cursor, 7, some, some_ids);
    char label[20];
    if (status == PHASH_OK)
        status = phash_index_label(reader, 1, label, sizeof label, NULL);
    if (status == PHASH_OK && (there != N || strcmp(label, "label") != 0))
        status = PHASH_E_CORRUPT;
    phash_cursor_free(&cursor);
    phash_index_free(&reader);
    phash_index_free(&index);
    return status;
}

START_TEST(building_and_reading_survive_failed_allocations)
{
    uint64_t state = test_seed();
    for (size_t i = 0; i < N; i++) {
        random_hash(&state, &hashes[i]);
        ids[i] = i;
        labels[i] = i % 2 ? "label" : NULL;
    }
    folder_new_in_memory();
    ck_assert_int_eq(build_and_save(), PHASH_OK);
    long n = 0;
    for (bool fired = true; fired && n < MOST; n++) {
        alloc_fault_arm(n);
        const phash_status status = build_and_save();
        fired = alloc_fault_disarm();
        ck_assert_msg(alloc_fault_balance() == 0, "allocation %ld: %ld blocks leak", n,
                      alloc_fault_balance());
        ck_assert_msg(status == PHASH_OK || (fired && status == PHASH_E_MEMORY),
                      "allocation %ld: %s", n, phash_status_name(status));
        ck_assert_int_eq(phash_index_verify(in_folder("b"), NULL), PHASH_OK);
    }
    folder_remove();
    printf("%ld allocations\n", n);
    ck_assert_int_gt(n, 30);
}
END_TEST

int main(void)
{
    if (!ALLOC_FAULT_AVAILABLE) {
        puts("skipped: the sanitizer has the allocator");
        return 77;
    }
    Suite *s = suite_create("alloc_index");
    TCase *t = tcase_create("alloc_index");
    tcase_set_timeout(t, 0);
    tcase_add_test(t, an_index_survives_failed_allocations);
    tcase_add_test(t, building_and_reading_survive_failed_allocations);
    suite_add_tcase(s, t);
    return test_main(s);
}
