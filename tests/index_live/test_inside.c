/* What can be seen by the library's inner names only.
 *
 * A hash that was erased is in no file of the index, neither as it is nor with its bits in the order
 * of the segment that held it. And folding into a second level, which only large indexes do by
 * themselves, changes nothing that a search finds. */
#include "check_main.h"
#include "index/layout.h"
#include "index/live.h"
#include "live_model.h"

#include <string.h>

enum { N = 2000 };

static phash_hash256 hashes[N];
static uint64_t ids[N];

/* The victim's row in the snapshot's present order. */
static void row_of(const phash_hash256 *hash, uint64_t row[4])
{
    phash_io_place place;
    phash_snapshot *snapshot;
    live_level *level;
    label_set labels;
    ck_assert_int_eq(phash_io_place_open(in_folder("e"), &place), 0);
    ck_assert_int_eq(phash_snapshot_open(&place, place.name, false, &snapshot, NULL), PHASH_OK);
    ck_assert_int_eq(phash_store_attach(snapshot, &level, &labels, NULL), PHASH_OK);
    memset(row, 0, 32);
    for (unsigned b = 0; b < 256; b++) {
        const unsigned from = level->segment->head.order[b];
        row[b / 64] |= (uint64_t)(hash->bytes[from / 8] >> from % 8 & 1) << b % 64;
    }
    phash_level_free(&level);
    phash_labels_set_free(&labels);
    phash_snapshot_close(&snapshot);
    phash_io_place_close(&place);
}

static void erase(phash_index_engine engine)
{
    uint64_t state = test_seed(), row[4], id = 1234;
    folder_new();
    for (size_t i = 0; i < N; i++) {
        random_hash(&state, &hashes[i]);
        ids[i] = i;
    }
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_CREATE | PHASH_INDEX_MANUAL;
    options.engine = engine;
    phash_index *index;
    ck_assert_int_eq(phash_index_open(in_folder("e"), &options, &index, NULL), PHASH_OK);
    ck_assert_int_eq(phash_index_add(index, hashes, ids, NULL, N, NULL), PHASH_OK);
    ck_assert(folder_holds(&hashes[id], 32));
    ck_assert_int_eq(phash_index_compact(index, 0, NULL), PHASH_OK);
    row_of(&hashes[id], row);
    ck_assert(folder_holds(row, 32));
    ck_assert_int_eq(phash_index_remove(index, &id, 1, 0, NULL, NULL), PHASH_OK);
    ck_assert(folder_holds(row, 32));
    ck_assert_int_eq(phash_index_remove(index, &id, 1, PHASH_REMOVE_ERASE, NULL, NULL), PHASH_OK);
    ck_assert(!folder_holds(row, 32));
    row_of(&hashes[id], row);
    ck_assert(!folder_holds(row, 32));
    ck_assert(!folder_holds(&hashes[id], 32));
    phash_index_free(&index);
    folder_remove();
}

START_TEST(rows_of_a_scan)
{
    erase(PHASH_INDEX_FLAT);
}
END_TEST

START_TEST(rows_of_a_multi_index)
{
    erase(PHASH_INDEX_MULTI);
}
END_TEST

/* Folds into the second level, into the base, and compacts, between changes. */
START_TEST(second_level)
{
    uint64_t state = test_seed();
    model m = {NULL, 0, 0};
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_CREATE | PHASH_INDEX_MANUAL;
    options.sync = PHASH_SYNC_NEVER;
    phash_index *index;
    folder_new();
    ck_assert_int_eq(phash_index_open(in_folder("s"), &options, &index, NULL), PHASH_OK);
    for (int round = 0; round < 24; round++) {
        uint64_t gone[30], removed, want = 0;
        for (size_t i = 0; i < 500; i++) {
            random_hash(&state, &hashes[i]);
            ids[i] = test_random(&state) % 4000;
            model_add(&m, &hashes[i], ids[i]);
        }
        ck_assert_int_eq(phash_index_add(index, hashes, ids, NULL, 500, NULL), PHASH_OK);
        pthread_mutex_lock(&index->fold_lock);
        const live_fold how = {round % 7 != 6, 1, false, false};
        ck_assert_int_eq(phash_live_fold(index, &how, NULL), PHASH_OK);
        pthread_mutex_unlock(&index->fold_lock);
        for (size_t i = 0; i < 30; i++) {
            gone[i] = test_random(&state) % 4000;
            want += model_remove(&m, gone[i]);
        }
        ck_assert_int_eq(phash_index_remove(index, gone, 30, 0, &removed, NULL), PHASH_OK);
        ck_assert_uint_eq(removed, want);
        if (round % 10 == 9)
            ck_assert_int_eq(phash_index_compact(index, 0, NULL), PHASH_OK);
        ck_assert(model_same_pairs(&m, index));
        ck_assert(model_agrees(&m, index, hashes, 20, 31));
        ck_assert(model_agrees(&m, index, hashes, 20, 100));
        if (round % 5 == 4) {
            phash_index_free(&index);
            ck_assert_int_eq(phash_index_open(in_folder("s"), &options, &index, NULL), PHASH_OK);
        }
    }
    phash_index_free(&index);
    model_free(&m);
    folder_remove();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("inside");
    TCase *t = tcase_create("inside");
    tcase_set_timeout(t, 0);
    tcase_add_test(t, rows_of_a_scan);
    tcase_add_test(t, rows_of_a_multi_index);
    tcase_add_test(t, second_level);
    suite_add_tcase(s, t);
    return test_main(s);
}
